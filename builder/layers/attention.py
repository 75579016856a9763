"""Attention: each step of a sequence uses information from the other steps. Transformer layers, position encodings."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from builder.layers._sequence import places_as_tokens
from builder.shapes import Shape, nearest_divisor, show
from builder.spec import Call, Epsilon, Insert, LayerSpec, Probability, ShapeError, Signal, Width, always

Heads = Annotated[int, Field(ge=1, le=1024)]
Activation = Literal["relu", "gelu"]
SEQUENCE = "steps × features"
# torch needs the mask and also is_causal=True, with which its kernels mask later steps themselves and are faster.
CAUSAL_MASK = "nn.Transformer.generate_square_subsequent_mask({{{0}}}.shape[1], device={{{0}}}.device)"


def causal_mask(port: int) -> str:
    """The causal mask for the sequence at this input, as part of a Call's template."""
    return CAUSAL_MASK.format(port)


def check_heads(width: int, heads: int, name: str) -> None:
    """Raise ShapeError if the number of heads does not divide the number of features."""
    if width % heads:
        better = nearest_divisor(width, heads)
        raise ShapeError(
            f"splits {width} features into {heads} heads, but {width} is not divisible by {heads}. {name} must divide "
            f"{width}: {better} does.",
            params={name: better},
            short=f"{heads} heads do not divide {width} features.",
        )


def check_same_width(first: str, one: Shape, second: str, other: Shape) -> None:
    """Raise ShapeError if two sequences have different numbers of features."""
    if one[-1] != other[-1]:
        raise ShapeError(
            f"gets {show(one)} at {first} and {show(other)} at {second}: their last axes, {one[-1]} and {other[-1]} "
            "features, must be equal. Insert a Linear layer before one of them.",
            inserts=(Insert("Linear", {"out_features": one[-1]}, 1),),
        )


class MultiheadAttention(LayerSpec):
    """Each step of a sequence compares its query with the keys of all steps and averages their values accordingly.

    query (steps, features), key and value (other steps, …) → (steps, features). With only the query wired:
    self-attention; with two wires, the second is key and value. Vaswani et al. 2017, https://arxiv.org/abs/1706.03762
    """

    family = "attention"
    target = "torch.nn.MultiheadAttention"
    ports = ("query", "key", "value")
    required_ports = 1
    ranks = (2,)
    axes = SEQUENCE
    keeps_shape = True
    layout = "features_last"
    also = ("Attention", "SelfAttention", "CrossAttention", "AdditiveAttention", "MHA", "ScaledDotProductAttention")
    search = ("transformer", "self-attention", "cross-attention", "mha", "heads")
    example = ((5, 8), (7, 6), (7, 4))

    num_heads: Heads = always(4, "The number of attention heads; must divide the query's features.")
    dropout: Probability = Field(0.0, description="Probability that an attention weight is set to zero in training.")
    bias: bool = Field(True, description="Add learned biases.")
    causal: bool = Field(False, description="Mask later steps: each step attends only to itself and earlier steps.")

    def fix_rank(self, signal: Signal) -> dict[str, Any]:
        return places_as_tokens(signal)

    def inferred(self, *shapes: Shape) -> dict[str, Any]:
        width = shapes[0][-1]
        key, value = shapes[1 if len(shapes) > 1 else 0][-1], shapes[-1][-1]
        other = {name: size for name, size in (("kdim", key), ("vdim", value)) if size != width}
        return {"embed_dim": width, **other, "batch_first": True}

    def check_inputs(self, *shapes: Shape) -> None:
        check_heads(shapes[0][-1], self.num_heads, "num_heads")
        key, value = shapes[1 if len(shapes) > 1 else 0], shapes[-1]
        if key[0] != value[0]:
            raise ShapeError(
                f"gets {key[0]} steps at key ({show(key)}) and {value[0]} at value ({show(value)}): "
                "each key belongs to one value, so the numbers must be equal."
            )
        if self.causal and key[0] != shapes[0][0]:
            raise ShapeError(
                f"masks later steps (causal), but its query has {shapes[0][0]} steps and its key {key[0]}: "
                "a causal mask needs the same number of steps.",
                params={"causal": False},
            )

    def call(self, *shapes: Shape) -> Call:
        settings = self.non_default()
        settings.pop("causal", None)
        sizes = self.inferred(*shapes)
        first = {"embed_dim": sizes.pop("embed_dim"), "num_heads": settings.pop("num_heads")}
        key, value = (1, len(shapes) - 1) if len(shapes) > 1 else (0, 0)
        mask = f", attn_mask={causal_mask(0)}, is_causal=True" if self.causal else ""
        template = f"{{module}}({{0}}, {{{key}}}, {{{value}}}, need_weights=False{mask})[0]"
        return Call(self.target, {**first, **settings, **sizes}, template=template)


class _TransformerLayer(LayerSpec):
    family = "attention"
    ranks = (2,)
    axes = SEQUENCE
    keeps_shape = True
    layout = "features_last"
    stochastic = True
    masked: ClassVar[str]  # the template of the call with a causal mask

    nhead: Heads = always(4, "The number of attention heads; must divide the features.")
    dim_feedforward: Width = Field(2048, description="Units of the feed-forward network's hidden layer.")
    dropout: Probability = Field(0.1, description="Probability that a value is set to zero in training.")
    activation: Activation = Field("relu", description="The activation of the feed-forward network.")
    layer_norm_eps: Epsilon = Field(1e-5, description="Added to the variance to avoid division by zero.")
    norm_first: bool = Field(
        False, description="Normalise before attention and feed-forward network, not after: training is more stable."
    )
    bias: bool = Field(True, description="Add learned biases.")
    causal: bool = Field(False, description="Mask later steps: each step attends only to itself and earlier steps.")

    def fix_rank(self, signal: Signal) -> dict[str, Any]:
        return places_as_tokens(signal)

    def inferred(self, *shapes: Shape) -> dict[str, Any]:
        return {"d_model": shapes[0][-1], "batch_first": True}

    def check_inputs(self, *shapes: Shape) -> None:
        check_heads(shapes[0][-1], self.nhead, "nhead")

    def call(self, *shapes: Shape) -> Call:
        settings = self.non_default()
        causal = settings.pop("causal", False)
        first = {"d_model": shapes[0][-1], "nhead": settings.pop("nhead")}
        return Call(self.target, {**first, **settings, "batch_first": True}, template=self.masked if causal else "")


class TransformerEncoderLayer(_TransformerLayer):
    """One layer of a transformer: self-attention and a feed-forward network. With causal it is a layer of a GPT.

    (steps, features), unchanged. Vaswani et al. 2017, https://arxiv.org/abs/1706.03762
    https://docs.pytorch.org/docs/stable/generated/torch.nn.TransformerEncoderLayer.html
    """

    target = "torch.nn.TransformerEncoderLayer"
    masked = f"{{module}}({{0}}, src_mask={causal_mask(0)}, is_causal=True)"
    also = ("TransformerEncoder: in a block that is repeated", "TransformerBlock", "EncoderLayer", "Transformer")
    search = ("transformer", "attention", "bert", "gpt", "encoder", "self-attention")
    example = ((5, 8),)


class TransformerDecoderLayer(_TransformerLayer):
    """One layer of a transformer that also attends to another sequence (memory), such as the text to translate.

    tgt (steps, features), memory (other steps, features) → (steps, features). Vaswani et al. 2017,
    https://docs.pytorch.org/docs/stable/generated/torch.nn.TransformerDecoderLayer.html
    """

    target = "torch.nn.TransformerDecoderLayer"
    masked = f"{{module}}({{0}}, {{1}}, tgt_mask={causal_mask(0)}, tgt_is_causal=True)"
    ports = ("tgt", "memory")
    also = ("TransformerDecoder: in a block that is repeated", "DecoderLayer", "Transformer")
    search = ("transformer", "cross-attention", "translation", "t5", "decoder")
    example = ((5, 8), (7, 8))

    def check_inputs(self, *shapes: Shape) -> None:
        check_same_width("tgt", shapes[0], "memory", shapes[1])
        super().check_inputs(*shapes)


class PositionalEmbedding(LayerSpec):
    """Adds a learned vector to each position of a sequence, since attention itself does not know the order.

    (steps, features), unchanged; up to max_len steps. Gehring et al. 2017, https://arxiv.org/abs/1705.03122
    """

    family = "attention"
    target = "builder.library.sequences.PositionalEmbedding"
    ranks = (2,)
    axes = SEQUENCE
    keeps_shape = True
    layout = "features_last"
    also = ("PositionEmbedding", "LearnedPositionalEncoding", "PosEmbed", "PositionalEncoding")
    search = ("position", "transformer", "gpt", "bert", "order")
    example = ((5, 8),)

    max_len: Width = always(512, "The maximum length: one vector is learned for each position.")

    def fix_rank(self, signal: Signal) -> dict[str, Any]:
        return places_as_tokens(signal)

    def inferred(self, *shapes: Shape) -> dict[str, Any]:
        return {"embedding_dim": shapes[0][-1]}

    def own_initial_values(self) -> tuple[str, ...]:
        return ("weight",)  # small random vectors, which are added to those of the steps

    def check_inputs(self, *shapes: Shape) -> None:
        steps = shapes[0][0]
        if steps > self.max_len:
            raise ShapeError(
                f"has {self.max_len} positions (max_len), but gets a sequence of {steps} steps. "
                "Increase max_len, or shorten the sequence.",
                params={"max_len": steps},
                short=f"{steps} steps, but max_len is {self.max_len}.",
            )


class SinusoidalEncoding(LayerSpec):
    """Adds sines and cosines of decreasing frequency, which encode the position of each step; nothing is learned.

    (steps, features), unchanged. Vaswani et al. 2017, https://arxiv.org/abs/1706.03762
    """

    family = "attention"
    target = "builder.library.sequences.SinusoidalEncoding"
    ranks = (2,)
    axes = SEQUENCE
    keeps_shape = True
    layout = "features_last"
    also = ("PositionalEncoding", "SinePositionEncoding", "SinusoidalPositionalEncoding", "PositionEncoding")
    search = ("position", "transformer", "sine", "order")
    example = ((5, 8),)

    def fix_rank(self, signal: Signal) -> dict[str, Any]:
        return places_as_tokens(signal)

    def inferred(self, *shapes: Shape) -> dict[str, Any]:
        return {"length": shapes[0][0], "features": shapes[0][1]}


class ClassToken(LayerSpec):
    """Prepends one learned vector to a sequence, which represents all of it; Select it after the attention.

    (steps, features) → (steps + 1, features). Dosovitskiy et al. 2020, https://arxiv.org/abs/2010.11929
    """

    family = "attention"
    target = "builder.library.sequences.ClassToken"
    ranks = (2,)
    axes = SEQUENCE
    layout = "features_last"
    also = ("CLSToken", "ClsToken")
    search = ("cls", "vision transformer", "vit", "bert", "summary")
    example = ((5, 8),)

    def fix_rank(self, signal: Signal) -> dict[str, Any]:
        return places_as_tokens(signal)

    def inferred(self, *shapes: Shape) -> dict[str, Any]:
        return {"embedding_dim": shapes[0][-1]}

    def own_initial_values(self) -> tuple[str, ...]:
        return ("weight",)  # a small random vector that stands among those of the steps
