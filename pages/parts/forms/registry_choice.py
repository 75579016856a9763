"""One choice from a registry with its options, as a part of `training`: a data set, an optimizer, a way of training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from pages.parts.document.session import Session, key_for, widget
from pages.parts.forms import form
from trainers.entry import Entry

Options = dict[str, Any]


@dataclass(frozen=True)
class Choice:
    """One choice from a registry: where it stands in `training`, and in words what it decides."""

    key: str
    label: str
    registry: Mapping[str, type[Entry]]
    help: str
    hidden: frozenset[str] = frozenset()  # options with a place of their own
    empty: str = "Choose one"

    def draw(self, session: Session, options: Options, write: Callable[[Options, str], None]) -> None:
        """The list of entries, a sentence on the chosen one, and its options."""
        name = options.get("name")
        names = list(self.registry)
        known = name in self.registry
        held = key_for(session, f"train.{self.key}", name if known else None)

        def chosen() -> None:
            picked = widget(held)
            if picked not in (None, name):
                write({"name": picked}, f"Take {self.registry[picked].label}")

        st.selectbox(
            self.label, names, names.index(name) if known else None, key=held, on_change=chosen, help=self.help,
            format_func=lambda key: self.registry[key].label, placeholder=self.empty,
        )  # fmt: skip
        if not known:
            return
        entry = self.registry[str(name)]
        st.caption(entry.help())
        values = {key: value for key, value in options.items() if key != "name"}
        shown = [field for field in entry.model_fields if field not in self.hidden]

        def changed(new: Options) -> None:
            write({"name": name, **new}, f"Change {entry.label}")

        if shown:
            form.draw(session, entry, values, f"train.{self.key}.{name}", changed, only=shown)


def options_of(value: Any, default: str | None = None) -> Options:
    """A choice as a document writes it, by name or with options, as options with a name."""
    if isinstance(value, Mapping):
        return {"name": default, **value}
    return {"name": value or default}
