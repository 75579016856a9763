"""Files and folders that are dropped on the page, or chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import streamlit as st

from pages.data_page.adding import Adding
from pages.data_page.ways.base import Way, begin, taken
from pages.parts.document.session import Session, widget
from pages.parts.forms.uploads import most_megabytes
from trainers.data.own.bringing.uploads import Upload


class UploadFiles(Way):
    """One file or several."""

    name: ClassVar[str] = "files"
    label: ClassVar[str] = "Files"
    order: ClassVar[int] = 10

    def draw(self, session: Session) -> None:
        _uploader(session, "data_files", True)


class UploadFolder(Way):
    """A folder with all that is in it."""

    name: ClassVar[str] = "folder"
    label: ClassVar[str] = "Folder"
    order: ClassVar[int] = 20

    def draw(self, session: Session) -> None:
        _uploader(session, "data_folder", "directory")


def _uploader(session: Session, key: str, several: bool | Literal["directory"]) -> None:
    """The place to drop something on. What is dropped is added at once, and the place is empty again."""
    number = session.generations.get(key, 0)
    most = most_megabytes()
    what = "A folder" if several == "directory" else "Files"

    def dropped() -> None:
        files = widget(f"{key}~{number}")
        if files and taken(session, key, number):
            begin(session, Adding(_title(files)).uploads([Upload(f.name, f, f.size) for f in files]))

    with st.container(key=f"drop_{key}"):
        st.file_uploader(
            f"{what}, at most {most:,} MB each",
            accept_multiple_files=several,
            key=f"{key}~{number}",
            on_change=dropped,
        )


def _title(files: Sequence[Any]) -> str:
    first = str(files[0].name)
    return first if len(files) == 1 else first.partition("/")[0] if "/" in first else f"{len(files)} files"
