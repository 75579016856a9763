"""Where data enters and leaves a network."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from builder.spec import LayerSpec, Signal


class Input(LayerSpec):
    """Feeds samples from the data set into the network.

    Output: `shape`, one sample without the batch axis. With no shape, the data set's own is taken.
    """

    family = "data"
    role = "input"
    ports = ()
    search = ("source", "data", "features", "image", "placeholder")
    example = ()

    shape: tuple[Annotated[int, Field(ge=1, le=1_000_000)], ...] | None = Field(
        None, description="Sizes of one sample without the batch axis, such as 1, 28, 28. Empty: as in the data set."
    )
    dtype: Literal["float", "int"] = Field(
        "float", description="float for measurements and pictures, int for tokens and categories."
    )

    def infer_output(self, *signals: Signal) -> Signal | None:
        return None if self.shape is None else Signal(self.shape, self.dtype)


class Output(LayerSpec):
    """Names what the network gives back; the loss is computed on it.

    Takes any shape and returns it unchanged.
    """

    family = "data"
    role = "output"
    takes = None
    keeps_shape = True
    search = ("target", "prediction", "result")
    example = ((10,),)

    def infer_output(self, *signals: Signal) -> Signal | None:
        return signals[0]
