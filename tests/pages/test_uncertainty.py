"""Bayesian networks on the pages: what several answers buy, the uncertain first, doubt over the plane, strangers."""

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
from trainers.paradigms.bayesian.predictions import believed, strangers

EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NETLOOM_HOME", str(tmp_path))
    monkeypatch.setattr(theme, "kind", lambda: "light")
    return tmp_path


def bayesian(document: Document, **paradigm: Any) -> Document:
    way = {"name": "bayesian", "method": "ensemble", "members": 2, "draws": 6, **paradigm}
    changed = document.changed(training={**document.training, "paradigm": way})
    store(changed)
    return changed


def test_points_from_training_to_doubt() -> None:
    run = train(bayesian(perceptron({"name": "moons", "samples": 200}, 2)))
    shown = text(page("train"))
    assert "Calibration error" in shown and "Confidence and accuracy" in shown
    test = page("inspect")
    shown = text(test)
    for heading in ("What it buys", "2 networks", "Doubt over the plane", "Calibration", "Temperature", "Strangers"):
        assert heading in shown, heading
    frame = test.dataframe[0].value
    assert (np.diff(frame["entropy"].to_numpy()) <= 0).all()
    widget(test, "selectbox", f"strangers_{run.id}").set_value("noise")
    widget(test, "button_group", "doubts_figure").set_value("mutual information")
    assert "AUROC" in text(look(test.run()))


def test_pictures_the_uncertain_first_with_names_that_are_no_code() -> None:
    layers = {"flatten": ("Flatten", {}), "drop": ("Dropout", {"p": 0.3}), "fc": ("Linear", {"out_features": 10})}
    run = train(bayesian(chain({"name": "digits"}, **layers), method="dropout"))
    shown = text(page("inspect"))
    assert shown.count('class="nl-parts"') == predictions.SHOWN
    assert "6 draws, each with other units left out" in shown
    found = believed(run)
    assert found.beliefs is not None
    named = dataclasses.replace(found, found=dataclasses.replace(found.found, classes=(EVIL,) * 10))
    words = predictions._words(named, found.beliefs, int(np.argmax(found.doubt)))
    assert "<img" not in words and "&lt;img" in words
    other = dataclasses.replace(strangers(run, "noise"), title=EVIL)
    figure = uncertainty_charts.histograms({other.title: other.beliefs.entropy}, "entropy", "state")
    assert "<img" not in figure.data[0].name
    assert out_of_distribution._names(other, np.arange(3), "pass unnoticed").startswith(",")


def test_two_pictures_at_a_time_have_no_strangers() -> None:
    layers = {"both": ("Concat", {}), "flatten": ("Flatten", {}), "fc": ("Linear", {"out_features": 2})}
    train(bayesian(chain({"name": "digit_pairs", "samples": 300}, **layers)))
    shown = text(page("inspect"))
    assert "What it buys" in shown and "Strangers" not in shown


def test_numbers_have_intervals() -> None:
    run = train(bayesian(perceptron("diabetes", 1)))
    shown = text(page("train"))
    assert "Spread of the draws" in shown and "Coverage" in shown and "first epoch" not in shown
    shown = text(page("inspect"))
    for heading in ("Intervals of 90 %", "Coverage", "in the 90 % interval", "Leaving out"):
        assert heading in shown, heading
    assert "Strangers" not in shown
    found = believed(run)
    figure = uncertainty_charts.interval_figure(found, 0, "value")
    assert {"truth", "outside", "mean"} <= {trace.name for trace in figure.data}
