"""The training samples that are nearest to a new one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.data.scaling import Standardisation
from trainers.runs.predictions import prepared_data
from trainers.runs.run import Run
from trainers.sampling import evenly_spaced

MOST = 20_000  # training samples that are compared
HOW = "by the distance of the inputs as the network gets them (standardised; 1 for each other category)"


def nearest(run: Run, raw: tuple[NDArray[Any], ...], count: int = 5) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Places of the nearest training samples in the training part, and their distances, see `HOW`.

    `raw`: one sample, (1, …) for each input, before it is scaled.
    """
    prepared = prepared_data(run)
    part = prepared.training
    some = evenly_spaced(len(part), MOST)
    total = np.zeros(len(some))
    for given, figures, values in zip(part.inputs, prepared.standardisation, raw, strict=True):
        there = given.numpy()[some].reshape(len(some), -1)
        here = values if figures is None else Standardisation.apply(figures, values)
        here = here.reshape(1, -1)
        different = there != here if np.issubdtype(there.dtype, np.integer) else there - here
        total += (different.astype(np.float64) ** 2).sum(axis=1)
    order = np.argsort(total, kind="stable")[:count]
    return some[order], np.sqrt(total[order])
