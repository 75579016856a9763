"""How much of this process's cores other programs use: a measurement on busy cores says nothing about idle ones."""

from __future__ import annotations

import os
import time
from pathlib import Path

BUSY = 0.15  # of the time of the cores; a page that somebody reads in a browser takes less
SHORTEST = 0.1  # seconds; the kernel counts in hundredths of a second
STATISTICS = Path("/proc/stat")
IDLE = (3, 4)  # columns of /proc/stat: idle, and idle while a disk is waited for


class LoadMeter:
    """Measures from its creation on how much of the cores other programs use. Only Linux tells; elsewhere: nothing."""

    def __init__(self) -> None:
        self._cores = cores()
        self._begun = self._now()

    def others(self) -> float:
        """The share of the time of this process's cores that other programs used, from 0 to 1."""
        if time.monotonic() - self._begun[0] < SHORTEST:
            time.sleep(SHORTEST - (time.monotonic() - self._begun[0]))
        passed, busy, own = (now - then for now, then in zip(self._now(), self._begun, strict=True))
        return min(max((busy - own) / (max(passed, SHORTEST) * len(self._cores)), 0.0), 1.0)

    @property
    def busy(self) -> bool:
        """Whether other programs use so much that more threads would wait for them."""
        return self.others() > BUSY

    def _now(self) -> tuple[float, float, float]:
        """Seconds by the clock, seconds for which the cores were busy, and seconds that this process used them."""
        return time.monotonic(), _busy_seconds(self._cores), time.process_time()


def cores() -> tuple[int, ...]:
    """The numbers of the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


def _busy_seconds(wanted: tuple[int, ...]) -> float:
    """For how long these cores have been busy since the machine was started; 0 where the system does not tell.

    https://www.kernel.org/doc/html/latest/filesystems/proc.html#miscellaneous-kernel-statistics-in-proc-stat
    """
    try:
        lines = STATISTICS.read_text().splitlines()
        ticks = os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, AttributeError):
        return 0.0
    names = {f"cpu{number}" for number in wanted}
    busy = 0
    for line in lines:
        name, *fields = line.split()
        if name in names:
            busy += sum(int(field) for column, field in enumerate(fields[:8]) if column not in IDLE)
    return busy / ticks
