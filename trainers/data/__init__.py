"""The data sets, found by looking through this folder: one file for each family, no list to edit, no torch needed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from builder.registry import discover
from trainers.data.base import Arrays, DataError, DataSet
from trainers.entry import OptionError, choose

__all__ = ["DATASETS", "Arrays", "DataError", "DataSet", "dataset", "datasets"]

DATASETS: dict[str, type[DataSet]] = discover(sys.modules[__name__], DataSet, lambda entry: entry.name)

# keys of `training["data"]` for batches and splits, which are no options of the data set
NOT_OPTIONS = frozenset({"batch_size", "validation", "test", "train_samples", "augmentation"})


def dataset(options: Mapping[str, Any], elsewhere: Callable[[str], str] | None = None) -> DataSet:
    """The data set that a document's training["data"] names: {"name": "spiral", "samples": 1000, "batch_size": 64}.

    `elsewhere`: where an option of this name belongs, as a sentence; see `choose`.

    Raises:
        DataError: no such data set (near names are listed) or a wrong option (named, with what was expected).
    """
    try:
        chosen = {key: value for key, value in options.items() if key not in NOT_OPTIONS}
        return choose(DATASETS, chosen, "data set", elsewhere)
    except OptionError as error:
        raise DataError(str(error)) from None


def datasets() -> dict[str, dict[str, Any]]:
    """Every data set by name, with its title, task, where it comes from, licence and size."""
    facts = {}
    for name, entry in DATASETS.items():
        default = entry()
        facts[name] = {
            "title": entry.title,
            "task": entry.task,
            "origin": entry.origin,
            "licence": entry.licence,
            "summary": entry.summary,
            "kind": entry.kind,
            "samples": default.samples,
            "input_shape": default.input_shape,
            "classes": default.classes,
            "target_size": default.target_size,
            "downloaded": entry.downloaded,
            "family": entry.__module__.rpartition(".")[2],
        }
    return facts
