"""What cells of a raw table mean: functions that stand on their own, so that predict.py has the same ones.

Each takes a column as it was read (text, or what the file format gives) and returns an array. What cannot be read is
missing. They need numpy and pandas only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


def missing_words() -> set[str]:
    """What people and programs write where there is no value, in lower case."""
    words = {"", "?", "na", "n/a", "#n/a", "#na", "nan", "null", "none", "nil", "-", "--", "---", ".", "..", "missing"}
    words |= {"#value!", "#ref!", "#div/0!", "#null!", "-nan", "1.#qnan", "1.#ind", "<na>", "nat", "k. a.", "k.a."}
    return words


def words_of(cells: pd.Series) -> pd.Series:
    """Cells as text without blanks around it; whole numbers without ".0"; None where nothing is known."""
    import pandas as pd

    if pd.api.types.is_bool_dtype(cells):
        cells = cells.map({True: "True", False: "False"})
    elif pd.api.types.is_float_dtype(cells):
        known = cells.dropna()
        if len(known) and bool((known == known.round()).all()) and float(known.abs().max()) < 1e15:
            cells = cells.round().astype("Int64")
    text = cells.astype("str").str.strip()
    return text.mask(text.isna() | cells.isna() | text.str.lower().isin(missing_words()), None)


def known_of(cells: pd.Series) -> pd.Series:
    """The cells that are not missing. Numbers are looked at by numpy, in a tenth of the time that pandas takes."""
    import numpy as np

    kind = cells.dtype.kind if isinstance(cells.dtype, np.dtype) else ""
    if kind == "f" and not np.isnan(cells.to_numpy()).any():
        return cells
    return cells if kind and kind in "iub" else cells.dropna()


def numbers_of(
    cells: pd.Series, decimal: str = ".", thousands: str = "", prefix: str = "", suffix: str = ""
) -> NDArray[np.float64]:
    """Cells as numbers, "(1.5)" as a negative one; NaN where there is none, or one too large for float32."""
    import numpy as np
    import pandas as pd

    if pd.api.types.is_numeric_dtype(cells):
        ours = isinstance(cells.dtype, np.dtype)  # numpy's, which pandas looks through slowly
        values = cells.to_numpy().astype("float64") if ours else cells.to_numpy("float64", na_value=np.nan)
        return np.where(np.abs(values) < 3.4e38, values, np.nan)
    text = words_of(cells)
    text = text.str.replace("\u2212", "-", regex=False).str.replace(r"^\((.*)\)$", r"-\1", regex=True)
    if prefix:
        text = text.str.replace(prefix, "", n=1, regex=False)
    if suffix:
        text = text.str.removesuffix(suffix)
    if thousands:
        marks = {" ": "[ \u00a0\u202f\u2009]", "'": "['\u2019]"}.get(thousands, f"[{thousands}]")
        text = text.str.replace(marks, "", regex=True)
    if decimal != ".":
        text = text.str.replace(decimal, ".", n=1, regex=False)
    plain = text.str.strip()
    plain = plain.where(plain.str.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?").fillna(False).astype(bool), None)
    values = pd.to_numeric(plain, errors="coerce").to_numpy("float64", na_value=np.nan)
    return np.where(np.abs(values) < 3.4e38, values, np.nan)


def yes_or_no_of(cells: pd.Series, yes: tuple[str, ...], no: tuple[str, ...]) -> NDArray[np.float64]:
    """1 for yes, 0 for no, NaN for everything else. Case does not matter."""
    import numpy as np

    text = words_of(cells).str.lower()
    known_yes = text.isin([word.lower() for word in yes]).to_numpy(bool)
    known_no = text.isin([word.lower() for word in no]).to_numpy(bool)
    return np.where(known_yes, 1.0, np.where(known_no, 0.0, np.nan))


def categories_of(cells: pd.Series, categories: tuple[str, ...]) -> NDArray[np.int64]:
    """The place of each cell among the categories; -1 for one that is missing or not among them."""
    import pandas as pd

    return pd.Index(categories, dtype="str").get_indexer(pd.Index(words_of(cells))).astype("int64")


def label_parts(cell: str, delimiter: str) -> list[str]:
    """The labels in a cell, each once; those of a list ('["red", "blue"]') where the delimiter is "[]"."""
    import json
    import re

    parts: list[str] = []
    if delimiter != "[]":
        parts = cell.split(delimiter) if delimiter.strip() else cell.split()
    else:
        try:
            found = json.loads(cell)
            parts = [str(part) for part in found] if isinstance(found, list) else []
        except ValueError:  # as Python and other programs write lists
            pattern = r"""\"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^\s,\[\](){}"'][^,\[\](){}]*)"""
            parts = ["".join(match.groups("")) for match in re.finditer(pattern, cell)]
    return list(dict.fromkeys(part.strip() for part in parts if part.strip()))


def labels_of(cells: pd.Series, categories: tuple[str, ...], delimiter: str) -> NDArray[np.float64]:
    """1 for each label that a cell holds and 0 for the others, (rows, labels); NaN in rows where nothing is known."""
    import numpy as np
    import pandas as pd

    codes, different = pd.factorize(words_of(cells))
    numbers = {label: number for number, label in enumerate(categories)}
    held = np.zeros((len(different) + 1, len(categories)))
    held[-1] = np.nan  # of the code -1
    for place, cell in enumerate(different):
        held[place, [numbers[part] for part in label_parts(str(cell), delimiter) if part in numbers]] = 1
    found: NDArray[np.float64] = held[codes]
    return found


def month_names(whole: bool) -> dict[str, str]:
    """English months by their names in German, French, Spanish, Italian, Portuguese and Dutch, short ones too."""
    english: tuple[str, ...] = (
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
    )
    english += ("November", "December")
    names = (
        "januar jänner jan janvier janv enero ene gennaio gen janeiro januari",
        "februar feber feb février fév févr febrero febbraio fevereiro fev februari febr",
        "märz mär mrz mars marzo mar março maart mrt",
        "april apr avril avr abril abr aprile",
        "mai mayo may maggio mag maio mei",
        "juni jun juin junio giugno giu junho",
        "juli jul juillet juil julio luglio lug julho",
        "august aug août agosto ago augustus",
        "september sept sep septembre septiembre settembre set sett setembro",
        "oktober okt octobre oct octubre ottobre ott outubro out",
        "november nov novembre noviembre novembro",
        "dezember dez décembre déc diciembre dic dicembre dezembro december dec",
    )
    return {
        name: month if whole else month[:3] for month, each in zip(english, names, strict=True) for name in each.split()
    }


def dates_of(cells: pd.Series, date_format: str = "") -> pd.DatetimeIndex:
    """Cells as points in time; NaT where there is none. Time zones are converted to UTC."""
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(cells):
        found = pd.DatetimeIndex(cells)
    elif date_format.endswith("seconds since 1970"):
        seconds = numbers_of(cells, ".", "", "", "") / (1000 if date_format.startswith("milli") else 1)
        found = pd.DatetimeIndex(pd.to_datetime(seconds, unit="s"))
    else:
        given = date_format or "ISO8601"
        text = words_of(cells)
        if "%b" in given or "%B" in given:
            names = month_names("%B" in given)
            text = text.str.replace(r"(?i)\bde\b ?", "", regex=True)
            text = text.str.replace(
                r"[^\W\d_]{3,}\.?", lambda word: names.get(word[0].lower().rstrip("."), word[0]), regex=True
            )
        found = pd.DatetimeIndex(pd.to_datetime(text, format=given, errors="coerce", utc=True))
    return found.tz_convert("UTC").tz_localize(None) if found.tz is not None else found


def date_parts_of(dates: pd.DatetimeIndex, parts: tuple[str, ...]) -> NDArray[np.float64]:
    """Two numbers for each part of a date that comes again (sine and cosine of its place in the cycle), one for years.

    The last hour of a day is then as near to the first one as to the hour before it. NaN where there is no date.
    """
    import numpy as np

    columns = []
    for part in parts:
        values = np.asarray(getattr(dates, {"weekday": "day_of_week"}.get(part, part)), "float64")
        if part == "year":
            columns.append(values)
            continue
        first, length = {"month": (1, 12), "day": (1, 31), "weekday": (0, 7), "hour": (0, 24), "minute": (0, 60)}[part]
        angle = 2 * np.pi * (values - first) / length
        columns += [np.sin(angle), np.cos(angle)]
    return np.stack(columns, axis=1) if columns else np.zeros((len(dates), 0))
