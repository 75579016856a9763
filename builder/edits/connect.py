"""The one rule for which nodes may be wired: for hovering, for dropping a wire, and for the edit Connect."""

from __future__ import annotations

from builder.analysis.plan import PortError, ports_taken
from builder.document import Document, Edge
from builder.document.graph import incoming, path
from builder.registry import did_you_mean


def why_not(document: Document, edge: Edge) -> str | None:
    """Why this edge cannot be added, as a sentence, or None. Shapes are not considered: checks report them."""
    for name in (edge.source, edge.target):
        if name not in document.by_name:
            return f"There is no node {name!r}.{did_you_mean(name, document.by_name)}"
    source, target = document.node(edge.source), document.node(edge.target)
    if edge.source == edge.target:
        return f"{edge.source} cannot be its own input."
    if source.network != target.network:
        return (
            f"{edge.source} is in the network {source.network}, {edge.target} in {target.network}: "
            "no wire joins two networks."
        )
    try:
        from_role, spec = source.spec.role, target.spec
    except (KeyError, ValueError):
        return None  # unknown type or wrong parameters: a check reports it
    if from_role == "output":
        return f"{edge.source} is an output: it has no successor."
    if spec.role == "input":
        return f"{edge.target} is an input: it has no predecessor."
    edges = incoming(document).get(edge.target, [])
    if any(other.source == edge.source and (spec.variadic or other.port == edge.port) for other in edges):
        return f"{edge.source} is already wired to {edge.target}."
    round_trip = path(document, edge.target, edge.source)
    if round_trip:
        return f"This wire would close a cycle: {' → '.join([*round_trip, edge.target])}. A network must be acyclic."
    if not spec.variadic:
        try:
            ports_taken(spec, [*edges, edge], document.blocks)
        except PortError as error:
            return f"{edge.target} {error}"
    return None


def occupant(document: Document, edge: Edge) -> Edge | None:
    """The edge that already uses the target's only port: a new wire that is dropped there replaces it."""
    edges = incoming(document).get(edge.target, [])
    spec = document.node(edge.target).spec
    if spec.variadic:
        return None
    if edge.port is not None:
        return next((other for other in edges if other.port == edge.port), None)
    return edges[0] if len(spec.ports_with(document.blocks)) == 1 and edges else None
