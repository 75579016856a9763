"""Fully connected layers and look-up tables."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from builder.shapes import Shape, show
from builder.spec import LayerSpec, ShapeError, Signal, Width, always


class Linear(LayerSpec):
    """Connects every input feature to every output feature by a learned weight: y = xAᵀ + b.

    (…, in_features) → (…, out_features). https://docs.pytorch.org/docs/stable/generated/torch.nn.Linear.html
    """

    family = "dense"
    target = "torch.nn.Linear"
    width_parameter = "out_features"
    fix_for_images = ("Flatten", {})
    search = ("dense", "fully connected", "fc", "perceptron", "affine")
    example = ((8,),)

    out_features: Width = always(64, "How many features (units) come out.")
    bias: bool = Field(True, description="Learn an offset for each output feature.")

    def inferred(self, *shapes: Shape) -> dict[str, Any]:
        return {"in_features": shapes[0][-1]}

    def check_inputs(self, *shapes: Shape) -> None:
        (shape,) = shapes
        if not shape:
            raise ShapeError("expects a vector, gets a single number a sample; give it at least one axis.")


class Bilinear(LayerSpec):
    """Learns from every product of a feature of one input with a feature of the other: how two things go together.

    (…, in1_features) and (…, in2_features) → (…, out_features).
    https://docs.pytorch.org/docs/stable/generated/torch.nn.Bilinear.html
    """

    family = "dense"
    target = "torch.nn.Bilinear"
    ports = ("input1", "input2")
    width_parameter = "out_features"
    fix_for_images = ("Flatten", {})
    search = ("interaction", "similarity", "pair")
    example = ((6,), (4,))

    out_features: Width = always(64, "How many features (units) come out.")
    bias: bool = Field(True, description="Learn an offset for each output feature.")

    def inferred(self, *shapes: Shape) -> dict[str, Any]:
        return {"in1_features": shapes[0][-1], "in2_features": shapes[1][-1]}

    def check_inputs(self, *shapes: Shape) -> None:
        one, other = shapes
        if not one or one[:-1] != other[:-1]:
            raise ShapeError(
                f"gets {show(one)} and {show(other)}: all axes but the last must be equal.",
                short="All axes but the last must be equal.",
            )

    def infer_output(self, *signals: Signal) -> Signal | None:
        return Signal((*signals[0].shape[:-1], self.out_features))  # on meta tensors torch loops over the features

    def flops(self, *signals: Signal) -> int | None:
        return 0  # as torch's counter has it: it does not know this product of three


class Embedding(LayerSpec):
    """Looks up a learned vector for each whole number, such as a word's index.

    (…) of ints below num_embeddings → (…, embedding_dim).
    https://docs.pytorch.org/docs/stable/generated/torch.nn.Embedding.html
    """

    family = "dense"
    target = "torch.nn.Embedding"
    takes = "int"
    width_parameter = "embedding_dim"
    vocabulary_parameter = "num_embeddings"
    search = ("lookup", "token", "word", "vocabulary", "category")
    example = ((12,),)

    num_embeddings: Width = always(1000, "Size of the vocabulary: inputs must be from 0 to one less than this.")
    embedding_dim: Width = always(64, "Length of the vector for each entry.")
    padding_idx: int | None = Field(None, description="An index whose vector stays zero and does not learn.")

    def check_inputs(self, *shapes: Shape) -> None:
        if self.padding_idx is not None and not -self.num_embeddings <= self.padding_idx < self.num_embeddings:
            raise ShapeError(
                f"has padding_idx {self.padding_idx}, which lies outside its {self.num_embeddings} entries.",
                params={"padding_idx": None},
            )

    def explain(self, *inputs: Any) -> str | None:
        (tokens,) = inputs
        if tokens.device.type == "cuda":  # after a failed look-up the device answers nothing any more
            return None
        wrong = tokens[(tokens < 0) | (tokens >= self.num_embeddings)]
        if not wrong.numel():
            return None
        return (
            f"got the token {int(wrong[0])}, but its vocabulary ends at {self.num_embeddings - 1} "
            f"(num_embeddings {self.num_embeddings}). Raise num_embeddings, or keep tokens from 0 to one less than it."
        )


class TimestepEmbedding(LayerSpec):
    """Turns the number of a time step into sines and cosines, from which a network reads how much noise there is.

    (1,), a whole number → (embedding_dim,); nothing is learned. Ho et al. 2020, https://arxiv.org/abs/2006.11239
    """

    family = "dense"
    target = "builder.library.sequences.TimestepEmbedding"
    takes = "int"
    ranks = (1,)
    axes = "one whole number"
    width_parameter = "embedding_dim"
    search = ("diffusion", "time", "noise level", "sinusoidal", "ddpm", "position")
    example = ((1,),)

    embedding_dim: Width = always(64, "How many sines and cosines.")
    max_period: Annotated[int, Field(ge=1, le=1_000_000_000)] = Field(
        10_000, description="The longest period, in steps: well above the largest time step."
    )

    def check_inputs(self, *shapes: Shape) -> None:
        if shapes[0] != (1,):
            raise ShapeError(f"expects one whole number a sample, gets {show(shapes[0])}: an Input of the shape 1.")
