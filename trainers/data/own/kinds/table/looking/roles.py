"""Guesses what each column is for: which one is predicted, which ones help, and which ones must not be used."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from trainers.data.own.kinds.table.cell_values import known_of, numbers_of
from trainers.data.own.kinds.table.looking.leaks import Leaks
from trainers.data.own.kinds.table.looking.types import as_category
from trainers.data.own.kinds.table.schema import Column, Role, TableSchema
from trainers.data.own.kinds.table.tasks import task_for
from trainers.data.own.schema import Splitting

# Names that people give to what is predicted; those of the first group nearly always.
TARGET_NAMES = (
    frozenset(
        "target label labels class classes y outcome survived diagnosis species churn default fraud response".split()  # noqa: SIM905
    ),
    frozenset(
        "price quality rating score result grade status type category sales income salary value risk".split()  # noqa: SIM905
    )
    | {"tags", "genres", "genre"},
)
IDENTIFIERS = re.compile(r"(^|_| )(id|ids|uuid|guid|index|idx|key|number|nr|no|unnamed: 0|row)$", re.IGNORECASE)
WEIGHTS = re.compile(
    r"^((sample|instance|case|survey|row|person|final|sampling)[_ ]?(weight|wt|wgt)s?|fnlwgt|pwgtp?|perwt)$",
    re.IGNORECASE,
)
NUMBERED = re.compile(  # names of what has numbers that are given, and not measured
    r"(^|_)(code|ticket|phone|telephone|mobile|zip|zip_code|zipcode|post_?code|ssn|account|acct|customer|client|order|"
    r"invoice|serial|isbn|barcode|ean|sku|imei|hash|ref|reference|mrn|hospital|patient|user|member|column_\d+)(_|$)"
)
LONG = 8  # digits, from which numbers that are all as long and never repeat are given ones, whatever their name
UNNAMED = re.compile(r"column_0|unnamed: 0", re.IGNORECASE)
NUMBERS_ROWS = "It has no name, and numbers the rows."
FEW_CLASSES = 10  # different whole numbers, at most, that are taken for classes
HARDLY_REPEATS = 0.5  # of a category's cells are different
ENOUGH = 20  # rows, below which nothing is said about repetition


class Use(NamedTuple):
    role: Role
    reason: str


def guess_schema(
    frame: pd.DataFrame, columns: Sequence[Column], named: str = "", target: str | None = None
) -> TableSchema:
    """The schema of a table whose types are known. `named`: the name of the file; `target`: chosen by the user."""
    uses = {column.name: unusable(column, frame[column.name]) for column in columns}
    chosen, reason = (target, "") if target is not None else _target(columns, uses, named)
    by_name = {column.name: column for column in columns}
    task: str | None = None
    task_reason = ""
    if chosen is not None:
        task, task_reason, column = task_of(by_name[chosen], frame[chosen])
        by_name[chosen] = column.model_copy(update={"role": "target", "role_reason": reason})
    return TableSchema(
        task=task,
        task_reason=task_reason,
        columns=tuple(with_uses(frame, by_name.values(), task, uses)),
        splitting=Splitting(how="random", reason="No column says that rows belong together or follow one another."),
    )


def with_uses(
    frame: pd.DataFrame, columns: Iterable[Column], task: str | None, uses: Mapping[str, Use | None]
) -> list[Column]:
    """The columns, those of `uses` as inputs or ignored, with the reason: what `uses` says of each, or that it gives
    the only target away."""
    made = list(columns)
    targets = [column for column in made if column.role == "target"]
    leaks = Leaks(frame, targets[0], task) if task is not None and len(targets) == 1 else None
    for place, column in enumerate(made):
        if column.name not in uses or column.role == "target":
            continue
        use = uses[column.name] or Use("input", "")
        if use.role == "input" and (why := _weighs(column, frame[column.name], made)):
            use = Use("weight", why)
        if use.role == "input" and leaks is not None and (why := leaks.reason(column)):
            use = Use("ignored", why)
        made[place] = column.model_copy(update={"role": use.role, "role_reason": use.reason})
    if any(column.role == "input" for column in made):
        return made
    numbers = [c for c in made if c.name in uses and c.type == "number" and frame[c.name].nunique() > 1]
    revived = [c.name for c in numbers if c.role_reason != NUMBERS_ROWS] or [c.name for c in numbers]
    for place, column in enumerate(made):  # a number that hardly repeats is better than nothing
        if column.name in revived and column.role == "ignored":
            given = {"role": "input", "role_reason": "No other column could be an input."}
            made[place] = column.model_copy(update=given)
    return made


def _weighs(column: Column, cells: pd.Series, columns: Iterable[Column]) -> str:
    """Why a column says how much a row counts; empty: it does not, or another one does."""
    if column.type != "number" or not WEIGHTS.match(column.name.strip()):
        return ""
    if any(each.role == "weight" for each in columns):
        return ""
    values = numbers_of(cells, **column.notation.model_dump())
    known = values[np.isfinite(values)]
    if not len(known) or known.min() < 0 or known.max() <= 0:
        return ""
    return "By its name it says how much a row counts. It weighs rows in the loss; metrics count all alike."


def task_of(column: Column, cells: pd.Series) -> tuple[str, str, Column]:
    """What it means to predict a column, why, and the column with the type that this needs."""
    if column.type == "number":
        values = pd.unique(cells.dropna())
        numbers = pd.to_numeric(pd.Series(values), errors="coerce").dropna()
        whole = bool((numbers == numbers.round()).all())
        if whole and len(numbers) == len(values) and len(values) <= FEW_CLASSES:
            why = f"{column.name} has {len(values)} different whole numbers, so they are taken for classes."
            return task_for("category"), why, as_category(column, cells)
        return task_for("number"), f"{column.name} has many different numbers.", column
    if column.type == "date":
        return task_for("number"), f"{column.name} is a point in time.", column
    if column.type == "text":
        column = as_category(column, cells)
    if column.type == "labels":
        return task_for("yes_no"), f"{column.name} has {len(column.categories):,} labels, several in a row.", column
    count = 2 if column.type == "yes_no" else len(column.categories)
    return task_for("category"), f"{column.name} has {count} classes.", column


# -- the target --------------------------------------------------------------------------------------------------------


def _target(columns: Sequence[Column], uses: dict[str, Use | None], named: str) -> tuple[str | None, str]:
    """The column that is probably to be predicted, and why: by its name, by the file's name, else the last one."""
    usable = [column for column in columns if uses[column.name] is None and column.type not in ("date", "text")]
    for names in TARGET_NAMES:
        for column in [*usable[-1:], *usable]:  # of several such names the last column's
            if _plain(column.name) in names and (column is not usable[-1] or column is columns[-1]):
                return column.name, f"{column.name} is a usual name for what is predicted."
        if names is TARGET_NAMES[0] and usable and usable[-1] is columns[-1] and _ends_like_a_target(usable[-1]):
            return usable[-1].name, "It is the last column, and has a usual name for what is predicted."
    for column in reversed(usable):
        if _ends_like_a_target(column):
            return column.name, f"Its name ends like that of what is often predicted: {column.name}."
    for column in usable:
        if len(_plain(column.name)) > 2 and _plain(column.name) in re.split(r"[^a-z0-9]+", named.lower()):
            return column.name, "The file has the same name."
    if not usable:
        return None, ""
    if usable[-1] is columns[-1]:
        return usable[-1].name, "It is the last column."
    return usable[-1].name, "It is the last column that could be predicted."


def _last_word(column: Column) -> str:
    return _plain(column.name).rpartition("_")[2]


def _ends_like_a_target(column: Column) -> bool:
    return _last_word(column) in TARGET_NAMES[0] | TARGET_NAMES[1]


def _plain(name: str) -> str:
    """A name in small letters, its words divided by _: "SalePrice" is "sale_price"."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", name)
    return re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")


# -- columns without use -----------------------------------------------------------------------------------------------


def unusable(column: Column, cells: pd.Series) -> Use | None:
    """Why a column cannot help: it is empty, always the same, or names each row. None: it may help."""
    known = known_of(cells)
    plain = isinstance(cells.dtype, np.dtype) and cells.dtype.kind in "if"
    distinct = len(np.unique(known.to_numpy())) if plain else known.nunique()
    if not len(known):
        return Use("ignored", "It is empty.")
    if distinct == 1 and len(known) == len(cells):
        return Use("ignored", f"It is always {str(known.iloc[0])[:40]}.")
    if column.type == "text":
        return Use("ignored", "It is text; the other columns are used.")
    if column.type == "number" and _numbers_rows(column, known):
        return Use("ignored", NUMBERS_ROWS)
    if len(cells) < ENOUGH:
        return None
    if column.type == "category" and distinct > HARDLY_REPEATS * len(known):
        return Use(
            "ignored", f"It has {distinct:,} different values in {len(known):,} rows: a name, which says nothing."
        )
    if column.type == "number" and distinct >= 0.9 * len(known) and (why := _identifies(column, cells)):
        return Use("ignored", why)
    return None


def says_nothing(column: Column, cells: pd.Series) -> bool:
    """The same of cells that may all be text, as in the first rows of a file."""
    numbers = column.type == "number"
    return unusable(column, pd.to_numeric(cells, errors="coerce") if numbers else cells) is not None


def _numbers_rows(column: Column, known: pd.Series) -> bool:
    """Whether a column without a name holds ever larger whole numbers, as tables have that other programs saved."""
    if not UNNAMED.fullmatch(column.name.strip()) or not pd.api.types.is_integer_dtype(known):
        return False
    steps = np.diff(known.to_numpy("float64"))
    return len(steps) > 1 and bool((steps >= 1).all()) and (len(known) >= ENOUGH or bool((steps == 1).all()))


def _identifies(column: Column, cells: pd.Series) -> str:
    """Why a column of numbers is an identifier; empty: it is none."""
    if not pd.api.types.is_numeric_dtype(cells):
        return ""
    known = known_of(cells).to_numpy("float64")
    known = known[np.isfinite(known)]
    if not len(known) or (known != np.round(known)).any():
        return ""
    share = len(np.unique(known)) / len(known)
    if share < 0.9:
        return ""
    if IDENTIFIERS.search(column.name.strip()) or IDENTIFIERS.search(_plain(column.name)):
        return "Its name and its numbers, which hardly repeat, say that it is an identifier."
    steps = np.diff(known)
    if share == 1 and len(steps) and (steps == 1).all():
        return "It counts the rows."
    digits = {len(str(int(abs(number)))) for number in known}
    if not NUMBERED.search(_plain(column.name)) and (len(digits) > 1 or min(digits) < LONG):
        return ""  # an amount, such as a salary or a price
    if max(digits) >= 5 and len(digits) <= 2 and np.ptp(np.log10(np.abs(known) + 1)) > 0 and min(digits) >= 5:
        return f"Its numbers have {max(digits)} digits and hardly repeat, so it is taken for an identifier."
    return ""
