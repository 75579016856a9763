"""Tables of Stata and SAS, which pandas reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from trainers.data.base import DataError
from trainers.data.own.reading.base import Reader
from trainers.data.own.reading.table import RawTable, flat_columns

if TYPE_CHECKING:
    import pandas as pd


class Statistics(Reader):
    """Stata (values with labels are their labels) and SAS (sas7bdat and transport files)."""

    name: ClassVar[str] = "statistics"
    label: ClassVar[str] = "Stata or SAS"
    endings: ClassVar[tuple[str, ...]] = (".dta", ".sas7bdat", ".xpt")

    def read(self, path: Path, **options: object) -> RawTable:
        try:
            frame = read_rows(str(path))
        except Exception as error:  # pandas' readers of damaged files raise whatever happens in them
            raise DataError(f"It is cut off or damaged: pandas cannot read it ({str(error)[:200]}).") from None
        return flat_columns(frame, "The file says the type of each column.")

    def script(self, path: Path) -> tuple[Callable[..., pd.DataFrame], dict[str, str]]:
        return read_rows, {"names": "None"}


def read_rows(path: str, names: list[str] | None = None) -> pd.DataFrame:
    """The rows of a file of Stata or SAS, by its ending; text of SAS is taken for Windows-1252."""
    import pandas as pd

    frame = pd.read_stata(path) if path.lower().endswith(".dta") else pd.read_sas(path, encoding="cp1252")
    return frame if names is None else frame[names]
