"""What model.py of some networks offers beside the network itself: text that it writes, answers with their uncertainty.

An extra is one class in a file of this folder, found by itself. It goes by the model's card: what training says that a
user of the model must know.
"""

from __future__ import annotations

import functools
import sys

from builder.exports.subject import Subject
from builder.registry import discover


class Extra:
    """Base of every extra; its functions stand in model.py behind `load` and `preprocess`."""

    def fits(self, what: Subject) -> bool:
        """Whether this model has it."""
        raise TypeError(f"{type(self).__name__} must say which models it is for.")

    def imports(self, what: Subject) -> tuple[str, ...]:
        """Lines that import what its functions need besides torch, json, struct and pathlib."""
        return ()

    def source(self, what: Subject) -> str:
        """The functions, as Python that needs torch alone."""
        raise TypeError(f"{type(self).__name__} must say what it offers.")

    def readme(self, what: Subject) -> str:
        """How to use it, in Markdown, for README.md."""
        return ""


@functools.cache
def _all() -> tuple[Extra, ...]:
    return tuple(kind() for kind in discover(sys.modules[__package__], Extra, lambda kind: kind.__name__).values())


def extras(what: Subject) -> list[Extra]:
    """Those that this model has."""
    return [extra for extra in _all() if extra.fits(what)]
