"""Texts for language models: plays and a manual. A sample is a window of tokens, given by their numbers.

The words of a vocabulary are taken from the whole text, before it is split. So the vocabulary uses the words of the
test part and their frequencies, but not their order, nor any class. In exchange the vocabulary, and with it the width
of the network, is known before training and does not depend on the seed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from trainers.data.base import DataError, DataSet, Kind, Loaded, Order
from trainers.data.downloaded import _Downloaded
from trainers.data.fetch import RemoteFile
from trainers.data.tokens import UNKNOWN, cut, most_frequent, read_text


def windows(text: str, vocabulary: list[str], tokens: str, context: int, limit: int | None) -> Loaded:
    """A text in windows of `context` tokens, int64 (N, context), and the token that follows each of them."""
    import numpy as np

    places = {token: number for number, token in enumerate(vocabulary)}
    unknown = places.get("<unk>", 0)
    numbers = np.array([places.get(token, unknown) for token in cut(text, tokens)[:limit]], np.int64)
    count = (len(numbers) - 1) // context
    return numbers[: count * context].reshape(-1, context), numbers[1 : count * context + 1].reshape(-1, context)


class _Language(DataSet):
    """A running text, cut into windows; the target at each position is the next token."""

    task: ClassVar[str] = "language"
    kind: ClassVar[Kind] = "text"
    order: ClassVar[Order] = "time"  # the end of the text is the test part: neighbouring windows share sentences
    characters: ClassVar[tuple[str, ...]]  # the vocabulary of characters

    tokens: Literal["characters", "words"] = Field(
        "characters", description="What the text is divided into: characters, or words and punctuation."
    )
    context: int = Field(64, ge=2, le=4096, description="Number of tokens that the network sees at a time.")
    vocabulary_size: int = Field(
        2000,
        ge=10,
        le=100_000,
        description="For words: the number of most frequent words in the vocabulary; the others are <unk>.",
    )
    limit: int | None = Field(
        None,
        ge=100,
        le=10**9,
        description="Use only this number of tokens from the start of the text. Empty: all of it.",
    )

    def text(self) -> str:
        """The whole text."""
        raise TypeError(f"{type(self).__name__} does not define its text.")

    def token_count(self) -> int:
        """How many tokens the whole text has."""
        raise TypeError(f"{type(self).__name__} does not define its length.")

    def word_count(self) -> int:
        """How many different words the text has."""
        raise TypeError(f"{type(self).__name__} does not define its number of words.")

    @property
    def gap(self) -> int:
        return 1  # the last target of a window is the first token of the next one

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (self.context,)

    @property
    def target_shape(self) -> tuple[int, ...]:
        return (self.context,)

    @property
    def target_size(self) -> int:
        return self.vocabulary_count

    @property
    def vocabulary_count(self) -> int:
        if self.tokens == "characters":
            return len(self.characters)
        return min(self.vocabulary_size, self.word_count() + 1)

    @property
    def samples(self) -> int:
        length = self.token_count()
        return max(0, (min(length, self.limit or length) - 1) // self.context)

    @property
    def vocabulary(self) -> tuple[str, ...]:
        return self.characters if self.tokens == "characters" else _words(type(self), self.vocabulary_size)


@functools.lru_cache(maxsize=8)
def _words(kind: type[_Language], size: int) -> tuple[str, ...]:
    return tuple(most_frequent(cut(kind().text(), "words"), size, (UNKNOWN,)))


class TinyShakespeare(_Downloaded, _Language):
    """A megabyte of Shakespeare's plays, the usual text for character-level language models."""

    name: ClassVar[str] = "tinyshakespeare"
    title: ClassVar[str] = "Tiny Shakespeare"
    origin: ClassVar[str] = "A. Karpathy, 2015; https://github.com/karpathy/char-rnn/tree/master/data/tinyshakespeare"
    licence: ClassVar[str] = "MIT"
    folder: ClassVar[str] = "tinyshakespeare"
    helpers: ClassVar[tuple[Callable[..., Any], ...]] = (read_text, cut, most_frequent, windows)
    files: ClassVar[tuple[RemoteFile, ...]] = (
        RemoteFile(
            "input.txt",
            "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
            "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
            1_115_394,
        ),
    )
    characters: ClassVar[tuple[str, ...]] = tuple("\n !$&',-.3:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")

    def text(self) -> str:
        return read_text(self.paths()[0])

    def token_count(self) -> int:
        return 1_115_394 if self.tokens == "characters" else 293_593

    def word_count(self) -> int:
        return 14_298

    @staticmethod
    def read_files(paths: list[Path], tokens: str, context: int, vocabulary_size: int, limit: int | None) -> Loaded:
        """Windows of the plays, int64 (N, context), and the token that follows at each position."""
        text = read_text(paths[0])
        vocabulary = sorted(set(text))
        if tokens == "words":
            vocabulary = most_frequent(cut(text, tokens), vocabulary_size, ("<unk>",))
        return windows(text, vocabulary, tokens, context, limit)


class PythonReference(_Language):
    """The reference of the Python language that comes with Python itself: half a megabyte of prose and code."""

    name: ClassVar[str] = "python_reference"
    title: ClassVar[str] = "Python language reference"
    origin: ClassVar[str] = "Python Software Foundation; https://docs.python.org/3/reference (pydoc_data, with Python)"
    licence: ClassVar[str] = "PSF-2.0"
    helpers: ClassVar[tuple[Callable[..., Any], ...]] = (cut, most_frequent, windows)
    # the same for each version of Python: line end, the printable characters of ASCII, and one for all others
    characters: ClassVar[tuple[str, ...]] = ("\n", *map(chr, range(32, 127)), UNKNOWN)

    def text(self) -> str:
        return _reference()

    def token_count(self) -> int:
        return len(_reference_tokens(self.tokens))

    def word_count(self) -> int:
        return len(set(_reference_tokens("words")))

    @staticmethod
    def load_data(tokens: str, context: int, vocabulary_size: int, limit: int | None) -> Loaded:
        """Windows of the language reference, int64 (N, context), and the token that follows at each position."""
        from pydoc_data.topics import topics

        text = "\n\n".join(topics[name] for name in sorted(topics))
        vocabulary = ["\n", *map(chr, range(32, 127)), "<unk>"]
        if tokens == "words":
            vocabulary = most_frequent(cut(text, tokens), vocabulary_size, ("<unk>",))
        return windows(text, vocabulary, tokens, context, limit)


@functools.cache
def _reference() -> str:
    try:
        from pydoc_data.topics import topics
    except ImportError:
        raise DataError(
            "The data set python_reference needs pydoc_data, which comes with Python but was left out of this one. "
            "Install Python's standard library in full, or choose another text, such as tinyshakespeare."
        ) from None
    return "\n\n".join(topics[name] for name in sorted(topics))


@functools.cache
def _reference_tokens(tokens: str) -> list[str]:
    return cut(_reference(), tokens)
