"""Further files for the zip, from other packages: such as a training script, or one that predicts new samples.

A companion is a function (document, model) → {file name: text} that its package declares as an entry point in the group
"netloom.companions". A text that is a `Script` is run in the finished zip's folder before the zip is written; one that
is `Absent` says in README.md why there is no such file.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

from builder.document import Document
from builder.exports.interpreter import run
from builder.foreign_text import in_words
from builder.problems import NetloomError

if TYPE_CHECKING:
    from torch import nn

COMPANIONS = "netloom.companions"
OWN_FILES = ("README.md", "model.py", "model.safetensors", "document.json", "model.onnx")


@dataclass(frozen=True)
class Trial:
    """How a script is tried before it goes into a zip: in a new process, in a copy of the zip's folder.

    `prepare` puts the files that it reads into the folder, and returns the arguments of its command line; `check` reads
    what it has written, and raises an ExportError where that is not what it has to be.
    """

    prepare: Callable[[Path], Sequence[str]]
    check: Callable[[Path], None]


class Script(str):
    """The text of a companion's script. `usage`: a sentence for README.md; `trial`: how it is tried, if it can be."""

    usage: str
    trial: Trial | None

    def __new__(cls, text: str, usage: str = "", trial: Trial | None = None) -> Script:
        made = super().__new__(cls, text)
        made.usage, made.trial = usage, trial
        return made


class Absent(str):
    """In the place of a companion's text: why it has no such file, the end of a sentence."""


def companion_files(document: Document, model: nn.Module) -> tuple[dict[str, str], list[str]]:
    """The files of all companions, and a sentence for each companion that failed and for each file that is absent."""
    files: dict[str, str] = {}
    notes: list[str] = []
    for entry in entry_points(group=COMPANIONS):
        try:
            files |= _valid_files(entry.load()(document, model))
        except Exception as error:  # a companion of another package can fail in any way
            notes.append(f"The files of the companion {entry.name} are missing, because it failed: {in_words(error)}")
    notes += [f"There is no {name}: {reason}" for name, reason in files.items() if isinstance(reason, Absent)]
    return {name: text for name, text in files.items() if not isinstance(text, Absent)}, notes


def _valid_files(files: Mapping[str, str]) -> dict[str, str]:
    for name, text in files.items():
        if not re.fullmatch(r"[\w-][\w.-]*", name) or name in OWN_FILES:
            raise ValueError(f"{name!r} cannot be the name of its file.")
        if not isinstance(text, str):
            raise ValueError(f"{name} must be text, got {type(text).__name__}.")
    return dict(files)


def failed_trials(files: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Try the scripts beside model.py and its weights in this folder: for each that failed, why."""
    failed = {}
    for name, text in files.items():
        if isinstance(text, Script) and text.trial is not None:
            try:
                _try(name, text.trial, folder)
            except (NetloomError, OSError) as error:
                failed[name] = f"There is no {name}: {in_words(error)}"
    return failed


def _try(name: str, trial: Trial, folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent) as place:
        copy = Path(place)
        for needed in (name, "model.py", "model.safetensors"):
            shutil.copy(folder / needed, copy)
        arguments = trial.prepare(copy)
        lines = ("import os, runpy, sys", "sys.path.insert(0, os.getcwd())", f"sys.argv = {[name, *arguments]!r}")
        code = "\n".join([*lines, f"runpy.run_path({name!r}, run_name='__main__')"])
        run(code, copy, f"Running {name} in a new process")
        trial.check(copy)
