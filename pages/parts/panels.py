"""The views of a run's answers by name: a way of training names those it wants (`Paradigm.panels`), this draws them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import streamlit as st

from pages.parts import run_answers, run_attention, run_choice, run_facts, run_samples, run_surprise, run_writing
from trainers.events import SplitName
from trainers.run import Run


@dataclass(frozen=True)
class Panel:
    """A view: where it stands on the page, and what draws it for a part of the run's data."""

    place: Literal["top", "left", "right"]
    draw: Callable[[Run, SplitName], None]


PANELS: dict[str, Panel] = {
    "facts": Panel("top", run_facts.panel),
    "samples": Panel("left", run_samples.panel),
    "answers": Panel("right", run_answers.panel),
    "writing": Panel("left", lambda run, part: run_writing.continuing(run)),
    "surprise": Panel("left", run_surprise.card),
    "attention": Panel("right", run_attention.card),
}


@run_choice.said
def show(run: Run, part: SplitName) -> None:
    """Every panel of the run's way of training, in its order."""
    wanted = [PANELS[name] for name in run.job.paradigm.panels if name in PANELS]
    for panel in wanted:
        if panel.place == "top":
            panel.draw(run, part)
    left, right = st.columns([11, 9], gap="small")
    for panel in wanted:
        if panel.place != "top":
            with left if panel.place == "left" else right:
                _draw(panel, run, part)


@run_choice.said
def _draw(panel: Panel, run: Run, part: SplitName) -> None:
    panel.draw(run, part)
