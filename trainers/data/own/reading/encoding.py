"""Finds the encoding of a text file from all of its bytes, and where it holds bytes that stand for no character."""

from __future__ import annotations

import codecs
import functools
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from trainers import stages
from trainers.data.base import DataError
from trainers.data.own.reading.encoding_guess import CANDIDATES, LOOKED_AT, WIDE, guess_encoding

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
MOST_NULS = 0.2  # share of zero bytes in text of one byte a character; UTF-16 of Latin letters has half
CONTROLS = frozenset(range(32)) - {9, 10, 12, 13, 26, 27}  # control characters that text has no use for
BLOCK = 1 << 20  # bytes that are looked at together
ESCAPED = re.compile("[\udc80-\udcff]")  # bytes that stand for no character, as Python's surrogateescape keeps them


# that can be chosen, with what people call them
LABELS = {
    "utf-8-sig": "UTF-8",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16, big-endian",
    **{each.name: each.users for each in CANDIDATES},
    **{name: users for name, _, _, users in WIDE},
    "latin-1": "ISO 8859-1 (Latin-1)",
    "iso8859_15": "ISO 8859-15 (Latin-9)",
}


class Encoding(NamedTuple):
    """How bytes become characters, and why it is thought to be so.

    `lost`: how many bytes, or characters of UTF-16 and UTF-32, stand for nothing in it; `line`: where the first is.
    """

    name: str  # as Python calls it
    reason: str
    lost: int = 0
    line: int = 0

    @property
    def trouble(self) -> str:
        """What cannot be read, as a sentence; empty: nothing."""
        if not self.lost:
            return ""
        some = "1 byte stands" if self.lost == 1 else f"{self.lost:,} bytes stand"
        return (
            f"{some} for no character in {self.name} ({'it is' if self.lost == 1 else 'the first is'} in line "
            f"{self.line:,}); \ufffd is in {'its' if self.lost == 1 else 'their'} place."
        )


def find_encoding(content: bytes) -> Encoding:
    """The encoding of a text, all of whose bytes are given; see `encoding_of`."""
    return _find(io.BytesIO(content))


def encoding_of(path: Path, chosen: str = "") -> Encoding:
    """The encoding of a text file, or the chosen one with what is lost in it.

    A byte-order mark decides. Without one it is UTF-8 if all of its bytes are valid, UTF-16 if every other byte is
    zero, else the one in which special characters are letters that stand where letters do (encoding_guess.py);
    Windows-1252 where there are few of them. UTF-8 in which a few bytes are damaged stays UTF-8.

    Raises:
        DataError: it is no text, or of another encoding than the chosen one.
    """
    facts = path.stat()
    return _of_file(path, chosen, facts.st_size, facts.st_mtime_ns)


@functools.lru_cache(maxsize=32)
def _of_file(path: Path, chosen: str, size: int, changed: int) -> Encoding:
    with io.BufferedReader(stages.HeardFile(path), BLOCK) as opened:
        return _chosen(opened, chosen) if chosen else _find(opened)


def _chosen(opened: IO[bytes], name: str) -> Encoding:
    head = opened.read(4)
    for mark, marked in BYTE_ORDER_MARKS:
        if head.startswith(mark) and name.startswith(marked):
            name = marked  # which leaves out the mark
    found = _checked(opened, name, "you chose it")
    if found.lost:
        special, lost, line = lost_bytes(opened, name)
        check_lost(name, lost, special, f"line {line:,}")
    return found


def check_lost(name: str, lost: int, special: int, where: str) -> None:
    """DataError: of the special characters of a text so many are lost that it is of another encoding."""
    if lost > 0.3 * special:
        raise DataError(
            f"It cannot be read as {LABELS.get(name, name)}: {lost:,} of its bytes stand for no character there, the "
            f"first in {where}. Choose another encoding."
        )


def _find(opened: IO[bytes]) -> Encoding:
    head = opened.read(BLOCK)
    opened.seek(0)
    for mark, name in BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return _checked(opened, name, "the file starts with a byte-order mark")
    if (nuls := head.count(0)) > MOST_NULS * len(head):
        name = "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"
        if _decodes(head[: len(head) // 2 * 2], name) and not _has_controls(head, name):
            return _checked(opened, name, "every other byte is zero")
        raise DataError("It is no text: a file of text has no zero bytes.")
    if nuls or _controls(head[:100_000]) > len(head[:100_000]) / 500:
        raise DataError("It is no text: it holds bytes that stand for no character.")
    valid = is_utf8(opened)
    if valid is not None:
        return Encoding("utf-8", "it is valid UTF-8" if valid else "all characters are ASCII")
    special, lost, line = lost_bytes(opened, "utf-8")
    if special - lost > 2 * lost:
        return Encoding("utf-8", "nearly all of its special characters are valid UTF-8", lost, line)
    found = guess_encoding(special_lines(opened))
    return _checked(opened, found.name, f"it is not valid UTF-8; its special letters make words as {found.users}")


def _checked(opened: IO[bytes], name: str, reason: str) -> Encoding:
    """The encoding, with what of the whole text stands for nothing in it."""
    decoder = codecs.getincrementaldecoder(name)()
    try:
        for block in blocks_of(opened):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        _, lost, line = lost_bytes(opened, name)
        return Encoding(name, reason, lost, line)
    return Encoding(name, reason)


def is_utf8(opened: IO[bytes]) -> bool | None:
    """Whether a text is UTF-8 with special characters; None: it is not UTF-8. Blocks of ASCII cost little."""
    decoder, special, between = codecs.getincrementaldecoder("utf-8")(), False, False
    try:
        for block in blocks_of(opened):
            if not between and block.isascii():
                continue
            special = True
            decoder.decode(block)
            between = bool(decoder.getstate()[0])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return None
    return special


def lost_bytes(opened: IO[bytes], name: str) -> tuple[int, int, int]:
    """Of a text in an encoding: its special characters, how many bytes stand for nothing, and the line of the first.

    In UTF-16 and UTF-32 what stands for nothing is counted in characters.
    """
    opened.seek(0)
    wide = name.startswith(("utf-16", "utf-32"))
    text = io.TextIOWrapper(opened, name, errors="replace" if wide else "surrogateescape")
    special = lost = first = 0
    for number, line in enumerate(text, 1):
        if line.isascii():
            continue
        here = line.count("\ufffd") if wide else len(ESCAPED.findall(line))
        special += sum(character > "\x7f" for character in line)
        first = first or (number if here else 0)
        lost += here
    text.detach()
    return special, lost, first


def special_lines(opened: IO[bytes]) -> bytes:
    """The first lines of a text that hold bytes above 127, wherever they stand."""
    kept: list[bytes] = []
    size, rest = 0, b""
    for block in blocks_of(opened):
        if (rest + block).isascii():
            rest = b""
            continue
        lines = re.split(rb"[\r\n]+", rest + block)
        rest = lines.pop()[-BLOCK:]
        for line in lines:
            if not line.isascii():
                kept.append(_around(line))
                size += len(kept[-1])
        if size > LOOKED_AT:
            return b"\n".join(kept)
    return b"\n".join([*kept, _around(rest)])


def _around(line: bytes) -> bytes:
    """Of a long line, what stands around its first special character."""
    special = re.search(rb"[\x80-\xff]", line)
    start = max(0, special.start() - 100) if special else 0
    return line[start : start + 2000]


def blocks_of(opened: IO[bytes]) -> Iterator[bytes]:
    """The bytes of a file, a block at a time."""
    opened.seek(0)
    return iter(lambda: opened.read(BLOCK), b"")


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
