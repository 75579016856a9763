"""What a model without a network reaches on the same parts of the data."""

from __future__ import annotations

from pages.data_page.shown import Shown


def show(shown: Shown) -> None:
    """The baseline in a sentence."""
