"""Inputs that stay in their file, mapped into memory and scaled batch by batch: large data, and images as bytes.

Images are kept as bytes (uint8, 0 to 255) and stand for numbers from 0 to 1. What is small is made floats at once, what
is large when a batch asks for it; both go through `scaled`, so they give the same numbers.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainers import stages
from trainers.data.base import HELD
from trainers.data.scaling import Scaling, Standardisation
from trainers.memory import main_memory

if TYPE_CHECKING:
    Indices = NDArray[np.int64]

BLOCK = 64 * 2**20  # bytes as floats that are looked at at once
SHARE = 0.5  # of the memory: a file that is larger is read in blocks instead of sample by sample
ORDERED = 2**20  # bytes of such a block
MIXED = 0.125  # of the memory: blocks whose samples are mixed
WHITE = 255  # the byte that stands for 1


def given_input(array: NDArray[Any], indices: Indices, figures: Standardisation | None) -> Tensor:
    """Some samples of an input as training takes them: a tensor, or a `MappedInput` where they are many in a file."""
    numbers = len(indices) * int(np.prod(array.shape[1:]))
    if isinstance(array, np.memmap) and numbers * 4 > HELD:
        return cast(Tensor, MappedInput(tensor_of(array), torch.from_numpy(indices), figures))
    return scaled(torch.from_numpy(array[indices]), figures)


def tensor_of(array: NDArray[Any]) -> Tensor:
    """The array as a tensor that shares its memory. Nothing writes to it, so it may be read-only."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # torch warns of arrays that it must not write to
        return torch.from_numpy(array)


def scaled(raw: Tensor, figures: Standardisation | None) -> Tensor:
    """Samples filled and scaled: bytes as new floats, floats in place."""
    if raw.dtype == torch.uint8:
        mean, std = (0.0, 1.0) if figures is None else _tensors(figures, raw.device)[:2]
        factor = torch.as_tensor(1 / (WHITE * std), dtype=torch.float32, device=raw.device)
        shift = torch.as_tensor(mean / std, dtype=torch.float32, device=raw.device)
        return raw.float().mul_(factor).sub_(shift)  # torch.mul(raw, factor) takes seven times as long
    if figures is None:
        return raw
    mean, std, fill = _tensors(figures, raw.device)
    if fill is not None:
        torch.where(raw.isnan(), fill, raw, out=raw)
    return raw.sub_(mean).div_(std)


def _tensors(figures: Standardisation, device: Any) -> tuple[Any, Any, Any]:
    arrays = (figures.mean, figures.std, figures.fill)
    return tuple(None if array is None else torch.from_numpy(array).to(device) for array in arrays)  # type: ignore[return-value]


def byte_figures(array: NDArray[np.uint8], training: Indices, scaling: Scaling) -> Standardisation | None:
    """What scales images of bytes (N, channels, height, width), from the training samples alone, block by block.

    It is that of the numbers from 0 to 1 that they stand for, so it also scales new images.
    """
    if scaling == "none":
        return None
    rows, channels = np.sort(training), array.shape[1]
    sums, squared, low, high = np.zeros(channels, np.int64), np.zeros(channels, np.int64), WHITE, 0
    step = max(1, BLOCK // (4 * int(np.prod(array.shape[1:]))))
    for start in range(0, len(rows), step):
        stages.say("Measuring the training samples", start, len(rows))
        raw = array[rows[start : start + step]]
        each = raw.reshape(len(raw) * channels, -1)
        exact = np.uint32 if each.shape[1] * WHITE**2 < 2**32 else np.uint64  # whole numbers: a twentieth of the time
        sums += each.sum(1, dtype=exact).reshape(-1, channels).sum(0, dtype=np.int64)
        squared += np.multiply(each, each, dtype=np.uint16).sum(1, dtype=exact).reshape(-1, channels).sum(0, np.int64)
        low, high = min(low, int(raw.min())), max(high, int(raw.max()))
    total, squares = torch.from_numpy(sums.astype(np.float64)), torch.from_numpy(squared.astype(np.float64))
    count = len(rows) * int(np.prod(array.shape[2:]))
    if scaling == "standard":
        mean = total / count
        std = (squares / count - mean**2).clamp(min=0).sqrt()
        std[std < 1e-3] = WHITE  # what is constant has a standard deviation of 1
    else:
        width = float(max(high - low, 1))
        signed = scaling == "signed"
        mean = torch.tensor([(low + high) / 2 if signed else low])
        std = torch.tensor([width / 2 if signed else width])
    shape = (-1, *[1] * (array.ndim - 2))
    return Standardisation(*((each / WHITE).float().numpy().reshape(shape) for each in (mean, std)))


class MappedInput:
    """One input of a part of the data that stays in its file, in place of a float32 tensor (N, …).

    Indexing gives tensors, filled and scaled. Everything else that a tensor can do works as well, and holds all samples
    in memory for that time; training and evaluation never do.
    """

    dtype = torch.float32

    def __init__(self, stored: Tensor, rows: Tensor, figures: Standardisation | None) -> None:
        """`stored`: all samples of the data set; `rows` int64 (N,): those of this part."""
        self.stored, self.rows, self.figures = stored, rows, figures
        if stored.dtype != torch.uint8:
            self.dtype = stored.dtype

    @property
    def shape(self) -> torch.Size:
        return torch.Size((len(self.rows), *self.stored.shape[1:]))

    @property
    def ndim(self) -> int:
        return self.stored.ndim

    @property
    def device(self) -> torch.device:
        return self.stored.device

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> Tensor:
        first, *rest = index if isinstance(index, tuple) else (index,)
        chosen = self.rows[torch.from_numpy(first) if isinstance(first, np.ndarray) else first]
        found = self._read(chosen.reshape(-1))
        found = found.reshape(*chosen.shape, *found.shape[1:])
        return found[(slice(None), *rest)] if rest else found

    def __iter__(self) -> Iterator[Tensor]:
        return (self[place] for place in range(len(self)))

    def index_select(self, dim: int, index: Tensor) -> Tensor:
        """Some samples as a tensor, for `dim` 0; else like a tensor."""
        if dim != 0:
            return self.whole().index_select(dim, index)
        return self._read(self.rows.index_select(0, index))

    def _read(self, places: Tensor) -> Tensor:
        return scaled(self.stored.index_select(0, places), self.figures)

    def split(self, size: int) -> Iterator[Tensor]:
        """Batches of so many samples, in order, each read when it is asked for."""
        return (self[start : start + size] for start in range(0, len(self), size))

    def to(self, device: Any) -> MappedInput:
        """The same on a device: its samples are copied there as they are stored, bytes as bytes."""
        if torch.device(device).type == self.device.type:
            return self
        step = max(1, BLOCK // max(1, self.stored[0].numel() * self.stored.element_size()))
        pieces = [self.stored.index_select(0, rows).to(device) for rows in self.rows.split(step)]  # type: ignore[no-untyped-call]
        return MappedInput(torch.cat(pieces), torch.arange(len(self), device=device), self.figures)

    @staticmethod
    def blocks_to_shuffle(inputs: Sequence[MappedInput]) -> tuple[int, int] | None:
        """How inputs that are larger than a share of the memory are shuffled: the samples of a block, and how many
        blocks are mixed. None: all samples are mixed, for their files stay in memory."""
        stored = [given.stored for given in inputs if given.device.type == "cpu"]
        memory = main_memory()
        size = sum(each.numel() * each.element_size() for each in stored)
        if memory is None or size <= SHARE * memory[1]:
            return None
        sample = sum(each[0].numel() * each.element_size() for each in stored)
        return max(1, ORDERED // sample), max(2, int(MIXED * memory[1]) // max(ORDERED, sample))

    def blocks(self) -> Iterator[Tensor]:
        """The samples in order and as they are stored, some at a time."""
        step = max(1, BLOCK // max(1, self.stored[0].numel() * 4))
        for rows in self.rows.split(step):  # type: ignore[no-untyped-call]
            yield self.stored.index_select(0, rows)

    def mean(self, dim: int | None = None, keepdim: bool = False) -> Tensor:
        """The mean over the samples (`dim` 0), block by block; else like a tensor."""
        if dim != 0:
            return self.whole().mean() if dim is None else self.whole().mean(dim, keepdim)
        total = sum(scaled(raw, self.figures).sum(0, dtype=torch.float64) for raw in self.blocks())
        found = (torch.as_tensor(total) / len(self)).float()
        return found[None] if keepdim else found

    def whole(self) -> Tensor:
        """All samples as a tensor in memory."""
        return self[:]

    def is_floating_point(self) -> bool:
        """As of a tensor."""
        return self.dtype.is_floating_point

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.whole(), name)

    @classmethod
    def __torch_function__(
        cls, function: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        def given(value: Any) -> Any:
            if isinstance(value, MappedInput):
                return value.whole()
            return type(value)(map(given, value)) if type(value) in (list, tuple) else value

        return function(*map(given, args), **{key: given(value) for key, value in (kwargs or {}).items()})
