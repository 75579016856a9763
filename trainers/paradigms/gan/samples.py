"""What a trained GAN generates: samples from a seed or of one class, interpolations, and the discriminator's scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trainers.data.scaling import Standardisation
from trainers.paradigms.gan.networks import DISCRIMINATOR, GeneratorInputs, generator_inputs
from trainers.runs.predictions import kept, prepared_data
from trainers.runs.run import Run

if TYPE_CHECKING:
    from torch import Tensor, nn

MOST = 400  # samples at once
SCORED = 1000  # samples of each kind that the discriminator scores


def samples(
    run: Run, count: int, seed: int = 0, temperature: float = 1.0, label: int | None = None
) -> NDArray[np.float32]:
    """Generated samples (N, …) in the data set's own unit. The same seed gives the same samples.

    Parameters:
        temperature: the standard deviation of the noise. Below 1 samples are more typical and less diverse.
        label: the class of all samples; None: all classes in turn.

    Raises:
        RunError: the run has no weights yet.
    """
    import torch

    inputs, generator = generator_inputs(run.document), torch.Generator().manual_seed(seed)
    noise = temperature * torch.randn(min(count, MOST), *inputs.noise_shape, generator=generator)
    return _generate(run, inputs, noise, label)


def interpolate(run: Run, first: int, last: int, steps: int, label: int | None = None) -> NDArray[np.float32]:
    """Samples between those of two seeds, both included.

    Spherical interpolation keeps the norm that noise usually has (White, Sampling Generative Networks, 2016). On a
    straight line the noise would be shorter in the middle than any that the generator was trained with.
    """
    import torch

    inputs = generator_inputs(run.document)
    start, end = (
        torch.randn(*inputs.noise_shape, generator=torch.Generator().manual_seed(seed)) for seed in (first, last)
    )
    weights = torch.linspace(0, 1, min(max(steps, 2), MOST))
    return _generate(run, inputs, spherical_interpolation(start, end, weights), label or 0)


def spherical_interpolation(start: Tensor, end: Tensor, weights: Tensor) -> Tensor:
    """Points on the arc from one vector to another, at weights from 0 to 1."""
    import torch

    cosine = torch.nn.functional.cosine_similarity(start.flatten(), end.flatten(), dim=0).clamp(-1, 1)
    angle = torch.arccos(cosine)
    weight = weights.reshape(-1, *[1] * start.ndim)
    if float(angle) < 1e-4:
        return start + weight * (end - start)
    points: Tensor = (torch.sin((1 - weight) * angle) * start + torch.sin(weight * angle) * end) / torch.sin(angle)
    return points


def scores(run: Run) -> dict[str, NDArray[np.float32]]:
    """The discriminator's scores of training, validation and generated samples. Training scores that are higher than
    validation scores mean that it has memorised its samples."""
    return kept(run, ("discriminator scores",), lambda: _scores(run))


def _scores(run: Run) -> dict[str, NDArray[np.float32]]:
    import torch

    prepared, inputs, networks = prepared_data(run), generator_inputs(run.document), run.networks()
    discriminator = networks[DISCRIMINATOR]
    generator = run.job.paradigm.assemble(networks)
    found = {}
    with torch.inference_mode():
        for name, split in (("training", prepared.training), ("validation", prepared.validation)):
            if len(split):
                labels = inputs.labels(split.targets[:SCORED])
                found[name] = _score(discriminator, split.inputs[0][:SCORED], labels)
        labels = inputs.labels(prepared.training.targets[:SCORED])
        count = min(SCORED, len(prepared.training))
        fake = generator(*inputs.sample(count, labels, "cpu", torch.Generator().manual_seed(0)))
        found["generated"] = _score(discriminator, fake, labels)
    return found


def _score(discriminator: nn.Module, samples: Tensor, labels: Tensor | None) -> NDArray[np.float32]:
    scores = discriminator(samples) if labels is None else discriminator(samples, labels)
    found: NDArray[np.float32] = scores.float().flatten().numpy()
    return found


def _generate(run: Run, inputs: GeneratorInputs, noise: Tensor, label: int | None) -> NDArray[np.float32]:
    """The generator's samples for this noise, in the data set's own unit."""
    import torch

    model: nn.Module = kept(run, ("generator",), run.model)
    classes = max(len(run.job.dataset.classes), 1)
    numbers = torch.arange(len(noise)) % classes if label is None else torch.full((len(noise),), label)
    labels = inputs.labels(numbers)
    with torch.inference_mode():
        made = (model(noise) if labels is None else model(noise, labels)).float().numpy()
    card: Any = model.card
    scaling = next(iter(card["inputs"]), None)
    found: NDArray[np.float32] = Standardisation.from_dict(scaling).revert(made) if scaling else made
    return found
