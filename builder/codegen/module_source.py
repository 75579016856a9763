"""The source of Netloom's own modules (builder/library/), for the generated code that uses them.

Each class there stands on its own: it needs torch, nn, Tensor, and what its file imports with a plain `import`.
"""

from __future__ import annotations

import ast
import functools
import inspect
import re
from collections.abc import Iterable
from typing import Any


@functools.cache
def helpers() -> dict[str, type[Any]]:
    """Every module of builder/library by its name, in the order of the files and of the lines in each."""
    from torch import nn

    import builder.library
    from builder.registry import discover

    return discover(builder.library, nn.Module, lambda kind: kind.__name__)


def printed(lines: Iterable[str]) -> tuple[list[str], list[str]]:
    """The imports and the lines of the helper classes that these lines of code make an object of."""
    made = set(re.findall(r"= ([A-Za-z]\w*)\(", "\n".join(lines)))
    imports: set[str] = set()
    text: list[str] = []
    for name, kind in helpers().items():
        if name in made:
            source = inspect.getsource(kind)
            imports.update(_imports(kind, source))
            text += ["", "", *source.rstrip().splitlines()]
    return sorted(imports), text


def _imports(kind: type[Any], source: str) -> set[str]:
    """The `import x` lines of the class's file whose x the class uses."""
    tree = ast.parse(inspect.getsource(inspect.getmodule(kind) or kind))
    modules = [alias.name for item in tree.body if isinstance(item, ast.Import) for alias in item.names]
    return {f"import {name}" for name in modules if name != "torch" and re.search(rf"\b{name}\.", source)}
