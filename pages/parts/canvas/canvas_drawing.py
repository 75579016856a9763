"""The document as the canvas draws it: nodes with text, edges with labels. Every user's string is escaped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import builder
from builder.analysis.plan import PortError, ports_taken
from builder.analysis.summary import human
from builder.document import Document, Edge, Node
from builder.document.graph import incoming
from builder.document.layout import COLUMN
from pages.parts.canvas.network_frames import Lane, colours, lanes
from pages.parts.document.snapshot_facts import Sight
from pages.parts.theme.escaping import escape, sentence, tight

WRAPPED = 40.0  # how far left of its source a target may stand before the wire is drawn in right angles


@dataclass(frozen=True)
class Badge:
    """A word at a node's corner, and the colour that a training run gives the node."""

    text: str = ""
    severity: str = "error"
    colour: str | None = None


@dataclass(frozen=True)
class Drawn:
    """One node as it is drawn: its class names, HTML and whether wires may start and end at it."""

    name: str
    place: tuple[float, float]
    html: str
    classes: str
    kind: str  # streamlit-flow's "default", "input" (nothing before it) or "output" (nothing after it)
    colour: str | None = None


@dataclass(frozen=True)
class Wire:
    """One edge as it is drawn."""

    id: str
    source: str
    target: str
    label: str
    kind: str
    broken: bool
    skips: bool = False  # passes over other nodes


@dataclass(frozen=True)
class Picture:
    """All that the canvas shows, and the way back from its ids to the document's edges."""

    nodes: tuple[Drawn, ...]
    wires: tuple[Wire, ...]
    edges: dict[str, Edge] = field(default_factory=dict)
    lanes: tuple[tuple[Lane, str], ...] = ()  # where several networks lie, each with its heading as HTML

    def id_of(self, edge: Edge | None) -> str | None:
        return next((key for key, known in self.edges.items() if known == edge), None)


def draw(document: Document, sight: Sight, badges: Mapping[str, Badge] | None = None) -> Picture:
    """The picture of what lies on the canvas. `badges` are a training run's words on its nodes."""
    badges = badges or {}
    shades = colours(document)
    nodes = tuple(
        _node(document, node, sight, badges.get(node.name), shades.get(node.network)) for node in document.nodes
    )
    wires: list[Wire] = []
    edges: dict[str, Edge] = {}
    ports = port_names(document)
    for edge in document.edges:
        key = f"{edge.source}>{edge.target}"
        while key in edges:
            key += "+"
        edges[key] = edge
        wires.append(_wire(key, edge, document, sight, ports.get(id(edge), "")))
    return Picture(nodes, tuple(wires), edges, tuple((lane, _heading(lane, sight)) for lane in lanes(document)))


def _heading(lane: Lane, sight: Sight) -> str:
    """A network's name and what it costs, above its nodes."""
    count = sum(sight.costs[name].parameters for name in lane.nodes if name in sight.costs)
    cost = f"<span>{human(count)} parameters</span>" if count else ""
    return f'<div class="lane-name"><b>{escape(lane.network)}</b>{cost}</div>'


def _node(document: Document, node: Node, sight: Sight, badge: Badge | None, shade: int | None) -> Drawn:
    layer = builder.CATALOGUE.get(node.type)
    family = layer.family if layer else "data"
    error, warning = sight.errors.get(node.name), sight.warnings.get(node.name)
    behind = sight.waiting.get(node.name)
    state = "is-error" if error else "is-waiting" if behind else "is-warning" if warning else ""
    name, kind = escape(node.name), _kind(node)
    if error:
        failure, inside = sight.failures.get(node.name), sight.deeper.get(node.name)
        short = sentence(failure.short if failure else error.message)
        told = f"In {inside}: {error.message}" if inside else sentence(error.message)
        inner = (
            f'<div class="head"><div class="name">{name}</div><div class="type">{kind}</div></div>'
            f'<div class="message" title="{escape(told)}">{escape(told if inside else short)}</div>'
        )
    else:
        inner = f'<div class="name">{name}</div><div class="type">{kind}</div>{_foot(node, sight, behind)}'
    if badge and badge.text:
        inner += f'<div class="badge {escape(badge.severity)}">{escape(badge.text)}</div>'
    if node.name in sight.marks:
        inner += f'<div class="mark">{escape(sight.marks[node.name])}</div>'
    network = "" if shade is None else f"in-network network-{shade}"
    stack = "" if node.use is None else "is-block is-stack" if node.use.repeat > 1 else "is-block"
    return Drawn(
        node.name,
        document.layout.get(node.name, (0.0, 0.0)),
        f'<div class="n">{inner}</div>',
        " ".join(filter(None, (f"family-{family}", state, stack, network))),
        _flow_kind(document, node),
        badge.colour if badge else None,
    )


def _kind(node: Node) -> str:
    """The line below the name: the type, or the block with how often it stands there."""
    if node.use is None:
        return escape(node.type)
    times = f"<b>× {node.use.repeat:,}</b>" if node.use.repeat > 1 else ""
    return f"<span>{escape(node.use.block)}</span>{times}"


def _flow_kind(document: Document, node: Node) -> str:
    """Where wires may touch the node: streamlit-flow's word for it."""
    if node.role == "output":
        return "output"
    return "default" if takes_wires(document, node) else "input"


def takes_wires(document: Document, node: Node) -> bool:
    """Whether the node has an input. One of an unknown type or with wrong parameters may have."""
    layer = builder.CATALOGUE.get(node.type)
    return layer is None or layer.variadic or bool(layer.ports) or bool(ports_of(document, node))


def ports_of(document: Document, node: Node) -> tuple[str, ...]:
    """The ports of a node in its document; none where its type or its parameters are wrong."""
    try:
        return () if node.spec.variadic else node.spec.ports_with(document.blocks)
    except (KeyError, ValueError):
        return ()


def _foot(node: Node, sight: Sight, behind: str | None) -> str:
    if behind:
        return f'<div class="foot"><span>waiting for {escape(behind)}</span></div>'
    facts = sight.facts.get(node.name)
    if facts is None:
        return '<div class="foot"><span>…</span></div>' if not sight.complete else '<div class="foot"></div>'
    cost = sight.costs.get(node.name)
    shape = " × ".join(str(size) for size in facts.signal.shape) or "1"
    return f'<div class="foot"><span>{shape}</span><span>{human(cost.parameters) if cost else ""}</span></div>'


def _wire(key: str, edge: Edge, document: Document, sight: Sight, port: str) -> Wire:
    facts = sight.facts.get(edge.source)
    shape = tight(facts.signal.shape) if facts else ""
    left, right = document.layout.get(edge.source, (0.0, 0.0)), document.layout.get(edge.target, (0.0, 0.0))
    wraps = right[0] - left[0] < 140.0 + WRAPPED and left[1] != right[1]
    begins_row = right[0] <= min((x for x, _ in document.layout.values()), default=0.0)
    # Right angles lead from the end of one row to the start of the next; a skip connection would share their lines.
    kind = "smoothstep" if wraps and begins_row else "default"
    skips = (wraps and not begins_row) or right[0] - left[0] > 1.5 * COLUMN
    label = " ".join(part for part in (port, shape) if part)
    return Wire(key, edge.source, edge.target, label, kind, facts is None, skips)


def port_names(document: Document) -> dict[int, str]:
    """The port of every edge into a node with several ports, by the edge's identity; as the plan binds them."""
    named: dict[int, str] = {}
    for target, edges in incoming(document).items():
        node = document.node(target)
        if len(ports_of(document, node)) < 2:
            continue
        try:
            taken = ports_taken(node.spec, edges, document.blocks)
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
    picture: Picture, push: int, selected: frozenset[str], mark: str = ""
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The keyword arguments of streamlit-flow's nodes and edges. Each needs its own dictionaries: it changes them.

    `mark` is a class for every node, by which the page knows what it shows.
    """
    nodes = [_lane(lane, html, push) for lane, html in picture.lanes] + [
        {
            "id": node.name, "pos": node.place, "data": {"content": node.html, "push": push}, "node_type": node.kind,
            "source_position": "right", "target_position": "left", "selected": node.name in selected,
            "selectable": True, "connectable": True, "draggable": True, "deletable": False,
            "style": {"width": "140px", "height": "60px", **({"--tint": node.colour} if node.colour else {})},
            "className": " ".join(filter(None, (node.classes, mark, "is-tinted" if node.colour else ""))),
        }
        for node in picture.nodes
    ]  # fmt: skip
    edges = [
        {
            "id": wire.id, "source": wire.source, "target": wire.target, "edge_type": wire.kind, "label": wire.label,
            "label_show_bg": True, "label_bg_style": {}, "label_style": {}, "marker_start": {},
            "marker_end": {"type": "arrowclosed", "width": 14, "height": 14}, "selected": wire.id in selected,
            "deletable": False, "focusable": False, "style": {},
            "className": "is-broken" if wire.broken else "is-skip" if wire.skips else "",
        }
        for wire in picture.wires
    ]  # fmt: skip
    return nodes, edges


def _lane(lane: Lane, html: str, push: int) -> dict[str, Any]:
    """A network's lane as streamlit-flow's node: behind the others, and in nobody's way. No node can have its id."""
    return {
        "id": f"network:{lane.network}", "pos": (lane.left, lane.top), "data": {"content": html, "push": push},
        "node_type": "default", "source_position": "right", "target_position": "left", "selected": False,
        "selectable": False, "connectable": False, "draggable": False, "deletable": False, "z_index": -1,
        "focusable": False, "style": {"width": f"{lane.width:.0f}px", "height": f"{lane.height:.0f}px"},
        "className": f"is-lane network-{lane.colour}",
    }  # fmt: skip
