"""When to look at what a network makes: often at first, ever more rarely in long runs, at a small share of the time."""

from __future__ import annotations

import time
from collections.abc import Callable

SHARE = 0.02  # of the training time goes into looking, at most
MOMENTS = 50  # looks of a run, about
LAST = 0.98  # of a run, at which the last look of one with a known length is taken
LONGEST_GAP = 5.0  # seconds between two questions; a longer gap was a pause


class Shutter:
    """Asked between two steps: `if shutter.due(step): …; shutter.taken(step)`.

    It looks most often at first, where most happens, and spends on that its share of the time that the whole run will
    take. `steps`: how many the run has; the last look comes at their end.
    """

    def __init__(
        self,
        steps: int,
        share: float = SHARE,
        moments: int = MOMENTS,
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.steps, self.share, self.moments = steps, share, moments
        self._now = now
        self._first: int | None = None  # the step of the first question: a resumed run begins later
        self._next = 0
        self._spent, self._last = 0.0, now()
        self._costs, self._cost = 0.0, 0.0  # of all looks, and of one

    def due(self, step: int) -> bool:
        """Whether it is time for another look at this step; the first one is due at once."""
        now = self._now()
        self._first = step - 1 if self._first is None else self._first
        self._spent += min(now - self._last, LONGEST_GAP)
        self._last = now
        return step >= self._next

    def taken(self, step: int) -> None:
        """A look was taken since `due` was asked: the next comes later the more it cost."""
        begun, self._last = self._last, self._now()
        cost = max(self._last - begun, 1e-6)
        self._costs += cost
        # the first one pays for what torch does but once
        self._cost = min(cost, 2 * self._cost) if self._cost else cost / 3
        left = max((self.share * self._expected(step) - self._costs) / self._cost, 1.0)  # looks; the last one is sure
        end = LAST * self.steps
        gone = min(step / end, 1.0) ** 0.5
        gone += max((1 - gone) / left, 1 / self.moments)
        self._next = max(step + 1, round(end * gone**2))

    def _expected(self, step: int) -> float:
        """Seconds that all steps will have taken in the end."""
        return self._spent / max(step - (self._first or 0), 1) * max(self.steps, step)
