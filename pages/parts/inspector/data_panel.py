"""The inspector with nothing selected: the data set, what the network costs, the document's name and description."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from builder.analysis.summary import human
from builder.document.graph import networks
from builder.edits import SetText, SetTraining
from builder.shapes import show as show_shape
from pages.parts.document.session import Session, key_for, widget
from pages.parts.forms import form
from pages.parts.inspector import network_choice
from pages.parts.theme.escaping import escape, markdown

if TYPE_CHECKING:
    from trainers.data import DataSet


def show(session: Session) -> None:
    _data(session)
    network_choice.table(session)
    _totals(session)
    _words(session)


def _data(session: Session) -> None:
    data: dict[str, Any] = dict(session.document.training.get("data") or {})
    name = data.get("name")
    st.html('<div class="nl-heading"><span class="nl-title">Data</span></div>')
    if not session.view.complete:
        st.caption("…")
        return
    # Not at the top: this may import torch, and the first canvas does not wait for that.
    from trainers.data import DATASETS, NOT_OPTIONS

    names = list(DATASETS)
    held = key_for(session, "data.name", name if name in DATASETS else None)

    def chosen() -> None:
        if widget(held) in (None, name):
            return
        kept = {key: value for key, value in data.items() if key in NOT_OPTIONS}
        _set(session, {"name": widget(held), **kept}, f"Take the data set {widget(held)}")

    st.selectbox(
        "data set", names, names.index(name) if name in DATASETS else None, key=held, on_change=chosen,
        placeholder="Choose a data set",
        format_func=lambda key: DATASETS[key].title, label_visibility="collapsed",
        help="What the network learns from. An Input without a shape takes the data set's.",
    )  # fmt: skip
    if name not in DATASETS:
        st.caption("The network needs samples to learn from: choose a data set.")
        return
    _chosen(session, DATASETS[name], data)


def _chosen(session: Session, entry: type[DataSet], data: dict[str, Any]) -> None:
    """What the chosen data set is, a few of its samples, its options, and what is done to the training samples."""
    from pages.parts.data import data_preview
    from pages.parts.forms import augmentation_form
    from trainers.data import NOT_OPTIONS, DataError, dataset
    from trainers.data.augmenter import read
    from trainers.entry import OptionError

    st.caption(entry.summary)
    made = None
    try:
        made = dataset(data)
        augmentations = read(data.get("augmentation"))
    except (DataError, OptionError) as error:
        st.markdown(f":red[{markdown(str(error))}]")
        augmentations = ()
    if made is not None:
        facts = f"{made.samples:,} samples of <b>{_shapes(made)}</b> · {_answers(made)}"
        st.html(f'<div class="nl-facts"><div>{facts}</div></div>')
        data_preview.show(session, made, augmentations)
    if entry.model_fields:
        options = {key: value for key, value in data.items() if key in entry.model_fields}
        rest = {key: value for key, value in data.items() if key in NOT_OPTIONS}
        form.draw(
            session, entry, options, f"data.{entry.name}",
            lambda values: _set(session, {"name": entry.name, **values, **rest}, f"Change {entry.name}"),
        )  # fmt: skip
    if made is not None:
        with st.expander("Augmentation", bool(augmentations), key="augmentation"):
            augmentation_form.show(
                session, data.get("augmentation"), made, "build",
                lambda entries, label: _set(session, {**data, "augmentation": entries}, label),
            )  # fmt: skip


def _shapes(data: DataSet) -> str:
    """The shape of what goes into each input."""
    return " and ".join(show_shape(signal.shape) for signal in data.signals)


def _answers(data: DataSet) -> str:
    """What the network is to say."""
    classes, numbers = len(data.classes), data.target_size
    if data.task == "language":
        return "the next token at each place"
    if data.task == "segmentation":
        return f"one of {classes} classes for each pixel"
    if data.task == "multilabel":
        return f"any of {classes} classes"
    if data.task == "forecasting":
        return f"{data.target_shape[0]} steps ahead of {', '.join(data.target_names)}"
    return f"{classes} classes" if classes else f"{numbers} number{'s' * (numbers > 1)} to predict"


def _set(session: Session, data: dict[str, Any], label: str) -> str | None:
    session.apply(SetTraining({**session.document.training, "data": data}), label)
    return None


def _totals(session: Session) -> None:
    view = session.view
    total = view.total
    known = view.complete and not view.waiting and not view.failures
    rows = (
        ("parameters", f"{total.parameters:,}" if known else "?"),
        ("FLOPs for one sample", human(total.flops) if known else "?"),
        ("activations of one sample", human(total.memory, "B") if known else "?"),
        ("nodes", f"{len(session.document.nodes):,}"),
    )
    cells = "".join(f"<div><span>{label}</span><b>{value}</b></div>" for label, value in rows)
    title = "Together" if len(networks(session.document)) > 1 else "Network"
    st.html(f'<div class="nl-heading"><span class="nl-title">{title}</span></div><div class="nl-table">{cells}</div>')


def _words(session: Session) -> None:
    document = session.document
    st.html(f'<div class="nl-heading"><span class="nl-title">{escape("Document")}</span></div>')
    _text(session, "name", document.name)
    _text(session, "description", document.description)


def _text(session: Session, field: Any, value: str) -> None:
    key = f"document.{field}"
    draft = session.drafts.get(key)
    showing = draft[0] if draft else value
    held = key_for(session, key, showing)

    def changed() -> None:
        typed = str(widget(held)).strip()
        if typed == showing:
            return
        if field == "name" and not typed:
            session.drafts[key] = (typed, "A document needs a name, if only “Untitled network”.")
            return
        session.apply(SetText(field, typed), f"Change the {field}")

    if field == "name":
        st.text_input("name", showing, key=held, on_change=changed, max_chars=200)
    else:
        st.text_area("description", showing, key=held, on_change=changed, max_chars=10_000, height=90)
    if draft:
        st.markdown(f":red[{markdown(draft[1])}]")
