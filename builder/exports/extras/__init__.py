"""Additions to model.py for some networks, such as functions that generate text: one class in one file each.

They are found by themselves. An extra depends on the model's card: facts from training that a user of the model needs.
"""

import sys

from builder.exports.extras.base import Extra
from builder.exports.subject import Subject
from builder.registry import discover

EXTRAS: dict[str, type[Extra]] = discover(sys.modules[__name__], Extra, lambda kind: kind.__name__)


def extras(subject: Subject) -> list[Extra]:
    """The extras of this model."""
    return [extra for extra in (kind() for kind in EXTRAS.values()) if extra.fits(subject)]
