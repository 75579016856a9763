"""Recurrent layers: process a sequence step by step with a hidden state."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from builder.axes import Axes
from builder.layers._sequence import rows_as_steps
from builder.shapes import Shape
from builder.spec import UNBOUNDED, Call, LayerSpec, Probability, Range, ShapeError, Signal, Width, always

Layers = Annotated[int, Field(ge=1, le=64)]


class _Recurrent(LayerSpec):
    family = "recurrent"
    ranks = (2,)
    axes = "steps × features"
    layout = "features_last"
    arranges = False
    width_parameter = "hidden_size"
    last_step = {"output": "last"}
    example = ((5, 6),)
    gates: ClassVar[int] = 1  # the number of weight matrices of each cell, for its input and for its state
    states: ClassVar[str] = "[1]"  # where torch's result contains the last hidden state of every layer

    @property
    def _settings(self) -> Any:
        return self

    @property
    def _width(self) -> int:
        """Output features of one direction."""
        return int(getattr(self._settings, "proj_size", 0) or self._settings.hidden_size)

    def inferred(self, *shapes: Shape) -> dict[str, Any]:
        return {"input_size": shapes[0][-1], "batch_first": True}

    def check_inputs(self, *shapes: Shape) -> None:
        settings = self._settings
        projected = getattr(settings, "proj_size", 0)
        if projected and projected >= settings.hidden_size:
            raise ShapeError(
                f"has a proj_size of {projected}; a projection must be smaller than hidden_size "
                f"({settings.hidden_size}).",
                params={"proj_size": 0},
            )

    def call(self, *shapes: Shape) -> Call:
        settings = self.non_default()
        inferred = self.inferred(*shapes)
        output = settings.pop("output", "sequence")
        if self._settings.num_layers == 1:
            settings.pop("dropout", None)  # it is applied between layers: torch warns that it has no effect
        template = "{module}({0})[0]"
        if output == "last" and self._settings.bidirectional:  # the last steps of the directions are at opposite ends
            template = f"torch.cat(tuple({{module}}({{0}}){self.states}[-2:]), dim=1)"
        elif output == "last":
            template += "[:, -1]"
        sizes = {"input_size": inferred["input_size"], "hidden_size": settings.pop("hidden_size")}
        return Call(self.target, {**sizes, **settings, "batch_first": True}, template=template)

    def infer_output(self, *signals: Signal) -> Signal | None:
        steps, _ = signals[0].shape
        width = self._width * (2 if self._settings.bidirectional else 1)
        return Signal((steps, width) if self._settings.output == "sequence" else (width,))

    def output_axes(self, shape: Shape, *signals: Signal) -> Axes:
        return ("steps", "features") if len(shape) > 1 else ("features",)

    def fix_rank(self, signal: Signal) -> dict[str, Any]:
        return rows_as_steps(signal)

    def misread(self, *signals: Signal) -> ShapeError | None:
        """Also where a person has permuted the axes: nobody reads features one after the other on purpose."""
        return super().misread(*(signal._replace(arranged=False) for signal in signals))

    def flops(self, output: Signal, *signals: Signal) -> int | None:
        """Each step multiplies the input and the state by one matrix per gate, and by the projection, if any."""
        steps, features = signals[0].shape
        settings = self._settings
        directions = 2 if settings.bidirectional else 1
        total = 0
        for layer in range(settings.num_layers):
            inputs = features if layer == 0 else self._width * directions
            cell = self.gates * settings.hidden_size * (inputs + self._width)
            if getattr(settings, "proj_size", 0):
                cell += settings.hidden_size * settings.proj_size
            total += 2 * cell * directions
        return int(total * steps)

    def warning(self, *shapes: Shape) -> ShapeError | None:
        if self._settings.dropout and self._settings.num_layers == 1:
            return ShapeError(
                f"has a dropout of {self._settings.dropout:g} and one layer: dropout is applied between layers, so it "
                "has no effect here. Use more layers, or add a Dropout node after this one.",
                params={"dropout": 0.0},
            )
        return None


class RNN(_Recurrent):
    """Processes a sequence step by step, updating a hidden state; its gradient vanishes over long sequences.

    (steps, features) → (steps, hidden_size), or its last state (hidden_size). Elman 1990.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.RNN.html
    """

    target = "torch.nn.RNN"
    also = ("SimpleRNN", "ElmanRNN", "RNNCell", "Recurrent")
    value_range = (-1.0, 1.0)
    search = ("recurrent", "elman", "sequence", "series", "text", "vanishing")

    hidden_size: Width = always(64, "Features of the hidden state.")
    num_layers: Layers = Field(1, description="The number of layers; each processes the output of the one before.")
    nonlinearity: Literal["tanh", "relu"] = Field("tanh", description="The activation of the hidden state.")
    bias: bool = Field(True, description="Add learned biases.")
    dropout: Probability = Field(0.0, description="Probability that a value between layers is set to zero in training.")
    bidirectional: bool = Field(False, description="Process both directions; the output has twice as many features.")
    output: Literal["sequence", "last"] = Field("sequence", description="The state of every step, or only the last.")

    def output_range(self, *inputs: Range) -> Range:
        return (0.0, math.inf) if self.nonlinearity == "relu" else self.value_range


class LSTM(_Recurrent):
    """Processes a sequence step by step with gates that keep or forget information, so that it remembers for longer.

    (steps, features) → (steps, hidden_size), or its last state (hidden_size). Hochreiter and Schmidhuber 1997.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html
    """

    target = "torch.nn.LSTM"
    value_range = (-1.0, 1.0)
    gates = 4
    states = "[1][0]"
    also = (
        "LSTMCell",
        "CuDNNLSTM",
        "LSTMLayer",
        "BiLSTM: with bidirectional true",
        "Bidirectional: with bidirectional true",
    )
    search = ("recurrent", "long short-term memory", "sequence", "series", "text", "gate")

    hidden_size: Width = always(64, "Features of the hidden state.")
    num_layers: Layers = Field(1, description="The number of layers; each processes the output of the one before.")
    bias: bool = Field(True, description="Add learned biases.")
    dropout: Probability = Field(0.0, description="Probability that a value between layers is set to zero in training.")
    bidirectional: bool = Field(False, description="Process both directions; the output has twice as many features.")
    proj_size: int = Field(
        0, ge=0, le=1_000_000, description="Project each state to this many features; 0: no projection."
    )
    output: Literal["sequence", "last"] = Field("sequence", description="The state of every step, or only the last.")

    def output_range(self, *inputs: Range) -> Range:
        return UNBOUNDED if self.proj_size else self.value_range

    def not_in_onnx(self) -> str:
        return "ONNX has no LSTM with a projection (proj_size)." if self.proj_size else ""


class GRU(_Recurrent):
    """Processes a sequence step by step with two gates: similar to an LSTM, with fewer parameters.

    (steps, features) → (steps, hidden_size), or its last state (hidden_size). Cho et al. 2014,
    https://arxiv.org/abs/1406.1078, https://docs.pytorch.org/docs/stable/generated/torch.nn.GRU.html
    """

    target = "torch.nn.GRU"
    value_range = (-1.0, 1.0)
    gates = 3
    also = ("GRUCell", "CuDNNGRU", "BiGRU: with bidirectional true", "Bidirectional: with bidirectional true")
    search = ("recurrent", "gated recurrent unit", "sequence", "series", "text", "gate")

    hidden_size: Width = always(64, "Features of the hidden state.")
    num_layers: Layers = Field(1, description="The number of layers; each processes the output of the one before.")
    bias: bool = Field(True, description="Add learned biases.")
    dropout: Probability = Field(0.0, description="Probability that a value between layers is set to zero in training.")
    bidirectional: bool = Field(False, description="Process both directions; the output has twice as many features.")
    output: Literal["sequence", "last"] = Field("sequence", description="The state of every step, or only the last.")
