"""Weights as a safetensors file, and runs of other interpreters on a folder of files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.exports.subject import Subject, difference, empty, named
from builder.problems import ExportError

if TYPE_CHECKING:
    from torch import Tensor

TIME_LIMIT = 600  # seconds for another interpreter to import torch, convert and run a model


def write_weights(what: Subject, path: Path) -> None:
    """The weights with the document's name and the card (input figures, classes, scores) as metadata."""
    from safetensors.torch import save

    metadata = {"format": "pt", "name": what.document.name, "network": what.network, "card": json.dumps(what.card)}
    path.write_bytes(save(what.state, metadata))


def check_weights(what: Subject, path: Path) -> tuple[float, str]:
    """Load the file into a network compiled anew and run that."""
    import torch
    from safetensors.torch import load_file

    module = empty(what.document, what.network, what.card)
    module.load_state_dict(load_file(path), assign=True)
    for name, buffer in what.module.named_buffers():
        if name not in what.state:
            owner, _, last = name.rpartition(".")
            setattr(module.get_submodule(owner), last, buffer)
    with torch.no_grad():
        got = named(module(*what.inputs), what.document, what.network)
    worst = difference(what.expected, got, path.name)
    return worst, "Read back into a freshly compiled network and run on random samples."


def write_inputs(what: Subject, folder: Path) -> None:
    """The samples, for another interpreter."""
    import torch

    torch.save(list(what.inputs), folder / "inputs.pt")


def outputs(what: Subject, folder: Path) -> dict[str, Tensor]:
    """What another interpreter left in output.pt."""
    import torch

    result: Any = torch.load(folder / "output.pt", weights_only=True)
    return named(result, what.document, what.network)


def run(arguments: list[str], folder: Path, what: str) -> str:
    """Run Python with nothing of this process in it, in a folder. ExportError: it failed; returns what it printed.

    A process of its own, because torch's converters save and set back the random state, the warnings and other things
    of their whole process, in which another thread may be training.
    """
    command = [sys.executable, "-I", "-W", "ignore", *arguments]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=TIME_LIMIT, check=False, encoding="utf-8"
        )
    except subprocess.TimeoutExpired:
        raise ExportError(f"{what} was not done after {TIME_LIMIT // 60} minutes, so it was given up.") from None
    if done.returncode:
        lines = [line for line in done.stderr.strip().splitlines() if line.strip()]
        reason = lines[-1][:400] if lines else f"it ended with the code {done.returncode}"
        if "No space left" in done.stderr or "PytorchStreamWriter failed" in done.stderr:
            reason = "the disk is full"
        raise ExportError(f"{what} failed: {reason}")
    return done.stdout
