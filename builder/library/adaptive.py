"""Adaptive pooling written with operations that every format has."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class AdaptiveWindows(nn.Module):
    """Adaptive pooling of the last axes as slices: window i of n values is from floor(i·n / o) to ceil((i + 1)·n / o).

    Windows of unequal lengths are rectangles, so the axes can be pooled one after the other. Equal to torch's.
    """

    def __init__(self, output_size: tuple[int, ...], largest: bool) -> None:
        super().__init__()
        self.output_size = output_size
        self.largest = largest

    def forward(self, x: Tensor) -> Tensor:
        for axis, count in enumerate(reversed(self.output_size), start=1):
            size = x.shape[-axis]
            windows = []
            for number in range(count):
                start, end = number * size // count, -(-(number + 1) * size // count)
                window = x.narrow(-axis, start, end - start)
                windows.append(window.amax(-axis, keepdim=True) if self.largest else window.mean(-axis, keepdim=True))
            x = torch.cat(windows, -axis)
        return x
