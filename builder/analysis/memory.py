"""How much memory a network needs in training: its weights, and what each layer keeps of a sample for the gradients."""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

from builder.analysis.infer import Analysis
from builder.analysis.known_layers import known_layer
from builder.analysis.plan import Step
from builder.analysis.summary import BYTES
from builder.spec import LayerSpec, Signal

KEPT_OF_A_STATE = 3  # numbers that torch keeps for each gate of a recurrent layer, as measured
SAMPLES = 2  # batch normalisation cannot take a single sample


class TrainingMemory(NamedTuple):
    """Bytes of a network's weights, and bytes that one sample of a batch adds until its gradients are computed."""

    weights: int
    sample: int


def training_memory(analysis: Analysis, networks: tuple[str, ...]) -> TrainingMemory:
    """The memory of some networks. Nodes whose shape is not known are left out.

    A layer keeps its output and what its gradient needs besides its inputs, such as attention weights. A change of
    shape is a view, and keeps nothing of its own.
    """
    steps = (step for step in analysis.plan.steps if step.network in networks and step.name in analysis.facts)
    weights = sum(BYTES["float"] * analysis.facts[step.name].parameters for step in steps if step.owns)
    return TrainingMemory(weights, sum(node_memory(analysis, networks).values()))


def node_memory(analysis: Analysis, networks: tuple[str, ...]) -> dict[str, int]:
    """Bytes that each node of some networks keeps of one sample until its gradients are computed."""
    found = {}
    for step in analysis.plan.steps:
        if step.network not in networks or step.name not in analysis.facts:
            continue
        signal = analysis.facts[step.name].signal
        if step.spec.role == "input":
            found[step.name] = _size(signal)
        elif step.spec.role == "layer" and step.spec.family != "reshape":
            found[step.name] = _size(signal) + _inside(analysis, step)
    return found


def _size(signal: Signal) -> int:
    return math.prod(signal.shape) * BYTES[signal.dtype]


def _inside(analysis: Analysis, step: Step) -> int:
    """Bytes that a layer keeps of one sample besides its inputs and its output."""
    signals = tuple(analysis.facts[source].signal for source in step.inputs)
    output = analysis.facts[step.name].signal
    if step.spec.missing() or not step.inputs:
        return 0
    if step.spec.infer_output(*signals) is not None:  # running it is slow, as for a layer that goes step by step
        layers = int(getattr(step.spec, "num_layers", 1))
        steps = signals[0].shape[0] if len(output.shape) < len(signals[0].shape) else 1
        return _size(output) * steps * layers * KEPT_OF_A_STATE * int(getattr(step.spec, "gates", 0))
    stored = known_layer(step.spec, signals)
    return kept_inside(step.spec, signals) if stored is None else stored.kept


def kept_inside(spec: LayerSpec, signals: tuple[Signal, ...]) -> int:
    """Bytes that autograd keeps for one sample inside a layer: counted on meta tensors, once."""
    return _kept(_Layer(spec, spec.key), signals)


class _Layer:
    """A layer as a key of the cache: two with the same parameters keep the same."""

    def __init__(self, spec: LayerSpec, key: tuple[Any, ...]) -> None:
        self.spec, self.key = spec, key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Layer) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


@functools.lru_cache(maxsize=4096)
def _kept(layer: _Layer, signals: tuple[Signal, ...]) -> int:
    """Bytes that autograd keeps for one sample besides inputs, output and weights: counted on meta tensors."""
    import torch

    kinds = {"float": torch.float32, "int": torch.int64}
    kept: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage._cdata] = storage.nbytes()
        return tensor

    with torch.device("meta"):
        module = layer.spec.call(*(signal.shape for signal in signals)).build().eval()
        inputs = [
            torch.empty((SAMPLES, *each.shape), dtype=kinds[each.dtype], requires_grad=each.dtype == "float")
            for each in signals
        ]
        try:
            with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
                output = module(*inputs)
        except (RuntimeError, NotImplementedError):  # a kernel without a meta version
            return 0
    others = [*inputs, *module.parameters(), *module.buffers(), output]
    for tensor in others:
        kept.pop(tensor.untyped_storage()._cdata, None)
    return sum(kept.values()) // SAMPLES
