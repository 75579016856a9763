"""The paradigms: ways to train, one file or folder each, found by themselves."""

import sys

from builder.registry import discover
from trainers.paradigms.base import Paradigm

PARADIGMS: dict[str, type[Paradigm]] = discover(
    sys.modules[__name__], Paradigm, lambda entry: entry.name, within_folders="paradigm"
)

DEFAULT_PARADIGM = "supervised"  # of a document that names none

__all__ = ["DEFAULT_PARADIGM", "PARADIGMS", "Paradigm"]
