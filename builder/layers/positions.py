"""What transformers put beside a sequence: where each step stands, and a token that stands for all of them."""

from __future__ import annotations

from typing import Any

from builder.layers._heads import SEQUENCE
from builder.shapes import Shape
from builder.spec import LayerSpec, ShapeError, Width, always


class PositionalEmbedding(LayerSpec):
    """Adds a learned vector to each place of a sequence, since attention by itself knows no order.

    (steps, features), unchanged; up to max_len steps. Gehring et al. 2017, https://arxiv.org/abs/1705.03122
    """

    family = "attention"
    target = "builder.library.sequences.PositionalEmbedding"
    ranks = (2,)
    axes = SEQUENCE
    keeps_shape = True
    search = ("position", "transformer", "gpt", "bert", "order")
    example = ((5, 8),)

    max_len: Width = always(512, "The longest sequence: one vector is learned for each place.")

    def inferred(self, *shapes: Shape) -> dict[str, Any]:
        return {"embedding_dim": shapes[0][-1]}

    def check_inputs(self, *shapes: Shape) -> None:
        steps = shapes[0][0]
        if steps > self.max_len:
            raise ShapeError(
                f"knows {self.max_len} places (max_len), but gets a sequence of {steps} steps. "
                "Raise max_len, or shorten the sequence.",
                params={"max_len": steps},
                short=f"{steps} steps, but max_len is {self.max_len}.",
            )


class SinusoidalEncoding(LayerSpec):
    """Adds sines and cosines of falling frequency, from which each step's place can be read; nothing is learned.

    (steps, features), unchanged. Vaswani et al. 2017, https://arxiv.org/abs/1706.03762
    """

    family = "attention"
    target = "builder.library.sequences.SinusoidalEncoding"
    ranks = (2,)
    axes = SEQUENCE
    keeps_shape = True
    search = ("position", "transformer", "sine", "order")
    example = ((5, 8),)

    def inferred(self, *shapes: Shape) -> dict[str, Any]:
        return {"length": shapes[0][0], "features": shapes[0][1]}


class ClassToken(LayerSpec):
    """Puts one learned vector in front of a sequence, which comes to stand for all of it; Select it behind attention.

    (steps, features) → (steps + 1, features). Dosovitskiy et al. 2020, https://arxiv.org/abs/2010.11929
    """

    family = "attention"
    target = "builder.library.sequences.ClassToken"
    ranks = (2,)
    axes = SEQUENCE
    search = ("cls", "vision transformer", "vit", "bert", "summary")
    example = ((5, 8),)

    def inferred(self, *shapes: Shape) -> dict[str, Any]:
        return {"embedding_dim": shapes[0][-1]}
