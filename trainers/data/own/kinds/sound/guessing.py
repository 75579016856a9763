"""The schema of sounds as it seems to be, by the heads of their files."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from trainers.data.base import DataError
from trainers.data.own.bringing.class_folders import class_files
from trainers.data.own.files import Files, LeftOut
from trainers.data.own.kind import Wishes
from trainers.data.own.kinds.sound.encoding import wave_head
from trainers.data.own.kinds.sound.schema import ENDINGS, SoundSchema
from trainers.data.own.kinds.table.tasks import task_for
from trainers.data.own.schema import Splitting

HIGHEST = 16_000  # hertz: enough for speech and for most differences between sounds
OUTSIDE = "It lies in no folder of a class."
LONGEST = 10.0  # seconds of a sample that is guessed


class Head(NamedTuple):
    """What the head of a file says: values a second, channels, seconds, how values are stored."""

    rate: int
    channels: int
    seconds: float
    subtype: str


def head_of(path: Path) -> Head:
    """What the head of a recording says. ValueError: it is none, or nothing that is installed reads it."""
    with contextlib.suppress(ValueError):
        head = wave_head(path)
        size = head["channels"] * head["bits"] // 8
        frames = min(head["bytes"], path.stat().st_size - head["start"]) // size
        return Head(head["rate"], head["channels"], frames / head["rate"], f"{head['bits']} bit")
    if not path.stat().st_size:
        raise ValueError("it is empty")
    try:
        import soundfile
    except (ImportError, OSError):  # OSError: libsndfile, which it needs, is not there
        raise ValueError("it is no plain WAV file, and soundfile is not installed (pip install soundfile)") from None
    try:
        about = soundfile.info(str(path))
    except (soundfile.SoundFileError, OSError, TypeError):
        raise ValueError("it is damaged, or no recording of a format that soundfile reads") from None
    return Head(about.samplerate, about.channels, about.frames / about.samplerate, about.subtype_info)


def heads_of(root: Path, names: list[str]) -> tuple[dict[str, Head], list[LeftOut]]:
    """What the heads of files say, and which are no recordings."""
    found, left_out = {}, []
    for name in names:
        try:
            found[name] = head_of(root / name)
        except (ValueError, OSError) as error:
            left_out.append(LeftOut(name, f"I{str(error)[1:]}."))
    return found, left_out


def look(files: Files, wishes: Wishes) -> tuple[SoundSchema, int, list[LeftOut]]:
    """The schema, how many recordings there are, and what is left out. DataError: they are in no class folders."""
    listed = class_files(str(files.root), ENDINGS)
    classes = tuple(sorted({label for _, label, _ in listed}))
    tables = files.ending(".csv", ".tsv", ".xlsx")
    if len(classes) < 2 or (tables and all(re.fullmatch(r"fold[ _-]?\d+", label, re.IGNORECASE) for label in classes)):
        beside = f" Classes from a table such as {tables[0]} are not read." if tables else ""
        raise DataError(
            f"Its recordings are not in at least two folders, one for each class.{beside} Put them into such folders."
        )
    heads, left_out = heads_of(files.root, [name for name, _, _ in listed])
    if not heads:
        first = f" {left_out[0].what}: {left_out[0].reason}" if left_out else ""
        raise DataError(f"None of its {len(listed):,} files can be read as a recording.{first}")
    there = {name for name, _, _ in listed}
    others = [name for name in files.names if name not in there]
    recordings = set(files.ending(*ENDINGS))
    left_out += [LeftOut(name, OUTSIDE if name in recordings else "It is no recording.") for name in others]
    rates = Counter(head.rate for head in heads.values())
    common = rates.most_common(1)[0][0]
    rate = max(1000, min(HIGHEST, common))
    why = f"{rates[common]:,} of {len(heads):,} recordings have {common:,} values a second."
    why += f" {rate:,} keep most differences between sounds." if rate < common else ""
    seconds = np.array([head.seconds for head in heads.values() if head.seconds > 0] or [1.0])
    wanted = float(min(LONGEST, np.quantile(seconds, 0.95)))
    shares = f"{(seconds <= wanted + 1e-9).mean():.0%} of the recordings are no longer than {wanted:.2f} seconds."
    hop = 2 ** max(4, round(float(np.log2(rate * 0.016))))
    length = max(4 * hop, -(-round(wanted * rate) // hop) * hop)
    given = any(part >= 0 for _, _, part in listed)
    schema = SoundSchema(
        classes=classes,
        task=task_for("category"),
        task_reason=f"The recordings are in {len(classes)} folders, a class each.",
        splitting=Splitting(how="given", reason="Folders say which part each is in.") if given else Splitting(),
        sample_rate=rate,
        rate_reason=why,
        length=length,
        length_reason=shares,
        hop=hop,
        mels=40 if rate >= 6000 else 24,
        given_parts=given,
        form_reason="Spectrograms are learned from fewer recordings than waveforms.",
    )
    settings = dict(wishes.settings)
    return (schema.with_fields(**settings) if settings else schema), len(listed), left_out
