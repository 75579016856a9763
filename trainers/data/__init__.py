"""The data sets, found by looking through this folder: one file for each family, no list to edit, no torch needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from builder.registry import discover
from trainers.data import sets
from trainers.data.base import Arrays, DataError, DataSet
from trainers.data.own.data_set import is_own, own_data_set, own_names
from trainers.data.own.library import versioned
from trainers.entry import OptionError, choose

__all__ = ["DATASETS", "Arrays", "DataError", "DataSet", "choices", "dataset", "datasets"]


class DataSets(dict[str, type[DataSet]]):
    """The data sets by name. Iteration gives those that come with Netloom; those of one's own ("own/titanic") are
    looked up in the library when somebody asks for one."""

    def __missing__(self, name: str) -> type[DataSet]:
        if not is_own(name):
            raise KeyError(name)
        try:
            return own_data_set(name)
        except DataError as error:
            raise KeyError(str(error)) from error

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or (isinstance(name, str) and is_own(name) and self.get(name) is not None)

    def get(self, name: str, default: Any = None) -> Any:
        try:
            return self[name]
        except KeyError:
            return default


DATASETS = DataSets(discover(sets, DataSet, lambda entry: entry.name))


def choices(named: object = None) -> dict[str, type[DataSet]]:
    """The data sets to choose from: those of one's own that have a target, and those that come with Netloom.

    `named`: one that must be among them if it exists, such as an earlier version.
    """
    own = {name: found for name in own_names() if (found := DATASETS.get(name)) is not None}
    found = {str(named): DATASETS[str(named)]} if isinstance(named, str) and named in DATASETS else {}
    return {**own, **DATASETS, **found}


def of_this_version(training: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a training, whose own data are named with their version: a run keeps to it when they change."""
    data = training.get("data")
    name = data.get("name") if isinstance(data, Mapping) else None
    if not isinstance(data, Mapping) or not isinstance(name, str) or not is_own(name) or name not in DATASETS:
        return dict(training)
    return {**training, "data": {**data, "name": versioned(name)}}


# keys of `training["data"]` for batches and splits, which are no options of the data set
NOT_OPTIONS = frozenset({"batch_size", "validation", "test", "train_samples", "augmentation"})


def dataset(options: Mapping[str, Any], elsewhere: Callable[[str], str] | None = None) -> DataSet:
    """The data set that a document's training["data"] names: {"name": "spiral", "samples": 1000, "batch_size": 64}.

    `elsewhere`: where an option of this name belongs, as a sentence; see `choose`.

    Raises:
        DataError: no such data set (near names are listed) or a wrong option (named, with what was expected).
    """
    name = options.get("name")
    if isinstance(name, str) and is_own(name):
        own_data_set(name)  # a DataError says what is wrong with one of one's own
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
