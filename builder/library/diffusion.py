"""How noise is laid over a picture step by step, and taken off again: what a denoising network is used with.

Training uses these functions, and model.py of a diffusion network prints their source: they need torch and math alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor


def signal_share(schedule: str, timesteps: int) -> Tensor:
    """How much of a picture's variance is left after each time step, from almost 1 to almost 0: (timesteps,)."""
    if schedule == "cosine":
        angle = (torch.arange(timesteps + 1, dtype=torch.float64) / timesteps + 0.008) / 1.008 * math.pi / 2
        left = angle.cos() ** 2
        lost = 1 - left[1:] / left[:-1]
    else:
        lost = torch.linspace(1e-4, 0.02, timesteps, dtype=torch.float64) * 1000 / timesteps
    return (1 - lost.clamp(max=0.999)).cumprod(0).float()


def denoise(model: Callable[[Tensor, Tensor], Tensor], x: Tensor, share: Tensor, steps: int) -> Iterator[Tensor]:
    """Pictures out of noise `x` (N, …) in so many steps; gives what they look like after each of them."""
    share = share.to(x.device)
    places = torch.linspace(len(share) - 1, 0, steps).round().long().tolist()
    for place, after in zip(places, [*places[1:], None], strict=True):
        with torch.no_grad():
            noise = model(x, torch.full((len(x), 1), place, device=x.device)).to(x.dtype)
        now, then = share[place], share.new_ones(()) if after is None else share[after]
        picture = ((x - (1 - now).sqrt() * noise) / now.sqrt()).clamp(-1, 1)
        noise = (x - now.sqrt() * picture) / (1 - now).sqrt()  # what is noise if the picture is that
        x = then.sqrt() * picture + (1 - then).sqrt() * noise
        yield x
