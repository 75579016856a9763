"""Recognises files of tagged words, as the CoNLL tasks have them: a word and its tag on each line, a blank line between
sentences. Nothing learns tags yet, so they are named and refused, instead of being taken for a table of words."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

HEAD = 1 << 18  # bytes that are looked at
SENTENCES, WORDS = 3, 10  # at least
MOST_TAGS = 100
TAG = re.compile(r"O|[BIOESLU]-\S+|[A-Z][A-Z0-9$_.:'-]*|[^\w\s]{1,3}|-LRB-|-RRB-")
ENDINGS = (".conll", ".conllu", ".conll2003", ".iob", ".iob2", ".bio", ".bioes", ".pos")


class TaggedWords(NamedTuple):
    """What such a file holds, as far as it was looked at."""

    sentences: int
    words: int
    tags: tuple[str, ...]

    def __str__(self) -> str:
        shown = ", ".join(self.tags[:4]) + (" …" if len(self.tags) > 4 else "")
        return f"{self.words:,} words with tags ({shown}) in {self.sentences:,} sentences"


def tagged_words(text: str, ending: str = "") -> TaggedWords | None:
    """What a text holds if it is one of tagged words; None: it is another one. `ending`: of the name of its file."""
    blocks = [[line for line in block.splitlines() if line[:1] != "#"] for block in re.split(r"\n[ \t]*\n", text)]
    rows = [[line.split("\t") if "\t" in line else line.split() for line in block] for block in blocks if block]
    rows = [block for block in rows if block and block[0][:1] != ["-DOCSTART-"]]
    widths = Counter(len(row) for block in rows for row in block)
    if not widths or len(rows) < SENTENCES or sum(widths.values()) < WORDS:
        return None
    width, same = widths.most_common(1)[0]
    if width < 2 or same < 0.98 * sum(widths.values()):
        return None
    whole = [row for block in rows for row in block if len(row) == width]
    universal = width == 10 and sum(row[0].partition("-")[0].isdigit() for row in whole) > 0.9 * len(whole)
    tags = Counter(row[3 if universal else -1] for row in whole)
    words = {row[1 if universal else 0] for row in whole}
    named = ending.lower() in ENDINGS
    alike = sum(count for tag, count in tags.items() if TAG.fullmatch(tag))
    letters = sum(any(map(str.isalpha, word)) for word in words)
    if len(tags) > MOST_TAGS or alike < (0.5 if named else 0.95) * len(whole) or letters < 0.5 * len(words):
        return None
    return TaggedWords(len(rows), len(whole), tuple(tag for tag, _ in tags.most_common()))


def in_file(path: Path, title: str) -> TaggedWords | None:
    """What the beginning of a file holds, if these are tagged words."""
    with path.open("rb") as opened:
        head = opened.read(HEAD)
    text = head.decode("utf-8-sig", "replace").replace("\r\n", "\n").replace("\r", "\n")
    if len(head) == HEAD:
        text = text.rpartition("\n\n")[0]
    return tagged_words(text, Path(title).suffix)
