"""Loads and downloads data sets in the background: a page never waits for a file or for the network.

One thread loads, so that two large data sets are never in memory at once for a preview.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from typing import Any

from trainers.data import DataError, DataSet
from trainers.data.fetch import fetch
from trainers.data.preview import Excerpt, take

SAMPLES = {"points": 600, "table": 100}  # that are loaded, by kind; FEW of the other kinds
FEW = 24
TIMEOUT = 0.15  # seconds that a page waits for a small data set, so that it is not drawn twice
_KEPT = 12

_loader = ThreadPoolExecutor(1, "netloom-preview")
_downloader = ThreadPoolExecutor(2, "netloom-download")
_lock = threading.Lock()
_loading: OrderedDict[DataSet, Future[Excerpt]] = OrderedDict()


@dataclass
class Download:
    """The progress of a download, and its error."""

    done: int = 0
    total: int = 0
    running: bool = True
    error: str = ""

    @property
    def share(self) -> float:
        return min(self.done / self.total, 1.0) if self.total else 0.0


_downloads: dict[str, Download] = {}


def excerpt(data: DataSet) -> Excerpt | str | None:
    """Some samples; a message if the data set cannot be loaded; None while it is being loaded."""
    with _lock:
        future = _loading.get(data)
        if future is None:
            future = _loading[data] = _loader.submit(take, data, SAMPLES.get(data.kind, FEW))
        _loading.move_to_end(data)
        while len(_loading) > _KEPT:
            _loading.popitem(last=False)[1].cancel()
    try:
        return future.result(TIMEOUT)
    except FutureTimeout:
        return None
    except DataError as error:
        return str(error)
    except MemoryError:
        return f"There is not enough memory to load {data.title}."


def forget(data: DataSet) -> None:
    """Load it again the next time it is asked for."""
    with _lock:
        _loading.pop(data, None)


def size(data: DataSet) -> int:
    """Bytes to download; 0 if they are not known."""
    return sum(file.size for file in _files(data))


def download(data: DataSet) -> None:
    """Start to download the files of a data set, once for all tabs."""
    with _lock:
        running = _downloads.get(data.name)
        if running is not None and running.running:
            return
        state = _downloads[data.name] = Download(total=size(data))
    _downloader.submit(_fetch, data, state)


def state_of(data: DataSet) -> Download | None:
    """The download of a data set, if there was one since the server started."""
    return _downloads.get(data.name)


def _fetch(data: DataSet, state: Download) -> None:
    before = 0

    def progress(done: int, total: int) -> None:
        state.done, state.total = before + done, max(state.total, before + total)

    try:
        for file in _files(data):
            fetch(data.name, getattr(data, "folder", data.name), [file], progress)
            before += file.size
    except (DataError, OSError) as error:
        state.error = str(error)
    finally:
        state.running = False
        forget(data)


def _files(data: DataSet) -> tuple[Any, ...]:
    return tuple(getattr(data, "files", ()))
