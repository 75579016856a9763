"""What is predicted for one sample: probabilities as bars or the value with its unit, beside its nearest neighbours."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from pages.parts.predictions import tiles
from pages.parts.predictions.samples import raw_rows
from pages.parts.theme.escaping import escape, markdown
from trainers.data.base import DataError
from trainers.data.splits import Prepared
from trainers.runs.predictions import prepared_data, reverted_samples
from trainers.runs.run import Run
from trainers.tasks import TASKS
from trainers.tasks.base import Names
from trainers.trying.nearest import Nearest, nearest

SHARE = "probability of "
MOST = 15  # classes that are shown


def show(found: pd.Series, key: str) -> None:
    """The prediction of one sample, a row of what `run.predict` gives. `key`: of its tab."""
    shares = {str(name).removeprefix(SHARE): float(found[name]) for name in found.index if str(name).startswith(SHARE)}
    others = {str(name): found[name] for name in found.index if not str(name).startswith(SHARE)}
    for name, value in others.items():
        st.metric(markdown(name), value if isinstance(value, str) else f"{float(value):,.4g}")
    if shares:
        ranked = sorted(shares.items(), key=lambda item: -item[1])[:MOST]
        bar = st.column_config.ProgressColumn(format="percent", min_value=0.0, max_value=1.0)
        table = pd.DataFrame(ranked, columns=["class", "probability"])
        st.dataframe(table, hide_index=True, column_config={"probability": bar}, key=f"{key}_shares")


def formats(table: pd.DataFrame) -> dict[str, Any]:
    """How a table of predictions is drawn: probabilities with three digits. Downloads have all of them."""
    shares = (str(name) for name in table.columns if str(name).startswith(SHARE))
    return {name: st.column_config.NumberColumn(format="%.3f") for name in shares}


def show_nearest(run: Run, raw: tuple[NDArray[Any], ...], key: str) -> None:
    """The nearest training samples of one sample, with their targets and their distances. `key`: of its tab."""
    try:
        dataset, prepared = run.job.dataset, prepared_data(run)
        found = nearest(run, raw)
    except DataError as error:
        st.caption(markdown(f"The nearest training samples cannot be shown. {error}"))
        return
    targets = prepared.training.targets[found.places].numpy()
    if prepared.target_standardisation is not None:
        targets = prepared.target_standardisation.revert(targets)
    names = Names(dataset.classes, dataset.target_names)
    whole = len(prepared.training)
    some = "" if found.compared == whole else f" Compared are {found.compared:,} of {whole:,}, evenly spaced."
    st.caption(markdown(f"The nearest training samples, {found.how}.{some}"))
    if dataset.input_columns():
        _rows(run, prepared, found, TASKS[prepared.task].columns(targets, names), key)
    else:
        words = [TASKS[prepared.task].words(target, names) for target in targets]
        st.html(_tiles(run, prepared, found, words))


def _rows(run: Run, prepared: Prepared, found: Nearest, targets: dict[str, Any], key: str) -> None:
    dataset = run.job.dataset
    columns: dict[str, Any] = {"distance": found.distances}
    columns |= {f"true {name}": values for name, values in targets.items()}
    rows = raw_rows(dataset, prepared.training.indices[found.places])
    table = pd.DataFrame(columns)
    if rows is not None:
        table = pd.concat([table, rows.reset_index(names="row")], axis=1)
    elif dataset.feature_names:
        inputs = reverted_samples(prepared, prepared.training, found.places)[0]
        table = pd.concat([table, pd.DataFrame(inputs, columns=list(dataset.feature_names))], axis=1)
    st.dataframe(table, hide_index=True, key=f"{key}_nearest")


def _tiles(run: Run, prepared: Prepared, found: Nearest, words: list[str]) -> str:
    """The samples drawn, the nearest first; below each what is true of it, and its distance."""
    dataset, indices = run.job.dataset, prepared.training.indices[found.places]
    inputs = reverted_samples(prepared, prepared.training, found.places)
    ranges = tiles.ranges_of(inputs)
    names = dataset.sample_names(indices) or [f"sample {index:,} of the data set" for index in indices.tolist()]
    sounds = dataset.sounds(indices) if dataset.kind == "sound" else []
    figures = []
    for number, (word, distance, name) in enumerate(zip(words, found.distances, names, strict=True)):
        drawing = tiles.drawing(dataset, [given[number] for given in inputs], ranges, dataset.vocabularies)
        drawing += tiles.player(sounds[number], dataset.sample_rate) if sounds else ""
        below = f"<b>{escape(word)}</b><small>{escape(name)}</small><small>distance {distance:.3g}</small>"
        figures.append(f'<figure title="{escape(name)}">{drawing}<figcaption>{below}</figcaption></figure>')
    room = "medium" if dataset.kind == "image" else "large"
    return f'<div class="nl-tiles nl-{room}">{"".join(figures)}</div>'
