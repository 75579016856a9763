"""What pages draw of a way of training, by name: cards beside the curves while it trains (`Paradigm.live`), and views
of what the trained network does (`Paradigm.panels`). A way of training names those it wants; this knows who draws them.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import streamlit as st

from pages.parts.runs import run_choice
from pages.parts.theme import charts
from pages.parts.training.run_data import Live
from trainers.events import SplitName
from trainers.runs.run import Run

CARDS: dict[str, str] = {
    "texts": "paradigms.language.generated_text.live",
    "with_without_curves": "paradigms.transfer.scratch_baseline.curves",
    "with_without_samples": "paradigms.transfer.scratch_baseline.samples",
    "reconstructions": "paradigms.autoencoder.live.likenesses",
    "latent": "paradigms.autoencoder.live.space",
    "latent_axes": "paradigms.autoencoder.live.axes",
    "generated": "paradigms.gan.live.generated",
    "adversaries": "paradigms.gan.live.adversaries",
    "growing": "paradigms.diffusion.growing",
    "drawn": "paradigms.diffusion.samples",
    "calibration": "paradigms.bayesian.live.calibration",
    "doubt": "paradigms.bayesian.live.doubt",
}


FORMS: dict[str, str] = {
    "first_training": "paradigms.transfer.forms.first_training",
    "upload": "paradigms.transfer.forms.upload",
    "fitting": "paradigms.transfer.forms.fitting",
}


@dataclass(frozen=True)
class Panel:
    """A view on the Inspect page: where it stands, and the function `(run, part of the data)` that draws it."""

    place: Literal["top", "left", "right", "whole"]
    drawn_by: str


PANELS: dict[str, Panel] = {
    "with_without": Panel("whole", "paradigms.transfer.scratch_baseline.panel"),
    "facts": Panel("top", "predictions.run_metrics.panel"),
    "samples": Panel("left", "predictions.samples.panel"),
    "answers": Panel("right", "predictions.outputs.panel"),
    "writing": Panel("left", "paradigms.language.generated_text.panel"),
    "drawn_samples": Panel("left", "paradigms.gan.samples.panel"),
    "drawn_walk": Panel("right", "paradigms.gan.samples.walk"),
    "drawn_scores": Panel("right", "paradigms.gan.samples.scores"),
    "surprise": Panel("left", "paradigms.language.token_loss.card"),
    "attention": Panel("right", "predictions.attention.card"),
    "latent_facts": Panel("top", "paradigms.autoencoder.live.facts"),
    "latent_prior": Panel("left", "paradigms.autoencoder.decoder.prior"),
    "latent_errors": Panel("left", "paradigms.autoencoder.reconstructions.panel"),
    "latent_walk": Panel("left", "paradigms.autoencoder.latent_space.walking"),
    "latent_decoder": Panel("right", "paradigms.autoencoder.decoder.panel"),
    "latent_by_hand": Panel("left", "paradigms.autoencoder.decoder.panel"),
    "latent_plane": Panel("right", "paradigms.autoencoder.decoder.plane"),
    "latent_space": Panel("right", "paradigms.autoencoder.latent_space.panel"),
    "latent_kl": Panel("right", "paradigms.autoencoder.live.kl"),
    "latent_anomaly": Panel("right", "paradigms.autoencoder.anomaly.panel"),
    "beliefs": Panel("top", "paradigms.bayesian.predictions.summary"),
    "uncertain": Panel("left", "paradigms.bayesian.predictions.samples"),
    "rejection": Panel("right", "paradigms.bayesian.uncertainty_charts.rejection"),
    "doubts": Panel("right", "paradigms.bayesian.uncertainty_charts.doubt"),
    "calibration": Panel("right", "paradigms.bayesian.uncertainty_charts.calibration"),
    "strangers": Panel("whole", "paradigms.bayesian.out_of_distribution.panel"),
    "drawing": Panel("whole", "paradigms.diffusion.panel"),
}


def function(name: str) -> Callable[..., Any]:
    """What draws, loaded when it is asked
    for, so that a page does not load what it does not show."""
    module, _, attribute = name.rpartition(".")
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
