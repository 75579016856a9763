"""Views of transfer: forms for the source of the weights, and the network beside its scratch baseline."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from builder.edits import SetTraining
from builder.problems import NetloomError
from pages.parts.document.session import Session, key_for, widget
from pages.parts.forms.form import draw as draw_form
from pages.parts.forms.registry_choice import Options, RegistryChoice, data_options, options_of
from pages.parts.forms.uploads import most_megabytes
from pages.parts.predictions import tiles
from pages.parts.predictions.samples import page_of
from pages.parts.theme import charts
from pages.parts.theme.charts import Plain
from pages.parts.theme.escaping import escape
from pages.parts.training import feed, snapshots
from pages.parts.training.run_data import LiveRun
from pages.parts.views import card, form, panel
from trainers.binding import bind
from trainers.data import DATASETS
from trainers.events import SplitName
from trainers.job import Job
from trainers.paradigms.transfer import source_weights, weight_files
from trainers.paradigms.transfer.comparison import Comparison, compare, has_baseline
from trainers.paradigms.transfer.paradigm import Source, Transfer
from trainers.paradigms.transfer.scratch_baseline import SCRATCH_PREFIX, SHOWN
from trainers.paradigms.transfer.source_weights import SOURCE_PREFIX
from trainers.paradigms.transfer.weight_files import WeightsError
from trainers.runs.predictions import prepared_data, reverted
from trainers.runs.run import Run

ROW, ROWS = 35, 9  # pixels of a row of the table, and rows that are visible at once
WHICH = {"with": "only with transfer", "without": "only from scratch", "both": "both", "none": "neither"}
NO_BASELINE = "Turn on compare in Training method: a scratch baseline is then trained on the same batches."


# -- forms ------------------------------------------------------------------------------------------------------------


def _options(session: Session) -> Options:
    return options_of(session.document.training.get("paradigm"), "transfer")


def _change(session: Session, label: str, **values: Any) -> None:
    """Set options of the paradigm; None removes one."""
    options = {key: value for key, value in {**_options(session), **values}.items() if value is not None}
    session.apply(SetTraining({**session.document.training, "paradigm": options}), label)


@form
def source_training(session: Session) -> None:
    """Whether the network is first trained on another data set, on which, and for how many epochs."""
    source = _options(session).get("source")
    chosen = isinstance(source, dict)
    held = key_for(session, "train.source", chosen)

    def toggled() -> None:
        if widget(held) != chosen:
            data = data_options(session.document.training.get("data"))
            first = {"data": {"name": data.get("name", "digits"), "batch_size": 64}}
            new = {"source": first, "run": None, "weights": None} if widget(held) else {"source": None}
            _change(session, "Change the first training", **new)

    st.toggle(
        "first learn something else",
        chosen,
        key=held,
        on_change=toggled,
        help="Train the network on another data set, or on other classes of this one. This runs once.",
    )
    if isinstance(source, dict):
        _source(session, source)


def _source(session: Session, source: dict[str, Any]) -> None:
    """The data set of the first training with its options, and its epochs."""
    data = data_options(source.get("data"))
    plain = {key: data[key] for key in ("batch_size", "validation", "test", "train_samples") if key in data}
    options = {key: value for key, value in data.items() if key not in plain}

    def write_data(new: Options, label: str) -> None:
        _change(session, label, source={**source, "data": {**plain, **new}})

    def write_source(new: Options) -> None:
        _change(session, "Change the first training", source=new)

    datasets = {name: kind for name, kind in DATASETS.items() if kind.task != "language"}
    choice = RegistryChoice("source", "learn first from", datasets, "The data set of the first training.")
    choice.draw(session, options, write_data)
    draw_form(session, Source, source, "train.source", write_source, 1, ("epochs",))


@form
def weights_file(session: Session) -> None:
    """Upload of a file of weights."""
    with st.popover("Upload a file of weights", icon=":material/upload_file:", key="weights_upload"):
        uploaded = st.file_uploader(
            f"a safetensors file, at most {most_megabytes()} MB",
            type=["safetensors"],
            key="weights_file",
            help="The names and shapes of its tensors are compared with the network. No code in it is run. Put a "
            f"larger file into `{weight_files.weights_folder()}`, and choose it above.",
        )
        if uploaded is None or st.session_state.get("weights_uploaded") == uploaded.file_id:
            return
        st.session_state["weights_uploaded"] = uploaded.file_id
        try:
            name = weight_files.add_file(uploaded.name, uploaded.getbuffer())
        except (WeightsError, OSError) as error:
            session.notify(str(error), "warning")
        else:
            _change(session, f"Start with {name}", weights=name, run=None, source=None)
        st.rerun()


@form
def weight_matching(session: Session) -> None:
    """A table of the layers: which take the weights of the source, which do not and why, and how they are trained."""
    try:
        job = Job(bind(session.document))
        paradigm = job.paradigm
        assert isinstance(paradigm, Transfer)
        source = source_weights.find_source(job, paradigm)
        matches = source_weights.match_layers(job.document, source, paradigm.head == "keep")
    except (NetloomError, ValueError, OSError):
        return  # the list of problems says what is wrong
    if source is None and not any(match.pretrained for match in matches):
        return
    count = sum(match.fits for match in matches)
    frozen = {step.module for step in source_weights.frozen_steps(job.document, paradigm.freeze_up_to)}
    label = f"the weights of {source.label}" if source is not None else "their own pretrained weights"
    st.caption(f"{count} of {len(matches)} layers start with {label}:")
    rows = pd.DataFrame(
        {
            "layer": [match.node for match in matches],
            "initial weights": [_initial(match) for match in matches],
            "trained": ["frozen" if match.node in frozen else _rate(match, paradigm) for match in matches],
        }
    )
    height = min(len(rows) + 1, ROWS) * ROW + 3
    st.dataframe(rows, hide_index=True, height=height, key="weight_matching")


def _initial(match: source_weights.LayerMatch) -> str:
    if match.fits:
        return "pretrained" if match.pretrained else "from the source"
    return "new head" if match.reason == source_weights.NEW_HEAD else f"random: {match.reason}"


def _rate(match: source_weights.LayerMatch, paradigm: Transfer) -> str:
    factor = paradigm.backbone_lr_factor
    return f"learning rate × {factor:g}" if match.fits and factor != 1 else "yes"


# -- the network beside its scratch baseline --------------------------------------------------------------------------


@card
def scratch_baseline_curves(live: LiveRun) -> None:
    """The first metric of the validation split, with transfer and from scratch."""
    job = live.run.job
    metric = job.paradigm.metrics(job.dataset)[0]
    if ("validation", metric.name) not in live.curves:
        return _first_training(live)
    charts.heading("With and without transfer", f"validation {metric.label} after each epoch")
    return feed.chart("scratch_baseline", _baseline_figure, live, metric.name)


def _baseline_figure(live: LiveRun, metric: str) -> Plain:
    look = charts.look()
    own, baseline = (live.curves.get(("validation", name)) for name in (metric, SCRATCH_PREFIX + metric))
    shown = [(own, "with transfer", look.training), (baseline, "from scratch", look.validation)]
    traces = [charts.line(curve.epoch, curve.value, name, colour, 2.2) for curve, name, colour in shown if curve]
    return charts.plain(traces, x="epoch", state=live.run.id)


def _first_training(live: LiveRun) -> None:
    """The loss of the first training, until the run has values of its own."""
    known = any((split, f"{SOURCE_PREFIX}loss") in live.curves for split in ("training", "validation"))
    charts.heading("First training" if known else "With and without transfer")
    if not known:
        return charts.empty("The first value comes at the end of the first epoch.")
    return feed.chart("scratch_baseline", _first_figure, live)


def _first_figure(live: LiveRun) -> Plain:
    found = {split: live.curves.get((split, f"{SOURCE_PREFIX}loss")) for split in ("training", "validation")}
    look = charts.look()
    colours = {"training": look.training, "validation": look.validation}
    # The first training ends at step -1, before the run's own.
    start = min((curve.step[0] for curve in found.values() if curve), default=0) - 1
    traces = [
        charts.line(curve.step - start, curve.value, f"{split} loss", colours[split], 2.2)
        for split, curve in found.items()
        if curve
    ]
    return charts.plain(traces, x="step of the first training", state=live.run.id)


@card
def scratch_baseline_samples(live: LiveRun) -> None:
    """The same validation samples throughout training, and which of the two networks predicts them correctly."""
    charts.heading("The same few samples", "validation samples · a coloured bar is a correct prediction")
    if not has_baseline(live.run):
        return charts.empty(NO_BASELINE)
    snapshot = snapshots.choose_snapshot(live, "scratch_baseline")
    if snapshot is None:
        return None
    targets = snapshot.arrays["targets"]
    correct = {name: snapshot.arrays[name] == targets for name in ("with", "without")}
    images = _images(str(live.run.store.folder), live.run.id)
    cells = "".join(
        f'<figure>{image}<i class="nl-pair"><b class="nl-with{"" if correct["with"][number] else " nl-off"}"></b>'
        f'<b class="nl-without{"" if correct["without"][number] else " nl-off"}"></b></i></figure>'
        for number, image in enumerate(images[: len(targets)])
    )
    counts = " &nbsp; ".join(
        f'<i class="nl-{name}"></i>{label} <b>{int(correct[name].sum())}</b>'
        for name, label in (("with", "with transfer"), ("without", "from scratch"))
    )
    note = f"{counts} of {len(targets)} correct"
    st.html(f'<div class="nl-few">{cells}</div><div class="nl-note nl-pairs">{note}</div>')
    return None


@functools.lru_cache(maxsize=4)
def _images(store: str, run_id: str) -> tuple[str, ...]:
    """The first validation samples of a run as HTML."""
    run = Run(run_id)
    prepared, dataset = prepared_data(run), run.job.dataset
    samples = reverted(prepared, prepared.validation)[0][:SHOWN]
    limits = [(float(samples.min()), float(samples.max()))]
    return tuple(tiles.side_by_side(tiles.sample_html(dataset.kind, [sample], limits)) for sample in samples)


@panel("whole")
def scratch_baseline(run: Run, split: SplitName) -> None:
    """The samples that only one of the two networks predicts correctly."""
    if not has_baseline(run):
        return
    with charts.card("scratch_baseline"):
        found = compare(run, split)
        counts = {name: len(found.samples(name)) for name in WHICH}
        total = max(sum(counts.values()), 1)
        own, baseline = counts["both"] + counts["with"], counts["both"] + counts["without"]
        with st.container(horizontal=True, vertical_alignment="center", key="scratch_baseline_head"):
            shares = f"correct: {own / total:.1%} with transfer, {baseline / total:.1%} from scratch"
            charts.heading("With and without transfer", shares)
            chosen = st.segmented_control(
                "which",
                list(WHICH),
                default="with",
                required=True,
                key="scratch_baseline_which",
                label_visibility="collapsed",
                format_func=lambda name: f"{WHICH[name]} ({counts[name]:,})",
            )
        _tiles(run, found, str(chosen or "with"), split)


def _tiles(run: Run, found: Comparison, which: str, split: SplitName) -> None:
    """The samples, with the predictions of both networks."""
    shown = found.samples(which)
    if not len(shown):
        return charts.empty("There is no such sample.", 90)
    own = found.predicted
    shown = shown[np.argsort(-own.confidence[shown])] if own.confidence is not None else shown

    def words(index: int) -> str:
        numbers = (int(values[index]) for values in (own.predicted, found.scratch, own.targets))
        names = [escape(own.classes[n][:18]) if n < len(own.classes) else str(n) for n in numbers]
        return f"<b>{names[0]}</b><small>from scratch {names[1]} · is {names[2]}</small>"

    page = page_of(shown, tiles.SIZES["small"], f"{run.id}{split}{which}")
    st.html(tiles.tiles(run.job.dataset, own, page, words))
    return None
