"""How sure a Bayesian network is: its mean answer beside one network alone; its samples, the most uncertain first."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import streamlit as st

from pages.parts.predictions import samples as run_samples
from pages.parts.predictions import tiles
from pages.parts.theme import charts
from pages.parts.theme.escaping import escape
from pages.parts.training import run_summary
from pages.parts.views import panel
from trainers.events import SplitName
from trainers.paradigms.bayesian import uncertainty
from trainers.paradigms.bayesian.predictions import Believed, believed
from trainers.paradigms.bayesian.uncertainty import Beliefs
from trainers.runs.run import Run

DRAWN = {
    "dropout": "{draws} draws, each with other units left out",
    "ensemble": "{members} networks, each from a start of its own",
    "weights": "{draws} draws of all weights",
}
ROWS = 1000
SHOWN = 16  # tiles on a page


def told(run: Run) -> str:
    """In a few words what differs from answer to answer."""
    way = run.job.paradigm
    words = DRAWN[getattr(way, "method", "dropout")]
    return words.format(draws=getattr(way, "draws", 0), members=getattr(way, "members", 0))


@panel("top")
def uncertainty_summary(run: Run, part: SplitName) -> None:
    """What asking several times buys: the scores of the mean answer beside those of one network alone."""
    found = believed(run, part)
    with charts.card("beliefs"):
        charts.heading("What it buys", f"the mean of {told(run)}, beside one network alone")
        rows = _class_rows(found) if found.beliefs is not None else _number_rows(found)
        head = "".join(f"<th>{escape(label)}</th>" for label, *_ in rows)
        lines = ("mean of the draws", 1), ("one network alone", 2)
        body = "".join(
            f"<tr><td>{name}</td>{''.join(_cell(row, column) for row in rows)}</tr>" for name, column in lines
        )
        st.html(f'<table class="nl-small-table nl-compared"><tr><th></th>{head}</tr>{body}</table>')
        count, whole = len(found.found.targets), escape(part)
        st.html(f'<div class="nl-note">Over {count:,} {whole} samples. The better of each two is bold.</div>')


Row = tuple[str, float, float, bool | None]  # label, of the mean, of one alone, whether higher is better


def _class_rows(found: Believed) -> list[Row]:
    beliefs, alone, truth = found.beliefs, found.alone, found.found.targets
    assert beliefs is not None
    both = (beliefs.mean, alone)
    rows: list[tuple[str, list[float], bool | None]] = [
        ("accuracy", [float((each.argmax(axis=1) == truth).mean()) for each in both], True),
        ("mean confidence", [float(each.max(axis=1).mean()) for each in both], None),
        ("calibration error", [uncertainty.calibration_error(each, truth) for each in both], False),
        ("negative log-likelihood", [uncertainty.surprise(each, truth) for each in both], False),
    ]
    return [(label, *values, up) for label, values, up in rows]  # type: ignore[misc]


def _number_rows(found: Believed) -> list[Row]:
    assert found.scatter is not None and found.alone_scatter is not None
    truth, total = found.found.targets, found.total
    both = [(found.found.predicted, total), (found.alone, np.broadcast_to(found.alone_scatter, truth.shape))]
    rows: list[tuple[str, list[float], bool | None]] = [
        ("root mean squared error", [float(np.sqrt(((mean - truth) ** 2).mean())) for mean, _ in both], False),
        ("in the 90 % interval", [uncertainty.coverage(mean, wide, truth) for mean, wide in both], None),
        ("negative log-likelihood", [uncertainty.surprise_of_numbers(mean, wide, truth) for mean, wide in both], False),
    ]
    return [(label, *values, up) for label, values, up in rows]  # type: ignore[misc]


def _cell(row: Row, column: int) -> str:
    mine, other, up = float(row[column]), float(row[3 - column]), row[3]  # type: ignore[arg-type]
    better = up is not None and mine != other and (mine > other) == up
    shown = run_summary.number(mine)
    return f"<td>{f'<b>{shown}</b>' if better else shown}</td>"


@panel("left")
def uncertain_samples(run: Run, part: SplitName) -> None:
    """The samples, the most uncertain first."""
    found = believed(run, part)
    with charts.card("uncertain"):
        charts.heading("Samples", "the most uncertain first")
        order = np.argsort(-found.doubt, kind="stable")
        if found.beliefs is None or found.found.kind in ("table", "points"):
            return _table(found, order[:ROWS])
        shown = run_samples.page_of(order, SHOWN, f"uncertain{run.id}{part}")
        beliefs = found.beliefs
        html = tiles.tiles(run.job.dataset, found.found, shown, lambda index: _words(found, beliefs, index))
        st.html(
            '<div class="nl-key"><i class="nl-part-a"></i>draws contradict each other (mutual information) '
            '<i class="nl-part-b"></i>each of them is unsure</div>' + html
        )
    return None


def _words(found: Believed, beliefs: Beliefs, index: int) -> str:
    """What stands under a tile: the class with its mean probability and spread, and the two parts of the entropy."""
    names, truth = found.found.classes, int(found.found.targets[index])
    named = int(beliefs.named[index])
    said = f"{escape(names[named][:18])} · {beliefs.confidence[index]:.0%} ± {100 * beliefs.spread[index]:.0f}"
    true = f"is {escape(names[truth][:18])}" if named != truth else "right"
    entropy, information = float(beliefs.entropy[index]), float(beliefs.information[index])
    most = math.log(beliefs.mean.shape[1])
    parts = "".join(
        f'<i class="nl-part-{letter}" style="width: {100 * value / most:.1f}%"></i>'
        for letter, value in (("a", information), ("b", max(entropy - information, 0.0)))
    )
    return (
        f"<b>{said}</b><small>{true}</small>"
        f'<span class="nl-parts" title="entropy {entropy:.3f} of at most {most:.3f} nats">{parts}</span>'
        f"<small>entropy {entropy:.2f} · inf. {information:.2f}</small>"
    )


def _table(found: Believed, some: np.ndarray) -> None:  # type: ignore[type-arg]
    """Points and rows of tables: no picture says more than their numbers."""
    given, columns = found.found, {}
    settings: dict[str, object] = {}
    if found.beliefs is not None:
        names = np.array(given.classes, dtype=object)
        columns = {
            "": np.where(given.wrong[some], "✗", ""), "true": names[given.targets[some]],
            "named": names[found.beliefs.named[some]], "confidence": found.beliefs.confidence[some],
            "predictive_std": found.beliefs.spread[some], "entropy": found.beliefs.entropy[some],
            "mutual information": found.beliefs.information[some],
        }  # fmt: skip
        settings["confidence"] = st.column_config.ProgressColumn(format="percent", min_value=0.0, max_value=1.0)
    else:
        assert found.spread is not None
        for place, name in enumerate(given.targets_named or ("value",)):
            before = f"{name}, " if given.targets.shape[1] > 1 else ""
            columns[f"{before}true"] = given.targets[some, place]
            columns[f"{before}mean"] = given.predicted[some, place]
            columns[f"{before}spread of draws"] = found.spread[some, place]
            columns[f"{before}whole spread"] = found.total[some, place]
    flat = np.concatenate([values[some].reshape(len(some), -1) for values in given.inputs], axis=1)
    features = given.features or tuple(f"input {number}" for number in range(flat.shape[1]))
    columns |= {name: flat[:, place] for place, name in enumerate(features) if place < flat.shape[1]}
    settings |= {
        name: st.column_config.NumberColumn(format="%.4g") for name in columns if name not in ("", "confidence")
    }
    text = {name: value for name, value in settings.items() if name not in ("true", "named")}
    st.dataframe(pd.DataFrame(columns), hide_index=True, height=980, column_config=text, key="uncertain_table")
