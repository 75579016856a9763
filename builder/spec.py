"""What a layer is: its parameters, ports and texts, and the call that both builds it and prints its code."""

from __future__ import annotations

import functools
import importlib
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, field_validator

from builder import axes as axis_roles
from builder.axes import PLACES, Axes
from builder.shape_error import Insert as Insert
from builder.shape_error import Larger as Larger
from builder.shape_error import Reorder as Reorder
from builder.shape_error import ShapeError as ShapeError
from builder.shapes import Shape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from builder.document import Block

DType = Literal["float", "int"]
Role = Literal["input", "output", "layer", "block"]
Style = Literal["module", "function", "list", "fold", "expression"]
Layout = Literal["as_input", "channels_first", "features_last", "other"]

# Types of parameters. The bounds keep a typing error from allocating terabytes; they are far above any useful value.
Width = Annotated[int, Field(ge=1, le=1_000_000)]
Extent = Annotated[int, Field(ge=1, le=4096)]
Margin = Annotated[int, Field(ge=0, le=4096)]
Axis = Annotated[int, Field(ge=-8, le=8)]
Probability = Annotated[float, Field(ge=0.0, le=1.0)]
Real = Annotated[float, Field(ge=-1e6, le=1e6)]
Positive = Annotated[float, Field(gt=0, le=1e6)]
NotNegative = Annotated[float, Field(ge=0, le=1e6)]
Epsilon = Annotated[float, Field(gt=0, le=1)]


class Family(NamedTuple):
    """A group of layers: its label, and its colour in the light and in the dark theme."""

    label: str
    colour: str
    colour_dark: str


# In the order of the palette. The colours differ in lightness as well as in hue, and every node shows its type as text,
# so nobody has to distinguish families by hue alone.
FAMILIES: dict[str, Family] = {
    "data": Family("Data", "#64748B", "#94A3B8"),
    "dense": Family("Dense", "#7C3AED", "#A78BFA"),
    "convolution": Family("Convolution", "#4F46E5", "#818CF8"),
    "pooling": Family("Pooling", "#0369A1", "#38BDF8"),
    "resize": Family("Resize", "#1D4ED8", "#60A5FA"),
    "normalisation": Family("Normalisation", "#0E7490", "#22D3EE"),
    "activation": Family("Activation", "#B45309", "#FBBF24"),
    "regularisation": Family("Regularisation", "#4D7C0F", "#A3E635"),
    "recurrent": Family("Recurrent", "#047857", "#34D399"),
    "attention": Family("Attention", "#A21CAF", "#E879F9"),
    "probabilistic": Family("Probabilistic", "#9A3412", "#FDBA74"),
    "merge": Family("Merge", "#BE185D", "#F472B6"),
    "reshape": Family("Shape", "#475569", "#CBD5E1"),
    "parameter": Family("Parameters", "#115E59", "#99F6E4"),
    "composite": Family("Blocks", "#A16207", "#FDE047"),
}


Range = tuple[float, float]  # the least and the greatest value of a tensor
UNBOUNDED: Range = (-math.inf, math.inf)


class Use(NamedTuple):
    """A block by its name in the document, and how many times it is repeated."""

    block: str
    repeat: int = 1


class Signal(NamedTuple):
    """The tensor on an edge: the shape of one sample (without the batch axis), the dtype, the roles of its axes."""

    shape: Shape
    dtype: DType = "float"
    channels_first: bool = False  # an image or a volume whose first axis is the channels, as convolutions return it
    axes: Axes = ()  # the role of each axis; empty: nothing is known
    arranged: bool = False  # a person has put the axes in this order, so layers that take any order do not question it


@dataclass(frozen=True)
class Call:
    """A call that is both executed (the module) and printed (the generated code), so the two cannot differ.

    `target` is an importable name. `style` says how it is called with the node's inputs a, b, …:

    - "module": a class of torch.nn or builder/library/, constructed once with `kwargs` and called with the inputs.
    - "function": `target(a, b, **kwargs)`; "list": `target([a, b], **kwargs)`; "fold": `a + b + c`.
    - "expression": `template`, in which {0} {1} … are the inputs, such as "{0}[:, 1:]".

    `template` also says how a module is called if it is not simply `module(a, b)`: "{module}({0})[0]".
    """

    target: str
    kwargs: dict[str, Any] = field(default_factory=dict)
    style: Style = "module"
    template: str = ""

    def resolve(self) -> Any:
        """The class or function that `target` names. Targets come from the layer classes, never from a document."""
        module, _, name = self.target.rpartition(".")
        return getattr(importlib.import_module(module), name)

    def build(self) -> nn.Module:
        """The torch module that performs this call."""
        from builder.modules import Apply, template_function, with_template

        if self.style == "expression":
            return Apply(template_function(self.template), self.style, self.kwargs)
        target = self.resolve()
        if self.style == "module":
            module: nn.Module = (with_template(target, self.template) if self.template else target)(**self.kwargs)
            return module
        return Apply(target, self.style, self.kwargs)


class LayerSpec(BaseModel):
    """Base of every layer type. A subclass's fields are its parameters, with torch's names and torch's defaults.

    Subclasses set the class variables below and implement `inferred` if torch wants sizes that follow from the input.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    label: ClassVar[str] = ""  # shown in the palette; empty: the type name
    family: ClassVar[str] = "data"
    role: ClassVar[Role] = "layer"
    target: ClassVar[str] = ""
    style: ClassVar[Style] = "module"
    ports: ClassVar[tuple[str, ...]] = ("input",)
    required_ports: ClassVar[int | None] = None  # how many of the first ports need an input; None: all
    variadic: ClassVar[bool] = False  # one port that takes two or more inputs, in the order of the edges
    ranks: ClassVar[tuple[int, ...] | None] = None  # how many axes a sample may have; None: any number
    axes: ClassVar[str] = ""  # the names of these axes, for messages
    takes: ClassVar[DType | None] = "float"  # the dtype of every input; None: any
    emits: ClassVar[Literal["values", "probabilities", "log_probabilities", "unit"]] = "values"
    keeps_shape: ClassVar[bool] = False  # the output has the shape of the input
    # Where the channels or features are, in the input and in the output; None: "as_input" if it keeps the shape. From
    # it follow the roles of the output's axes, and a warning if an input has its channels elsewhere.
    layout: ClassVar[Layout | None] = None
    reads: ClassVar[Layout | None] = None  # where it takes the channels of its input to be, if `layout` does not say it
    # The layer works on the last axis, which in an image is the width. The layer (type, params) to insert before it.
    fix_for_images: ClassVar[tuple[str, dict[str, Any]] | None] = None
    axis_parameter: ClassVar[str | None] = None  # the parameter with the axis that it takes for channels or features
    sums_to_one: ClassVar[bool] = False  # along the axis `dim` its values are probabilities, or their logarithms
    joins: ClassVar[bool] = False  # it puts its inputs one after the other along the axis `dim`
    arranges: ClassVar[bool | None] = None  # whether a person orders the axes with it; None: as in its inputs
    reorders: ClassVar[str | None] = None  # the parameter with the new order of all axes, as torch.permute has it
    follows_batch: ClassVar[bool] = False  # without an input it takes its batch size from the network's first Input
    last_step: ClassVar[dict[str, Any] | None] = None  # parameters with which it returns only a sequence's last step
    vocabulary_parameter: ClassVar[str | None] = None  # the parameter with the number of tokens it knows
    has_batch_statistics: ClassVar[bool] = False
    width_parameter: ClassVar[str | None] = None  # the parameter that sets the size of the feature axis
    # What values the output can have, in evaluation: whatever comes in; between the values of its inputs; a function of
    # each value alone, whose range is found by running the module. A layer for which none of these is true defines
    # `output_range`.
    value_range: ClassVar[Range] = UNBOUNDED
    keeps_values: ClassVar[bool] = False
    elementwise: ClassVar[bool] = False
    saturates: ClassVar[tuple[float, ...]] = ()  # the output values at which the gradient vanishes
    stochastic: ClassVar[bool] = False  # in training mode its output is random
    latent: ClassVar[bool] = False  # samples a latent code from the distribution at its ports mean and log_variance
    divergence: ClassVar[bool] = False  # its module has kl_divergence() → scalar: from the weights to their prior
    search: ClassVar[tuple[str, ...]] = ()
    also: ClassVar[tuple[str, ...]] = ()  # other tools' names of this type alone, each perhaps with ": and how"
    example: ClassVar[tuple[Shape, ...]] = ((8,),)

    @field_validator("*", mode="before")
    @classmethod
    def _lists_are_tuples(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @functools.cached_property
    def key(self) -> tuple[Any, ...]:
        """A hashable key: two specs with the same key build the same module for the same input shapes."""
        return (type(self).__name__, *(getattr(self, name) for name in type(self).model_fields))

    def non_default(self) -> dict[str, Any]:
        """The parameters that differ from torch's defaults, in torch's order: those that a person would write."""
        return {
            name: getattr(self, name)
            for name, info in type(self).model_fields.items()
            if info.is_required() or getattr(self, name) != info.default or (info.json_schema_extra or {}).get("always")  # type: ignore[union-attr]
        }

    def inferred(self, *shapes: Shape) -> dict[str, Any]:
        """The arguments that torch needs and that follow from the input shapes (in_features, …)."""
        return {}

    def check_inputs(self, *shapes: Shape) -> None:
        """Raise ShapeError, with a message that names the sizes, if the shapes do not fit. Ranks are checked before."""

    def fix_rank(self, signal: Signal) -> dict[str, Any]:
        """How an input with another number of axes is made to fit, as arguments of ShapeError; empty: not at all."""
        return {}

    def enlarged(self, output: Shape, by: tuple[int, ...]) -> dict[str, Any] | None:
        """Parameters with which the spatial axes of the output are larger by so much; None: there are none."""
        return None

    def call(self, *shapes: Shape) -> Call:
        """The call that builds this layer for inputs of these shapes."""
        return Call(self.target, {**self.inferred(*shapes), **self.non_default()}, self.style)

    def infer_output(self, *signals: Signal) -> Signal | None:
        """The output's signal, if running the module on meta tensors would be slow; None: run it."""
        return None

    def output_axes(self, shape: Shape, *signals: Signal) -> Axes:
        """The roles of the output's axes, from the roles of the inputs' axes. By default they follow from `layout`."""
        layout, rank = self.channels(), len(shape)
        given = axis_roles.combined([(signal.shape, signal.axes) for signal in signals], rank)
        if rank == 1:
            return given if layout == "as_input" and given[0] else ("features",)
        if layout == "as_input" or (self.keeps_shape and layout != "other" and (rank == 2 or any(given))):
            return given
        if layout == "channels_first":
            spatial = axis_roles.channels_first(rank)[1:]
            return (
                "channels",
                *(one if one in PLACES else other for one, other in zip(given[1:], spatial, strict=True)),
            )
        if layout == "features_last" and rank:
            return (*given[:-1], "features")
        return axis_roles.unknown(rank)

    def named_axes(self) -> bool:
        """Of an input: whether a person or the data set has named its axes; else their roles are only likely."""
        return False

    def misread(self, *signals: Signal) -> ShapeError | None:
        """An input whose axes have other roles than this layer takes them for: it runs, and learns from the wrong axis.

        Called after `check_inputs` has passed. By default `layout` says where the channels must be.
        """
        layout = self.reads or self.channels()
        if self.axis_parameter is not None:
            return self._misread_parameter(self.axis_parameter, signals[0])
        if layout not in ("channels_first", "features_last"):
            return None
        for port, signal in enumerate(signals):
            axes = signal.axes
            place = axis_roles.values_axis(axes) if len(axes) > 1 else None
            wanted = 0 if layout == "channels_first" else len(axes) - 1
            if place is None or place == wanted:
                continue
            # Somebody who mixes along another axis says so by permuting. Channels last before a layer for channels
            # first are rather an order that somebody forgot to undo.
            forgotten = wanted == 0 and place == len(axes) - 1 and axis_roles.in_natural_order(axes)
            if forgotten or not signal.arranged:
                return self._misread_error(signal, Reorder(axis_roles.moved(len(axes), place, wanted), port))
        return None

    def _misread_parameter(self, name: str, signal: Signal) -> ShapeError | None:
        """A warning if the axis that a parameter names is a place, while channels or features are on another."""
        dim, axes = getattr(self, name), signal.axes
        place = axis_roles.values_axis(axes)
        own = dim - 1 if dim > 0 else dim
        if place is None or signal.arranged or axes[own] not in PLACES:
            return None
        return ShapeError(
            f"works along dim {dim}, which is the {axes[own]}, not the {axes[place]}: it gets "
            f"{axis_roles.describe(signal.shape, axes)}.",
            params={name: place + 1},
        )

    def _misread_error(self, signal: Signal, reorder: Reorder) -> ShapeError:
        axes, order = signal.axes, [dim - 1 for dim in reorder.dims[1:]]
        better = axis_roles.describe(tuple(signal.shape[at] for at in order), [axes[at] for at in order])
        given = axis_roles.describe(signal.shape, axes)
        if (self.reads or self.channels()) == "channels_first":
            values = axes[order[0]]
            message = f"takes axis 1 for the channels, but it is the {axes[0]}: it gets {given}. Permute the {values} "
            back = self.width_parameter is None
            return ShapeError(f"{message}to the front: {better}.", reorder=reorder._replace(back=back))
        values = axes[order[-1]]
        message = f"works on the last axis, which is the {axes[-1]}, not the {values}: it gets {given}."
        if self.fix_for_images is not None:
            name, _ = self.fix_for_images
            text = f"{message} {name} it into one vector, or Permute it to {better}."
            return ShapeError(text, insert=self.fix_for_images)
        back = self.keeps_shape and self.ranks is None
        return ShapeError(f"{message} Permute it to {better}.", reorder=reorder._replace(back=back))

    def values_per_sample(self, *shapes: Shape) -> int | None:
        """How many values of one sample each mean and variance over the batch is computed from; None: there is none."""
        return None

    def statistics_in_evaluation(self) -> bool:
        """Whether it computes means and variances over the batch in evaluation, too."""
        return False

    def flops(self, output: Signal, *signals: Signal) -> int | None:
        """Operations per sample by a formula, for a layer that torch's counter does not know; None: torch counts."""
        return None

    def warning(self, *shapes: Shape) -> ShapeError | None:
        """A setting that has no effect, reported as a warning. Called after `check_inputs` has passed."""
        return None

    def missing(self) -> str:
        """A package or file that this layer needs and this machine does not have, as a sentence; empty: nothing.

        A layer that needs one implements `infer_output`, so that its shape is known without it.
        """
        return ""

    def pretrained(self) -> bool:
        """Whether this layer, with these parameters, is built with pretrained weights."""
        return False

    def output_range(self, *inputs: Range) -> Range:
        """The least and the greatest value that the output can have, for inputs between these bounds."""
        if self.keeps_values and inputs:
            return min(low for low, _ in inputs), max(high for _, high in inputs)
        return self.value_range

    def normalises(self, shape: Shape) -> int:
        """How many values of a sample of this shape it normalises together, as Softmax does with classes; 0: none."""
        return 0

    def own_initial_values(self) -> tuple[str, ...]:
        """How the names of its module's parameters begin that have initial values by their meaning: a learned tensor
        that starts at zero, pretrained weights. A chosen initialisation leaves them alone."""
        return ()

    def not_in_onnx(self) -> str:
        """Why this layer, with these parameters, cannot be exported to ONNX, as a sentence; empty: it can be."""
        return ""

    def onnx_module(self, *shapes: Shape) -> nn.Module | None:
        """A module without weights that returns the same and that ONNX can hold; None: the layer's own module."""
        return None

    def explain(self, *inputs: Any) -> str | None:
        """Why the layer failed on these tensors, as the rest of a sentence, if torch's own message does not help."""
        return None

    def bounds(self) -> tuple[float, ...]:
        """The output values at which this layer's slope is almost zero, so that the gradient vanishes."""
        return self.saturates

    def use(self) -> Use | None:
        """The block of the document that this node uses; None: it is a layer."""
        return None

    def ports_with(self, blocks: Mapping[str, Block]) -> tuple[str, ...]:
        """The ports of this node in a document with these blocks."""
        return self.ports

    @classmethod
    def channels(cls) -> Layout:
        """Where the output's channels are: on the first axis, as in the input, or unknown."""
        return cls.layout or ("as_input" if cls.keeps_shape else "other")

    @classmethod
    def other_names(cls) -> dict[str, str]:
        """Other tools' names of this type, each with what to set for it: {"Dense": ""}. Not those of a base class."""
        pairs = (name.partition(": ") for name in vars(cls).get("also", ()))
        return {name: how for name, _, how in pairs}

    @classmethod
    def inferred_names(cls) -> frozenset[str]:
        """The names of the arguments of torch that follow from the inputs, which are no parameters here."""
        try:
            return frozenset(cls().inferred(*cls.example)) - set(cls.model_fields)
        except (ValueError, IndexError):
            return frozenset()

    @classmethod
    def type_name(cls) -> str:
        return cls.__name__

    @classmethod
    def title(cls) -> str:
        return cls.label or cls.__name__

    @classmethod
    def sentence(cls) -> str:
        """The first line of the docstring: what the layer is for, written for a learner."""
        return (cls.__doc__ or "").strip().split("\n", 1)[0]


def always(default: Any, description: str, **bounds: Any) -> Any:
    """A field without a default in torch: with this default a new layer works; generated code always prints it."""
    return Field(default, description=description, json_schema_extra={"always": True}, **bounds)
