"""A process that is ready to convert a model: started when somebody is about to export one, it has imported the
converters and has converted the same network once, with random weights.

That takes seven seconds of a core, and the conversion itself then one. The process does one job and ends; without a job
it ends after `IDLE` seconds, or with the process that started it.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from builder.compile import compile
from builder.document import load
from builder.exports.subject import named, samples

IDLE = 300.0  # seconds
TIME_LIMIT = 600  # seconds for another process to import torch, convert and run a model
MOST_WEIGHTS = 20_000_000  # of a network that is converted in advance: of a larger one a copy costs too much memory
ROOT = Path(__file__).resolve().parents[2]  # the folder that contains the package builder
DONE = "The job is done."  # without it the process ended before it saw the job
SCRIPT = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from builder.exports.ready import wait_for_job
wait_for_job()
"""
_waiting: list[subprocess.Popen[str]] = []
_guard = threading.Lock()


def get_ready(document: str, network: str, module: str, kind: str) -> None:
    """Start a process for the next conversion, unless there is one. It only saves time: errors are ignored.

    Parameters:
        document: the text of the document whose network is going to be converted.
        module, kind: the module and the name of the class of the format, a _ConvertedFormat.
    """
    with _guard:
        if _waiting and _waiting[0].poll() is None:
            return
        _end_all()
        command = [sys.executable, "-I", "-W", "ignore", "-c", SCRIPT]
        pipe = subprocess.PIPE
        try:
            process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, encoding="utf-8")
        except OSError:
            return
        _waiting.append(process)
        task = {"document": document, "network": network, "module": module, "kind": kind}
        # Apart, since the process reads it only when it runs.
        threading.Thread(target=_send, args=(process, task), name="ready-export", daemon=True).start()


def convert(folder: Path, network: str, module: str, kind: str) -> subprocess.CompletedProcess[str] | None:
    """Let the waiting process convert the files in a folder. None: there is no such process, or it was killed."""
    with _guard:
        process = _waiting.pop() if _waiting else None
    if process is None:
        return None
    job = {"folder": str(folder), "network": network, "module": module, "kind": kind}
    try:
        output, errors = process.communicate(json.dumps(job) + "\n", timeout=TIME_LIMIT)
    except subprocess.TimeoutExpired:
        _end(process)
        raise
    except (OSError, ValueError):
        _end(process)
        return None
    done = subprocess.CompletedProcess(process.args, process.returncode, output, errors)
    return done if process.returncode > 0 or DONE in output else None


def stop() -> None:
    """End the waiting process."""
    with _guard:
        _end_all()


def _send(process: subprocess.Popen[str], task: dict[str, str]) -> None:
    with contextlib.suppress(OSError, ValueError):
        assert process.stdin is not None
        process.stdin.write(json.dumps(task) + "\n")
        process.stdin.flush()


def _end_all() -> None:
    while _waiting:
        _end(_waiting.pop())


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        with contextlib.suppress(OSError):  # what was not sent yet cannot be sent any more
            stream.close() if stream else None


atexit.register(stop)


# -- in the other process ---------------------------------------------------------------------------------------------


def wait_for_job() -> None:
    """Convert the network of the first line with random weights, then do the job of the second line."""
    lines: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_read, args=(lines,), daemon=True).start()
    task = json.loads(lines.get())
    with _silent(), contextlib.suppress(Exception):  # the conversion of the real model says what is wrong
        if lines.empty():
            _convert_once(task)
    try:
        job = json.loads(lines.get(timeout=IDLE))
    except queue.Empty:
        return
    os.chdir(job["folder"])
    getattr(import_module(job["module"]), job["kind"])().convert_files(job["network"])
    print(DONE)


def _read(lines: queue.Queue[str]) -> None:
    received = 0
    for line in sys.stdin:
        lines.put(line)
        received += 1
    if received < 2:  # the other process has ended without a job for this one
        os._exit(0)


def _convert_once(task: dict[str, Any]) -> None:
    import torch

    document, network = load(task["document"]), task["network"]
    with torch.device("meta"):
        size = sum(parameter.numel() for parameter in compile(document, network).parameters())
    if size > MOST_WEIGHTS:
        return
    module = compile(document, network).eval().requires_grad_(False)
    tracing = samples(document, network, batch=2)
    names = [node.name for node in document.nodes if node.network == network and node.spec.role == "input"]
    ends = list(named(module(*tracing), document, network))
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        kind = getattr(import_module(task["module"]), task["kind"])
        kind().convert(module, tracing, samples(document, network), names, ends)


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """What is written to stdout and stderr meanwhile, also by libraries in C, is lost."""
    kept = [os.dup(number) for number in (1, 2)]
    nothing = os.open(os.devnull, os.O_WRONLY)
    try:
        for number in (1, 2):
            os.dup2(nothing, number)
        yield
    finally:
        sys.stdout.flush()
        for number, copy in zip((1, 2), kept, strict=True):
            os.dup2(copy, number)
            os.close(copy)
        os.close(nothing)
