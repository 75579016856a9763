"""A path on this machine, whose file or folder is read where it lies. Only where the server listens to nobody else."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import streamlit as st

from pages.data_page.adding import Adding
from pages.data_page.ways.base import Way, begin, taken
from pages.parts.document.session import Session, widget
from trainers.data import DataError

LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})


class LocalPath(Way):
    """A path, for files that are large or change."""

    name: ClassVar[str] = "path"
    label: ClassVar[str] = "Path"
    order: ClassVar[int] = 30

    def available(self) -> bool:
        return str(st.get_option("server.address")) in LOCAL

    def draw(self, session: Session) -> None:
        number = session.generations.get("data_path", 0)

        def entered() -> None:
            typed = str(widget(f"data_path~{number}") or "").strip().strip('"')
            if not typed or not taken(session, "data_path", number):
                return
            try:
                begin(session, Adding(Path(typed).name).path(_path(typed)))
            except DataError as error:
                session.notify(str(error), "warning")

        st.text_input(
            "A file or folder on this machine",
            key=f"data_path~{number}",
            on_change=entered,
            placeholder="/home/you/data.csv",
            help="It is read where it lies, and not copied.",
        )


def _path(typed: str) -> Path:
    """The path that was typed, from the root or the user's folder on. DataError: it is none, or nothing is there."""
    path = Path(typed).expanduser()
    if not path.is_absolute():
        raise DataError(f"{typed[:200]} is not a whole path: it starts with / or ~.")
    if not path.exists():
        raise DataError(f"There is no file or folder {typed[:200]}.")
    return path
