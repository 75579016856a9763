"""Samples of a trained diffusion network, the training samples nearest to them, and how well it predicts the noise.

samples = generate(run, seed=1, count=12, steps=25)
samples.stages                       # (moments, N, …), noise first, scaled from -1 to 1
explained_variance_by_time(run)      # time steps, and the explained variance of the noise at each
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from trainers.events import SplitName
from trainers.paradigms.diffusion.paradigm import STAGES, Diffusion, Floats, sample
from trainers.runs.predictions import kept, prepared_data
from trainers.runs.run import Run, RunError

if TYPE_CHECKING:
    from trainers.data.splits import Split

SAMPLES, TIME_STEPS = 256, 24  # that the explained variance by time step is computed for


@dataclass(frozen=True)
class Samples:
    """Generated samples, scaled from -1 to 1."""

    stages: Floats  # (moments, N, *shape): the noise first, the finished samples last
    nearest: Floats  # (N, *shape): for each the most similar training sample
    distance: Floats  # (N,): root mean squared difference to it


def generate(run: Run, seed: int, count: int, steps: int) -> Samples:
    """Samples generated with the run's best weights; the same seed gives the same. RunError: it has no weights yet."""
    return kept(run, ("generate", seed, count, steps), lambda: _generate(run, seed, count, steps))


def _generate(run: Run, seed: int, count: int, steps: int) -> Samples:
    import torch

    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(count, *run.job.dataset.input_shape, generator=generator)
    stages = sample(run.model(), noise, diffusion_of(run).signal_share(), steps, STAGES)
    training = prepared_data(run).training.inputs[0]
    distances = torch.cdist(torch.from_numpy(stages[-1]).flatten(1), training.flatten(1))
    distance, index = distances.min(dim=1)
    nearest = cast(Floats, training[index].numpy())
    return Samples(stages, nearest, cast(Floats, (distance / training[0].numel() ** 0.5).numpy()))


def diffusion_of(run: Run) -> Diffusion:
    """The options of a run whose paradigm is diffusion."""
    return cast(Diffusion, run.job.paradigm)


def explained_variance_by_time(run: Run, split: SplitName = "validation") -> tuple[list[int], list[float]]:
    """Time steps, and the explained variance of the noise at each, for samples of one split.

    Raises:
        RunError: the run has no weights yet, or the split has no samples.
    """
    return kept(run, ("explained variance by time", split), lambda: _explained_variance_by_time(run, split))


def _explained_variance_by_time(run: Run, split: SplitName) -> tuple[list[int], list[float]]:
    import torch

    prepared, model = prepared_data(run), run.model()
    part: Split = getattr(prepared, split)
    if not len(part):
        raise RunError(f"This run has no {split} samples. Give {split} a share of the data and train again.")
    images = part.inputs[0][:SAMPLES]
    share = diffusion_of(run).signal_share()
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    steps = sorted({round(step) for step in np.linspace(0, len(share) - 1, TIME_STEPS)})
    explained = []
    with torch.inference_mode():
        for step in steps:
            noisy = share[step].sqrt() * images + (1 - share[step]).sqrt() * noise
            predicted = model(noisy, torch.full((len(images), 1), step))
            explained.append(1 - float((predicted - noise).square().mean() / noise.square().mean()))
    return steps, explained
