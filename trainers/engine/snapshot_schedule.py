"""When a run keeps a snapshot of what its networks produce: often at first, more rarely later, at a small cost."""

from __future__ import annotations

import time
from collections.abc import Callable

SHARE = 0.02  # of the training time, at most, is spent on snapshots
SNAPSHOTS = 50  # in a run, about
LAST = 0.98  # share of the steps after which the last snapshot is due
LONGEST_GAP = 5.0  # seconds between two calls of `due`; a longer gap was a pause


class SnapshotSchedule:
    """Asked between two steps: `if schedule.due(step): …; schedule.taken(step)`.

    Snapshots are most frequent at first, where the network changes most. `steps` is the number of steps of the run;
    `share` of the time that they take in total may be spent on snapshots, and the last one comes at their end.
    """

    def __init__(
        self,
        steps: int,
        share: float = SHARE,
        snapshots: int = SNAPSHOTS,
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.steps, self.share, self.snapshots = steps, share, snapshots
        self._now = now
        self._first: int | None = None  # the step of the first call: a resumed run starts later
        self._next = 0
        self._spent, self._last = 0.0, now()
        self._costs, self._cost = 0.0, 0.0  # seconds for all snapshots, and for one

    def due(self, step: int) -> bool:
        """Whether a snapshot is due at this step. The first one is due at once."""
        now = self._now()
        self._first = step - 1 if self._first is None else self._first
        self._spent += min(now - self._last, LONGEST_GAP)
        self._last = now
        return step >= self._next

    def taken(self, step: int) -> None:
        """A snapshot was taken since `due` was called. The more it cost, the later the next one is due."""
        begun, self._last = self._last, self._now()
        cost = max(self._last - begun, 1e-6)
        self._costs += cost
        # The first snapshot includes what torch does once, on its first call.
        self._cost = min(cost, 2 * self._cost) if self._cost else cost / 3
        left = max((self.share * self._expected(step) - self._costs) / self._cost, 1.0)  # at least the last snapshot
        end = LAST * self.steps
        done = min(step / end, 1.0) ** 0.5
        done += max((1 - done) / left, 1 / self.snapshots)
        self._next = max(step + 1, round(end * done**2))

    def _expected(self, step: int) -> float:
        """Estimated seconds for all steps."""
        return self._spent / max(step - (self._first or 0), 1) * max(self.steps, step)
