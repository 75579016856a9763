"""Autoencoders on the pages: reconstructions, the latent space, interpolation, sliders, new samples, anomalies."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from builder.document import Edge, Node
from builder.edits import AddNode, Connect, Disconnect, apply_all
from pages.parts.paradigms.autoencoder import latent_space, live, reconstructions
from pages.parts.theme import theme
from tests.pages.trained import button, look, page, store, text, train, widget
from tests.trainers.latent import autoencoder
from trainers.paradigms.autoencoder.reconstructions import AnomalyDetection, Reconstructions
from trainers.paradigms.autoencoder.reconstructions import reconstruct as reconstructions_of

EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NETLOOM_HOME", str(tmp_path))
    monkeypatch.setattr(theme, "kind", lambda: "light")
    return tmp_path


def test_a_variational_run_from_its_reconstructions_to_new_samples() -> None:
    document = autoencoder(draw=True)
    store(document)
    run = train(document)
    shown = text(page("train"))
    assert "Reconstructions" in shown and "validation samples" in shown and "KL per latent dimension" in shown
    test = page("inspect")
    shown = text(test)
    for heading in ("New samples", "Latent space", "Interpolation", "Decode a code", "nats"):
        assert heading in shown, heading
    before = shown.count("nl-sheet")
    widget(test, "selectbox", f"interpolate_to_{run.id}validation").set_value(7)
    widget(test, "slider", f"latent_{run.id}_2").set_value(0.5)
    button(test, "sample_prior").click()
    assert text(look(test.run())).count("nl-sheet") == before
    button(test, "interpolate_others").click()
    button(test, "decode_reset").click()
    look(test.run())
    assert test.session_state[f"prior_seed_{run.id}"] == 1


def test_a_code_of_two_numbers_has_a_decoded_plane_and_a_click_continues_the_interpolation() -> None:
    document = autoencoder(code=2)
    store(document)
    run = train(document)
    test = page("inspect")
    assert "Decoded plane" in text(test) and "the codes as they are" in text(test)
    found = reconstructions_of(run)
    sessions = test.session_state
    with patch.object(latent_space.st, "session_state", sessions):
        for wrong in ("0", -1, 10**9, None, True):
            latent_space._picked(run, "validation", found, wrong)
        before = sessions[f"interpolate_to_{run.id}validation"]
        latent_space._picked(run, "validation", found, 5)
    assert (sessions[f"interpolate_from_{run.id}validation"], sessions[f"interpolate_to_{run.id}validation"]) == (
        before,
        5,
    )
    look(test.run())


def test_anomalies_are_in_the_test_split_alone() -> None:
    document = autoencoder(paradigm={"anomaly_class": "0", "noise": "masking"}, code=6)
    store(document)
    train(document)
    test = page("inspect")
    assert "choose test above" in text(test) and "noisy input" in text(test)
    widget(test, "segmented_control", "inspected_split").set_value("test")
    shown = text(look(test.run()))
    assert "Anomaly detection" in shown and "AUROC" in shown and "Error of each class" in shown
    assert "with noise: the input" in text(page("train"))


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
    images = np.zeros((3, 1, 2, 2), np.float32)
    values: dict[str, object] = {
        "split": "test",
        "originals": images,
        "noisy": None,
        "reconstructions": images,
        "errors": np.ones(3, np.float32),
        "clean_errors": np.float32([1, 2, 3]),
        "codes": None,
        "labels": np.array([0, 1, 1]),
        "classes": (EVIL, "b"),
        "excluded_class": 0,
        "explained_variance": 0.5,
        "kl_per_dimension": None,
    }
    return Reconstructions(**{**values, **fields})  # type: ignore[arg-type]


def test_names_of_classes_are_escaped() -> None:
    assert "<img src=x" not in reconstructions.tiles(small(), np.arange(3))
    points, labels = np.zeros((3, 2), np.float32), np.array([0, 1, 1])
    found = AnomalyDetection(*[np.float32([0, 1])] * 2, 0.5, *[np.float32([0, 1])] * 2)
    figures = [
        live.scatter(points, labels, (EVIL, "b"), ("x", "y"), "state", [EVIL] * 3, (0, 1)),
        reconstructions.errors_by_class(small()),
        reconstructions.error_histogram(found, EVIL),
        reconstructions.roc_figure(found, EVIL),
    ]
    assert all("<img" not in figure.to_json() for figure in figures)


def test_inactive_dimensions_are_grey() -> None:
    bars = live.bars(np.array([2.0, 0.001]), "state").data[0]
    assert bars.marker.color[0] != bars.marker.color[1]


def test_a_run_without_a_decoder_has_its_other_views() -> None:
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
    assert "cannot run on its own" in shown and "Latent space" in shown and "Interpolation" not in shown
