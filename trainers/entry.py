"""Registry entries: classes with a name and validated options, which a document chooses by that name.

Data sets, losses, optimizers, schedules, initialisations and paradigms are such entries. A document chooses one by
`{"name": "Adam", "lr": 0.01}`; `choose` makes an `Adam(lr=0.01)` of it, or raises an error that says what is wrong.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from builder.problems import NetloomError
from builder.registry import did_you_mean
from builder.validation_messages import clip, sentences


class OptionError(NetloomError, ValueError):
    """A name or an option in `training` does not exist or has a wrong value. The message says what was expected."""


class Entry(BaseModel):
    """One choice in a registry. Its fields are its options, each with bounds, a default and a description."""

    # strict: "0.1" is text and no number, and true is not 1; a document with such a value has a mistake in it
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    name: ClassVar[str]
    label: ClassVar[str]
    synonyms: ClassVar[tuple[str, ...]] = ()  # what other tools call it; a message leads from them to its name
    option_synonyms: ClassVar[Mapping[str, str]] = {}  # what other tools call its options → the option

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


def choose(
    registry: Mapping[str, type[AnyEntry]], options: Any, kind: str, elsewhere: Callable[[str], str] | None = None
) -> AnyEntry:
    """The entry that `options` names (a name, or an object with the name and options), with these options.

    Parameters:
        kind: "optimizer", "loss", …, for error messages.
        elsewhere: where an option of this name belongs, as a sentence; empty: nowhere.

    Raises:
        OptionError: there is no such entry or option, or a value is out of bounds; the message lists every mistake.
    """
    if isinstance(options, str):
        options = {"name": options}
    if not isinstance(options, Mapping):
        first = next(iter(registry))
        raise OptionError(
            f'The {kind} must be a name such as "{first}", or an object such as {{"name": "{first}"}}, got '
            f"{clip(options)}."
        )
    name = options.get("name")
    entry = _named(registry, name, kind)
    try:
        made = entry(**{key: value for key, value in options.items() if key != "name"})
    except ValidationError as error:
        raise OptionError(f"The {kind} {name}: {' '.join(_mistakes(entry, error, elsewhere))}") from None
    return made


def _named(registry: Mapping[str, type[AnyEntry]], name: Any, kind: str) -> type[AnyEntry]:
    """The entry of this name. OptionError: there is none; the message leads from another tool's name to ours."""
    if isinstance(name, str) and name in registry:
        return registry[name]
    message = f"There is no {kind} called {clip(name)}." if name is not None else f"The {kind} has no name."
    hint = ""
    if isinstance(name, str):
        own = {plain(entry.name): entry.name for entry in registry.values()}
        others = {plain(other): entry.name for entry in registry.values() for other in _other_names(entry)}
        if plain(name) in own:
            hint = f" Did you mean {own[plain(name)]}?"
        elif plain(name) and plain(name) in others:
            hint = f" It is called {others[plain(name)]} here."
        else:
            hint = did_you_mean(name, registry)
    raise OptionError(f"{message}{hint} Known: {', '.join(registry)}.")


def plain(name: str) -> str:
    """A name without what tools write differently: "ReduceLROnPlateau" and "reduce_lr_on_plateau" are the same."""
    return "".join(filter(str.isalnum, name)).lower()[:64]


def _other_names(entry: type[Entry]) -> Iterator[str]:
    """What an entry is called for people, in torch and in other tools. Not what its base class is called."""
    yield entry.label
    yield str(vars(entry).get("torch_name", ""))
    yield from vars(entry).get("synonyms", ())


def _mistakes(entry: type[Entry], error: ValidationError, elsewhere: Callable[[str], str] | None) -> list[str]:
    """A message for every mistake. That of an unknown option lists the options that exist."""
    known = ", ".join(entry.model_fields) or "none"
    return [
        text if not field or field in entry.model_fields else _unknown(entry, field, known, elsewhere)
        for field, text in sentences(error, entry.model_fields).items()
    ]


def _unknown(entry: type[Entry], field: str, known: str, elsewhere: Callable[[str], str] | None) -> str:
    """The message for an option that does not exist: its name here, where it belongs, or similar names."""
    meant = {plain(other): option for other, option in entry.option_synonyms.items() if option in entry.model_fields}
    meant |= {plain(option): option for option in entry.model_fields}
    option = meant.get(plain(field))
    hint = f" It is called {option}." if option else ""
    hint = hint or (f" {elsewhere(field)}".rstrip() if elsewhere else "") or did_you_mean(field, entry.model_fields)
    return f"There is no {clip(field)} here.{hint} Its options: {known}."
