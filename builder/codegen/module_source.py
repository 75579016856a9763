"""The source of Netloom's own modules (builder/library/), for the generated code that uses them.

A class is printed with the functions, classes and constants of its file that it uses, and with the imports that they
need. A module of the library must not use anything else of Netloom.
"""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import builder.library
from builder.registry import discover, module_names

TORCH = ("torch", "Tensor", "nn")  # every generated file imports these


@functools.cache
def library_modules() -> dict[str, type[Any]]:
    """Every torch.nn.Module class of builder/library by its name, in the order of the files and their lines."""
    from torch import nn

    return discover(builder.library, nn.Module, lambda kind: kind.__name__)


@functools.cache
def library_names() -> frozenset[str]:
    """All names that the files of builder/library define: a generated class must not have one of them.

    Raises:
        ValueError: two files define the same name, so they could not be printed into one file.
    """
    found: dict[str, str] = {}
    for module in module_names(builder.library):
        for name in _source(importlib.import_module(module)).definitions:
            if name in found:
                raise ValueError(f"{module} and {found[name]} both define {name}.")
            found[name] = module
    return frozenset(found)


def library_source(lines: Iterable[str]) -> tuple[list[str], list[str]]:
    """The imports and the source lines of the library's classes that these lines of code construct."""
    constructed = set(re.findall(r"= ([A-Za-z]\w*)\(", "\n".join(lines)))
    return source_of(kind for name, kind in library_modules().items() if name in constructed)


def source_of(objects: Iterable[Callable[..., Any]]) -> tuple[list[str], list[str]]:
    """The imports and the source lines of classes and functions, with everything of their files that they use."""
    wanted: dict[str, set[str]] = {}
    for item in objects:
        wanted.setdefault(item.__module__, set()).add(item.__name__)
    imports: list[str] = []
    lines: list[str] = []
    for module, names in wanted.items():
        source = _source(importlib.import_module(module))
        used = source.used_by(names)
        imports += [source.imports[name] for name in used if name in source.imports]
        lines += source.lines_of(used)
    return merged_imports(imports), lines


def merged_imports(lines: Iterable[str]) -> list[str]:
    """Import lines without repetitions, sorted, with one line for all names from the same module."""
    plain: set[str] = set()
    names: dict[str, set[str]] = {}
    for line in lines:
        start, _, imported = line.partition(" import ")
        if imported:
            names.setdefault(start, set()).update(imported.split(", "))
        else:
            plain.add(line)
    return [*sorted(plain), *(f"{start} import {', '.join(sorted(names[start]))}" for start in sorted(names))]


@dataclass(frozen=True)
class _Source:
    """The top-level definitions and the imports of a file, by the names that they define."""

    lines: list[str]
    definitions: dict[str, ast.stmt]
    imports: dict[str, str]

    def used_by(self, names: Iterable[str]) -> set[str]:
        """The names, and all that their definitions use, directly or indirectly."""
        used: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name in used or not (name in self.definitions or name in self.imports):
                continue
            used.add(name)
            if name in self.definitions:
                waiting += _names_in(self.definitions[name])
        return used

    def lines_of(self, names: set[str]) -> list[str]:
        """The definitions in the order of the file, separated by blank lines as a formatter does it."""
        found: list[str] = []
        previous: ast.stmt | None = None
        for statement in dict.fromkeys(self.definitions[name] for name in self.definitions if name in names):
            constants = isinstance(statement, _ASSIGNMENTS) and isinstance(previous, _ASSIGNMENTS)
            found += [] if constants else ["", ""]
            found += self.lines[self._first_line(statement) : statement.end_lineno]
            previous = statement
        return found

    def _first_line(self, statement: ast.stmt) -> int:
        """The index of its first line: of a decorator, or of the comment directly above."""
        decorators = getattr(statement, "decorator_list", [])
        first: int = min([statement.lineno, *(decorator.lineno for decorator in decorators)]) - 1
        while first and self.lines[first - 1].startswith("#"):
            first -= 1
        return first


_ASSIGNMENTS = (ast.Assign, ast.AnnAssign)


@functools.cache
def _source(module: ModuleType) -> _Source:
    text = inspect.getsource(module)
    definitions: dict[str, ast.stmt] = {}
    imports: dict[str, str] = {}
    for item in ast.parse(text).body:
        if isinstance(item, ast.ClassDef | ast.FunctionDef):
            definitions[item.name] = item
        elif isinstance(item, ast.Assign):
            definitions.update({target.id: item for target in item.targets if isinstance(target, ast.Name)})
        elif isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
            definitions[item.target.id] = item
        elif isinstance(item, ast.Import | ast.ImportFrom) and getattr(item, "module", "") != "__future__":
            imports.update(_imports(item))
    return _Source(text.splitlines(), definitions, imports)


def _imports(statement: ast.Import | ast.ImportFrom) -> dict[str, str]:
    """The name that each import defines → the line that imports only this name; those of TORCH are left out.

    Raises:
        ValueError: it imports something of Netloom, which generated code cannot.
    """
    start = f"from {statement.module} import" if isinstance(statement, ast.ImportFrom) else "import"
    found = {}
    for alias in statement.names:
        name = alias.asname or alias.name.partition(".")[0]
        found[name] = f"{start} {alias.name}" + (f" as {alias.asname}" if alias.asname else "")
        if found[name].split()[1].partition(".")[0] == "builder":
            raise ValueError(f"A module of builder/library must not depend on Netloom: {found[name]}.")
    return {name: line for name, line in found.items() if name not in TORCH}


def _names_in(statement: ast.stmt) -> set[str]:
    """All names that a definition reads, those in annotations too."""
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
