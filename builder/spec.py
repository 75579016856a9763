"""What a layer is: its parameters, ports, words for people, and the call that builds and prints it."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, field_validator

from builder.shapes import Shape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from builder.document import Block

DType = Literal["float", "int"]
Role = Literal["input", "output", "layer", "block"]
Style = Literal["module", "function", "list", "fold", "expression"]
Layout = Literal["as_input", "channels_first", "other"]

# Bounds keep a typing slip from asking the machine for terabytes; they are far above what a person would draw.
Width = Annotated[int, Field(ge=1, le=1_000_000)]
Extent = Annotated[int, Field(ge=1, le=4096)]
Margin = Annotated[int, Field(ge=0, le=4096)]
Axis = Annotated[int, Field(ge=-8, le=8)]
Probability = Annotated[float, Field(ge=0.0, le=1.0)]


class Family(NamedTuple):
    """A group of layers: its label and its colour on light and on dark ground."""

    label: str
    colour: str
    colour_dark: str


# In the order of the palette. The colours differ in lightness as well as in hue, and the place in the palette and the
# written type say the same again, so nobody has to tell them apart by hue alone.
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


class Use(NamedTuple):
    """A block by its name in the document, and how many times it stands end to end."""

    block: str
    repeat: int = 1


class Signal(NamedTuple):
    """What flows along an edge: the shape of one sample (no batch axis), the kind of number, where its channels are."""

    shape: Shape
    dtype: DType = "float"
    channels_first: bool = False  # a picture or a volume whose first axis is the channels, as convolutions give it


class ShapeError(Exception):
    """A layer cannot take what it is given. Its text is the sentence for the user.

    `insert` is a (type, params) that, put in the wire before the node, would mend it; `params` are values that would.
    """

    def __init__(
        self,
        message: str,
        *,
        insert: tuple[str, dict[str, Any]] | None = None,
        params: dict[str, Any] | None = None,
        short: str = "",
    ) -> None:
        super().__init__(message)
        self.insert = insert
        self.params = params
        self.short = short or message


@dataclass(frozen=True)
class Call:
    """A call that both builds the module and prints as the code for it, so the two cannot differ.

    `target` is an importable name. `style` says how the node's inputs reach it:

    - "module": a torch.nn class, or one of builder/library/; built once with `kwargs`, then called with the inputs.
    - "function": `target(a, b, **kwargs)`; "list": `target([a, b], **kwargs)`; "fold": `a + b + c`.
    - "expression": `use`, in which {0} {1} … stand for the inputs, such as "{0}[:, 1:]".

    `use` says how a module is called where it is not simply `module(a, b)`: "{module}({0})[0]".
    """

    target: str
    kwargs: dict[str, Any] = field(default_factory=dict)
    style: Style = "module"
    use: str = ""

    def build(self) -> nn.Module:
        """The torch module that performs this call."""
        from builder.modules import Apply, evaluated, resolve, used

        if self.style == "expression":
            return Apply(evaluated(self.use), self.style, self.kwargs)
        target = resolve(self.target)
        if self.style == "module":
            module: nn.Module = (used(target, self.use) if self.use else target)(**self.kwargs)
            return module
        return Apply(target, self.style, self.kwargs)


class LayerSpec(BaseModel):
    """Base of every layer type. A subclass's fields are its parameters, by torch's names with torch's defaults.

    Subclasses set the class variables below and, where torch wants sizes that follow from the input, `inferred`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    label: ClassVar[str] = ""  # shown in the palette; the type name when empty
    family: ClassVar[str] = "data"
    role: ClassVar[Role] = "layer"
    target: ClassVar[str] = ""
    style: ClassVar[Style] = "module"
    ports: ClassVar[tuple[str, ...]] = ("input",)
    required_ports: ClassVar[int | None] = None  # how many of the leading ports must be wired; None: all
    variadic: ClassVar[bool] = False  # one port that takes two or more inputs, in the order of the edges
    ranks: ClassVar[tuple[int, ...] | None] = None  # how many axes a sample may have; None: any
    axes: ClassVar[str] = ""  # what those axes are called, for messages
    takes: ClassVar[DType | None] = "float"  # the kind of number every input must be; None: any
    emits: ClassVar[Literal["values", "probabilities", "log_probabilities", "unit"]] = "values"
    keeps_shape: ClassVar[bool] = False  # the output has the shape of the input
    layout: ClassVar[Layout | None] = None  # where the output's channels are; None: "as_input" if it keeps the shape
    # Its features are the last axis, which in a picture is a width: what, put before it, mends that.
    fix_for_images: ClassVar[tuple[str, dict[str, Any]] | None] = None
    follows_batch: ClassVar[bool] = False  # unwired, it takes its batch size from the network's first input
    last_step: ClassVar[dict[str, Any] | None] = None  # parameters that make it pass on a sequence's last step alone
    vocabulary_parameter: ClassVar[str | None] = None  # the parameter that says how many tokens it knows
    has_batch_statistics: ClassVar[bool] = False
    width_parameter: ClassVar[str | None] = None  # the parameter that sets the size of the feature axis
    saturates: ClassVar[tuple[float, ...]] = ()  # the values at which the gradient dies
    stochastic: ClassVar[bool] = False  # in training mode it gives other numbers each time for the same input
    latent: ClassVar[bool] = False  # draws a latent code from the distribution at its ports mean and log_variance
    divergence: ClassVar[bool] = False  # its module has kl_divergence() → scalar: weights against their prior
    search: ClassVar[tuple[str, ...]] = ()
    example: ClassVar[tuple[Shape, ...]] = ((8,),)

    @field_validator("*", mode="before")
    @classmethod
    def _lists_are_tuples(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @functools.cached_property
    def key(self) -> tuple[Any, ...]:
        """Hashable identity: two specs with the same key build the same module for the same input shapes."""
        return (type(self).__name__, *(getattr(self, name) for name in type(self).model_fields))

    def non_default(self) -> dict[str, Any]:
        """The parameters that differ from torch's default, in torch's order: what a person would write down."""
        return {
            name: getattr(self, name)
            for name, info in type(self).model_fields.items()
            if info.is_required() or getattr(self, name) != info.default or (info.json_schema_extra or {}).get("always")  # type: ignore[union-attr]
        }

    def inferred(self, *shapes: Shape) -> dict[str, Any]:
        """The arguments torch wants that follow from the input shapes (in_features, …)."""
        return {}

    def check_inputs(self, *shapes: Shape) -> None:
        """Raise ShapeError if these input shapes cannot work, in words that name sizes. Ranks are checked before."""

    def call(self, *shapes: Shape) -> Call:
        """The call that builds this layer for inputs of these shapes."""
        return Call(self.target, {**self.inferred(*shapes), **self.non_default()}, self.style)

    def infer_output(self, *signals: Signal) -> Signal | None:
        """The output's signal where running the module on meta tensors would be slow; None: run it."""
        return None

    def flops(self, *signals: Signal) -> int | None:
        """Operations for one sample, by formula, where torch's counter does not know them; None: let torch count."""
        return None

    def warning(self, *shapes: Shape) -> ShapeError | None:
        """A setting that has no effect here, in words: told as a warning. Asked where `check_inputs` has no objection."""
        return None

    def missing(self) -> str:
        """What this layer needs that this machine lacks (a package, a file), as a sentence; empty: nothing.

        A layer that may lack something gives its shape by `infer_output`, which is then known all the same.
        """
        return ""

    def pretrained(self) -> bool:
        """Whether this layer, with these parameters, is built with weights that have learned already."""
        return False

    def not_in_onnx(self) -> str:
        """Why this layer, with these parameters, cannot be exported to ONNX, as a sentence; empty: it can."""
        return ""

    def explain(self, *inputs: Any) -> str | None:
        """Why a run on these tensors failed, as the rest of a sentence, where torch's own words would help nobody."""
        return None

    def bounds(self) -> tuple[float, ...]:
        """The values at which this layer's slope is almost zero, so that no gradient passes."""
        return self.saturates

    def use(self) -> Use | None:
        """The block of the document that this node stands for; None: it is a layer of its own."""
        return None

    def ports_with(self, blocks: Mapping[str, Block]) -> tuple[str, ...]:
        """The ports of this node in a document with these blocks."""
        return self.ports

    @classmethod
    def channels(cls) -> Layout:
        """Where the output's channels are: first, where the input's were, or not known."""
        return cls.layout or ("as_input" if cls.keeps_shape else "other")

    @classmethod
    def type_name(cls) -> str:
        return cls.__name__

    @classmethod
    def title(cls) -> str:
        return cls.label or cls.__name__

    @classmethod
    def sentence(cls) -> str:
        """The first line of the docstring: what the layer is for, in words for a learner."""
        return (cls.__doc__ or "").strip().split("\n", 1)[0]


def always(default: Any, description: str, **bounds: Any) -> Any:
    """A field that torch has no default for: it has one here, so that a dropped layer works, and is always printed."""
    return Field(default, description=description, json_schema_extra={"always": True}, **bounds)
