"""Whole layers of a transformer: attention, a small network for each step, and a skip connection around each."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from builder.layers._heads import SEQUENCE, Activation, Epsilon, Heads, divided, hidden_later, same_width
from builder.shapes import Shape
from builder.spec import Call, LayerSpec, Probability, Width, always


class _TransformerLayer(LayerSpec):
    family = "attention"
    ranks = (2,)
    axes = SEQUENCE
    keeps_shape = True
    layout = "other"
    stochastic = True
    masked: ClassVar[str]  # how torch is told of the mask

    nhead: Heads = always(4, "How many looks at once; must divide the features.")
    dim_feedforward: Width = Field(2048, description="Units of the small network's hidden layer.")
    dropout: Probability = Field(0.1, description="Share of the values set to zero in training.")
    activation: Activation = Field("relu", description="Between the two layers of the small network.")
    layer_norm_eps: Epsilon = Field(1e-5, description="Added to the variance so that nothing is divided by zero.")
    norm_first: bool = Field(False, description="Normalise before attention and network, not after: trains steadier.")
    bias: bool = Field(True, description="Learn offsets.")
    causal: bool = Field(False, description="Hide later steps, so that each step sees itself and earlier ones only.")

    def inferred(self, *shapes: Shape) -> dict[str, Any]:
        return {"d_model": shapes[0][-1], "batch_first": True}

    def check_inputs(self, *shapes: Shape) -> None:
        divided(shapes[0][-1], self.nhead, "nhead")

    def call(self, *shapes: Shape) -> Call:
        settings = self.non_default()
        causal = settings.pop("causal", False)
        first = {"d_model": shapes[0][-1], "nhead": settings.pop("nhead")}
        return Call(self.target, {**first, **settings, "batch_first": True}, use=self.masked if causal else "")


class TransformerEncoderLayer(_TransformerLayer):
    """One layer of a transformer: self-attention, then a small network for each step. Causal, it is a GPT's layer.

    (steps, features), unchanged. Vaswani et al. 2017, https://arxiv.org/abs/1706.03762
    https://docs.pytorch.org/docs/stable/generated/torch.nn.TransformerEncoderLayer.html
    """

    target = "torch.nn.TransformerEncoderLayer"
    masked = f"{{module}}({{0}}, src_mask={hidden_later(0)}, is_causal=True)"
    search = ("transformer", "attention", "bert", "gpt", "encoder", "self-attention")
    example = ((5, 8),)


class TransformerDecoderLayer(_TransformerLayer):
    """One layer of a transformer that also looks at another sequence (memory), such as the text to translate.

    tgt (steps, features), memory (other steps, features) → (steps, features). Vaswani et al. 2017,
    https://docs.pytorch.org/docs/stable/generated/torch.nn.TransformerDecoderLayer.html
    """

    target = "torch.nn.TransformerDecoderLayer"
    masked = f"{{module}}({{0}}, {{1}}, tgt_mask={hidden_later(0)}, tgt_is_causal=True)"
    ports = ("tgt", "memory")
    search = ("transformer", "cross-attention", "translation", "t5", "decoder")
    example = ((5, 8), (7, 8))

    def check_inputs(self, *shapes: Shape) -> None:
        same_width("tgt", shapes[0], "memory", shapes[1])
        super().check_inputs(*shapes)
