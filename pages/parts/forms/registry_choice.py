"""A choice from a registry with its options, as a part of `training`: a data set, an optimizer, a paradigm."""

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
class RegistryChoice:
    """A choice from a registry: its key in `training`, its label and its help."""

    key: str
    label: str
    registry: Mapping[str, type[Entry]]
    help: str
    hidden: frozenset[str] = frozenset()  # options that are shown elsewhere
    empty: str = "Choose one"

    def draw(self, session: Session, options: Options, write: Callable[[Options, str], None]) -> None:
        """The list of entries, a sentence about the chosen one, and its options."""
        name = options.get("name")
        names = list(self.registry)
        known = name in self.registry
        widget_key = key_for(session, f"train.{self.key}", name if known else None)

        def chosen() -> None:
            picked = widget(widget_key)
            if picked not in (None, name):
                write({"name": picked}, f"Use {self.registry[picked].label}")

        st.selectbox(
            self.label,
            names,
            names.index(name) if known else None,
            key=widget_key,
            on_change=chosen,
            help=self.help,
            format_func=lambda key: self.registry[key].label,
            placeholder=self.empty,
        )
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
    """A choice as it is in a document, a name or options, as options with a name.

    What is no choice at all, such as a number, has the name None: a problem says what is wrong, and the list offers
    the choices.
    """
    if isinstance(value, Mapping):
        options = {"name": default, **value}
        return options if isinstance(options["name"], str) else {**options, "name": None}
    return {"name": (value if isinstance(value, str) else None) if value else default}


def data_options(value: Any) -> Options:
    """The settings of `training.data`, without a name that is none; empty where it is no object."""
    options = dict(value) if isinstance(value, Mapping) else {}
    if not isinstance(options.get("name", ""), str):
        del options["name"]
    return options
