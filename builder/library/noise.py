"""Random layers that torch does not have. In evaluation mode they return their input unchanged."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class GaussianNoise(nn.Module):
    """Adds normal noise with the standard deviation `std` in training."""

    def __init__(self, std: float = 0.1) -> None:
        super().__init__()
        self.std = std

    def forward(self, x: Tensor) -> Tensor:
        return x + self.std * torch.randn_like(x) if self.training else x


class StochasticDepth(nn.Module):
    """Sets whole samples to zero in training, each with probability `p`, and scales the others by 1 / (1 - p)."""

    def __init__(self, p: float = 0.1) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        kept = torch.rand(x.shape[:1] + (1,) * (x.dim() - 1), device=x.device, dtype=x.dtype) >= self.p
        return x * kept / max(1 - self.p, 1e-6)
