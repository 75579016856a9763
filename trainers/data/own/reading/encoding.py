"""Finds the encoding of a text file, from its first bytes."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import NamedTuple

from trainers.data.base import DataError
from trainers.data.own.reading.encoding_guess import guess_encoding

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
MOST_NULS = 0.2  # share of zero bytes in text of one byte a character; UTF-16 of Latin letters has half
CONTROLS = frozenset(range(32)) - {9, 10, 12, 13, 26, 27}  # control characters that text has no use for


class Encoding(NamedTuple):
    """How bytes become characters, and why it is thought to be so."""

    name: str  # as Python calls it
    reason: str


def find_encoding(head: bytes) -> Encoding:
    """The encoding of a file that begins with these bytes.

    A byte-order mark decides. Without one it is UTF-8 if the bytes are valid, UTF-16 if every other byte is zero, else
    the one in which special characters are letters that stand where letters do (encoding_guess.py); Windows-1252 where
    there are few of them, or Latin-1, of which every byte is valid.

    Raises:
        DataError: it is no text.
    """
    for mark, name in BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return Encoding(name, "the file starts with a byte-order mark")
    if (nuls := head.count(0)) > MOST_NULS * len(head):
        name = "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"
        if _decodes(head[: len(head) // 2 * 2], name) and not _has_controls(head, name):
            return Encoding(name, "every other byte is zero")
        raise DataError("It is no text: a file of text has no zero bytes.")
    if nuls or _controls(head[:100_000]) > len(head[:100_000]) / 500:
        raise DataError("It is no text: it holds bytes that stand for no character.")
    if head.isascii():
        return Encoding("utf-8", "all characters are ASCII")
    if _decodes(head, "utf-8"):
        return Encoding("utf-8", "it is valid UTF-8")
    found = guess_encoding(head)
    if _decodes(head, found.name):
        return Encoding(found.name, f"it is not valid UTF-8; its special letters make words as {found.users}")
    return Encoding("latin-1", "it is neither valid UTF-8 nor Windows-1252")


def _controls(head: bytes) -> int:
    return len(head) - len(head.translate(None, bytes(CONTROLS)))


def _decodes(head: bytes, name: str) -> bool:
    """Whether the bytes are valid; the last character may be cut off."""
    try:
        codecs.getincrementaldecoder(name)().decode(head, final=False)
    except UnicodeDecodeError:
        return False
    return True


def _has_controls(head: bytes, name: str) -> bool:
    text = codecs.getincrementaldecoder(name)().decode(head[: len(head) // 2 * 2], final=False)
    return sum(ord(character) in CONTROLS for character in text) > len(text) / 500


def encoding_of(path: Path) -> str:
    """The encoding of a text file, as Python calls it. DataError: it is no text."""
    with path.open("rb") as opened:
        return find_encoding(opened.read(1 << 20)).name
