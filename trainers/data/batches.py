"""Batches: every training sample once an epoch, in an order that follows from the seed and the epoch alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor

    from trainers.data.augmentation import Augmentation
    from trainers.data.splits import Split


class Batches:
    """The training part on the device, batched by index.

    The order of an epoch is drawn from (seed, epoch) by a generator of its own, so a resumed run finds its place from
    two numbers, and nothing else that draws random numbers can change it. With augmentations every batch is changed,
    by numbers that follow from seed, epoch and batch.
    """

    def __init__(
        self,
        split: Split,
        batch_size: int | Literal["full"],
        seed: int,
        device: str,
        augmentations: Sequence[Augmentation] = (),
    ) -> None:
        self.inputs = tuple(given.to(device) for given in split.inputs)
        self.targets = split.targets.to(device)
        self.samples = len(split)
        self.size = self.samples if batch_size == "full" else min(batch_size, self.samples)
        self.seed = seed
        self.augmentations = tuple(augmentations)
        # A last batch of one sample has no spread for batch normalisation to divide by, and counts a single sample as
        # much as a whole batch: it is left out, and another sample is last in the next epoch.
        self.drops_last = self.size > 1 and self.samples % self.size == 1
        self.count = max(1, self.samples // self.size + (self.samples % self.size > 1 if self.size > 1 else 0))

    def epoch(self, number: int, start: int = 0) -> Iterator[tuple[tuple[Tensor, ...], Tensor]]:
        """The batches of an epoch (from 0), from batch `start` on."""
        if not self.augmentations:
            yield from self._plain(number, start)
            return
        from trainers.data.augmenter import augment

        for batch, (inputs, targets) in enumerate(self._plain(number, start), start):
            yield augment(self.augmentations, inputs, targets, self.seed, number, batch)

    def _plain(self, number: int, start: int) -> Iterator[tuple[tuple[Tensor, ...], Tensor]]:
        """The batches as they are in the data set."""
        if self.size == self.samples:  # one batch of everything: its order changes nothing, so nothing is copied
            if start == 0:
                yield self.inputs, self.targets
            return
        import torch  # here, because looking through this folder for data sets must not import it

        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + number)
        order = torch.randperm(self.samples, generator=generator).to(self.targets.device)
        pieces = order.split(self.size)[start : self.count]  # type: ignore[no-untyped-call]
        inputs, targets = self.inputs, self.targets
        for index in pieces:
            yield tuple(given.index_select(0, index) for given in inputs), targets.index_select(0, index)
