"""Attention: every step of a sequence looks at the others and takes from them what fits."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from builder.layers._heads import SEQUENCE, Heads, divided, hidden_later
from builder.shapes import Shape, show
from builder.spec import Call, LayerSpec, Probability, ShapeError, always


class MultiheadAttention(LayerSpec):
    """Lets each step of a sequence ask all others (query), see who fits (key) and take what they hold (value).

    query (steps, features), key and value (other steps, …) → (steps, features). With the query alone: self-attention;
    with two wires the second is key and value. Vaswani et al. 2017, https://arxiv.org/abs/1706.03762
    """

    family = "attention"
    target = "torch.nn.MultiheadAttention"
    ports = ("query", "key", "value")
    required_ports = 1
    ranks = (2,)
    axes = SEQUENCE
    keeps_shape = True
    layout = "other"
    search = ("transformer", "self-attention", "cross-attention", "mha", "heads")
    example = ((5, 8), (7, 6), (7, 4))

    num_heads: Heads = always(4, "How many looks at once; must divide the query's features.")
    dropout: Probability = Field(0.0, description="Share of the looks that are left out in training.")
    bias: bool = Field(True, description="Learn offsets.")
    causal: bool = Field(False, description="Hide later steps, so that each step sees itself and earlier ones only.")

    def inferred(self, *shapes: Shape) -> dict[str, Any]:
        width = shapes[0][-1]
        key, value = shapes[1 if len(shapes) > 1 else 0][-1], shapes[-1][-1]
        other = {name: size for name, size in (("kdim", key), ("vdim", value)) if size != width}
        return {"embed_dim": width, **other, "batch_first": True}

    def check_inputs(self, *shapes: Shape) -> None:
        divided(shapes[0][-1], self.num_heads, "num_heads")
        key, value = shapes[1 if len(shapes) > 1 else 0], shapes[-1]
        if key[0] != value[0]:
            raise ShapeError(
                f"gets {key[0]} steps at key ({show(key)}) and {value[0]} at value ({show(value)}): "
                "each key belongs to one value, so they must be as many."
            )
        if self.causal and key[0] != shapes[0][0]:
            raise ShapeError(
                f"hides later steps (causal), but its query has {shapes[0][0]} steps and its key {key[0]}: "
                "which of them are later is only known where both are as long.",
                params={"causal": False},
            )

    def call(self, *shapes: Shape) -> Call:
        settings = self.non_default()
        settings.pop("causal", None)
        sizes = self.inferred(*shapes)
        first = {"embed_dim": sizes.pop("embed_dim"), "num_heads": settings.pop("num_heads")}
        key, value = (1, len(shapes) - 1) if len(shapes) > 1 else (0, 0)
        mask = f", attn_mask={hidden_later(0)}, is_causal=True" if self.causal else ""
        use = f"{{module}}({{0}}, {{{key}}}, {{{value}}}, need_weights=False{mask})[0]"
        return Call(self.target, {**first, **settings, **sizes}, use=use)
