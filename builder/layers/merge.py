"""Merge layers: layers with several inputs, for skip connections and branches."""

from __future__ import annotations

import functools
import math
from typing import ClassVar

from builder.axes import PLACES, VALUES, Axes, combined, describe, moved, unknown, values_axis
from builder.shapes import Shape, show
from builder.spec import (
    Axis,
    Call,
    Insert,
    Larger,
    LayerSpec,
    Layout,
    Range,
    Reorder,
    ShapeError,
    Signal,
    Style,
    always,
)

PAIR = ((4, 6, 6), (4, 6, 6))


def larger_of(one: Shape, port: int, other: Shape, other_port: int, channels_too: bool = False) -> Larger | None:
    """The input whose spatial axes are smaller than the other's, and by how much; None: they are not, or in part only.

    A layer that enlarged it, such as a ConvTranspose2d, can return one pixel more.
    """
    if len(one) != len(other) or len(one) < 2 or (channels_too and one[0] != other[0]):
        return None
    by = tuple(b - a for a, b in zip(one[1:], other[1:], strict=True))
    if min(by) < 0:
        port, by = other_port, tuple(-size for size in by)
    return Larger(port, by) if min(by) >= 0 and max(by) > 0 else None


def cropped(one: Shape, port: int, other: Shape, other_port: int) -> tuple[Insert, ...]:
    """The layers that cut both inputs to the smaller size of each spatial axis, in the middle.

    If one is several times as large as the other, they enlarge the smaller one instead.
    """
    small, large, smaller_port = (one, other, port) if one[1] < other[1] else (other, one, other_port)
    if any(3 * abs(a - b) > max(a, b) for a, b in zip(one[1:], other[1:], strict=True)):
        factors = {b // a if b % a == 0 else 0 for a, b in zip(small[1:], large[1:], strict=True)}
        factor = factors.pop() if len(factors) == 1 else 0
        return (Insert("Upsample", {"scale_factor": factor}, smaller_port),) if factor > 1 else ()
    found = []
    for dim, (a, b) in enumerate(zip(one[1:], other[1:], strict=True), start=2):
        start, end = abs(a - b) // 2, abs(a - b) // 2 + min(a, b)
        if a != b:
            found.append(Insert("Slice", {"dim": dim, "start": start, "end": end}, port if a > b else other_port))
    return tuple(found)


def projection(one: Shape, port: int, other: Shape, other_port: int) -> tuple[Insert, ...]:
    """The layer that gives a shortcut the shape of the other branch: a convolution with kernel_size 1, or a Linear."""
    if len(one) == 1 or (len(one) == 2 and one[0] == other[0]):
        narrow, wide = ((port, other), (other_port, one))[one[-1] > other[-1]]
        return (Insert("Linear", {"out_features": wide[-1]}, narrow),)
    if len(one) > 4:
        return ()
    small, large = sorted(((one, port), (other, other_port)), key=lambda pair: (-math.prod(pair[0][1:]), pair[0][0]))
    source, target = small[0], large[0]  # the shortcut has the larger image, or fewer channels
    if any(a < b for a, b in zip(source[1:], target[1:], strict=True)):
        return ()
    windows = [_window(a, b) for a, b in zip(source[1:], target[1:], strict=True)]
    kernel, stride = [size for size, _ in windows], [step for _, step in windows]
    params = {"out_channels": target[0], "kernel_size": _alike(kernel)}
    return (Insert(f"Conv{len(one) - 1}d", params | ({"stride": _alike(stride)} if max(stride) > 1 else {}), small[1]),)


def _window(size: int, wanted: int) -> tuple[int, int]:
    """The kernel and the stride with which `size` values become `wanted`: a stride, if that gives it, else a kernel."""
    stride = -(-size // wanted)
    return (1, stride) if -(-size // stride) == wanted else (size - wanted + 1, 1)


def _alike(values: list[int]) -> int | list[int]:
    return values[0] if len(set(values)) == 1 else values


def with_axes_of(shape: Shape, wanted: Shape, port: int) -> tuple[Insert, ...]:
    """The layer that gives one number for each channel the axes of the image that it weights: 64 → 64 × 1 × 1."""
    if len(shape) == 1 and len(wanted) > 1 and wanted[0] == shape[0]:
        return (Insert("Reshape", {"shape": [shape[0], *([1] * (len(wanted) - 1))]}, port),)
    return ()


def flattened(one: Shape, port: int, other: Shape, other_port: int) -> tuple[Insert, ...]:
    """The layer that makes a vector of the input that is none, if the other one is."""
    if 1 not in (len(one), len(other)):
        return ()
    return (Insert("Flatten", {}, port if len(one) > 1 else other_port),)


def check_broadcast(verb: str, shapes: tuple[Shape, ...]) -> None:
    """Raise ShapeError, naming the axis, if torch cannot broadcast these shapes.

    torch broadcasts sizes of 1. Shapes with different numbers of axes are refused because of the batch axis.
    """
    first = shapes[0]
    result = first  # the broadcast shape of the inputs so far
    for number, shape in enumerate(shapes[1:], start=2):
        if len(shape) != len(first):
            raise ShapeError(
                f"cannot {verb} {show(first)} and {show(shape)}: input 1 has {len(first)} axes, "
                f"input {number} has {len(shape)}. Reshape or Flatten one of them.",
                inserts=with_axes_of(shape, first, number - 1) or with_axes_of(first, shape, 0),
            )
        for axis, (one, other) in enumerate(zip(result, shape, strict=True), start=1):
            if one != other and 1 not in (one, other):
                earlier = next(index for index, given in enumerate(shapes, start=1) if given[axis - 1] == one)
                raise ShapeError(
                    f"cannot {verb} {show(shapes[earlier - 1])} and {show(shape)}: axis {axis} is {one} in input "
                    f"{earlier} and {other} in input {number}.",
                    larger=larger_of(shapes[earlier - 1], earlier - 1, shape, number - 1, channels_too=True),
                    inserts=projection(shapes[earlier - 1], earlier - 1, shape, number - 1),
                    short=f"Axis {axis} differs: {one} and {other}.",
                )
        result = tuple(other if one == 1 else one for one, other in zip(result, shape, strict=True))


def turned_input(*signals: Signal) -> ShapeError | None:
    """A warning if one input has values, such as features, on an axis where another one has places, such as steps."""
    first = signals[0]
    for port, signal in enumerate(signals[1:], start=1):
        if len(signal.axes) != len(first.axes):
            continue
        for place, (one, other) in enumerate(zip(first.axes, signal.axes, strict=True)):
            if {one, other} & VALUES and {one, other} & PLACES and min(first.shape[place], signal.shape[place]) > 1:
                source, target = values_axis(signal.axes), values_axis(first.axes)
                fits = source is not None and target is not None
                dims = moved(len(signal.axes), source or 0, target or 0) if fits else None
                return ShapeError(
                    f"gets {describe(first.shape, first.axes)} and {describe(signal.shape, signal.axes)}: axis "
                    f"{place + 1} is the {one} in input 1 and the {other} in input {port + 1}. Permute one of them.",
                    reorder=Reorder(dims, port) if dims and _same_after(dims, signal.shape, first.shape) else None,
                )
    return None


def _same_after(dims: tuple[int, ...], shape: Shape, wanted: Shape) -> bool:
    return all(shape[dim - 1] in (size, 1) or size == 1 for dim, size in zip(dims[1:], wanted, strict=True))


def _product(one: Range, other: Range) -> Range:
    """The least and the greatest product of two numbers; zero times something unbounded is zero."""
    products = [0.0 if 0 in (a, b) else a * b for a in one for b in other]
    return min(products), max(products)


class _Merge(LayerSpec):
    family = "merge"
    style: ClassVar[Style] = "fold"
    variadic = True
    layout: ClassVar[Layout | None] = "as_input"
    example = PAIR

    def misread(self, *signals: Signal) -> ShapeError | None:
        return turned_input(*signals)


class Add(_Merge):
    """Adds its inputs elementwise: the end of a skip connection.

    Inputs of the same shape (sizes of 1 are broadcast) → that shape. He et al. 2015, https://arxiv.org/abs/1512.03385
    """

    target = "operator.add"
    also = ("Sum", "Plus", "Residual", "SkipConnection", "ElementwiseAdd", "Eltwise")
    search = ("sum", "plus", "residual", "skip", "+")

    def check_inputs(self, *shapes: Shape) -> None:
        check_broadcast("add", shapes)

    def output_range(self, *inputs: Range) -> Range:
        return sum(low for low, _ in inputs), sum(high for _, high in inputs)


class Multiply(_Merge):
    """Multiplies its inputs elementwise: one branch can be a gate for the other.

    Inputs of the same shape (sizes of 1 are broadcast) → that shape.
    """

    target = "operator.mul"
    also = ("Mul", "Product", "Times", "ElementwiseMul")
    search = ("product", "gate", "times", "attention", "*")

    def check_inputs(self, *shapes: Shape) -> None:
        check_broadcast("multiply", shapes)

    def output_range(self, *inputs: Range) -> Range:
        return functools.reduce(_product, inputs)


class Subtract(LayerSpec):
    """Subtracts its second input from its first, elementwise.

    Two inputs of the same shape (sizes of 1 are broadcast) → that shape.
    """

    family = "merge"
    target = "operator.sub"
    style = "fold"
    layout = "as_input"
    ports = ("input", "other")
    also = ("Sub", "Minus", "Difference")
    search = ("minus", "difference", "-")
    example = PAIR

    def misread(self, *signals: Signal) -> ShapeError | None:
        return turned_input(*signals)

    def check_inputs(self, *shapes: Shape) -> None:
        check_broadcast("subtract", shapes)

    def output_range(self, *inputs: Range) -> Range:
        (low, high), (other_low, other_high) = inputs
        return low - other_high, high - other_low


class Average(_Merge):
    """Averages its inputs elementwise, such as the predictions of several branches.

    Inputs of the same shape (sizes of 1 are broadcast) → that shape.
    """

    style = "expression"
    also = ("MeanOfInputs", "AddMean")
    keeps_values = True
    search = ("mean", "ensemble")

    def check_inputs(self, *shapes: Shape) -> None:
        check_broadcast("average", shapes)

    def call(self, *shapes: Shape) -> Call:
        total = " + ".join(f"{{{number}}}" for number in range(len(shapes)))
        return Call("", {}, "expression", f"({total}) / {len(shapes)}")


class Maximum(_Merge):
    """Keeps the largest of its inputs, elementwise (maxout).

    Inputs of the same shape (sizes of 1 are broadcast) → that shape.
    https://docs.pytorch.org/docs/stable/generated/torch.maximum.html
    """

    target = "torch.maximum"
    also = ("Maxout", "ElementwiseMax")
    search = ("max", "maxout", "largest")

    def check_inputs(self, *shapes: Shape) -> None:
        check_broadcast("compare", shapes)

    def output_range(self, *inputs: Range) -> Range:
        return max(low for low, _ in inputs), max(high for _, high in inputs)


class Concat(_Merge):
    """Concatenates its inputs along an axis, such as the channels of two branches.

    Inputs with equal sizes in all other axes → one tensor. https://docs.pytorch.org/docs/stable/generated/torch.cat.html
    """

    target = "torch.cat"
    joins = True
    style = "list"
    keeps_values = True
    takes = None
    also = ("Concatenate", "Cat", "Merge", "Join", "DepthConcat")
    search = ("concatenate", "join", "cat", "stack", "dense block", "inception")

    dim: Axis = always(1, "The axis to concatenate along; 0 is the batch, 1 the channels or features.")

    def check_inputs(self, *shapes: Shape) -> None:
        first = shapes[0]
        axis = self.dim if self.dim >= 0 else self.dim + len(first) + 1
        if axis == 0:
            raise ShapeError("would concatenate along the batch axis (dim 0). Use dim 1 or above.", params={"dim": 1})
        if not 1 <= axis <= len(first):
            raise ShapeError(
                f"cannot concatenate along dim {self.dim}: its input {show(first)} has dims 1 to {len(first)}."
            )
        for number, shape in enumerate(shapes[1:], start=2):
            if len(shape) != len(first):
                raise ShapeError(
                    f"cannot concatenate {show(first)} and {show(shape)}: input 1 has {len(first)} axes, "
                    f"input {number} has {len(shape)}. Reshape or Flatten one of them.",
                    inserts=flattened(first, 0, shape, number - 1),
                )
            for dim, (one, other) in enumerate(zip(first, shape, strict=True), start=1):
                if one != other and dim != axis:
                    by_channels = axis == 1 and len(shape) > 1
                    fitting = _joining_axis(shapes)
                    hint = f" Along dim {fitting} they fit." if fitting else ""
                    raise ShapeError(
                        f"cannot concatenate {show(first)} and {show(shape)} along dim {axis}: axis {dim} is {one} in "
                        f"input 1 and {other} in input {number}; all axes except dim {axis} must be equal.{hint}",
                        params={"dim": fitting} if fitting else None,
                        larger=larger_of(first, 0, shape, number - 1) if by_channels else None,
                        inserts=cropped(first, 0, shape, number - 1) if by_channels and len(shape) > 2 else (),
                        short=f"Axis {dim} differs: {one} and {other}.",
                    )


def _joining_axis(shapes: tuple[Shape, ...]) -> int | None:
    """The only axis in which shapes of one rank differ, counted with the batch; None: they differ in several."""
    if len({len(shape) for shape in shapes}) > 1:
        return None
    differing = [axis for axis, sizes in enumerate(zip(*shapes, strict=True), start=1) if len(set(sizes)) > 1]
    return differing[0] if len(differing) == 1 else None


class Stack(_Merge):
    """Stacks its inputs along a new axis, such as the frames of a video.

    Inputs of one shape → that shape with one more axis. https://docs.pytorch.org/docs/stable/generated/torch.stack.html
    """

    target = "torch.stack"
    style = "list"
    keeps_values = True
    layout = "other"
    takes = None
    search = ("join", "new axis")

    dim: Axis = always(1, "The index of the new axis; 0 is the batch.")

    def output_axes(self, shape: Shape, *signals: Signal) -> Axes:
        place = (self.dim if self.dim >= 0 else self.dim + len(shape) + 1) - 1
        given = list(combined([(signal.shape, signal.axes) for signal in signals], len(shape) - 1))
        return (*given[:place], "", *given[place:])

    def check_inputs(self, *shapes: Shape) -> None:
        first = shapes[0]
        for number, shape in enumerate(shapes[1:], start=2):
            if shape != first:
                raise ShapeError(
                    f"cannot stack {show(first)} and {show(shape)}: inputs 1 and {number} must have the same shape."
                )
        last = len(first) + 1
        axis = self.dim if self.dim >= 0 else self.dim + last + 1
        if not 1 <= axis <= last:
            raise ShapeError(
                f"cannot insert an axis at dim {self.dim} of {show(first)}: dim must be 1 to {last}; 0 is the batch.",
                params={"dim": 1},
            )


class MatMul(LayerSpec):
    """Multiplies two matrices of each sample, such as queries and keys: the dot product of every row with every column.

    (…, n, m) and (…, m, p) → (…, n, p). https://docs.pytorch.org/docs/stable/generated/torch.matmul.html
    """

    family = "merge"
    target = "torch.matmul"
    style = "function"
    ports = ("input", "other")
    ranks = (2, 3, 4, 5)
    axes = "a matrix (rows × columns), with any axes before it"
    also = ("Dot", "BatchMatMul", "BMM", "MatrixMultiply")
    search = ("matrix product", "bmm", "dot product", "attention", "@")
    example = ((3, 4, 5), (3, 5, 6))

    def output_axes(self, shape: Shape, *signals: Signal) -> Axes:
        """The rows of the first and the columns of the second: the axis that they share is summed over."""
        one, other = (signal.axes or unknown(len(shape)) for signal in signals)
        return (*one[:-1], other[-1])

    def check_inputs(self, *shapes: Shape) -> None:
        one, other = shapes
        if len(one) != len(other):
            raise ShapeError(
                f"cannot multiply {show(one)} and {show(other)}: they have {len(one)} and {len(other)} axes. "
                "Reshape or Unsqueeze one of them."
            )
        if one[-1] != other[-2]:
            hint = " Permute the second: transposed, it fits." if one[-1] == other[-1] else ""
            raise ShapeError(
                f"cannot multiply {show(one)} and {show(other)}: the rows of the first have {one[-1]} values, the "
                f"columns of the second {other[-2]}; the numbers must be equal.{hint}",
                reorder=Reorder((*range(len(other) - 1), len(other), len(other) - 1), 1) if hint else None,
                short=f"Inner sizes differ: {one[-1]} and {other[-2]}.",
            )
        for axis, (left, right) in enumerate(zip(one[:-2], other[:-2], strict=True), start=1):
            if left != right and 1 not in (left, right):
                raise ShapeError(
                    f"cannot multiply {show(one)} and {show(other)}: axis {axis} is {left} in the first and {right} "
                    "in the second."
                )
