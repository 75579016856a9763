"""Is there a network at all: inputs, outputs, types, parameters, wires, cycles?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from builder.analysis.infer import Analysis
from builder.catalogue import CATALOGUE, type_with_role
from builder.checks.base import Check
from builder.document import MAIN, Edge, Node
from builder.document.graph import cycles, incoming, reaching
from builder.document.validation import problems
from builder.edits import GAP_X, AddNode, Bypass, Connect, Disconnect, Edit, RemoveNodes, fresh_name
from builder.problems import Problem
from builder.spec import LayerSpec, Role


def specs(analysis: Analysis) -> Iterator[tuple[Node, LayerSpec]]:
    """Every node whose type and parameters are right, with its layer."""
    for node in analysis.document.nodes:
        if node.type in CATALOGUE:
            try:
                yield node, node.spec
            except ValueError:
                continue


class Malformed(Check):
    """What loading refuses, in a document made in memory: unknown types, wrong parameters, loose wires."""

    code = "N100"
    category = "type"

    def find(self, analysis: Analysis) -> Iterator[Problem]:
        yield from problems(analysis.document)


class _NoEnd(Check):
    """A network needs a way in and a way out."""

    scoped = True
    role: ClassVar[Role]
    name: ClassVar[str]
    in_block: ClassVar[str]  # the name of such a node in a block
    why: ClassVar[str]
    why_in_block: ClassVar[str]

    def find(self, analysis: Analysis) -> Iterator[Problem]:
        networks: dict[str, list[tuple[Node, LayerSpec]]] = {node.network: [] for node in analysis.document.nodes}
        for node, spec in specs(analysis):
            networks[node.network].append((node, spec))
        for network, members in (networks or {"main": []}).items():
            if not any(spec.role == self.role for _, spec in members):
                yield self._missing(analysis, network, members)

    def _missing(self, analysis: Analysis, network: str, members: list[tuple[Node, LayerSpec]]) -> Problem:
        document = analysis.document
        why = self.why if analysis.block is None else self.why_in_block
        type_name = type_with_role(self.role)
        neighbour = self.neighbour(analysis, members)
        x, y = document.layout.get(neighbour.name, (0.0, 0.0)) if neighbour else (0.0, 0.0)
        side = -GAP_X if self.role == "input" else GAP_X
        name = fresh_name(document, self.name if analysis.block is None else self.in_block)
        fix: list[Edit] = [AddNode(Node(name=name, type=type_name, network=network), (x + side, y))]
        if neighbour is not None:
            ends = (name, neighbour.name) if self.role == "input" else (neighbour.name, name)
            fix.append(Connect(Edge(source=ends[0], target=ends[1])))
        which = "The network" if network == MAIN else f"The network {network}"
        which = which if analysis.block is None else f"The block {analysis.block}"
        return self.problem(None, f"{which} has no {type_name}: {why}", fix, f"Add {type_name}")

    def neighbour(self, analysis: Analysis, members: list[tuple[Node, LayerSpec]]) -> Node | None:
        """The node that the missing one would be wired to."""
        raise TypeError(f"{type(self).__name__} must say where the missing node belongs.")


class NoInput(_NoEnd):
    """A network without an input has nothing to learn from. Mended by putting one before the first free node."""

    code = "N110"
    category = "input"
    role = "input"
    name = "image"
    in_block = "x"
    why = "data has no way in."
    why_in_block = "what is wired to it has no way in."

    def neighbour(self, analysis: Analysis, members: list[tuple[Node, LayerSpec]]) -> Node | None:
        return next(
            (
                node
                for node, spec in members
                if node.name not in analysis.fed and spec.ports_with(analysis.document.blocks)
            ),
            None,
        )


class NoOutput(_NoEnd):
    """A network without an output gives nothing to compare with the targets. Mended by adding one at the end."""

    code = "N111"
    category = "output"
    role = "output"
    name = "prediction"
    in_block = "y"
    why = "there is nothing to compare with the targets."
    why_in_block = "its result has no way out."

    def find(self, analysis: Analysis) -> Iterator[Problem]:
        if analysis.document.nodes:  # an empty canvas is told once, that it needs an input
            yield from super().find(analysis)

    def neighbour(self, analysis: Analysis, members: list[tuple[Node, LayerSpec]]) -> Node | None:
        ends = [node for node, _ in members if node.name not in analysis.feeding]
        return next((node for node in reversed(ends) if node.name in analysis.facts), ends[-1] if ends else None)


class Cycles(Check):
    """Data must flow one way: a closed path has no first node to run. Mended by cutting the wire that closes it."""

    code = "N120"
    scoped = True
    category = "cycle"

    def find(self, analysis: Analysis) -> Iterator[Problem]:
        if len(analysis.plan.order) == len(analysis.document.by_name):
            return  # every node could be ordered, so no path is closed
        edges = incoming(analysis.document)
        for names in cycles(analysis.document):
            around = " → ".join([*names, names[0]])
            edge = [e for e in edges[names[0]] if e.source == names[-1]]
            label = f"Cut {names[-1]} → {names[0]}"
            yield self.problem(
                names[0], f"is in a cycle: {around}. Data must flow one way.", map(Disconnect, edge), label
            )


class Unbound(Check):
    """A node's wires do not fit its ports: none, too few, too many, or a port that it does not have."""

    code = "N130"
    scoped = True
    category = "wiring"

    def find(self, analysis: Analysis) -> Iterator[Problem]:
        document = analysis.document
        into = incoming(document)
        for name, message in analysis.plan.unbound.items():
            fix: list[Edit] = []
            label = ""
            spec = document.node(name).spec
            ports = spec.ports_with(document.blocks)
            if spec.variadic and len(into[name]) == 1:
                fix, label = [Bypass(name)], f"Remove {name}"
            elif len(into[name]) > len(ports) and not spec.variadic:
                extra = into[name][len(ports) :]
                fix = [Disconnect(edge) for edge in extra]
                label = f"Keep the first {len(ports)}" if ports else "Cut the wire"
            yield self.problem(name, message, fix, label)


class LeadsNowhere(Check):
    """A node whose result reaches no output takes no part in the network; it is left out of the model and the code."""

    code = "N131"
    scoped = True
    category = "wiring"
    severity = "warning"

    def find(self, analysis: Analysis) -> Iterator[Problem]:
        outputs = {node.name for node, spec in specs(analysis) if spec.role == "output"}
        if not outputs:
            return
        alive = reaching(analysis.document, outputs)
        for step in analysis.plan.steps:
            if step.name not in alive:
                end = "output" if analysis.block is None else f"Output of the block {analysis.block}"
                yield self.problem(step.name, f"leads to no {end}, so it takes no part. Wire it on, or delete it.")


class OneResult(Check):
    """A block has one result: the value of its one Output. Mended by removing the others."""

    code = "N132"
    scoped = True
    category = "output"

    def find(self, analysis: Analysis) -> Iterator[Problem]:
        if analysis.block is None:
            return
        results = [node.name for node, spec in specs(analysis) if spec.role == "output"]
        if len(results) > 1:
            yield self.problem(
                results[1],
                f"is one of {len(results)} outputs of the block {analysis.block} ({', '.join(results[:5])}); a block "
                "has one result. Remove the others, or merge them.",
                [RemoveNodes(tuple(results[1:]))],
                f"Keep {results[0]} alone",
            )


class Networks(Check):
    """No wire joins two networks of a document: each is a module of its own."""

    code = "N140"
    category = "wiring"

    def find(self, analysis: Analysis) -> Iterator[Problem]:
        document = analysis.document
        for edge in document.edges:
            one, other = document.by_name.get(edge.source), document.by_name.get(edge.target)
            if one is not None and other is not None and one.network != other.network:
                message = f"gets a wire from {edge.source}, which is in the network {one.network}, not {other.network}."
                yield self.problem(edge.target, message, [Disconnect(edge)], "Cut the wire")
