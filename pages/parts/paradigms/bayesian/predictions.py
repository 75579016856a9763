"""Predictions of a Bayesian network with their uncertainty: compared with a single network, and sample by sample."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from pages.parts.predictions import samples as run_samples
from pages.parts.predictions import tiles
from pages.parts.theme import charts
from pages.parts.theme.escaping import escape
from pages.parts.training import run_summary
from pages.parts.views import panel
from trainers.events import SplitName
from trainers.paradigms.bayesian import evaluation
from trainers.paradigms.bayesian.evaluation import PredictiveDistribution
from trainers.paradigms.bayesian.predictions import UncertainPredictions, paradigm_of, predict_with_uncertainty
from trainers.runs.run import Run

METHODS = {
    "dropout": "{samples} passes with different dropout masks",
    "ensemble": "{members} independently initialised networks",
    "weights": "{samples} samples of the weights",
}
ROWS = 1000
SHOWN = 16  # tiles on a page
Row = tuple[str, list[float], bool | None]  # label, of the mean prediction and of a single network, higher is better


def method_of(run: Run) -> str:
    """In a few words what the predictions are made with."""
    options = paradigm_of(run)
    return METHODS[options.method].format(samples=options.samples, members=options.members)


@panel("top")
def uncertainty_summary(run: Run, split: SplitName) -> None:
    """Metrics of the mean prediction beside those of a single network."""
    found = predict_with_uncertainty(run, split)
    with charts.card("uncertainty_summary"):
        charts.heading("Comparison with a single network", f"the mean prediction of {method_of(run)}")
        rows = _class_rows(found, found.distribution) if found.distribution is not None else _number_rows(found)
        head = "".join(f"<th>{escape(label)}</th>" for label, *_ in rows)
        body = "".join(
            f"<tr><td>{name}</td>{''.join(_cell(row, column) for row in rows)}</tr>"
            for column, name in enumerate(("mean prediction", "single network"))
        )
        st.html(f'<table class="nl-small-table nl-compared"><tr><th></th>{head}</tr>{body}</table>')
        count = len(found.predictions.targets)
        st.html(f'<div class="nl-note">{count:,} {escape(split)} samples. The better value is bold.</div>')


def _class_rows(found: UncertainPredictions, distribution: PredictiveDistribution) -> list[Row]:
    truth = found.predictions.targets
    both = (distribution.mean, found.single)
    return [
        ("accuracy", [float((each.argmax(axis=1) == truth).mean()) for each in both], True),
        ("mean confidence", [float(each.max(axis=1).mean()) for each in both], None),
        ("calibration error", [evaluation.calibration_error(each, truth) for each in both], False),
        ("negative log-likelihood", [evaluation.negative_log_likelihood(each, truth) for each in both], False),
    ]


def _number_rows(found: UncertainPredictions) -> list[Row]:
    assert found.single_noise_std is not None
    truth = found.predictions.targets
    single = (found.single, np.broadcast_to(found.single_noise_std, truth.shape))
    both = [(found.predictions.predicted, found.total_std), single]
    return [
        ("root mean squared error", [float(np.sqrt(((mean - truth) ** 2).mean())) for mean, _ in both], False),
        ("coverage of the 90 % interval", [evaluation.coverage(mean, std, truth) for mean, std in both], None),
        ("negative log-likelihood", [evaluation.normal_log_loss(mean, std, truth) for mean, std in both], False),
    ]


def _cell(row: Row, column: int) -> str:
    _, values, up = row
    value, other = values[column], values[1 - column]
    better = up is not None and value != other and (value > other) == up
    shown = run_summary.number(value)
    return f"<td>{f'<b>{shown}</b>' if better else shown}</td>"


@panel("left")
def uncertain_samples(run: Run, split: SplitName) -> None:
    """The samples, the most uncertain first."""
    found = predict_with_uncertainty(run, split)
    with charts.card("uncertain_samples"):
        charts.heading("Samples", "the most uncertain first")
        order = np.argsort(-found.uncertainty, kind="stable")
        distribution = found.distribution
        if distribution is None or found.predictions.kind in ("table", "points"):
            return _table(found, order[:ROWS])
        shown = run_samples.page_of(order, SHOWN, f"uncertain{run.id}{split}")
        html = tiles.tiles(
            run.job.dataset, found.predictions, shown, lambda index: _caption(found, distribution, index)
        )
        st.html(
            '<div class="nl-key"><i class="nl-part-a"></i>disagreement between predictions (mutual information) '
            '<i class="nl-part-b"></i>uncertainty of every single prediction</div>' + html
        )
    return None


def _caption(found: UncertainPredictions, distribution: PredictiveDistribution, index: int) -> str:
    """Below a tile: the class with its mean probability and standard deviation, and the two parts of the entropy."""
    names, truth = found.predictions.classes, int(found.predictions.targets[index])
    predicted = int(distribution.predicted[index])
    confidence, std = distribution.confidence[index], distribution.std[index]
    true = f"is {escape(names[truth][:18])}" if predicted != truth else "correct"
    entropy, information = float(distribution.entropy[index]), float(distribution.mutual_information[index])
    most = math.log(distribution.mean.shape[1])
    parts = "".join(
        f'<i class="nl-part-{letter}" style="width: {100 * value / most:.1f}%"></i>'
        for letter, value in (("a", information), ("b", max(entropy - information, 0.0)))
    )
    return (
        f"<b>{escape(names[predicted][:18])} · {confidence:.0%} ± {100 * std:.0f}</b><small>{true}</small>"
        f'<span class="nl-parts" title="entropy {entropy:.3f} of at most {most:.3f} nats">{parts}</span>'
        f"<small>entropy {entropy:.2f} · MI {information:.2f}</small>"
    )


def _table(found: UncertainPredictions, some: NDArray[np.int64]) -> None:
    """Points and rows of tables, as numbers."""
    given, distribution = found.predictions, found.distribution
    columns: dict[str, object] = {}
    settings: dict[str, object] = {}
    if distribution is not None:
        names = np.array(given.classes, dtype=object)
        columns = {
            "": np.where(given.wrong[some], "✗", ""),
            "true": names[given.targets[some]],
            "predicted": names[distribution.predicted[some]],
            "confidence": distribution.confidence[some],
            "standard deviation": distribution.std[some],
            "entropy": distribution.entropy[some],
            "mutual information": distribution.mutual_information[some],
        }
        settings["confidence"] = st.column_config.ProgressColumn(format="percent", min_value=0.0, max_value=1.0)
    else:
        assert found.std is not None
        for place, name in enumerate(given.target_names or ("value",)):
            before = f"{name}, " if given.targets.shape[1] > 1 else ""
            columns[f"{before}true"] = given.targets[some, place]
            columns[f"{before}mean"] = given.predicted[some, place]
            columns[f"{before}standard deviation"] = found.std[some, place]
            columns[f"{before}with noise"] = found.total_std[some, place]
    flat = np.concatenate([values[some].reshape(len(some), -1) for values in given.inputs], axis=1)
    features = given.features or tuple(f"input {number}" for number in range(flat.shape[1]))
    columns |= {name: flat[:, place] for place, name in enumerate(features) if place < flat.shape[1]}
    words = {"", "confidence", "true", "predicted"} if distribution is not None else set()
    settings |= {name: st.column_config.NumberColumn(format="%.4g") for name in columns if name not in words}
    st.dataframe(pd.DataFrame(columns), hide_index=True, height=980, column_config=settings, key="uncertain_table")
