"""Tokens: the parts that a text is divided into, and their numbers. Text becomes numbers, and numbers text, only here.

The number of a token is its position in the vocabulary. Special tokens are no text: unknown words, padding after a
short sentence, and the mask of a token that is to be predicted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from builder.problems import NetloomError

Tokens = Literal["characters", "words", "separated"]
PADDING, UNKNOWN, MASK = "<pad>", "<unk>", "<mask>"
SHOWN = 8  # unknown characters named in a message
WITHOUT_SPACE_BEFORE = frozenset(".,;:!?)]}%\n'")
WITHOUT_SPACE_AFTER = frozenset("([{\n")


class TokenError(NetloomError, ValueError):
    """A text has characters or words that are not in the vocabulary; the message names them."""


def read_text(path: str | Path) -> str:
    """The text in a file of UTF-8. ValueError: the file holds something else."""
    from pathlib import Path

    try:
        return Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not a text in UTF-8: byte {error.start:,} is {error.object[error.start]:#x}"
        ) from None


def cut(text: str, tokens: str) -> list[str]:
    """A text as tokens: its characters; its words, digits, punctuation and line ends; or what is between its spaces."""
    import re

    if tokens == "characters":
        return list(text)
    if tokens == "separated":
        return text.split()
    return re.findall(r"\n|[^\W\d_]+(?:'[^\W\d_]+)*|\d|_|[^\w\s]", text)


def most_frequent(tokens: list[str], size: int, special: tuple[str, ...]) -> list[str]:
    """A vocabulary of at most `size`: the special tokens, then the most frequent ones, ties by the alphabet."""
    from collections import Counter

    counted = sorted(Counter(tokens).items(), key=lambda item: (-item[1], item[0]))
    return [*special, *[token for token, _ in counted[: size - len(special)]]]


def apart(before: str, token: str) -> bool:
    """Whether there is a space between two words or punctuation marks."""
    return token not in WITHOUT_SPACE_BEFORE and before not in WITHOUT_SPACE_AFTER


def join(tokens: Iterable[str], unit: Tokens) -> str:
    """Tokens as one text, with spaces between words, but not before a comma."""
    pieces: list[str] = []
    before = "\n"
    for token in tokens:
        pieces += [" ", token] if unit != "characters" and apart(before, token) else [token]
        before = token
    return "".join(pieces)


def decode(numbers: Iterable[int], vocabulary: Sequence[str], unit: Tokens) -> str:
    """The text of some tokens, given by their numbers; one beyond the vocabulary is the mask."""
    return join((spelled(number, vocabulary) for number in numbers if number >= 0), unit)


def spelled(number: int, vocabulary: Sequence[str]) -> str:
    """One token as text."""
    return vocabulary[number] if number < len(vocabulary) else MASK


def encode(text: str, vocabulary: Sequence[str], unit: Tokens) -> list[int]:
    """The numbers of a text's tokens. Words that are not in the vocabulary become the unknown one.

    Raises:
        TokenError: a character that the vocabulary does not have; all of them are named.
    """
    places = {token: number for number, token in enumerate(vocabulary)}
    tokens = cut(text, unit)
    missing = unknown(text, vocabulary, unit)
    if missing and (unit == "characters" or UNKNOWN not in places):
        named = ", ".join(repr(token) for token in missing[:SHOWN]) + (" …" if len(missing) > SHOWN else "")
        known = "".join(token for token in vocabulary if len(token) == 1 and not token.isspace())
        what = "characters" if unit == "characters" else "words"
        raise TokenError(
            f"The vocabulary of this network does not have the {what} {named}. "
            + (f"It has {known} and spaces." if unit == "characters" else "Use words of the training text.")
        )
    return [places[token] if token in places else places[UNKNOWN] for token in tokens]


def unknown(text: str, vocabulary: Sequence[str], unit: Tokens) -> list[str]:
    """The tokens of a text that the vocabulary does not have, each once, in the order of the text."""
    known = set(vocabulary) - {UNKNOWN, PADDING}
    return list(dict.fromkeys(token for token in cut(text, unit) if token not in known))
