"""A classifier of digits for tests of generators: it is trained separately, and says which digits were generated."""

from __future__ import annotations

import functools
from typing import NamedTuple

import torch
from torch import Tensor, nn

from trainers.data import dataset
from trainers.data.splits import prepare

LEAST = 0.97  # test accuracy that the classifier needs, before its predictions count


class Classified(NamedTuple):
    """The classifier's mean confidence, and how many images of each digit it finds."""

    confidence: float
    counts: list[int]

    @property
    def classes(self) -> int:
        """How many digits have at least one hundredth of the images."""
        return sum(count >= 0.01 * sum(self.counts) for count in self.counts)


def classify(images: Tensor) -> Classified:
    """The predictions for images (N, 1, 28, 28) from 0 (background) to 1 (stroke)."""
    network = classifier()  # outside of inference mode, where it could not be trained
    with torch.inference_mode():
        probabilities = network(images.float()).softmax(dim=1)
    confidence, predicted = probabilities.max(dim=1)
    return Classified(float(confidence.mean()), torch.bincount(predicted, minlength=10).tolist())


@functools.cache
def classifier() -> nn.Module:
    """A small convolutional network, trained once for all tests on the digits of mnist_10k."""
    parts = prepare(dataset({"name": "mnist_10k"}), 0.0, 0.1, 7, scaling="unit")
    images, digits = parts.training.inputs[0], parts.training.targets
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        convolutions = (nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1))
        head = (nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32 * 49, 64), nn.ReLU(), nn.Linear(64, 10))
        network = nn.Sequential(*convolutions, *head)
        optimizer = torch.optim.Adam(network.parameters(), lr=0.001)
        batches = [order for _ in range(2) for order in torch.randperm(len(images)).split(64)]
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.006, total_steps=len(batches))
        for order in batches:
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(images[order]), digits[order]).backward()
            optimizer.step()
            schedule.step()
    network.eval()
    with torch.inference_mode():
        correct = network(parts.test.inputs[0]).argmax(dim=1) == parts.test.targets
    accuracy = float(correct.float().mean())
    assert accuracy >= LEAST, f"the classifier has an accuracy of only {accuracy:.1%}"
    return network
