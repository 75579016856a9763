"""Ratios on a noisy machine: two things are timed in turn, again and again, and the median of the ratios is taken."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable


def seconds(action: Callable[[], object]) -> float:
    """How long one call takes, by the wall clock; an action that returns a float has timed itself."""
    begun = time.perf_counter()
    own = action()
    return own if isinstance(own, float) else time.perf_counter() - begun


def ratio(one: Callable[[], object], other: Callable[[], object], rounds: int) -> tuple[float, float, float]:
    """Median of time(one) / time(other) over rounds, in alternating order; and the median seconds of each."""
    one(), other()
    pairs = []
    for number in range(rounds):
        if number % 2:
            b = seconds(other)
            a = seconds(one)
        else:
            a = seconds(one)
            b = seconds(other)
        pairs.append((a, b))
    return (
        statistics.median(a / b for a, b in pairs),
        statistics.median(a for a, _ in pairs),
        statistics.median(b for _, b in pairs),
    )
