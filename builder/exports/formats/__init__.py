"""The export formats: one class in one file each, found by itself. There is no list to edit."""

import sys

from builder.exports.formats.base import ExportFormat
from builder.registry import discover

_found = discover(sys.modules[__name__], ExportFormat, lambda kind: kind.name)
EXPORTS: dict[str, type[ExportFormat]] = dict(sorted(_found.items(), key=lambda item: item[1].order))

__all__ = ["EXPORTS", "ExportFormat"]
