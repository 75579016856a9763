"""What a data set is: a name, its options, where it comes from, and a function that loads it as two arrays.

Adding a data set is one class in one file of this folder; see docs/adding_a_data_set.md.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from builder.problems import NetloomError
from trainers.entry import Entry

Task = Literal["classification", "regression"]
Kind = Literal["image", "table", "points"]
Loaded = tuple[NDArray[Any], NDArray[Any]]


class DataError(NetloomError, ValueError):
    """A data set cannot be used as asked: the text says which, why, and what to do."""


@dataclass(frozen=True)
class Arrays:
    """A whole data set in memory.

    `inputs` float32 of shape (N, *input_shape); `targets` int64 (N,) for classes or float32 (N, k) for numbers.
    `test_count`: the last so many samples are the test part that the authors published; 0 where they published none.
    """

    inputs: NDArray[np.float32]
    targets: NDArray[Any]
    feature_names: tuple[str, ...] = ()
    test_count: int = 0


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
    target_names: ClassVar[tuple[str, ...]] = ()
    official_test: ClassVar[int] = 0  # the last so many samples of load_data are the authors' own test part

    load_data: ClassVar[Callable[..., Loaded]]

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Derive the label and the summary, so that no fact is written twice."""
        cls.label = getattr(cls, "title", cls.__name__)
        cls.summary = cls.help()

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one sample, without the batch axis."""
        raise TypeError(f"{type(self).__name__} does not say its input_shape.")

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order of their numbers; empty for regression."""
        return ()

    @property
    def target_size(self) -> int:
        """How many numbers the network's last layer gives for one sample: the classes, or the numbers to predict."""
        return len(self.classes) or len(self.target_names)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """What each input number means, for tables and points; empty for pictures."""
        return ()

    if TYPE_CHECKING:  # a field in some families, a property in others: pydantic refuses a field over a property

        @property
        def samples(self) -> int:
            """How many samples load() gives, known before loading."""

    def ready(self) -> bool:
        """Whether load() works without a network: True unless a file has yet to be downloaded."""
        return True

    def load(self) -> Arrays:
        """Load the data set as arrays. Raises DataError in words when a file is missing, cut off or another one."""
        inputs, targets = type(self).load_data(**self.model_dump())
        return self.checked(inputs, targets)

    def checked(self, inputs: NDArray[Any], targets: NDArray[Any]) -> Arrays:
        """Give the arrays the types that torch wants, and refuse samples that are not what the class promises."""
        inputs = np.ascontiguousarray(inputs, dtype=np.float32)
        if inputs.shape[1:] != self.input_shape or len(inputs) != len(targets):
            raise DataError(
                f"{self.name} gave inputs of shape {inputs.shape} and targets of shape {targets.shape}; expected "
                f"(N, {', '.join(map(str, self.input_shape))}) and one target for each of the N samples."
            )
        if not np.isfinite(inputs).all() or not np.isfinite(targets).all():
            raise DataError(f"{self.name} holds values that are not numbers (NaN or infinity). Remove those samples.")
        if self.task == "classification":
            targets = targets.astype(np.int64)
        else:
            targets = targets.astype(np.float32).reshape(len(targets), -1)
        return Arrays(inputs, targets, self.feature_names, self.official_test)

    def source(self) -> str:
        """Python source of a function `load_data()` that returns the same (inputs, targets) with no Netloom about."""
        return print_functions((type(self).load_data, {key: repr(value) for key, value in self.model_dump().items()}))


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
    arguments = [
        f"{argument}={defaults[argument]}" if argument in defaults else argument
        for argument in inspect.signature(function).parameters
    ]
    head = f"def {function.__name__}({', '.join(arguments)}):"
    code = "\n".join(lines[start:]).strip("\n")
    return {ast.unparse(node) for node in imports}, "\n".join([head, *docstring, code])


def _import_order(line: str) -> tuple[bool, bool, str]:
    """The usual order of imports: the standard library first, in it `import x` before `from x import y`."""
    return line.split()[1].split(".")[0] not in sys.stdlib_module_names, line.startswith("from "), line
