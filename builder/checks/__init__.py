"""Numbered checks of a document. Each is one class in a file of this folder, found by itself: no list to edit.

A check's docstring says what it looks for, why that matters and how to fix it.
"""

from __future__ import annotations

from builder.analysis.infer import analyse
from builder.checks.base import Check, run
from builder.document import Document
from builder.problems import Problem

__all__ = ["Check", "check"]


def check(document: Document) -> list[Problem]:
    """All problems of the document, errors first, then in the order of the nodes."""
    return run(analyse(document))
