"""Gradient boosting on the rows of a table, as scikit-learn does it without any setting."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.data import dataset
from trainers.data.own.library import Stored
from trainers.data.own.report import Baseline
from trainers.data.splits import parts_of

MOST_NUMBERS = 4_000_000  # rows times columns that it is trained on
MOST_CODES = 254  # categories of a column that it takes as such
MOST_CLASSES, MOST_TARGETS = 100, 10


def table_baseline(found: Stored) -> Baseline | None:
    """Its score and that of the largest class, or the mean, on the test part (else the validation part).

    None: the target is of a kind that it cannot predict. DataError: the table cannot be divided.
    """
    data = dataset({"name": found.full_name})
    arrays = data.load()
    training, validation, test = parts_of(data, arrays)
    scored = test if len(test) else validation
    columns = sum(array.shape[1] for array in arrays.inputs)
    targets = np.asarray(arrays.targets)
    wide = targets.ndim > 1 and targets.shape[1] > MOST_TARGETS
    if not len(scored) or not columns or wide or (data.classes and targets.ndim > 1):
        return None
    if len(data.classes) > MOST_CLASSES:
        return None
    most = max(1_000, MOST_NUMBERS // columns)
    used = np.sort(np.random.default_rng(0).choice(training, most, replace=False)) if len(training) > most else training
    scored = np.sort(scored)[:most]
    inputs, codes = _inputs(arrays.inputs, np.concatenate([used, scored]))
    before, after = inputs[: len(used)], inputs[len(used) :]
    score = _classes if data.classes else _numbers
    weights = arrays.attributes["weight"][used] if data.weighted else None
    simple, simple_score, score_of = score(before, targets[used], after, targets[scored], codes, weights)
    note = (
        f"It was trained on {len(used):,} of the {len(training):,} training rows." if len(used) < len(training) else ""
    )
    metric = "accuracy" if data.classes else "R2"
    return Baseline(
        metric, "gradient boosting", score_of, simple, simple_score, len(used), len(training), len(scored), note
    )


def _inputs(arrays: tuple[NDArray[Any], ...], rows: NDArray[np.int64]) -> tuple[NDArray[np.float32], list[bool]]:
    """The inputs of some rows side by side, and which columns are numbers of categories. Gaps stay NaN."""
    parts = [np.asarray(array[rows], dtype=np.float32) for array in arrays]
    codes = [
        array.dtype.kind in "iu" and float(part.max(initial=0)) < MOST_CODES
        for array, part in zip(arrays, parts, strict=True)
        for _ in range(part.shape[1])
    ]
    return np.concatenate(parts, axis=1), codes


def _classes(
    before: NDArray[Any],
    given: NDArray[Any],
    after: NDArray[Any],
    wanted: NDArray[Any],
    codes: list[bool],
    weights: NDArray[Any] | None,
) -> tuple[str, float, float]:
    """What always answers with the largest class, its accuracy, and that of gradient boosting."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    largest = np.bincount(given).argmax()
    simple = float((wanted == largest).mean())
    if len(np.unique(given)) < 2:
        return "always the larger class", simple, simple
    model = HistGradientBoostingClassifier(categorical_features=codes, random_state=0, early_stopping=False)
    model.fit(before, given, sample_weight=weights)
    name = "always the larger class" if len(np.unique(given)) == 2 else "always the largest class"
    return name, simple, float((model.predict(after) == wanted).mean())


def _numbers(
    before: NDArray[Any],
    given: NDArray[Any],
    after: NDArray[Any],
    wanted: NDArray[Any],
    codes: list[bool],
    weights: NDArray[Any] | None,
) -> tuple[str, float, float]:
    """What always answers with the mean, its R2, and that of gradient boosting; the mean over several targets."""
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.metrics import r2_score

    given, wanted = (array.reshape(len(array), -1) for array in (given, wanted))
    found = np.empty_like(wanted, dtype=np.float64)
    for column in range(given.shape[1]):
        model = HistGradientBoostingRegressor(categorical_features=codes, random_state=0, early_stopping=False)
        found[:, column] = model.fit(before, given[:, column], sample_weight=weights).predict(after)
    mean = np.broadcast_to(given.mean(axis=0), wanted.shape)
    if len(wanted) < 2:
        return "always the mean", 0.0, 0.0
    return "always the mean", float(r2_score(wanted, mean)), float(r2_score(wanted, found))
