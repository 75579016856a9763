"""Sequences whose first steps decide the target: long-term dependencies for recurrent networks."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from trainers.data.base import DataSet, Kind, Loaded


class _Remember(DataSet):
    """Sequences of any length, computed when they are needed."""

    kind: ClassVar[Kind] = "series"
    licence: ClassVar[str] = "MIT"

    samples: int = Field(3000, ge=10, le=50_000, description="How many sequences there are.")
    length: int = Field(
        60, ge=4, le=1000, description="Steps of a sequence: the distance over which a network has to remember."
    )
    data_seed: int = Field(0, ge=0, le=2**32 - 1, description="Another seed gives other sequences.")


class SymbolMemory(_Remember):
    """One letter among many other symbols is the class: a plain recurrent network forgets it, an LSTM remembers.

    After the latch problem of Y. Bengio et al., 1994: the gradient has to reach back to the position of the letter.
    """

    name: ClassVar[str] = "symbol_memory"
    title: ClassVar[str] = "Remember the letter"
    task: ClassVar[str] = "classification"
    origin: ClassVar[str] = "after Y. Bengio et al., Learning Long-Term Dependencies, 1994; computed by Netloom"

    length: int = Field(
        120, ge=4, le=1000, description="Steps of a sequence: the distance over which a network has to remember."
    )
    letters: int = Field(4, ge=2, le=10, description="How many letters there are; each is a class.")
    place: Literal["anywhere", "first"] = Field(
        "anywhere",
        description="Position of the letter; with anywhere, a network learns short distances before long ones.",
    )

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (self.length, 2 * self.letters)

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple("ABCDEFGHIJ"[: self.letters])

    @property
    def feature_names(self) -> tuple[str, ...]:
        return (*self.classes, *(f"other {number}" for number in range(1, self.letters + 1)))

    @staticmethod
    def load_data(samples: int, length: int, data_seed: int, letters: int, place: str) -> Loaded:
        """Sequences (N, length, 2 * letters) of symbols, 1 in the column of each step's symbol; and the one letter."""
        import numpy as np

        random = np.random.default_rng(data_seed)
        targets = np.arange(samples) % letters
        symbols = random.integers(letters, 2 * letters, (samples, length))  # the irrelevant ones
        where = random.integers(0, length if place == "anywhere" else 1, samples)
        symbols[np.arange(samples), where] = targets
        return np.eye(2 * letters, dtype="float32")[symbols], targets


class Adding(_Remember):
    """Two of the numbers in a long sequence are marked: what is their sum? Predicting 1 has a squared error of 1/6.

    The adding problem of S. Hochreiter and J. Schmidhuber, Long Short-Term Memory, 1997.
    """

    name: ClassVar[str] = "adding"
    title: ClassVar[str] = "Add two marked numbers"
    task: ClassVar[str] = "regression"
    origin: ClassVar[str] = "S. Hochreiter and J. Schmidhuber, 1997; computed by Netloom"

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (self.length, 2)

    @property
    def feature_names(self) -> tuple[str, ...]:
        return ("number", "mark")

    @property
    def target_names(self) -> tuple[str, ...]:
        return ("sum",)

    @staticmethod
    def load_data(samples: int, length: int, data_seed: int) -> Loaded:
        """Numbers from 0 to 1 beside marks, (N, length, 2), one mark in each half; and the sum of the two."""
        import numpy as np

        random = np.random.default_rng(data_seed)
        numbers, marks = random.uniform(0, 1, (samples, length)), np.zeros((samples, length))
        rows = np.arange(samples)
        for start, end in ((0, length // 2), (length // 2, length)):
            marks[rows, random.integers(start, end, samples)] = 1
        inputs = np.stack([numbers, marks], axis=2).astype("float32")
        return inputs, (numbers * marks).sum(axis=1, keepdims=True).astype("float32")
