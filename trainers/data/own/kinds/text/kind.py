"""Texts: files in folders as classes, a table with a text and a label, or one text for language models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from trainers.data.base import DataError, DataSet
from trainers.data.own.files import Files
from trainers.data.own.kind import Looked, Match, OwnKind, Wishes
from trainers.data.own.kinds.text.data_set import text_data_set
from trainers.data.own.kinds.text.recommending import recommended
from trainers.data.own.kinds.text.tagged_words import in_file
from trainers.data.own.library import Stored
from trainers.data.own.reading import first_rows
from trainers.data.own.recommending import Recommended

if TYPE_CHECKING:
    from trainers.data.own.report import Report
    from trainers.data.own.schema import Schema

MOST_COLUMNS = 20  # of a table of texts
PROSE = (".txt", ".text", ".md", ".rst")


def _work() -> Any:
    """What needs pandas, so that listing the kinds stays quick."""
    from trainers.data.own.kinds.text import report

    return report


class TextKind(OwnKind):
    """Texts with classes, or one long text."""

    name: ClassVar[str] = "text"
    label: ClassVar[str] = "text"
    takes: ClassVar[str] = "Texts: a folder for each class, a table with a column of texts, or one long text."

    def recognise(self, files: Files) -> Match | None:
        if files.only is not None:
            return self._one_file(files)
        texts = len(files.ending(*PROSE)) + _work().texts_without_ending(files)
        if texts < 0.5 * len(files.names) or not (classes := _work().folder_classes(files)):
            return None
        reason = f"{texts:,} of {len(files.names):,} files are texts, in {len(classes)} folders."
        return Match(0.5 + 0.4 * texts / len(files.names), reason)

    def _one_file(self, files: Files) -> Match | None:
        assert files.only is not None
        if (tagged := in_file(files.only, files.title)) is not None:
            return Match(0.9, f"It holds {tagged}.")
        try:
            frame = first_rows(files.only)
        except DataError:
            frame = None
        few = frame is not None and 2 <= len(frame.columns) <= MOST_COLUMNS and len(frame) > 1
        if few and (table := _work().text_table(frame)) is not None:
            return Match(0.65, f"{table.text} holds texts, {table.label} their classes.")
        if files.only.suffix.lower() not in PROSE:
            return None
        with files.only.open("rb") as opened:
            text = _work().text_of(opened.read(1 << 18).rsplit(b"\n", 1)[0])
        if not text or len(text) < 200:
            return None
        columns = 1 if frame is None else len(frame.columns)
        words = len(text.split()) / max(1, text.count("\n") + 1)
        if columns > 1 and words < 4:
            return None
        return Match(0.6, "It is one text in lines of words, no table.")

    def look(self, files: Files, wishes: Wishes) -> Looked:
        if files.only is not None and not wishes.settings and (tagged := in_file(files.only, files.title)) is not None:
            raise DataError(
                f"It holds {tagged}, as CoNLL files do. No task learns a tag for each word yet. To predict the tag of "
                "a word from its columns alone, add it as a table (kind table)."
            )
        wishes.only("target", "types", "settings")
        schema, found = _work().look(files, wishes)
        return Looked(schema, len(found.texts), "", found.left_out)

    def suits(self, files: Files, wishes: Wishes) -> bool:
        return not (wishes.task or wishes.roles or wishes.split)

    def data_set(self, name: str, stored: Stored) -> type[DataSet]:
        return text_data_set(name, stored)

    def report(self, stored: Stored) -> Report:
        found: Report = _work().report(stored)
        return found

    def change(self, stored: Stored, key: str, value: Any) -> Schema:
        if key == "encoding":
            found: Schema = _work().in_another_encoding(stored, value)
            return found
        if key == "tokens":
            changed: Schema = _work().with_tokens(stored.schema, _work().texts_of(stored), value)
            return changed
        reasons = {"length": "length_reason", "lower": "lower_reason", "vocabulary_size": "vocabulary_reason"}
        made: Schema = stored.schema.with_fields(**{key: value, **({reasons[key]: ""} if key in reasons else {})})
        return made

    def recommend(self, stored: Stored) -> Recommended:
        return recommended(stored)
