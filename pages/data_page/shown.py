"""The data set of one's own that the page shows, with its report, and the changes of it, which can be undone."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from pages.data_page import background
from pages.parts.data.data_work import Step
from pages.parts.document.session import Session
from trainers.data import DataError
from trainers.data.own import library
from trainers.data.own.kind import OwnKind, kind_of
from trainers.data.own.library import Stored
from trainers.data.own.report import Report, data_report


@dataclass(frozen=True)
class Shown:
    """What the parts of the page draw."""

    session: Session
    stored: Stored
    report: Report

    @property
    def name(self) -> str:
        return self.stored.full_name

    @property
    def kind(self) -> OwnKind:
        return kind_of(self.stored)

    def key(self, what: str) -> Hashable:
        """The key of something that follows from the data set as it is now."""
        return key_of(self.stored, what)

    def change(self, make: Callable[[], Any], label: str) -> bool:
        """Give the data set the schema that `make` returns, as one step that can be undone. False: it is refused."""
        return change(self.session, self.name, make, label)

    def change_setting(self, key: str, value: Any, label: str) -> bool:
        return self.change(lambda: self.kind.change(self.stored, key, value), label)

    def change_part(self, part: str, key: str, value: Any, label: str) -> bool:
        return self.change(lambda: self.kind.change_part(self.stored, part, key, value), label)


def key_of(stored: Stored, what: str) -> Hashable:
    """A key for what follows from a data set in one version."""
    try:
        modified = stored.data_file.stat().st_mtime
    except OSError:
        modified = 0.0
    return what, str(stored.folder), stored.schema.version, stored.source.sha256, stored.source.added, modified


def report_of(stored: Stored, timeout: float) -> Report | None:
    """What was found in it; None: it is still being looked at. DataError: its file is gone, or another one."""
    return background.result(key_of(stored, "report"), lambda: data_report(stored.full_name), timeout)


def change(session: Session, name: str, make: Callable[[], Any], label: str) -> bool:
    """Give a data set another schema, as a step that can be undone. False, and a message, if it is refused."""
    try:
        before = library.stored(name)
        after = library.change(name, make())
    except (DataError, OSError) as error:
        session.notify(str(error), "warning")
        return False
    if after.schema.version != before.schema.version:
        session.data.undo.append(Step(name, before.schema, label))
        session.data.redo.clear()
    return True


def undo(session: Session) -> None:
    """Take the last change of the shown data set back."""
    _step(session, session.data.undo, session.data.redo)


def redo(session: Session) -> None:
    """Make the change again that was undone last."""
    _step(session, session.data.redo, session.data.undo)


def last(steps: list[Step], name: str) -> Step | None:
    """The last step of a data set."""
    return next((step for step in reversed(steps) if step.name == name), None)


def _step(session: Session, source: list[Step], target: list[Step]) -> None:
    step = last(source, session.data.name or "")
    if step is None:
        return
    source.remove(step)
    try:
        before = library.stored(step.name).schema
        library.change(step.name, step.schema)
    except (DataError, OSError) as error:
        session.notify(str(error), "warning")
        return
    target.append(Step(step.name, before, step.label))
