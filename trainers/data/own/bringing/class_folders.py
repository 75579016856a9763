"""Files in folders, where each folder is a class: what there is, and the part of the data that each belongs to.

The functions stand on their own: the exported train.py has their source.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainers.data.splits import split_indices

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def class_files(root: str, endings: tuple[str, ...]) -> list[tuple[str, str, int]]:
    """(path in the folder, class, part) of each file with one of these endings; "" is a name without an ending.

    The class is the folder that a file is in, within folders that hold everything and folders such as train and test.
    Parts: 0 training, 1 validation, 2 test; -1 where folders do not say. Hidden files are left out.
    """
    import os
    from pathlib import Path, PurePosixPath

    names = []
    for folder, inner, files in os.walk(root):
        inner[:] = [name for name in inner if not name.startswith((".", "__MACOSX"))]
        for file in files:
            if Path(file).suffix.lower() in endings and not file.startswith("."):
                names.append((Path(folder) / file).relative_to(root).as_posix())
    if not names:
        return []
    words = {"train": 0, "training": 0, "valid": 1, "validation": 1, "val": 1, "dev": 1, "test": 2, "testing": 2}
    folders = {name: list(PurePosixPath(name).parent.parts) for name in sorted(names)}
    while all(found for found in folders.values()) and len({found[0] for found in folders.values()}) == 1:
        folders = {name: found[1:] for name, found in folders.items()}
    given = all(found and found[0].lower() in words for found in folders.values())
    listed = []
    for name, found in folders.items():
        part = words[found[0].lower()] if given else -1
        inside = found[1:] if given else found
        if inside:
            listed.append((name, inside[0], part))
    return listed


def parts_of(
    labels: NDArray[np.int64], given: NDArray[np.int64], validation: float, test: float, seed: int
) -> NDArray[np.int8]:
    """The part of each sample: 0 training, 1 validation, 2 test. What folders do not say is chosen at random, with the
    same share of each class."""
    import numpy as np

    parts = np.where(given < 0, 0, given).astype("int8")
    free = np.flatnonzero(parts == 0)
    shares = [0.0 if (parts == part).any() else share for part, share in ((1, validation), (2, test))]
    if len(free) and any(shares):
        _, validating, testing = split_indices(labels[free], shares[0], shares[1], seed)
        parts[free[validating]] = 1
        parts[free[testing]] = 2
    return parts
