"""Layers that keep a part of what they get: an entry, a stretch, the average or the largest along an axis."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from builder.layers.reshape import _Reshape, own_axes, own_axis
from builder.shapes import Shape
from builder.spec import Axis, Call, ShapeError, always

Place = Annotated[int, Field(ge=-1_000_000, le=1_000_000)]


class Select(_Reshape):
    """Takes one entry along an axis and removes the axis, such as the last step of a sequence or a class token.

    (a, b) with dim 1 → (b). https://docs.pytorch.org/docs/stable/generated/torch.select.html
    """

    target = "torch.select"
    style = "function"
    search = ("index", "pick", "token", "last step", "gather")
    last_step = {"dim": 1, "index": -1}
    example = ((5, 8),)

    dim: Axis = always(1, "The axis to take from; 0 is the batch.")
    index: Place = always(0, "Which entry: 0 is the first, -1 the last.")

    def check_inputs(self, *shapes: Shape) -> None:
        (shape,) = shapes
        size = shape[own_axis(self.dim, shape, {"dim": 1}) - 1]
        if not -size <= self.index < size:
            raise ShapeError(
                f"takes entry {self.index} along dim {self.dim}, which has {size}: 0 to {size - 1}, or -1 for the "
                "last.",
                params={"index": -1},
            )


class Slice(_Reshape):
    """Takes a stretch along an axis, such as the first steps of a series or half of the channels.

    (a, b) with dim 1 from `start` up to, not including, `end` → (end - start, b).
    """

    style = "expression"
    search = ("crop", "narrow", "part", "split", "range")
    example = ((5, 8),)

    dim: Axis = always(1, "The axis to take from; 0 is the batch.")
    start: Place = always(0, "The first entry; negative numbers count from the end.")
    end: Place | None = Field(None, description="The entry to stop before; empty: to the end.")

    def check_inputs(self, *shapes: Shape) -> None:
        (shape,) = shapes
        size = shape[own_axis(self.dim, shape, {"dim": 1}) - 1]
        if not len(range(size)[self.start : self.end]):
            raise ShapeError(
                f"leaves nothing of dim {self.dim}, which has {size} entries: from {self.start} up to "
                f"{size if self.end is None else self.end}.",
                params={"start": 0, "end": None},
            )

    def call(self, *shapes: Shape) -> Call:
        before = ":, " * own_axis(self.dim, shapes[0])
        start = self.start or ""
        end = "" if self.end is None else self.end
        return Call("", {}, "expression", f"{{0}}[{before}{start}:{end}]")


class Mean(_Reshape):
    """Averages over an axis, such as all steps of a series, and removes it.

    (a, b) with dim 1 → (b). https://docs.pytorch.org/docs/stable/generated/torch.mean.html
    """

    target = "torch.mean"
    style = "function"
    takes = "float"
    search = ("average", "global pooling", "reduce")
    example = ((5, 8),)

    dim: Axis | tuple[Axis, ...] = always(1, "The axis or axes to average over; 0 is the batch.")
    keepdim: bool = Field(False, description="Keep the axis with size 1.")

    def check_inputs(self, *shapes: Shape) -> None:
        own_axes(self.dim, shapes[0])


class Max(_Reshape):
    """Keeps the largest value along an axis, such as over all steps of a series, and removes the axis.

    (a, b) with dim 1 → (b). https://docs.pytorch.org/docs/stable/generated/torch.amax.html
    """

    target = "torch.amax"
    style = "function"
    search = ("maximum", "global pooling", "reduce")
    example = ((5, 8),)

    dim: Axis | tuple[Axis, ...] = always(1, "The axis or axes to look along; 0 is the batch.")
    keepdim: bool = Field(False, description="Keep the axis with size 1.")

    def check_inputs(self, *shapes: Shape) -> None:
        own_axes(self.dim, shapes[0])
