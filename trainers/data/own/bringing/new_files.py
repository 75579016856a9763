"""Reads the files of new samples in predict.py: functions that stand on their own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray


def files_at(paths: list[str], is_wanted: Callable[[str], bool]) -> list[str]:
    """The files at these paths; of a folder those in it that are wanted, without hidden ones.

    ValueError: there is nothing at a path.
    """
    import os
    from pathlib import Path

    found = []
    for path in map(Path, paths):
        if path.is_dir():
            names = []
            for folder, inner, files in os.walk(path):
                inner[:] = [name for name in inner if not name.startswith((".", "__MACOSX"))]
                names += [str(Path(folder, name)) for name in files if not name.startswith(".")]
            found += [name for name in sorted(names) if is_wanted(name)]
        elif path.exists():
            found.append(str(path))
        else:
            raise ValueError(f"There is no file {path}.")
    return found


def read_files(
    names: list[str], read: Callable[[str], NDArray[Any]]
) -> tuple[dict[str, list[str]], list[NDArray[np.float32]]]:
    """The names of the files, and what `read` gives for each, one below the other; what it cannot read is left out.

    ValueError: nothing can be read.
    """
    import sys

    import numpy as np

    used, samples = [], []
    for name in names:
        try:
            samples.append(read(name))
        except ValueError as error:
            print(f"{name} is left out: {error}.", file=sys.stderr)
            continue
        used.append(name)
    if not samples:
        raise ValueError("There is no file that can be read.")
    return {"file": used}, [np.stack(samples)]


def copy_samples(paths: Sequence[Path], folder: Path, most: int = 100_000_000) -> list[Path]:
    """Copies of files, until they have `most` bytes, for a trial of predict.py; names begin with their places."""
    folder.mkdir()
    copies: list[Path] = []
    size = 0
    for place, path in enumerate(paths):
        size += path.stat().st_size
        if copies and size > most:
            break
        copies.append(folder / f"{place:04}-{path.name[-80:]}")
        shutil.copyfile(path, copies[-1])
    return copies
