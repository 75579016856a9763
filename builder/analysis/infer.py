"""Shape inference: the shape on every edge, found by running each layer once on meta tensors (shapes without data).

Results are cached by layer type, parameters and input shapes, so an edit costs only the layers that it changes.
"""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from builder.analysis.known_layers import known_layer
from builder.analysis.plan import Plan, Step, make_plan
from builder.axes import VALUES, Axes, describe
from builder.document import Document
from builder.document.blocks import opened
from builder.document.graph import behind_cycles
from builder.foreign_text import in_words
from builder.shapes import Shape, show
from builder.spec import Call, LayerSpec, ShapeError, Signal

if TYPE_CHECKING:
    from torch import nn

T = TypeVar("T")
# A prime that is unlikely to be a layer's own size: if it is not the output's first axis, the batch axis was changed.
BATCH = 1009
CACHE_SIZE = 50_000
_cache: OrderedDict[tuple[Any, ...], Facts | ShapeError] = OrderedDict()


class Facts(NamedTuple):
    """What is known about a layer for given inputs: its output, its number of parameters and their shapes."""

    signal: Signal
    parameters: int
    weights: tuple[tuple[str, Shape], ...] = ()  # the names and shapes of its parameters


@dataclass(frozen=True)
class Analysis:
    """The result of analysing a document: its plan, the facts of each node, the failures and the nodes behind them.

    Nodes inside a block are named by their path, "stage1.0.conv1". A block ("stage1") and each of its repeats
    ("stage1.0") have facts too, like layers; they are no steps.
    """

    document: Document
    plan: Plan
    facts: dict[str, Facts]
    failures: dict[str, ShapeError]
    waiting: dict[str, str]  # node → the failing node that it waits for
    block: str | None = None  # the block that this is the analysis of, if `within` returned it

    def call(self, name: str) -> Call:
        """The call that builds a node; only for nodes with facts."""
        step = self.steps[name]
        return step.spec.call(*(self.facts[source].signal.shape for source in step.inputs))

    def owns(self, name: str) -> bool:
        """Whether a node's parameters are its own, and are counted there."""
        return name not in self.steps or self.steps[name].owns

    @functools.cached_property
    def steps(self) -> dict[str, Step]:
        return {step.name: step for step in self.plan.steps}

    @functools.cached_property
    def edge_targets(self) -> frozenset[str]:
        """The nodes at which an edge ends."""
        return frozenset(edge.target for edge in self.document.edges)

    @functools.cached_property
    def edge_sources(self) -> frozenset[str]:
        """The nodes at which an edge starts."""
        return frozenset(edge.source for edge in self.document.edges)

    @functools.cached_property
    def shapes(self) -> dict[str, Shape]:
        """The output shape of every node that has facts."""
        return {name: facts.signal.shape for name, facts in self.facts.items()}


def infer(document: Document) -> dict[str, Shape]:
    """Output shape of every node, without the batch axis. Nodes that fail, and those behind them, are absent."""
    return analyse(document).shapes


def roles(document: Document) -> dict[str, Axes]:
    """The roles of the axes of every node's output, without the batch axis: ("steps", "features"); "" is unknown.

    Of a document that `trainers.bind` returned, they start from what the data set says. Nodes that fail are absent.
    """
    return {name: facts.signal.axes for name, facts in analyse(document).facts.items()}


def analyse(document: Document) -> Analysis:
    """Plan the document and infer the shapes, node by node."""
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
    for use, block in plan.uses.items():
        waiting.update({f"{use}.{name}": f"{use}.{first}" for name, first in plan.scopes[block].behind.items()})
    _add_aliases(plan, facts, waiting)
    return Analysis(document, plan, facts, failures, waiting)


def _add_aliases(plan: Plan, facts: dict[str, Facts], waiting: dict[str, str]) -> None:
    """Add the facts of the names that are no steps: ports and results of blocks, each repeat, each block as a whole."""
    for name, source in plan.aliases.items():
        if source in facts:
            facts[name] = Facts(facts[source].signal, _parameters_of_block(plan, facts, name))
        else:
            waiting[name] = waiting.get(source, source)
    for name in plan.spans:
        if name not in facts:  # it has no result, or a node inside it fails
            waiting.setdefault(name, name)


def _parameters_of_block(plan: Plan, facts: dict[str, Facts], name: str) -> int:
    """The number of parameters of a block or of one repeat; those that its nodes share are counted once."""
    if name not in plan.spans:
        return 0
    start, end = plan.spans[name]
    modules = {step.module: step for step in plan.steps[start:end] if step.tied is None}
    return sum(facts[step.name].parameters for step in modules.values() if step.name in facts)


def within(analysis: Analysis, use: str) -> Analysis:
    """The analysis of the document's own graph ("") or of one repeat of a block ("stage1.0"), by the names in there.

    Nodes that use a block are steps here, and so are a block's Input and Output nodes. KeyError: no such repeat.
    """
    block = analysis.plan.uses[use] if use else None
    scope = analysis.plan.scopes[block]
    plan = Plan(scope.steps, scope.unbound, scope.order)
    if block is None:
        return Analysis(analysis.document, plan, analysis.facts, analysis.failures, analysis.waiting)
    prefix_length = len(use) + 1
    names = {name: f"{use}.{name}" for name in scope.graph.by_name}

    def inside(known: Mapping[str, T]) -> dict[str, T]:
        return {name: known[full] for name, full in names.items() if full in known}

    waiting = {
        name: to[prefix_length:] if to.startswith(f"{use}.") else to for name, to in inside(analysis.waiting).items()
    }
    document = opened(analysis.document, block)
    return Analysis(document, plan, inside(analysis.facts), inside(analysis.failures), waiting, block)


def layer_facts(spec: LayerSpec, signals: tuple[Signal, ...]) -> Facts:
    """A layer's output and parameters for these inputs. ShapeError: it cannot take them."""
    key = (spec.key, signals)
    known = _cache.get(key)
    if known is None:
        try:
            stored = known_layer(spec, signals)
            known = measure(spec, signals) if stored is None else Facts(*stored[:3])
        except ShapeError as error:
            known = error
            known.__context__ = None  # torch's own error would keep a reference to the module and its inputs
        if not spec.missing():
            _cache[key] = known
        if len(_cache) > CACHE_SIZE:
            _cache.popitem(last=False)
    if isinstance(known, ShapeError):
        # The traceback of an exception that is raised again and again would grow each time.
        raise known.with_traceback(None)
    return known


def measure(spec: LayerSpec, signals: tuple[Signal, ...]) -> Facts:
    """The same as `layer_facts`, without what is known of earlier calls."""
    _check_inputs(spec, signals)
    signal = spec.infer_output(*signals)
    if signal is None and spec.role == "input":
        raise ShapeError("has no shape yet: set one, such as 1, 28, 28, or choose a data set that defines it.")
    spec.check_inputs(*(given.shape for given in signals))
    if signal is None:
        facts = _run(spec, signals)
    elif spec.missing():  # a check reports it; the number of parameters is unknown
        facts = Facts(signal, 0)
    else:
        facts = Facts(signal, *_parameters(_module(spec, signals))) if spec.role == "layer" else Facts(signal, 0)
    made = facts.signal
    return facts._replace(
        signal=made._replace(
            channels_first=_channels_first(spec, made, signals),
            axes=spec.output_axes(made.shape, *signals),
            arranged=_arranged(spec, signals),
        )
    )


def _arranged(spec: LayerSpec, given: tuple[Signal, ...]) -> bool:
    """Whether a person has put the axes of the output in their order, or may have, since nobody has named them."""
    arranges = spec.arranges if spec.role != "input" else not spec.named_axes()
    return any(signal.arranged for signal in given) if arranges is None else arranges


def _channels_first(spec: LayerSpec, made: Signal, given: tuple[Signal, ...]) -> bool:
    """Whether the first axis of an image or a volume is its channels: the last axis is then the width, not features."""
    if len(made.shape) < 3:
        return False
    if spec.channels() == "as_input":
        return any(signal.channels_first for signal in given)
    if spec.role == "input":
        return spec.output_axes(made.shape)[-1] not in VALUES
    return spec.channels() == "channels_first"


def _check_inputs(spec: LayerSpec, signals: tuple[Signal, ...]) -> None:
    for signal in signals:
        if spec.takes is not None and signal.dtype != spec.takes:
            names = {"int": "integers", "float": "floating-point numbers"}
            embed = ", or insert an embedding, which turns each into a vector" if signal.dtype == "int" else ""
            raise ShapeError(
                f"expects {names[spec.takes]} (dtype {spec.takes}), gets {names[signal.dtype]} ({signal.dtype}). "
                f'Set dtype to "{spec.takes}" at the Input{embed}.'
            )
        if spec.ranks is not None and len(signal.shape) not in spec.ranks:
            shape = describe(signal.shape, signal.axes)
            message, short = f"expects {spec.axes}, gets {shape}.", f"Expects {spec.axes}, gets {show(signal.shape)}."
            raise ShapeError(message, short=short, **spec.fix_rank(signal))
        if spec.fix_for_images is not None and signal.channels_first:
            shape = show(signal.shape)
            raise ShapeError(
                f"expects a vector, gets {shape} with the channels first. It works on the last axis only: flatten the "
                "input, or Permute the channels to the end.",
                insert=spec.fix_for_images,
                short=f"Expects a vector, gets {shape}. Insert a {spec.fix_for_images[0]}?",
            )


def _run(spec: LayerSpec, signals: tuple[Signal, ...]) -> Facts:
    """Build the layer on the meta device and call it there: torch itself infers the output shape."""
    import torch

    kinds = {"float": torch.float32, "int": torch.int64}
    module = _module(spec, signals)
    try:
        with torch.device("meta"):
            inputs = [torch.empty((BATCH, *signal.shape), dtype=kinds[signal.dtype]) for signal in signals]
            with torch.no_grad():
                result = module(*inputs)
    except Exception as error:  # torch raises many kinds; each is an answer to "can this layer take that input?"
        raise ShapeError(f"cannot take {_shown(signals)}: {in_words(error)}") from None
    if not result.dim() or result.shape[0] != BATCH:
        raise ShapeError(
            f"mixes the samples of a batch: for {_shown(signals)} the first axis of its output is not the batch."
        )
    dtype = "float" if result.is_floating_point() else "int"
    return Facts(Signal(tuple(result.shape[1:]), dtype), *_parameters(module))  # type: ignore[arg-type]


def _module(spec: LayerSpec, signals: tuple[Signal, ...]) -> nn.Module:
    import torch

    try:
        with torch.device("meta"):
            return spec.call(*(signal.shape for signal in signals)).build()
    except Exception as error:
        raise ShapeError(f"cannot take {_shown(signals)}: {in_words(error)}") from None


def _parameters(module: nn.Module) -> tuple[int, tuple[tuple[str, Shape], ...]]:
    """The number of elements of all parameters, and the parameters' names and shapes."""
    found = tuple((name, tuple(parameter.shape)) for name, parameter in module.named_parameters())
    return sum(parameter.numel() for parameter in module.parameters()), found


def _shown(signals: tuple[Signal, ...]) -> str:
    return " and ".join(show(signal.shape) for signal in signals)
