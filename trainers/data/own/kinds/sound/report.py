"""What was found in sounds: some of each class to hear and to see, settings, and what looks wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from trainers.data import dataset
from trainers.data.base import DataError
from trainers.data.own.kinds.sound.encoding import padded_sound, read_sound, spectrogram_of
from trainers.data.own.kinds.sound.guessing import heads_of
from trainers.data.own.kinds.sound.preparing import left_out_of, listed, numbered, prepared
from trainers.data.own.kinds.sound.schema import SoundSchema
from trainers.data.own.kinds.sound.warnings import Found, look_for_trouble
from trainers.data.own.library import Stored
from trainers.data.own.report import Report, Section, Setting
from trainers.data.splits import also_in_training, parts_of, words_on_copies

EXAMPLES = 2  # of a class
MOST_CLASSES = 30  # that are shown


@dataclass(frozen=True)
class SoundClass:
    """Some recordings of one class as they are used, and how many there are. `sounds`: float32 from -1 to 1 each;
    `spectrograms`: (mels, columns) each."""

    label: str
    count: int
    sounds: tuple[NDArray[np.float32], ...] = field(default=(), compare=False)
    spectrograms: tuple[NDArray[np.float32], ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class Sounds(Section):
    """Recordings by class; `sample_rate` values are a second."""

    classes: tuple[SoundClass, ...]
    sample_rate: int

    def lines(self) -> list[str]:
        return [f"  {each.label}: {each.count:,} recordings" for each in self.classes]


def _copies(data: Stored, inputs: NDArray[np.float32], targets: NDArray[np.int64]) -> tuple[int, str]:
    """How many recordings are the same as one before, and what they do across the split, in sentences."""
    same = numbered(inputs)
    different = int(same.max(initial=-1)) + 1
    if different == len(same) or not data.schema.copies:
        return len(same) - different, ""
    own, labels = dataset({"name": data.full_name}), len(set(zip(same.tolist(), targets.tolist(), strict=True)))
    try:
        both = also_in_training(parts_of(own, own.load()), same)
    except DataError:  # too few to be divided, which is said when somebody trains
        return len(same) - different, ""
    return len(same) - different, words_on_copies(both, not data.schema.given_parts, labels - different)


def report(data: Stored) -> Report:
    """What was found in the sounds of a data set. DataError: they are gone, or others."""
    schema: SoundSchema = data.schema
    there, arrays = listed(data), prepared(data)
    heads, _ = heads_of(there.root, there.names)
    targets, places = np.asarray(arrays["targets"]), np.asarray(arrays["places"])
    classes = []
    for number, label in enumerate(schema.classes):
        mine = places[targets == number]
        some = mine[: EXAMPLES if number < MOST_CLASSES else 0]
        seconds = schema.length / schema.sample_rate
        sounds = [read_sound(there.root / there.names[p], schema.sample_rate, seconds)[: schema.length] for p in some]
        shapes = (schema.sample_rate, schema.mels, schema.hop)
        padded = [padded_sound(sound, schema.length, schema.silence) for sound in sounds]
        shown = tuple(spectrogram_of(sound, *shapes) for sound in padded)
        classes.append(SoundClass(label, len(mine), tuple(sounds), shown))
    left_out = left_out_of(data, arrays)
    seconds_of = np.array([heads[there.names[place]].seconds for place in places])
    copies, across = _copies(data, arrays["inputs"], targets)
    warnings = tuple(look_for_trouble(Found(schema, heads, targets, seconds_of, left_out, copies, across)))
    found = {
        "rates": _counted(Counter(f"{head.rate:,} a second" for head in heads.values())),
        "channels": _counted(
            Counter({1: "mono", 2: "stereo"}.get(h.channels, f"{h.channels}") for h in heads.values())
        ),
        "values": _counted(Counter(head.subtype for head in heads.values())),
        "lengths": f"{seconds_of.min():.2f} to {seconds_of.max():.2f} seconds",
    }
    sections = (Sounds("Sounds by class", tuple(classes), schema.sample_rate),)
    settings = _settings(schema)
    return Report(schema.kind, len(places), schema, warnings, found, sections, settings, left_out[:50], len(left_out))


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name} ({count:,})" if len(counts) > 1 else name for name, count in counts.most_common(5))


def _settings(schema: SoundSchema) -> tuple[Setting, ...]:
    forms = (("spectrogram", "spectrogram"), ("waveform", "waveform"))
    silence = (("before", "before the sound"), ("after", "after the sound"))
    yes_no = ((True, "yes"), (False, "no"))
    return (
        Setting("form", "What the network sees", schema.form, schema.form_reason, forms),
        Setting("sample_rate", "Sample rate in Hz", schema.sample_rate, schema.rate_reason, (), 1000, 96_000),
        Setting("length", "Length in values", schema.length, schema.length_reason, (), 64, 10_000_000),
        Setting("silence", "Where short sounds are filled up", schema.silence, "", silence),
        Setting("mels", "Mel bands", schema.mels, "", (), 8, 128),
        Setting("hop", "Hop length in values", schema.hop, "", (), 16, 8192),
        Setting("copies", "Use copies of the same recording", schema.copies, "", yes_no),
    )
