"""Drawing with a trained diffusion network: pictures at some moments of their growth, what in the data they are most
like, and how much of the noise the network tells at each time step.

    pictures = drawn(run, seed=1, count=12, steps=25)
    pictures.stages                      # (moments, N, …), noise first, in the data set's own unit
    noise_by_time(run)                   # a table: time step, share of the noise explained
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from trainers.events import SplitName
from trainers.runs.predictions import kept, prepared_data
from trainers.runs.run import Run, RunError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from trainers.data.splits import Split
    from trainers.job import Job
    from trainers.paradigms.diffusion.paradigm import Diffusion

Floats = NDArray[np.float32]
MOMENTS = 9  # of a picture's growth that are shown
ASKED, PLACES = 256, 24  # samples, and time steps, at which the network is asked for the noise


@dataclass(frozen=True)
class Drawn:
    """New pictures, in the network's own scale from -1 to 1."""

    stages: Floats  # (moments, N, *shape): the noise first, the finished pictures last
    nearest: Floats  # (N, *shape): for each the picture of the training part that it is most like
    distance: Floats  # (N,) root of the mean squared difference to it


def grown(model: nn.Module, beginning: Tensor, share: Tensor, steps: int, moments: int) -> Floats:
    """Pictures drawn out of `beginning`, (moments, N, …): the noise itself, moments spread over the way, the end."""
    import torch

    from builder.library.diffusion import denoise

    training = model.training
    model.eval()
    try:
        stages = [beginning, *denoise(model, beginning, share, min(steps, len(share)))]
    finally:
        model.train(training)
    if len(stages) > moments:  # most of them towards the end, where the picture comes out
        early = (1 - np.linspace(0, 1, moments)) ** 2
        stages = [stages[place] for place in ((1 - early) * (len(stages) - 1)).round().astype(int)]
    return cast(Floats, torch.stack(stages).float().cpu().numpy())


def room(job: Job, steps: int, operations: int, least: int, most: int) -> int:
    """How many pictures can be drawn at once with so many operations."""
    import builder

    one = int(builder.summary(job.document)["flops"].sum()) * steps
    return max(least, min(most, operations // max(one, 1)))


def diffusion_of(run: Run) -> Diffusion:
    """The run's way of training, which is diffusion."""
    return cast("Diffusion", run.job.paradigm)


def drawn(run: Run, seed: int, count: int, steps: int) -> Drawn:
    """New pictures by the run's best weights; the same seed gives the same. RunError: it has no weights yet."""
    return kept(run, ("drawn", seed, count, steps), lambda: _drawn(run, seed, count, steps))


def _drawn(run: Run, seed: int, count: int, steps: int) -> Drawn:
    import torch

    from builder.library.diffusion import signal_share

    way = diffusion_of(run)
    generator = torch.Generator().manual_seed(seed)
    beginning = torch.randn(count, *run.job.dataset.input_shape, generator=generator)
    share = signal_share(way.schedule, way.timesteps)
    stages = grown(run.model(), beginning, share, steps, MOMENTS)
    known = prepared_data(run).training.inputs[0]
    apart = torch.cdist(torch.from_numpy(stages[-1]).flatten(1), known.flatten(1))
    distance, place = apart.min(dim=1)
    nearest = cast(Floats, known[place].numpy())
    return Drawn(stages, nearest, cast(Floats, (distance / known[0].numel() ** 0.5).numpy()))


def noise_by_time(run: Run, split: SplitName = "validation") -> tuple[list[int], list[float]]:
    """Time steps, and the share of the noise that the network explains at each, over pictures of a part of the data.

    RunError: the run has no weights yet, or no sample in this part.
    """
    return kept(run, ("noise by time", split), lambda: _noise_by_time(run, split))


def _noise_by_time(run: Run, split: SplitName) -> tuple[list[int], list[float]]:
    import torch

    from builder.library.diffusion import signal_share

    way, prepared, model = diffusion_of(run), prepared_data(run), run.model()
    part: Split = getattr(prepared, split)
    if not len(part):
        raise RunError(f"This run held out no sample for {split}. Give {split} a share of the data and train again.")
    pictures = part.inputs[0][:ASKED]
    share = signal_share(way.schedule, way.timesteps)
    noise = torch.randn(pictures.shape, generator=torch.Generator().manual_seed(0))
    places = sorted({round(place) for place in np.linspace(0, way.timesteps - 1, PLACES)})
    explained = []
    with torch.inference_mode():
        for place in places:
            given = share[place].sqrt() * pictures + (1 - share[place]).sqrt() * noise
            guess = model(given, torch.full((len(pictures), 1), place))
            explained.append(1 - float((guess - noise).square().mean() / noise.square().mean()))
    return places, explained
