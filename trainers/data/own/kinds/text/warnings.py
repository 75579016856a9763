"""What looks wrong in texts before anything is trained on them: one class for each kind of trouble."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from trainers.data.own.bringing.class_folders import parts_of
from trainers.data.own.kinds.text.preparing import first_of_each, plain
from trainers.data.own.kinds.text.reading import LOST, Texts
from trainers.data.own.kinds.text.schema import TextSchema
from trainers.data.own.report import DataWarning
from trainers.data.own.schema import unequal
from trainers.data.splits import also_in_training, words_on_copies
from trainers.tasks.target import plural

FEW = 20  # texts of a class
MANY_CUT = 0.1  # of the texts


@dataclass(frozen=True)
class Found:
    """What checks look at: the schema, the texts, and how many tokens each has."""

    schema: TextSchema
    texts: Texts
    lengths: NDArray[np.int64]

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many texts each class has, of those that are used."""
        count = len(self.schema.classes)
        used = slice(None) if self.schema.copies else first_of_each(self.texts.texts)
        return np.bincount(self.texts.labels[used], minlength=count)[:count]


class TextCheck:
    """One kind of trouble. The docstring says what, why it hurts, and what to do."""

    code: ClassVar[str]

    def find(self, found: Found) -> Iterator[DataWarning]:
        """A warning for each place where the texts have it."""
        raise TypeError(f"{type(self).__name__} must define what it finds.")

    def warn(self, message: str, where: str | None = None, fix: Any = None, label: str = "") -> DataWarning:
        """A warning of this check."""
        return DataWarning(self.code, where, message, fix, label)


class BytesWithoutCharacter(TextCheck):
    """Some bytes stand for no character in the encoding that a file is read in: the text is not what was written, and
    the encoding may be another one."""

    code: ClassVar[str] = "D407"

    def find(self, found: Found) -> Iterator[DataWarning]:
        held = [(name, text) for name, text in zip(found.texts.names, found.texts.texts, strict=True) if LOST in text]
        if not held:
            return
        count = sum(text.count(LOST) for _, text in held)
        name, text = held[0]
        line = text[: text.index(LOST)].count("\n") + 1
        where = name if found.schema.form == "table" else f"line {line:,} of {name}"
        yield self.warn(
            f"{LOST} stands for what is no character in {plural(len(held), 'text', 'texts')} "
            f"({plural(count, 'time', 'times')}, first in {where}). Choose another encoding, or correct the file."
        )


class FewTexts(TextCheck):
    """A class has so few texts that the network can hardly learn it, and its score says little."""

    code: ClassVar[str] = "D401"

    def find(self, found: Found) -> Iterator[DataWarning]:
        for name, count in zip(found.schema.classes, found.counts, strict=True):
            if count < FEW:
                yield self.warn(f"has only {plural(int(count), 'text', 'texts')}.", name)


class UnequalTexts(TextCheck):
    """One class has far more texts than another. A network that always answers with the large one is right most of the
    time, and useless: the recommended network weighs the classes."""

    code: ClassVar[str] = "D402"

    def find(self, found: Found) -> Iterator[DataWarning]:
        counts = found.counts
        if unequal(counts):
            large, small = (found.schema.classes[place] for place in (counts.argmax(), counts.argmin()))
            yield self.warn(
                f"Unequal classes: {large} has {counts.max():,} texts, {small} has {counts.min():,}. The recommended "
                "network weighs them equally (class_weights: balanced)."
            )


class SameTextTwice(TextCheck):
    """The same text is there more than once (whatever its case and blanks). A copy in the training part and one in the
    test part make the score better than it is."""

    code: ClassVar[str] = "D403"

    def find(self, found: Found) -> Iterator[DataWarning]:
        if found.schema.form == "running" or not found.schema.copies:
            return
        if count := len(found.texts.texts) - len(first_of_each(found.texts.texts)):
            fix = found.schema.with_fields(copies=False)
            texts = f"{count:,} {'text is' if count == 1 else 'texts are'} the same as one before."
            yield self.warn(f"{texts} {_across(found)}", None, fix, "Use each text once")


def _across(found: Found) -> str:
    """What the copies do across the split, in sentences."""
    schema, texts = found.schema, found.texts
    parts = parts_of(texts.labels, texts.given, schema.validation, schema.test, schema.split_seed)
    numbers: dict[str, int] = {}
    same = np.array([numbers.setdefault(text, len(numbers)) for text in plain(texts.texts)])
    labels = len(set(zip(same.tolist(), texts.labels.tolist(), strict=True)))
    training, validation, test = (np.flatnonzero(parts == part) for part in range(3))
    return words_on_copies(also_in_training((training, validation, test), same), False, labels - len(numbers))


class TextsAreCut(TextCheck):
    """Many texts are longer than a sample: what comes after it is not seen."""

    code: ClassVar[str] = "D404"

    def find(self, found: Found) -> Iterator[DataWarning]:
        if found.schema.form == "running":
            return
        share = float((found.lengths > found.schema.length).mean())
        if share > MANY_CUT:
            longer = int(min(20_000, np.quantile(found.lengths, 0.95)))
            fix = found.schema.with_fields(length=longer, length_reason="") if longer > found.schema.length else None
            message = f"{share:.0%} of the texts have more than {found.schema.length:,} tokens, and are cut off there."
            yield self.warn(message, None, fix, f"Use {longer:,} tokens" if fix else "")


class LeftOutTexts(TextCheck):
    """Some files or rows hold no text, or have no class, and are left out: nothing is learned from them."""

    code: ClassVar[str] = "D405"

    def find(self, found: Found) -> Iterator[DataWarning]:
        if count := len(found.texts.left_out):
            first = found.texts.left_out[0]
            yield self.warn(f"{plural(count, 'text', 'texts')} left out, such as {first.what}: {first.reason}")


class ShortText(TextCheck):
    """A running text is so short that a network learns it by heart."""

    code: ClassVar[str] = "D406"

    def find(self, found: Found) -> Iterator[DataWarning]:
        if found.schema.form == "running" and found.lengths.sum() < 100_000:
            yield self.warn(f"The text has only {found.lengths.sum():,} tokens: a network soon knows it by heart.")


@functools.cache
def text_checks() -> tuple[TextCheck, ...]:
    """One of each, in the order of their codes."""
    return tuple(kind() for kind in sorted(TextCheck.__subclasses__(), key=lambda kind: kind.code))


def look_for_trouble(found: Found) -> list[DataWarning]:
    """All that the checks find, in the order of their codes."""
    return [warning for check in text_checks() for warning in check.find(found)]
