"""Finds the classes of a registry by importing every module of its package: no list to keep up to date."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import inspect
import itertools
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import TypeVar

T = TypeVar("T")
MAX_NAMES = 500  # comparing a name takes about 10 microseconds; a hundred mistakes must not take seconds


def discover(
    package: ModuleType, base: type[T], key: Callable[[type[T]], str], within_folders: str = ""
) -> dict[str, type[T]]:
    """Import every module of `package` and return its concrete subclasses of `base`, by `key`.

    Parameters:
        within_folders: in each sub-package, import only this module, if it has one. Empty: import all of its modules.

    A class is concrete if its name has no leading underscore and it is not `base` itself. Classes are in the order of
    the modules' names and then of their lines, so the order is the same on every machine.

    Raises:
        ValueError: two classes have the same key.
    """
    found: dict[str, type[T]] = {}
    for name in module_names(package, within_folders):
        module = importlib.import_module(name)
        for value in vars(module).values():
            if not inspect.isclass(value) or not issubclass(value, base) or value is base:
                continue
            if value.__module__ != module.__name__ or value.__name__.startswith("_"):
                continue
            name = key(value)
            if name in found:
                raise ValueError(f"{value.__qualname__} and {found[name].__qualname__} are both called {name!r}.")
            found[name] = value
    return found


def module_names(package: ModuleType, within_folders: str = "") -> Iterator[str]:
    """The dotted names of the modules to import, in alphabetical order, those of a folder at the place of its name."""
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda item: item.name):
        name = f"{package.__name__}.{info.name}"
        if not info.ispkg:
            yield name
        elif not within_folders:
            yield from module_names(importlib.import_module(name), "")
        elif importlib.util.find_spec(f"{name}.{within_folders}"):
            yield f"{name}.{within_folders}"


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """A hint with up to three similar names, ' Did you mean Conv2d or Conv1d?', or an empty string."""
    by_lower = {name.lower(): name for name in itertools.islice(known, MAX_NAMES)}
    if wrong.lower() in by_lower:
        return f" Did you mean {by_lower[wrong.lower()]}?"
    near = [by_lower[name] for name in difflib.get_close_matches(wrong[:64].lower(), by_lower, n=3, cutoff=0.6)]
    return f" Did you mean {' or '.join(near)}?" if near else ""
