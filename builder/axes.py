"""The roles of the axes of a tensor: which axis is the channels, the height, the steps, the features.

Shapes alone do not say it: 120 × 8 may be 120 steps with 8 features, or 120 channels of length 8. Roles start at the
Inputs, go along with the shapes, and are shown on the wires; checks compare them with what each layer expects.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from builder.shapes import Shape

# What an Input may say of an axis. "positions" are the places of an image or a volume in one axis, such as patches.
AxisRole = Literal["channels", "features", "classes", "steps", "length", "positions", "depth", "height", "width"]
Axes = tuple[AxisRole | Literal[""], ...]  # one role for each axis without the batch axis; "": unknown

VALUES = frozenset({"channels", "features", "classes"})  # several numbers that belong to one place
PLACES = frozenset({"steps", "length", "positions", "depth", "height", "width"})
SPATIAL: dict[int, Axes] = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}
NATURAL_ORDER = {role: place for place, role in enumerate(("depth", "height", "width", "length"))}
# Of sizes alone, a last axis with one of these sizes is taken for the channels of an image: grey, colour, with alpha.
CHANNEL_COUNTS = (1, 3, 4)
SMALLEST_SIDE = 5


def unknown(rank: int) -> Axes:
    """Axes of which nothing is known."""
    nothing: tuple[Literal[""], ...] = ("",)
    return nothing * rank


def channels_first(rank: int) -> Axes:
    """Channels and then the spatial axes: ("channels", "height", "width") for three axes."""
    return ("channels", *SPATIAL[rank - 1]) if rank - 1 in SPATIAL else ("channels", *unknown(rank - 1))


def likely(shape: Shape, dtype: str) -> Axes:
    """The roles that a sample of this shape probably has, if neither the data set nor a person says them.

    Two axes may be steps and features or channels and length, so their roles are unknown, unless one has size 1.
    """
    rank = len(shape)
    if rank == 1 and dtype == "int":
        return ("steps",) if shape[0] > 1 else ("",)
    if rank == 1:
        return ("features",)
    if rank == 2 and (shape[0] == 1) != (shape[1] == 1):
        return ("channels", "length") if shape[0] == 1 else ("steps", "features")
    if rank not in (3, 4):
        return unknown(rank)
    first = channels_first(rank)
    return (*first[1:], "channels") if _looks_channels_last(shape) else first


def _looks_channels_last(shape: Shape) -> bool:
    """28 × 28 × 3 has its channels last: three equal or large sizes are no channels, and 3 is no width."""
    *sides, last = shape
    alike = len(set(sides)) == 1 or min(sides) >= 2 * SMALLEST_SIDE
    return last in CHANNEL_COUNTS and min(sides) >= SMALLEST_SIDE and alike


def of_sample(shape: Shape, dtype: str) -> Axes:
    """The roles in a sample of a data set that says nothing else: two axes are steps and features."""
    found = likely(shape, dtype)
    return ("steps", "features") if len(shape) == 2 and not any(found) else found


def merged(axes: Sequence[str], shape: Shape) -> AxisRole | Literal[""]:
    """The role of several axes in one: features if there are values among them, else the positions."""
    several = [axis for axis, size in zip(axes, shape, strict=True) if size > 1] or list(axes[:1])
    if len(several) == 1:
        return several[0]  # type: ignore[return-value]
    if VALUES.intersection(several):
        return "features"
    return "" if "" in several else "positions"


def combined(given: Sequence[tuple[Shape, Axes]], rank: int) -> Axes:
    """The roles in an elementwise result: of each axis the first that is known, if possible of an input as long."""
    known = [(shape, axes) for shape, axes in given if len(axes) == rank]
    found: list[AxisRole | Literal[""]] = []
    for place in range(rank):
        longest = sorted(known, key=lambda pair, place=place: pair[0][place] == 1)  # type: ignore[misc]
        found.append(next((axes[place] for _, axes in longest if axes[place]), ""))
    return tuple(found)


def in_natural_order(axes: Sequence[str]) -> bool:
    """Whether depth, height and width follow each other as in an image that nobody has turned."""
    places = [NATURAL_ORDER[axis] for axis in axes if axis in NATURAL_ORDER]
    return places == sorted(places)


def values_axis(axes: Sequence[str]) -> int | None:
    """The index of the only axis of values among places, counted without the batch; None: there is no single one."""
    values = [place for place, axis in enumerate(axes) if axis in VALUES]
    return values[0] if len(values) == 1 and all(axis in PLACES or axis in VALUES for axis in axes) else None


def moved(rank: int, source: int, target: int) -> tuple[int, ...]:
    """The dims of torch.permute (0 is the batch) that move one axis, counted without the batch, to another place."""
    rest = [place for place in range(rank) if place != source]
    rest.insert(target, source)
    return (0, *(place + 1 for place in rest))


def describe(shape: Shape, axes: Sequence[str]) -> str:
    """'120 steps × 8 features'. Sides of an image in their usual order stay without a name: '16 channels × 14 × 14'."""
    if not shape or len(axes) != len(shape):
        return " × ".join(map(str, shape)) if shape else "a single number"
    plain = in_natural_order(axes) and any(axis in VALUES for axis in axes)
    sides = {"depth", "height", "width"} if plain else set()
    return " × ".join(
        str(size) if not axis or axis in sides else f"{size} {_named(size, axis)}"
        for size, axis in zip(shape, axes, strict=True)
    )


def compact(shape: Shape, axes: Sequence[str]) -> str:
    """Short, with the role that says most: '120 steps × 8', '16 ch × 120', '28 × 28 × 3 ch', '16 × 14 × 14'."""
    roles = tuple(axes) if len(axes) == len(shape) else unknown(len(shape))
    place, values = next((role for role in roles if role in PLACES - set(NATURAL_ORDER)), ""), values_axis(roles)
    sideways = values is not None and len(shape) > 1 and (values > 0 or len(shape) == 2)
    marks = {place: f" {place}"} if place else {roles[values]: " ch"} if sideways and values is not None else {}
    return " × ".join(f"{size}{marks.get(role, '')}" for size, role in zip(shape, roles, strict=True)) or "1"


def named(axes: Sequence[str]) -> str:
    """'steps × features', for messages."""
    return " × ".join(axis or "?" for axis in axes)


def _named(size: int, axis: str) -> str:
    if size != 1:
        return axis
    return {"classes": "class"}.get(axis, axis.removesuffix("s"))


def regrouped(shape: Shape, axes: Axes, new: Shape) -> Axes:
    """The roles after a reshape that merges neighbouring axes into one or splits one into several; else unknown.

    Axes of size 1 come and go freely.
    """
    found: list[AxisRole | Literal[""]] = []
    old = [(size, role) for size, role in zip(shape, axes, strict=True) if size > 1]
    at = 0
    place = 0
    while place < len(new):
        if new[place] == 1:
            found.append("")
            place += 1
            continue
        start, first = at, place
        taken, made = 1, 1
        while taken != made or made == 1:
            if made <= taken and place < len(new):
                made *= new[place]
                place += 1
            elif at < len(old):
                taken *= old[at][0]
                at += 1
            else:
                return unknown(len(new))
        group = old[start:at]
        if len(group) == 1:
            found.extend(_split(group[0][1], new[first:place], alone=len(old) == 1))
        elif place - first == 1:
            found.append(merged([role for _, role in group], tuple(size for size, _ in group)))
        else:
            found.extend(unknown(place - first))
    return _with_lone_channel(found)


def _split(role: AxisRole | Literal[""], sizes: Shape, alone: bool) -> Axes:
    """The roles of the parts of one axis. Of channels or features only the last part is values: the heads are not.

    `alone`: the tensor is a vector, and its new axes are what a person wants them to be.
    """
    parts = [place for place, size in enumerate(sizes) if size > 1]
    if len(parts) > 1 and alone:
        return unknown(len(sizes))
    kept = parts[-1:] if role in VALUES else parts
    return tuple(role if place in kept else "" for place in range(len(sizes)))


def _with_lone_channel(axes: Sequence[AxisRole | Literal[""]]) -> Axes:
    """A first axis of size 1 before places alone is the channel of an image in grey."""
    alone = axes[0] == "" and len(axes) > 1 and PLACES.issuperset(axes[1:])
    return ("channels", *axes[1:]) if alone else tuple(axes)


def places_changed(shape: Shape, axes: Axes, new: Shape) -> tuple[int, ...] | None:
    """The dims of torch.permute after which a reshape to `new` only merges neighbours; None: it does so already.

    They are found where values and places would otherwise be mixed, and where the result has the sizes of the whole
    axes, or of all the places merged, in another order: 120 × 8 → 8 × 120, or 16 × 7 × 7 → 49 × 16.
    """
    values = values_axis(axes) if len(axes) == len(shape) else None
    plain = tuple(size for size in shape if size > 1)
    wanted = tuple(size for size in new if size > 1)
    if values is None or shape[values] == 1 or len(plain) < 2 or len(wanted) < 2 or any(regrouped(shape, axes, new)):
        return None
    rest = [place for place in range(len(shape)) if place != values]
    sides = tuple(shape[place] for place in rest if shape[place] > 1)
    merged_places = math.prod(sides)
    for target, order in ((0, (shape[values], *sides)), (len(rest), (*sides, shape[values]))):
        both = (shape[values], merged_places) if target == 0 else (merged_places, shape[values])
        if wanted in (order, both) and values != target:
            return moved(len(shape), values, target)
    return None
