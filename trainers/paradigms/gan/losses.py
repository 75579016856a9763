"""The games that two networks can play: one draws samples, the other tells them from real ones.

Each game says what the discriminator makes small, what the generator makes small, and from which score on the
discriminator takes a sample for real. Scores are plain numbers (N, 1), without a sigmoid: the losses squash them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from torch import Tensor


class GanLoss(ABC):
    """What the two sides make small."""

    penalised: ClassVar[bool] = False  # its discriminator's slope is kept at 1 by a gradient penalty

    @abstractmethod
    def discriminator(self, real: Tensor, false: Tensor, smoothing: float) -> Tensor:
        """The discriminator's loss from its scores of real and of false samples."""

    @abstractmethod
    def generator(self, false: Tensor) -> Tensor:
        """The generator's loss from the discriminator's scores of its samples."""

    def boundary(self, real: Tensor, false: Tensor) -> Tensor | float:
        """The score from which on a sample counts as taken for real."""
        return 0.0


class NonSaturating(GanLoss):
    """The generator makes its samples' probability of being real large: -log D(G(z)), which has a slope even when the
    discriminator is sure (Goodfellow et al., Generative Adversarial Nets, 2014, section 3). Smoothing takes 1 - s for
    the label of real samples alone (Salimans et al., Improved Techniques for Training GANs, 2016)."""

    def discriminator(self, real: Tensor, false: Tensor, smoothing: float) -> Tensor:
        from torch.nn.functional import softplus

        # binary cross-entropy of the label y: softplus(score) - y · score
        return (softplus(real) - (1 - smoothing) * real).mean() + softplus(false).mean()

    def generator(self, false: Tensor) -> Tensor:
        from torch.nn.functional import softplus

        return softplus(-false).mean()


class LeastSquares(GanLoss):
    """Scores are drawn to 1 for real and to 0 for false samples, by squares (Mao et al., Least Squares GAN, 2017)."""

    def discriminator(self, real: Tensor, false: Tensor, smoothing: float) -> Tensor:
        return 0.5 * (real - (1 - smoothing)).square().mean() + 0.5 * false.square().mean()

    def generator(self, false: Tensor) -> Tensor:
        return 0.5 * (false - 1).square().mean()

    def boundary(self, real: Tensor, false: Tensor) -> Tensor | float:
        return 0.5


class Hinge(GanLoss):
    """Scores beyond 1 and -1 count no further, so the discriminator looks at what is hard to tell (Lim and Ye,
    Geometric GAN, 2017; Miyato et al., Spectral Normalization for GANs, 2018)."""

    def discriminator(self, real: Tensor, false: Tensor, smoothing: float) -> Tensor:
        return (1 - smoothing - real).relu().mean() + (1 + false).relu().mean()

    def generator(self, false: Tensor) -> Tensor:
        return -false.mean()


class Wasserstein(GanLoss):
    """The scores' difference estimates how far the samples would have to be moved to become the data, if the slope of
    the discriminator (here: the critic) is at most 1 (Arjovsky et al., Wasserstein GAN, 2017). A penalty sees to that
    (Gulrajani et al., Improved Training of Wasserstein GANs, 2017)."""

    penalised = True

    def discriminator(self, real: Tensor, false: Tensor, smoothing: float) -> Tensor:
        return false.mean() - real.mean()

    def generator(self, false: Tensor) -> Tensor:
        return -false.mean()

    def boundary(self, real: Tensor, false: Tensor) -> Tensor | float:
        return (real.mean() + false.mean()) / 2  # its scores have no zero of their own


GAN_LOSSES: dict[str, GanLoss] = {
    "non_saturating": NonSaturating(),
    "wasserstein": Wasserstein(),
    "hinge": Hinge(),
    "least_squares": LeastSquares(),
}


def gradient_penalty(judge: Callable[[Tensor], Tensor], real: Tensor, false: Tensor) -> Tensor:
    """The mean squared distance from 1 of the slope of `judge`, at random points between real and false samples.

    Gulrajani et al., 2017, equation 3, without its factor λ. Both (N, …); draws N numbers of torch's own generator.
    """
    import torch

    place = torch.rand(len(real), *[1] * (real.ndim - 1), device=real.device)
    between = (place * real + (1 - place) * false).requires_grad_()
    with torch.enable_grad():
        scores = judge(between).sum()
    (slope,) = torch.autograd.grad(scores, between, create_graph=True)
    penalty: Tensor = (slope.flatten(1).norm(dim=1) - 1).square().mean()
    return penalty
