"""The plan: the document's nodes in execution order, each with its inputs bound to its ports.

Shape inference, the compiler, code generation and the summary all read the same tuple of steps.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import ValidationError

from builder.catalogue import CATALOGUE
from builder.document import Block, Document, Edge, Graph, Node
from builder.document.blocks import expansion
from builder.document.graph import behind_cycles, incoming, order, reaching
from builder.shapes import count
from builder.spec import LayerSpec
from builder.validation_messages import clip


@dataclass(frozen=True, slots=True)
class Step:
    """One node to run: its layer and the names of the nodes that are its inputs, in the order of its ports."""

    name: str  # a dotted path if the node is in a block: "stage1.0.conv1"
    node: Node
    spec: LayerSpec
    inputs: tuple[str, ...]
    module: str  # the node whose module it calls: itself, or the node of the same layer that it shares weights with
    network: str = "main"
    tied: str | None = None  # the node of another layer type whose parameters its own module uses
    block: str | None = None  # the block that the node is in; None: the document itself

    @property
    def owns(self) -> bool:
        """Whether the parameters of its module belong to this node: only there are they counted."""
        return self.module == self.name and self.tied is None


@dataclass(frozen=True)
class Scope:
    """The plan of a document or of one block by itself: each of its nodes is a step, also those that use a block."""

    graph: Graph
    steps: tuple[Step, ...]
    unbound: dict[str, str]
    order: tuple[str, ...]

    @functools.cached_property
    def behind(self) -> dict[str, str]:
        """The nodes in or behind a cycle, each with the node at which the cycle is reported."""
        return behind_cycles(self.graph, self.order)


@dataclass(frozen=True)
class Plan:
    """Steps in execution order, and the nodes whose inputs do not fit their ports, each with the reason.

    Blocks are expanded: every repeat has its own steps under dotted names. An Input or an Output inside a block is no
    step but an alias of the step whose value it passes on.
    """

    steps: tuple[Step, ...]
    unbound: dict[str, str]
    order: tuple[str, ...]  # every node of the document itself that is not in or behind a cycle
    aliases: dict[str, str] = field(default_factory=dict)  # ports, results, repeats, blocks → the step of their value
    spans: dict[str, tuple[int, int]] = field(default_factory=dict)  # "stage1", "stage1.0" → first and last step + 1
    scopes: dict[str | None, Scope] = field(default_factory=dict)  # by the block's name; None: the document itself
    uses: dict[str, str] = field(default_factory=dict)  # "stage1.0" → the name of its block


class PortError(Exception):
    """The edges into a node do not fit its ports. The text is the sentence for the user."""


def make_plan(document: Document) -> Plan:
    """Bind all nodes. Those with an unknown type, wrong parameters or wrong edges are left out: checks report them."""
    expander = _Expander(document)
    expander.expand(None, "", "", {}, None)
    return Plan(
        tuple(expander.steps),
        expander.unbound,
        expander.scopes[None].order,
        expander.aliases,
        expander.spans,
        expander.scopes,
        expander.uses,
    )


class _Expander:
    """Collects the steps of the document and, for every use and every repeat, of its blocks."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.expandable = expansion(document).expandable
        self.scopes: dict[str | None, Scope] = {}
        self.steps: list[Step] = []
        self.unbound: dict[str, str] = {}
        self.aliases: dict[str, str] = {}
        self.spans: dict[str, tuple[int, int]] = {}
        self.uses: dict[str, str] = {}

    def expand(
        self, block: str | None, prefix: str, owner: str, ports: Mapping[str, str], network: str | None
    ) -> str | None:
        """Add the steps of the document or of one repeat of a block; returns the step with the block's result.

        Parameters:
            prefix: of the names of its nodes, "" or "stage1.0.".
            owner: prefix of the nodes whose modules are called: those of another use, if that one's weights are shared.
            ports: the name of each Input node → the step whose value it passes on.
            network: the network of the use; None: each node has its own.
        """
        scope = self.scope(block)
        if block is None and not self.document.composites:
            self.steps.extend(scope.steps)
            self.unbound.update(scope.unbound)
            return None
        values: dict[str, str] = {}
        result = None
        for name, reason in scope.unbound.items():
            self.unbound[prefix + name] = reason
        for step in scope.steps:
            name = prefix + step.name
            inputs = tuple(values.get(source, prefix + source) for source in step.inputs)
            role = step.spec.role
            if role == "block":
                values[step.name] = self._repeat(step, name, owner + step.module, inputs, network or step.network)
            elif block is not None and role in ("input", "output"):
                source = ports[step.name] if role == "input" else inputs[0]
                self.aliases[name] = values[step.name] = source
                if role == "output" and result is None:
                    result = source
            else:
                tied = prefix + step.tied if step.tied is not None and owner == prefix else None
                made = Step(
                    name, step.node, step.spec, inputs, owner + step.module, network or step.network, tied, block
                )
                self.steps.append(made)
                values[step.name] = name
        return result

    def _repeat(self, step: Step, name: str, owner: str, inputs: tuple[str, ...], network: str) -> str:
        """Add all repeats of a block: the result of one is the first input of the next."""
        block, repeat = step.node.use or ("", 0)
        names = self.document.blocks[block].ports
        start = len(self.steps)
        result: str | None = None
        for number in range(repeat):
            first = len(self.steps)
            use = f"{name}.{number}"
            ports = dict(zip(names, inputs, strict=True))
            result = self.expand(block, f"{use}.", f"{owner}.{number}.", ports, network)
            self.spans[use] = (first, len(self.steps))
            self.uses[use] = block
            if result is not None:
                self.aliases[use] = result
                inputs = (result, *inputs[1:]) if inputs else ()
        self.spans[name] = (start, len(self.steps))
        if result is None:
            return name
        self.aliases[name] = result
        return result

    def scope(self, block: str | None) -> Scope:
        """The plan of the document or of a block by itself, made only once per block."""
        if block not in self.scopes:
            graph = self.document if block is None else self.document.blocks[block]
            self.scopes[block] = _scope(graph, self.document, self.expandable)
        return self.scopes[block]


def needed_steps(plan: Plan, wanted: set[str]) -> list[Step]:
    """The steps that are needed to compute the wanted ones, in execution order."""
    keep = set(wanted)
    for step in reversed(plan.steps):
        if step.name in keep:
            keep.update(step.inputs)
    return [step for step in plan.steps if step.name in keep]


def steps_to_outputs(plan: Plan) -> set[str]:
    """The steps that are part of the networks: those from which an Output is reached, inside a block the block's own.

    A block counts as a whole: if its result is used, all its repeats are part of the network.
    """
    reached = {block: _reaching_output(scope) for block, scope in plan.scopes.items()}
    uses: dict[str, bool] = {"": True}

    def is_part(use: str, name: str) -> bool:
        if use not in uses:
            outer, _, last = use.rpartition(".")[0].rpartition(".")
            uses[use] = is_part(outer, last)
        return uses[use] and name in reached[plan.uses[use] if use else None]

    return {step.name for step in plan.steps if is_part(*split_name(step.name))}


def split_name(name: str) -> tuple[str, str]:
    """ "stage1.0.conv1" → the repeat it is in, "stage1.0", and its name there, "conv1"."""
    use, _, last = name.rpartition(".")
    return use, last


def _reaching_output(scope: Scope) -> set[str]:
    ends = {step.name for step in scope.steps if step.spec.role == "output"}
    return reaching(scope.graph, ends)


def _scope(graph: Graph, document: Document, expandable: frozenset[str]) -> Scope:
    edges = incoming(graph)
    steps: list[Step] = []
    unbound: dict[str, str] = {}
    names = order(graph)
    entries = _entries(graph)
    running = [*entries.values(), *(name for name in names if name not in entries.values())] if entries else names
    for name in running:
        node = graph.by_name[name]
        try:
            spec = node.spec
            if node.use is not None and node.use.block not in expandable:
                continue
            inputs = bind(spec, edges.get(name, []), document.blocks)
            if spec.follows_batch and not inputs:
                inputs = _first_input(entries, node)
        except PortError as error:
            unbound[name] = str(error)
        except (KeyError, ValidationError):
            continue
        else:
            module, tied = _owner(graph, node, spec)
            steps.append(Step(name, node, spec, inputs, module, node.network, tied))
    return Scope(graph, tuple(steps), unbound, tuple(names))


def _entries(graph: Graph) -> dict[str, str]:
    """Network → its first Input node, if some node takes its batch size from it and so must run after it."""
    if not any(CATALOGUE[kind].follows_batch for kind in {node.type for node in graph.nodes} if kind in CATALOGUE):
        return {}
    return {node.network: node.name for node in reversed(graph.nodes) if node.role == "input"}


def _first_input(entries: Mapping[str, str], node: Node) -> tuple[str, ...]:
    if node.network not in entries:
        raise PortError(f"takes its batch size from its port {node.spec.ports[0]}, which is free. Wire a node into it.")
    return (entries[node.network],)


def _owner(graph: Graph, node: Node, spec: LayerSpec) -> tuple[str, str | None]:
    """The node whose module a node calls, and the node whose parameters the node's own module uses."""
    if node.shares_weights_with is None:
        return node.name, None
    owner = graph.by_name.get(node.shares_weights_with)
    if owner is None or owner is node:
        return node.name, None
    try:
        same_layer = owner.spec.key == spec.key
    except (KeyError, ValidationError):
        same_layer = False
    return (owner.name, None) if same_layer else (node.name, owner.name)


NO_BLOCKS: Mapping[str, Block] = {}


def bind(spec: LayerSpec, edges: list[Edge], blocks: Mapping[str, Block] = NO_BLOCKS) -> tuple[str, ...]:
    """The sources of a node's inputs in the order of its ports. PortError: too few, too many, or no such port."""
    if spec.variadic:
        if len(edges) < 2:
            given = f"has {len(edges)}" if edges else "has none"
            raise PortError(f"takes two or more inputs and {given}; wire another node into it.")
        return tuple(edge.source for edge in edges)
    ports = spec.ports_with(blocks)
    taken = ports_taken(spec, edges, blocks)
    required = len(ports) if spec.required_ports is None else spec.required_ports
    missing = [port for port in ports[:required] if port not in taken]
    if missing:
        if len(ports) == 1:
            raise PortError("has no input; wire a node into it.")
        wanted = ", ".join(missing)
        raise PortError(f"takes {count(len(ports), 'input')}; {wanted} {'is' if len(missing) == 1 else 'are'} free.")
    return tuple(taken[port] for port in ports if port in taken)


def ports_taken(spec: LayerSpec, edges: list[Edge], blocks: Mapping[str, Block] = NO_BLOCKS) -> dict[str, str]:
    """Port → source: edges with a port first, then the others, each to the next free port in the order of the edges."""
    ports = spec.ports_with(blocks)
    taken: dict[str, str] = {}
    for edge in edges:
        if edge.port is None:
            continue
        if edge.port not in ports:
            raise PortError(f"has no port {clip(edge.port)}; its ports are: {', '.join(ports) or 'none'}.")
        if edge.port in taken:
            raise PortError(f"has two wires at its port {edge.port}: from {taken[edge.port]} and {edge.source}.")
        taken[edge.port] = edge.source
    free = [port for port in ports if port not in taken]
    for edge in edges:
        if edge.port is None:
            if not free:
                total = len(edges)
                expected = f"takes {count(len(ports), 'input')}" if ports else "takes no input"
                raise PortError(f"{expected} and has {total}; remove {total - len(ports)}.")
            taken[free.pop(0)] = edge.source
    return taken
