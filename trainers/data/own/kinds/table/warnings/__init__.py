"""What looks wrong in a table before anything is trained on it: one class for each kind of trouble, found by itself."""

from __future__ import annotations

import functools
import sys

from builder.registry import discover
from trainers.data.own.kinds.table.warnings.base import DataCheck, Table
from trainers.data.own.report import DataWarning

__all__ = ["DataCheck", "DataWarning", "Table", "look_for_trouble"]


@functools.cache
def data_checks() -> tuple[DataCheck, ...]:
    """One of each, in the order of their codes."""
    found = discover(sys.modules[__name__], DataCheck, lambda kind: kind.code)
    return tuple(found[code]() for code in sorted(found))


def look_for_trouble(table: Table) -> list[DataWarning]:
    """All that the checks find, in the order of their codes."""
    return [warning for check in data_checks() for warning in check.find(table)]
