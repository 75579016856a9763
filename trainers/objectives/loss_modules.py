"""Losses that torch.nn does not have, as modules that need torch alone: train.py prints them as they stand here."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class FocalLoss(nn.Module):
    """Cross-entropy in which what is right already counts little, so that rare classes are heard.

    Logits (N, classes, …), targets (N, …). Lin et al., Focal Loss for Dense Object Detection (2017).
    """

    weight: Tensor | None

    def __init__(self, gamma: float = 2.0, weight: Tensor | None = None) -> None:
        super().__init__()
        self.gamma = gamma
        self.register_buffer("weight", weight)

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        logarithms = output.log_softmax(dim=1)
        right = logarithms.gather(1, target.unsqueeze(1)).squeeze(1).exp()
        loss = nn.functional.nll_loss(logarithms, target, self.weight, reduction="none")
        return ((1 - right) ** self.gamma * loss).mean()


class DiceLoss(nn.Module):
    """One minus the overlap of what is said with what is true, the mean over the classes: large grounds do not drown
    small objects.

    Logits (N, classes, height, width), targets (N, height, width). Milletari et al., V-Net (2016).
    """

    def __init__(self, smooth: float = 1.0) -> None:
        super().__init__()
        self.smooth = smooth

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        said = output.float().softmax(dim=1)
        true = torch.zeros_like(said).scatter_(1, target.unsqueeze(1), 1.0)
        places = (0, *range(2, said.ndim))
        both = (said * true).sum(places)
        return 1 - ((2 * both + self.smooth) / (said.sum(places) + true.sum(places) + self.smooth)).mean()


class QuantileLoss(nn.Module):
    """Pinball loss: the value below which a share `q` of the truth lies; 0.9 is a cautious upper bound.

    Outputs and targets of one shape. Koenker and Bassett, Regression Quantiles (1978).
    """

    def __init__(self, q: float = 0.5) -> None:
        super().__init__()
        self.q = q

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        error = target - output
        return torch.maximum(self.q * error, (self.q - 1) * error).mean()
