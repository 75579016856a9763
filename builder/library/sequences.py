"""Positional encodings of sequences, the class token, and the embedding of a diffusion model's time step."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class PositionalEmbedding(nn.Module):
    """Adds a learned vector to each position of a sequence."""

    def __init__(self, embedding_dim: int, max_len: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(0.02 * torch.randn(max_len, embedding_dim))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.weight[: x.shape[1]]


class SinusoidalEncoding(nn.Module):
    """Adds sines and cosines of decreasing frequency, which encode the position of each step."""

    table: Tensor

    def __init__(self, length: int, features: int) -> None:
        super().__init__()
        position = torch.arange(length).unsqueeze(1)
        angle = position * torch.exp(torch.arange(0, features, 2) * (-math.log(10000.0) / features))
        self.register_buffer("table", torch.stack([angle.sin(), angle.cos()], dim=2).flatten(1)[:, :features])

    def forward(self, x: Tensor) -> Tensor:
        return x + self.table[: x.shape[1]]


class ClassToken(nn.Module):
    """Prepends one learned vector to each sequence."""

    def __init__(self, embedding_dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(0.02 * torch.randn(1, 1, embedding_dim))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.weight.expand(x.shape[0], -1, -1), x], dim=1)


class TimestepEmbedding(nn.Module):
    """Sines and cosines of decreasing frequency at a time step, an integer."""

    frequencies: Tensor

    def __init__(self, embedding_dim: int, max_period: int = 10_000) -> None:
        super().__init__()
        self.embedding_dim = embedding_dim
        half = (embedding_dim + 1) // 2
        self.register_buffer("frequencies", torch.exp(torch.arange(half) * (-math.log(max_period) / half)))

    def forward(self, step: Tensor) -> Tensor:
        angle = step * self.frequencies
        return torch.cat([angle.sin(), angle.cos()], dim=1)[:, : self.embedding_dim]
