"""The inputs and outputs of a network."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from builder.spec import LayerSpec, Signal


class Input(LayerSpec):
    """Feeds samples from the data set into the network.

    Output: `shape`, one sample without the batch axis. Without a shape, it is the data set's shape.
    """

    family = "data"
    role = "input"
    ports = ()
    search = ("source", "data", "features", "image", "placeholder")
    example = ()

    shape: tuple[Annotated[int, Field(ge=1, le=1_000_000)], ...] | None = Field(
        None, description="Shape of one sample without the batch axis, such as 1, 28, 28. Empty: the data set's shape."
    )
    dtype: Literal["float", "int"] = Field(
        "float", description="float for numbers and images, int for tokens and categories."
    )

    def infer_output(self, *signals: Signal) -> Signal | None:
        return None if self.shape is None else Signal(self.shape, self.dtype)


class Output(LayerSpec):
    """The network's output; the loss is computed from it.

    Any shape, unchanged.
    """

    family = "data"
    role = "output"
    takes = None
    keeps_shape = True
    search = ("target", "prediction", "result")
    example = ((10,),)

    def infer_output(self, *signals: Signal) -> Signal | None:
        return signals[0]
