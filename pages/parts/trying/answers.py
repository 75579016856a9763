"""What is predicted for one sample: probabilities as bars or the value with its unit, beside its nearest neighbours."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from pages.parts.theme.escaping import markdown
from trainers.runs.predictions import prepared_data
from trainers.runs.run import Run
from trainers.tasks import TASKS
from trainers.tasks.base import Names
from trainers.trying.nearest import HOW, nearest

SHARE = "probability of "
MOST = 15  # classes that are shown


def show(found: pd.Series) -> None:
    """The prediction of one sample, a row of what `run.predict` gives."""
    shares = {str(name).removeprefix(SHARE): float(found[name]) for name in found.index if str(name).startswith(SHARE)}
    others = {str(name): found[name] for name in found.index if not str(name).startswith(SHARE)}
    for name, value in others.items():
        st.metric(markdown(name), value if isinstance(value, str) else f"{float(value):,.4g}")
    if shares:
        ranked = sorted(shares.items(), key=lambda item: -item[1])[:MOST]
        bar = st.column_config.ProgressColumn(format="percent", min_value=0.0, max_value=1.0)
        table = pd.DataFrame(ranked, columns=["class", "probability"])
        st.dataframe(table, hide_index=True, column_config={"probability": bar}, key="tried_shares")


def show_nearest(run: Run, raw: tuple[NDArray[Any], ...]) -> None:
    """The nearest training samples of one sample, with their targets and their distances."""
    dataset, prepared = run.job.dataset, prepared_data(run)
    places, distances = nearest(run, raw)
    targets = prepared.training.targets.numpy()[places]
    if prepared.target_standardisation is not None:
        targets = prepared.target_standardisation.revert(targets)
    names = Names(dataset.classes, dataset.target_names)
    columns: dict[str, Any] = {"distance": distances}
    columns |= {f"true {name}": values for name, values in TASKS[prepared.task].columns(targets, names).items()}
    rows = dataset.raw_samples(prepared.training.indices[places])
    table = pd.DataFrame(columns)
    if rows is not None:
        table = pd.concat([table, rows.reset_index(names="row")], axis=1)
    elif dataset.feature_names:
        inputs, figures = prepared.training.inputs[0].numpy()[places], prepared.standardisation[0]
        inputs = inputs if figures is None else figures.revert(inputs)
        table = pd.concat([table, pd.DataFrame(inputs, columns=list(dataset.feature_names))], axis=1)
    st.caption(f"The nearest training samples, {HOW}.")
    st.dataframe(table, hide_index=True, key="tried_nearest")
