"""Reads weights that somebody else has written: safetensors files alone, measured before anything is loaded.

A safetensors file is eight bytes with the length of its header, the header as JSON, and the numbers. A header that
promises more than the file holds, or ranges that overlap, would make a careless reader take memory that is not its own
to take; so everything is checked here first. https://huggingface.co/docs/safetensors/index#format
"""

from __future__ import annotations

import json
import math
import re
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from builder.problems import NetloomError

if TYPE_CHECKING:
    from torch import Tensor

Shape = tuple[int, ...]
MOST_BYTES = 2 * 2**30  # of a file
MOST_HEADER = 8 * 2**20  # of its header
MOST_TENSORS = 20_000
LONGEST_NAME = 300
SIZES = {
    "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1,
}  # fmt: skip


class WeightsError(NetloomError):
    """Weights cannot be had or cannot be read: the text says which, why, and what to do."""


def shapes(path: Path) -> dict[str, Shape]:
    """The shape of every tensor in a file, by name, without reading the numbers. WeightsError: it cannot be trusted."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(8)
            length = int.from_bytes(start, "little")
            if size > MOST_BYTES:
                raise _wrong(path, f"has {size / 2**30:.1f} GiB; at most {MOST_BYTES // 2**30} are read")
            if len(start) < 8 or length > size - 8:
                raise _wrong(path, "is no safetensors file: its header is longer than the file")
            if length > MOST_HEADER:
                raise _wrong(path, f"has a header of {length:,} bytes; at most {MOST_HEADER:,} are read")
            text = file.read(length)
    except OSError as error:
        raise WeightsError(f"{path.name} cannot be read: {error.strerror or error}.") from None
    return described(path, text, size - 8 - length)


def described(path: Path, text: bytes, room: int) -> dict[str, Shape]:
    """What a header says, if all of it is sound: `room` is how many bytes of numbers follow it."""
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        raise _wrong(path, "is no safetensors file: its header is not JSON") from None
    if not isinstance(header, dict) or len(header) > MOST_TENSORS:
        raise _wrong(path, f"is no safetensors file that is read here: a table of at most {MOST_TENSORS:,} tensors")
    found: dict[str, Shape] = {}
    ranges: list[tuple[int, int]] = []
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        shape, first, last = _entry(path, name, entry)
        found[name] = shape
        ranges.append((first, last))
    place = 0
    for first, last in sorted(ranges):
        if first != place or last > room:
            raise _wrong(path, "is damaged: its tensors do not lie one after the other within the file")
        place = last
    return found


def _entry(path: Path, name: str, entry: Any) -> tuple[Shape, int, int]:
    """Shape and range of one tensor."""
    shown = name[:40]
    if not isinstance(entry, dict) or len(name) > LONGEST_NAME:
        raise _wrong(path, f"is damaged: what it says of {shown!r} is no tensor")
    kind, shape, offsets = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
    if kind not in SIZES:
        raise _wrong(path, f"holds {shown!r} as numbers of the kind {str(kind)[:20]!r}, which are not read here")
    if not _whole(shape) or not _whole(offsets) or len(offsets) != 2 or len(shape) > 8:
        raise _wrong(path, f"is damaged: shape or place of {shown!r} are no whole numbers")
    if offsets[1] - offsets[0] != math.prod(shape) * SIZES[kind]:
        raise _wrong(path, f"is damaged: {shown!r} of shape {tuple(shape)} does not fill its place")
    return tuple(shape), offsets[0], offsets[1]


def _whole(values: Any) -> TypeGuard[list[int]]:
    """Whether it is a list of whole numbers that are not negative."""
    return isinstance(values, list) and all(type(value) is int and 0 <= value < 2**48 for value in values)


def _wrong(path: Path, what: str) -> WeightsError:
    return WeightsError(f"{path.name} {what}. Save the weights again with safetensors.torch.save_file.")


def prefix_of(found: Mapping[str, Shape]) -> str:
    """What stands before the names of a network's tensors: "main/" in the weights that a run keeps, else nothing."""
    firsts = list(dict.fromkeys(name.partition("/")[0] for name in found if "/" in name))
    if not firsts or any("/" not in name for name in found):
        return ""
    return f"{'main' if 'main' in firsts else firsts[0]}/"


def load(path: Path, names: Mapping[str, str]) -> dict[str, Tensor]:
    """Some tensors of a file: `names` gives for each name to have the one that it has in the file."""
    from safetensors import SafetensorError, safe_open

    shapes(path)
    try:
        with safe_open(path, "pt") as file:
            return {wanted: file.get_tensor(name) for wanted, name in names.items()}
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path.name} cannot be read: {str(error)[:200]}.") from None


def put(name: str, content: bytes | memoryview) -> str:
    """Keep a file of weights that came from elsewhere, if it is sound; returns the name that it has from now on.

    WeightsError: it is no file that can be trusted. OSError: it cannot be written.
    """
    from trainers.home import home

    stem = re.sub(r"[^A-Za-z0-9_-]+", "_", Path(name).stem).strip("_-")[:80] or "weights"
    folder = home() / "weights"
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{uuid.uuid4().hex}.part"
    try:
        temporary.write_bytes(content)
        try:
            shapes(temporary)
        except WeightsError as error:
            raise WeightsError(str(error).replace(temporary.name, f"{stem}.safetensors")) from None
        kept, number = f"{stem}.safetensors", 1
        while (folder / kept).exists() and (folder / kept).read_bytes() != content:
            number += 1
            kept = f"{stem}_{number}.safetensors"
        temporary.replace(folder / kept)
    finally:
        temporary.unlink(missing_ok=True)
    return kept
