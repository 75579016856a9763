"""What every registry entry of the trainers is: a frozen set of options with a name, read from a document with care.

Data sets, losses, optimizers, schedules and initialisations are such entries. A document chooses one by
`{"name": "Adam", "lr": 0.01}`; `choose` turns that into an `Adam(lr=0.01)`, or into a sentence that says what is wrong.
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
    """A name or an option in `training` is not one that exists; the text says which and what was expected."""


class Entry(BaseModel):
    """One choice in a registry: its fields are its options, with bounds, defaults and a sentence of help each."""

    # strict: "0.1" is text, not a number, and true is not 1; a form or a document that sends them has a mistake in it
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    name: ClassVar[str]
    label: ClassVar[str]

    def options(self) -> dict[str, Any]:
        """The entry as a document writes it: its name and the options that differ from their defaults."""
        return {"name": self.name, **self.model_dump(mode="json", exclude_defaults=True)}

    @classmethod
    def help(cls) -> str:
        """What the entry is for, in a sentence: the first line of its docstring."""
        return (inspect.getdoc(cls) or "").partition("\n")[0]


AnyEntry = TypeVar("AnyEntry", bound=Entry)


def entries(module: dict[str, Any], base: type[AnyEntry]) -> dict[str, type[AnyEntry]]:
    """The concrete subclasses of `base` in a module's globals(), by name, in the order they are written in."""
    return {
        value.name: value
        for value in module.values()
        if inspect.isclass(value) and issubclass(value, base) and hasattr(value, "name")
    }


def choose(registry: Mapping[str, type[AnyEntry]], options: Mapping[str, Any] | str, kind: str) -> AnyEntry:
    """Make the entry that `options` asks for; `kind` ("optimizer", "loss", ...) is the word used in messages.

    Raises:
        OptionError: no such entry, no such option, or a value out of bounds; every mistake is listed.
    """
    if isinstance(options, str):
        options = {"name": options}
    name = options.get("name")
    if not isinstance(name, str) or name not in registry:
        near = did_you_mean(str(name), registry) if name is not None else ""
        said = f"There is no {kind} called {name!r}." if name is not None else f"The {kind} has no name."
        raise OptionError(f"{said}{near} Known: {', '.join(registry)}.")
    entry = registry[name]
    try:
        return entry(**{key: value for key, value in options.items() if key != "name"})
    except ValidationError as error:
        raise OptionError(f"The {kind} {name}: {' '.join(_mistakes(entry, error))}") from None


def _mistakes(entry: type[Entry], error: ValidationError) -> list[str]:
    """Every mistake in a sentence; after an option that does not exist, those that do."""
    known = ", ".join(entry.model_fields) or "none"
    return [
        text if not field or field in entry.model_fields else f"{text} Its options: {known}."
        for field, text in sentences(error, entry.model_fields).items()
    ]
