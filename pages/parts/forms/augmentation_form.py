"""The list of augmentations as a form: each with its options and a cross, and below them one to add."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from pages.parts.document.session import Session, key_for, widget
from pages.parts.forms import form
from trainers.data import DataSet
from trainers.data.augmentation import AUGMENTATIONS

Entries = list[dict[str, Any]]


def show(session: Session, entries: Any, data: DataSet, place: str, write: Callable[[Entries, str], None]) -> None:
    """Draw the list; `place` tells the forms of two pages apart, `write` takes the new list and what was done."""
    listed: Entries = [entry if isinstance(entry, dict) else {"name": entry} for entry in entries or ()]
    for number, entry in enumerate(listed):
        _entry(session, listed, number, entry, place, write)
    fitting = [name for name, kind in AUGMENTATIONS.items() if not kind().misfit(data)]
    free = [name for name in fitting if name not in {entry.get("name") for entry in listed}]
    if not free:
        if not listed:
            st.caption(f"There is no augmentation for data of kind {data.kind}.")
        return
    held = key_for(session, f"{place}.augment.add{len(listed)}", None)

    def added() -> None:
        picked = widget(held)
        if picked is not None:
            write([*listed, {"name": picked}], f"Add {picked}")

    st.selectbox(
        "add", free, None, key=held, on_change=added, placeholder="Add an augmentation", label_visibility="collapsed",
        help="Shows the network another version of every training sample in every epoch; the other parts stay.",
    )  # fmt: skip


def _entry(
    session: Session,
    listed: Entries,
    number: int,
    entry: dict[str, Any],
    place: str,
    write: Callable[[Entries, str], None],
) -> None:
    name = str(entry.get("name"))
    rest = [*listed[:number], *listed[number + 1 :]]
    kind = AUGMENTATIONS.get(name)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"{place}_augmented_{number}"):
        st.markdown(f"**{kind.label if kind else 'unknown'}**", help=kind.help() if kind else None)
        st.button(
            "", icon=":material/close:", key=f"{place}_unaugment_{number}", type="tertiary", help="Remove it",
            on_click=write, args=(rest, f"Remove {kind.label if kind else 'an augmentation'}"),
        )  # fmt: skip
    if kind is None or not kind.model_fields:
        return

    def changed(values: dict[str, Any]) -> None:
        write([*listed[:number], {"name": name, **values}, *listed[number + 1 :]], f"Change {name}")

    options = {key: value for key, value in entry.items() if key != "name"}
    form.draw(session, kind, options, f"{place}.augment.{number}.{name}", changed)
