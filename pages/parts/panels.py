"""What pages draw of a way of training, by name: cards beside the curves while it trains (`Paradigm.live`), and views
of what the trained network does (`Paradigm.panels`). A way of training names those it wants; this knows who draws them.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import streamlit as st

from pages.parts import charts, run_choice
from pages.parts.run_data import Live
from trainers.events import SplitName
from trainers.run import Run

CARDS: dict[str, str] = {
    "texts": "run_writing.live",
    "with_without_curves": "run_transfer.curves",
    "with_without_samples": "run_transfer.samples",
    "reconstructions": "run_latent.likenesses",
    "latent": "run_latent.space",
    "latent_axes": "run_latent.axes",
    "generated": "run_gan.generated",
    "adversaries": "run_gan.adversaries",
    "growing": "run_diffusion.growing",
    "drawn": "run_diffusion.samples",
    "calibration": "run_uncertainty_live.calibration",
    "doubt": "run_uncertainty_live.doubt",
}


FORMS: dict[str, str] = {
    "first_training": "transfer_forms.first_training",
    "upload": "transfer_forms.upload",
    "fitting": "transfer_forms.fitting",
}


@dataclass(frozen=True)
class Panel:
    """A view on the Inspect page: where it stands, and the function `(run, part of the data)` that draws it."""

    place: Literal["top", "left", "right", "whole"]
    drawn_by: str


PANELS: dict[str, Panel] = {
    "with_without": Panel("whole", "run_transfer.panel"),
    "facts": Panel("top", "run_facts.panel"),
    "samples": Panel("left", "run_samples.panel"),
    "answers": Panel("right", "run_answers.panel"),
    "writing": Panel("left", "run_writing.panel"),
    "drawn_samples": Panel("left", "run_drawn.panel"),
    "drawn_walk": Panel("right", "run_drawn.walk"),
    "drawn_scores": Panel("right", "run_drawn.scores"),
    "surprise": Panel("left", "run_surprise.card"),
    "attention": Panel("right", "run_attention.card"),
    "latent_facts": Panel("top", "run_latent.facts"),
    "latent_prior": Panel("left", "run_latent_decoder.prior"),
    "latent_errors": Panel("left", "run_latent_samples.panel"),
    "latent_walk": Panel("left", "run_latent_space.walking"),
    "latent_decoder": Panel("right", "run_latent_decoder.panel"),
    "latent_by_hand": Panel("left", "run_latent_decoder.panel"),
    "latent_plane": Panel("right", "run_latent_decoder.plane"),
    "latent_space": Panel("right", "run_latent_space.panel"),
    "latent_kl": Panel("right", "run_latent.kl"),
    "latent_anomaly": Panel("right", "run_latent_anomaly.panel"),
    "beliefs": Panel("top", "run_uncertainty.summary"),
    "uncertain": Panel("left", "run_uncertainty.samples"),
    "rejection": Panel("right", "run_uncertainty_charts.rejection"),
    "doubts": Panel("right", "run_uncertainty_charts.doubt"),
    "calibration": Panel("right", "run_uncertainty_charts.calibration"),
    "strangers": Panel("whole", "run_uncertainty_strangers.panel"),
    "drawing": Panel("whole", "run_diffusion.panel"),
}


def function(name: str) -> Callable[..., Any]:
    """What draws: "run_samples.panel" is the function `panel` of pages/parts/run_samples.py, loaded when it is asked
    for, so that a page does not load what it does not show."""
    module, _, attribute = name.partition(".")
    found: Callable[..., Any] = getattr(importlib.import_module(f"pages.parts.{module}"), attribute)
    return found


def cards(live: Live) -> None:
    """The cards of the run's way of training, two in a row."""
    names = [name for name in live.run.job.paradigm.live if name in CARDS]
    for start in range(0, len(names), 2):
        row = names[start : start + 2]
        for column, name in zip(st.columns(len(row), gap="small"), row, strict=True):
            with column, charts.card(f"live_{name}"):
                _drawn_card(name, live)


@run_choice.said
def _drawn_card(name: str, live: Live) -> None:
    function(CARDS[name])(live)


@run_choice.said
def show(run: Run, part: SplitName) -> None:
    """Every panel of the run's way of training, in its order: those on top, two columns, then those of whole width."""
    wanted = [PANELS[name] for name in run.job.paradigm.panels if name in PANELS]
    for panel in wanted:
        if panel.place == "top":
            _draw(panel, run, part)
    left, right = st.columns([11, 9], gap="small")
    for panel in wanted:
        if panel.place in ("left", "right"):
            with left if panel.place == "left" else right:
                _draw(panel, run, part)
    for panel in wanted:
        if panel.place == "whole":
            _draw(panel, run, part)


@run_choice.said
def _draw(panel: Panel, run: Run, part: SplitName) -> None:
    function(panel.drawn_by)(run, part)
