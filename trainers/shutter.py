"""When to look at what a network makes: often at first, ever more rarely in long runs, at a small share of the time."""

from __future__ import annotations

import time
from collections.abc import Callable

SHARE = 0.02  # of the training time goes into looking, at most
MOMENTS = 50  # looks of a run, about
LONGEST_GAP = 5.0  # seconds between two questions; a longer gap was a pause


class Shutter:
    """Asked between two steps: `if shutter.due(): …; shutter.taken()`."""

    def __init__(
        self, share: float = SHARE, moments: int = MOMENTS, now: Callable[[], float] = time.perf_counter
    ) -> None:
        self.share, self.moments = share, moments
        self._now = now
        self._spent, self._next, self._last = 0.0, 0.0, now()

    def due(self) -> bool:
        """Whether it is time for another look; the first one is due at once."""
        now = self._now()
        self._spent += min(now - self._last, LONGEST_GAP)
        self._last = now
        return self._spent >= self._next

    def taken(self) -> None:
        """A look was taken since `due` was asked: its cost says when the next one is due."""
        begun, self._last = self._last, self._now()
        self._next = self._spent + max((self._last - begun) / self.share, self._spent / self.moments)
