"""Starts worker processes while runs wait, and puts the run of one that died back into the queue.

Any process may supervise: the app does, and so does `netloom queue work`. Several on one home do not disturb each
other, since what they decide is decided in the store. Worker processes are in a session of their own: they go on when
the process that started them has ended, until no run waits.
"""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from builder.problems import NetloomError
from trainers.engine.cpu_load import cores
from trainers.home import home
from trainers.runs.queue.settings import settings
from trainers.runs.queue.waiting import Queue
from trainers.runs.store import Store

LOOK_SECONDS = 1.0
WORKER = "trainers.runs.queue.process"
SHORTEST_LIFE = 10.0  # seconds; a worker process that fails sooner does not work at all, and others will not either
LONGEST_REST = 60.0  # seconds until another one is tried then
MOST_LOGS = 20
PACKAGE_ROOT = Path(__file__).resolve().parents[3]


class Supervisor:
    """Supervises the queue of one home."""

    def __init__(
        self, folder: Path, take_here: Callable[[], bool] | None = None, most: Callable[[], int] | None = None
    ) -> None:
        """
        Parameters:
            take_here: trains the next run in this process if it can; its result says whether it did.
            most: how many worker processes train at the same time; by default see `most_workers`.
        """
        self.folder, self.most = folder, most or most_workers
        self.queue = Queue(Store(folder))
        self.take_here = take_here
        self.trouble = ""  # why there is no worker process, as a sentence
        self._children: list[tuple[subprocess.Popen[bytes], float]] = []
        self._rest, self._rests_until = 1.0, 0.0
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """Look at the queue now, and from now on now and then, in a thread of its own."""
        self._wake.set()
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._main, name="netloom supervisor", daemon=True)
            self._thread.start()

    def _main(self) -> None:
        while True:
            self._wake.wait(LOOK_SECONDS)
            self._wake.clear()
            try:
                if self.folder.is_dir():  # else it was deleted, and is not to be created again
                    self.look()
            except (NetloomError, OSError) as error:  # a full disk: the next look may succeed
                self.trouble = str(error)
            except Exception:
                logging.getLogger("netloom").exception("The queue could not be looked at")

    def look(self) -> None:
        """Put back what was lost, and start the worker processes that are missing."""
        self.queue.recover()
        self._look_after_children()
        waiting = self.queue.count()
        while waiting and self.take_here is not None and self.take_here():
            waiting -= 1
        if not waiting or time.monotonic() < self._rests_until:
            return
        alive = self.queue.workers()
        known = {worker.owner.process for worker in alive}
        starting = sum(child.pid not in known for child, _ in self._children)
        free = starting + sum(worker.run is None for worker in alive)
        most = self.most()
        for _ in range(min(most - len(alive) - starting, waiting - free)):
            self._start(most)

    def _start(self, most: int) -> None:
        """Start a worker process."""
        folder = self.folder / "workers"
        folder.mkdir(exist_ok=True)
        for old in sorted(folder.glob("*.log"))[:-MOST_LOGS]:
            old.unlink(missing_ok=True)
        log = folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}-{len(self._children)}.log"
        path = os.pathsep.join(filter(None, (str(PACKAGE_ROOT), os.environ.get("PYTHONPATH"))))
        with log.open("wb") as output:
            child = subprocess.Popen(
                [sys.executable, "-m", WORKER, "--most", str(most)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "NETLOOM_HOME": str(self.folder), "PYTHONPATH": path},
                start_new_session=True,
            )
        self._children.append((child, time.monotonic()))

    def _look_after_children(self) -> None:
        """Note which worker processes have ended; after one that failed at once, wait before another one is started."""
        alive = []
        for child, begun in self._children:
            if child.poll() is None:
                alive.append((child, begun))
            elif child.returncode > 0 and time.monotonic() - begun < SHORTEST_LIFE:
                self._rests_until = time.monotonic() + self._rest
                self._rest = min(2 * self._rest, LONGEST_REST)
                self.trouble = f"Worker processes do not start; the newest file in {self.folder / 'workers'} says why."
            else:
                self._rest, self.trouble = 1.0, ""
        self._children = alive

    def stop_workers(self) -> None:
        """Ask the worker processes that this supervisor has started to save their runs and to end, and wait for it."""
        for child, _ in self._children:
            with contextlib.suppress(OSError):
                child.terminate()
        for child, _ in self._children:
            child.wait()

    @property
    def has_children(self) -> bool:
        """Whether a worker process that this supervisor has started is alive."""
        return any(child.poll() is None for child, _ in self._children)


def most_workers() -> int:
    """How many worker processes train at the same time: the setting, else one per accelerator, or half the cores."""
    wanted = settings().workers
    if wanted is not None:
        return wanted
    # where torch is not, or not completely, imported yet, an accelerator is found a moment later
    accelerator = getattr(sys.modules.get("torch"), "accelerator", None)
    accelerators = accelerator.device_count() if accelerator is not None else 0
    return accelerators or max(1, len(cores()) // 2)


_supervisors: dict[Path, Supervisor] = {}
_guard = threading.Lock()


def supervisor(folder: Path | None = None) -> Supervisor:
    """The supervisor of this process for a home. Its thread begins with the first `wake()`."""
    folder = folder or home()
    with _guard:
        if folder not in _supervisors:
            _supervisors[folder] = Supervisor(folder)
        return _supervisors[folder]
