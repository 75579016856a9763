"""Text of users in the form in which pages show it: escaped for HTML and Markdown, plain for file names."""

from __future__ import annotations

import html
import re


def escape(text: str) -> str:
    """A user's text for our HTML: nothing in it can become a tag, and it stays on one line."""
    return html.escape(re.sub(r"\s+", " ", text), quote=True)


def escape_lines(text: str) -> str:
    """A user's text of several lines for our HTML: nothing in it can become a tag; spaces and line ends are kept."""
    return html.escape(text, quote=True)


def markdown(text: str) -> str:
    """A user's text for our Markdown: characters with a meaning in Markdown are shown as themselves."""
    return re.sub(r"([\\`*_{}\[\]()#+\-!|<>~$:&])", r"\\\1", re.sub(r"\s+", " ", text))


def sentence(text: str) -> str:
    """A message that follows a node's name, as a sentence of its own."""
    return text[:1].upper() + text[1:]


def file_name(text: str, default: str) -> str:
    """A file name from a user's text: ASCII letters, digits and _ only."""
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in text.lower())
    return "_".join(part for part in plain.split("_") if part)[:60] or default
