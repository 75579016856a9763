"""Autoencoders on the pages: likenesses while they train, the latent space, a walk, sliders, new samples, anomalies."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from builder.document import Edge, Node
from builder.edits import AddNode, Connect, Disconnect, apply_all
from pages.parts.paradigms.autoencoder import anomaly, latent_space, live, reconstructions
from pages.parts.theme import theme
from tests.pages.trained import button, look, page, store, text, train, widget
from tests.trainers.latent import autoencoder
from trainers.paradigms.autoencoder.reconstructions import Detection, Reconstructions
from trainers.paradigms.autoencoder.reconstructions import reconstruct as reconstructions_of

EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NETLOOM_HOME", str(tmp_path))
    monkeypatch.setattr(theme, "kind", lambda: "light")
    return tmp_path


def test_a_variational_run_from_its_first_likeness_to_new_samples() -> None:
    document = autoencoder(draw=True)
    store(document)
    run = train(document)
    shown = text(page("train"))
    assert "Reconstructions" in shown and "given back" in shown and "KL of each axis" in shown
    test = page("inspect")
    shown = text(test)
    for heading in ("New samples", "Latent space", "A walk through", "A sample by hand", "nats"):
        assert heading in shown, heading
    before = shown.count("nl-sheet")
    widget(test, "selectbox", f"walk_to_{run.id}validation").set_value(7)
    widget(test, "slider", f"latent_{run.id}_2").set_value(0.5)
    button(test, "prior_draw").click()
    assert text(look(test.run())).count("nl-sheet") == before
    button(test, "walk_other").click()
    button(test, "latent_reset").click()
    look(test.run())
    assert test.session_state[f"prior_seed_{run.id}"] == 1


def test_a_code_of_two_numbers_is_drawn_as_a_plane_and_a_click_goes_on_from_there() -> None:
    document = autoencoder(code=2)
    store(document)
    run = train(document)
    test = page("inspect")
    assert "The whole plane, decoded" in text(test) and "the codes as they are" in text(test)
    found = reconstructions_of(run)
    sessions = test.session_state
    with patch.object(latent_space.st, "session_state", sessions):
        for wrong in ("0", -1, 10**9, None, True):
            latent_space._picked(run, "validation", found, wrong)
        before = sessions[f"walk_to_{run.id}validation"]
        latent_space._picked(run, "validation", found, 5)
    assert (sessions[f"walk_from_{run.id}validation"], sessions[f"walk_to_{run.id}validation"]) == (before, 5)
    look(test.run())


def test_an_anomaly_is_in_the_test_part_alone() -> None:
    document = autoencoder(paradigm={"anomaly": "0", "noise": "masking"}, code=6)
    store(document)
    train(document)
    test = page("inspect")
    assert "choose test above" in text(test) and "with noise" in text(test)
    widget(test, "segmented_control", "inspected_part").set_value("test")
    shown = text(look(test.run()))
    assert "Anomalies found by their error" in shown and "AUROC" in shown and "Error of each class" in shown
    assert "with noise on it" in text(page("train"))


def test_tables_and_points_have_views_too() -> None:
    for document in (
        autoencoder(shape=(4,), data="iris", end="", code=1),
        autoencoder(shape=(2,), data="moons", end="", code=3),
    ):
        store(document)
        run = train(document)
        for name in ("train", "inspect"):
            shown = text(page(name, run=run.id))
            assert "Latent space" in shown and "Reconstructions" in shown
        assert len(page("inspect", run=run.id).dataframe)


def small(**fields: object) -> Reconstructions:
    picture = np.zeros((3, 1, 2, 2), np.float32)
    values: dict[str, object] = {
        "split": "test", "originals": picture, "given": None, "likenesses": picture, "off": np.ones(3, np.float32),
        "errors": np.float32([1, 2, 3]), "codes": None, "labels": np.array([0, 1, 1]), "classes": (EVIL, "b"),
        "kept_out": 0, "share": 0.5, "active_units": None,
    }  # fmt: skip
    return Reconstructions(**{**values, **fields})  # type: ignore[arg-type]


def test_names_of_classes_are_escaped() -> None:
    assert "<img src=x" not in reconstructions.tiles(small(), np.arange(3))
    places, labels = np.zeros((3, 2), np.float32), np.array([0, 1, 1])
    figures = [
        live.scatter(places, labels, (EVIL, "b"), ("x", "y"), "state", [EVIL] * 3, (0, 1)),
        anomaly.by_class(small()),
        anomaly.histogram(Detection(*[np.float32([0, 1])] * 2, 0.5, *[np.float32([0, 1])] * 2), EVIL),
        anomaly.roc_figure(Detection(*[np.float32([0, 1])] * 2, 0.5, *[np.float32([0, 1])] * 2), EVIL),
    ]
    assert all("<img" not in figure.to_json() for figure in figures)


def test_idle_axes_are_grey() -> None:
    bars = live.bars(np.array([2.0, 0.001]), "state").data[0]
    assert bars.marker.color[0] != bars.marker.color[1]


def test_a_run_whose_decoder_cannot_run_alone_has_its_other_views() -> None:
    document = autoencoder(draw=True)
    around = [
        AddNode(Node(name="around", type="Linear", params={"out_features": 24})),
        AddNode(Node(name="add", type="Add")),
    ]
    wires = [("bend1", "around"), ("around", "add"), ("decoder", "add"), ("add", "bend2")]
    edits = [*around, Disconnect(Edge(source="decoder", target="bend2"))]
    document = apply_all(document, edits + [Connect(Edge(source=one, target=other)) for one, other in wires])
    store(document)
    train(document)
    shown = text(page("inspect"))
    assert "cannot run by itself" in shown and "Latent space" in shown and "A walk through" not in shown
