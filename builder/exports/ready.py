"""Two processes that are ready when somebody exports a model: one converts, one runs the generated code.

The converter has imported torch's converters and has converted the same network once, with random weights: that takes
seven seconds of a core, and the conversion itself then one. The interpreter has imported torch and nothing of Netloom:
it is what `python -c "import torch"` leaves, and runs model.py as a new process would. Each does one job and ends.
"""

from __future__ import annotations

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
from builder.exports.waiting import IDLE, Waiting

MOST_WEIGHTS = 20_000_000  # of a network that is converted in advance: of a larger one a copy costs too much memory
ROOT = Path(__file__).resolve().parents[2]  # the folder that contains the package builder
DONE = "The job is done."  # without it the process ended before it saw the job
CONVERTER = Waiting(f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from builder.exports.ready import wait_for_job
wait_for_job()
""")
INTERPRETER = Waiting(f"""
def wait():
    import json, os, sys, threading, torch
    idle = threading.Timer({IDLE}, os._exit, (0,))
    idle.daemon = True
    idle.start()
    line = sys.stdin.readline()
    idle.cancel()
    if not line:
        sys.exit()
    job = json.loads(line)
    os.chdir(job["folder"])
    return compile(job["code"] + "\\nprint({DONE!r})", "<string>", "exec")
exec(wait(), {{"__name__": "__main__"}})
""")


def get_ready(document: str, network: str, module: str, kind: str) -> None:
    """Start the processes for the next export, unless they are there.

    Parameters:
        document: the text of the document whose network is going to be converted.
        module, kind: the module and the name of the class of the format, a _ConvertedFormat.
    """
    CONVERTER.start({"document": document, "network": network, "module": module, "kind": kind})
    INTERPRETER.start()


def convert(folder: Path, network: str, module: str, kind: str) -> subprocess.CompletedProcess[str] | None:
    """Let the waiting process convert the files in a folder. None: there is no such process, or it was killed."""
    return CONVERTER.do({"folder": str(folder), "network": network, "module": module, "kind": kind}, DONE)


def run(code: str, folder: Path) -> subprocess.CompletedProcess[str] | None:
    """Let the waiting process run Python code in a folder. None: there is no such process, or it was killed."""
    return INTERPRETER.do({"folder": str(folder), "code": code}, DONE)


# -- in the converter's process ---------------------------------------------------------------------------------------


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
