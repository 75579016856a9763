"""Sequences whose first steps matter at their end: what recurrent networks forget, and how their cures remember."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from trainers.data.base import DataSet, Kind, Loaded, Task


class _Remember(DataSet):
    """Sequences of any length, computed when they are needed."""

    kind: ClassVar[Kind] = "series"
    licence: ClassVar[str] = "MIT"

    samples: int = Field(2000, ge=10, le=50_000, description="How many sequences there are.")
    length: int = Field(60, ge=4, le=1000, description="Steps from the first to the last: how long one must remember.")
    data_seed: int = Field(0, ge=0, le=2**32 - 1, description="Another seed draws other sequences.")


class FirstSymbol(_Remember):
    """The first step says which class it is, noise follows: a plain recurrent network forgets, an LSTM remembers.

    The latch problem of Y. Bengio and others, 1994: the gradient has to reach back over the whole length.
    """

    name: ClassVar[str] = "first_symbol"
    title: ClassVar[str] = "Remember the first symbol"
    task: ClassVar[Task] = "classification"
    origin: ClassVar[str] = (
        "Y. Bengio and others, Learning Long-Term Dependencies is Difficult, 1994; computed by Netloom"
    )

    symbols: int = Field(4, ge=2, le=10, description="How many symbols there are; each is a class.")
    noise: float = Field(0.3, ge=0.0, le=2.0, description="Standard deviation of the steps after the first.")

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (self.length, self.symbols)

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple("ABCDEFGHIJ"[: self.symbols])

    @property
    def feature_names(self) -> tuple[str, ...]:
        return self.classes

    @staticmethod
    def load_data(samples: int, length: int, data_seed: int, symbols: int, noise: float) -> Loaded:
        """Noise of shape (N, length, symbols) whose first step is 1 in the symbol's column; and which symbol it is."""
        import numpy as np

        random = np.random.default_rng(data_seed)
        targets = np.arange(samples) % symbols
        inputs = random.normal(0, noise, (samples, length, symbols)).astype("float32")
        inputs[:, 0] = np.eye(symbols)[targets]
        return inputs, targets


class Adding(_Remember):
    """Two of the numbers in a long sequence are marked: what is their sum? Always saying 1 has a squared error of 1/6.

    The adding problem of S. Hochreiter and J. Schmidhuber, Long Short-Term Memory, 1997.
    """

    name: ClassVar[str] = "adding"
    title: ClassVar[str] = "Add two marked numbers"
    task: ClassVar[Task] = "regression"
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
