"""Decodes images once, in parallel, into bytes in files that are mapped into memory. What was done before a kill stays.

prepared/         images.bytes, masks.bytes, about.json: complete
prepared.part/    the same while it is made; `done` has a byte for each block, failed.jsonl what cannot be used
prepared.whole/   the same without what cannot be used, for the moment in which it takes the place of prepared/
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers import stages
from trainers.data.base import DataError
from trainers.data.own.files import LeftOut
from trainers.data.own.kinds.images import decoding, decoding_worker
from trainers.data.own.kinds.images.schema import ImagesSchema
from trainers.data.own.library import Stored
from trainers.runs.files import write_text

PREPARED = "netloom-images/1"
BLOCK = 128  # images that are decoded before it is noted that they are
DECODING = "Decoding images"
COPIED = 16 << 20  # bytes at once
FEW = 1000  # images below which threads are as fast as processes, which take a moment to start
GUARD = threading.Lock()
LOCKS: dict[str, threading.Lock] = {}


@dataclass(frozen=True)
class PreparedImages:
    """`images` uint8 (N, channels, height, width) and `masks` (N, height, width), or None, of the images that can be
    used; `kept` int64 (N,): which of all images these are; `left_out`: the others."""

    images: NDArray[np.uint8]
    masks: NDArray[np.uint8] | None
    kept: NDArray[np.int64]
    left_out: tuple[LeftOut, ...]


def prepared(data: Stored, names: Sequence[str], masks: Sequence[str] = ()) -> PreparedImages:
    """The images of a data set, decoded on the first call; how far that is is said to whoever listens (stages.py).

    Raises:
        DataError: none can be used, or there is no room.
    """
    folder = data.folder / "prepared"
    key = _key(data, names, masks)
    with GUARD:
        lock = LOCKS.setdefault(str(folder), threading.Lock())
    with lock:
        found = _load(folder, key, names)
        if found is None:
            try:
                _prepare(data, folder, key, names, masks)
            except OSError as error:
                raise DataError(f"{data.full_name} cannot be prepared: {error.strerror or error}.") from None
            found = _load(folder, key, names)
    if found is None or not len(found.kept):
        why = f" {found.left_out[0].what}: {found.left_out[0].reason}" if found and found.left_out else ""
        raise DataError(f"No image of {data.full_name} can be used.{why}")
    return found


def if_prepared(data: Stored, names: Sequence[str], masks: Sequence[str] = ()) -> PreparedImages | None:
    """The images if they are decoded already."""
    return _load(data.folder / "prepared", _key(data, names, masks), names)


def _key(data: Stored, names: Sequence[str], masks: Sequence[str]) -> str:
    schema: ImagesSchema = data.schema
    about = [PREPARED, data.source.sha256, _options(schema), list(schema.mask_values), list(names), list(masks)]
    return hashlib.sha256(json.dumps(about).encode("utf-8", "surrogatepass")).hexdigest()


def _options(schema: ImagesSchema) -> dict[str, Any]:
    size = {"height": schema.height, "width": schema.width, "channels": schema.channels, "resize": schema.resize}
    return size if schema.deep == 65535 else {**size, "deep": schema.deep}


def _load(folder: Path, key: str, names: Sequence[str]) -> PreparedImages | None:
    try:
        about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
        if about["key"] != key:
            return None
        failed = {int(number): str(why) for number, why in about["failed"]}
        kept = np.array([number for number in range(len(names)) if number not in failed], np.int64)
        shape = tuple(about["shape"])
        left_out = tuple(LeftOut(names[number], f"{why[0].upper()}{why[1:]}.") for number, why in failed.items())
        if not len(kept):
            return PreparedImages(np.zeros((0, *shape), np.uint8), None, kept, left_out)
        images = np.memmap(folder / "images.bytes", np.uint8, "r", shape=(len(kept), *shape))
        masks = None
        if about["masks"]:
            masks = np.memmap(folder / "masks.bytes", np.uint8, "r", shape=(len(kept), *shape[1:]))
        return PreparedImages(images, masks, kept, left_out)
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None


def _prepare(data: Stored, folder: Path, key: str, names: Sequence[str], masks: Sequence[str]) -> None:
    schema: ImagesSchema = data.schema
    work = folder.with_name("prepared.part")
    root = data.data_file
    shape = (len(names), schema.channels, schema.height, schema.width)
    job = {
        "names": [str(root / name) for name in names],
        "masks": [str(root / name) for name in masks],
        "values": list(schema.mask_values),
        "options": _options(schema),
        "images_file": str(work / "images.bytes"),
        "masks_file": str(work / "masks.bytes"),
        "shape": list(shape),
    }
    with _only_here(folder.with_name("prepared.lock")):
        done = _begin(work, key, shape, bool(masks))
        blocks = [block for block in range(len(done)) if not done[block]]
        count = min(len(names), (len(done) - len(blocks)) * BLOCK)
        stages.say(DECODING, count, len(names))
        with (
            (work / "failed.jsonl").open("a", encoding="utf-8") as failures,
            contextlib.closing(_decoded(job, blocks)) as decoded,
        ):
            for block, failed in decoded:
                # a line that was cut off by a kill ends here; its block is decoded again
                failures.write("".join(f"\n{json.dumps(each)}" for each in failed))
                failures.flush()
                done[block] = 1
                count = min(len(names), count + BLOCK)
                stages.say(DECODING, count, len(names))
        _finish(work, folder, key, shape, bool(masks))


@contextlib.contextmanager
def _only_here(path: Path) -> Iterator[None]:
    """Only one process prepares a data set at a time; another one waits."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with path.open("w") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield


def _begin(work: Path, key: str, shape: tuple[int, ...], masks: bool) -> Any:
    """The folder to work in, and what is done of it: that of the last time, if it was about the same images."""
    blocks = -(-shape[0] // BLOCK)
    size = int(np.prod(shape))
    try:
        same = (work / "key").read_text(encoding="utf-8") == key
    except OSError:
        same = False
    if not same:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        if shutil.disk_usage(work).free < 1.05 * size:
            raise OSError(28, f"{size / 2**30:.1f} GB are needed, and there is no room for them on the disk")
        for name, wanted in (("images.bytes", size), ("masks.bytes", size // shape[1] if masks else 0)):
            with (work / name).open("wb") as opened:
                opened.truncate(wanted)
        (work / "done").write_bytes(bytes(blocks))
        (work / "key").write_text(key, encoding="utf-8")
    return np.memmap(work / "done", np.uint8, "r+", shape=(blocks,))


def _finish(work: Path, folder: Path, key: str, shape: tuple[int, ...], masks: bool) -> None:
    """Put the folder in its place, without the images that cannot be used. It can be killed at any moment: what was
    decoded stays as it is until then."""
    failed = _failed(work)
    whole = work
    if failed:
        whole = work.with_name("prepared.whole")
        shutil.rmtree(whole, ignore_errors=True)
        whole.mkdir()
        kept = np.array([number for number in range(shape[0]) if number not in failed], np.int64)
        copy_samples(work / "images.bytes", whole / "images.bytes", shape, kept)
        if masks:
            copy_samples(work / "masks.bytes", whole / "masks.bytes", (shape[0], *shape[2:]), kept)
    about = {"key": key, "shape": list(shape[1:]), "masks": masks, "failed": sorted(failed.items())}
    write_text(whole / "about.json", json.dumps(about))
    shutil.rmtree(folder, ignore_errors=True)
    whole.rename(folder)
    shutil.rmtree(work, ignore_errors=True)


def _failed(work: Path) -> dict[int, str]:
    """The images that cannot be used, each with the reason."""
    failed = {}
    for line in (work / "failed.jsonl").read_text(encoding="utf-8").splitlines():
        with contextlib.suppress(ValueError):
            number, why = json.loads(line)
            failed[int(number)] = str(why)
    return failed


def copy_samples(source: Path, target: Path, shape: tuple[int, ...], places: NDArray[np.int64]) -> None:
    """Write some samples of a file of bytes (of this shape, samples first) to another one, some at a time."""
    values = np.memmap(source, np.uint8, "r", shape=shape)
    step = max(1, COPIED // math.prod(shape[1:]))
    with target.open("wb") as opened:
        for start in range(0, len(places), step):
            opened.write(values[places[start : start + step]].tobytes())


def _decoded(job: dict[str, Any], blocks: Sequence[int]) -> Generator[tuple[int, list[Any]]]:
    """Decode blocks of images, several at a time; the number of each that is done, and what cannot be used in it."""
    total, workers = job["shape"][0], os.cpu_count() or 1
    workers = min(workers, len(blocks))
    if workers < 1:
        return
    if len(blocks) * BLOCK <= FEW or workers == 1:
        yield from _in_threads(job, blocks, workers)
        return
    stop = threading.Event()
    waiting, guard = list(reversed(blocks)), threading.Lock()
    results: list[tuple[int, list[Any]]] = []
    ready = threading.Condition(guard)

    def serve() -> None:
        with _process(job) as (ask, process):
            while not stop.is_set():
                with guard:
                    if not waiting:
                        return
                    block = waiting.pop()
                failed = ask(block * BLOCK, min(total, (block + 1) * BLOCK))
                if failed is None:
                    raise DataError(f"A process that decodes images ended with the code {process.wait()}.")
                with ready:
                    results.append((block, failed))
                    ready.notify_all()

    with ThreadPoolExecutor(workers, "decoding") as pool:
        futures = [pool.submit(serve) for _ in range(workers)]
        try:
            given = 0
            while given < len(blocks):
                with ready:
                    while len(results) == given and not all(future.done() for future in futures):
                        ready.wait(0.2)
                    new = results[given:]
                if not new:
                    for future in futures:
                        future.result()
                    raise DataError("The processes that decode images ended before all were done.")
                given += len(new)
                yield from new
        finally:
            stop.set()


def _in_threads(job: dict[str, Any], blocks: Sequence[int], workers: int) -> Iterator[tuple[int, list[Any]]]:
    shape = tuple(job["shape"])
    images = np.memmap(job["images_file"], np.uint8, "r+", shape=shape)
    masks = None
    if job["masks"]:
        masks = np.memmap(job["masks_file"], np.uint8, "r+", shape=(shape[0], *shape[2:]))

    def decode(block: int) -> list[Any]:
        limits = block * BLOCK, min(shape[0], (block + 1) * BLOCK)
        return decoding_worker.decode(job, *limits, vars(decoding), images, masks)

    with ThreadPoolExecutor(workers, "decoding") as pool:
        try:
            yield from zip(blocks, pool.map(decode, blocks), strict=True)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)  # where it is cancelled, nobody waits for the rest


@contextlib.contextmanager
def _process(job: dict[str, Any]) -> Iterator[Any]:
    """A process that decodes, and a function that asks it for a block."""
    command = [sys.executable, "-W", "ignore", str(Path(decoding_worker.__file__))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        given, answers = process.stdin, process.stdout
        try:
            given.write(json.dumps(job) + "\n")
            given.flush()

            def ask(start: int, stop: int) -> Any:
                try:
                    given.write(f"{start} {stop}\n")
                    given.flush()
                    line = answers.readline()
                except OSError:
                    return None
                return json.loads(line) if line else None

            yield ask, process
        finally:
            with contextlib.suppress(OSError):
                given.close()
            process.kill()
