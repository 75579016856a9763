"""Sentences with classes. What the vocabulary uses of the test part is explained in `text.py`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from trainers.data.base import Kind, Loaded
from trainers.data.downloaded import _Downloaded
from trainers.data.fetch import RemoteFile
from trainers.data.tokens import PADDING, UNKNOWN, Tokens, most_frequent, read_text


def sentences(positive: str, negative: str, length: int, vocabulary_size: int) -> Loaded:
    """Sentences as int64 (N, length), padded with 0 after their last word, and 1 for positive or 0 for negative."""
    import numpy as np

    rows = [line.split() for text in (negative, positive) for line in text.splitlines()]
    vocabulary = most_frequent([word for row in rows for word in row], vocabulary_size, ("<pad>", "<unk>"))
    places = {word: number for number, word in enumerate(vocabulary)}
    inputs = np.zeros((len(rows), length), np.int64)
    for number, row in enumerate(rows):
        some = row[:length]
        inputs[number, : len(some)] = [places.get(word, 1) for word in some]
    return inputs, (np.arange(len(rows)) >= len(negative.splitlines())).astype(np.int64)


class FilmSentences(_Downloaded):
    """10,662 sentences from film reviews, half of them positive: 0.77 is good without a pretrained network."""

    name: ClassVar[str] = "rt_polarity"
    title: ClassVar[str] = "Film review sentences"
    task: ClassVar[str] = "classification"
    kind: ClassVar[Kind] = "text"
    origin: ClassVar[str] = (
        "B. Pang and L. Lee, 2005; https://github.com/dennybritz/cnn-text-classification-tf/tree/master/data"
    )
    licence: ClassVar[str] = "Apache-2.0 (the repository)"
    folder: ClassVar[str] = "rt_polarity"
    helpers: ClassVar[tuple[Callable[..., Any], ...]] = (read_text, most_frequent, sentences)
    files: ClassVar[tuple[RemoteFile, ...]] = tuple(
        RemoteFile(
            f"rt-polarity.{end}",
            "https://raw.githubusercontent.com/dennybritz/cnn-text-classification-tf/master/data/rt-polaritydata/"
            f"rt-polarity.{end}",
            sha256,
        )
        for end, sha256 in (
            ("pos", "4134882974a28d0c7b5151256f0e33a6169984ee7372c279e673f1114f475d58"),
            ("neg", "2d11cfbc790f1cd96d78339f41ce53ced1efa83cd22d37d6788fa3fe3d17e2fd"),
        )
    )

    length: int = Field(
        40, ge=2, le=200, description="Words of a sentence that are used; shorter ones are padded with <pad>, 0."
    )
    vocabulary_size: int = Field(
        8000,
        ge=10,
        le=100_000,
        description="The number of most frequent words in the vocabulary; the others are <unk>.",
    )

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (self.length,)

    @property
    def classes(self) -> tuple[str, ...]:
        return ("negative", "positive")

    @property
    def samples(self) -> int:
        return 10_662

    @property
    def tokens(self) -> Tokens:
        """What a sample's numbers stand for: words."""
        return "separated"

    @property
    def vocabulary_count(self) -> int:
        return min(self.vocabulary_size, 21_425 + len((PADDING, UNKNOWN)))

    @property
    def vocabulary(self) -> tuple[str, ...]:
        return _film_words(self.vocabulary_size)

    @staticmethod
    def read_files(paths: list[Path], length: int, vocabulary_size: int) -> Loaded:
        """Film sentences as the numbers of their words, int64 (N, length), and 1 for positive or 0 for negative."""
        return sentences(read_text(paths[0]), read_text(paths[1]), length, vocabulary_size)


@functools.lru_cache(maxsize=4)
def _film_words(size: int) -> tuple[str, ...]:
    words = [word for path in FilmSentences().paths() for word in read_text(path).split()]
    return tuple(most_frequent(words, size, (PADDING, UNKNOWN)))
