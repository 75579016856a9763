"""Keeps torch's table of operators for ONNX, which `torch.onnx.export` makes anew in each call.

Making it takes a second: the source of 500 functions is parsed. It depends on the version of ONNX's operators only. The
table has no public name (torch 2.13); where torch has changed it, every conversion makes its own as before.
"""

from __future__ import annotations

import copy
import functools
from typing import Any


@functools.cache
def keep() -> bool:
    """From now on, conversions of this process share the table. False: this version of torch does not have it.

    Only for a process that converts: it changes a class of torch.
    """
    try:
        from torch.onnx._internal.exporter._registration import ONNXRegistry

        make = ONNXRegistry.from_torchlib
    except (ImportError, AttributeError):
        return False
    tables: dict[Any, Any] = {}

    def from_torchlib(*arguments: Any, **options: Any) -> Any:
        key = (*arguments, *sorted(options.items()))
        if key not in tables:
            tables[key] = make(*arguments, **options)
        table = tables[key]
        if not isinstance(getattr(table, "functions", None), dict):
            return make(*arguments, **options)
        copied = copy.copy(table)  # since a conversion adds its own operators
        copied.functions = {name: list(found) for name, found in table.functions.items()}
        return copied

    ONNXRegistry.from_torchlib = staticmethod(from_torchlib)  # type: ignore[method-assign]
    return True
