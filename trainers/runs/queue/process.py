"""A worker process: it trains one run of the queue after the other, until none waits for a while.

    python -m trainers.runs.queue.process --most 2

A run gives the same numbers here as in a thread of the app. SIGTERM makes the process save its run, put it back to the
front of the queue and end.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import time
from collections.abc import Sequence
from typing import Any

from trainers.disk import NOT_SAVED
from trainers.engine import device
from trainers.engine.worker import worker_of
from trainers.events import OVER
from trainers.runs.ownership import Owner
from trainers.runs.queue.beginning import train_taken
from trainers.runs.queue.waiting import Queue, WorkerProcess

IDLE_SECONDS = 20.0  # that a process waits for a further run, since starting another one takes seconds
LOOK_SECONDS = 0.25


def main(arguments: Sequence[str] | None = None) -> int:
    """Train the runs of the queue. Returns the exit code."""
    parser = argparse.ArgumentParser(description="Trains the runs of the queue, one after the other.")
    parser.add_argument("--most", type=int, default=1, help="worker processes on this machine at the same time")
    parser.add_argument("--idle", type=float, default=IDLE_SECONDS, help="seconds to wait for a further run")
    options = parser.parse_args(arguments)
    queue = Queue()
    me = queue.register(options.most)
    if me is None:
        return 0
    work = Work(queue, me, options.idle)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, work.end)
    try:
        work.go_on()
    finally:
        queue.unregister(me)
    return 0


class Work:
    """What a worker process does."""

    def __init__(self, queue: Queue, me: WorkerProcess, idle_seconds: float) -> None:
        self.queue, self.me, self.idle_seconds = queue, me, idle_seconds
        self.is_ending = False

    def end(self, *_: Any) -> None:
        """Save the run and end, as soon as possible."""
        self.is_ending = True

    def go_on(self) -> None:
        """Train until no run waits for a while, or until the process is asked to end."""
        device.prefer(self.me.slot)
        idle_since = time.monotonic()
        while not self.is_ending and time.monotonic() - idle_since < self.idle_seconds:
            self.queue.recover()
            taken = self.queue.take()
            if taken is None:
                time.sleep(LOOK_SECONDS)
                continue
            self.queue.trains(self.me, taken[0])
            self._train(*taken)
            self.queue.trains(self.me, None)
            idle_since = time.monotonic()

    def _train(self, run: str, owner: Owner) -> None:
        """Train a run until it is over, is paused and saved, or this process has to end."""
        worker = worker_of(run) if train_taken(run, owner, self.queue.store) else None
        if worker is None:
            return
        asked = False
        while (state := worker.wait(LOOK_SECONDS, OVER)) not in OVER:
            if state == "paused" and not worker.message.startswith(NOT_SAVED):
                worker.abandon()  # what it has learned is saved: whoever resumes it goes on from there
                break
            if self.is_ending and not asked:
                asked = True
                worker.pause()
        worker.join()
        if asked and state == "paused":
            self.queue.put_back(run)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
