"""Is the graph a network: inputs, outputs, types, parameters, wires, no cycles?"""

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
    """Every node whose type and parameters are valid, with its layer."""
    for node in analysis.document.nodes:
        if node.type in CATALOGUE:
            try:
                yield node, node.spec
            except ValueError:
                continue


class Malformed(Check):
    """A document made in memory has a problem for which loading a file would be refused.

    Unknown layer types, wrong parameters, edges without a node at both ends, repeated names.

    Example: a node of the type Conv4d.
    Fix: correct the node that the message names.
    """

    code = "N100"
    category = "type"

    def find(self, analysis: Analysis) -> Iterator[Problem]:
        yield from problems(analysis.document)


class _MissingRole(Check):
    """A network needs an Input and an Output."""

    scoped = True
    role: ClassVar[Role]
    name: ClassVar[str]  # of the node that the fix adds to a network
    name_in_block: ClassVar[str]  # and to a block
    reason: ClassVar[str]
    reason_in_block: ClassVar[str]

    def find(self, analysis: Analysis) -> Iterator[Problem]:
        networks: dict[str, list[tuple[Node, LayerSpec]]] = {node.network: [] for node in analysis.document.nodes}
        for node, spec in specs(analysis):
            networks[node.network].append((node, spec))
        for network, members in (networks or {"main": []}).items():
            if not any(spec.role == self.role for _, spec in members):
                yield self._missing(analysis, network, members)

    def _missing(self, analysis: Analysis, network: str, members: list[tuple[Node, LayerSpec]]) -> Problem:
        document = analysis.document
        reason = self.reason if analysis.block is None else self.reason_in_block
        type_name = type_with_role(self.role)
        neighbour = self.neighbour(analysis, members)
        x, y = document.layout.get(neighbour.name, (0.0, 0.0)) if neighbour else (0.0, 0.0)
        side = -GAP_X if self.role == "input" else GAP_X
        name = fresh_name(document, self.name if analysis.block is None else self.name_in_block)
        fix: list[Edit] = [AddNode(Node(name=name, type=type_name, network=network), (x + side, y))]
        if neighbour is not None:
            ends = (name, neighbour.name) if self.role == "input" else (neighbour.name, name)
            fix.append(Connect(Edge(source=ends[0], target=ends[1])))
        which = "The network" if network == MAIN else f"The network {network}"
        which = which if analysis.block is None else f"The block {analysis.block}"
        return self.problem(None, f"{which} has no {type_name}: {reason}", fix, f"Add {type_name}")

    def neighbour(self, analysis: Analysis, members: list[tuple[Node, LayerSpec]]) -> Node | None:
        """The node to wire the missing one to."""
        raise TypeError(f"{type(self).__name__} must implement neighbour().")


class NoInput(_MissingRole):
    """A network has no Input.

    It gets no data.

    Example: a Linear layer and an Output, and nothing before them.
    Fix: add an Input before the first node without an input.
    """

    code = "N110"
    category = "input"
    role = "input"
    name = "image"
    name_in_block = "x"
    reason = "it gets no data."
    reason_in_block = "it gets no value."

    def neighbour(self, analysis: Analysis, members: list[tuple[Node, LayerSpec]]) -> Node | None:
        return next(
            (
                node
                for node, spec in members
                if node.name not in analysis.edge_targets and spec.ports_with(analysis.document.blocks)
            ),
            None,
        )


class NoOutput(_MissingRole):
    """A network has no Output.

    There is no prediction to compare with the targets.

    Example: an Input and a Linear layer, and nothing after them.
    Fix: add an Output after the last node.
    """

    code = "N111"
    category = "output"
    role = "output"
    name = "prediction"
    name_in_block = "y"
    reason = "there is no prediction to compare with the targets."
    reason_in_block = "it has no result."

    def find(self, analysis: Analysis) -> Iterator[Problem]:
        if analysis.document.nodes:  # for an empty document only the missing Input is reported
            yield from super().find(analysis)

    def neighbour(self, analysis: Analysis, members: list[tuple[Node, LayerSpec]]) -> Node | None:
        ends = [node for node, _ in members if node.name not in analysis.edge_sources]
        return next((node for node in reversed(ends) if node.name in analysis.facts), ends[-1] if ends else None)


class Cycles(Check):
    """Wires form a cycle.

    A network must be acyclic: in a cycle there is no node that can run first.

    Example: a wire from the second of two layers back to the first one.
    Fix: remove the wire that closes the cycle.
    """

    code = "N120"
    scoped = True
    category = "cycle"

    def find(self, analysis: Analysis) -> Iterator[Problem]:
        if len(analysis.plan.order) == len(analysis.document.by_name):
            return  # every node could be ordered, so there is no cycle
        edges = incoming(analysis.document)
        for names in cycles(analysis.document):
            cycle = " → ".join([*names, names[0]])
            edge = [e for e in edges[names[0]] if e.source == names[-1]]
            label = f"Remove the wire {names[-1]} → {names[0]}"
            message = f"is in a cycle: {cycle}. A network must be acyclic."
            yield self.problem(names[0], message, map(Disconnect, edge), label)


class Unbound(Check):
    """The wires into a node do not fit its ports.

    There are too few or too many, or one ends at a port that does not exist.

    Example: Add with only one input.
    Fix: add the missing wires, or remove those that are too many.
    """

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
                label = f"Keep the first {len(ports)}" if ports else "Remove the wire"
            yield self.problem(name, message, fix, label)


class Unused(Check):
    """No Output can be reached from a node.

    The node is not part of the network: it is left out of the model and of the code.

    Example: a layer that was added, but not wired to the next one.
    Fix: wire it to another node, or delete it.
    """

    code = "N131"
    scoped = True
    category = "wiring"
    severity = "warning"

    def find(self, analysis: Analysis) -> Iterator[Problem]:
        outputs = {node.name for node, spec in specs(analysis) if spec.role == "output"}
        if not outputs:
            return
        used = reaching(analysis.document, outputs)
        for step in analysis.plan.steps:
            if step.name not in used:
                end = "output" if analysis.block is None else f"Output of the block {analysis.block}"
                message = f"leads to no {end}, so it is not used. Wire it to another node, or delete it."
                yield self.problem(step.name, message)


class OneResult(Check):
    """A block has more than one Output.

    A node that uses the block has one result.

    Example: a block whose two branches each end with an Output.
    Fix: remove all Outputs but one, or merge the branches.
    """

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
                f"Keep only {results[0]}",
            )


class Networks(Check):
    """A wire connects two networks.

    Each network of a document is a module of its own, such as the generator and the discriminator of a GAN.

    Example: a wire from the last layer of the generator to the first layer of the discriminator.
    Fix: remove the wire, or move the nodes to the same network.
    """

    code = "N140"
    category = "wiring"

    def find(self, analysis: Analysis) -> Iterator[Problem]:
        document = analysis.document
        for edge in document.edges:
            one, other = document.by_name.get(edge.source), document.by_name.get(edge.target)
            if one is not None and other is not None and one.network != other.network:
                message = (
                    f"is in the network {other.network} and has a wire from {edge.source}, which is in {one.network}. "
                    "No wire joins two networks."
                )
                yield self.problem(edge.target, message, [Disconnect(edge)], "Remove the wire")
