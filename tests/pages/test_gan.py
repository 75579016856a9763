"""The pages of a GAN: cards while it trains, samples and scores of the trained networks, both parts on Export."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pages.parts.paradigms import gan
from pages.parts.training import run_data
from tests.pages import trained
from tests.trainers.small_gan import small_gan
from trainers.events import Snapshot
from trainers.runs.run import Run


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETLOOM_HOME", str(tmp_path))


@pytest.fixture
def run() -> Run:
    return trained.train(small_gan(conditional=True))


def test_train_shows_samples_losses_and_accuracy(run: Run) -> None:
    page = trained.page("train", run=run.id)
    text = trained.text(page)
    assert all(title in text for title in ("Generated samples", "Two losses", "Discriminator accuracy"))
    assert "sliced Wasserstein distance" in text and "generator" in text
    curve = run_data.read(run).curves["training", "step_accuracy_real"]
    assert list(curve.step) == sorted(curve.step)


def test_inspect_shows_samples_of_one_class_and_an_interpolation(run: Run) -> None:
    page = trained.page("inspect", run=run.id)
    text = trained.text(page)
    assert all(title in text for title in ("Generated samples", "Interpolation", "Discriminator scores"))
    trained.widget(page, "number_input", f"generated_seed_{run.id}").set_value(7)
    trained.widget(page, "slider", f"generated_temperature_{run.id}").set_value(0.5)
    trained.widget(page, "selectbox", f"generated_class_{run.id}").set_value(1)
    trained.look(page.run())


def test_the_table_of_runs_shows_the_lowest_distance(run: Run) -> None:
    metrics = run.metrics()
    values = metrics[(metrics.split == "validation") & (metrics.metric == "sliced_wasserstein")].value
    page = trained.page("runs")
    assert f"sliced Wasserstein distance {values.min():.3f}" in str(page.dataframe[0].value.to_dict())


def test_export_offers_both_networks(run: Run) -> None:
    page = trained.page("export", run=run.id)
    offered = [str(item.options) for kind in ("selectbox", "radio", "segmented_control") for item in page.get(kind)]
    assert any("Generator" in options and "Discriminator" in options for options in offered), offered


def test_images_points_and_curves_are_rendered() -> None:
    corners = np.array([[-1.0, -1.0], [1.0, 1.0]], np.float32)
    points = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)
    arrays = {"real": points, "fake": points, "corners": corners, "field": np.eye(5, dtype=np.float32)}
    figure = gan.points_figure(Snapshot(1, "generated_samples", arrays), "state")
    assert [trace.name for trace in figure.data][1:] == ["real", "generated"]
    assert figure.data[0].z.min() == 0.0 and figure.data[0].z.max() == 1.0
    assert gan.grid(np.zeros((20, 1, 8, 8), np.float32), 10).count("<img") == 1
    assert gan.grid(np.zeros((3, 12), np.float32), 10).count("<img") == 3
