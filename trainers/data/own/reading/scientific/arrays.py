"""Arrays of numpy as tables: .npy and .npz, whose arrays have an entry for each row. Pickled objects are not read."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from trainers.data.base import DataError
from trainers.data.own.reading.base import Reader
from trainers.data.own.reading.table import RawTable, flat_columns

if TYPE_CHECKING:
    import pandas as pd

MOST_UNPACKED = 8 << 30  # bytes of all arrays in a .npz
MOST_COLUMNS = 100_000


class NumpyArrays(Reader):
    """An array of rows, or several that belong together, such as x and y; x_train and x_test are put together."""

    name: ClassVar[str] = "numpy"
    label: ClassVar[str] = "arrays of numpy"
    endings: ClassVar[tuple[str, ...]] = (".npy", ".npz")
    magic: ClassVar[tuple[bytes, ...]] = (b"\x93NUMPY", b"PK\x03\x04")
    shares_magic: ClassVar[bool] = True

    def read(self, path: Path, **options: object) -> RawTable:
        try:
            if zipfile.is_zipfile(path):
                with zipfile.ZipFile(path) as archive:
                    if sum(member.file_size for member in archive.infolist()) > MOST_UNPACKED:
                        raise DataError(f"It unpacks to more than {MOST_UNPACKED >> 30} GB.")
            frame = read_rows(str(path))
        except (ValueError, EOFError, OSError, zipfile.BadZipFile, MemoryError) as error:
            if "allow_pickle" in str(error) or "pickled" in str(error):
                raise DataError(
                    "It holds objects of Python, which can run any program when they are opened. Save plain numbers or "
                    'texts: `numpy.save("data.npy", array.astype(float))`.'
                ) from None
            raise DataError(f"Its arrays cannot be a table: {str(error)[:200]}.") from None
        return flat_columns(frame, "The arrays say the type of each column.")

    def script(self, path: Path) -> tuple[Callable[..., pd.DataFrame], dict[str, str]]:
        return read_rows, {"names": "None"}


def read_rows(path: str, names: list[str] | None = None) -> pd.DataFrame:
    """The rows of a .npy file or of the arrays of a .npz; ValueError: they are no rows.

    A column is called like its array, with its place where the array has several. Arrays that differ in a word such as
    "train" and "test" alone are put together, one below the other.
    """
    import re

    import numpy as np
    import pandas as pd

    loaded = np.load(path, allow_pickle=False)
    arrays = {"": loaded} if isinstance(loaded, np.ndarray) else {name: loaded[name] for name in loaded.files}
    if len(arrays) == 1:
        arrays = {"": next(iter(arrays.values()))}
    together: dict[str, list[np.ndarray]] = {}
    for name, array in arrays.items():
        plain = re.sub(r"(^|_)(train|training|valid|validation|val|test)(_|$)", "_", name, flags=re.I).strip("_")
        together.setdefault(plain or name, []).append(array)
    columns: dict[str, pd.Series] = {}
    for name, parts in together.items():
        if any(part.ndim == 0 or part.shape[1:] != parts[0].shape[1:] for part in parts):
            raise ValueError(f"{name or 'the array'} is a single value, or its parts have other shapes")
        array = np.concatenate(parts)
        if array.dtype.names is not None and array.ndim == 1:
            columns |= {f"{name}_{field}" if name else field: pd.Series(array[field]) for field in array.dtype.names}
            continue
        if array.ndim == 2 and array.shape[1] == 1:
            array = array[:, 0]
        if array.ndim > 2:
            raise ValueError(f"{name or 'the array'} has the shape {array.shape}; the rows of a table have two axes")
        wide = [array] if array.ndim == 1 else list(array.T)
        for place, values in enumerate(wide):
            column = (name if array.ndim == 1 else f"{name}_{place}") if name else f"column_{place}"
            columns[column] = pd.Series(values.astype(str) if values.dtype.kind in "SU" else values)
    lengths = {len(column) for column in columns.values()}
    if len(lengths) != 1:
        shown = ", ".join(f"{name or 'array'} {array.shape}" for name, array in list(arrays.items())[:8])
        raise ValueError(f"its arrays have different numbers of rows: {shown}")
    frame = pd.DataFrame(columns)
    return frame if names is None else frame.set_axis(names, axis=1)
