"""Shapes and users' text in the form in which pages show them (numbers: `builder.summary.human`)."""

from __future__ import annotations

import html
import re

from builder.shapes import Shape


def tight(shape: Shape) -> str:
    """A shape for the label of a wire: '16×28×28'; '1' for a single number."""
    return "×".join(str(size) for size in shape) or "1"


def escape(text: str) -> str:
    """Text of a user for HTML of ours: nothing in it can become a tag, and it stays on one line."""
    return html.escape(re.sub(r"\s+", " ", text), quote=True)


def escape_lines(text: str) -> str:
    """Text of several lines for HTML of ours: nothing in it can become a tag, and every space and line end stays."""
    return html.escape(text, quote=True)


def markdown(text: str) -> str:
    """Text of a user for Markdown of ours: every character that Markdown gives a meaning to shows as itself."""
    return re.sub(r"([\\`*_{}\[\]()#+\-!|<>~$:&])", r"\\\1", re.sub(r"\s+", " ", text))


def sentence(text: str) -> str:
    """A message that goes on from a node's name, as a sentence of its own."""
    return text[:1].upper() + text[1:]
