"""The inspector with nothing selected: the data set, what the network costs, the document's name and description."""

from __future__ import annotations

from typing import Any

import streamlit as st

from builder.edits import SetText, SetTraining
from builder.shapes import show as show_shape
from builder.summary import human
from pages.parts import form
from pages.parts.session import Session, key_for, widget
from pages.parts.words import escape, markdown


def show(session: Session) -> None:
    _data(session)
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
    from trainers.data import DATASETS, NOT_OPTIONS, DataError, dataset

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
    entry = DATASETS[name]
    st.caption(entry.summary)
    try:
        made = dataset(data)
    except DataError as error:
        st.markdown(f":red[{markdown(str(error))}]")
    else:
        kind = (
            f"{len(made.classes)} classes"
            if made.classes
            else f"{made.target_size} number{'s' * (made.target_size > 1)} to predict"
        )
        facts = f"{made.samples:,} samples of <b>{show_shape(made.input_shape)}</b> · {kind}"
        st.html(f'<div class="nl-facts"><div>{facts}</div></div>')
    if entry.model_fields:
        options = {key: value for key, value in data.items() if key in entry.model_fields}
        rest = {key: value for key, value in data.items() if key in NOT_OPTIONS}
        form.draw(
            session, entry, options, f"data.{name}",
            lambda values: _set(session, {"name": name, **values, **rest}, f"Change {name}"),
        )  # fmt: skip


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
    st.html(f'<div class="nl-heading"><span class="nl-title">Network</span></div><div class="nl-table">{cells}</div>')


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
