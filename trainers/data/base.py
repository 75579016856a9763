"""What a data set is: a name, its options, where it comes from, and a function that loads it as two arrays.

A data set is one class in one file of trainers/data/sets; see docs/adding_a_data_set.md.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from builder.axes import Axes, of_sample
from builder.problems import NetloomError
from builder.registry import did_you_mean
from builder.shapes import Shape
from builder.spec import DType, Signal
from trainers.data.numeric_rows import read_samples
from trainers.entry import Entry
from trainers.script.sources import print_functions
from trainers.tasks import TASKS

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

Kind = Literal["image", "table", "points", "series", "sound", "text"]
Order = Literal["shuffled", "time"]
HELD = 256 * 2**20  # bytes of a part as floats, above which inputs that are mapped from a file stay there
GIVEN = ("training", "validation", "test")  # the parts that a data set may name itself, see `Arrays.parts`
Loaded = tuple[Any, NDArray[Any]]  # an array or a tuple of arrays, one for each input; and the targets


class DataError(NetloomError, ValueError):
    """A data set cannot be used with these options: the message says why, and what to do."""


@dataclass(frozen=True)
class Arrays:
    """A whole data set in memory, N samples.

    `inputs`: one array for each Input of the network, float32 or (tokens) int64, of shape (N, *signal.shape). Images
    may be uint8, which stands for 0 to 1. Arrays that are mapped from a file are not held in memory, see mapped.py.
    `targets`: (N, *target_shape), of the type that the task says; see the files of trainers/tasks.
    `test_count`: the last so many samples are the test part that the authors published; 0 where they published none.
    `parts`: int8 (N,); the part of each sample, by its place in GIVEN, where the data set itself says so.
    `groups`: int64 (N,); samples of one group (a speaker) are never in two parts of a split. None: each is its own.
    `attributes`: further facts of each sample by name, (N, …); they reach the batches of a paradigm that asks for them.
    "weight", float32 (N,), says how much a sample counts in the loss.
    `gap`: samples to leave out between the parts of a split in time, where neighbours overlap.
    `fills`: for each input with missing values (NaN) what stands for them, one rule for each feature: "median", "mean",
    "most_common" (of 0 and 1) of the training samples, or "zero". None or (): that input has none.
    """

    inputs: tuple[NDArray[Any], ...]
    targets: NDArray[Any]
    feature_names: tuple[str, ...] = ()
    test_count: int = 0
    groups: NDArray[np.int64] | None = None
    gap: int = 0
    attributes: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    fills: tuple[tuple[str, ...] | None, ...] = ()
    parts: NDArray[np.int8] | None = None

    def __post_init__(self) -> None:
        """Groups are an attribute of every sample, too."""
        if self.groups is not None and "group" not in self.attributes:
            object.__setattr__(self, "attributes", {**self.attributes, "group": self.groups})


class EncodedFiles(NamedTuple):
    """New samples that were read from files: an array for each Input, the names of the files, and those left out."""

    inputs: tuple[NDArray[Any], ...]
    names: list[str]
    left_out: list[tuple[str, str]]  # the name of each, and why it is left out


class RowField(NamedTuple):
    """A column of the rows that a network takes, for a form: its type, what may be chosen of a category, whether the
    training had rows without a choice, and whether the network gets sign(x) log(1 + |x|) of a number x."""

    name: str
    type: Literal["number", "choice", "date", "text"]
    choices: tuple[str, ...] = ()
    may_be_missing: bool = False
    log: bool = False


class DataSet(Entry):
    """Samples to train on. A subclass sets the facts below and has a static method `load_data`.

    `load_data` takes the data set's options by name and returns (inputs, targets). It stands on its own (its imports
    are its first lines), because `source` prints it into the exported training script: what runs is what prints.
    """

    title: ClassVar[str]
    summary: ClassVar[str]
    task: ClassVar[str]  # what is predicted: the name of an entry of TASKS, see trainers/tasks
    kind: ClassVar[Kind]
    origin: ClassVar[str]
    licence: ClassVar[str]  # empty: nothing is known of it
    class_title: ClassVar[str] = ""  # of the column of classes or labels, where samples are rows of a table
    downloaded: ClassVar[bool] = False
    official_test: ClassVar[int] = (
        0  # so many samples at the end of load_data are the test part that the authors published
    )
    order: ClassVar[Order] = "shuffled"  # "time": the first samples train, the next validate, the last test
    season: ClassVar[int] = 1  # of series: the naive forecast repeats the last so many steps

    sample_rate: ClassVar[int] = 8000  # of sounds, in hertz
    may_be_mirrored: ClassVar[bool] = True  # False: a mirrored image shows something else, such as a digit

    load_data: ClassVar[Callable[..., Loaded]]
    # how much every sample counts in the loss, where `weighted` says that this differs: the attribute "weight"
    weighted: ClassVar[bool] = False
    # the number of every sample's group, where `grouped` says that there are any; takes options as load_data does
    load_groups: ClassVar[Callable[..., NDArray[np.int64]]]
    # further facts of each sample by name, where `has_attributes` says that there are any; takes options, too
    load_attributes: ClassVar[Callable[..., Mapping[str, NDArray[Any]]]]
    helpers: ClassVar[tuple[Callable[..., Any], ...]] = ()  # functions that load_data calls, printed before it

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Derive the label and the summary, so that no fact is written twice."""
        cls.label = getattr(cls, "title", cls.__name__)
        cls.summary = cls.help()

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one sample, without the batch axis; of its first part where a sample has several."""
        raise TypeError(f"{type(self).__name__} does not define its input_shape.")

    @property
    def signals(self) -> tuple[Signal, ...]:
        """The shape and data type of each Input of a network, in the order of the document's nodes."""
        dtype: DType = "int" if self.kind == "text" else "float"
        return (Signal(self.input_shape, dtype, axes=self.input_axes),)

    @property
    def input_axes(self) -> Axes:
        """What each axis of `input_shape` is. By default two axes are steps and features, three are those of an image.

        Layers that take an axis for another one, such as steps for channels, are reported (check N240).
        """
        return of_sample(self.input_shape, "int" if self.kind == "text" else "float")

    @property
    def target_shape(self) -> Shape:
        """The shape of one sample's target; () for a class."""
        return TASKS[self.task].target_shape(self)

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """The tokens of a text, in the order of their numbers; empty for everything else."""
        return ()

    @property
    def vocabulary_count(self) -> int:
        """How many tokens the vocabulary has; known before anything is loaded."""
        return 0

    @property
    def vocabularies(self) -> tuple[tuple[str, ...], ...]:
        """The vocabulary of each input, empty for one that is no text. A data set with two languages overrides it."""
        return tuple(self.vocabulary if signal.dtype == "int" else () for signal in self.signals)

    @property
    def vocabulary_counts(self) -> tuple[int, ...]:
        """How many tokens the vocabulary of each input has; 0 for one that is no text."""
        return tuple(self.vocabulary_count if signal.dtype == "int" else 0 for signal in self.signals)

    @property
    def target_vocabulary(self) -> tuple[str, ...]:
        """The tokens of targets that are text."""
        return self.vocabulary

    @property
    def target_vocabulary_count(self) -> int:
        """How many tokens the vocabulary of the targets has."""
        return self.vocabulary_count

    @property
    def text_input(self) -> int:
        """The input with the text whose tokens are predicted: the first one of tokens in the shape of the targets."""
        wanted = (tuple(self.target_shape), "int")
        return next((place for place, signal in enumerate(self.signals) if (signal.shape, signal.dtype) == wanted), 0)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order of their numbers; empty for regression."""
        return ()

    @property
    def target_names(self) -> tuple[str, ...]:
        """What each number to predict means; empty for classes."""
        return ()

    @property
    def target_size(self) -> int:
        """How many numbers the network's last layer gives for one sample: the classes, or the numbers to predict."""
        return len(self.classes) or len(self.target_names)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """What each input number means, for tables and points; empty for images."""
        return ()

    @property
    def fills(self) -> tuple[tuple[str, ...] | None, ...]:
        """How missing values of each input are filled, see `Arrays.fills`; empty: there are none."""
        return ()

    @property
    def test_samples(self) -> int:
        """How many of the last samples are the test part that the authors published."""
        return self.official_test

    @property
    def gap(self) -> int:
        """Samples to leave out between the parts of a split in time: as many as overlap with the next part's first."""
        return 0

    @property
    def grouped(self) -> bool:
        """Whether a split keeps groups of samples together; then there is a `load_groups` beside load_data."""
        return False

    @property
    def given_parts(self) -> Mapping[str, int]:
        """How many samples are in each part that the data set names itself; then there is a `load_parts`. Empty: none.

        One that it does not name is taken from its training part.
        """
        return {}

    @property
    def mapped(self) -> bool:
        """Whether the inputs stay in a file that is mapped into memory, so that they need none of it."""
        return False

    @property
    def has_attributes(self) -> bool:
        """Whether samples have further facts, such as where each was measured; then there is a `load_attributes`."""
        return False

    if TYPE_CHECKING:  # a field in some families, a property in others: pydantic refuses a field over a property

        @property
        def samples(self) -> int:
            """How many samples load() gives, known before loading."""

        @property
        def tokens(self) -> Literal["characters", "words", "separated"]:
            """What the numbers of a text stand for; data sets of another kind have none."""

    def ready(self) -> bool:
        """Whether load() works without a network: True unless a file has yet to be downloaded."""
        return True

    @property
    def gone(self) -> str:
        """Why its samples cannot be read any more, in sentences, where new ones can be encoded; else empty."""
        return ""

    def sounds(self, indices: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        """Some samples as sound, from -1 to 1, `sample_rate` values a second; empty for data that is no sound."""
        return []

    def load(self) -> Arrays:
        """Load the data set as arrays. Raises DataError in words when a file is missing, cut off or another one."""
        inputs, targets = self.called(type(self).load_data)
        groups = self.called(type(self).load_groups) if self.grouped else None
        attributes = self.called(type(self).load_attributes) if self.has_attributes else {}
        return self.checked(inputs, targets, groups=groups, attributes=attributes)

    def called(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """What a function gives for the data set's options, of which it may take only some."""
        wanted = inspect.signature(function).parameters
        return function(*arguments, **{key: value for key, value in self.model_dump().items() if key in wanted})

    def checked(self, inputs: Any, targets: NDArray[Any], **facts: Any) -> Arrays:
        """Give the arrays the types that torch wants, and refuse samples that are not what the class promises.

        `facts` are further fields of `Arrays`: groups, attributes.
        """
        given = inputs if isinstance(inputs, tuple) else (inputs,)
        kinds = {"int": np.int64, "float": np.float32}
        arrays = tuple(
            np.ascontiguousarray(array, dtype=kinds[signal.dtype])
            for array, signal in zip(given, self.signals, strict=True)
        )
        for array, signal in zip(arrays, self.signals, strict=True):
            if array.shape[1:] != signal.shape or len(array) != len(targets):
                raise DataError(
                    f"{self.name} gave inputs of shape {array.shape} and targets of shape {targets.shape}; expected "
                    f"(N, {', '.join(map(str, signal.shape))}) and one target for each of the N samples."
                )
        if not all(np.isfinite(array).all() for array in (*arrays, targets)):
            raise DataError(f"{self.name} holds values that are not numbers (NaN or infinity). Remove those samples.")
        for name, values in dict(facts.get("attributes", {})).items():
            if len(values) != len(targets):
                raise DataError(
                    f"{self.name} gave {len(values)} values of the attribute {name}; expected one for each of the "
                    f"{len(targets)} samples."
                )
        targets = TASKS[self.task].as_targets(targets)
        return Arrays(arrays, targets, self.feature_names, self.test_samples, gap=self.gap, **facts)

    def named(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Rows of new samples with the names of this data's columns, where their file had none."""
        return frame

    def encode_new(self, frame: pd.DataFrame) -> tuple[NDArray[Any], ...]:
        """New rows as the inputs of a network, before they are scaled; NaN where a value is missing.

        Raises:
            DataError: a column is missing or holds no numbers; or the samples of this data have no columns.
        """
        if self.kind not in ("table", "points") or len(self.signals) != 1:
            raise DataError(f"{self.title} has no columns, so that rows cannot be predicted.")
        check_columns(frame, self.feature_names)
        columns = [_as_numbers(frame[name], name) for name in self.feature_names]
        return (np.stack(columns, axis=1).astype(np.float32),)

    def steps_ahead(self, frame: pd.DataFrame, predicted: NDArray[Any]) -> pd.DataFrame | None:
        """What was predicted, as the steps that follow the given rows; None: the predictions are those of the rows."""
        return None

    def encode_files(self, paths: Sequence[str | Path]) -> EncodedFiles:
        """New files, or folders of them, as the inputs of a network, before they are scaled.

        Raises:
            DataError: none can be used; or the samples of this data are no files.
        """
        raise DataError(f"The samples of {self.title} are no files.")

    @property
    def from_files(self) -> bool:
        """Whether each sample is a file, so that `encode_files` reads new ones."""
        return type(self).encode_files is not DataSet.encode_files

    def source(self) -> str:
        """Python source of a function `load_data()` that returns the same (inputs, targets) with no Netloom about.

        Where samples belong to groups, there is a function `load_groups()` beside it.
        """
        options = self.printed_options()
        functions = [type(self).load_data, *([type(self).load_groups] if self.grouped else [])]
        return print_functions(*((helper, {}) for helper in self.helpers), *((each, options) for each in functions))

    @property
    def has_rows(self) -> bool:
        """Whether samples are rows with columns, so that `encode_new` takes new ones."""
        return self.kind in ("table", "points") and len(self.signals) == 1 and bool(self.feature_names)

    def row_fields(self) -> tuple[RowField, ...]:
        """The columns of a new row, for a form; empty where samples are no rows."""
        return tuple(RowField(name, "number") for name in self.feature_names) if self.has_rows else ()

    def input_columns(self) -> dict[str, list[tuple[int, list[int]]]]:
        """Where each column is in the inputs: (place of the input, places of its numbers). Empty: there are none."""
        return {name: [(0, [place])] for place, name in enumerate(self.feature_names)} if self.has_rows else {}

    def raw_samples(self, places: NDArray[np.int64]) -> pd.DataFrame | None:
        """Some samples as they stand in the file, with its columns; the index is the row, from 1. None: not kept."""
        return None

    def sample_names(self, places: NDArray[np.int64]) -> list[str] | None:
        """What some samples are called, by their places in `load()`: their files. None: they have only numbers."""
        return None

    @property
    def lower(self) -> bool:
        """Whether texts are read in lower case."""
        return False

    @property
    def reading_options(self) -> Mapping[str, str]:
        """Switches of predict.py that `read_samples` takes by name after the paths, and what each means."""
        return {}

    def holds_rows(self, path: Path) -> bool:
        """Whether a file holds a sample in each row, rather than one sample."""
        return not self.from_files

    def prediction_source(self) -> str:
        """Python source of a function `read_samples(paths)` that reads new files with no Netloom about, for predict.py.

        It returns the columns that name each sample in the table of predictions (its row, its file) as a dictionary of
        lists, and the list of the network's inputs before they are scaled, (N, …) each. Where samples have a map each
        (a class for each pixel), there is a function `write_maps(names, maps, folder)` beside it.

        Raises:
            DataError: there is none, so the zip has no predict.py; the message says why.
        """
        if not self.has_rows:
            raise DataError(f"the samples of {self.title} are no files that it could read")
        constants = f"NAMES = {list(self.feature_names)!r}  # of the columns that the network gets"
        return print_functions((read_samples, {"names": "NAMES"}), constants=constants)

    def write_samples(self, places: NDArray[np.int64], folder: Path) -> tuple[list[Path], Any]:
        """Some samples of the data, by their places in `load()`, as files that somebody would give to predict.py.

        Returns:
            The files, and the same samples as `run.predict` takes them; of files, the list of them.
        """
        import pandas as pd

        rows = pd.DataFrame(self.load().inputs[0][places].astype(np.float64), columns=list(self.feature_names))
        rows.to_csv(folder / "samples.csv", index=False)
        return [folder / "samples.csv"], rows

    def read_maps(self, paths: Sequence[Path]) -> NDArray[Any]:
        """The maps that predict.py has written, (N, …), read as those of the training are."""
        raise DataError(f"The samples of {self.title} have no maps.")

    def printed_options(self) -> dict[str, str]:
        """The options as Python writes their values."""
        return {key: json.dumps(value) if isinstance(value, str) else repr(value) for key, value in self}


def check_columns(frame: pd.DataFrame, needed: Iterable[str]) -> None:
    """DataError: columns that are needed are not there; similar names are listed."""
    there = [str(name) for name in frame.columns]
    absent = [name for name in needed if name not in there]
    if absent:
        shown = ", ".join(repr(name) for name in absent[:5]) + (
            f" and {len(absent) - 5} more" if len(absent) > 5 else ""
        )
        hint = did_you_mean(absent[0], there)
        raise DataError(
            f"The rows have no column {shown}, which the network needs.{hint} They have: {', '.join(there[:20])}."
        )


def _as_numbers(cells: pd.Series, name: str) -> NDArray[np.float64]:
    """The cells of a column as numbers. DataError: one is none."""
    try:
        return np.asarray(cells, np.float64)
    except (TypeError, ValueError):
        raise DataError(f"The column {name} must hold numbers only.") from None
