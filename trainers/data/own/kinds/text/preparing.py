"""Makes numbers of texts, once, with a vocabulary of the training part alone, and keeps them in mapped files."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, cast

import numpy as np

from trainers.data.base import DataError
from trainers.data.own.bringing.class_folders import parts_of
from trainers.data.own.keeping import Named, kept
from trainers.data.own.kinds.text.encoding import SPECIAL, running_parts, tokens_of
from trainers.data.own.kinds.text.reading import Texts, texts_of
from trainers.data.own.kinds.text.schema import TextSchema
from trainers.data.own.library import Stored
from trainers.data.tokens import most_frequent

BLOCK = 1000  # texts
PIECE, SPACE = 1 << 16, re.compile(r"\s")  # characters of a piece of a long text, and where it may end


def prepared(data: Stored) -> Named:
    """`numbers` int64 (N, length), of a running text (tokens,); `targets`, `parts` (N,); `vocabulary`, and `names` of
    the texts, as bytes."""
    return kept(data, lambda: encoded(texts_of(data), data.schema))


def encoded(found: Texts, schema: TextSchema) -> Named:
    """Texts as arrays. DataError: there is none."""
    if not found.texts:
        raise DataError("There is no text with a class in it.")
    if schema.form == "running":
        return _running(found.texts[0], schema)
    used = np.arange(len(found.texts)) if schema.copies else first_of_each(found.texts)
    labels = found.labels[used]
    parts = parts_of(labels, found.given[used], schema.validation, schema.test, schema.split_seed)
    places: dict[str, int] = {}
    counts: Counter[str] = Counter()  # in the training part
    numbers = np.full((len(used), schema.length), -1)
    for row, place, part in zip(numbers, used.tolist(), parts.tolist(), strict=True):
        tokens = tokens_of(found.texts[place], schema.tokens, schema.lower)
        if part == 0:
            counts.update(tokens)
        tokens = tokens[: schema.length]
        row[: len(tokens)] = [places.setdefault(token, len(places)) for token in tokens]
    vocabulary = _vocabulary(counts, schema)
    order = np.array([*_order(places, vocabulary), 0])  # -1, after the last token, becomes the padding
    for start in range(0, len(numbers), BLOCK):
        numbers[start : start + BLOCK] = order[numbers[start : start + BLOCK]]
    names = _bytes([found.names[place] for place in used])
    return {"numbers": numbers, "targets": labels, "parts": parts, "vocabulary": _bytes(vocabulary), "names": names}


def pieces_of(text: str) -> Iterator[str]:
    """A text in pieces between which there is white space: no token is in two of them."""
    start = 0
    while start < len(text):
        end = SPACE.search(text, start + PIECE)
        stop = end.start() if end is not None else len(text)
        yield text[start:stop]
        start = stop


def _vocabulary(counts: Counter[str], schema: TextSchema) -> list[str]:
    """As `vocabulary_of` makes it of the tokens that are counted."""
    return most_frequent(cast("Any", counts), schema.vocabulary_size, SPECIAL)


def _order(places: dict[str, int], vocabulary: list[str]) -> list[int]:
    """The number in the vocabulary of each token in `places`, as `numbers_of_texts` gives it."""
    known = {token: number for number, token in enumerate(vocabulary)}
    return [known.get(token, 1) for token in places]


def used_texts(data: Stored) -> Texts:
    """The texts of the samples, in their order."""
    found = texts_of(data)
    if data.schema.copies:
        return found
    used = first_of_each(found.texts)
    texts, names = [found.texts[place] for place in used], [found.names[place] for place in used]
    return Texts(texts, found.labels[used], found.given[used], names, found.left_out)


def _running(text: str, schema: TextSchema) -> Named:
    places: dict[str, int] = {}
    given = array("i")  # tokens by the order in which they come up; as text they would take twenty times as much
    for piece in pieces_of(text):
        tokens = tokens_of(piece, schema.tokens, schema.lower)
        given.extend([places.setdefault(token, len(places)) for token in tokens])
    count = (len(given) - 1) // schema.length
    if count < 5:
        raise DataError(
            f"It has {len(given):,} tokens, too few for windows of {schema.length}: make the length smaller."
        )
    parts = running_parts(count, schema.validation, schema.test)
    seen = int((parts == 0).sum()) * schema.length
    found = np.frombuffer(given, np.int32)
    counted = np.bincount(found[:seen], minlength=len(places)).tolist()
    counts = Counter({token: times for token, times in zip(places, counted, strict=True) if times})
    vocabulary = _vocabulary(counts, schema)
    numbers = np.array(_order(places, vocabulary))[found]
    return {"numbers": numbers, "parts": parts, "vocabulary": _bytes(vocabulary)}


def first_of_each(texts: list[str]) -> np.ndarray:
    """The places of texts without those that are the same as one before, whatever their case and blanks."""
    seen: dict[str, int] = {}
    for place, text in enumerate(plain(texts)):
        seen.setdefault(text, place)
    return np.array(sorted(seen.values()), np.int64)


def plain(texts: Iterable[str]) -> Iterator[str]:
    """Texts without what does not tell them apart: case and blanks."""
    return (" ".join(text.lower().split()) for text in texts)


def _bytes(words: list[str]) -> np.ndarray:
    return np.frombuffer("\0".join(words).encode("utf-8", "surrogatepass"), np.uint8)


def vocabulary_in(arrays: Named) -> tuple[str, ...]:
    """The tokens of a vocabulary that was kept as bytes."""
    return tuple(_words(arrays["vocabulary"]))


def names_in(arrays: Named) -> list[str] | None:
    """What the texts are called: their files, or "row 1"; None: they were prepared by an earlier version."""
    return _words(arrays["names"]) if "names" in arrays else None


def _words(kept: np.ndarray) -> list[str]:
    return bytes(kept).decode("utf-8", "surrogatepass").split("\0")
