"""Images in arrays of numpy (.npy, .npz) as image files, a folder for each class, as others bring them.

Everything behind it then knows only image files: pages, preparing, and predict.py, which gets photographs later on.
"""

from __future__ import annotations

import csv
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers import stages
from trainers.data.base import DataError

LARGEST = 16 << 30  # bytes of all arrays
SUSPICIOUS, HIGHEST_RATIO = 256 << 20, 250  # as of other archives
PARTS = ("train", "valid", "test")
PART_WORDS = {"train": "train", "training": "train", "val": "valid", "valid": "valid", "validation": "valid",
              "dev": "valid", "test": "test", "testing": "test"}  # fmt: skip
MOST_CLASSES = 1000
SMALLEST = 4  # pixels of a side, below which an array holds something else


def holds_images(path: Path) -> bool:
    """Whether a file is one of numpy with an array that may be images: (N, H, W), or with channels at either end."""
    return any(_is_images(shape, kind) for shape, kind in _heads(path).values())


def _heads(path: Path) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
    """Shape and type of each array in a file, without reading it; {}: it is none of numpy."""
    try:
        with path.open("rb") as opened:
            if opened.read(6) == b"\x93NUMPY":
                opened.seek(0)
                return {"": _head(opened)}
        if not zipfile.is_zipfile(path):
            return {}
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if not members or not all(member.filename.endswith(".npy") for member in members):
                return {}
            found = {}
            for member in members:
                with archive.open(member) as source:
                    found[member.filename.removesuffix(".npy")] = _head(source)
            return found
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, RuntimeError, NotImplementedError):
        return {}  # whoever reads it says what is wrong


def _head(source: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = np.lib.format.read_magic(source)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, kind = read(source)
    return shape, kind


def _is_images(shape: tuple[int, ...], kind: np.dtype[Any]) -> bool:
    if kind.kind not in "uifb" or len(shape) not in (3, 4) or shape[0] < 2:
        return False
    sides = shape[1:] if len(shape) == 3 else shape[1:3] if shape[3] in (1, 3, 4) else shape[2:]
    channels = 1 if len(shape) == 3 else min(shape[1], shape[3])
    return channels in (1, 3, 4) and min(sides) >= SMALLEST and max(sides) <= 8192


def unpack_images(path: Path, folder: Path) -> None:
    """Write the images of a file's arrays into a folder.

    Images with a class are in a folder of its name, in one of train, valid or test where the arrays' names say so;
    those with numbers to predict are in a table beside them.

    Raises:
        DataError: the arrays are too large, hold objects, or what is in them is no images.
    """
    arrays = _loaded(path)
    images = {name: array for name, array in arrays.items() if _is_images(array.shape, array.dtype)}
    several = len({_part(name) for name in images}) > 1
    rows: list[list[Any]] = []
    done, total = 0, sum(map(len, images.values()))
    for name, array in images.items():
        labels = _labels_of(name, array, arrays)
        part = (_part(name) or "train") if several else ""
        white = _white(array, name)
        for place, pixels in enumerate(array):
            inside = "/".join(filter(None, (part, _folder(labels, place))))
            target = folder / inside
            if not target.is_dir():
                target.mkdir(parents=True)
            file = f"{name or 'image'}_{place:06}.png"
            _write(pixels, white, target / file)
            if labels is not None and labels.dtype.kind == "f":
                rows.append([f"{inside}/{file}".lstrip("/"), *np.atleast_1d(labels[place]).tolist()])
            done += 1
            if done % 500 == 0:
                stages.say("Writing images", done, total)
    if rows:
        with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as opened:
            writer = csv.writer(opened)
            writer.writerows([["file", *(f"target_{n}" for n in range(1, len(rows[0])))], *rows])


def _loaded(path: Path) -> dict[str, NDArray[Any]]:
    size = path.stat().st_size
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > min(LARGEST, max(SUSPICIOUS, HIGHEST_RATIO * size)):
            raise DataError(f"Its arrays have {unpacked / 2**30:.1f} GB unpacked, more than the limit here.")
    for name, (shape, kind) in _heads(path).items():
        if kind.hasobject:
            continue
        if int(np.prod(shape, dtype=object)) * kind.itemsize > min(LARGEST, max(SUSPICIOUS, HIGHEST_RATIO * size)):
            raise DataError(f"The array {name or 'in it'} claims the shape {shape}, more than the file can hold.")
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {"": loaded}
        return {name: loaded[name] for name, (_, kind) in _heads(path).items() if not kind.hasobject}
    except (ValueError, EOFError, OSError, zipfile.BadZipFile, MemoryError) as error:
        raise DataError(f"Its arrays cannot be read: {str(error)[:200]}.") from None


def _part(name: str) -> str:
    """Which part of the data the name of an array says; "": none."""
    return next((PART_WORDS[word] for word in re.split(r"[_\W]+", name.lower()) if word in PART_WORDS), "")


def _labels_of(name: str, images: NDArray[Any], arrays: dict[str, NDArray[Any]]) -> NDArray[Any] | None:
    """The array with the class, or the numbers, of each image: as long, and of the same part."""
    for other, array in arrays.items():
        if other == name or len(array.shape) not in (1, 2) or len(array) != len(images) or _part(other) != _part(name):
            continue
        flat = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
        if flat.ndim == 2 and flat.dtype.kind in "uib" and set(np.unique(flat)) <= {0, 1} and (flat.sum(1) == 1).all():
            flat = flat.argmax(1)  # one-hot
        if flat.ndim == 1 and flat.dtype.kind in "uibSU" and len(np.unique(flat)) <= MOST_CLASSES:
            return flat.astype(str) if flat.dtype.kind in "SU" else flat
        if flat.dtype.kind in "uif" and (flat.ndim == 1 or flat.shape[1] <= 20):
            values = flat.astype(np.float64)
            whole = values.ndim == 1 and bool((values == values.round()).all())
            return values.astype(np.int64) if whole and len(np.unique(values)) <= MOST_CLASSES else values
    return None


def _folder(labels: NDArray[Any] | None, place: int) -> str:
    if labels is None or labels.dtype.kind == "f":
        return ""
    return re.sub(r"[^\w .+-]", "_", str(labels[place])).strip(". ")[:100] or "_"


def _white(array: NDArray[Any], name: str) -> float:
    """What white is in an array. DataError: its values are no colours."""
    if array.dtype.kind == "b" or array.dtype == np.uint8:
        return 255.0
    low, high = float(array.min()), float(array.max())
    if not np.isfinite((low, high)).all() or low < 0 or high > 65535:
        raise DataError(
            f"The array {name or 'in it'} of the shape {array.shape} has values from {low:.4g} to {high:.4g}: images "
            "have values from 0 to 1, 255 or 65535. Scale them so, or save rows of two axes for a table."
        )
    return 1.0 if high <= 1 and array.dtype.kind == "f" else 255.0 if high <= 255 else 65535.0


def _write(pixels: NDArray[Any], white: float, path: Path) -> None:
    from PIL import Image

    if pixels.ndim == 3 and pixels.shape[2] not in (1, 3, 4):
        pixels = pixels.transpose(1, 2, 0)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    if pixels.dtype.kind == "b":
        pixels = pixels.astype(np.uint8) * 255
    elif white == 65535 and pixels.ndim == 2:
        pixels = pixels.astype(np.uint16)  # what white is, is found out as of other images of 16 bit
    elif pixels.dtype != np.uint8:
        pixels = (pixels.astype(np.float64) * (255 / white)).round().astype(np.uint8)
    Image.fromarray(pixels).save(path, compress_level=1)
