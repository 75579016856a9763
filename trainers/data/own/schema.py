"""What every schema of one's own data says, whatever its kind. Each kind has its own in kinds/<kind>/schema.py.

A schema is found by looking, shown with its reasons, changed by the user, and kept with every run that uses it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from numpy.typing import NDArray
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    field_validator,
    model_serializer,
)

from builder.validation_messages import sentences
from trainers.data.base import DataError
from trainers.data.own import kinds
from trainers.data.own.reading.encoding import LABELS

UNEQUAL_CLASSES = 10  # times as many samples of the largest class as of the smallest, from which they are balanced

How = Literal["random", "group", "time", "given"]


def unequal(counts: Sequence[int] | NDArray[Any]) -> bool:
    """Whether the largest class has so many more samples than the smallest that a network ignores the smallest."""
    return len(counts) > 1 and max(counts) >= UNEQUAL_CLASSES * max(1, min(counts))


class Part(BaseModel):
    """A part of a schema: checked, unchangeable, without fields that nobody knows."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Splitting(Part):
    """How samples are divided into training, validation and test part; "given": folders or a column say so."""

    how: How = "random"
    reason: str = Field("", max_length=500)


class Schema(Part):
    """What a data set is, and what is predicted. A subclass sets `kind` as a field of one Literal, and adds fields."""

    unit: ClassVar[str] = "samples"  # what its samples are called, in the plural
    newer: ClassVar[tuple[str, ...]] = ("encoding",)  # fields that stored schemas may lack

    format: Literal["netloom-data/1"] = "netloom-data/1"
    version: int = Field(1, ge=1)
    kind: str
    task: str | None = Field(None, max_length=40)  # of trainers/tasks; None: nothing is predicted yet
    task_reason: str = Field("", max_length=500)
    splitting: Splitting = Splitting()
    encoding: str = Field("", max_length=40)  # of its text files, as the user has chosen; "": as each file says

    def counted(self, samples: int) -> str:
        """A number of samples in words: "1 row", "1,000 rows"."""
        return f"{samples:,} {self.unit.removesuffix('s') if samples == 1 else self.unit}"

    @model_serializer(mode="wrap")
    def _without_what_is_not_used(self, written: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leaves out a field that is newer than stored schemas where it says nothing: arrays that were prepared by them
        are still theirs."""
        found: dict[str, Any] = written(self)
        for name in self.newer:
            if found.get(name) == type(self).model_fields[name].default:
                found.pop(name)
        return found

    def with_fields(self, **fields: Any) -> Any:
        """The schema with other values, checked again. DataError: one is wrong."""
        return read({**self.model_dump(), **{key: _plain(value) for key, value in fields.items()}})

    @field_validator("encoding")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name and name not in LABELS:
            raise ValueError(f"There is no encoding {name!r}. The encodings are: {', '.join(LABELS)}.")
        return name

    @property
    def division(self) -> str:
        """How samples are divided, in words; "": as `splitting` says."""
        return ""

    @property
    def ready(self) -> str:
        """What must be chosen before a network can learn from it, as a sentence; empty: nothing."""
        return "" if self.task else "it has no target yet: choose what the network is to predict."


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    return value.model_dump() if isinstance(value, BaseModel) else value


def read(stored: Any) -> Any:
    """The schema, of the class that its kind has, from what JSON gives.

    Raises:
        DataError: it is none; the message names each wrong field.
    """
    kind = stored.get("kind", "table") if isinstance(stored, dict) else None
    if kind not in {info.name for info in pkgutil.iter_modules(kinds.__path__)}:
        raise DataError(f"This version of Netloom knows no kind of data called {str(kind)[:40]!r}.")
    module = importlib.import_module(f"{kinds.__name__}.{kind}.schema")
    found: type[Schema] = module.SCHEMA
    try:
        return found.model_validate(stored, strict=False)
    except ValidationError as error:
        raise DataError(" ".join(sentences(error, found.model_fields).values())) from None
