"""What a fork begins with, in the folder `fork` of its run: a copy of the weights or of the checkpoint, and the job.

source.json                          which run, at which step, and its document
best.safetensors                     its best weights, or
checkpoint-STEP.json, .safetensors   one of its checkpoints
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from builder.problems import NetloomError
from trainers.runs import files
from trainers.runs.checkpoint_files import CheckpointFile, DamagedError, checkpoint_files

FOLDER = "fork"
BEST = "best.safetensors"


class ForkError(NetloomError):
    """A run cannot be forked so. The message says why, and what is possible."""


@dataclass(frozen=True)
class ForkSource:
    """Where the first weights of a run come from. `step`: of the checkpoint; None: the best weights."""

    run: str
    name: str
    step: int | None
    document: str  # with the settings of that run, as JSON


def kept_steps(folder: Path) -> list[int]:
    """The steps of the checkpoints of a run that can be forked, the newest first."""
    return [found.step for found in checkpoint_files(folder) if found.step >= 0 and found.path.is_file()]


def keep(source: ForkSource, parent: Path, child: Path) -> None:
    """Copy what a fork begins with into its folder.

    Parameters:
        parent, child: the folders of the two runs.

    Raises:
        ForkError: there is no such checkpoint, or no weights.
        DamagedError: its files are not as they were written.
        OSError: the disk is full.
    """
    target = child / FOLDER
    target.mkdir(exist_ok=True)
    if source.step is None:
        if not (parent / BEST).is_file():
            raise ForkError(f"Run {source.run} has no weights yet: they are saved from its first epoch on.")
        _copy(parent / BEST, target / BEST)
    else:
        found = _checkpoint(source, parent)
        record = found.read()
        tensors = Path(str(record["tensors"])).name
        _copy(parent / tensors, target / tensors)
        _copy(found.path, target / found.path.name)
    files.write_text(target / "source.json", json.dumps(asdict(source)))


def _checkpoint(source: ForkSource, parent: Path) -> CheckpointFile:
    for found in checkpoint_files(parent):
        if found.step == source.step:
            return found
    known = ", ".join(f"{step:,}" for step in kept_steps(parent))
    has = f"It has those of steps {known}" if known else "It has none"
    raise ForkError(f"Run {source.run} has no checkpoint of step {source.step:,}. {has}, and its best weights.")


def _copy(path: Path, target: Path) -> None:
    """A second name for the same file where the system can do that, else a copy: neither is ever changed in place."""
    with contextlib.suppress(OSError):
        os.link(path, target)
        return
    shutil.copyfile(path, target)


def read(folder: Path) -> ForkSource | None:
    """What a run begins with. None: it is no fork. DamagedError: what is stored of it cannot be read."""
    path = folder / FOLDER / "source.json"
    if not path.is_file():
        return None
    try:
        return ForkSource(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        raise DamagedError(f"{FOLDER}/{path.name} is not as it was written.") from None
