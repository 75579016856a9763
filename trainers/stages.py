"""How far something long is: whoever does it says so from deep inside, whoever waits for it hears it and may cancel.

Whoever waits says who listens, in the thread that does the work; nothing in between has to pass anything on:

    with heard_by(show):
        dataset.load()
"""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

SURE = 0.5  # seconds of a stage before its time left is shown
Item = TypeVar("Item")


class Cancelled(BaseException):
    """Nobody waits any more. Like KeyboardInterrupt it is no Exception, so that no handler of errors on the way takes
    it for a file that cannot be read."""


class Stage(NamedTuple):
    """What is being done and how far it is. `total` 0: nobody knows; `left`: seconds, None: nobody knows yet."""

    what: str  # such as "Decoding images"
    done: int
    total: int
    left: float | None = None
    unit: str = ""

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0

    @property
    def words(self) -> str:
        """Without its time left: "Decoding images: 1,200 of 5,000"."""
        if not self.total and not self.done:
            return self.what
        count = f"{self.done:,} of {self.total:,}" if self.total else f"{self.done:,}"
        return f"{self.what}: {count} {self.unit}".rstrip()

    @property
    def time_left(self) -> str:
        """Such as "0:40 left"; empty: nobody knows."""
        return "" if self.left is None else f"{clock(self.left)} left"

    @property
    def sentence(self) -> str:
        """All of it, with the dots of what goes on."""
        return " · ".join(filter(None, (self.words, self.time_left))) + " …"


Listener = Callable[[Stage], None]


class _Heard:
    """A listener, and what it has heard, which says how long the rest takes."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.what, self.since, self.before = "", 0.0, 0

    def hear(self, what: str, done: int, total: int, unit: str) -> None:
        now = time.perf_counter()
        if what != self.what or done < self.before:
            self.what, self.since, self.before = what, now, done
        took, more = now - self.since, done - self.before  # what was done before a stop took no time now
        left = took / more * (total - done) if took > SURE and more > 0 and total >= done else None
        self.listener(Stage(what, done, total, left, unit))


_listening: ContextVar[_Heard | None] = ContextVar("netloom_stages", default=None)


@contextlib.contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """Inside, in this thread, `listener` is called with each stage. What it raises (`Cancelled`) ends the work."""
    token = _listening.set(_Heard(listener))
    try:
        yield
    finally:
        _listening.reset(token)


def say(what: str, done: int = 0, total: int = 0, unit: str = "") -> None:
    """Say how far something is, often enough that it can be cancelled. Nobody may be listening."""
    heard = _listening.get()
    if heard is not None:
        heard.hear(what, done, total, unit)


def heard() -> bool:
    """Whether anybody listens."""
    return _listening.get() is not None


class HeardFile(io.FileIO):
    """A file to read that says how far it is, to whoever listens where it was opened, from whichever thread reads."""

    def __init__(self, path: Path, what: str = "Reading") -> None:
        super().__init__(path, "rb")
        self._heard, self._what, self._total = _listening.get(), what, path.stat().st_size

    def _say(self) -> None:
        if self._heard is not None:
            self._heard.hear(self._what, self.tell() >> 20, self._total >> 20, "MB")

    def read(self, size: int | None = -1) -> Any:
        self._say()
        return super().read(-1 if size is None else size)

    def readinto(self, buffer: Any) -> Any:
        self._say()
        return super().readinto(buffer)


def clock(seconds: float) -> str:
    """Seconds as minutes and seconds, or as hours and minutes."""
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d}"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def each(items: Iterable[Item], what: str, total: int, every: int = 1) -> Iterator[Item]:
    """The items, with a stage before every so many of them."""
    for done, item in enumerate(items):
        if done % every == 0:
            say(what, done, total)
        yield item
