"""What a data set is: a name, its options, where it comes from, and a function that loads it as two arrays.

Adding a data set is one class in one file of this folder; see docs/adding_a_data_set.md.
"""

from __future__ import annotations

import ast
import inspect
import json
import sys
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from builder.codegen.expressions import Invoke, Keyword, statement
from builder.problems import NetloomError
from builder.spec import Signal
from trainers.entry import Entry

Task = Literal["classification", "multilabel", "regression", "forecasting", "segmentation", "language"]
Kind = Literal["image", "table", "points", "series", "sound", "text"]
Order = Literal["shuffled", "time"]
Loaded = tuple[Any, NDArray[Any]]  # an array or a tuple of arrays, one for each input; and the targets

# The kind of number of each task's targets; for the others they are measurements.
WHOLE: frozenset[Task] = frozenset({"classification", "segmentation", "language"})


class DataError(NetloomError, ValueError):
    """A data set cannot be used as asked: the text says which, why, and what to do."""


@dataclass(frozen=True)
class Arrays:
    """A whole data set in memory, N samples.

    `inputs`: one array for each Input of the network, float32 or (tokens) int64, of shape (N, *signal.shape).
    `targets`, by task: classification int64 (N,); multilabel float32 (N, C) of 0 and 1; regression float32 (N, k);
    forecasting float32 (N, horizon, k); segmentation int64 (N, height, width); language int64 (N, length).
    `test_count`: the last so many samples are the test part that the authors published; 0 where they published none.
    `groups`: int64 (N,); samples of one group (a speaker) are never on both sides of a split. None: each is its own.
    `attributes`: further facts of each sample by name, (N, …); they reach the batches of a paradigm that asks for them.
    `gap`: samples to leave out between the parts of a split in time, where neighbours overlap.
    """

    inputs: tuple[NDArray[Any], ...]
    targets: NDArray[Any]
    feature_names: tuple[str, ...] = ()
    test_count: int = 0
    groups: NDArray[np.int64] | None = None
    gap: int = 0
    attributes: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Groups are an attribute of every sample, too."""
        if self.groups is not None and "group" not in self.attributes:
            object.__setattr__(self, "attributes", {**self.attributes, "group": self.groups})


class DataSet(Entry):
    """Samples to learn from. A subclass sets the facts below and has a static method `load_data`.

    `load_data` takes the data set's options by name and returns (inputs, targets). It stands on its own (its imports
    are its first lines), because `source` prints it into the exported training script: what runs is what prints.
    """

    title: ClassVar[str]
    summary: ClassVar[str]
    task: ClassVar[Task]
    kind: ClassVar[Kind]
    origin: ClassVar[str]
    licence: ClassVar[str]
    downloaded: ClassVar[bool] = False
    official_test: ClassVar[int] = 0  # the last so many samples of load_data are the authors' own test part
    order: ClassVar[Order] = "shuffled"  # "time": the first samples train, the next validate, the last test
    season: ClassVar[int] = 1  # for series: the naive forecast, to be better than, repeats the last so many steps

    sample_rate: ClassVar[int] = 8000  # of sounds, in hertz
    may_be_mirrored: ClassVar[bool] = True  # False: a mirrored picture is another thing, a digit or a curve ahead

    load_data: ClassVar[Callable[..., Loaded]]
    # the number of every sample's group, where `grouped` says that there are any; takes options as load_data does
    load_groups: ClassVar[Callable[..., NDArray[np.int64]]]
    helpers: ClassVar[tuple[Callable[..., Any], ...]] = ()  # functions that load_data calls, printed before it

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Derive the label and the summary, so that no fact is written twice."""
        cls.label = getattr(cls, "title", cls.__name__)
        cls.summary = cls.help()

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one sample, without the batch axis; of its first part where a sample has several."""
        raise TypeError(f"{type(self).__name__} does not say its input_shape.")

    @property
    def signals(self) -> tuple[Signal, ...]:
        """What goes into each Input of a network, in the order of the document's nodes."""
        return (Signal(self.input_shape, "int" if self.kind == "text" else "float"),)

    @property
    def target_shape(self) -> tuple[int, ...]:
        """The shape of one sample's target; () for a class."""
        return () if self.task == "classification" else (self.target_size,)

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """The tokens of a text, in the order of their numbers; empty for everything else."""
        return ()

    @property
    def vocabulary_count(self) -> int:
        """How many tokens the vocabulary has; known before anything is loaded."""
        return 0

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
        """What each input number means, for tables and points; empty for pictures."""
        return ()

    @property
    def test_samples(self) -> int:
        """How many of the last samples are the authors' own test part."""
        return self.official_test

    @property
    def gap(self) -> int:
        """Samples to leave out between the parts of a split in time: as many as overlap with the next part's first."""
        return 0

    @property
    def grouped(self) -> bool:
        """Whether a split keeps groups of samples together; then there is a `load_groups` beside load_data."""
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

    def sounds(self, indices: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        """What some samples sound like, from -1 to 1, `sample_rate` values a second; empty where nothing is heard."""
        return []

    def load(self) -> Arrays:
        """Load the data set as arrays. Raises DataError in words when a file is missing, cut off or another one."""
        inputs, targets = self.called(type(self).load_data)
        groups = self.called(type(self).load_groups) if self.grouped else None
        return self.checked(inputs, targets, groups=groups)

    def called(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """What a function gives for the data set's options, of which it may take only some."""
        wanted = inspect.signature(function).parameters
        return function(*arguments, **{key: value for key, value in self.model_dump().items() if key in wanted})

    def checked(self, inputs: Any, targets: NDArray[Any], **facts: Any) -> Arrays:
        """Give the arrays the types that torch wants, and refuse samples that are not what the class promises.

        `facts` are further fields of `Arrays`: groups.
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
        targets = targets.astype(np.int64 if self.task in WHOLE else np.float32)
        if self.task == "regression":
            targets = targets.reshape(len(targets), -1)
        return Arrays(arrays, targets, self.feature_names, self.test_samples, gap=self.gap, **facts)

    def source(self) -> str:
        """Python source of a function `load_data()` that returns the same (inputs, targets) with no Netloom about.

        Where samples come in groups, there is a function `load_groups()` beside it.
        """
        options = self.printed_options()
        functions: list[Callable[..., Any]] = [
            type(self).load_data,
            *([type(self).load_groups] if self.grouped else []),
        ]
        return print_functions(*((helper, {}) for helper in self.helpers), *((each, options) for each in functions))

    def printed_options(self) -> dict[str, str]:
        """The options as Python writes their values."""
        return {key: json.dumps(value) if isinstance(value, str) else repr(value) for key, value in self}


def print_functions(*functions: tuple[Callable[..., Any], dict[str, str]], constants: str = "") -> str:
    """The source of functions as a person would have written it: one block of imports, then constants, then them.

    Each function comes with the text of its arguments' default values; an argument without one stays as it is.
    """
    imports: set[str] = set()
    parts = [constants.strip()] if constants else []
    for function, defaults in functions:
        needed, text = _print_function(function, defaults)
        imports |= needed
        parts.append(text)
    ordered = sorted(imports, key=_import_order)
    return "\n".join(ordered) + "\n\n\n" + "\n\n\n".join(parts) + "\n"


def _print_function(function: Callable[..., Any], defaults: dict[str, str]) -> tuple[set[str], str]:
    """The imports at the head of a function's body, and the function without them."""
    text = textwrap.dedent(inspect.getsource(function))
    definition = next(node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef))
    lines = text.splitlines()
    first, last = definition.body[0], definition.body[0].end_lineno or 0
    docstring = lines[first.lineno - 1 : last] if ast.get_docstring(definition) else []
    statements = definition.body[1:] if docstring else definition.body
    imports = [node for node in statements if isinstance(node, ast.Import | ast.ImportFrom)]
    start = max((node.end_lineno or 0 for node in imports), default=last if docstring else first.lineno - 1)
    arguments = tuple(
        Keyword(argument, defaults[argument]) if argument in defaults else argument
        for argument in inspect.signature(function).parameters
    )
    head = statement("def ", Invoke(function.__name__, arguments), 0, ":")
    code = "\n".join(line.partition("  # type: ignore")[0] for line in lines[start:]).strip("\n")
    gap = [""] if docstring and code.lstrip().startswith(("def ", "class ")) else []  # as a formatter would have it
    return {ast.unparse(node) for node in imports}, "\n".join([*head, *docstring, *gap, code])


def _import_order(line: str) -> tuple[bool, bool, str]:
    """The usual order of imports: the standard library first, in it `import x` before `from x import y`."""
    return line.split()[1].split(".")[0] not in sys.stdlib_module_names, line.startswith("from "), line
