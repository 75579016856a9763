"""Fully connected layers and embeddings."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from builder.axes import PLACES, Axes, unknown
from builder.shapes import Shape, show
from builder.spec import LayerSpec, ShapeError, Signal, Width, always


class Linear(LayerSpec):
    """Connects every input feature to every output feature with a learned weight: y = xAᵀ + b.

    (…, in_features) → (…, out_features). https://docs.pytorch.org/docs/stable/generated/torch.nn.Linear.html
    """

    family = "dense"
    target = "torch.nn.Linear"
    layout = "features_last"
    width_parameter = "out_features"
    fix_for_images = ("Flatten", {})
    also: ClassVar[tuple[str, ...]] = (
        "Dense",
        "FullyConnected",
        "FC",
        "InnerProduct",
        "Gemm",
        "Affine",
        "LazyLinear",
        "DenseLayer",
        "TimeDistributedDense",
        "TimeDistributed: it is applied at every step by itself",
    )
    search = ("dense", "fully connected", "fc", "perceptron", "affine")
    example = ((8,),)

    out_features: Width = always(64, "The number of output features (units).")
    bias: bool = Field(True, description="Add a learned bias to each output feature.")

    def inferred(self, *shapes: Shape) -> dict[str, Any]:
        return {"in_features": shapes[0][-1]}

    def check_inputs(self, *shapes: Shape) -> None:
        (shape,) = shapes
        if not shape:
            raise ShapeError("expects a vector, gets a single number per sample: the input needs at least one axis.")

    def output_axes(self, shape: Shape, *signals: Signal) -> Axes:
        """Features, except where a person has permuted the places to the end: those are then mixed with each other."""
        axes = super().output_axes(shape, *signals)
        given = signals[0]
        mixed = given.arranged and len(shape) > 1 and given.axes[-1:] and given.axes[-1] in PLACES
        return (*axes[:-1], given.axes[-1]) if mixed else axes


class Bilinear(LayerSpec):
    """Learns a weight for every product of a feature of one input and a feature of the other: how two inputs interact.

    (…, in1_features) and (…, in2_features) → (…, out_features).
    https://docs.pytorch.org/docs/stable/generated/torch.nn.Bilinear.html
    """

    family = "dense"
    target = "torch.nn.Bilinear"
    ports = ("input1", "input2")
    layout = "features_last"
    width_parameter = "out_features"
    fix_for_images = ("Flatten", {})
    also = ("BilinearLayer",)
    search = ("interaction", "similarity", "pair")
    example = ((6,), (4,))

    out_features: Width = always(64, "The number of output features (units).")
    bias: bool = Field(True, description="Add a learned bias to each output feature.")

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

    def flops(self, output: Signal, *signals: Signal) -> int | None:
        return 0  # the same as torch's counter, which does not count this layer


class Embedding(LayerSpec):
    """Looks up a learned vector for each integer, such as the index of a word.

    (…) of integers below num_embeddings → (…, embedding_dim).
    https://docs.pytorch.org/docs/stable/generated/torch.nn.Embedding.html
    """

    family = "dense"
    target = "torch.nn.Embedding"
    takes = "int"
    reads = "other"  # each integer becomes a vector, whatever axis it is in
    width_parameter = "embedding_dim"
    vocabulary_parameter = "num_embeddings"
    also = (
        "EmbeddingBag: followed by Mean over the steps",
        "Lookup",
        "LookupTable",
        "Embed",
        "TokenEmbedding",
        "WordEmbedding",
    )
    search = ("lookup", "token", "word", "vocabulary", "category")
    example = ((12,),)

    num_embeddings: Width = always(1000, "Size of the vocabulary: inputs must be from 0 to num_embeddings - 1.")
    embedding_dim: Width = always(64, "Length of each vector.")
    padding_idx: int | None = Field(None, description="An index whose vector is zero and is not trained.")

    def output_axes(self, shape: Shape, *signals: Signal) -> Axes:
        return (*(signals[0].axes or unknown(len(shape) - 1)), "features")

    def check_inputs(self, *shapes: Shape) -> None:
        if self.padding_idx is not None and not -self.num_embeddings <= self.padding_idx < self.num_embeddings:
            raise ShapeError(
                f"has padding_idx {self.padding_idx}, which is not an index of its {self.num_embeddings} entries.",
                params={"padding_idx": None},
            )

    def explain(self, *inputs: Any) -> str | None:
        (tokens,) = inputs
        if tokens.device.type == "cuda":  # after a failed look-up no operation works on the device
            return None
        wrong = tokens[(tokens < 0) | (tokens >= self.num_embeddings)]
        if not wrong.numel():
            return None
        return (
            f"got the token {int(wrong[0])}, but its vocabulary is 0 to {self.num_embeddings - 1} "
            f"(num_embeddings {self.num_embeddings}). Increase num_embeddings, or check the tokens."
        )


class TimestepEmbedding(LayerSpec):
    """Encodes a time step as sines and cosines, so that a diffusion network knows how much noise there is.

    (1,), an integer → (embedding_dim,); nothing is learned. Ho et al. 2020, https://arxiv.org/abs/2006.11239
    """

    family = "dense"
    target = "builder.library.sequences.TimestepEmbedding"
    takes = "int"
    ranks = (1,)
    axes = "one integer"
    width_parameter = "embedding_dim"
    also = ("TimeEmbedding", "SinusoidalTimeEmbedding", "TimestepEncoding")
    search = ("diffusion", "time", "noise level", "sinusoidal", "ddpm", "position")
    example = ((1,),)

    embedding_dim: Width = always(64, "The number of sines and cosines.")
    max_period: Annotated[int, Field(ge=1, le=1_000_000_000)] = Field(
        10_000, description="The longest period, in steps: well above the largest time step."
    )

    def check_inputs(self, *shapes: Shape) -> None:
        if shapes[0] != (1,):
            raise ShapeError(f"expects one integer per sample, gets {show(shapes[0])}: use an Input with the shape 1.")
