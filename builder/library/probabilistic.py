"""Probabilistic layers: a latent code sampled from a distribution, and weights that are distributions."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def normal_kl(module: nn.Module, prior_std: float) -> Tensor:
    """KL divergence of a Bayesian layer's weights from a normal prior with zero mean, in nats."""
    parameters = dict(module.named_parameters())
    total = parameters["weight_mean"].new_zeros(())
    for name in ("weight", "bias"):
        if f"{name}_mean" in parameters:
            mean, rho = parameters[f"{name}_mean"], parameters[f"{name}_rho"]
            std = nn.functional.softplus(rho) / prior_std
            total = total + ((std.square() + (mean / prior_std).square() - 1) / 2 - std.log()).sum()
    return total


class Reparameterize(nn.Module):
    """Samples from a normal distribution in training, so that gradients reach its parameters; else its mean."""

    def forward(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        if not self.training:
            return mean
        return mean + (log_variance / 2).exp() * torch.randn_like(mean)


class BayesianLinear(nn.Module):
    """A linear layer whose weights are normal distributions: sampled in training, their means in evaluation.

    The outputs are sampled instead of the weights, for each sample of the batch (local reparameterization).
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, prior_std: float = 1.0, initial_std: float = 0.05
    ) -> None:
        super().__init__()
        self.prior_std = prior_std
        bound = 1 / math.sqrt(in_features)  # the same initialisation as torch's linear layer
        rho = math.log(math.expm1(initial_std))  # softplus(rho) is the standard deviation, which is always positive
        self.weight_mean = nn.Parameter(torch.empty(out_features, in_features).uniform_(-bound, bound))
        self.weight_rho = nn.Parameter(torch.full((out_features, in_features), rho))
        self.bias_mean = nn.Parameter(torch.empty(out_features).uniform_(-bound, bound)) if bias else None
        self.bias_rho = nn.Parameter(torch.full((out_features,), rho)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        mean = nn.functional.linear(x, self.weight_mean, self.bias_mean)
        if not self.training:
            return mean
        bias = None if self.bias_rho is None else nn.functional.softplus(self.bias_rho).square()
        variance = nn.functional.linear(x.square(), nn.functional.softplus(self.weight_rho).square(), bias)
        return mean + variance.clamp_min(1e-12).sqrt() * torch.randn_like(mean)

    def kl_divergence(self) -> Tensor:
        """The KL divergence of the weights' distributions from their prior, in nats."""
        return normal_kl(self, self.prior_std)


class BayesianConv2d(nn.Module):
    """A convolution whose weights are normal distributions: sampled in training, their means in evaluation.

    The outputs are sampled instead of the weights, for each pixel of each sample (local reparameterization).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] | str = 0,
        dilation: int | tuple[int, int] = 1,
        groups: int = 1,
        bias: bool = True,
        prior_std: float = 1.0,
        initial_std: float = 0.05,
    ) -> None:
        super().__init__()
        self.stride, self.padding, self.dilation, self.groups = stride, padding, dilation, groups
        self.prior_std = prior_std
        height, width = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
        shape = (out_channels, in_channels // groups, height, width)
        bound = 1 / math.sqrt(math.prod(shape[1:]))  # the same initialisation as torch's convolution
        rho = math.log(math.expm1(initial_std))  # softplus(rho) is the standard deviation, which is always positive
        self.weight_mean = nn.Parameter(torch.empty(shape).uniform_(-bound, bound))
        self.weight_rho = nn.Parameter(torch.full(shape, rho))
        self.bias_mean = nn.Parameter(torch.empty(out_channels).uniform_(-bound, bound)) if bias else None
        self.bias_rho = nn.Parameter(torch.full((out_channels,), rho)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        mean = self.convolve(x, self.weight_mean, self.bias_mean)
        if not self.training:
            return mean
        bias = None if self.bias_rho is None else nn.functional.softplus(self.bias_rho).square()
        filters = nn.functional.softplus(self.weight_rho).square()
        variance = self.convolve(x.square(), filters, bias)
        return mean + variance.clamp_min(1e-12).sqrt() * torch.randn_like(mean)

    def convolve(self, x: Tensor, filters: Tensor, bias: Tensor | None) -> Tensor:
        """The convolution with these filters."""
        return nn.functional.conv2d(x, filters, bias, self.stride, self.padding, self.dilation, self.groups)

    def kl_divergence(self) -> Tensor:
        """The KL divergence of the weights' distributions from their prior, in nats."""
        return normal_kl(self, self.prior_std)
