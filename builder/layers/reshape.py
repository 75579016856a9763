"""Shape layers: reorder values, select some of them, or reduce an axis to its mean or maximum."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar

from pydantic import Field

from builder.axes import PLACES, Axes, describe, merged, named, places_changed, regrouped
from builder.shapes import Shape, count, show
from builder.spec import Axis, Call, DType, LayerSpec, Reorder, ShapeError, Signal, always

Index = Annotated[int, Field(ge=-1_000_000, le=1_000_000)]


def own_axis(dim: int, shape: Shape, params: dict[str, int] | None = None) -> int:
    """torch's axis number as a positive one. ShapeError: it is the batch axis (0) or does not exist."""
    axis = dim if dim >= 0 else dim + len(shape) + 1
    if axis == 0:
        raise ShapeError(
            "would mix the samples of a batch (dim 0 is the batch axis). Use dim 1 or above.", params=params
        )
    if not 1 <= axis <= len(shape):
        raise ShapeError(f"has no dim {dim}: its input {show(shape)} has dims 1 to {len(shape)}.", params=params)
    return axis


def own_axes(dims: int | tuple[int, ...], shape: Shape) -> list[int]:
    """torch's axis numbers as positive ones. ShapeError: one is the batch axis, does not exist, or is repeated."""
    wanted = (dims,) if isinstance(dims, int) else dims
    axes = [own_axis(dim, shape, {"dim": 1} if dims == 0 else None) for dim in wanted]
    if len(set(axes)) < len(axes):
        raise ShapeError(f"has a repeated axis in {list(wanted)}.")
    if not axes:
        raise ShapeError("has no axis; set at least one.")
    return axes


class _Reshape(LayerSpec):
    family = "reshape"
    keeps_values = True
    takes: ClassVar[DType | None] = None


class _RemovesAxes(_Reshape):
    """A layer with `dim`, the axes that it removes, and perhaps `keepdim`."""

    def output_axes(self, shape: Shape, *signals: Signal) -> Axes:
        given, settings = signals[0], self._settings
        if not given.axes or getattr(settings, "keepdim", False):
            return given.axes
        removed = own_axes(settings.dim, given.shape)
        return tuple(role for number, role in enumerate(given.axes, start=1) if number not in removed)

    @property
    def _settings(self) -> Any:
        return self


class Flatten(_Reshape):
    """Flattens the axes of each sample into a vector, so that a Linear layer can be applied to an image.

    (a, b, c) → (a·b·c). https://docs.pytorch.org/docs/stable/generated/torch.nn.Flatten.html
    """

    target = "torch.nn.Flatten"
    search = ("vector", "unroll")
    example = ((3, 4, 5),)

    start_dim: Axis = Field(1, description="First axis to flatten; 0 is the batch.")
    end_dim: Axis = Field(-1, description="Last axis to flatten; -1 is the last axis.")

    def check_inputs(self, *shapes: Shape) -> None:
        (shape,) = shapes
        if not shape:
            return
        first = own_axis(self.start_dim, shape, {"start_dim": 1})
        last = own_axis(self.end_dim, shape)
        if first > last:
            raise ShapeError(f"flattens from dim {first} to dim {last}: start_dim must not be after end_dim.")

    def output_axes(self, shape: Shape, *signals: Signal) -> Axes:
        (given,) = signals
        if len(shape) == 1 or not given.axes:
            return super().output_axes(shape, *signals)
        first, last = own_axis(self.start_dim, given.shape), own_axis(self.end_dim, given.shape)
        one = merged(given.axes[first - 1 : last], given.shape[first - 1 : last])
        return (*given.axes[: first - 1], one, *given.axes[last:])


class Reshape(_Reshape):
    """Changes the shape of each sample without changing its values, such as from a vector to an image.

    Any shape → `shape`, with as many numbers. https://docs.pytorch.org/docs/stable/generated/torch.reshape.html
    """

    target = "torch.reshape"
    style = "function"
    also = ("View", "Unflatten")
    search = ("view", "unflatten")
    example = ((12,),)

    shape: tuple[Annotated[int, Field(ge=-1, le=1_000_000)], ...] = always(
        (-1,), "Shape of one sample without the batch axis, such as 16, 7, 7. One size may be -1: it is inferred."
    )

    def _sizes(self, shape: Shape) -> Shape:
        total, known = math.prod(shape), math.prod(size for size in self.shape if size != -1)
        if 0 in self.shape or self.shape.count(-1) > 1:
            raise ShapeError(f"has the shape {list(self.shape)}: sizes are at least 1, and only one may be -1.")
        if (-1 in self.shape and total % known) or (-1 not in self.shape and total != known):
            multiple = "a multiple of " if -1 in self.shape else ""
            raise ShapeError(
                f"cannot reshape {show(shape)} ({total} values) to {list(self.shape)} ({multiple}{known} values)."
            )
        return tuple(total // known if size == -1 else size for size in self.shape)

    def check_inputs(self, *shapes: Shape) -> None:
        self._sizes(shapes[0])

    def call(self, *shapes: Shape) -> Call:
        return Call("torch.reshape", {"shape": (-1, *self._sizes(shapes[0]))}, "function")

    def output_axes(self, shape: Shape, *signals: Signal) -> Axes:
        (given,) = signals
        if len(shape) == 1 or not given.axes:
            return super().output_axes(shape, *signals)
        return regrouped(given.shape, given.axes, shape)

    def misread(self, *signals: Signal) -> ShapeError | None:
        """A Reshape where the axes were to change places: it cuts the same row of values into other pieces instead."""
        (given,) = signals
        shape = self._sizes(given.shape)
        dims = places_changed(given.shape, given.axes, shape)
        if dims is None:
            return None
        order = [dim - 1 for dim in dims[1:]]
        wanted = describe(tuple(given.shape[at] for at in order), [given.axes[at] for at in order])
        exact = tuple(given.shape[at] for at in order) == shape
        behind = "" if exact else f", and then Reshape to {list(shape)}"
        return ShapeError(
            f"does not move axes: it cuts the values of {describe(given.shape, given.axes)}, in their order, into "
            f"{show(shape)}, so that {named(given.axes)} are mixed. Use Permute with dims {list(dims)} instead, which "
            f"gives {wanted}{behind}.",
            replace=("Permute", {"dims": list(dims)}) if exact else None,
            reorder=None if exact else Reorder(dims),
        )


class Permute(_Reshape):
    """Reorders the axes, for example to channels last.

    dims (0, 2, 3, 1): (c, h, w) → (h, w, c). https://docs.pytorch.org/docs/stable/generated/torch.permute.html
    """

    target = "torch.permute"
    style = "function"
    also = ("Transpose", "SwapAxes", "MoveAxis", "Rearrange")
    search = ("transpose", "swap axes")
    example = ((3, 5),)

    arranges = True
    reorders = "dims"

    dims: tuple[Axis, ...] = always((0, 2, 1), "The axes in their new order; 0 is the batch and must be first.")

    def output_axes(self, shape: Shape, *signals: Signal) -> Axes:
        axes = signals[0].axes
        return tuple(axes[(dim if dim >= 0 else dim + len(axes) + 1) - 1] for dim in self.dims[1:]) if axes else ()

    def check_inputs(self, *shapes: Shape) -> None:
        (shape,) = shapes
        axes = len(shape) + 1
        wanted = [dim if dim >= 0 else dim + axes for dim in self.dims]
        if sorted(wanted) != list(range(axes)):
            raise ShapeError(
                f"has dims {list(self.dims)}, but its input {show(shape)} has the axes {list(range(axes))} "
                "(0 is the batch): dims must contain each of them once."
            )
        if wanted[0] != 0:
            fixed = [0, *(dim for dim in wanted if dim)]
            raise ShapeError("would move the batch axis: dims must start with 0.", params={"dims": fixed})


class Squeeze(_RemovesAxes):
    """Removes an axis of size 1.

    (a, 1) → (a). https://docs.pytorch.org/docs/stable/generated/torch.squeeze.html
    """

    target = "torch.squeeze"
    style = "function"
    also = ("DropAxis",)
    search = ("remove axis",)
    example = ((5, 1),)

    dim: Axis | tuple[Axis, ...] = always(-1, "The axis or axes to remove; 0 is the batch, -1 the last.")

    def check_inputs(self, *shapes: Shape) -> None:
        (shape,) = shapes
        for axis in own_axes(self.dim, shape):
            if shape[axis - 1] != 1:
                raise ShapeError(
                    f"removes dim {axis}, whose size must be 1, but in {show(shape)} it is {shape[axis - 1]}. "
                    "Select one entry, or average with Mean instead."
                )


class Unsqueeze(_Reshape):
    """Inserts a new axis of size 1, such as the channel of a grayscale image.

    (a, b) with dim 1 → (1, a, b). https://docs.pytorch.org/docs/stable/generated/torch.unsqueeze.html
    """

    target = "torch.unsqueeze"
    style = "function"
    also = ("ExpandDims", "NewAxis")
    search = ("add axis", "expand dims")
    example = ((5, 6),)

    dim: Axis = always(1, "The index of the new axis; 0 is the batch, -1 the end.")

    def check_inputs(self, *shapes: Shape) -> None:
        (shape,) = shapes
        last = len(shape) + 1
        axis = self.dim if self.dim >= 0 else self.dim + last + 1
        if not 1 <= axis <= last:
            raise ShapeError(
                f"cannot insert an axis at dim {self.dim} of {show(shape)}: dim must be 1 to {last}; 0 is the batch.",
                params={"dim": 1},
            )

    def output_axes(self, shape: Shape, *signals: Signal) -> Axes:
        """The new axis of an image without channels is its channels; any other one has no role."""
        axes = signals[0].axes
        if not axes:
            return ()
        place = (self.dim if self.dim >= 0 else self.dim + len(shape) + 1) - 1
        new: Axes = ("channels",) if PLACES.issuperset(axes) else ("",)
        return (*axes[:place], *new, *axes[place:])


class Roll(_Reshape):
    """Shifts all values along an axis cyclically, as in the shifted windows of a Swin transformer.

    Any shape, unchanged. https://docs.pytorch.org/docs/stable/generated/torch.roll.html
    """

    target = "torch.roll"
    style = "function"
    keeps_shape = True
    also = ("CyclicShift", "Shift")
    search = ("shift", "cyclic", "swin")
    example = ((3, 6, 6),)

    shifts: Index | tuple[Index, ...] = always(1, "By how many positions; negative: backwards.")
    dims: Axis | tuple[Axis, ...] = always(-1, "The axis or axes to shift along; 0 is the batch.")

    def check_inputs(self, *shapes: Shape) -> None:
        own_axes(self.dims, shapes[0])
        shifts, dims = (1 if isinstance(value, int) else len(value) for value in (self.shifts, self.dims))
        if shifts != dims:
            raise ShapeError(f"has {count(shifts, 'shift')} for {dims} dims; it needs one for each.")


class Select(_RemovesAxes):
    """Selects one entry along an axis and removes the axis, such as the last step of a sequence or a class token.

    (a, b) with dim 1 → (b). https://docs.pytorch.org/docs/stable/generated/torch.select.html
    """

    target = "torch.select"
    style = "function"
    also = ("Gather", "Index", "GetItem", "LastStep: with index -1", "TakeLast: with index -1")
    search = ("index", "pick", "token", "last step", "gather")
    last_step = {"dim": 1, "index": -1}
    example = ((5, 8),)

    dim: Axis = always(1, "The axis to select from; 0 is the batch.")
    index: Index = always(0, "The index of the entry: 0 is the first, -1 the last.")

    def check_inputs(self, *shapes: Shape) -> None:
        (shape,) = shapes
        size = shape[own_axis(self.dim, shape, {"dim": 1}) - 1]
        if not -size <= self.index < size:
            raise ShapeError(
                f"selects entry {self.index} along dim {self.dim}, which has {size}: 0 to {size - 1}, or -1 for the "
                "last.",
                params={"index": -1},
            )


class Slice(_Reshape):
    """Selects a range along an axis, such as the first steps of a series or half of the channels.

    (a, b) with dim 1 from `start` up to, not including, `end` → (end - start, b).
    """

    style = "expression"
    also = ("Crop", "Cropping1D", "Cropping2D", "CenterCrop", "Narrow", "Split")
    search = ("crop", "narrow", "part", "split", "range")
    example = ((5, 8),)

    dim: Axis = always(1, "The axis to select from; 0 is the batch.")
    start: Index = always(0, "The first entry; negative numbers count from the end.")
    end: Index | None = Field(None, description="The entry after the last one; empty: to the end.")

    def check_inputs(self, *shapes: Shape) -> None:
        (shape,) = shapes
        size = shape[own_axis(self.dim, shape, {"dim": 1}) - 1]
        if not len(range(size)[self.start : self.end]):
            raise ShapeError(
                f"selects nothing of dim {self.dim}, which has {size} entries: from {self.start} to before "
                f"{size if self.end is None else self.end}.",
                params={"start": 0, "end": None},
            )

    def output_axes(self, shape: Shape, *signals: Signal) -> Axes:
        return signals[0].axes

    def call(self, *shapes: Shape) -> Call:
        before = ":, " * own_axis(self.dim, shapes[0])
        start = self.start or ""
        end = "" if self.end is None else self.end
        return Call("", {}, "expression", f"{{0}}[{before}{start}:{end}]")


class Mean(_RemovesAxes):
    """Averages over an axis, such as all steps of a series, and removes the axis.

    (a, b) with dim 1 → (b). https://docs.pytorch.org/docs/stable/generated/torch.mean.html
    """

    target = "torch.mean"
    style = "function"
    takes = "float"
    also = ("ReduceMean", "GlobalMean", "MeanPooling")
    search = ("average", "global pooling", "reduce")
    example = ((5, 8),)

    dim: Axis | tuple[Axis, ...] = always(1, "The axis or axes to average over; 0 is the batch.")
    keepdim: bool = Field(False, description="Keep the axis, with size 1.")

    def check_inputs(self, *shapes: Shape) -> None:
        own_axes(self.dim, shapes[0])


class Max(_RemovesAxes):
    """Keeps the largest value along an axis, such as over all steps of a series, and removes the axis.

    (a, b) with dim 1 → (b). https://docs.pytorch.org/docs/stable/generated/torch.amax.html
    """

    target = "torch.amax"
    style = "function"
    also = ("ReduceMax", "Amax")
    search = ("maximum", "global pooling", "reduce")
    example = ((5, 8),)

    dim: Axis | tuple[Axis, ...] = always(1, "The axis or axes to reduce; 0 is the batch.")
    keepdim: bool = Field(False, description="Keep the axis, with size 1.")

    def check_inputs(self, *shapes: Shape) -> None:
        own_axes(self.dim, shapes[0])
