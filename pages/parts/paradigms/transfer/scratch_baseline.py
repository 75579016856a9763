"""What a transfer is worth: the network beside its twin that began from nothing, on the same batches and samples."""

from __future__ import annotations

import functools

import numpy as np
import streamlit as st

from pages.parts.predictions import samples as run_samples
from pages.parts.predictions import tiles
from pages.parts.theme import charts
from pages.parts.theme.escaping import escape
from pages.parts.training import snapshots
from pages.parts.training.run_data import Live
from pages.parts.views import card, panel
from trainers.events import SplitName
from trainers.paradigms.transfer.paradigm import SCRATCH
from trainers.paradigms.transfer.scratch_baseline import SHOWN, VIEW, Compared, compared, has_twin
from trainers.runs.predictions import prepared_data, reverted
from trainers.runs.run import Run

COLUMNS = 12
WORDS = {"with": "only with transfer", "without": "only from nothing", "both": "both", "none": "neither"}
SINGLE = "Switch on compare in Way of training: a twin then learns from nothing on the same batches."


@card
def scratch_baseline_curves(live: Live) -> None:
    """The main score on the validation part, with the transfer and without."""
    job = live.run.job
    score = job.paradigm.metrics(job.dataset)[0]
    charts.heading("With and without transfer", f"validation {score.label}, after each epoch")
    own, twin = (live.curves.get(("validation", name)) for name in (score.name, SCRATCH + score.name))
    if own is None:
        return charts.nothing("The first score comes at the end of the first epoch.")
    look = charts.look()
    traces = [charts.line(own.epoch, own.value, "with transfer", look.training, 2.2)]
    if twin is not None:
        traces.append(charts.line(twin.epoch, twin.value, "from nothing", look.validation, 2.2))
    return charts.draw(charts.figure(traces, x="epoch", state=live.run.id), "with_without")


@card
def scratch_baseline_samples(live: Live) -> None:
    """The same few samples as training goes on: which of the two names them rightly."""
    charts.heading("The same few samples", "held out · a bar in colour: named rightly")
    if not has_twin(live.run):
        return charts.nothing(SINGLE)
    scene = snapshots.moment(live, VIEW)
    if scene is None:
        return None
    targets = scene.arrays["targets"]
    right = {name: scene.arrays[name] == targets for name in ("with", "without")}
    pictures = _few(live.run)
    cells = "".join(
        f'<figure>{picture}<i class="nl-pair"><b class="nl-with{"" if right["with"][place] else " nl-off"}"></b>'
        f'<b class="nl-without{"" if right["without"][place] else " nl-off"}"></b></i></figure>'
        for place, picture in enumerate(pictures[: len(targets)])
    )
    told = " &nbsp; ".join(
        f'<i class="nl-{name}"></i>{word} <b>{int(right[name].sum())}</b>'
        for name, word in (("with", "with transfer"), ("without", "from nothing"))
    )
    st.html(f'<div class="nl-few">{cells}</div><div class="nl-note nl-pairs">{told} of {len(targets)} right</div>')
    return None


@functools.lru_cache(maxsize=4)
def _drawn(store: str, run_id: str) -> tuple[str, ...]:
    run = Run(run_id)
    prepared, dataset = prepared_data(run), run.job.dataset
    given = reverted(prepared, prepared.validation)[0][:SHOWN]
    low, high = float(given.min()), float(given.max())
    return tuple(tiles._images([tiles._picture(dataset.kind, sample, low, high)]) for sample in given)


def _few(run: Run) -> tuple[str, ...]:
    """The samples that are looked at again and again, as HTML; drawn once."""
    return _drawn(str(run.store.folder), run.id)


@panel("whole")
def scratch_baseline(run: Run, part: SplitName) -> None:
    """The samples that only one of the two gets right."""
    if not has_twin(run):
        return
    with charts.card("with_without"):
        found = compared(run, part)
        counts = {name: len(found.places(name)) for name in WORDS}
        total = max(sum(counts.values()), 1)
        own, twin = counts["both"] + counts["with"], counts["both"] + counts["without"]
        with st.container(horizontal=True, vertical_alignment="center", key="with_without_head"):
            charts.heading(
                "Transfer or not", f"right: {own / total:.1%} with transfer, {twin / total:.1%} from nothing"
            )
            chosen = st.segmented_control(
                "which", list(WORDS), default="with", required=True, key="with_without_which",
                label_visibility="collapsed", format_func=lambda name: f"{WORDS[name]} ({counts[name]:,})",
            )  # fmt: skip
        _tiles(run, found, str(chosen or "with"), part)


def _tiles(run: Run, found: Compared, which: str, part: SplitName) -> None:
    """The samples, with what each of the two says."""
    shown = found.places(which)
    if not len(shown):
        return charts.nothing("There is no such sample.", 90)
    predicted = found.predicted
    shown = shown[np.argsort(-predicted.confidence[shown])] if predicted.confidence is not None else shown
    names = predicted.classes

    def words(index: int) -> str:
        said, twin, true = (int(values[index]) for values in (predicted.predicted, found.without, predicted.targets))
        told = [escape(names[number][:18]) if number < len(names) else str(number) for number in (said, twin, true)]
        return f"<b>{told[0]}</b><small>from nothing {told[1]} · is {told[2]}</small>"

    page = run_samples.page_of(shown, tiles.SIZES["small"], f"{run.id}{part}{which}")
    st.html(tiles.tiles(run.job.dataset, predicted, page, words))
    return None
