"""A whole script from its parts: a docstring, the imports that the parts need, the parts, and `main`."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Sequence

from trainers.script.pruning import pruned


def whole_script(about: Sequence[str], sources: Iterable[str], main: str, also: Iterable[str] = ()) -> str:
    """The text of a script, without what can never run in it.

    Parameters:
        about: the lines of its docstring.
        sources: parts as `print_functions` gives them, each with its imports at its head.
        main: the last part; `also`: the imports that it needs.
    """
    needed, bodies = [*also], []
    for source in sources:
        head, _, body = source.partition("\n\n\n")
        needed += head.splitlines()
        bodies.append(body.strip("\n"))
    top = [f'"""{about[0]}', *about[1:], '"""', "", *import_lines(needed)]
    return pruned("\n".join(top) + "\n\n\n" + "\n\n\n".join([*bodies, main.strip("\n")]) + "\n")


def import_lines(lines: Iterable[str]) -> list[str]:
    """Imports in their usual order: those of the standard library, others, and model.py, with a blank line between.

    What comes from one module is on one line.
    """
    plain: dict[str, str] = {}
    names: dict[str, set[str]] = {}
    for node in ast.parse("\n".join(lines)).body:
        if isinstance(node, ast.Import):
            plain |= {alias.name: ast.unparse(node) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.setdefault(str(node.module), set()).update(alias.name for alias in node.names)
    given = [(name, line) for name, line in sorted(plain.items())]
    given += [(name, f"from {name} import {', '.join(sorted(found))}") for name, found in sorted(names.items())]
    groups: list[list[str]] = [[], [], []]
    for name, line in given:
        package = name.split(".")[0]
        groups[0 if package in sys.stdlib_module_names else 2 if package == "model" else 1].append(line)
    return "\n\n".join("\n".join(group) for group in groups if group).splitlines()
