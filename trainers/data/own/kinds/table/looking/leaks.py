"""Finds columns that give the answer away: those that alone say what the target is, as `alive` does of `survived`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from trainers.data.own.kinds.table.cell_values import dates_of, known_of, numbers_of, words_of
from trainers.data.own.kinds.table.tasks import predicts_classes

if TYPE_CHECKING:
    from trainers.data.own.kinds.table.schema import Column

ROWS = 5000  # that are looked at, at most
CERTAIN = 0.995  # accuracy, or R2, of one column alone on rows that were not used to find the rule
ENOUGH = 30  # rows
MOST_CHANGES = 0.1  # share of neighbouring rows of different classes


class Leaks:
    """Finds columns that give a target away.

    A decision tree over each column alone is tested on rows that it has not seen. A column that is right every time is
    no measurement: it was written down with the answer, or is computed from it.
    """

    def __init__(self, frame: pd.DataFrame, target: Column, task: str) -> None:
        """`frame`: all rows, or some of them; those whose target is missing say nothing."""
        known = np.flatnonzero(frame[target.name].notna())
        if len(known) > ROWS:
            known = np.sort(np.random.default_rng(0).choice(known, ROWS, replace=False))
        self.rows, self.target = frame.iloc[known], target
        cells = self.rows[target.name]
        self.classes: np.ndarray | None = None
        self.wanted: np.ndarray | None = None
        if predicts_classes(task):
            self.classes = pd.factorize(words_of(cells), sort=True)[0]
        elif target.type == "number":
            self.wanted = numbers_of(cells, **target.notation.model_dump())

    def reason(self, column: Column) -> str:
        """Why a column gives the answer away; empty: it does not."""
        cells = self.rows[column.name]
        known = known_of(cells)
        if len(known) < max(ENOUGH, 0.5 * len(cells)):
            return ""
        there = slice(None) if len(known) == len(cells) else np.asarray(cells.notna())
        given = _as_numbers(known, column)
        if len(given) == 0 or (given == given[0]).all():
            return ""
        if self.classes is not None:
            return self._of_classes(given, self.classes[there])
        return self._of_numbers(given, self.wanted[there]) if self.wanted is not None else ""

    def _of_numbers(self, given: np.ndarray, wanted: np.ndarray) -> str:
        if not np.isfinite(wanted).all() or abs(_rank_correlation(given, wanted)) < 0.99:
            return ""
        from sklearn.model_selection import cross_val_score
        from sklearn.tree import DecisionTreeRegressor

        tree = DecisionTreeRegressor(min_samples_leaf=2, random_state=0)
        score = float(cross_val_score(tree, given[:, None], wanted, cv=3, scoring="r2").mean())
        return f"It alone says what {self.target.name} is (R2 {score:.3f})." if score >= CERTAIN else ""

    def _of_classes(self, given: np.ndarray, classes: np.ndarray) -> str:
        if _changes(given, classes) > MOST_CHANGES:
            return ""
        names, counts = np.unique(classes, return_counts=True)
        splits = int(min(3, counts.min()))
        if len(names) < 2 or counts.max() > 0.98 * len(classes) or splits < 2:
            return ""
        from sklearn.model_selection import cross_val_score
        from sklearn.tree import DecisionTreeClassifier

        tree = DecisionTreeClassifier(min_samples_leaf=2, random_state=0)
        score = float(cross_val_score(tree, given[:, None], classes, cv=splits, scoring="balanced_accuracy").mean())
        return f"It alone says what {self.target.name} is, in {score:.1%} of the rows." if score >= CERTAIN else ""


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
