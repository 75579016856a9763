"""Makes numbers of texts, once, with a vocabulary of the training part alone, and keeps them in mapped files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from trainers.data.base import DataError
from trainers.data.own.bringing.class_folders import parts_of
from trainers.data.own.keeping import Named, kept
from trainers.data.own.kinds.text.encoding import numbers_of_texts, running_parts, tokens_of, vocabulary_of
from trainers.data.own.kinds.text.reading import Texts, texts_of
from trainers.data.own.kinds.text.schema import TextSchema
from trainers.data.own.library import Stored


def prepared(data: Stored) -> Named:
    """`numbers` int64 (N, length), of a running text (tokens,); `targets`, `parts` (N,); `vocabulary`, and `names` of
    the texts, as bytes."""
    return kept(data, lambda: encoded(texts_of(data), data.schema))


def encoded(found: Texts, schema: TextSchema) -> Named:
    """Texts as arrays. DataError: there is none."""
    if not found.texts:
        raise DataError("There is no text with a class in it.")
    tokens = [tokens_of(text, schema.tokens, schema.lower) for text in found.texts]
    if schema.form == "running":
        return _running(tokens[0], schema)
    used = np.arange(len(tokens)) if schema.copies else first_of_each(found.texts)
    labels, tokens = found.labels[used], [tokens[place] for place in used]
    parts = parts_of(labels, found.given[used], schema.validation, schema.test, schema.split_seed)
    vocabulary = vocabulary_of([tokens[place] for place in np.flatnonzero(parts == 0)], schema.vocabulary_size)
    numbers = numbers_of_texts(tokens, vocabulary, schema.length)
    names = _bytes([found.names[place] for place in used])
    return {"numbers": numbers, "targets": labels, "parts": parts, "vocabulary": _bytes(vocabulary), "names": names}


def used_texts(data: Stored) -> Texts:
    """The texts of the samples, in their order."""
    found = texts_of(data)
    if data.schema.copies:
        return found
    used = first_of_each(found.texts)
    texts, names = [found.texts[place] for place in used], [found.names[place] for place in used]
    return Texts(texts, found.labels[used], found.given[used], names, found.left_out)


def _running(tokens: list[str], schema: TextSchema) -> Named:
    count = (len(tokens) - 1) // schema.length
    if count < 5:
        raise DataError(
            f"It has {len(tokens):,} tokens, too few for windows of {schema.length}: make the length smaller."
        )
    parts = running_parts(count, schema.validation, schema.test)
    seen = int((parts == 0).sum()) * schema.length
    vocabulary = vocabulary_of([tokens[:seen]], schema.vocabulary_size)
    numbers = numbers_of_texts([tokens], vocabulary, len(tokens))[0]
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
