"""Who trains a run: one claim of one process. The store keeps it with the run, and `Store.claim` gives it to one only.

A claim names its machine, the process by its id and its start time, since a later process may get the same id, and a
number of its own, since two threads of one process may both ask for a run.
"""

from __future__ import annotations

import functools
import os
import platform
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SILENT_SECONDS = 60.0  # after which an owner that cannot be looked at counts as gone; it reports every few seconds
PROCESSES = Path("/proc")  # where Linux describes its processes
_held: set[str] = set()  # the claims of this process


@dataclass(frozen=True)
class Owner:
    """The owner of a run, as the store keeps it: "process:started:machine:claim"; before: "process:started"."""

    process: int
    started: str
    machine: str = ""
    claim: str = ""

    @classmethod
    def new(cls) -> Owner:
        """A new claim of this process."""
        owner = cls(os.getpid(), _started(os.getpid()), this_machine(), uuid.uuid4().hex[:12])
        _held.add(str(owner))
        return owner

    @classmethod
    def read(cls, text: str | None) -> Owner | None:
        """The owner that the store keeps. None: nobody owns the run, or the text is none of ours."""
        process, _, rest = (text or "").partition(":")
        parts = rest.split(":")
        return cls(int(process), *parts[:3]) if process.isdigit() and len(parts) in (1, 3) else None

    def __str__(self) -> str:
        return f"{self.process}:{self.started}:{self.machine}:{self.claim}"

    def forget(self) -> None:
        """This process trains the run no longer."""
        _held.discard(str(self))

    @property
    def is_this_process(self) -> bool:
        return self.is_on_this_machine and (self.process, self.started) == (os.getpid(), _started(os.getpid()))

    @property
    def is_on_this_machine(self) -> bool:
        """Whether its process can be looked at from here."""
        return self.machine in ("", this_machine())

    @property
    def is_of_an_earlier_boot(self) -> bool:
        """Whether this machine, by its name, was started again since."""
        (name, _, rest), (here, _, now) = self.machine.partition("/"), this_machine().partition("/")
        return name == here and rest.partition("/")[0] != now.partition("/")[0]

    def is_alive(self, beat: float | None) -> bool:
        """Whether the run is still in its hands. `beat` is when it was last heard of, in seconds since 1970."""
        if self.is_this_process:
            return str(self) in _held
        if self.is_on_this_machine and PROCESSES.is_dir():
            return _started(self.process) == self.started
        return time.time() - (beat or 0.0) < SILENT_SECONDS

    def describe(self) -> str:
        """The owner in words."""
        if self.is_this_process:
            return f"this process ({self.process})"
        host = self.machine.partition("/")[0]
        return f"process {self.process}" + ("" if self.is_on_this_machine else f" on the machine {host}")


def is_owned(row: Mapping[str, Any]) -> bool:
    """Whether a process that is alive has the run, from its row in the store."""
    owner = Owner.read(row["owner"])
    return owner is not None and owner.is_alive(row["beat"])


@functools.cache
def this_machine() -> str:
    """The name of this machine, its last boot and its space of process ids (containers have their own), as far as the
    system tells them: process ids can be compared only where all are the same."""
    boot, space = "", ""
    try:
        boot = (PROCESSES / "sys/kernel/random/boot_id").read_text().strip()[:8]
        space = str((PROCESSES / "self/ns/pid").readlink()).strip("pid:[]")
    except OSError:
        pass  # no Linux
    name = (platform.node() or "unnamed").replace(":", "-").replace("/", "-")
    return f"{name}/{boot}/{space}"


def _started(process: int) -> str:
    """When a process started, in the kernel's ticks since the boot. Empty: it has ended, or the system is not Linux."""
    try:
        fields = (PROCESSES / str(process) / "stat").read_text().rpartition(")")[2].split()
        return "" if fields[0] in "ZX" else fields[19]  # killed, and not yet taken note of by its parent
    except (OSError, IndexError):
        return ""
