"""What was found in a data set of one's own: sections to show, settings to change, warnings with fixes."""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

from trainers.data.own.files import LeftOut
from trainers.data.own.kind import kind_of
from trainers.data.own.library import Stored, check_files, stored
from trainers.data.own.reading.encoding import LABELS
from trainers.data.own.schema import Schema
from trainers.runs.files import write_text

BASELINE_FORMAT = "netloom-baseline/1"


@dataclass(frozen=True)
class DataWarning:
    """Something that looks wrong, in words. `fix` is the schema to use instead; None: there is none."""

    code: str
    column: str | None  # or the class, the file: where it is
    message: str
    fix: Any = None
    fix_label: str = ""

    def __str__(self) -> str:
        return f"{self.column}: {self.message}" if self.column else self.message


@dataclass(frozen=True)
class Section:
    """Something to show of a data set, such as its columns or its images by class.

    A page draws each subclass (see pages/data_page/sections); `lines` are the words for the command line.
    """

    title: str

    def lines(self) -> list[str]:
        """What it shows, in words."""
        return []


@dataclass(frozen=True)
class Setting:
    """Something about the whole data set that was guessed and can be changed, with the reason of the guess.

    `key` is a field of the schema. `choices`: the allowed values with their labels; empty: a whole number from `low` to
    `high`. A kind's `change` turns a new value into a new schema.
    """

    key: str
    label: str
    value: Any
    reason: str = ""
    choices: tuple[tuple[Any, str], ...] = ()
    low: int = 0
    high: int = 0


def encoding_setting(chosen: str, found: str) -> Setting:
    """The encoding of text files. `found`: as a reader says it, "cp1252: why", or without a reason."""
    name, _, why = found.partition(": ")
    guess = "" if chosen else f" ({name})"
    choices = (("", f"As found by looking{guess}"), *LABELS.items())
    return Setting("encoding", "Encoding", chosen, "" if chosen else why[:1].upper() + why[1:], choices)


class Example(NamedTuple):
    """A sample: its target, what it is, and the numbers that the network gets, all in words."""

    target: str
    given: str
    seen: str


@dataclass(frozen=True)
class Baseline:
    """Scores on the test part: of `model`, and of `simple`, which learns nothing from the inputs.

    `metric` is "accuracy" or "R2", `trained_on` the number of training samples, of `samples` that there are. `note`
    says what was done otherwise than usual; empty: nothing.
    """

    metric: str
    model: str
    score: float
    simple: str
    simple_score: float
    trained_on: int
    samples: int
    tested_on: int
    note: str = ""


@dataclass(frozen=True)
class Report:
    """What was found. `found` says how the files were read; `warnings` what looks wrong, some with a fix."""

    kind: str
    rows: int  # samples
    schema: Any  # Schema of the kind
    warnings: tuple[DataWarning, ...]
    found: dict[str, str]
    sections: tuple[Section, ...] = ()
    settings: tuple[Setting, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    left_out_count: int = 0

    @property
    def columns(self) -> tuple[Any, ...]:
        """Of a table, what each column holds."""
        return next((section.columns for section in self.sections if hasattr(section, "columns")), ())

    def __str__(self) -> str:
        schema: Schema = self.schema
        lines = [schema.counted(self.rows) + (f", {len(self.columns)} columns" if self.columns else "")]
        for setting in self.settings:
            shown = dict(setting.choices).get(setting.value, setting.value)
            lines.append(f"  {setting.label}: {shown}" + (f" ({setting.reason.rstrip('.')})" if setting.reason else ""))
        for section in self.sections:
            lines += section.lines()
        lines += [f"  left out: {each.what}: {each.reason}" for each in self.left_out[:20]]
        return "\n".join([*lines, *(f"  {warning.code}  {warning}" for warning in self.warnings)])


def data_report(name: str) -> Report:
    """What was found in a data set of one's own. DataError: there is none of that name, or its file is gone."""
    found = stored(name)
    check_files(found)
    report: Report = kind_of(found).report(found)
    stored_reasons = tuple(LeftOut(what, reason) for what, reason in found.source.left_out)
    left_out = tuple(dict.fromkeys((*stored_reasons, *report.left_out)))
    count = max(report.left_out_count, len(report.left_out)) + len(left_out) - len(report.left_out)
    return replace(report, left_out=left_out, left_out_count=count)


def baseline(found: Stored) -> Baseline | None:
    """The baseline of a data set, from its folder if it is there; None: its kind has none.

    Raises:
        DataError: it cannot be loaded or divided.
    """
    key = _baseline_key(found)
    place = found.folder / "baseline.json"
    try:
        kept = json.loads(place.read_text(encoding="utf-8"))
        if kept.pop("key") == key:
            return Baseline(**kept)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        pass  # there is none, or it is of another version
    made: Baseline | None = kind_of(found).baseline(found)
    if made is not None:
        with contextlib.suppress(OSError):  # it is computed again next time
            write_text(place, json.dumps({"key": key, **asdict(made)}))
    return made


def _baseline_key(found: Stored) -> str:
    """Names what the scores follow from: the file and the schema."""
    text = json.dumps([BASELINE_FORMAT, found.source.sha256, found.schema.model_dump(mode="json", exclude={"version"})])
    return hashlib.sha256(text.encode()).hexdigest()
