"""Pieces of a document that run by themselves: one of its networks, or what lies before or behind a node.

between(document, end="code")        # an encoder: from the Inputs to the node `code`
between(document, start="code")      # a decoder: from the value of `code` to the Output
cuts(document, "main")               # the nodes through which everything passes: where a network can be cut in two

The nodes keep their names, so that a trained network's weights load into its pieces.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import networkx as nx

from builder.analysis.infer import infer
from builder.catalogue import type_with_role
from builder.document.graph import reaching
from builder.document.model import Document, Edge, Node
from builder.edits import fresh_name
from builder.problems import GraphError, Problem


def only(document: Document, network: str, name: str = "") -> Document:
    """The document of one of its networks alone. GraphError: it has no such network."""
    kept = [node.name for node in document.nodes if node.network == network]
    if not kept:
        raise _error(None, f"There is no network {network!r} in the document.")
    return _kept(document, kept, name)


def between(
    document: Document, start: str | None = None, end: str | None = None, name: str = "", network: str | None = None
) -> Document:
    """The part of a network behind the node `start`, up to the node `end`, as a document of its own.

    `start` becomes an Input of the shape of its value; behind `end` stands a new Output. None: from the Inputs, or to
    the Outputs. `network`: which, where neither is given and there are several.

    Raises:
        GraphError: there is no such node, its shape is not known, or something behind `start` takes a value from before
            it, past it (a skip connection): it could not run by itself.
    """
    for given in (start, end):
        if given is not None and given not in document.by_name:
            raise _error(given, f"There is no node {given!r} in the document.")
    anchor = start or end
    place = document.node(anchor).network if anchor else network or document.nodes[0].network
    ends = {end} if end is not None else {n.name for n in document.nodes if n.role == "output" and n.network == place}
    below = [edge for edge in document.edges if edge.target != start]
    kept = reaching(document.changed(edges=tuple(below)), ends)
    nodes = {node.name: node for node in document.nodes if node.name in kept}
    if start is not None:
        _refuse_past(document, start, nodes)
        nodes[start] = _entry(document, start)
    edges = [edge for edge in below if edge.source in nodes and edge.target in nodes]
    if end is not None:
        kind = type_with_role("output")
        last = Node(name=fresh_name(document, kind), type=kind, network=place)
        nodes[last.name] = last
        edges.append(Edge(source=end, target=last.name))
    ordered = [nodes[node.name] for node in document.nodes if node.name in nodes]
    ordered += [node for node in nodes.values() if node.name not in document.by_name]
    return _kept(document.changed(nodes=tuple(ordered), edges=tuple(edges)), list(nodes), name)


def cuts(document: Document, network: str = "main") -> list[str]:
    """The nodes through which every value on its way from an Input to an Output passes, in running order.

    They are the dominators of the Outputs (Lengauer and Tarjan, 1979), Inputs and Outputs themselves left out.
    """
    graph: nx.DiGraph[str] = nx.DiGraph()
    members = {node.name: node for node in document.nodes if node.network == network}
    graph.add_edges_from((edge.source, edge.target) for edge in document.edges if edge.source in members)
    entrance, leaving = "<in>", "<out>"  # no names of nodes
    graph.add_edges_from((entrance, name) for name, node in members.items() if node.role == "input")
    graph.add_edges_from((name, leaving) for name, node in members.items() if node.role == "output")
    if leaving not in graph or entrance not in graph or not nx.has_path(graph, entrance, leaving):
        return []
    above = nx.immediate_dominators(graph, entrance)
    found: list[str] = []
    name = above[leaving]
    while name != entrance:
        if members[name].role not in ("input", "output"):
            found.append(name)
        name = above[name]
    return found[::-1]


def owners(document: Document) -> dict[str, str]:
    """Node → the node whose weights it uses, for those that share any."""
    shares = {node.name: node.shares_weights_with for node in document.nodes}
    return {name: owner for name, owner in shares.items() if owner is not None}


def _entry(document: Document, start: str) -> Node:
    shape = infer(document).get(start)
    if shape is None:
        raise _error(start, f"{start}: its shape is not known yet, so nothing can begin with it.")
    params = {"shape": list(shape)}
    return Node(name=start, type=type_with_role("input"), params=params, network=document.node(start).network)


def _refuse_past(document: Document, start: str, kept: dict[str, Node]) -> None:
    """Nothing behind `start` may need a sample besides."""
    sources: dict[str, list[str]] = defaultdict(list)
    for edge in document.edges:
        sources[edge.target].append(edge.source)
    behind = {name for name in kept if name != start and start in reaching(document, {name})}
    for name in behind:
        for source in sources[name]:
            if source not in behind and source != start and _needs_sample(document, source):
                raise _error(name, f"{name} takes {source} past {start}, so what is behind {start} cannot run alone.")


def _needs_sample(document: Document, name: str) -> bool:
    return any(document.node(before).role == "input" for before in reaching(document, {name}))


def _kept(document: Document, names: Iterable[str], name: str) -> Document:
    """Some nodes with the wires between them. A node whose weights belong to one that is left out has its own."""
    kept = set(names)
    nodes = tuple(
        node
        if node.shares_weights_with is None or node.shares_weights_with in kept
        else Node(name=node.name, type=node.type, params=node.params, network=node.network)
        for node in document.nodes
        if node.name in kept
    )
    edges = tuple(edge for edge in document.edges if edge.source in kept and edge.target in kept)
    layout = {key: place for key, place in document.layout.items() if key in kept}
    return document.changed(nodes=nodes, edges=edges, layout=layout, name=name or document.name, training={}, lesson="")


def _error(node: str | None, message: str) -> GraphError:
    return GraphError([Problem("N150", "error", node, message, category="network")])
