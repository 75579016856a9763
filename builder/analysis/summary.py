"""The cost of a network: parameters, floating-point operations (FLOPs) and activation memory of each node."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from builder.analysis.infer import Analysis, analyse
from builder.analysis.known_layers import known_layer
from builder.analysis.plan import Step
from builder.document import Document
from builder.shapes import Shape
from builder.spec import LayerSpec, Signal

if TYPE_CHECKING:
    import pandas as pd

BYTES = {"float": 4, "int": 8}
SAMPLES = 2  # batch normalisation without running statistics cannot take a single sample
PREFIXES = ("", "k", "M", "G", "T", "P")
_flops: dict[tuple[Any, ...], int] = {}


class NodeCost(NamedTuple):
    """One row of the summary."""

    node: str
    type: str
    output_shape: Shape  # without the batch axis
    parameters: int  # shared ones are counted at their owner
    flops: int  # of one sample's forward pass; a multiply-add counts as two, as in torch.utils.flop_counter
    activation_bytes: int  # of the output of one sample


def summary(document: Document) -> pd.DataFrame:
    """One row per node whose shape can be inferred, in execution order; the columns are the fields of NodeCost."""
    import pandas as pd

    return pd.DataFrame(costs(analyse(document)), columns=list(NodeCost._fields))


def costs(analysis: Analysis) -> list[NodeCost]:
    """The rows of the summary, without pandas, whose import takes half a second."""
    return [_cost(analysis, step) for step in analysis.plan.steps if step.name in analysis.facts]


def _cost(analysis: Analysis, step: Step) -> NodeCost:
    facts = analysis.facts[step.name]
    parameters = facts.parameters if step.owns else 0
    flops = layer_flops(step.spec, facts.signal, tuple(analysis.facts[source].signal for source in step.inputs))
    size = math.prod(facts.signal.shape) * BYTES[facts.signal.dtype]
    return NodeCost(step.name, step.node.type, facts.signal.shape, parameters, flops, size)


def layer_flops(spec: LayerSpec, output: Signal, signals: tuple[Signal, ...]) -> int:
    """Floating-point operations of one sample's forward pass: by the layer's formula, or counted by torch.

    Convolutions and recurrent layers have formulas. All others run on meta tensors, where torch counts attention
    product by product instead of calling a fused kernel.
    """
    if spec.role != "layer":
        return 0
    key = (spec.key, signals)
    if spec.missing():
        return 0
    if key not in _flops:
        stored = known_layer(spec, signals)
        _flops[key] = measured_flops(spec, output, signals) if stored is None else stored.flops
    return _flops[key]


def measured_flops(spec: LayerSpec, output: Signal, signals: tuple[Signal, ...]) -> int:
    """The same as `layer_flops`, without what is known of earlier calls."""
    known = spec.flops(output, *signals)
    return _count(spec, signals) if known is None else known


def _count(spec: LayerSpec, signals: tuple[Signal, ...]) -> int:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    kinds = {"float": torch.float32, "int": torch.int64}
    with torch.device("meta"), torch.no_grad():
        module = spec.call(*(signal.shape for signal in signals)).build().eval().requires_grad_(False)
        if len(signals) < 2 and not any(True for _ in module.parameters()):
            return 0  # the counter counts matrix products only, and those need weights or two inputs
        inputs = [torch.empty((SAMPLES, *signal.shape), dtype=kinds[signal.dtype]) for signal in signals]
        with FlopCounterMode(display=False) as counter:
            module(*inputs)
    return int(counter.get_total_flops()) // SAMPLES


def human(number: float, unit: str = "") -> str:
    """A number with three digits and a prefix: 28900 → '28.9 k'; with the unit 'B' for bytes, 49000 → '49 kB'."""
    power = 0
    while abs(number) >= 999.5 and power < len(PREFIXES) - 1:
        number /= 1000
        power += 1
    text = f"{number:.3g}" if number < 100 else f"{number:.0f}"
    return f"{text} {PREFIXES[power]}{unit}".rstrip()
