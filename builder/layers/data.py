"""The inputs and outputs of a network."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from builder.axes import Axes, AxisRole, likely
from builder.shapes import Shape, count, show
from builder.spec import LayerSpec, ShapeError, Signal


class Input(LayerSpec):
    """Feeds samples from the data set into the network.

    Output: `shape`, one sample without the batch axis. Without a shape, it is the data set's shape.
    """

    family = "data"
    role = "input"
    ports = ()
    also = ("InputLayer", "Placeholder", "Data", "DataLayer")
    search = ("source", "data", "features", "image", "placeholder")
    example = ()

    shape: tuple[Annotated[int, Field(ge=1, le=1_000_000)], ...] | None = Field(
        None, description="Shape of one sample without the batch axis, such as 1, 28, 28. Empty: the data set's shape."
    )
    dtype: Literal["float", "int"] = Field(
        "float", description="float for numbers and images, int for tokens and categories."
    )
    axis_roles: tuple[AxisRole, ...] | None = Field(
        None, description="What each axis is, such as steps, features. Empty: as the data set says, or by the shape."
    )

    def output_axes(self, shape: Shape, *signals: Signal) -> Axes:
        """As a person or the data set says; else as the shape suggests."""
        return self.axis_roles or likely(shape, self.dtype)

    def named_axes(self) -> bool:
        return self.axis_roles is not None

    def infer_output(self, *signals: Signal) -> Signal | None:
        if self.shape is None:
            return None
        roles = self.axis_roles
        if roles is not None and len(roles) != len(self.shape):
            raise ShapeError(
                f"has the shape {show(self.shape)} and {count(len(roles), 'name')} in axis_roles: each axis has one.",
                params={"axis_roles": None},
            )
        return Signal(self.shape, self.dtype)


class Output(LayerSpec):
    """The network's output; the loss is computed from it.

    Any shape, unchanged.
    """

    family = "data"
    role = "output"
    takes = None
    keeps_shape = True
    also = ("Target", "Result", "Prediction")
    search = ("target", "prediction", "result")
    example = ((10,),)

    def infer_output(self, *signals: Signal) -> Signal | None:
        return signals[0]
