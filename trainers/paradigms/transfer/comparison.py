"""Predictions of a trained network beside those of its scratch baseline: which samples only one of them gets right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.engine.learner import evaluation_batch_size
from trainers.events import SplitName
from trainers.paradigms.transfer.scratch_baseline import SCRATCH
from trainers.runs.predictions import Predictions, kept, predict, prepared_data
from trainers.runs.run import Run


@dataclass(frozen=True)
class Comparison:
    """What both networks of a run predict for one split."""

    predicted: Predictions  # of the network with transfer
    scratch: NDArray[np.int64]  # the classes that the scratch baseline predicts

    def samples(self, which: str) -> NDArray[np.int64]:
        """The samples that only the network "with" transfer predicts correctly, only the one "without", "both" or
        "none"."""
        own, scratch = self.predicted.predicted == self.predicted.targets, self.scratch == self.predicted.targets
        found = {"with": own & ~scratch, "without": ~own & scratch, "both": own & scratch, "none": ~own & ~scratch}
        return np.flatnonzero(found[which])


def has_baseline(run: Run) -> bool:
    """Whether the run trained a scratch baseline, and both predict classes."""
    return SCRATCH in run.job.paradigm.modules(run.document) and run.job.dataset.task == "classification"


def compare(run: Run, split: SplitName) -> Comparison:
    """The predictions of both networks.

    Raises:
        RunError: the run has no weights yet; DataError: the data set cannot be loaded any more.
    """
    return Comparison(predict(run, split), kept(run, (SCRATCH, split), lambda: _predict(run, split)))


def _predict(run: Run, split: SplitName) -> NDArray[Any]:
    """The classes that the scratch baseline predicts."""
    import torch

    job, model = run.job, run.networks()[SCRATCH]
    loss, target = job.paradigm.loss_for(job.dataset), job.paradigm.target(job.dataset)
    assert loss is not None
    inputs = getattr(prepared_data(run), split).inputs
    pieces = [array.split(evaluation_batch_size(job, 1)) for array in inputs]
    with torch.inference_mode():
        outputs = (model(*some).float() for some in zip(*pieces, strict=True))
        found = [target.entry.predicted(output, loss.expects, target) for output in outputs]
    predicted: NDArray[Any] = torch.cat(found).numpy()
    return predicted
