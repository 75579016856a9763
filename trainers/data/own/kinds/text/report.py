"""What was found in texts: examples of each class, how long they are, settings, and what looks wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from trainers.data.base import DataError
from trainers.data.own.kinds.text.encoding import text_of, tokens_of
from trainers.data.own.kinds.text.guessing import folder_classes, look, text_table, texts_without_ending, with_tokens
from trainers.data.own.kinds.text.reading import in_another_encoding, texts_of
from trainers.data.own.kinds.text.schema import TextSchema
from trainers.data.own.kinds.text.warnings import Found, look_for_trouble
from trainers.data.own.library import Stored
from trainers.data.own.reading.encoding import encoding_of
from trainers.data.own.report import Report, Section, Setting, encoding_setting

__all__ = [
    "folder_classes",
    "in_another_encoding",
    "look",
    "report",
    "text_of",
    "text_table",
    "texts_of",
    "texts_without_ending",
    "with_tokens",
]  # for kind.py

EXAMPLES = 3  # of a class
SHOWN = 300  # characters of an example
MOST_CLASSES = 60  # that are shown
LOOKED_AT = 200  # files, whose encoding is named


@dataclass(frozen=True)
class TextClass:
    """Some texts of one class, and how many there are."""

    label: str
    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True)
class TextExamples(Section):
    """Texts, by class where they have one. `lengths`: (from, up to, how many texts) in tokens; `cut`: so many are
    longer than a sample."""

    classes: tuple[TextClass, ...]
    lengths: tuple[tuple[int, int, int], ...]
    cut: int

    def lines(self) -> list[str]:
        shown = [f"  {each.label}: {each.count:,} texts" for each in self.classes if each.label]
        return [*shown, f"  {self.cut:,} are longer than a sample"] if self.cut else shown


def report(data: Stored) -> Report:
    """What was found in the texts of a data set. DataError: they are gone, or others."""
    schema: TextSchema = data.schema
    found = texts_of(data)
    lengths = np.array([len(tokens_of(text, schema.tokens, schema.lower)) for text in found.texts])
    running = schema.form == "running"
    names = ("",) if running else schema.classes
    classes = []
    for number, name in enumerate(names[:MOST_CLASSES]):
        places = np.flatnonzero(found.labels == number)
        examples = tuple(found.texts[place][:SHOWN] for place in places[:EXAMPLES])
        classes.append(TextClass(name, len(places), examples))
    counts, edges = np.histogram(lengths, bins=min(20, max(1, len(np.unique(lengths)))))
    bars = tuple((int(low), int(high), int(n)) for low, high, n in zip(edges, edges[1:], counts, strict=False))
    cut = 0 if running else int((lengths > schema.length).sum())
    sections = (TextExamples("Texts", tuple(classes), () if running else bars, cut),)
    warnings = tuple(look_for_trouble(Found(schema, found, lengths)))
    how = {"form": schema.form_reason, "encoding": _encodings(data), "tokens": f"{lengths.sum():,} tokens"}
    left = found.left_out
    settings = (*_settings(schema), encoding_setting(schema.encoding, how["encoding"]))
    rows = len(found.texts)
    return Report(schema.kind, rows, schema, warnings, how, sections, settings, left[:50], len(left))


def _encodings(data: Stored) -> str:
    """How the files are encoded, by the first of them."""
    files, schema = data.files(), data.schema
    counts: Counter[str] = Counter()
    for name in files.names[:LOOKED_AT]:
        try:
            found = encoding_of(files.path(name)).name
        except DataError:
            found = "no text"
        known = found.startswith("utf") or found == "no text" or schema.form == "table"
        counts[schema.encoding or (found if known else schema.other_encoding)] += 1
    return ", ".join(f"{name} ({count})" if len(counts) > 1 else name for name, count in counts.most_common())


def _settings(schema: TextSchema) -> tuple[Setting, ...]:
    units = (("words", "words"), ("characters", "characters"))
    yes_no = ((True, "yes"), (False, "no"))
    settings = [
        Setting("tokens", "A text is divided into", schema.tokens, schema.tokens_reason, units),
        Setting("lower", "Small letters only", schema.lower, schema.lower_reason, yes_no),
        Setting("length", "Tokens of a sample", schema.length, schema.length_reason, (), 2, 20_000),
        Setting("vocabulary_size", "Vocabulary", schema.vocabulary_size, schema.vocabulary_reason, (), 5, 200_000),
    ]
    if schema.form != "running":
        settings.append(Setting("copies", "Use copies of the same text", schema.copies, "", yes_no))
    why = "Another number gives another split; the vocabulary is that of its training part."
    settings.append(Setting("split_seed", "Seed of the split", schema.split_seed, why, (), 0, 2**31))
    return tuple(settings) if schema.form != "running" else tuple(settings[:-1])
