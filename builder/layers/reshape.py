"""Layers that move numbers about without changing them."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar

from pydantic import Field

from builder.shapes import Shape, count, show
from builder.spec import Axis, Call, DType, LayerSpec, ShapeError, always

Shift = Annotated[int, Field(ge=-1_000_000, le=1_000_000)]


def own_axis(dim: int, shape: Shape, params: dict[str, int] | None = None) -> int:
    """torch's axis number as a positive one; ShapeError when it is the batch (0) or does not exist."""
    axis = dim if dim >= 0 else dim + len(shape) + 1
    if axis == 0:
        raise ShapeError(
            "would mix the samples of a batch (dim 0 is the batch axis). Use dim 1 or above.", params=params
        )
    if not 1 <= axis <= len(shape):
        raise ShapeError(f"has no dim {dim}: its input {show(shape)} has dims 1 to {len(shape)}.", params=params)
    return axis


def own_axes(dims: int | tuple[int, ...], shape: Shape) -> list[int]:
    """torch's axis numbers as positive ones; ShapeError when one is the batch, does not exist, or stands twice."""
    wanted = (dims,) if isinstance(dims, int) else dims
    axes = [own_axis(dim, shape, {"dim": 1} if dims == 0 else None) for dim in wanted]
    if len(set(axes)) < len(axes):
        raise ShapeError(f"names an axis twice in {list(wanted)}.")
    if not axes:
        raise ShapeError("names no axis; give at least one.")
    return axes


class _Reshape(LayerSpec):
    family = "reshape"
    takes: ClassVar[DType | None] = None


class Flatten(_Reshape):
    """Writes the axes of each sample one after the other, so that a Linear layer can read a picture.

    (a, b, c) → (a·b·c). https://docs.pytorch.org/docs/stable/generated/torch.nn.Flatten.html
    """

    target = "torch.nn.Flatten"
    search = ("vector", "unroll")
    example = ((3, 4, 5),)

    start_dim: Axis = Field(1, description="First axis to flatten; 0 is the batch.")
    end_dim: Axis = Field(-1, description="Last axis to flatten; -1 is the last there is.")

    def check_inputs(self, *shapes: Shape) -> None:
        (shape,) = shapes
        if not shape:
            return
        first = own_axis(self.start_dim, shape, {"start_dim": 1})
        last = own_axis(self.end_dim, shape)
        if first > last:
            raise ShapeError(f"flattens from dim {first} to dim {last}: start_dim must not come after end_dim.")


class Reshape(_Reshape):
    """Gives the same numbers of each sample other axes, such as a vector the shape of a picture.

    Any shape → `shape`, with as many numbers. https://docs.pytorch.org/docs/stable/generated/torch.reshape.html
    """

    target = "torch.reshape"
    style = "function"
    search = ("view", "unflatten")
    example = ((12,),)

    shape: tuple[Annotated[int, Field(ge=-1, le=1_000_000)], ...] = always(
        (-1,), "Sizes of one sample without the batch axis, such as 16, 7, 7. One of them may be -1: the rest."
    )

    def _sizes(self, shape: Shape) -> Shape:
        total, known = math.prod(shape), math.prod(size for size in self.shape if size != -1)
        if 0 in self.shape or self.shape.count(-1) > 1:
            raise ShapeError(f"has the shape {list(self.shape)}: sizes start at 1, and only one of them may be -1.")
        if (-1 in self.shape and total % known) or (-1 not in self.shape and total != known):
            raise ShapeError(
                f"cannot give {show(shape)} ({total} numbers) the shape {list(self.shape)} ({known} numbers"
                f"{' times the rest' if -1 in self.shape else ''})."
            )
        return tuple(total // known if size == -1 else size for size in self.shape)

    def check_inputs(self, *shapes: Shape) -> None:
        self._sizes(shapes[0])

    def call(self, *shapes: Shape) -> Call:
        return Call("torch.reshape", {"shape": (-1, *self._sizes(shapes[0]))}, "function")


class Permute(_Reshape):
    """Puts the axes in another order, such as channels last.

    dims (0, 2, 3, 1): (c, h, w) → (h, w, c). https://docs.pytorch.org/docs/stable/generated/torch.permute.html
    """

    target = "torch.permute"
    style = "function"
    search = ("transpose", "swap axes")
    example = ((3, 5),)

    dims: tuple[Axis, ...] = always((0, 2, 1), "The old axes in their new order; 0 is the batch and stays first.")

    def check_inputs(self, *shapes: Shape) -> None:
        (shape,) = shapes
        axes = len(shape) + 1
        wanted = [dim if dim >= 0 else dim + axes for dim in self.dims]
        if sorted(wanted) != list(range(axes)):
            raise ShapeError(
                f"has dims {list(self.dims)}, but its input {show(shape)} has the axes {list(range(axes))} "
                "(0 is the batch): each must stand in dims once."
            )
        if wanted[0] != 0:
            fixed = [0, *(dim for dim in wanted if dim)]
            raise ShapeError("would move the batch axis: dims must start with 0.", params={"dims": fixed})


class Squeeze(_Reshape):
    """Removes an axis of size 1.

    (a, 1) → (a). https://docs.pytorch.org/docs/stable/generated/torch.squeeze.html
    """

    target = "torch.squeeze"
    style = "function"
    search = ("remove axis",)
    example = ((5, 1),)

    dim: Axis | tuple[Axis, ...] = always(-1, "The axis or axes to remove; 0 is the batch, -1 the last.")

    def check_inputs(self, *shapes: Shape) -> None:
        (shape,) = shapes
        for axis in own_axes(self.dim, shape):
            if shape[axis - 1] != 1:
                raise ShapeError(
                    f"removes dim {axis}, whose size must be 1, but in {show(shape)} it is {shape[axis - 1]}. "
                    "Select one entry, or average with Mean."
                )


class Unsqueeze(_Reshape):
    """Puts a new axis of size 1 in, such as the channel of a grey picture.

    (a, b) with dim 1 → (1, a, b). https://docs.pytorch.org/docs/stable/generated/torch.unsqueeze.html
    """

    target = "torch.unsqueeze"
    style = "function"
    search = ("add axis", "expand dims")
    example = ((5, 6),)

    dim: Axis = always(1, "Where the new axis stands; 0 is the batch, -1 the end.")

    def check_inputs(self, *shapes: Shape) -> None:
        (shape,) = shapes
        last = len(shape) + 1
        axis = self.dim if self.dim >= 0 else self.dim + last + 1
        if not 1 <= axis <= last:
            raise ShapeError(
                f"cannot put a new axis at dim {self.dim} of {show(shape)}: dims 1 to {last} are free, 0 is the batch.",
                params={"dim": 1},
            )


class Roll(_Reshape):
    """Moves everything along an axis; what falls off one end comes in at the other, as in a Swin transformer's windows.

    Any shape, unchanged. https://docs.pytorch.org/docs/stable/generated/torch.roll.html
    """

    target = "torch.roll"
    style = "function"
    keeps_shape = True
    search = ("shift", "cyclic", "swin")
    example = ((3, 6, 6),)

    shifts: Shift | tuple[Shift, ...] = always(1, "By how many places; negative: backwards.")
    dims: Axis | tuple[Axis, ...] = always(-1, "Along which axis or axes; 0 is the batch.")

    def check_inputs(self, *shapes: Shape) -> None:
        own_axes(self.dims, shapes[0])
        shifts, dims = (1 if isinstance(value, int) else len(value) for value in (self.shifts, self.dims))
        if shifts != dims:
            raise ShapeError(f"has {count(shifts, 'shift')} for {dims} dims; give one for each.")
