"""What attention layers share: heads that divide the width, and the mask that hides what comes later."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from builder.layers._spatial import nearest_divisor
from builder.shapes import Shape, show
from builder.spec import ShapeError

Heads = Annotated[int, Field(ge=1, le=1024)]
Activation = Literal["relu", "gelu"]
Epsilon = Annotated[float, Field(gt=0, le=1)]
SEQUENCE = "steps × features"
# torch wants the mask and the hint; given the hint its kernels hide later steps by themselves, which is faster.
LATER = "nn.Transformer.generate_square_subsequent_mask({{{0}}}.shape[1], device={{{0}}}.device)"


def hidden_later(port: int) -> str:
    """The mask for the sequence at this input, as a piece of a Call's `use`."""
    return LATER.format(port)


def divided(width: int, heads: int, name: str) -> None:
    """Raise ShapeError if the heads cannot share the features equally."""
    if width % heads:
        better = nearest_divisor(width, heads)
        raise ShapeError(
            f"shares {width} features among {heads} heads, which leaves a rest. {name} must divide {width}: "
            f"{better} does.",
            params={name: better},
            short=f"{heads} heads do not divide {width} features.",
        )


def same_width(first: str, one: Shape, second: str, other: Shape) -> None:
    """Raise ShapeError if two sequences differ in features."""
    if one[-1] != other[-1]:
        raise ShapeError(
            f"gets {show(one)} at {first} and {show(other)} at {second}: their last axes, {one[-1]} and {other[-1]} "
            "features, must be equal. Put a Linear layer before one of them."
        )
