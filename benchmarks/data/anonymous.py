"""The highest anonymous memory of a process: what it holds itself, without the files that are mapped (Linux)."""

from __future__ import annotations

import threading
from pathlib import Path

EVERY = 0.02  # seconds
STATUS = Path("/proc/self/status")


class Peak:
    """Inside, a thread looks at the memory again and again; `bytes` is the highest that it saw, beyond that before."""

    def __init__(self) -> None:
        self.before = self.highest = anonymous()
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()

    @property
    def bytes(self) -> int:
        return self.highest

    def _look(self) -> None:
        while not self._ends.wait(EVERY):
            self.highest = max(self.highest, anonymous())


def anonymous() -> int:
    """Bytes of anonymous memory now."""
    for line in STATUS.read_text().splitlines():
        if line.startswith("RssAnon"):
            return 1024 * int(line.split()[1])
    raise SystemExit("This machine does not say how much anonymous memory a process has.")
