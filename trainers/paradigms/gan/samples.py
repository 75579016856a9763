"""What a trained generator draws: samples from a seed, of one class where it takes classes, and walks between two."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trainers.data.scaling import Standardisation
from trainers.paradigms.gan.noise import Noise, noise_of
from trainers.runs.predictions import kept, prepared_data
from trainers.runs.run import Run

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

MOST = 400  # samples at once: a page shows no more
JUDGED = 1000  # samples of each kind whose scores are shown


def noise(run: Run) -> Noise:
    """What the run's generator begins with."""
    return noise_of(run.document, run.job.paradigm.networks[0])


def samples(
    run: Run, count: int, seed: int = 0, temperature: float = 1.0, wanted: int | None = None
) -> NDArray[np.float32]:
    """Samples (N, …) in the data's own unit. The same seed gives the same samples.

    `temperature` widens or narrows the noise: below 1 samples are more usual and less varied. `wanted`: the class to
    draw, None for each in turn. RunError: the run has no weights yet.
    """
    import torch

    given, source = noise(run), torch.Generator().manual_seed(seed)
    values = temperature * torch.randn(min(count, MOST), *given.shape, generator=source)
    return _drawn(run, given, values, wanted)


def walk(run: Run, seed: int, other: int, steps: int, wanted: int | None = None) -> NDArray[np.float32]:
    """What lies on the way from the sample of one seed to that of another, both included.

    The way keeps the length that noise usually has (spherical interpolation; White, Sampling Generative Networks,
    2016): a straight line would pass through noise that is shorter than any that the generator was trained on.
    """
    import torch

    given = noise(run)
    ends = [torch.randn(*given.shape, generator=torch.Generator().manual_seed(number)) for number in (seed, other)]
    return _drawn(run, given, between(ends[0], ends[1], torch.linspace(0, 1, min(max(steps, 2), MOST))), wanted or 0)


def between(one: Tensor, other: Tensor, places: torch.Tensor) -> Tensor:
    """Points on the arc from one vector to another, at places from 0 to 1."""
    import torch

    cosine = torch.nn.functional.cosine_similarity(one.flatten(), other.flatten(), dim=0).clamp(-1, 1)
    angle = torch.arccos(cosine)
    share = places.reshape(-1, *[1] * one.ndim)
    if float(angle) < 1e-4:
        return one + share * (other - one)
    points: Tensor = (torch.sin((1 - share) * angle) * one + torch.sin(share * angle) * other) / torch.sin(angle)
    return points


def scores(run: Run) -> dict[str, NDArray[np.float32]]:
    """What the discriminator says of real samples that it learned from, of real ones that were held out, and of drawn
    ones. Where it knows its samples by heart, the first are scored higher than the second."""
    return kept(run, ("drawn scores",), lambda: _scores(run))


def _scores(run: Run) -> dict[str, NDArray[np.float32]]:
    import torch

    prepared, given, networks = prepared_data(run), noise(run), run.networks()
    judge = networks[run.job.paradigm.networks[1]]
    made = run.job.paradigm.assemble(networks)
    found = {}
    with torch.inference_mode():
        for name, part in (("learned from", prepared.training), ("held out", prepared.validation)):
            if len(part):
                asked = given.asked(part.targets[:JUDGED])
                found[name] = _judged(judge, part.inputs[0][:JUDGED], asked)
        asked = given.asked(prepared.training.targets[:JUDGED])
        count = min(JUDGED, len(prepared.training))
        drawn = made(*given.inputs(count, asked, "cpu", torch.Generator().manual_seed(0)))
        found["drawn"] = _judged(judge, drawn, asked)
    return found


def _judged(judge: nn.Module, samples: Tensor, asked: Tensor | None) -> NDArray[np.float32]:
    said: NDArray[np.float32] = (judge(samples) if asked is None else judge(samples, asked)).float().flatten().numpy()
    return said


def _drawn(run: Run, given: Noise, values: Tensor, wanted: int | None) -> NDArray[np.float32]:
    """The generator's samples for this noise, in the data's own unit."""
    import torch

    model: nn.Module = kept(run, ("generator",), run.model)
    classes = max(len(run.job.dataset.classes), 1)
    numbers = torch.arange(len(values)) % classes if wanted is None else torch.full((len(values),), wanted)
    asked = given.asked(numbers)
    with torch.inference_mode():
        made = (model(values) if asked is None else model(values, asked)).float().numpy()
    card: Any = model.card
    figures = next(iter(card["inputs"]), None)
    reverted: NDArray[np.float32] = Standardisation.from_dict(figures).revert(made) if figures else made
    return reverted
