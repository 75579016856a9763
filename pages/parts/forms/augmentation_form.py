"""The list of augmentations as a form: each with its options and a button to remove it, and a choice of one to add."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from pages.parts.document.session import Session, key_for, widget
from pages.parts.forms import form
from trainers.data import DataSet
from trainers.data.augmentation import AUGMENTATIONS

Entries = list[dict[str, Any]]


def show(session: Session, entries: Any, data: DataSet, page: str, write: Callable[[Entries, str], None]) -> None:
    """Draw the list. `page` is a prefix for keys; `write` is called with the new list and a label of the edit."""
    listed: Entries = [entry if isinstance(entry, dict) else {"name": entry} for entry in entries or ()]
    for number, entry in enumerate(listed):
        _entry(session, listed, number, entry, page, write)
    suited = [name for name, kind in AUGMENTATIONS.items() if not kind().unsuited(data)]
    free = [name for name in suited if name not in {entry.get("name") for entry in listed}]
    if not free:
        if not listed:
            st.caption(f"There are no augmentations for data of the kind “{data.kind}”.")
        return
    widget_key = key_for(session, f"{page}.augment.add{len(listed)}", None)

    def added() -> None:
        picked = widget(widget_key)
        if picked is not None:
            write([*listed, {"name": picked}], f"Add {picked}")

    st.selectbox(
        "add",
        free,
        None,
        key=widget_key,
        on_change=added,
        placeholder="Add an augmentation",
        label_visibility="collapsed",
        help="Changes every training sample at random in every epoch. Validation and test samples are not changed.",
    )


def _entry(
    session: Session,
    listed: Entries,
    number: int,
    entry: dict[str, Any],
    page: str,
    write: Callable[[Entries, str], None],
) -> None:
    name = str(entry.get("name"))
    rest = [*listed[:number], *listed[number + 1 :]]
    kind = AUGMENTATIONS.get(name)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"{page}_augmented_{number}"):
        st.markdown(f"**{kind.label if kind else 'unknown'}**", help=kind.help() if kind else None)
        st.button(
            "",
            icon=":material/close:",
            key=f"{page}_unaugment_{number}",
            type="tertiary",
            help="Remove it",
            on_click=write,
            args=(rest, f"Remove {kind.label if kind else 'an augmentation'}"),
        )
    if kind is None or not kind.model_fields:
        return

    def changed(values: dict[str, Any]) -> None:
        write([*listed[:number], {"name": name, **values}, *listed[number + 1 :]], f"Change {name}")

    options = {key: value for key, value in entry.items() if key != "name"}
    form.draw(session, kind, options, f"{page}.augment.{number}.{name}", changed)
