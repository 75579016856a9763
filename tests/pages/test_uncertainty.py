"""Bayesian networks on the pages: comparison with a single network, uncertain samples, charts, other data sets."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from builder.document import Document
from pages.parts.paradigms.bayesian import out_of_distribution, predictions, uncertainty_charts
from pages.parts.theme import theme
from tests.pages.trained import chain, look, page, perceptron, store, text, train, widget
from trainers.paradigms.bayesian.predictions import out_of_distribution as predict_other
from trainers.paradigms.bayesian.predictions import predict_with_uncertainty

EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NETLOOM_HOME", str(tmp_path))
    monkeypatch.setattr(theme, "kind", lambda: "light")
    return tmp_path


def bayesian(document: Document, **paradigm: Any) -> Document:
    way = {"name": "bayesian", "method": "ensemble", "members": 2, "samples": 6, **paradigm}
    changed = document.changed(training={**document.training, "paradigm": way})
    store(changed)
    return changed


def test_points_have_an_uncertainty_surface() -> None:
    run = train(bayesian(perceptron({"name": "moons", "samples": 200}, 2)))
    shown = text(page("train"))
    assert "Calibration error" in shown and "Confidence and accuracy" in shown
    test = page("inspect")
    shown = text(test)
    headings = (
        "Comparison with a single network",
        "2 independently initialised networks",
        "Uncertainty over the plane",
    )
    for heading in (*headings, "Calibration", "Temperature", "Rejection", "Out-of-distribution samples"):
        assert heading in shown, heading
    frame = test.dataframe[0].value
    assert (np.diff(frame["entropy"].to_numpy()) <= 0).all()
    widget(test, "selectbox", f"other_data_{run.id}").set_value("noise")
    widget(test, "button_group", "uncertainty_measure").set_value("mutual information")
    assert "AUROC" in text(look(test.run()))


def test_images_the_most_uncertain_first_with_escaped_names() -> None:
    layers = {"flatten": ("Flatten", {}), "drop": ("Dropout", {"p": 0.3}), "fc": ("Linear", {"out_features": 10})}
    run = train(bayesian(chain({"name": "digits"}, **layers), method="dropout"))
    shown = text(page("inspect"))
    assert shown.count('class="nl-parts"') == predictions.SHOWN
    assert "6 passes with different dropout masks" in shown
    found = predict_with_uncertainty(run)
    assert found.distribution is not None
    evil = dataclasses.replace(found, predictions=dataclasses.replace(found.predictions, classes=(EVIL,) * 10))
    words = predictions._caption(evil, found.distribution, int(np.argmax(found.uncertainty)))
    assert "<img" not in words and "&lt;img" in words
    other = dataclasses.replace(predict_other(run, "noise"), title=EVIL)
    figure = uncertainty_charts.histograms({other.title: other.distribution.entropy}, "entropy", "state")
    assert "<img" not in figure.data[0].name
    assert out_of_distribution._confidence(other, np.arange(3), "not flagged").startswith(",")


def test_pairs_of_images_have_no_other_data_set() -> None:
    layers = {"both": ("Concat", {}), "flatten": ("Flatten", {}), "fc": ("Linear", {"out_features": 2})}
    train(bayesian(chain({"name": "digit_pairs", "samples": 300}, **layers)))
    shown = text(page("inspect"))
    assert "Comparison with a single network" in shown and "Out-of-distribution" not in shown


def test_numbers_have_intervals() -> None:
    run = train(bayesian(perceptron("diabetes", 1)))
    shown = text(page("train"))
    assert "Predictive standard deviation" in shown and "Coverage" in shown and "first values" not in shown
    shown = text(page("inspect"))
    for heading in ("90 % intervals", "Coverage", "coverage of the 90 % interval", "Rejection"):
        assert heading in shown, heading
    assert "Out-of-distribution" not in shown
    found = predict_with_uncertainty(run)
    figure = uncertainty_charts.interval_figure(found, 0, "value")
    assert {"truth", "outside", "mean"} <= {trace.name for trace in figure.data}
