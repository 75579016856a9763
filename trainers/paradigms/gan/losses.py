"""GAN losses: what the generator and the discriminator minimise.

The discriminator outputs one score per sample, (N, 1), without a sigmoid. Each loss also defines the score above which
a sample is classified as real.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from torch import Tensor


class GanLoss(ABC):
    """The losses of both networks, computed from the discriminator's scores."""

    uses_gradient_penalty: ClassVar[bool] = False  # keeps the norm of the discriminator's gradient at 1

    @abstractmethod
    def discriminator(self, real: Tensor, fake: Tensor, smoothing: float) -> Tensor:
        """The discriminator's loss from its scores of real and of fake samples."""

    @abstractmethod
    def generator(self, fake: Tensor) -> Tensor:
        """The generator's loss from the discriminator's scores of its samples."""

    def threshold(self, real: Tensor, fake: Tensor) -> Tensor | float:
        """The score above which a sample is classified as real."""
        return 0.0


class NonSaturating(GanLoss):
    """Binary cross-entropy; the generator minimises -log D(G(z)), whose gradient does not vanish when the discriminator
    is confident (Goodfellow et al., Generative Adversarial Nets, 2014, section 3). Label smoothing replaces the label 1
    of real samples by 1 - smoothing (Salimans et al., Improved Techniques for Training GANs, 2016)."""

    def discriminator(self, real: Tensor, fake: Tensor, smoothing: float) -> Tensor:
        from torch.nn.functional import softplus

        # binary cross-entropy of the label y: softplus(score) - y · score
        return (softplus(real) - (1 - smoothing) * real).mean() + softplus(fake).mean()

    def generator(self, fake: Tensor) -> Tensor:
        from torch.nn.functional import softplus

        return softplus(-fake).mean()


class LeastSquares(GanLoss):
    """Squared error of the scores, with target 1 for real and 0 for fake samples (Mao et al., Least Squares GAN,
    2017)."""

    def discriminator(self, real: Tensor, fake: Tensor, smoothing: float) -> Tensor:
        return 0.5 * (real - (1 - smoothing)).square().mean() + 0.5 * fake.square().mean()

    def generator(self, fake: Tensor) -> Tensor:
        return 0.5 * (fake - 1).square().mean()

    def threshold(self, real: Tensor, fake: Tensor) -> Tensor | float:
        return 0.5


class Hinge(GanLoss):
    """Scores above 1 for real and below -1 for fake samples add no loss, so the discriminator learns from samples that
    are hard to classify (Lim and Ye, Geometric GAN, 2017; Miyato et al., Spectral Normalization for GANs, 2018)."""

    def discriminator(self, real: Tensor, fake: Tensor, smoothing: float) -> Tensor:
        return (1 - smoothing - real).relu().mean() + (1 + fake).relu().mean()

    def generator(self, fake: Tensor) -> Tensor:
        return -fake.mean()


class Wasserstein(GanLoss):
    """The difference of the mean scores estimates the Wasserstein distance between generated samples and data, if the
    norm of the discriminator's gradient is at most 1 (Arjovsky et al., Wasserstein GAN, 2017; the discriminator is
    called critic there). A gradient penalty enforces that (Gulrajani et al., Improved Training of Wasserstein GANs,
    2017)."""

    uses_gradient_penalty = True

    def discriminator(self, real: Tensor, fake: Tensor, smoothing: float) -> Tensor:
        return fake.mean() - real.mean()

    def generator(self, fake: Tensor) -> Tensor:
        return -fake.mean()

    def threshold(self, real: Tensor, fake: Tensor) -> Tensor | float:
        return (real.mean() + fake.mean()) / 2  # the loss only sees differences, so zero has no meaning


GAN_LOSSES: dict[str, GanLoss] = {
    "non_saturating": NonSaturating(),
    "wasserstein": Wasserstein(),
    "hinge": Hinge(),
    "least_squares": LeastSquares(),
}


def gradient_penalty(discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor:
    """The mean of (gradient norm - 1)² at random points between real and fake samples, both (N, …).

    Gulrajani et al., 2017, equation 3, without its factor λ. Takes N numbers from torch's global random state.
    """
    import torch

    weight = torch.rand(len(real), *[1] * (real.ndim - 1), device=real.device)
    points = (weight * real + (1 - weight) * fake).requires_grad_()
    with torch.enable_grad():
        scores = discriminator(points).sum()
    (gradient,) = torch.autograd.grad(scores, points, create_graph=True)
    penalty: Tensor = (gradient.flatten(1).norm(dim=1) - 1).square().mean()
    return penalty
