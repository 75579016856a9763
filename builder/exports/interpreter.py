"""Runs Python code on an export in another process, with the sample inputs and the outputs as files."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.exports import ready
from builder.exports.subject import Subject, named
from builder.exports.waiting import TIME_LIMIT
from builder.foreign_text import cleaned
from builder.problems import ExportError

if TYPE_CHECKING:
    from torch import Tensor

INPUTS, OUTPUT = "inputs.pt", "output.pt"


def write_inputs(subject: Subject, folder: Path) -> None:
    """Write the sample inputs for the other process."""
    import torch

    torch.save(list(subject.inputs), folder / INPUTS)


def read_outputs(subject: Subject, folder: Path) -> dict[str, Tensor]:
    """The outputs that the other process has written."""
    import torch

    result: Any = torch.load(folder / OUTPUT, weights_only=True)
    return named(result, subject.document, subject.network)


def run(code: str, folder: Path, what: str) -> None:
    """Run Python code in a folder, in a process that has no module but torch's: the one that is ready for it, else a
    new one. ExportError: it failed."""
    with _time_limit(what):
        done = ready.run(code, folder)
    if done is None:
        done = _new_process(folder, what, code)
    _check(done, what)


def convert(folder: Path, network: str, module: str, kind: str, what: str) -> None:
    """Let a format, the class `kind` of `module`, convert the files in a folder: in the process that is ready for it,
    else in a new one. ExportError: it failed.

    In its own process, because torch's converters change the random state, the warnings and other state of the whole
    process, in which another thread may be training.
    """
    with _time_limit(what):
        done = ready.convert(folder, network, module, kind)
    if done is None:
        lines = ("import sys", f"sys.path.insert(0, {str(ready.ROOT)!r})", f"from {module} import {kind}")
        code = "\n".join([*lines, f"{kind}().convert_files(sys.argv[-1])"])
        done = _new_process(folder, what, code, network)
    _check(done, what)


def _new_process(folder: Path, what: str, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-W", "ignore", "-c", code, *arguments]
    with _time_limit(what):
        return subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=TIME_LIMIT, check=False, encoding="utf-8"
        )


@contextlib.contextmanager
def _time_limit(what: str) -> Iterator[None]:
    try:
        yield
    except subprocess.TimeoutExpired:
        raise ExportError(f"{what} was stopped after {TIME_LIMIT // 60} minutes.") from None


def _check(done: subprocess.CompletedProcess[str], what: str) -> None:
    if done.returncode:
        lines = [line for line in done.stderr.strip().splitlines() if line.strip()]
        reason = cleaned(lines[-1]) if lines else f"the process ended with code {done.returncode}"
        if "No space left" in done.stderr or "PytorchStreamWriter failed" in done.stderr:
            reason = "the disk is full"
        raise ExportError(f"{what} failed: {reason}")
