"""Reads rows of numbers in predict.py, with pandas alone: a function that stands on its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def read_samples(paths: list[str], names: list[str]) -> tuple[dict[str, list[int]], list[NDArray[np.float32]]]:
    """The numbers of each row's columns, and what names the row beside its prediction: its number, from 1."""
    import numpy as np
    import pandas as pd

    frames = [pd.read_parquet(path) if path.endswith(".parquet") else pd.read_csv(path) for path in paths]
    for path, frame in zip(paths, frames, strict=True):
        absent = [name for name in names if name not in frame]
        if absent:
            raise ValueError(
                f"{path} has no column {absent[0]!r}. Its columns are: {', '.join(map(str, frame))[:300]}."
            )
    rows = pd.concat(frames, ignore_index=True)
    return {"row": list(range(1, len(rows) + 1))}, [rows[names].to_numpy(np.float32)]
