"""Decodes images once, in parallel, into bytes in files that are mapped into memory. What was done before a kill stays.

prepared/         images.bytes, masks.bytes, about.json: complete
prepared.part/    the same while it is made; `done` has a byte for each block, failed.jsonl what cannot be used
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.data.base import DataError
from trainers.data.own.files import LeftOut
from trainers.data.own.kinds.images import decoding, decoding_worker
from trainers.data.own.kinds.images.schema import ImagesSchema
from trainers.data.own.library import Stored

PREPARED = "netloom-images/1"
BLOCK = 128  # images that are decoded before it is noted that they are
FEW = 1000  # images below which threads are as fast as processes, which take a moment to start
Progress = Callable[[int, int], None]  # is called with how many images are done, and of how many; may raise to cancel
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


def prepared(
    data: Stored, names: Sequence[str], masks: Sequence[str] = (), progress: Progress | None = None
) -> PreparedImages:
    """The images of a data set, decoded on the first call. DataError: none can be used, or there is no room."""
    folder = data.folder / "prepared"
    key = _key(data, names, masks)
    with GUARD:
        lock = LOCKS.setdefault(str(folder), threading.Lock())
    with lock:
        found = _load(folder, key, names)
        if found is None:
            try:
                _prepare(data, folder, key, names, masks, progress)
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
    return {"height": schema.height, "width": schema.width, "channels": schema.channels, "resize": schema.resize}


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


def _prepare(
    data: Stored, folder: Path, key: str, names: Sequence[str], masks: Sequence[str], progress: Progress | None
) -> None:
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
        count = [min(len(names), (len(done) - len(blocks)) * BLOCK)]
        with (work / "failed.jsonl").open("a", encoding="utf-8") as failures:
            for block, failed in _decoded(job, blocks):
                for number, why in failed:
                    failures.write(json.dumps([number, why]) + "\n")
                failures.flush()
                done[block] = 1
                count[0] = min(len(names), count[0] + BLOCK)
                if progress is not None:
                    progress(count[0], len(names))
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
    """Close the gaps of images that cannot be used, and put the folder in its place."""
    lines = (work / "failed.jsonl").read_text(encoding="utf-8").splitlines()
    failed = dict(json.loads(line) for line in lines)
    kept = [number for number in range(shape[0]) if number not in failed]
    for name, wanted in (("images.bytes", shape), ("masks.bytes", (shape[0], *shape[2:]) if masks else None)):
        if wanted is None or not failed:
            continue
        if kept:
            values = np.memmap(work / name, np.uint8, "r+", shape=wanted)
            for place, number in enumerate(kept):
                if place != number:
                    values[place] = values[number]
            values.flush()
        os.truncate(work / name, len(kept) * int(np.prod(wanted[1:])))
    about = {"key": key, "shape": list(shape[1:]), "masks": masks, "failed": sorted(failed.items())}
    (work / "about.json").write_text(json.dumps(about), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    work.rename(folder)


def _decoded(job: dict[str, Any], blocks: Sequence[int]) -> Iterator[tuple[int, list[Any]]]:
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
        yield from zip(blocks, pool.map(decode, blocks), strict=True)


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
