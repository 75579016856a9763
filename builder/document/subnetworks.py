"""Subnetworks: parts of a document that run on their own, such as one of its networks, an encoder or a decoder.

between(document, end="code")        # an encoder: from the Inputs to the node `code`
between(document, start="code")      # a decoder: from the value of `code` to the Output
cuts(document, "main")               # the nodes at which a network can be cut in two: every path passes through them

The nodes keep their names, so that a trained network's weights can be loaded into its subnetworks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from builder.analysis.infer import infer
from builder.catalogue import type_with_role
from builder.document.graph import reaching
from builder.document.model import Document, Edge, Node
from builder.edits import fresh_name
from builder.problems import GraphError, Problem


def only(document: Document, network: str, name: str = "") -> Document:
    """A document with only one of its networks. GraphError: it has no such network."""
    kept = [node.name for node in document.nodes if node.network == network]
    if not kept:
        raise _error(None, f"There is no network {network!r} in the document.")
    return _kept(document, kept, name)


def between(
    document: Document, start: str | None = None, end: str | None = None, name: str = "", network: str | None = None
) -> Document:
    """The part of a network from the node `start` to the node `end`, as a document.

    `start` becomes an Input with the shape of its value; `end` gets a new Output. None: from the Inputs, or to the
    Outputs. `network`: which network, if neither is given and there are several.

    Raises:
        GraphError: there is no such node, its shape is unknown, or a skip connection passes `start`, so that the part
            behind it cannot run on its own.
    """
    for given in (start, end):
        if given is not None and given not in document.by_name:
            raise _error(given, f"There is no node {given!r} in the document.")
    given = start or end
    network = document.node(given).network if given else network or document.nodes[0].network
    ends = {end} if end is not None else {n.name for n in document.nodes if n.role == "output" and n.network == network}
    cut = [edge for edge in document.edges if edge.target != start]
    kept = reaching(document.changed(edges=tuple(cut)), ends)
    nodes = {node.name: node for node in document.nodes if node.name in kept}
    if start is not None:
        _refuse_skip_connections(document, start, nodes)
        nodes[start] = _as_input(document, start)
    edges = [edge for edge in cut if edge.source in nodes and edge.target in nodes]
    if end is not None:
        kind = type_with_role("output")
        last = Node(name=fresh_name(document, kind), type=kind, network=network)
        nodes[last.name] = last
        edges.append(Edge(source=end, target=last.name))
    ordered = [nodes[node.name] for node in document.nodes if node.name in nodes]
    ordered += [node for node in nodes.values() if node.name not in document.by_name]
    return _kept(document.changed(nodes=tuple(ordered), edges=tuple(edges)), list(nodes), name)


def cuts(document: Document, network: str = "main") -> list[str]:
    """The nodes through which every path from an Input to an Output passes, in execution order.

    They are the dominators of the Outputs (Lengauer and Tarjan, 1979), without the Inputs and Outputs themselves.
    """
    import networkx as nx

    graph: nx.DiGraph[str] = nx.DiGraph()
    members = {node.name: node for node in document.nodes if node.network == network}
    graph.add_edges_from((edge.source, edge.target) for edge in document.edges if edge.source in members)
    first, last = "<in>", "<out>"  # no node can have these names
    graph.add_edges_from((first, name) for name, node in members.items() if node.role == "input")
    graph.add_edges_from((name, last) for name, node in members.items() if node.role == "output")
    if last not in graph or first not in graph or not nx.has_path(graph, first, last):
        return []
    dominator = nx.immediate_dominators(graph, first)
    found: list[str] = []
    name = dominator[last]
    while name != first:
        if members[name].role not in ("input", "output"):
            found.append(name)
        name = dominator[name]
    return found[::-1]


def owners(document: Document) -> dict[str, str]:
    """Each node that shares weights → the node whose weights it uses."""
    shares = {node.name: node.shares_weights_with for node in document.nodes}
    return {name: owner for name, owner in shares.items() if owner is not None}


def _as_input(document: Document, start: str) -> Node:
    shape = infer(document).get(start)
    if shape is None:
        raise _error(start, f"{start}: its shape is unknown, so it cannot become an input.")
    params = {"shape": list(shape)}
    return Node(name=start, type=type_with_role("input"), params=params, network=document.node(start).network)


def _refuse_skip_connections(document: Document, start: str, kept: dict[str, Node]) -> None:
    """GraphError: a node behind `start` also needs a value that is computed from the sample without `start`."""
    sources: dict[str, list[str]] = defaultdict(list)
    for edge in document.edges:
        sources[edge.target].append(edge.source)
    behind = {name for name in kept if name != start and start in reaching(document, {name})}
    for name in behind:
        for source in sources[name]:
            if source not in behind and source != start and _needs_sample(document, source):
                message = f"{name} uses {source}, which bypasses {start}, so the part behind {start} cannot run alone."
                raise _error(name, message)


def _needs_sample(document: Document, name: str) -> bool:
    return any(document.node(before).role == "input" for before in reaching(document, {name}))


def _kept(document: Document, names: Iterable[str], name: str) -> Document:
    """The document with some of its nodes. A node that shares the weights of a removed one gets its own weights."""
    kept = set(names)
    nodes = tuple(
        node
        if node.shares_weights_with is None or node.shares_weights_with in kept
        else Node(name=node.name, type=node.type, params=node.params, network=node.network)
        for node in document.nodes
        if node.name in kept
    )
    edges = tuple(edge for edge in document.edges if edge.source in kept and edge.target in kept)
    layout = {key: position for key, position in document.layout.items() if key in kept}
    return document.changed(nodes=nodes, edges=edges, layout=layout, name=name or document.name, training={}, lesson="")


def _error(node: str | None, message: str) -> GraphError:
    return GraphError([Problem("N150", "error", node, message, category="network")])
