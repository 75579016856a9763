"""The files of checkpoints: checkpoint-STEP.json and, beside it, checkpoint-STEP.safetensors, with their digests.

The JSON file has the SHA-256 of the other one and of its own content, so a file that was cut off, emptied or changed on
the disk is noticed, and the older of the two checkpoints is used. Nothing here imports torch.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.problems import NetloomError
from trainers import disk
from trainers.runs import files

KEPT = 2  # checkpoints of a run
NAME = re.compile(r"checkpoint-(\d+)(?:-\d+)?\.(json|safetensors)")
FIRST_FORMAT = "checkpoint.json"  # the only one of a run of version 0.1.0, without digests


class DamagedError(NetloomError):
    """A file is not what was written. The message names it and says what is wrong with it."""


@dataclass(frozen=True)
class CheckpointFile:
    """One checkpoint of a run, which may be damaged."""

    step: int  # -1: not known before it is read
    path: Path  # of the JSON file

    def read(self) -> dict[str, Any]:
        """The record: "tensors", the name of the other file, and "tree". DamagedError: one of the two is damaged."""
        record = self._record()
        tensors = self.path.with_name(Path(str(record.get("tensors"))).name)
        if not tensors.is_file():
            raise DamagedError(f"{tensors.name} is missing.")
        if not tensors.stat().st_size:
            raise DamagedError(f"{tensors.name} is empty.")
        wanted = record.get("tensors_sha256")
        if wanted is not None and files.file_digest(tensors) != wanted:
            raise DamagedError(f"{tensors.name} is not as it was written: it was cut off or changed.")
        return record

    def _record(self) -> dict[str, Any]:
        name = self.path.name
        if not self.path.is_file():
            raise DamagedError(f"{name} is missing.")
        text = self.path.read_bytes()
        if not text:
            raise DamagedError(f"{name} is empty.")
        try:
            record = json.loads(text)
            if name != FIRST_FORMAT:
                record, wanted = record["checkpoint"], record["sha256"]
                if files.digest(_dump(record).encode()) != wanted:
                    raise ValueError
            if not isinstance(record["tree"], dict):
                raise TypeError
        except (ValueError, KeyError, TypeError, RecursionError):
            raise DamagedError(f"{name} is not as it was written: it was cut off or changed.") from None
        assert isinstance(record, dict)
        return record


def write(folder: Path, step: int, tensors: Path, tree: Any) -> None:
    """Write the JSON file of the checkpoint whose tensors were written already, and remove the oldest checkpoints."""
    record = {"tensors": tensors.name, "tensors_sha256": files.file_digest(tensors), "tree": tree}
    content = json.dumps({"sha256": files.digest(_dump(record).encode()), "checkpoint": record})
    files.write_text(folder / f"checkpoint-{step}.json", content)
    with contextlib.suppress(OSError):  # the new checkpoint is complete
        _remove_old(folder, tensors)


def tensors_path(folder: Path, step: int) -> Path:
    """Where the tensors of a new checkpoint are written: under a name that no checkpoint has."""
    names = (f"checkpoint-{step}{suffix}.safetensors" for suffix in ("", *(f"-{number}" for number in range(2, 99))))
    return next(path for path in map(folder.joinpath, names) if not path.exists())


def _dump(record: Any) -> str:
    return json.dumps(record)


def checkpoint_files(folder: Path) -> list[CheckpointFile]:
    """The checkpoints of a run that are there, the newest first. One may have lost one of its files."""
    steps = {int(found[1]) for path in folder.glob("checkpoint-*") if (found := NAME.fullmatch(path.name))}
    every = [CheckpointFile(step, folder / f"checkpoint-{step}.json") for step in sorted(steps, reverse=True)]
    first = folder / FIRST_FORMAT
    return [*every, *([CheckpointFile(-1, first)] if first.exists() else [])]


def resume_step(folder: Path) -> int | None:
    """The step of the newest checkpoint with both files; None: there is none, or its step is not known."""
    for found in checkpoint_files(folder):
        if found.path.is_file() and any(found.path.parent.glob(f"{found.path.stem}*.safetensors")):
            return found.step if found.step >= 0 else None
    return None


def readable(folder: Path, damage: list[str]) -> Iterator[tuple[CheckpointFile, dict[str, Any]]]:
    """The checkpoints whose digests are right, the newest first, each with its record.

    What is wrong with those before it is added to `damage`, one sentence for each.
    """
    for found in checkpoint_files(folder):
        try:
            record = found.read()
        except DamagedError as error:
            damage.append(str(error))
        except OSError as error:
            if disk.is_ours(error):
                raise  # it may be whole: the run waits instead of starting over
            damage.append(f"{found.path.name} cannot be read ({error.strerror or error}).")
        else:
            yield found, record


def _remove_old(folder: Path, newest: Path) -> None:
    """Remove all but the last checkpoints, and what a process that was killed left behind."""
    kept = checkpoint_files(folder)[:KEPT]
    needed = {newest.name}
    for found in kept:
        needed.add(found.path.name)
        try:
            needed.add(str(json.loads(found.path.read_bytes())["checkpoint"]["tensors"]))
        except (OSError, ValueError, KeyError, TypeError):  # damaged: nobody knows which file belongs to it
            needed |= {path.name for path in folder.glob(f"{found.path.stem}*.safetensors")}
    for path in [*folder.glob("checkpoint*"), *folder.glob(".checkpoint-*")]:
        if path.name not in needed:
            path.unlink(missing_ok=True)
