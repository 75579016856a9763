"""Makes samples of recordings, once, block by block, and keeps them in files that are mapped into memory.

What was made before a crash is used again: a block is a file of its own until all are there.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainers import stages
from trainers.data.base import DataError
from trainers.data.own.bringing.class_folders import class_files
from trainers.data.own.files import LeftOut
from trainers.data.own.keeping import Named, kept, key_of
from trainers.data.own.kinds.sound.encoding import encoded_sound, read_sound
from trainers.data.own.kinds.sound.schema import ENDINGS, SoundSchema
from trainers.data.own.library import Stored, check_files
from trainers.runs.files import write_text

BLOCK = 256  # recordings
WORKERS = 4
DECODING = "Decoding recordings"


class Listed(NamedTuple):
    """The recordings of a data set: paths in its folder, classes (numbers), parts (-1: not said)."""

    root: Path
    names: list[str]
    labels: NDArray[np.int64]
    given: NDArray[np.int64]


def listed(data: Stored) -> Listed:
    """The recordings of a data set. DataError: its files are gone, or others."""
    check_files(data)
    root, numbers = data.data_file, {name: number for number, name in enumerate(data.schema.classes)}
    found = [each for each in class_files(str(root), ENDINGS) if each[1] in numbers]
    labels = np.array([numbers[label] for _, label, _ in found], np.int64)
    return Listed(root, [name for name, _, _ in found], labels, np.array([part for _, _, part in found], np.int64))


def prepared(data: Stored) -> Named:
    """`inputs` float32 (N, 1, …), `targets`, `places` among the recordings, `given` parts, `why` others are not."""
    return kept(data, lambda: _made(data))


def left_out_of(data: Stored, arrays: Named) -> tuple[LeftOut, ...]:
    """The recordings that cannot be used, and why."""
    reasons = json.loads(bytes(arrays["why"]).decode())
    return tuple(LeftOut(name, f"{why[:1].upper()}{why[1:]}.") for name, why in reasons)


def _made(data: Stored) -> Named:
    schema, found = data.schema, listed(data)
    work = data.folder / "preparing" / key_of(data)[:16]
    work.mkdir(parents=True, exist_ok=True)
    blocks = [range(start, min(start + BLOCK, len(found.names))) for start in range(0, len(found.names), BLOCK)]
    paths = [found.root / name for name in found.names]
    made, count = [], len(found.names)
    stages.say(DECODING, 0, count)
    with ThreadPoolExecutor(WORKERS) as pool:
        try:
            for block in pool.map(lambda places: _block(work, places, paths, schema), blocks):
                made.append(block)
                stages.say(DECODING, min(count, BLOCK * len(made)), count)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    reasons = [(found.names[place], why) for block in made for place, why in block.why]
    places = np.array([place for block in made for place in block.places], np.int64)
    if not len(places):
        raise DataError(f"No recording can be used. {reasons[0][0]}: {reasons[0][1]}." if reasons else "It holds none.")
    inputs = _together(work, made, (len(places), *shape_of(schema)))
    if not schema.copies:
        first = first_of_each(inputs)
        inputs, places = inputs if len(first) == len(inputs) else inputs[first], places[first]
    shutil.rmtree(data.folder / "preparing", ignore_errors=True)  # what is mapped from there stays until it is kept
    why = np.frombuffer(json.dumps(reasons).encode(), np.uint8)
    targets, given = found.labels[places], found.given[places]
    return {"inputs": inputs, "targets": targets, "places": places, "given": given, "why": why}


def _together(work: Path, made: list[_Block], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """All samples in one file, mapped into memory: they may be larger than it."""
    inputs: NDArray[np.float32] = np.lib.format.open_memmap(work / "inputs.npy", "w+", np.float32, shape)
    place = 0
    for block in made:
        inputs[place : place + len(block.places)] = np.load(block.file, mmap_mode="r", allow_pickle=False)
        place += len(block.places)
    return inputs


class _Block(NamedTuple):
    """Some recordings: the file of their samples, which recordings these are, and why others cannot be used."""

    file: Path
    places: list[int]
    why: list[tuple[int, str]]


def _block(work: Path, places: range, paths: list[Path], schema: SoundSchema) -> _Block:
    """The samples of some recordings in a file, unless they were made before."""
    target, record = work / f"{places.start}.npy", work / f"{places.start}.json"
    if record.is_file():
        try:
            used, why = json.loads(record.read_text(encoding="utf-8"))
            if np.load(target, mmap_mode="r", allow_pickle=False).shape == (len(used), *shape_of(schema)):
                return _Block(target, list(map(int, used)), [(int(p), str(w)) for p, w in why])
        except (OSError, ValueError, TypeError):
            pass
        record.unlink(missing_ok=True)
    options, samples = schema.model_dump(), []
    used, why = [], []
    for place in places:
        try:
            sound = read_sound(paths[place], schema.sample_rate, schema.length / schema.sample_rate)
        except ValueError as error:
            why.append((place, str(error)))
            continue
        samples.append(encoded_sound(sound, options))
        used.append(place)
    made = np.stack(samples) if samples else np.zeros((0, *shape_of(schema)), np.float32)
    np.save(target, made, allow_pickle=False)
    write_text(record, json.dumps([used, why]))
    return _Block(target, used, why)


def shape_of(schema: SoundSchema) -> tuple[int, ...]:
    """The shape of a sample."""
    return (1, schema.length) if schema.form == "waveform" else (1, schema.mels, schema.length // schema.hop)


def first_of_each(inputs: NDArray[Any]) -> NDArray[np.int64]:
    """The places of samples without those that are the same as one before."""
    same = numbered(inputs)
    return np.unique(same, return_index=True)[1].astype(np.int64)


def numbered(inputs: NDArray[Any]) -> NDArray[np.int64]:
    """A number for each sample, in the order in which they come up, that is the same for the same sample."""
    seen: dict[bytes, int] = {}
    digests = (hashlib.blake2b(np.ascontiguousarray(sample).data, digest_size=12).digest() for sample in inputs)
    return np.array([seen.setdefault(digest, len(seen)) for digest in digests], np.int64)
