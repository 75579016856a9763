"""How much a generator's samples are like the data: as a whole, in how varied they are, and in which classes they show.

No pretrained network is asked: all of it is distances between samples, so it works for pictures, points and tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor

DIRECTIONS = 128
SHARE = 0.25  # of its fair share of the samples, from which on a class counts as found


def sliced_distance(samples: Tensor, data: Tensor, generator: torch.Generator | None = None) -> float:
    """How far samples lie from the data, in spreads of the data: 0 where both are spread in the same way.

    The sliced Wasserstein distance (Rabin et al., 2011): both (N, …) are looked at from random directions; from each,
    the sorted places are compared. Two halves of the same data are not at 0 either, as they are finite.
    """
    import torch

    count = min(len(samples), len(data))
    if count < 2:
        return 0.0  # one sample has no spread to measure by
    one, other = samples[:count].flatten(1).float(), data[:count].flatten(1).float()
    directions = torch.randn(one.shape[1], DIRECTIONS, generator=generator).to(one.device)
    directions = directions / directions.norm(dim=0)
    apart = ((one @ directions).sort(dim=0).values - (other @ directions).sort(dim=0).values).abs().mean()
    spread = (other @ directions).std(dim=0).mean().clamp_min(1e-12)
    return float(apart / spread)


def variety(samples: Tensor, data: Tensor) -> float:
    """How different samples are from each other, beside the data: 1 as varied, 0 all the same."""
    return float(mean_distance(samples) / mean_distance(data).clamp_min(1e-12))


def mean_distance(given: Tensor) -> Tensor:
    """The mean distance between two of these samples (N, …)."""
    import torch

    apart = torch.pdist(given.flatten(1).float())
    return apart.mean() if apart.numel() else apart.new_zeros(())


def nearest_classes(samples: Tensor, data: Tensor, targets: Tensor) -> Tensor:
    """The class of the real sample that is nearest to each sample."""
    import torch

    return targets[torch.cdist(samples.flatten(1).float(), data.flatten(1).float()).argmin(dim=1)]


def classes_found(named: Tensor, classes: int) -> list[bool]:
    """Which classes have at least a quarter of their fair share of the samples."""
    counts = named.bincount(minlength=classes)
    return [bool(count >= SHARE * len(named) / classes) for count in counts]
