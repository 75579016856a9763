"""The losses that torch does not have, as functions of output, target and options. train.py has their source."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def focal_loss(output: Tensor, target: Tensor, gamma: float, weight: Tensor | None = None) -> Tensor:
    """Cross-entropy with less weight on what is correct already, so that rare classes count more.

    Logits (N, classes, …), targets (N, …). Lin et al., Focal Loss for Dense Object Detection (2017).
    """
    from torch import nn

    logarithms = output.log_softmax(dim=1)
    right = logarithms.gather(1, target.unsqueeze(1)).squeeze(1).exp()
    loss: Tensor = nn.functional.nll_loss(logarithms, target, weight, reduction="none")
    return ((1 - right) ** gamma * loss).mean()


def dice_loss(output: Tensor, target: Tensor, smooth: float) -> Tensor:
    """One minus the overlap of the predicted with the true areas, the mean over the classes.

    Logits (N, classes, height, width), targets (N, height, width). Milletari et al., V-Net (2016).
    """
    import torch

    predicted = output.float().softmax(dim=1)
    true = torch.zeros_like(predicted).scatter_(1, target.unsqueeze(1), 1.0)
    places = (0, *range(2, predicted.ndim))
    both = (predicted * true).sum(places)
    return 1 - ((2 * both + smooth) / (predicted.sum(places) + true.sum(places) + smooth)).mean()


def quantile_loss(output: Tensor, target: Tensor, q: float) -> Tensor:
    """Pinball loss: minimal at the value below which a share `q` of the targets lies; 0.9 is an upper estimate.

    Outputs and targets of one shape. Koenker and Bassett, Regression Quantiles (1978).
    """
    import torch

    error = target - output
    return torch.maximum(q * error, (q - 1) * error).mean()
