"""Learned tensors that are not the weights of another layer, and the identity."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import Field

from builder.layers.reshape import own_axis
from builder.shapes import Shape, show
from builder.spec import Axis, Call, LayerSpec, Real, ShapeError, always

MAX_ELEMENTS = 2**31  # of one tensor: 8 GB


class Parameter(LayerSpec):
    """One learned tensor, the same for every sample: such as the queries of an attention layer, or an initial state.

    No input → `shape`. The batch size is that of the node wired to `like`, or of the network's first Input.
    """

    family = "parameter"
    target = "builder.library.learned.LearnedTensor"
    ports = ("like",)
    required_ports = 0
    follows_batch = True
    takes = None
    also = ("Constant", "Variable", "Weight", "LearnedTensor")
    search = ("learned", "weight", "variable", "query", "prompt", "constant", "bias")
    example = ((6,),)

    shape: tuple[Annotated[int, Field(ge=1, le=1_000_000)], ...] = always(
        (64,), "Shape of the tensor without the batch axis, such as 8, 64."
    )
    init: Literal["normal", "zeros", "ones"] | Real = Field(
        "normal", description="The initial values: small random numbers, zeros, ones, or a constant."
    )

    def own_initial_values(self) -> tuple[str, ...]:
        return ("value",)  # `init` chooses them

    def check_inputs(self, *shapes: Shape) -> None:
        if math.prod(self.shape) > MAX_ELEMENTS:
            raise ShapeError(f"has the shape {show(self.shape)}, which does not fit into memory. Make it smaller.")


class Scale(LayerSpec):
    """Multiplies each channel by a learned number. With a small initial value, a residual branch starts almost at zero.

    Any shape, unchanged. Touvron et al. 2021 (LayerScale), https://arxiv.org/abs/2103.17239
    """

    family = "parameter"
    target = "builder.library.learned.Scale"
    keeps_shape = True
    axis_parameter = "dim"
    also = ("LayerScale", "Gain", "Rescaling")
    search = ("layer scale", "gain", "gamma", "learned", "convnext")
    example = ((4, 6, 6),)

    init: Real = always(1.0, "The initial scale; 1e-6 for the end of a residual branch.")
    dim: Axis = Field(1, description="The axis of the channels; 0 is the batch, -1 the last.")

    def inferred(self, *shapes: Shape) -> dict[str, Any]:
        axis = own_axis(self.dim, shapes[0])
        return {"channels": shapes[0][axis - 1], "axes_behind": len(shapes[0]) - axis}

    def check_inputs(self, *shapes: Shape) -> None:
        own_axis(self.dim, shapes[0], {"dim": 1})

    def call(self, *shapes: Shape) -> Call:
        return Call(self.target, {**self.inferred(*shapes), "init": self.init})


class Identity(LayerSpec):
    """Returns its input unchanged: gives a name to a value of the graph.

    Any shape, unchanged. https://docs.pytorch.org/docs/stable/generated/torch.nn.Identity.html
    """

    family = "parameter"
    target = "torch.nn.Identity"
    keeps_shape = True
    keeps_values = True
    takes = None
    also = ("NoOp", "PassThrough")
    search = ("pass", "nothing", "placeholder")
    example = ((8,),)
