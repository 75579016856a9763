"""What a kind of one's own data is: how it is recognised, looked at, loaded, shown, recommended a network, predicted.

A kind is a folder in kinds/ with a `schema.py` (its `SCHEMA`) and a `kind.py` (a subclass of `OwnKind`). Nothing else
names it.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from builder.registry import did_you_mean, discover
from trainers.data.base import DataError, DataSet
from trainers.data.own import kinds as kinds_folder
from trainers.data.own.files import Files, LeftOut
from trainers.data.own.library import Stored
from trainers.data.own.schema import Schema

if TYPE_CHECKING:
    from trainers.data.own.recommending import Recommended
    from trainers.data.own.report import Baseline, Example, Report


class Match(NamedTuple):
    """How surely files are of a kind, from 0 to 1, and what says so."""

    score: float
    reason: str


@dataclass(frozen=True)
class Wishes:
    """What the user has chosen before the files are looked at. Everything else is guessed.

    `settings` are fields of the kind's schema by name, such as the size of images.
    """

    target: str | None = None
    task: str | None = None
    roles: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    split: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def only(self, *known: str) -> None:
        """DataError: something was chosen that this kind of data does not have."""
        for key in ("target", "task", "roles", "types", "split", "settings"):
            if getattr(self, key) and key not in known:
                known_ones = f" It has: {', '.join(known)}." if known else ""
                raise DataError(f"This kind of data has no {key} to choose.{known_ones}")


class Looked(NamedTuple):
    """What looking at files gives: the schema, the number of samples, and what they were read with."""

    schema: Schema
    samples: int
    reader: str = ""
    left_out: tuple[LeftOut, ...] = ()


class OwnKind:
    """One kind of data. Heavy libraries are imported by the methods: listing the kinds stays quick."""

    name: ClassVar[str]  # of the folder
    label: ClassVar[str]  # for people: "table"
    takes: ClassVar[str] = ""  # what can be dropped, for people: "A table: …"

    def recognise(self, files: Files) -> Match | None:
        """How surely the files are of this kind, by names and first bytes; None: they are not."""
        raise TypeError(f"{type(self).__name__} must define how files are recognised.")

    def suits(self, files: Files, wishes: Wishes) -> bool:
        """Whether what the user has chosen is possible with files of this kind; where not, another kind is taken."""
        return True

    def look(self, files: Files, wishes: Wishes) -> Looked:
        """The schema of the files as it seems to be. DataError: they cannot be used; the message says where."""
        raise TypeError(f"{type(self).__name__} must define how it looks.")

    def look_again(self, stored: Stored, files: Files) -> Looked:
        """The files as they are now, with what the user has chosen before. DataError: they cannot be used any more."""
        return self.look(files, Wishes())

    def differences(self, before: Schema, after: Schema) -> list[str]:
        """What has changed between two schemas, in words for people."""
        return []

    def data_set(self, name: str, stored: Stored) -> type[DataSet]:
        """The data as a class like those that come with Netloom, called `name` ("own/x", "own/x@1")."""
        raise TypeError(f"{type(self).__name__} must define a data set.")

    def prepare(self, stored: Stored) -> None:
        """Make what training reads, once, where that is made of many files and takes long. DataError: none can be used.

        It is asked for right after data were added, by whoever shows how far it is (stages.py).
        """

    def report(self, stored: Stored) -> Report:
        """What was found, to be shown."""
        raise TypeError(f"{type(self).__name__} must define a report.")

    def change(self, stored: Stored, key: str, value: Any) -> Schema:
        """The schema with one of the report's settings changed. DataError: that is not possible."""
        reason = f"{key}_reason"  # of the guess, which is none any more
        gone = {reason: ""} if reason in type(stored.schema).model_fields else {}
        schema: Schema = stored.schema.with_fields(**{key: value, **gone})
        return schema

    def change_part(self, stored: Stored, part: str, key: str, value: Any) -> Schema:
        """The schema with something changed of one of its parts, such as the type of a column. DataError: as above."""
        raise DataError(f"{part} cannot be changed.")

    def examples(self, stored: Stored, count: int) -> tuple[Example, ...]:
        """Some samples as they are and as the network gets them, in words; (): their drawings say it."""
        return ()

    def baseline(self, stored: Stored) -> Baseline | None:
        """What a model without a network reaches on the same parts; None: there is none for this kind."""
        return None

    def recommend(self, stored: Stored) -> Recommended:
        """A network that fits."""
        raise TypeError(f"{type(self).__name__} must recommend a network.")


@functools.cache
def kinds() -> dict[str, OwnKind]:
    """One of each kind, by name."""
    found = discover(kinds_folder, OwnKind, lambda kind: kind.name, within_folders="kind")
    return {name: kind() for name, kind in found.items()}


def kind_of(stored: Stored) -> OwnKind:
    """The kind of a stored data set."""
    return kinds()[stored.schema.kind]


def recognised(files: Files, wanted: str | None = None, wishes: Wishes = Wishes()) -> tuple[OwnKind, str]:
    """The kind that the files are most surely of, and why; or the wanted one.

    Raises:
        DataError: they are of no known kind, or there is no kind of the wanted name.
    """
    if wanted is not None:
        if wanted not in kinds():
            raise DataError(f"There is no kind of data called {wanted!r}.{did_you_mean(wanted, list(kinds()))}")
        return kinds()[wanted], "You chose it."
    matches = [(match, kind) for kind in kinds().values() if (match := kind.recognise(files)) is not None]
    matches = [pair for pair in matches if pair[1].suits(files, wishes)] or matches
    if not matches:
        known = ", ".join(kind.label for kind in kinds().values())
        names = (files.title,) if files.single else files.names  # an upload has another name on disk
        shown = ", ".join(names[:5]) + (" …" if len(names) > 5 else "")
        raise DataError(f"No kind of data is recognised in it ({shown}). Known are: {known}.")
    best, kind = max(matches, key=lambda pair: pair[0].score)
    return kind, best.reason
