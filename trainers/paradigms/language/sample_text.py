"""Generated text as pages show it: pieces of text, each with a mark that says what it is.

The marks: "given" (a prompt, or the text around), "new" (written by the network), and of what was hidden "right" or
"wrong".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trainers.data.tokens import apart, encode, spelled

if TYPE_CHECKING:
    from trainers.data import DataSet

Pieces = tuple[tuple[str, str], ...]


def start_of(prompt: str, dataset: DataSet) -> list[int]:
    """The tokens of a prompt; without one a text begins with a new line. TokenError: it has unknown characters."""
    if prompt:
        return encode(prompt, dataset.vocabulary, dataset.tokens)
    vocabulary = dataset.vocabulary
    return [vocabulary.index("\n") if "\n" in vocabulary else 0]


def text_of(parts: Sequence[tuple[Sequence[int], str]], dataset: DataSet) -> Pieces:
    """Tokens with their marks, as pieces of one text; neighbours with one mark are one piece."""
    pieces: list[tuple[str, str]] = []
    before = "\n"
    for numbers, mark in parts:
        for number in numbers:
            token = spelled(number, dataset.vocabulary)
            is_apart = dataset.tokens != "characters" and apart(before, token)
            text, before = f" {token}" if is_apart else token, token
            if pieces and pieces[-1][1] == mark:
                pieces[-1] = (pieces[-1][0] + text, mark)
            else:
                pieces.append((text, mark))
    return tuple(pieces)


def compared(tokens: Sequence[int], guesses: Sequence[int], hidden: Sequence[bool], dataset: DataSet) -> Pieces:
    """A text with the guesses at its hidden places, marked as right or wrong."""
    parts = [
        ([guess], "right" if guess == token else "wrong") if was else ([token], "given")
        for token, guess, was in zip(tokens, guesses, hidden, strict=True)
    ]
    return text_of(parts, dataset)
