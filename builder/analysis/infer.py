"""Shapes: what flows along every wire, found by running each layer once on meta tensors (sizes without numbers).

Results are kept by layer type, parameters and input shapes, so that an edit costs only the layers it touches.
"""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from builder.analysis.plan import Plan, Step, make_plan
from builder.document import Document
from builder.document.blocks import opened
from builder.document.graph import behind_cycles
from builder.shapes import Shape, show
from builder.spec import Call, LayerSpec, ShapeError, Signal

if TYPE_CHECKING:
    from torch import nn

T = TypeVar("T")
# A prime that no layer's own size is likely to be: where it does not come out first, the samples of a batch were mixed.
BATCH = 1009
CACHE_SIZE = 50_000
_cache: OrderedDict[tuple[Any, ...], Facts | ShapeError] = OrderedDict()


class Facts(NamedTuple):
    """What is known of a layer for given inputs: its output and how many numbers it learns, in which tensors."""

    signal: Signal
    parameters: int
    weights: tuple[tuple[str, Shape], ...] = ()  # the names and shapes of its parameters


@dataclass(frozen=True)
class Analysis:
    """One look over a document: its plan, each node's facts, what failed and what waits behind a failure.

    Nodes inside a block go by the way to them, "stage1.0.conv1". A block ("stage1") and each of its repeats
    ("stage1.0") have facts too, as if they were layers; they are no steps.
    """

    document: Document
    plan: Plan
    facts: dict[str, Facts]
    failures: dict[str, ShapeError]
    waiting: dict[str, str]  # node → the node in error it waits for
    block: str | None = None  # the block that this is a look into, where `within` made it

    def call(self, name: str) -> Call:
        """The call that builds a node; only for nodes with facts."""
        step = self.steps[name]
        return step.spec.call(*(self.facts[source].signal.shape for source in step.inputs))

    def owns(self, name: str) -> bool:
        """Whether a node's parameters are its own, to be counted there."""
        return name not in self.steps or self.steps[name].owns

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
    for place, block in plan.uses.items():
        waiting.update({f"{place}.{name}": f"{place}.{first}" for name, first in plan.scopes[block].behind.items()})
    _blocks(plan, facts, failures, waiting)
    return Analysis(document, plan, facts, failures, waiting)


def _blocks(plan: Plan, facts: dict[str, Facts], failures: dict[str, ShapeError], waiting: dict[str, str]) -> None:
    """Facts of what stands for other nodes: ports and results of blocks, each repeat, and each block as a whole."""
    for name, source in plan.aliases.items():
        if source in facts:
            facts[name] = Facts(facts[source].signal, _learned(plan, facts, name))
        else:
            waiting[name] = waiting.get(source, source)
    for name in plan.spans:
        if name not in facts:  # what it waits for is behind the failure of something inside, or there is no result
            waiting.setdefault(name, name)


def _learned(plan: Plan, facts: dict[str, Facts], name: str) -> int:
    """How many numbers a block, or one repeat, learns: what its nodes share is counted once."""
    if name not in plan.spans:
        return 0
    start, end = plan.spans[name]
    modules = {step.module: step for step in plan.steps[start:end] if step.tied is None}
    return sum(facts[step.name].parameters for step in modules.values() if step.name in facts)


def within(analysis: Analysis, place: str) -> Analysis:
    """The document alone ("") or one repeat of a block ("stage1.0") by itself: names are those in the block.

    Its nodes that stand for a block are steps here, and so are a block's Input and Output nodes. KeyError: no such
    repeat.
    """
    block = analysis.plan.uses[place] if place else None
    scope = analysis.plan.scopes[block]
    plan = Plan(scope.steps, scope.unbound, scope.order)
    if block is None:
        return Analysis(analysis.document, plan, analysis.facts, analysis.failures, analysis.waiting)
    outside = len(place) + 1
    names = {name: f"{place}.{name}" for name in scope.graph.by_name}

    def inside(known: Mapping[str, T]) -> dict[str, T]:
        return {name: known[whole] for name, whole in names.items() if whole in known}

    waiting = {
        name: to[outside:] if to.startswith(f"{place}.") else to for name, to in inside(analysis.waiting).items()
    }
    document = opened(analysis.document, block)
    return Analysis(document, plan, inside(analysis.facts), inside(analysis.failures), waiting, block)


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
        if not spec.missing():
            _cache[key] = known
        if len(_cache) > CACHE_SIZE:
            _cache.popitem(last=False)
    if isinstance(known, ShapeError):
        # Raising one exception again and again would make its traceback, and what its frames hold, longer each time.
        raise known.with_traceback(None)
    return known


def _measure(spec: LayerSpec, signals: tuple[Signal, ...]) -> Facts:
    _check_inputs(spec, signals)
    signal = spec.infer_output(*signals)
    if signal is None and spec.role == "input":
        raise ShapeError("has no shape yet: set one, such as 1, 28, 28, or choose a data set that gives it.")
    spec.check_inputs(*(given.shape for given in signals))
    if signal is None:
        facts = _run(spec, signals)
    elif spec.missing():  # a check tells; how many numbers it learns is not known
        facts = Facts(signal, 0)
    else:
        facts = Facts(signal, *_parameters(_module(spec, signals))) if spec.role == "layer" else Facts(signal, 0)
    return facts._replace(signal=facts.signal._replace(channels_first=_channels_first(spec, facts.signal, signals)))


def _channels_first(spec: LayerSpec, made: Signal, given: tuple[Signal, ...]) -> bool:
    """Whether a picture's or volume's channels still stand first: then its last axis is a width, and no feature."""
    if len(made.shape) < 3:
        return False
    if spec.channels() == "as_input":
        return any(signal.channels_first for signal in given)
    return spec.role == "input" or spec.channels() == "channels_first"


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
        if spec.fix_for_images is not None and signal.channels_first:
            shape = show(signal.shape)
            raise ShapeError(
                f"expects a vector, gets {shape} with the channels first. It reads the last axis only; flatten it "
                "first, or Permute the channels to the end.",
                insert=spec.fix_for_images,
                short=f"Expects a vector, gets {shape}. Insert a {spec.fix_for_images[0]}?",
            )


def _run(spec: LayerSpec, signals: tuple[Signal, ...]) -> Facts:
    """Build the layer on the meta device and call it there: torch itself says what comes out."""
    import torch

    kinds = {"float": torch.float32, "int": torch.int64}
    module = _module(spec, signals)
    try:
        with torch.device("meta"):
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
    return Facts(Signal(tuple(result.shape[1:]), dtype), *_parameters(module))  # type: ignore[arg-type]


def _module(spec: LayerSpec, signals: tuple[Signal, ...]) -> nn.Module:
    import torch

    try:
        with torch.device("meta"):
            return spec.call(*(signal.shape for signal in signals)).build()
    except Exception as error:
        raise ShapeError(f"cannot take {_shown(signals)}: {_first_line(error)}") from None


def _parameters(module: nn.Module) -> tuple[int, tuple[tuple[str, Shape], ...]]:
    """How many numbers it learns, and its parameters' names and shapes."""
    found = tuple((name, tuple(parameter.shape)) for name, parameter in module.named_parameters())
    return sum(parameter.numel() for parameter in module.parameters()), found


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
