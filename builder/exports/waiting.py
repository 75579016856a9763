"""A process that was started before there is a job for it, does one job, and ends.

It ends without a job after `IDLE` seconds, or with the process that started it.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import subprocess
import sys
import threading
import weakref
from typing import Any

IDLE = 300.0  # seconds
TIME_LIMIT = 600  # seconds for another process to import torch, convert and run a model
_all: weakref.WeakSet[Waiting] = weakref.WeakSet()


class Waiting:
    """At most one process that waits; the next one is started when somebody asks for it.

    Parameters:
        script: what the process runs. It reads lines of JSON from stdin: those given to `start`, then the job. At the
            end of stdin without a job it has to end.
    """

    def __init__(self, script: str) -> None:
        self.command = [sys.executable, "-I", "-W", "ignore", "-c", script]
        self.process: subprocess.Popen[str] | None = None
        self._guard = threading.Lock()
        _all.add(self)

    def start(self, *lines: dict[str, Any]) -> None:
        """Start the process, unless there is one. It only saves time: errors are ignored."""
        with self._guard:
            if self.process is not None and self.process.poll() is None:
                return
            self._end()
            pipe = subprocess.PIPE
            with contextlib.suppress(OSError):
                self.process = subprocess.Popen(
                    self.command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, encoding="utf-8"
                )
                # Apart, since the process reads them only when it runs.
                arguments = (self.process, [json.dumps(line) for line in lines])
                threading.Thread(target=_send, args=arguments, name="ready-export", daemon=True).start()

    def do(self, job: dict[str, Any], done: str = "") -> subprocess.CompletedProcess[str] | None:
        """Let the process that waits do a job. None: there is none, it was killed, or it has not said `done`."""
        with self._guard:
            process, self.process = self.process, None
        if process is None:
            return None
        try:
            output, errors = process.communicate(json.dumps(job) + "\n", timeout=TIME_LIMIT)
        except subprocess.TimeoutExpired:
            _kill(process)
            raise
        except (OSError, ValueError):
            _kill(process)
            return None
        result = subprocess.CompletedProcess(process.args, process.returncode, output, errors)
        return result if process.returncode > 0 or done in output else None

    def stop(self) -> None:
        """End the process that waits."""
        with self._guard:
            self._end()

    def _end(self) -> None:
        process, self.process = self.process, None
        if process is not None:
            _kill(process)


def stop() -> None:
    """End all processes that wait."""
    for waiting in list(_all):
        waiting.stop()


atexit.register(stop)


def _send(process: subprocess.Popen[str], lines: list[str]) -> None:
    with contextlib.suppress(OSError, ValueError):
        assert process.stdin is not None
        for line in lines:
            process.stdin.write(line + "\n")
        process.stdin.flush()


def _kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        with contextlib.suppress(OSError):  # what was not sent yet cannot be sent any more
            stream.close() if stream else None
