"""Merges: nodes with several inputs, for skip connections and branches."""

from __future__ import annotations

from typing import ClassVar

from builder.shapes import Shape, show
from builder.spec import Axis, Call, LayerSpec, Layout, ShapeError, Style, always

PAIR = ((4, 6, 6), (4, 6, 6))


def broadcast(verb: str, shapes: tuple[Shape, ...]) -> None:
    """Raise ShapeError, naming the axis, if torch cannot stretch these shapes over each other.

    torch stretches sizes of 1; the batch axis in front keeps shapes with fewer axes from being stretched too.
    """
    first = shapes[0]
    widest = first  # what the inputs so far make together
    for number, shape in enumerate(shapes[1:], start=2):
        if len(shape) != len(first):
            raise ShapeError(
                f"cannot {verb} {show(first)} and {show(shape)}: input 1 has {len(first)} axes, "
                f"input {number} has {len(shape)}. Reshape or Flatten one of them."
            )
        for axis, (one, other) in enumerate(zip(widest, shape, strict=True), start=1):
            if one != other and 1 not in (one, other):
                earlier = next(place for place, given in enumerate(shapes, start=1) if given[axis - 1] == one)
                raise ShapeError(
                    f"cannot {verb} {show(shapes[earlier - 1])} and {show(shape)}: axis {axis} is {one} in input "
                    f"{earlier} and {other} in input {number}.",
                    short=f"Axis {axis} differs: {one} and {other}.",
                )
        widest = tuple(other if one == 1 else one for one, other in zip(widest, shape, strict=True))


class _Merge(LayerSpec):
    family = "merge"
    style: ClassVar[Style] = "fold"
    variadic = True
    layout: ClassVar[Layout | None] = "as_input"
    example = PAIR


class Add(_Merge):
    """Adds its inputs element by element: the join of a skip connection.

    Inputs of one shape (sizes of 1 are stretched) → that shape. He et al. 2015, https://arxiv.org/abs/1512.03385
    """

    target = "operator.add"
    search = ("sum", "plus", "residual", "skip", "+")

    def check_inputs(self, *shapes: Shape) -> None:
        broadcast("add", shapes)


class Multiply(_Merge):
    """Multiplies its inputs element by element: one branch opens or closes the other, as a gate.

    Inputs of one shape (sizes of 1 are stretched) → that shape.
    """

    target = "operator.mul"
    search = ("product", "gate", "times", "attention", "*")

    def check_inputs(self, *shapes: Shape) -> None:
        broadcast("multiply", shapes)


class Subtract(LayerSpec):
    """Subtracts its second input from its first, element by element.

    Two inputs of one shape (sizes of 1 are stretched) → that shape.
    """

    family = "merge"
    target = "operator.sub"
    style = "fold"
    layout = "as_input"
    ports = ("input", "other")
    search = ("minus", "difference", "-")
    example = PAIR

    def check_inputs(self, *shapes: Shape) -> None:
        broadcast("subtract", shapes)


class Average(_Merge):
    """Averages its inputs element by element: several opinions become one.

    Inputs of one shape (sizes of 1 are stretched) → that shape.
    """

    style = "expression"
    search = ("mean", "ensemble")

    def check_inputs(self, *shapes: Shape) -> None:
        broadcast("average", shapes)

    def call(self, *shapes: Shape) -> Call:
        together = " + ".join(f"{{{number}}}" for number in range(len(shapes)))
        return Call("", {}, "expression", f"({together}) / {len(shapes)}")


class Maximum(_Merge):
    """Keeps the larger of its inputs, element by element (maxout).

    Inputs of one shape (sizes of 1 are stretched) → that shape.
    https://docs.pytorch.org/docs/stable/generated/torch.maximum.html
    """

    target = "torch.maximum"
    search = ("max", "maxout", "largest")

    def check_inputs(self, *shapes: Shape) -> None:
        broadcast("compare", shapes)


class Concat(_Merge):
    """Puts its inputs one after the other along an axis, such as the channels of two branches.

    Inputs that agree in every other axis → one tensor. https://docs.pytorch.org/docs/stable/generated/torch.cat.html
    """

    target = "torch.cat"
    style = "list"
    takes = None
    search = ("concatenate", "join", "cat", "stack", "dense block", "inception")

    dim: Axis = always(1, "The axis to join along; 0 is the batch, 1 the channels or features.")

    def check_inputs(self, *shapes: Shape) -> None:
        first = shapes[0]
        axis = self.dim if self.dim >= 0 else self.dim + len(first) + 1
        if axis == 0:
            raise ShapeError("would join samples along the batch axis (dim 0). Use dim 1 or above.", params={"dim": 1})
        if not 1 <= axis <= len(first):
            raise ShapeError(f"cannot join along dim {self.dim}: its input {show(first)} has dims 1 to {len(first)}.")
        for number, shape in enumerate(shapes[1:], start=2):
            if len(shape) != len(first):
                raise ShapeError(
                    f"cannot join {show(first)} and {show(shape)}: input 1 has {len(first)} axes, "
                    f"input {number} has {len(shape)}. Reshape or Flatten one of them."
                )
            for dim, (one, other) in enumerate(zip(first, shape, strict=True), start=1):
                if one != other and dim != axis:
                    raise ShapeError(
                        f"cannot join {show(first)} and {show(shape)} along dim {axis}: axis {dim} is {one} in input 1 "
                        f"and {other} in input {number}; every axis but dim {axis} must agree.",
                        short=f"Axis {dim} differs: {one} and {other}.",
                    )


class Stack(_Merge):
    """Lays its inputs beside each other along a new axis, such as the frames of a clip.

    Inputs of one shape → that shape with one more axis. https://docs.pytorch.org/docs/stable/generated/torch.stack.html
    """

    target = "torch.stack"
    style = "list"
    layout = "other"
    takes = None
    search = ("join", "new axis")

    dim: Axis = always(1, "Where the new axis stands; 0 is the batch.")

    def check_inputs(self, *shapes: Shape) -> None:
        first = shapes[0]
        for number, shape in enumerate(shapes[1:], start=2):
            if shape != first:
                raise ShapeError(
                    f"cannot stack {show(first)} and {show(shape)}: inputs 1 and {number} must have one shape."
                )
        last = len(first) + 1
        axis = self.dim if self.dim >= 0 else self.dim + last + 1
        if not 1 <= axis <= last:
            raise ShapeError(
                f"cannot put a new axis at dim {self.dim} of {show(first)}: dims 1 to {last} are free, 0 is the batch.",
                params={"dim": 1},
            )


class MatMul(LayerSpec):
    """Multiplies two matrices of each sample, such as queries with keys: every row meets every column.

    (…, n, m) and (…, m, p) → (…, n, p). https://docs.pytorch.org/docs/stable/generated/torch.matmul.html
    """

    family = "merge"
    target = "torch.matmul"
    style = "function"
    ports = ("input", "other")
    ranks = (2, 3, 4, 5)
    axes = "a matrix (rows × columns), with any axes before it"
    search = ("matrix product", "bmm", "dot product", "attention", "@")
    example = ((3, 4, 5), (3, 5, 6))

    def check_inputs(self, *shapes: Shape) -> None:
        one, other = shapes
        if len(one) != len(other):
            raise ShapeError(
                f"cannot multiply {show(one)} and {show(other)}: they have {len(one)} and {len(other)} axes. "
                "Reshape or Unsqueeze one of them."
            )
        if one[-1] != other[-2]:
            turned = " Permute the second: swapped, it fits." if one[-1] == other[-1] else ""
            raise ShapeError(
                f"cannot multiply {show(one)} and {show(other)}: the rows of the first have {one[-1]} numbers, the "
                f"columns of the second {other[-2]}; they must be equal.{turned}",
                short=f"Inner sizes differ: {one[-1]} and {other[-2]}.",
            )
        for axis, (left, right) in enumerate(zip(one[:-2], other[:-2], strict=True), start=1):
            if left != right and 1 not in (left, right):
                raise ShapeError(
                    f"cannot multiply {show(one)} and {show(other)}: axis {axis} is {left} in the first and {right} "
                    "in the second."
                )
