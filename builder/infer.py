"""Shapes: what flows along every wire, found by running each layer once on meta tensors (sizes without numbers).

Results are kept by layer type, parameters and input shapes, so that an edit costs only the layers it touches.
"""

from __future__ import annotations

import functools
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, NamedTuple

from builder.document import Document
from builder.graph import behind_cycles
from builder.plan import Plan, Step, make_plan
from builder.shapes import Shape, show
from builder.spec import Call, LayerSpec, ShapeError, Signal

# A prime that no layer's own size is likely to be: where it does not come out first, the samples of a batch were mixed.
BATCH = 1009
CACHE_SIZE = 50_000
_cache: OrderedDict[tuple[Any, ...], Facts | ShapeError] = OrderedDict()


class Facts(NamedTuple):
    """What is known of a layer for given inputs: its output and how many numbers it learns."""

    signal: Signal
    parameters: int


@dataclass(frozen=True)
class Analysis:
    """One look over a document: its plan, each node's facts, what failed and what waits behind a failure."""

    document: Document
    plan: Plan
    facts: dict[str, Facts]
    failures: dict[str, ShapeError]
    waiting: dict[str, str]  # node → the node in error it waits for

    def call(self, name: str) -> Call:
        """The call that builds a node; only for nodes with facts."""
        step = self.steps[name]
        return step.spec.call(*(self.facts[source].signal.shape for source in step.inputs))

    @functools.cached_property
    def steps(self) -> dict[str, Step]:
        return {step.name: step for step in self.plan.steps}

    @functools.cached_property
    def fed(self) -> frozenset[str]:
        """Nodes that a wire leads to."""
        return frozenset(edge.target for edge in self.document.edges)

    @functools.cached_property
    def feeding(self) -> frozenset[str]:
        """Nodes that a wire starts from."""
        return frozenset(edge.source for edge in self.document.edges)

    @property
    def shapes(self) -> dict[str, Shape]:
        return {name: facts.signal.shape for name, facts in self.facts.items()}


def infer(document: Document) -> dict[str, Shape]:
    """Output shape of every node, without the batch axis. Nodes that fail, and those behind them, are absent."""
    return analyse(document).shapes


def analyse(document: Document) -> Analysis:
    """Plan the document and follow the shapes through it."""
    plan = make_plan(document)
    facts: dict[str, Facts] = {}
    failures: dict[str, ShapeError] = {}
    waiting: dict[str, str] = {}
    for step in plan.steps:
        blocked = [source for source in step.inputs if source not in facts]
        if blocked:
            waiting[step.name] = waiting.get(blocked[0], blocked[0])
            continue
        try:
            facts[step.name] = layer_facts(step.spec, tuple(facts[source].signal for source in step.inputs))
        except ShapeError as error:
            failures[step.name] = error.with_traceback(None)
    waiting.update(behind_cycles(document, plan.order))
    return Analysis(document, plan, facts, failures, waiting)


def layer_facts(spec: LayerSpec, signals: tuple[Signal, ...]) -> Facts:
    """A layer's output and size for these inputs. ShapeError: it cannot take them."""
    key = (spec.key, signals)
    known = _cache.get(key)
    if known is None:
        try:
            known = _measure(spec, signals)
        except ShapeError as error:
            known = error
            known.__context__ = None  # torch's own error would keep the module and its inputs alive
        _cache[key] = known
        if len(_cache) > CACHE_SIZE:
            _cache.popitem(last=False)
    if isinstance(known, ShapeError):
        # Raising one exception again and again would make its traceback, and what its frames hold, longer each time.
        raise known.with_traceback(None)
    return known


def _measure(spec: LayerSpec, signals: tuple[Signal, ...]) -> Facts:
    _check_inputs(spec, signals)
    signal = spec.output(*signals)
    if signal is None and spec.role == "input":
        raise ShapeError("has no shape yet: set one, such as 1, 28, 28, or choose a data set that gives it.")
    spec.object_to(*(given.shape for given in signals))
    if signal is not None and spec.role != "layer":
        return Facts(signal, 0)
    return _run(spec, signals)


def _check_inputs(spec: LayerSpec, signals: tuple[Signal, ...]) -> None:
    for signal in signals:
        if spec.takes is not None and signal.dtype != spec.takes:
            wanted, given = (
                ("whole numbers", "measurements") if spec.takes == "int" else ("measurements", "whole numbers")
            )
            raise ShapeError(
                f"expects {wanted} ({spec.takes}), gets {given} ({signal.dtype}). "
                f'Set dtype to "{spec.takes}" at the Input, or put a layer between them that converts.'
            )
        if spec.ranks is not None and len(signal.shape) not in spec.ranks:
            shape = show(signal.shape)
            raise ShapeError(f"expects {spec.axes}, gets {shape}.", short=f"Expects {spec.axes}, gets {shape}.")


def _run(spec: LayerSpec, signals: tuple[Signal, ...]) -> Facts:
    """Build the layer on the meta device and call it there: torch itself says what comes out."""
    import torch

    kinds = {"float": torch.float32, "int": torch.int64}
    try:
        with torch.device("meta"):
            module = spec.call(*(signal.shape for signal in signals)).build()
            inputs = [torch.empty((BATCH, *signal.shape), dtype=kinds[signal.dtype]) for signal in signals]
            with torch.no_grad():
                result = module(*inputs)
    except Exception as error:  # torch raises many kinds; each is an answer to "can this layer take that input?"
        raise ShapeError(f"cannot take {_shown(signals)}: {_first_line(error)}") from None
    if not result.dim() or result.shape[0] != BATCH:
        raise ShapeError(
            f"mixes the samples of a batch: from {_shown(signals)} it makes a tensor whose first axis is not the batch."
        )
    dtype = "float" if result.is_floating_point() else "int"
    parameters = sum(parameter.numel() for parameter in module.parameters())
    return Facts(Signal(tuple(result.shape[1:]), dtype), parameters)  # type: ignore[arg-type]


def _shown(signals: tuple[Signal, ...]) -> str:
    return " and ".join(show(signal.shape) for signal in signals)


def _first_line(error: Exception) -> str:
    text = str(error).strip().split("\n", 1)[0] or type(error).__name__
    return text if len(text) <= 200 else text[:197] + "…"


def needed(plan: Plan, wanted: set[str]) -> list[Step]:
    """The steps that the wanted nodes need, in running order."""
    keep = set(wanted)
    for step in reversed(plan.steps):
        if step.name in keep:
            keep.update(step.inputs)
    return [step for step in plan.steps if step.name in keep]
