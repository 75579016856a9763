"""Learned tensors that are not the weights of another layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class LearnedTensor(nn.Module):
    """One learned tensor, the same for every sample of the batch."""

    def __init__(self, shape: tuple[int, ...], init: str | float = "normal") -> None:
        super().__init__()
        start = {"normal": 0.02 * torch.randn(shape), "zeros": torch.zeros(shape), "ones": torch.ones(shape)}
        self.value = nn.Parameter(start[init] if isinstance(init, str) else torch.full(shape, float(init)))

    def forward(self, like: Tensor) -> Tensor:
        return self.value.expand(like.shape[0], *self.value.shape)


class Scale(nn.Module):
    """Multiplies each channel by a learned number."""

    def __init__(self, channels: int, axes_behind: int, init: float = 1.0) -> None:
        super().__init__()
        self.axes_behind = axes_behind
        self.weight = nn.Parameter(torch.full((channels,), init))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight.reshape(-1, *(1,) * self.axes_behind)
