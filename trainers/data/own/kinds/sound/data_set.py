"""Sounds of one's own as a data set, like those that come with Netloom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from trainers.data.base import GIVEN, Arrays, DataError, EncodedFiles, Kind
from trainers.data.own.bringing.new_files import copy_samples
from trainers.data.own.data_set import OwnData, made_of
from trainers.data.own.files import brought
from trainers.data.own.kinds.sound.encoding import encoded_sound, read_sound
from trainers.data.own.kinds.sound.preparing import listed, prepared, shape_of
from trainers.data.own.kinds.sound.schema import ENDINGS, SoundSchema
from trainers.data.own.kinds.sound.script import new_sounds_source, sound_source
from trainers.data.own.library import Stored


class _OwnSounds(OwnData):
    """Sounds of one's own. The underscore keeps it out of the data sets that come with Netloom."""

    kind: ClassVar[Kind] = "sound"

    @property
    def described(self) -> SoundSchema:
        found: SoundSchema = self.stored.schema
        return found

    @property
    def samples(self) -> int:
        return self.stored.remembered("samples", lambda: len(prepared(self.stored)["targets"]))

    @property
    def input_shape(self) -> tuple[int, ...]:
        return shape_of(self.described)

    @property
    def classes(self) -> tuple[str, ...]:
        return self.described.classes

    @property
    def given_parts(self) -> Mapping[str, int]:
        return self.stored.remembered("given_parts", self._given_parts) if self.described.given_parts else {}

    def _given_parts(self) -> dict[str, int]:
        given = np.asarray(prepared(self.stored)["given"])
        return {GIVEN[part]: int((given == part).sum()) for part in (1, 2) if (given == part).any()}

    def load(self) -> Arrays:
        """The sounds as arrays, mapped into memory. DataError: they are gone, others, or none can be used."""
        found = prepared(self.stored)
        parts = np.asarray(found["given"]).clip(0).astype(np.int8) if self.described.given_parts else None
        return Arrays((found["inputs"],), np.asarray(found["targets"]), parts=parts)

    def sounds(self, indices: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        schema, there, places = self.described, listed(self.stored), prepared(self.stored)["places"]
        seconds = schema.length / schema.sample_rate
        paths = [there.root / there.names[int(places[index])] for index in indices]
        return [read_sound(path, schema.sample_rate, seconds)[: schema.length] for path in paths]

    def sample_names(self, places: NDArray[np.int64]) -> list[str]:
        there, files = listed(self.stored), prepared(self.stored)["places"]
        return [there.names[int(files[place])] for place in places]

    def encode_files(self, paths: Sequence[str | Path]) -> EncodedFiles:
        """New recordings, or folders of them, as inputs before they are scaled; their names; and what is left out.

        Raises:
            DataError: none of them is a recording.
        """
        schema, found, names, left_out = self.described, [], [], []
        for path in map(Path, paths):
            files = brought(path)
            recordings = files.names if files.single else files.ending(*ENDINGS)
            left_out += files.others(recordings, f"It is no recording: these end in {', '.join(ENDINGS)}.")
            for name in recordings:
                try:
                    sound = read_sound(files.path(name), schema.sample_rate, schema.length / schema.sample_rate)
                except ValueError as error:
                    left_out.append((name, f"{str(error)[:1].upper()}{str(error)[1:]}."))
                    continue
                found.append(encoded_sound(sound, schema.model_dump()))
                names.append(name)
        if not found:
            why = f" {left_out[0][0]}: {left_out[0][1]}" if left_out else ""
            raise DataError(f"There is no recording to predict.{why}")
        return EncodedFiles((np.stack(found),), names, left_out)

    def prediction_source(self) -> str:
        return new_sounds_source(self.stored)

    def write_samples(self, places: NDArray[np.int64], folder: Path) -> tuple[list[Path], list[Path]]:
        """Copies of the recordings."""
        root = listed(self.stored).root
        copies = copy_samples([root / name for name in self.sample_names(places)], folder / "samples")
        return [folder / "samples"], copies

    def source(self) -> str:
        """Python source of `load_data()` that reads the recordings with soundfile alone, and of `load_parts()`."""
        return sound_source(self.stored)


def sound_data_set(name: str, stored: Stored) -> type[OwnData]:
    """The sounds as a data set of this name."""
    summary = f"{stored.source.rows:,} recordings of your own."
    return made_of(_OwnSounds, name, stored, summary, sample_rate=stored.schema.sample_rate)
