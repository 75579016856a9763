"""Registry entries: classes with a name and validated options, which a document chooses by that name.

Data sets, losses, optimizers, schedules, initialisations and paradigms are such entries. A document chooses one by
`{"name": "Adam", "lr": 0.01}`; `choose` makes an `Adam(lr=0.01)` of it, or raises an error that says what is wrong.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from builder.problems import NetloomError
from builder.registry import did_you_mean
from builder.validation_messages import sentences


class OptionError(NetloomError, ValueError):
    """A name or an option in `training` does not exist or has a wrong value. The message says what was expected."""


class Entry(BaseModel):
    """One choice in a registry. Its fields are its options, each with bounds, a default and a description."""

    # strict: "0.1" is text and no number, and true is not 1; a document with such a value has a mistake in it
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    name: ClassVar[str]
    label: ClassVar[str]

    def options(self) -> dict[str, Any]:
        """The entry as a document writes it: its name, and the options that differ from their defaults."""
        return {"name": self.name, **self.model_dump(mode="json", exclude_defaults=True)}

    @classmethod
    def help(cls) -> str:
        """What the entry is for: the first line of its docstring."""
        return (inspect.getdoc(cls) or "").partition("\n")[0]


AnyEntry = TypeVar("AnyEntry", bound=Entry)


def entries(module: dict[str, Any], base: type[AnyEntry]) -> dict[str, type[AnyEntry]]:
    """The concrete subclasses of `base` in a module's globals(), by name, in the order of their definition."""
    return {
        value.name: value
        for value in module.values()
        if inspect.isclass(value) and issubclass(value, base) and hasattr(value, "name")
    }


def choose(registry: Mapping[str, type[AnyEntry]], options: Mapping[str, Any] | str, kind: str) -> AnyEntry:
    """The entry that `options` names, with these options. `kind` ("optimizer", "loss", …) is used in error messages.

    Raises:
        OptionError: there is no such entry or option, or a value is out of bounds; the message lists every mistake.
    """
    if isinstance(options, str):
        options = {"name": options}
    name = options.get("name")
    if not isinstance(name, str) or name not in registry:
        near = did_you_mean(str(name), registry) if name is not None else ""
        message = f"There is no {kind} called {name!r}." if name is not None else f"The {kind} has no name."
        raise OptionError(f"{message}{near} Known: {', '.join(registry)}.")
    entry = registry[name]
    try:
        return entry(**{key: value for key, value in options.items() if key != "name"})
    except ValidationError as error:
        raise OptionError(f"The {kind} {name}: {' '.join(_mistakes(entry, error))}") from None


def _mistakes(entry: type[Entry], error: ValidationError) -> list[str]:
    """A message for every mistake. That of an unknown option lists the options that exist."""
    known = ", ".join(entry.model_fields) or "none"
    return [
        text if not field or field in entry.model_fields else f"{text} Its options: {known}."
        for field, text in sentences(error, entry.model_fields).items()
    ]
