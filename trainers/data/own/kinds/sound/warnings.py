"""What looks wrong in sounds before anything is trained on them: one class for each kind of trouble."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from trainers.data.own.files import LeftOut
from trainers.data.own.kinds.sound.guessing import Head
from trainers.data.own.kinds.sound.schema import SoundSchema
from trainers.data.own.report import DataWarning
from trainers.data.own.schema import unequal
from trainers.tasks.target import plural

FEW = 20  # recordings of a class
MANY_CUT = 0.1  # of the recordings


@dataclass(frozen=True)
class Found:
    """What checks look at: heads of the files, and of the recordings that are used their classes and seconds."""

    schema: SoundSchema
    heads: Mapping[str, Head]
    targets: NDArray[np.int64]
    seconds: NDArray[np.float64]
    left_out: tuple[LeftOut, ...]
    copies: int
    across: str = ""  # what the copies do across the split, in sentences

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many recordings each class has."""
        return np.bincount(self.targets, minlength=len(self.schema.classes))


class SoundCheck:
    """One kind of trouble. The docstring says what, why it hurts, and what to do."""

    code: ClassVar[str]

    def find(self, found: Found) -> Iterator[DataWarning]:
        """A warning for each place where the sounds have it."""
        raise TypeError(f"{type(self).__name__} must define what it finds.")

    def warn(self, message: str, where: str | None = None, fix: Any = None, label: str = "") -> DataWarning:
        """A warning of this check."""
        return DataWarning(self.code, where, message, fix, label)


class FewSounds(SoundCheck):
    """A class has so few recordings that the network can hardly learn it, and its score says little."""

    code: ClassVar[str] = "D501"

    def find(self, found: Found) -> Iterator[DataWarning]:
        for name, count in zip(found.schema.classes, found.counts, strict=True):
            if count < FEW:
                yield self.warn(f"has only {plural(int(count), 'recording', 'recordings')}.", name)


class UnequalSounds(SoundCheck):
    """One class has far more recordings than another. A network that always answers with the large one is right most of
    the time, and useless: the recommended network weighs the classes."""

    code: ClassVar[str] = "D502"

    def find(self, found: Found) -> Iterator[DataWarning]:
        counts = found.counts
        if unequal(counts):
            large, small = (found.schema.classes[place] for place in (counts.argmax(), counts.argmin()))
            yield self.warn(
                f"Unequal classes: {large} has {counts.max():,} recordings, {small} has {counts.min():,}. The "
                "recommended network weighs them equally (class_weights: balanced)."
            )


class SameSoundTwice(SoundCheck):
    """The same recording is there more than once. A copy in the training part and one in the test part make the score
    better than it is."""

    code: ClassVar[str] = "D503"

    def find(self, found: Found) -> Iterator[DataWarning]:
        if found.copies and found.schema.copies:
            are = "recording is" if found.copies == 1 else "recordings are"
            fix = found.schema.with_fields(copies=False)
            message = f"{found.copies:,} {are} the same as one before, as the network gets them. {found.across}"
            yield self.warn(message, None, fix, "Use each recording once")


class SoundsAreCut(SoundCheck):
    """Many recordings are longer than a sample: what comes after it is not heard."""

    code: ClassVar[str] = "D504"

    def find(self, found: Found) -> Iterator[DataWarning]:
        schema = found.schema
        seconds = schema.length / schema.sample_rate
        share = float((found.seconds > seconds + 1e-3).mean())
        if share > MANY_CUT:
            longer = round(float(np.quantile(found.seconds, 0.95)) * schema.sample_rate)
            fix = schema.with_fields(length=longer, length_reason="") if longer <= 10_000_000 else None
            message = f"{share:.0%} of the recordings are longer than {seconds:.2f} seconds, and are cut off there."
            yield self.warn(message, None, fix, f"Use {longer / schema.sample_rate:.2f} seconds" if fix else "")


class LeftOutSounds(SoundCheck):
    """Some recordings are empty, silent, cut off or none at all, and are left out."""

    code: ClassVar[str] = "D505"

    def find(self, found: Found) -> Iterator[DataWarning]:
        if count := len(found.left_out):
            first = found.left_out[0]
            yield self.warn(
                f"{plural(count, 'recording', 'recordings')} left out, such as {first.what}: {first.reason}"
            )


class MixedRates(SoundCheck):
    """Recordings have different rates. All are resampled; those of a lower rate have no high frequencies, which may
    give their class away."""

    code: ClassVar[str] = "D506"

    def find(self, found: Found) -> Iterator[DataWarning]:
        rates = sorted({head.rate for head in found.heads.values()})
        if len(rates) > 1:
            low = rates[0] < found.schema.sample_rate
            fix = found.schema.with_fields(
                sample_rate=max(1000, rates[0]),
                length=max(64, round(found.schema.length * rates[0] / found.schema.sample_rate)),
                rate_reason="",
            )
            message = f"The recordings have {len(rates)} rates, from {rates[0]:,} to {rates[-1]:,} values a second."
            yield self.warn(message, None, fix if low else None, f"Use {rates[0]:,} for all" if low else "")


@functools.cache
def sound_checks() -> tuple[SoundCheck, ...]:
    """One of each, in the order of their codes."""
    return tuple(kind() for kind in sorted(SoundCheck.__subclasses__(), key=lambda kind: kind.code))


def look_for_trouble(found: Found) -> list[DataWarning]:
    """All that the checks find, in the order of their codes."""
    return [warning for check in sound_checks() for warning in check.find(found)]
