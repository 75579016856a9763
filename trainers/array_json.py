"""Arrays as JSON: compressed, so that a run can keep many snapshots of what its network produces.

Floating-point numbers are rounded to 65,536 steps between their lowest and highest value: finer than any image or chart
shows.
"""

from __future__ import annotations

import base64
import math
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

STEPS = 65_535
LARGEST = 2**24  # numbers in one array: a damaged store must not make the process run out of memory


def encode_array(array: NDArray[Any]) -> dict[str, Any]:
    """An array of floats or of integers as plain values for JSON."""
    shape = list(array.shape)
    if array.dtype.kind != "f":
        return {"shape": shape, "whole": True, "data": _text(array.astype("<i4"))}
    finite = array[np.isfinite(array)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    width = max(high - low, 1e-30)
    steps = np.round((np.nan_to_num(array, nan=low, posinf=high, neginf=low) - low) / width * STEPS)
    return {"shape": shape, "low": low, "high": high, "data": _text(steps.astype("<u2"))}


def decode_array(value: dict[str, Any]) -> NDArray[Any]:
    """The array that `encode_array` encoded, as float32 or int64. ValueError: it has more numbers than LARGEST."""
    shape = tuple(int(size) for size in value["shape"])
    if math.prod(shape) > LARGEST:
        raise ValueError(f"an array of {math.prod(shape):,} numbers")
    whole = bool(value.get("whole"))
    size = math.prod(shape) * (4 if whole else 2)
    content = zlib.decompressobj().decompress(base64.b64decode(value["data"]), size)
    array = np.frombuffer(content, "<i4" if whole else "<u2").reshape(shape)
    if whole:
        return array.astype(np.int64)
    low, high = float(value["low"]), float(value["high"])
    return (low + array.astype(np.float32) * ((high - low) / STEPS)).astype(np.float32)


def _text(array: NDArray[Any]) -> str:
    return base64.b64encode(zlib.compress(array.tobytes(), 6)).decode()
