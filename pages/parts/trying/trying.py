"""The card “Try it”: a tab for each way to bring a sample that fits the run's data."""

from __future__ import annotations

import functools

import streamlit as st

import pages.parts.trying
from builder.problems import NetloomError
from builder.registry import discover
from pages.parts.theme.escaping import escape
from pages.parts.theme.run_page import shows_errors
from pages.parts.trying.base import Trial
from trainers.data.own.run_copies import schema_warning
from trainers.job import Job
from trainers.runs.run import Run


@functools.cache
def trials() -> list[type[Trial]]:
    """Every way to bring a sample, in the order of the tabs."""
    found = discover(pages.parts.trying, Trial, lambda kind: kind.__name__)
    return sorted(found.values(), key=lambda kind: kind.order)


def _predicts(job: Job) -> bool:
    """Whether the network takes samples and predicts their targets; one that makes new samples does not."""
    paradigm, dataset = job.paradigm, job.dataset
    takes_samples = tuple(paradigm.signals(dataset, paradigm.networks[0])) == tuple(dataset.signals)
    return takes_samples and paradigm.loss_for(dataset) is not None


@shows_errors
def show(run: Run) -> None:
    """The card; nothing where no way fits, or before there are weights."""
    try:
        job = run.job
    except NetloomError:  # its data set was removed: the page says so
        return
    fitting = [kind() for kind in trials() if kind().fits(job.dataset)]
    if not fitting or not run.weights_path.exists() or not _predicts(job):
        return
    with st.expander("Try it: a sample of your own", key="try_it"):
        st.caption("It is prepared exactly as the training samples were.")
        if warning := schema_warning(job.dataset, run.store.row(run.id)["created"]):
            st.html(f'<div class="nl-note">{escape(warning)}</div>')
        for tab, trial in zip(st.tabs([kind.title for kind in fitting]), fitting, strict=True):
            with tab:
                st.fragment(shows_errors(trial.draw))(run)
