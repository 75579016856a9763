"""A classifier trained apart, which says what drawn digits look like: tests of samplers ask it, and never train it."""

from __future__ import annotations

import functools
from typing import NamedTuple

import torch
from torch import Tensor, nn

from trainers.data import dataset
from trainers.data.splits import prepare

LEAST = 0.97  # accuracy on digits that it has not seen, below which its word counts for nothing


class Opinion(NamedTuple):
    """What the judge says of pictures: how sure it is on average, and how many of each digit it sees."""

    confidence: float
    counts: list[int]

    @property
    def classes(self) -> int:
        """How many digits there are at least one hundredth of."""
        return sum(count >= 0.01 * sum(self.counts) for count in self.counts)


def opinion(pictures: Tensor) -> Opinion:
    """The judge's word on pictures (N, 1, 28, 28) from 0 (ground) to 1 (stroke)."""
    network = judge()  # trained outside of inference mode, where nothing could be learned
    with torch.inference_mode():
        chances = network(pictures.float()).softmax(dim=1)
    confidence, said = chances.max(dim=1)
    return Opinion(float(confidence.mean()), torch.bincount(said, minlength=10).tolist())


@functools.cache
def judge() -> nn.Module:
    """A small convolutional network, trained once for all tests of a session on the digits of mnist_10k."""
    parts = prepare(dataset({"name": "mnist_10k"}), 0.0, 0.1, 7, scaling="unit")
    pictures, digits = parts.training.inputs[0], parts.training.targets
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
            nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32 * 49, 64), nn.ReLU(), nn.Linear(64, 10),
        )  # fmt: skip
        optimizer = torch.optim.Adam(network.parameters(), lr=0.001)
        batches = [order for _ in range(4) for order in torch.randperm(len(pictures)).split(64)]
        pace = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.006, total_steps=len(batches))
        for order in batches:
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(pictures[order]), digits[order]).backward()
            optimizer.step()
            pace.step()
    network.eval()
    with torch.inference_mode():
        right = network(parts.test.inputs[0]).argmax(dim=1) == parts.test.targets
    accuracy = float(right.float().mean())
    assert accuracy >= LEAST, f"the judge knows {accuracy:.1%} of the digits only"
    return network
