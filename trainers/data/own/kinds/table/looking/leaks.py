"""Finds columns that give the answer away: those that alone say what the target is, as `alive` does of `survived`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from trainers.data.own.kinds.table.cell_values import dates_of, numbers_of, words_of
from trainers.data.own.kinds.table.tasks import predicts_classes

if TYPE_CHECKING:
    from trainers.data.own.kinds.table.schema import Column

ROWS = 5000  # that are looked at, at most
CERTAIN = 0.995  # accuracy, or R2, of one column alone on rows that were not used to find the rule
ENOUGH = 30  # rows
MOST_CHANGES = 0.1  # share of neighbouring rows of different classes


def gives_the_answer_away(frame: pd.DataFrame, column: Column, target: Column, task: str) -> str:
    """Why a column gives the answer away; empty: it does not.

    A decision tree over this column alone is tested on rows that it has not seen. A column that is right every time is
    no measurement: it was written down with the answer, or is computed from it.
    """
    from sklearn.model_selection import cross_val_score
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    known = frame[target.name].notna() & frame[column.name].notna()
    rows = frame.loc[known, [column.name, target.name]]
    if len(rows) < ENOUGH or len(rows) < 0.5 * frame[target.name].notna().sum():
        return ""
    if len(rows) > ROWS:
        rows = rows.sample(ROWS, random_state=0)
    given = _as_numbers(rows[column.name], column)
    if np.unique(given).size < 2:
        return ""
    if not predicts_classes(task):
        wanted = numbers_of(rows[target.name], **target.notation.model_dump()) if target.type == "number" else None
        if wanted is None or not np.isfinite(wanted).all() or abs(_rank_correlation(given, wanted)) < 0.99:
            return ""
        tree = DecisionTreeRegressor(min_samples_leaf=2, random_state=0)
        score = float(cross_val_score(tree, given[:, None], wanted, cv=3, scoring="r2").mean())
        return f"It alone says what {target.name} is (R2 {score:.3f})." if score >= CERTAIN else ""
    classes = words_of(rows[target.name]).to_numpy(str)
    names, counts = np.unique(classes, return_counts=True)
    if len(names) < 2 or counts.max() > 0.98 * len(classes):
        return ""
    if _changes(given, classes) > MOST_CHANGES:
        return ""
    tree = DecisionTreeClassifier(min_samples_leaf=2, random_state=0)
    splits = int(min(3, counts.min()))
    if splits < 2:
        return ""
    score = float(cross_val_score(tree, given[:, None], classes, cv=splits, scoring="balanced_accuracy").mean())
    return f"It alone says what {target.name} is, in {score:.1%} of the rows." if score >= CERTAIN else ""


def _changes(given: np.ndarray, classes: np.ndarray) -> float:
    """How often the class changes from one row to the next, by the order of a column: hardly ever, where it alone says
    the class. Cheap, so that most columns need no tree."""
    ordered = classes[np.lexsort((classes, given))]
    return float((ordered[1:] != ordered[:-1]).mean())


def _rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Cheap, and near to 1 or -1 wherever one is computed from the other by a rising or falling rule."""
    return float(pd.Series(first).rank().corr(pd.Series(second).rank()))


def _as_numbers(cells: pd.Series, column: Column) -> np.ndarray:
    """A number for each cell: its value, or which of the different values it is."""
    if column.type == "number":
        values = numbers_of(cells, **column.notation.model_dump())
    elif column.type == "date":
        values = dates_of(cells, column.date_format).asi8.astype("float64")
    else:
        values = pd.factorize(words_of(cells))[0].astype("float64")
    return np.nan_to_num(values, nan=-1e9)
