"""The plan: the document's nodes in the order in which they run, each with its inputs bound to its ports.

Shapes, compiler, generated code and summary all read this one tuple of steps.
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
    """One node to run: its layer and the names of the nodes whose values it takes, in the order of its ports."""

    name: str  # with the way to it where it is in a block: "stage1.0.conv1"
    node: Node
    spec: LayerSpec
    inputs: tuple[str, ...]
    module: str  # the node whose module it calls: itself, or the one of its own kind that it shares weights with
    network: str = "main"
    tied: str | None = None  # the node of another kind whose parameters its own module has
    block: str | None = None  # the block it is drawn in; None: the document itself

    @property
    def owns(self) -> bool:
        """Whether the parameters of its module are its own: they are counted here and nowhere else."""
        return self.module == self.name and self.tied is None


@dataclass(frozen=True)
class Scope:
    """The plan of a document or of one block by itself: its own nodes, with those that stand for a block as steps."""

    graph: Graph
    steps: tuple[Step, ...]
    unbound: dict[str, str]
    order: tuple[str, ...]

    @functools.cached_property
    def behind(self) -> dict[str, str]:
        """The nodes behind a cycle, each with the node that tells of it."""
        return behind_cycles(self.graph, self.order)


@dataclass(frozen=True)
class Plan:
    """Steps in running order, and for the nodes that could not be bound the reason, in words.

    Blocks are expanded: every repeat has steps of its own under dotted names, and an Input or an Output inside a block
    is no step but another name for the value that it passes on.
    """

    steps: tuple[Step, ...]
    unbound: dict[str, str]
    order: tuple[str, ...]  # every node of the document itself that is not in or behind a cycle
    aliases: dict[str, str] = field(default_factory=dict)  # ports, results, repeats, blocks → the step of their value
    spans: dict[str, tuple[int, int]] = field(default_factory=dict)  # "stage1", "stage1.0" → a part of the steps
    scopes: dict[str | None, Scope] = field(default_factory=dict)  # by the block's name; None: the document itself
    uses: dict[str, str] = field(default_factory=dict)  # "stage1.0" → the name of the block it is


class PortError(Exception):
    """The edges into a node do not fit its ports. Its text is the sentence for the user."""


def make_plan(document: Document) -> Plan:
    """Bind every node that can be. Nodes with an unknown type or wrong parameters are left out: checks report them."""
    expander = _Expander(document)
    expander.expand(None, "", "", {}, None)
    top = expander.scopes[None]
    return Plan(
        tuple(expander.steps), expander.unbound, top.order, expander.aliases, expander.spans, expander.scopes,
        expander.uses,
    )  # fmt: skip


class _Expander:
    """Walks through the document and, once for every use and repeat, through its blocks."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.sound = expansion(document).sound
        self.scopes: dict[str | None, Scope] = {}
        self.steps: list[Step] = []
        self.unbound: dict[str, str] = {}
        self.aliases: dict[str, str] = {}
        self.spans: dict[str, tuple[int, int]] = {}
        self.uses: dict[str, str] = {}

    def expand(
        self, block: str | None, prefix: str, home: str, ports: Mapping[str, str], network: str | None
    ) -> str | None:
        """Add the steps of the document or of one repeat of a block; returns the step that makes the block's result.

        Parameters:
            prefix: before the names of its nodes, "" or "stage1.0."; home: before those of its modules, which are
                another use's where that one's weights are shared.
            ports: the steps whose values its Input nodes pass on, by their names.
            network: the one that the use is in; None: each node says it.
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
                values[step.name] = self._repeat(step, name, home + step.module, inputs, network or step.network)
            elif block is not None and role in ("input", "output"):
                source = ports[step.name] if role == "input" else inputs[0]
                self.aliases[name] = values[step.name] = source
                if role == "output" and result is None:
                    result = source
            else:
                tied = prefix + step.tied if step.tied is not None and home == prefix else None
                place = network or step.network
                made = Step(name, step.node, step.spec, inputs, home + step.module, place, tied, block)
                self.steps.append(made)
                values[step.name] = name
        return result

    def _repeat(self, step: Step, name: str, home: str, inputs: tuple[str, ...], network: str) -> str:
        """All repeats of a block, each fed by the one before it."""
        block, repeat = step.node.use or ("", 0)
        names = self.document.blocks[block].ports
        start = len(self.steps)
        result: str | None = None
        for number in range(repeat):
            here = len(self.steps)
            place = f"{name}.{number}"
            result = self.expand(
                block, f"{place}.", f"{home}.{number}.", dict(zip(names, inputs, strict=True)), network
            )
            self.spans[place] = (here, len(self.steps))
            self.uses[place] = block
            if result is not None:
                self.aliases[place] = result
                inputs = (result, *inputs[1:]) if inputs else ()
        self.spans[name] = (start, len(self.steps))
        if result is None:
            return name
        self.aliases[name] = result
        return result

    def scope(self, block: str | None) -> Scope:
        """The plan of the document or of a block by itself, made once however often it is used."""
        if block not in self.scopes:
            graph = self.document if block is None else self.document.blocks[block]
            self.scopes[block] = _scope(graph, self.document, self.sound)
        return self.scopes[block]


def alive(plan: Plan) -> set[str]:
    """The steps that a network is made of: those whose value reaches the Output of all that they are in.

    A block is taken as a whole: if its result is used, all its repeats are there, also where one does not need another.
    """
    living = {block: _reaching_output(scope) for block, scope in plan.scopes.items()}
    uses: dict[str, bool] = {"": True}

    def lives(place: str, name: str) -> bool:
        if place not in uses:
            before, _, last = place.rpartition(".")[0].rpartition(".")
            uses[place] = lives(before, last)
        return uses[place] and name in living[plan.uses[place] if place else None]

    return {step.name for step in plan.steps if lives(*_split(step.name))}


def _split(name: str) -> tuple[str, str]:
    """ "stage1.0.conv1" → where it is, "stage1.0", and its name there."""
    place, _, last = name.rpartition(".")
    return place, last


def _reaching_output(scope: Scope) -> set[str]:
    ends = {step.name for step in scope.steps if step.spec.role == "output"}
    return reaching(scope.graph, ends)


def _scope(graph: Graph, document: Document, sound: frozenset[str]) -> Scope:
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
            if node.use is not None and node.use.block not in sound:
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
    """Network → its first Input node, where a node takes its batch size from it and so must run behind it."""
    if not any(CATALOGUE[kind].follows_batch for kind in {node.type for node in graph.nodes} if kind in CATALOGUE):
        return {}
    return {node.network: node.name for node in reversed(graph.nodes) if node.role == "input"}


def _first_input(entries: Mapping[str, str], node: Node) -> tuple[str, ...]:
    if node.network not in entries:
        raise PortError(f"takes its batch size from what is wired to {node.spec.ports[0]}; wire a node into it.")
    return (entries[node.network],)


def _owner(graph: Graph, node: Node, spec: LayerSpec) -> tuple[str, str | None]:
    """The node whose module a node calls, and the one whose parameters it takes into a module of its own."""
    if node.shares_weights_with is None:
        return node.name, None
    owner = graph.by_name.get(node.shares_weights_with)
    if owner is None or owner is node:
        return node.name, None
    try:
        alike = owner.spec.key == spec.key
    except (KeyError, ValidationError):
        alike = False
    return (owner.name, None) if alike else (node.name, owner.name)


NO_BLOCKS: Mapping[str, Block] = {}


def bind(spec: LayerSpec, edges: list[Edge], blocks: Mapping[str, Block] = NO_BLOCKS) -> tuple[str, ...]:
    """The sources of a node's inputs in the order of its ports. PortError: missing, too many, or no such port."""
    if spec.variadic:
        if len(edges) < 2:
            given = f"has {len(edges)}" if edges else "has none"
            raise PortError(f"joins two or more inputs and {given}; wire another node into it.")
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
    """Port → source: named ports first, the other edges to the next free port in the order of the edges."""
    ports = spec.ports_with(blocks)
    taken: dict[str, str] = {}
    for edge in edges:
        if edge.port is None:
            continue
        if edge.port not in ports:
            raise PortError(f"has no port {clip(edge.port)}; its ports are: {', '.join(ports) or 'none'}.")
        if edge.port in taken:
            raise PortError(f"gets two wires at its port {edge.port}: from {taken[edge.port]} and {edge.source}.")
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
