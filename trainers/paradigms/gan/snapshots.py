"""What a generator makes of the same noise while it trains, as scenes to be watched: pictures, curves, points."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from trainers.events import Snapshot

if TYPE_CHECKING:
    from torch import Tensor

    from trainers.data.scaling import Standardisation

VIEW = "generated_samples"
SHOWN, POINTS, FIELD = 64, 512, 40  # pictures, points, and places along each side of the plane in a scene
MARGIN = 0.6  # of the plane around the points, in their spreads


def samples(step: int, drawn: Tensor, asked: Tensor | None, figures: Standardisation | None) -> Snapshot:
    """Samples in the data's own unit, with the classes that were asked for."""
    values = (drawn if figures is None else figures.revert(drawn)).float().cpu().numpy()
    labels = {} if asked is None else {"classes": asked[:, 0].cpu().numpy()}
    return Snapshot(step, VIEW, {"samples": values, **labels})


def points(
    step: int, drawn: Tensor, data: Tensor, judge: Callable[[Tensor], Tensor], figures: Standardisation | None
) -> Snapshot:
    """Drawn and real points of the plane in their own unit, its corners, and how the discriminator scores it."""
    import torch

    low, high = data.amin(dim=0) - MARGIN, data.amax(dim=0) + MARGIN
    across, up = (torch.linspace(float(low[axis]), float(high[axis]), FIELD, device=data.device) for axis in (0, 1))
    plane = torch.stack(torch.meshgrid(across, up, indexing="xy"), dim=-1).reshape(-1, 2)
    arrays = {"real": data, "fake": drawn.float(), "corners": torch.stack([low, high])}
    if figures is not None:
        arrays = {name: figures.revert(given) for name, given in arrays.items()}
    arrays["field"] = judge(plane).reshape(FIELD, FIELD)
    return Snapshot(step, VIEW, {name: given.cpu().numpy() for name, given in arrays.items()})
