"""Sounds: recordings in folders, a class each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from trainers.data.base import DataError, DataSet
from trainers.data.own.files import Files
from trainers.data.own.kind import Looked, Match, OwnKind, Wishes
from trainers.data.own.kinds.sound.data_set import sound_data_set
from trainers.data.own.kinds.sound.guessing import look
from trainers.data.own.kinds.sound.preparing import prepared
from trainers.data.own.kinds.sound.recommending import recommended
from trainers.data.own.kinds.sound.report import report
from trainers.data.own.kinds.sound.schema import ENDINGS
from trainers.data.own.library import Stored
from trainers.data.own.recommending import Recommended

if TYPE_CHECKING:
    from trainers.data.own.report import Report
    from trainers.data.own.schema import Schema

REASONS = {"sample_rate": "rate_reason", "length": "length_reason", "form": "form_reason"}


class SoundKind(OwnKind):
    """Recordings with classes."""

    name: ClassVar[str] = "sound"
    label: ClassVar[str] = "sound"
    takes: ClassVar[str] = "Sounds: a folder for each class, with WAV, FLAC, OGG or MP3 files."

    def recognise(self, files: Files) -> Match | None:
        count = len(files.ending(*ENDINGS))
        if not count or count < 0.2 * len(files.names):
            return None
        return Match(0.5 + 0.45 * count / len(files.names), f"{count:,} of {len(files.names):,} files are recordings.")

    def look(self, files: Files, wishes: Wishes) -> Looked:
        if files.single:
            raise DataError("It is one recording. Bring a folder or an archive with a folder for each class.")
        wishes.only("settings")
        schema, count, left_out = look(files, wishes)
        return Looked(schema, count, "", tuple(left_out))

    def data_set(self, name: str, stored: Stored) -> type[DataSet]:
        return sound_data_set(name, stored)

    def prepare(self, stored: Stored) -> None:
        prepared(stored)

    def report(self, stored: Stored) -> Report:
        return report(stored)

    def change(self, stored: Stored, key: str, value: Any) -> Schema:
        schema = stored.schema
        fields = {key: value, **({REASONS[key]: ""} if key in REASONS else {})}
        if key == "sample_rate":  # the same seconds at another rate
            fields["length"] = max(64, round(schema.length * value / schema.sample_rate))
        made: Schema = schema.with_fields(**fields)
        return made

    def recommend(self, stored: Stored) -> Recommended:
        return recommended(stored)
