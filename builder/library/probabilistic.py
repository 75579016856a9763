"""Layers that draw numbers: a latent code from its distribution, and weights that are distributions themselves."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class Reparameterize(nn.Module):
    """Draws from a normal distribution in training, by a noise that gradients pass by; its mean in prediction."""

    def forward(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        if not self.training:
            return mean
        return mean + (log_variance / 2).exp() * torch.randn_like(mean)


class BayesianLinear(nn.Module):
    """A linear layer whose weights are normal distributions: it draws in training, takes their means in prediction.

    Each sample draws its own outputs, by the mean and the variance that random weights would give them.
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, prior_std: float = 1.0, initial_std: float = 0.05
    ) -> None:
        super().__init__()
        self.prior_std = prior_std
        bound = 1 / math.sqrt(in_features)  # as torch's own linear layer starts
        rho = math.log(math.expm1(initial_std))  # softplus(rho) is the standard deviation, always above zero
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
        """How far the weights' distributions are from their prior, in nats: the price of what they have learned."""
        total = self.weight_mean.new_zeros(())
        for mean, rho in ((self.weight_mean, self.weight_rho), (self.bias_mean, self.bias_rho)):
            if mean is not None and rho is not None:
                std = nn.functional.softplus(rho) / self.prior_std
                total = total + ((std.square() + (mean / self.prior_std).square() - 1) / 2 - std.log()).sum()
        return total


class BayesianConv2d(nn.Module):
    """A convolution whose filters are normal distributions: it draws in training, takes their means in prediction.

    Each pixel of each sample draws its own outputs, by the mean and the variance that random filters would give them.
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
        bound = 1 / math.sqrt(math.prod(shape[1:]))  # as torch's own convolution starts
        rho = math.log(math.expm1(initial_std))  # softplus(rho) is the standard deviation, always above zero
        self.weight_mean = nn.Parameter(torch.empty(shape).uniform_(-bound, bound))
        self.weight_rho = nn.Parameter(torch.full(shape, rho))
        self.bias_mean = nn.Parameter(torch.empty(out_channels).uniform_(-bound, bound)) if bias else None
        self.bias_rho = nn.Parameter(torch.full((out_channels,), rho)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        mean = self.slide(x, self.weight_mean, self.bias_mean)
        if not self.training:
            return mean
        bias = None if self.bias_rho is None else nn.functional.softplus(self.bias_rho).square()
        filters = nn.functional.softplus(self.weight_rho).square()
        variance = self.slide(x.square(), filters, bias)
        return mean + variance.clamp_min(1e-12).sqrt() * torch.randn_like(mean)

    def slide(self, x: Tensor, filters: Tensor, bias: Tensor | None) -> Tensor:
        """The convolution itself."""
        return nn.functional.conv2d(x, filters, bias, self.stride, self.padding, self.dilation, self.groups)

    def kl_divergence(self) -> Tensor:
        """How far the filters' distributions are from their prior, in nats: the price of what they have learned."""
        total = self.weight_mean.new_zeros(())
        for mean, rho in ((self.weight_mean, self.weight_rho), (self.bias_mean, self.bias_rho)):
            if mean is not None and rho is not None:
                std = nn.functional.softplus(rho) / self.prior_std
                total = total + ((std.square() + (mean / self.prior_std).square() - 1) / 2 - std.log()).sum()
        return total
