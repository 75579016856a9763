"""Permutation importance: how much worse a network is where the values of one column are exchanged among the samples.

Breiman 2001, "Random forests". A column may be several numbers of the network's inputs (a category is one for each
value, a date has sine and cosine): they are exchanged together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from trainers.engine.learner import evaluation_batch_size
from trainers.objectives.model_outputs import answers_for
from trainers.runs.predictions import kept, prepared_data
from trainers.runs.run import Run, RunError

MOST_SAMPLES = 2000
REPEATS = 5


@dataclass(frozen=True)
class Importance:
    """How much the mean loss grows for each column, the most important first: mean and spread (standard deviation) over
    `REPEATS` random orders. `loss`: that of the samples as they are; `part`: which part of the data they are of."""

    columns: tuple[str, ...]
    mean: tuple[float, ...]
    spread: tuple[float, ...]
    loss: float
    samples: int
    part: str


def importance(run: Run, progress: Callable[[float], None] = lambda share: None) -> Importance:
    """The importance of each column on the validation part (without one: on the test part). Kept until the run has
    better weights. `progress` is called with the share that is done.

    Raises:
        RunError: the samples have no columns, there are none, or the network has no loss for each sample.
    """
    return kept(run, ("importance",), lambda: _importance(run, progress))


def _importance(run: Run, progress: Callable[[float], None]) -> Importance:
    import torch

    job, prepared, columns = run.job, prepared_data(run), run.job.dataset.input_columns()
    name, part = ("validation", prepared.validation) if len(prepared.validation) else ("test", prepared.test)
    if not columns or not len(part):
        raise RunError("This run has no samples in columns whose importance could be measured.")
    part = job.paradigm.as_evaluated(job, part)
    generator = torch.Generator().manual_seed(0)
    some = torch.randperm(len(part.targets), generator=generator)[:MOST_SAMPLES]
    inputs, targets, model = tuple(given[some] for given in part.inputs), part.targets[some], run.model()

    def loss(given: tuple[torch.Tensor, ...]) -> float:
        pieces = answers_for(job, model, given, targets, evaluation_batch_size(job, 1))
        losses = [answers.losses for answers in pieces if answers is not None]
        if not losses or any(each is None for each in losses):
            raise RunError(f"A run trained by “{job.paradigm.label}” has no loss of single samples.")
        return float(torch.cat([each.reshape(-1) for each in losses if each is not None]).mean())

    base, grown = loss(inputs), np.zeros((len(columns), REPEATS))
    for row, places in enumerate(columns.values()):
        for repeat in range(REPEATS):
            order = torch.randperm(len(targets), generator=generator)
            given = [each.clone() for each in inputs]
            for place, numbers in places:
                given[place][:, numbers] = inputs[place][order][:, numbers]
            grown[row, repeat] = loss(tuple(given)) - base
            progress((row * REPEATS + repeat + 1) / grown.size)
    ranked = np.argsort(-grown.mean(axis=1), kind="stable")
    names = list(columns)
    return Importance(
        tuple(names[place] for place in ranked),
        tuple(float(value) for value in grown.mean(axis=1)[ranked]),
        tuple(float(value) for value in grown.std(axis=1)[ranked]),
        base,
        len(targets),
        name,
    )
