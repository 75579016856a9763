"""The pages about a GAN: its cards while it trains, what its trained generator draws, what can be taken home."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pages.parts.paradigms.gan import live as run_gan
from pages.parts.training import run_data
from tests.pages import trained
from tests.trainers.rivals import rivals
from trainers.events import Snapshot
from trainers.runs.run import Run


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETLOOM_HOME", str(tmp_path))


@pytest.fixture
def run() -> Run:
    return trained.train(rivals(asked=True))


def test_train_shows_what_it_draws_and_both_sides(run: Run) -> None:
    page = trained.page("train", run=run.id)
    said = trained.text(page)
    assert "What it draws" in said and "Two losses" in said and "Told apart" in said
    assert "distance to the data" in said and "generator" in said
    live = run_data.read(run)
    assert ("training", "step_accuracy_real") in live.curves
    assert list(live.curves["training", "step_accuracy_real"].step) == sorted(
        live.curves["training", "step_accuracy_real"].step
    )


def test_inspect_draws_samples_of_one_class_and_walks(run: Run) -> None:
    page = trained.page("inspect", run=run.id)
    assert all(words in trained.text(page) for words in ("Samples", "A walk", "What the discriminator says"))
    trained.widget(page, "number_input", f"drawn_seed_{run.id}").set_value(7)
    trained.widget(page, "slider", f"drawn_temperature_{run.id}").set_value(0.5)
    trained.widget(page, "selectbox", f"drawn_class_{run.id}").set_value(1)
    trained.look(page.run())


def test_the_table_of_runs_shows_the_lowest_distance(run: Run) -> None:
    metrics = run.metrics()
    told = metrics[(metrics.split == "validation") & (metrics.metric == "sliced_wasserstein")].value
    page = trained.page("runs")
    assert f"distance to the data {told.min():.3f}" in str(page.dataframe[0].value.to_dict())


def test_export_offers_both_sides(run: Run) -> None:
    page = trained.page("export", run=run.id)
    offered = [str(item.options) for kind in ("selectbox", "radio", "segmented_control") for item in page.get(kind)]
    assert any("Generator" in options and "Discriminator" in options for options in offered), offered


def test_pictures_points_and_curves_are_drawn() -> None:
    corners = np.array([[-1.0, -1.0], [1.0, 1.0]], np.float32)
    points = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)
    scene = Snapshot(
        1,
        "generated_samples",
        {"real": points, "fake": points, "corners": corners, "field": np.eye(5, dtype=np.float32)},
    )
    figure = run_gan.points_figure(scene, "state")
    assert [trace.name for trace in figure.data][1:] == ["real", "drawn"]
    assert figure.data[0].z.min() == 0.0 and figure.data[0].z.max() == 1.0
    assert run_gan.drawn(np.zeros((20, 1, 8, 8), np.float32), 10).count("<img") == 1
    assert run_gan.drawn(np.zeros((3, 12), np.float32), 10).count("<img") == 3
