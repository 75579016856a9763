"""The plan: the document's nodes in the order in which they run, each with its inputs bound to its ports.

Shapes, compiler, generated code and summary all read this one tuple of steps.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ValidationError

from builder.document import Document, Edge, Node
from builder.graph import incoming, order
from builder.shapes import count
from builder.spec import LayerSpec


@dataclass(frozen=True, slots=True)
class Step:
    """One node to run: its layer and the names of the nodes whose values it takes, in the order of its ports."""

    name: str
    node: Node
    spec: LayerSpec
    inputs: tuple[str, ...]
    module: str  # the node whose parameters it uses: itself, or the one it shares weights with

    @property
    def network(self) -> str:
        return self.node.network


@dataclass(frozen=True)
class Plan:
    """Steps in running order, and for the nodes that could not be bound the reason, in words."""

    steps: tuple[Step, ...]
    unbound: dict[str, str]
    order: tuple[str, ...]  # every node that is not in or behind a cycle


class PortError(Exception):
    """The edges into a node do not fit its ports. Its text is the sentence for the user."""


def make_plan(document: Document) -> Plan:
    """Bind every node that can be. Nodes with an unknown type or wrong parameters are left out: checks report them."""
    edges = incoming(document)
    steps: list[Step] = []
    unbound: dict[str, str] = {}
    names = order(document)
    for name in names:
        node = document.by_name[name]
        try:
            spec = node.spec
            inputs = bind(spec, edges.get(name, []))
        except PortError as error:
            unbound[name] = str(error)
        except (KeyError, ValidationError):
            continue
        else:
            steps.append(Step(name, node, spec, inputs, node.shares_weights_with or name))
    return Plan(tuple(steps), unbound, tuple(names))


def bind(spec: LayerSpec, edges: list[Edge]) -> tuple[str, ...]:
    """The sources of a node's inputs in the order of its ports. PortError: missing, too many, or no such port."""
    if spec.variadic:
        if len(edges) < 2:
            given = f"has {len(edges)}" if edges else "has none"
            raise PortError(f"joins two or more inputs and {given}; wire another node into it.")
        return tuple(edge.source for edge in edges)
    taken = ports_taken(spec, edges)
    required = len(spec.ports) if spec.required_ports is None else spec.required_ports
    missing = [port for port in spec.ports[:required] if port not in taken]
    if missing:
        if len(spec.ports) == 1:
            raise PortError("has no input; wire a node into it.")
        wanted = ", ".join(missing)
        raise PortError(
            f"takes {count(len(spec.ports), 'input')}; {wanted} {'is' if len(missing) == 1 else 'are'} free."
        )
    return tuple(taken[port] for port in spec.ports if port in taken)


def ports_taken(spec: LayerSpec, edges: list[Edge]) -> dict[str, str]:
    """Port → source: named ports first, the other edges to the next free port in the order of the edges."""
    taken: dict[str, str] = {}
    for edge in edges:
        if edge.port is None:
            continue
        if edge.port not in spec.ports:
            ports = ", ".join(spec.ports) or "none"
            raise PortError(f"has no port {edge.port!r}; its ports are: {ports}.")
        if edge.port in taken:
            raise PortError(f"gets two wires at its port {edge.port}: from {taken[edge.port]} and {edge.source}.")
        taken[edge.port] = edge.source
    free = [port for port in spec.ports if port not in taken]
    for edge in edges:
        if edge.port is None:
            if not free:
                total = len(edges)
                expected = f"takes {count(len(spec.ports), 'input')}" if spec.ports else "takes no input"
                raise PortError(f"{expected} and has {total}; remove {total - len(spec.ports)}.")
            taken[free.pop(0)] = edge.source
    return taken
