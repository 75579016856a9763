"""The noise schedule of a diffusion model, and the sampler that removes the noise step by step.

Training uses these functions, and model.py of a diffusion network contains their source.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor


def signal_share(schedule: str, timesteps: int) -> Tensor:
    """The signal's share of the variance after each time step, from almost 1 down to almost 0: (timesteps,).

    Known as the cumulative product of the alphas. "linear": Ho et al. 2020, https://arxiv.org/abs/2006.11239;
    "cosine": Nichol and Dhariwal 2021, https://arxiv.org/abs/2102.09672
    """
    if schedule == "cosine":
        angle = (torch.arange(timesteps + 1, dtype=torch.float64) / timesteps + 0.008) / 1.008 * math.pi / 2
        alpha_bar = angle.cos() ** 2
        beta = 1 - alpha_bar[1:] / alpha_bar[:-1]
    else:
        beta = torch.linspace(1e-4, 0.02, timesteps, dtype=torch.float64) * 1000 / timesteps
    return (1 - beta.clamp(max=0.999)).cumprod(0).float()


def denoise(model: Callable[[Tensor, Tensor], Tensor], x: Tensor, share: Tensor, steps: int) -> Iterator[Tensor]:
    """Remove the noise from `x` (N, …) in `steps` steps; yields the sample after each of them.

    The deterministic sampler DDIM: Song et al. 2020, https://arxiv.org/abs/2010.02502
    """
    share = share.to(x.device)
    times = torch.linspace(len(share) - 1, 0, steps).round().long().tolist()
    for time, next_time in zip(times, [*times[1:], None], strict=True):
        with torch.no_grad():
            noise = model(x, torch.full((len(x), 1), time, device=x.device)).to(x.dtype)
        now, then = share[time], share.new_ones(()) if next_time is None else share[next_time]
        clean = ((x - (1 - now).sqrt() * noise) / now.sqrt()).clamp(-1, 1)
        noise = (x - now.sqrt() * clean) / (1 - now).sqrt()  # the noise that belongs to the clamped sample
        x = then.sqrt() * clean + (1 - then).sqrt() * noise
        yield x
