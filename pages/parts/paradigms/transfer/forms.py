"""What a network begins with, below the options of transfer: a first training, a file of weights, and what fits."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from builder.edits import SetTraining
from builder.problems import NetloomError
from pages.parts import views
from pages.parts.document.session import Session, key_for, widget
from pages.parts.forms import form
from pages.parts.forms.registry_choice import Choice, Options, options_of
from trainers.binding import bind
from trainers.data import DATASETS
from trainers.job import Job
from trainers.paradigms.transfer import source_weights, weight_files
from trainers.paradigms.transfer.paradigm import Source, Transfer
from trainers.paradigms.transfer.weight_files import WeightsError

MOST_MEGABYTES = 500  # of a file that is put here by a browser
ROW = 35  # pixels of a row of the table
ROWS = 9  # that are shown at once


def _paradigm(session: Session) -> Options:
    return options_of(session.document.training.get("paradigm"), "transfer")


def _change(session: Session, label: str, **values: Any) -> None:
    """Options of the way of training; None takes one out."""
    options = {key: value for key, value in {**_paradigm(session), **values}.items() if value is not None}
    session.apply(SetTraining({**session.document.training, "paradigm": options}), label)


@views.form
def source_training(session: Session) -> None:
    """Whether the network learns from another data set first, from which, and for how long."""
    source = _paradigm(session).get("source")
    chosen = isinstance(source, dict)
    held = key_for(session, "train.first", chosen)

    def toggled() -> None:
        if widget(held) != chosen:
            data = dict(session.document.training.get("data") or {"name": "digits"})
            first = {"name": data.get("name", "digits"), "batch_size": 64}
            begin = {"source": {"data": first}, "run": None, "weights": None}
            _change(session, "Learn something else first", **(begin if widget(held) else {"source": None}))

    st.toggle(
        "first learn something else", chosen, key=held, on_change=toggled,
        help="The same network is first trained on another data set, or on other classes of this one; once, then kept.",
    )  # fmt: skip
    if isinstance(source, dict):
        _source(session, source)


def _source(session: Session, source: dict[str, Any]) -> None:
    """The data set of the first training with its options, and its epochs."""
    data = dict(source.get("data") or {})
    plain = {key: data[key] for key in ("batch_size", "validation", "test", "train_samples") if key in data}
    options = {key: value for key, value in data.items() if key not in plain}

    def write(new: Options, label: str) -> None:
        _change(session, label, source={**source, "data": {**plain, **new}})

    def epochs(new: Options) -> None:
        _change(session, "Change the first training", source=new)

    first = {name: kind for name, kind in DATASETS.items() if kind.task != "language"}
    Choice("first", "learn first from", first, "What its layers learn before they see this data.").draw(
        session, options, write
    )
    form.draw(session, Source, source, "train.first", epochs, 1, ("epochs",))


@views.form
def weights_file(session: Session) -> None:
    """A file of weights from the reader's own machine, read with care and put beside the others."""
    with st.popover("Add a file of weights", icon=":material/upload_file:", key="weights_upload"):
        given = st.file_uploader(
            "a safetensors file", type=["safetensors"], key="weights_file", max_upload_size=MOST_MEGABYTES,
            help="Names and shapes of its tensors are read and compared with the network; nothing in it is run.",
        )  # fmt: skip
        if given is None or st.session_state.get("weights_taken") == given.file_id:
            return
        st.session_state["weights_taken"] = given.file_id
        try:
            name = weight_files.put(given.name, given.getbuffer())
        except (WeightsError, OSError) as error:
            session.say(str(error), "warning")
        else:
            _change(session, f"Begin with {name}", weights=name, run=None, source=None)
        st.rerun()


@views.form
def weight_matching(session: Session) -> None:
    """Layer by layer, what comes from the source and what does not, and why."""
    try:
        job = Job(bind(session.document))
        way = job.paradigm
        assert isinstance(way, Transfer)
        origin = source_weights.origin_of(job, way)
        items = source_weights.fitting(job.document, origin, way.head == "keep")
    except (NetloomError, ValueError, OSError):
        return  # what is wrong stands above the charts, with what mends it
    if origin is None and not any(item.own for item in items):
        return
    count = sum(item.fits for item in items)
    frozen = {step.module for step in source_weights.frozen_steps(job.document, way.freeze_up_to)}
    where = f"from {origin.label}" if origin is not None else "that they bring along"
    st.caption(f"{count} of {len(items)} layers begin with weights {where}:")
    rows = pd.DataFrame(
        {
            "layer": [item.node for item in items],
            "begins": [_begins(item) for item in items],
            "learns": ["frozen" if item.node in frozen else _rate(item, way) for item in items],
        }
    )
    height = min(len(rows) + 1, ROWS) * ROW + 3
    st.dataframe(rows, hide_index=True, height=height, key="fitting")


def _begins(item: source_weights.Item) -> str:
    if item.fits:
        return "pretrained" if item.own else "from the source"
    return "new head" if item.reason == source_weights.NEW_HEAD else f"random: {item.reason}"


def _rate(item: source_weights.Item, way: Transfer) -> str:
    return f"at {way.backbone_lr_factor:g} × rate" if item.fits and way.backbone_lr_factor != 1 else "yes"
