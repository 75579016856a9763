"""The document as the canvas draws it: nodes with text, wires with labels. Every text of a user is escaped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import builder
from builder.analysis.plan import PortError, ports_taken
from builder.analysis.summary import human
from builder.axes import compact, describe
from builder.document import Document, Edge, Node
from builder.document.graph import incoming
from builder.document.layout import COLUMN
from pages.parts.canvas.network_frames import NetworkFrame, network_colours, network_frames
from pages.parts.canvas.positions import Position
from pages.parts.document.snapshot_facts import SnapshotFacts
from pages.parts.theme.escaping import escape, sentence
from pages.parts.theme.theme import NODE_HEIGHT, NODE_WIDTH

ROW_END = 40.0  # how little right of its source a target may be before the wire is drawn in right angles


@dataclass(frozen=True)
class NodeBadge:
    """A word at a node's corner, and the colour that a training run gives the node."""

    text: str = ""
    severity: str = "error"
    colour: str | None = None


@dataclass(frozen=True)
class DrawnNode:
    """One node as it is drawn: its class names, HTML and whether wires may start and end at it."""

    name: str
    position: Position
    html: str
    classes: str
    kind: str  # streamlit-flow's "default", "input" (nothing before it) or "output" (nothing after it)
    colour: str | None = None


@dataclass(frozen=True)
class DrawnWire:
    """One wire as it is drawn."""

    id: str
    source: str
    target: str
    label: str
    kind: str
    broken: bool
    skips: bool = False  # passes over other nodes


@dataclass(frozen=True)
class CanvasDrawing:
    """Everything that the canvas shows, and the document's edge of each wire."""

    nodes: tuple[DrawnNode, ...]
    wires: tuple[DrawnWire, ...]
    edges: dict[str, Edge] = field(default_factory=dict)
    frames: tuple[tuple[NetworkFrame, str], ...] = ()  # of several networks, each with its heading as HTML

    def id_of(self, edge: Edge | None) -> str | None:
        return next((key for key, known in self.edges.items() if known == edge), None)


def draw(graph: Document, facts: SnapshotFacts, badges: Mapping[str, NodeBadge] | None = None) -> CanvasDrawing:
    """The drawing of what the canvas shows. `badges` are those of a training run."""
    badges = badges or {}
    colours = network_colours(graph)
    nodes = tuple(_node(graph, node, facts, badges.get(node.name), colours.get(node.network)) for node in graph.nodes)
    wires: list[DrawnWire] = []
    edges: dict[str, Edge] = {}
    ports = port_names(graph)
    for edge in graph.edges:
        key = f"{edge.source}>{edge.target}"
        while key in edges:
            key += "+"
        edges[key] = edge
        wires.append(_wire(key, edge, graph, facts, ports.get(id(edge), "")))
    frames = tuple((frame, _heading(frame, facts)) for frame in network_frames(graph))
    return CanvasDrawing(nodes, tuple(wires), edges, frames)


def _heading(frame: NetworkFrame, facts: SnapshotFacts) -> str:
    """A network's name and the number of its parameters, above its nodes."""
    count = sum(facts.costs[name].parameters for name in frame.nodes if name in facts.costs)
    cost = f"<span>{human(count)} parameters</span>" if count else ""
    return f'<div class="frame-name"><b>{escape(frame.network)}</b>{cost}</div>'


def _node(graph: Document, node: Node, facts: SnapshotFacts, badge: NodeBadge | None, network: int | None) -> DrawnNode:
    layer = builder.CATALOGUE.get(node.type)
    error, warning = facts.errors.get(node.name), facts.warnings.get(node.name)
    waits_for = facts.waiting.get(node.name)
    state = "is-error" if error else "is-waiting" if waits_for else "is-warning" if warning else ""
    if error:
        inner = _error(node, facts, error.message)
    else:
        inner = (
            f'<div class="name">{escape(node.name)}</div><div class="type">{_type(node)}</div>'
            f"{_foot(node, facts, waits_for)}"
        )
    if badge and badge.text:
        inner += f'<div class="badge {escape(badge.severity)}">{escape(badge.text)}</div>'
    if node.name in facts.labels:
        inner += f'<div class="label">{escape(facts.labels[node.name])}</div>'
    family = f"family-{layer.family if layer else 'data'}"
    framed = "" if network is None else f"in-network network-{network}"
    stack = "" if node.use is None else "is-block is-stack" if node.use.repeat > 1 else "is-block"
    return DrawnNode(
        node.name,
        graph.layout.get(node.name, (0.0, 0.0)),
        f'<div class="n">{inner}</div>',
        " ".join(filter(None, (family, state, stack, framed))),
        _flow_kind(graph, node),
        badge.colour if badge else None,
    )


def _error(node: Node, facts: SnapshotFacts, message: str) -> str:
    """The inside of a node with an error: its name, and the error in a few words, in full on hover."""
    failure, inside = facts.failures.get(node.name), facts.inner_errors.get(node.name)
    full = f"In {inside}: {message}" if inside else sentence(message)
    short = full if inside else sentence(failure.short if failure else message)
    return (
        f'<div class="head"><div class="name">{escape(node.name)}</div><div class="type">{_type(node)}</div></div>'
        f'<div class="message" title="{escape(full)}">{escape(short)}</div>'
    )


def _type(node: Node) -> str:
    """The line below the name: the type, or the block and how often it is repeated."""
    if node.use is None:
        return escape(node.type)
    times = f"<b>× {node.use.repeat:,}</b>" if node.use.repeat > 1 else ""
    return f"<span>{escape(node.use.block)}</span>{times}"


def _flow_kind(graph: Document, node: Node) -> str:
    """Where wires may touch the node, as streamlit-flow calls it."""
    if node.role == "output":
        return "output"
    return "default" if takes_wires(graph, node) else "input"


def takes_wires(graph: Document, node: Node) -> bool:
    """Whether the node has an input. A node of an unknown type or with wrong parameters may have one."""
    layer = builder.CATALOGUE.get(node.type)
    return layer is None or layer.variadic or bool(layer.ports) or bool(ports_of(graph, node))


def ports_of(graph: Document, node: Node) -> tuple[str, ...]:
    """The ports of a node; none if its type or its parameters are wrong."""
    try:
        return () if node.spec.variadic else node.spec.ports_with(graph.blocks)
    except (KeyError, ValueError):
        return ()


def _foot(node: Node, facts: SnapshotFacts, waits_for: str | None) -> str:
    if waits_for:
        return f'<div class="foot"><span>waiting for {escape(waits_for)}</span></div>'
    output = facts.outputs.get(node.name)
    if output is None:
        return '<div class="foot"><span>…</span></div>' if not facts.complete else '<div class="foot"></div>'
    cost = facts.costs.get(node.name)
    shape, axes = output.signal.shape, output.signal.axes
    parameters = human(cost.parameters) if cost else ""
    spans = f"<span>{escape(compact(shape, axes))}</span><span>{parameters}</span>"
    return f'<div class="foot" title="{escape(describe(shape, axes))}">{spans}</div>'


def _wire(key: str, edge: Edge, graph: Document, facts: SnapshotFacts, port: str) -> DrawnWire:
    output = facts.outputs.get(edge.source)
    left, right = graph.layout.get(edge.source, (0.0, 0.0)), graph.layout.get(edge.target, (0.0, 0.0))
    wraps = right[0] - left[0] < NODE_WIDTH + ROW_END and left[1] != right[1]
    begins_row = right[0] <= min((x for x, _ in graph.layout.values()), default=0.0)
    # Right angles lead from the end of one row to the start of the next; a skip connection would share their lines.
    kind = "smoothstep" if wraps and begins_row else "default"
    skips = (wraps and not begins_row) or right[0] - left[0] > 1.5 * COLUMN
    # Between neighbours there is room for the sizes alone; the roles of the axes are at the node and on longer wires.
    axes = output.signal.axes if output and (wraps or skips) else ()
    shape = compact(output.signal.shape, axes).replace(" × ", "×") if output else ""
    label = " ".join(part for part in (port, shape) if part)
    return DrawnWire(key, edge.source, edge.target, label, kind, output is None, skips)


def port_names(graph: Document) -> dict[int, str]:
    """The port of every edge into a node with several ports, by the edge's identity; as the plan binds them."""
    named: dict[int, str] = {}
    for target, edges in incoming(graph).items():
        node = graph.node(target)
        if len(ports_of(graph, node)) < 2:
            continue
        try:
            taken = ports_taken(node.spec, edges, graph.blocks)
        except (PortError, ValueError):
            continue
        free = {port: source for port, source in taken.items() if all(edge.port != port for edge in edges)}
        for edge in edges:
            port = edge.port
            if port is None:
                port = next(name for name, source in free.items() if source == edge.source)
                del free[port]
            named[id(edge)] = port
    return named


def to_flow(
    drawing: CanvasDrawing, push: int, selected: frozenset[str], css_class: str = ""
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The keyword arguments of streamlit-flow's nodes and edges. Each needs dictionaries of its own: it changes them.

    `css_class` is a class for every node; it tells the page which graph the canvas shows.
    """
    nodes = [_flow_frame(frame, html, push) for frame, html in drawing.frames]
    nodes += [_flow_node(node, push, selected, css_class) for node in drawing.nodes]
    return nodes, [_flow_edge(wire, selected) for wire in drawing.wires]


def _flow_node(node: DrawnNode, push: int, selected: frozenset[str], css_class: str) -> dict[str, Any]:
    tint = {"--tint": node.colour} if node.colour else {}
    return {
        "id": node.name,
        "pos": node.position,
        "data": {"content": node.html, "push": push},
        "node_type": node.kind,
        "source_position": "right",
        "target_position": "left",
        "selected": node.name in selected,
        "selectable": True,
        "connectable": True,
        "draggable": True,
        "deletable": False,
        "style": {"width": f"{NODE_WIDTH}px", "height": f"{NODE_HEIGHT}px", **tint},
        "className": " ".join(filter(None, (node.classes, css_class, "is-tinted" if tint else ""))),
    }


def _flow_edge(wire: DrawnWire, selected: frozenset[str]) -> dict[str, Any]:
    return {
        "id": wire.id,
        "source": wire.source,
        "target": wire.target,
        "edge_type": wire.kind,
        "label": wire.label,
        "label_show_bg": True,
        "label_bg_style": {},
        "label_style": {},
        "marker_start": {},
        "marker_end": {"type": "arrowclosed", "width": 14, "height": 14},
        "selected": wire.id in selected,
        "deletable": False,
        "focusable": False,
        "style": {},
        "className": "is-broken" if wire.broken else "is-skip" if wire.skips else "",
    }


def _flow_frame(frame: NetworkFrame, html: str, push: int) -> dict[str, Any]:
    """A network's frame as a node of streamlit-flow, behind the others. No node of a document can have its id."""
    return {
        "id": f"network:{frame.network}",
        "pos": (frame.left, frame.top),
        "data": {"content": html, "push": push},
        "node_type": "default",
        "source_position": "right",
        "target_position": "left",
        "selected": False,
        "selectable": False,
        "connectable": False,
        "draggable": False,
        "deletable": False,
        "z_index": -1,
        "focusable": False,
        "style": {"width": f"{frame.width:.0f}px", "height": f"{frame.height:.0f}px"},
        "className": f"is-frame network-{frame.colour}",
    }
