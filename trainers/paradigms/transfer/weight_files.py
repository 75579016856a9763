"""Reads weights that somebody else wrote: only safetensors files, checked completely before a tensor is loaded.

A safetensors file consists of eight bytes with the length of its header, the header as JSON, and the numbers. A header
with sizes beyond the end of the file, or with overlapping ranges, could make a reader access other memory.
https://huggingface.co/docs/safetensors/index#format
"""

from __future__ import annotations

import functools
import json
import math
import re
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from trainers.data.base import DataError
from trainers.home import home
from trainers.runs.checkpoint_files import DamagedError

if TYPE_CHECKING:
    from torch import Tensor

Shape = tuple[int, ...]
MOST_BYTES = 2 * 2**30  # of a file
MOST_HEADER = 8 * 2**20  # bytes of its header
MOST_TENSORS = 20_000
LONGEST_NAME = 300
SIZES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}  # bytes


class WeightsError(DataError):
    """Weights cannot be found or read: the text says which, why, and what to do."""


def weights_folder() -> Path:
    """The folder for files of weights."""
    return home() / "weights"


def read_shapes(path: Path) -> dict[str, Shape]:
    """The shape of every tensor in a file, by name. The numbers are not read. WeightsError: the file is not valid."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(8)
            length = int.from_bytes(start, "little")
            if size > MOST_BYTES:
                raise _invalid(path, f"has {size / 2**30:.1f} GiB; the limit is {MOST_BYTES // 2**30} GiB")
            if len(start) < 8 or length > size - 8:
                raise _invalid(path, "is not a safetensors file: its header is longer than the file")
            if length > MOST_HEADER:
                raise _invalid(path, f"has a header of {length:,} bytes; the limit is {MOST_HEADER:,}")
            text = file.read(length)
    except OSError as error:
        raise WeightsError(f"{path.name} cannot be read: {error.strerror or error}.") from None
    return parse_header(path, text, size - 8 - length)


def parse_header(path: Path, text: bytes, size: int) -> dict[str, Shape]:
    """The shapes in a header, if all of it is valid; `size` bytes of numbers follow it."""
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        raise _invalid(path, "is not a safetensors file: its header is not JSON") from None
    if not isinstance(header, dict) or len(header) > MOST_TENSORS:
        raise _invalid(
            path, f"is not a valid safetensors file: its header is not a table of up to {MOST_TENSORS:,} tensors"
        )
    found: dict[str, Shape] = {}
    ranges: list[tuple[int, int]] = []
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        shape, start, end = _entry(path, name, entry)
        found[name] = shape
        ranges.append((start, end))
    position = 0
    for start, end in sorted(ranges):
        if start != position or end > size:
            raise _invalid(path, "is damaged: its tensors do not follow one another within the file")
        position = end
    return found


def _entry(path: Path, name: str, entry: Any) -> tuple[Shape, int, int]:
    """Shape and range of one tensor."""
    shown = name[:40]
    if not isinstance(entry, dict) or len(name) > LONGEST_NAME:
        raise _invalid(path, f"is damaged: the entry {shown!r} of its header is not a tensor")
    kind, shape, offsets = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
    if kind not in SIZES:
        raise _invalid(path, f"has the tensor {shown!r} of dtype {str(kind)[:20]!r}, which is not supported")
    if not _whole_numbers(shape) or not _whole_numbers(offsets) or len(offsets) != 2 or len(shape) > 8:
        raise _invalid(path, f"is damaged: shape or offsets of {shown!r} are not whole numbers")
    if offsets[1] - offsets[0] != math.prod(shape) * SIZES[kind]:
        raise _invalid(path, f"is damaged: the shape {tuple(shape)} of {shown!r} does not match its size in bytes")
    return tuple(shape), offsets[0], offsets[1]


def _whole_numbers(values: Any) -> TypeGuard[list[int]]:
    """Whether it is a list of whole numbers that are not negative."""
    return isinstance(values, list) and all(type(value) is int and 0 <= value < 2**48 for value in values)


def _invalid(path: Path, reason: str) -> WeightsError:
    return WeightsError(f"{path.name} {reason}. Save the weights again with safetensors.torch.save_file.")


def find_prefix(found: Mapping[str, Shape], networks: tuple[str, ...] = ()) -> str:
    """The prefix of a network's tensors: "main/" in the weights of a run, nothing in other files.

    `networks`: the names to look for after "main". Else the first prefix in the file is returned.
    """
    prefixes = list(dict.fromkeys(name.partition("/")[0] for name in found if "/" in name))
    if not prefixes or any("/" not in name for name in found):
        return ""
    return next(f"{name}/" for name in ("main", *networks, prefixes[0]) if name in prefixes)


def load_tensors(path: Path, names: Mapping[str, str]) -> dict[str, Tensor]:
    """Some tensors of a file. `names`: for each name in the result the name in the file."""
    from safetensors import SafetensorError, safe_open

    read_shapes(path)
    try:
        with safe_open(path, "pt") as file:
            return {wanted: file.get_tensor(name) for wanted, name in names.items()}
    except OSError as error:
        raise WeightsError(f"{path.name} cannot be read: {error.strerror or 'the file is gone'}.") from None
    except SafetensorError:
        raise _invalid(path, "cannot be read: it is damaged, or lacks a tensor") from None


def refuse_unusable(path: Path, label: str, remedy: str = "") -> None:
    """WeightsError: the file was damaged, or has values that are NaN or infinite. `remedy`: what to do about damage."""
    facts = path.stat()
    try:
        wrong = _not_finite(path, facts.st_mtime_ns, facts.st_size)
    except DamagedError as error:
        advice = remedy or "Save them again, or choose others."
        raise WeightsError(f"The weights of {label} cannot be used: {error} {advice}") from None
    except OSError as error:
        raise WeightsError(f"{path.name} cannot be read: {error.strerror or error}.") from None
    if wrong:
        name, count = wrong[0].rpartition("/")[2], len(wrong)
        more = f", and so do {count - 1} more of its tensors" if count > 1 else ""
        raise WeightsError(
            f"The weights of {label} cannot be used: {name} has values that are NaN or infinite{more}. The training "
            "that they come from diverged. Use other weights."
        )


@functools.lru_cache(maxsize=64)
def _not_finite(path: Path, changed: int, size: int) -> tuple[str, ...]:
    """The tensors of a file that have such values; read once for each version of it. DamagedError, OSError: see
    `read_weights`."""
    import torch

    from trainers.engine.model_file import read_weights  # imports torch

    read_shapes(path)
    found = read_weights(path)[0]
    return tuple(
        name for name, tensor in found.items() if tensor.is_floating_point() and not torch.isfinite(tensor).all()
    )


def add_file(name: str, content: bytes | memoryview) -> str:
    """Save an uploaded file in the folder for weights, if it is valid. Returns the name that it has there.

    Raises:
        WeightsError: the file is not valid; OSError: it cannot be written.
    """
    stem = re.sub(r"[^A-Za-z0-9_-]+", "_", Path(name).stem).strip("_-")[:80] or "weights"
    folder = weights_folder()
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{uuid.uuid4().hex}.part"
    try:
        temporary.write_bytes(content)
        try:
            read_shapes(temporary)
        except WeightsError as error:
            raise WeightsError(str(error).replace(temporary.name, f"{stem}.safetensors")) from None
        saved, number = f"{stem}.safetensors", 1
        while (folder / saved).exists() and (folder / saved).read_bytes() != content:
            number += 1
            saved = f"{stem}_{number}.safetensors"
        temporary.replace(folder / saved)
    finally:
        temporary.unlink(missing_ok=True)
    return saved
