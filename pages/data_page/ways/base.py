"""What a way to bring data is: a tab above the list, such as files, a folder, a path, the camera."""

from __future__ import annotations

import functools
from typing import ClassVar

from builder.registry import discover
from pages.data_page import ways as ways_folder
from pages.data_page.adding import Adding
from pages.parts.document.session import Session


class Way:
    """One way to bring data. Each is a class in a file of this folder."""

    name: ClassVar[str]
    label: ClassVar[str]  # a word: "Files"
    order: ClassVar[int] = 50  # smaller ones come first

    def available(self) -> bool:
        """Whether it can be used here."""
        return True

    def draw(self, session: Session) -> None:
        """Draw it. When there is something to add, `begin(session, Adding(…)…)` starts it."""
        raise TypeError(f"{type(self).__name__} must draw itself.")


def begin(session: Session, adding: Adding) -> None:
    """Show how far it is, in place of the ways."""
    session.data.adding = adding


def taken(session: Session, key: str, number: int) -> bool:
    """Whether what a widget gave is taken for the first time; the widget whose key ends in `number` is then a new one.

    Streamlit calls a widget's callback again for a widget that has just left the page, see `session.key_for`: without
    this, a file would be added twice at once.
    """
    if session.generations.get(key, 0) != number:
        return False
    session.generations[key] = number + 1
    return True


@functools.cache
def ways() -> tuple[Way, ...]:
    """One of each, in their order."""
    found = discover(ways_folder, Way, lambda way: way.name)
    return tuple(sorted((way() for way in found.values()), key=lambda way: way.order))
