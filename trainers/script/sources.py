"""Python source of functions for the exported scripts, as a person would have written it."""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Callable
from typing import Any

from builder.codegen.expressions import Invoke, Keyword, statement


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
    code = "\n".join(re.sub(r"  # (?:type: ignore|noqa).*", "", line) for line in lines[start:]).strip("\n")
    gap = [""] if docstring and code.lstrip().startswith(("def ", "class ")) else []  # as a formatter would have it
    return {ast.unparse(node) for node in imports}, "\n".join([*head, *docstring, *gap, code])


def _import_order(line: str) -> tuple[bool, bool, str]:
    """The usual order of imports: the standard library first, in it `import x` before `from x import y`."""
    return line.split()[1].split(".")[0] not in sys.stdlib_module_names, line.startswith("from "), line


def axes(channel: int | None, rank: int) -> int | tuple[int, ...]:
    """The axes of a batch of samples of this rank to average over: all but the one that has statistics of its own."""
    if channel is None or rank == 0:
        return 0
    kept = channel % (rank + 1)
    others = tuple(axis for axis in range(rank + 1) if axis != kept)
    return others if len(others) > 1 else others[0]
