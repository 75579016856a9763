"""Batches of the training split, in an order that follows from the seed and the epoch."""

from __future__ import annotations

import atexit
import itertools
import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypeVar

from trainers.data.augmentation import augment

if TYPE_CHECKING:
    from torch import Tensor

    from trainers.data.augmentation import Augmentation
    from trainers.data.splits import Split


NO_ATTRIBUTES: Mapping[str, Tensor] = MappingProxyType({})
AHEAD = 2  # batches that are read while a step is taken
Item = TypeVar("Item")


class Batch(NamedTuple):
    """What one step is given. N samples, every tensor on the run's device."""

    inputs: tuple[Tensor, ...]  # one for each Input, (N, *shape)
    targets: Tensor
    positions: Tensor | None = None  # (N,): of the samples in the training split; None: all of them, or made anew
    attributes: Mapping[str, Tensor] = NO_ATTRIBUTES  # further facts of each sample, such as its group, (N, …)


class BatchSource(Protocol):
    """Where a run's batches come from; see `Paradigm.batches`."""

    count: int  # steps in an epoch
    size: int  # samples in a step, for samples per second

    def epoch(self, number: int, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch (from 0), from batch `start` on. The same numbers always give the same batches, so
        that a resumed run continues as if it had never stopped."""


class Batches:
    """The training split on the device, batched by index.

    The order of an epoch follows from (seed, epoch) by a generator of its own, so a resumed run finds its position from
    two numbers, and no other random numbers can change it. With augmentations each batch is changed, by random numbers
    that follow from seed, epoch and batch.

    Samples that stay in their file are read by a thread while the steps before them are taken. Where the file is large
    beside the memory, they are shuffled in blocks of it, see `shuffled_in_blocks`.
    """

    def __init__(
        self,
        split: Split,
        batch_size: int | Literal["full"],
        seed: int,
        device: str,
        augmentations: Sequence[Augmentation] = (),
        attributes: Sequence[str] = (),
        task: str = "",
    ) -> None:
        """`attributes`: the names of those attributes of the split that the batches carry. `task`: what the targets
        are, since augmentations move masks along with their images; without it targets stay as they are."""
        self.inputs = tuple(given.to(device) for given in split.inputs)
        self.attributes = {name: split.attributes[name].to(device) for name in attributes if name in split.attributes}
        self.targets = split.targets.to(device)
        self.samples = len(split)
        self.size = self.samples if batch_size == "full" else min(batch_size, self.samples)
        self.seed = seed
        self.augmentations = tuple(augmentations)
        self.task = task
        # A last batch of one sample has no standard deviation for batch normalisation to divide by, and gives a single
        # sample as much weight as a whole batch: it is left out, and another sample is last in the next epoch.
        self.drops_last = self.size > 1 and self.samples % self.size == 1
        self.count = max(1, self.samples // self.size + (self.samples % self.size > 1 if self.size > 1 else 0))
        self._mapped: list[Any] = [given for given in self.inputs if hasattr(type(given), "blocks")]
        # the samples of a block, and how many blocks are mixed; None: all samples are. Kept in checkpoints.
        self.blocks: tuple[int, int] | None = self._mapped[0].blocks_to_shuffle(self._mapped) if self._mapped else None

    def epoch(self, number: int, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch (from 0), from batch `start` on."""
        plain = self._plain(number, start)
        batches = ahead(plain) if self._mapped else plain
        if not self.augmentations:
            yield from batches
            return
        for place, batch in enumerate(batches, start):
            random = (self.seed, number, place)
            inputs, targets = augment(self.augmentations, batch.inputs, batch.targets, *random, self.task)
            yield batch._replace(inputs=inputs, targets=targets)

    def _plain(self, number: int, start: int) -> Iterator[Batch]:
        """The batches as they are in the data set."""
        if self.size == self.samples:  # one batch of everything: its order changes nothing, so nothing is copied
            if start == 0:
                yield Batch(tuple(given[:] for given in self.inputs), self.targets, None, self.attributes)
            return
        order = self._order(number).to(self.targets.device)
        pieces = order.split(self.size)[start : self.count]  # type: ignore[no-untyped-call]
        inputs, targets, attributes = self.inputs, self.targets, self.attributes
        for index in pieces:
            some = {name: given.index_select(0, index) for name, given in attributes.items()} if attributes else {}
            yield Batch(
                tuple(given.index_select(0, index) for given in inputs), targets.index_select(0, index), index, some
            )

    def _order(self, number: int) -> Tensor:
        """The positions of the samples in the order of an epoch, int64 (samples,)."""
        import torch  # here, because looking through this folder for data sets must not import it

        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + number)
        if self.blocks is None:
            return torch.randperm(self.samples, generator=generator)
        return shuffled_in_blocks(self._mapped[0].rows, *self.blocks, generator)


def shuffled_in_blocks(rows: Tensor, size: int, mixed: int, generator: Any) -> Tensor:
    """The positions of samples in a random order that reads a file in blocks instead of jumping through all of it.

    Samples that are neighbours in the file (`rows`, int64 (N,)) make blocks of `size`. The blocks are shuffled, and the
    samples of so many (`mixed`, or some fewer, so that the last ones are not alone) after one another are mixed: a
    batch has samples of all of these.
    """
    import torch

    blocks = rows.argsort().split(size)  # type: ignore[no-untyped-call]
    order = torch.randperm(len(blocks), generator=generator).tolist()
    pieces, groups = [], -(-len(order) // mixed)
    for group in range(groups):
        chosen = order[len(order) * group // groups : len(order) * (group + 1) // groups]
        some = torch.cat([blocks[place] for place in chosen])
        pieces.append(some[torch.randperm(len(some), generator=generator)])
    return torch.cat(pieces)


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same items, of which a thread makes the next ones while one is used. It computes by itself, so as not to take
    the cores from the one that uses them, and ends when nobody takes them."""
    import torch

    made: queue.Queue[tuple[str, Any]] = queue.Queue(AHEAD)
    left = threading.Event()
    has_openmp = torch.backends.openmp.is_available()  # type: ignore[no-untyped-call]

    def hand_over(what: str, item: Any) -> bool:
        while not left.is_set():
            try:
                made.put((what, item), timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def make() -> None:
        try:
            if has_openmp:  # elsewhere the number is one for all threads
                torch.set_num_threads(1)
            for item in items:
                if not hand_over("item", item):
                    return
            hand_over("end", None)
        except BaseException as error:  # raised again where the item is wanted
            hand_over("error", error)

    reader = threading.Thread(target=make, name="netloom reading", daemon=True)

    def end() -> None:
        left.set()
        reader.join()

    atexit.register(end)  # a thread that is in torch when Python ends would abort the process
    reader.start()
    try:
        first = made.get()
        # OpenMP keeps a number for each thread, torch another one for threads that are yet to begin
        torch.set_num_threads(torch.get_num_threads())
        for what, item in itertools.chain([first], iter(made.get, None)):
            if what == "end":
                return
            if what == "error":
                raise item
            yield item
    finally:
        left.set()
        atexit.unregister(end)
