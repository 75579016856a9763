"""The network as on the canvas, coloured by the size of its gradients, with a badge at nodes with a problem."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from types import MappingProxyType

from builder.document import Document, Node
from pages.parts.canvas.network_frames import HEAD, NetworkFrame, network_frames
from pages.parts.canvas.positions import Position, with_positions
from pages.parts.theme import charts, theme
from pages.parts.theme.escaping import escape
from pages.parts.theme.numbers import readable
from pages.parts.training import block_rows, feed
from pages.parts.training.block_rows import GroupedRun, NodeGradients
from pages.parts.training.gradients import node_badges, node_severities
from pages.parts.training.run_data import LiveRun

WIDTH, HEIGHT = float(theme.NODE_WIDTH), float(theme.NODE_HEIGHT)
MARGIN = 16.0
MOST_REPEATS = 48


def show(live: LiveRun) -> None:
    """The card: the colour scale, and the graph or the inside of a block."""
    charts.heading("The network", "coloured by the mean absolute gradient of each node")
    feed.html("network", _graph, live)


def _graph(live: LiveRun) -> str:
    whole, path = (live.whole or live, live.path) if isinstance(live, GroupedRun) else (live, ())
    gradients = whole.probes["gradients"]
    sizes = dict(zip(gradients.nodes, map(float, gradients.latest("mean_abs")), strict=True))
    graph = block_rows.graph_at(with_positions(whole.run.document), path)
    known = block_rows.node_gradients(sizes, path)
    every = node_badges(whole)
    badges = block_rows.worst_badges(every, path)
    severities = block_rows.worst_severities(node_severities(whole, every), path)
    drawn = draw(graph, known, badges, severities)
    return f'<div id="network" class="nl-network">{_scale(_every_repeat(known))}{drawn}</div>'


def network_html(document: Document, sizes: Mapping[str, float], badges: Mapping[str, str]) -> str:
    """The graph of a network from the size of each node's gradients."""
    gradients, worst = block_rows.node_gradients(sizes, ()), block_rows.worst_badges(badges, ())
    return draw(with_positions(document), gradients, worst)


def draw(
    graph: Document,
    known: Mapping[str, NodeGradients],
    badges: Mapping[str, str],
    severities: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """The graph: wires as an image in the background, nodes as boxes. Nodes without parameters are grey. `severities`:
    how serious the verdict on a node with a badge is; by default an error."""
    layout = graph.layout
    if not layout:
        return ""
    frames = network_frames(graph)
    above = HEAD if frames else 0.0  # for the name of the topmost network
    left, top = min(x for x, _ in layout.values()) - MARGIN, min(y for _, y in layout.values()) - MARGIN - above
    wide = max(x for x, _ in layout.values()) + WIDTH + MARGIN - left
    high = max(y for _, y in layout.values()) + HEIGHT + MARGIN - top
    positions = {name: (x - left, y - top) for name, (x, y) in layout.items()}
    means = {name: gradients.mean for name, gradients in known.items()}
    colours = _colours({**_every_repeat(known), **{f"={name}": mean for name, mean in means.items()}})
    boxes = "".join(_frame(frame, left, top) for frame in frames) + "".join(
        _node(node, positions[node.name], known.get(node.name), colours, badges.get(node.name, ""), severities)
        for node in graph.nodes
    )
    return (
        f'<div class="nl-frame"><div class="nl-plan" style="--wide:{wide:.0f};--high:{high:.0f};'
        f'background-image:url(data:image/svg+xml;base64,{_wires(graph, positions, wide, high)})">{boxes}</div></div>'
    )


def _frame(frame: NetworkFrame, left: float, top: float) -> str:
    """The frame of one of several networks, with its name."""
    return (
        f'<div class="nl-network-frame" style="--network:{theme.network_colour(frame.colour)};'
        f'--x:{frame.left - left:.0f};--y:{frame.top - top:.0f};--w:{frame.width:.0f};--h:{frame.height:.0f}">'
        f"<b>{escape(frame.network)}</b></div>"
    )


def _every_repeat(known: Mapping[str, NodeGradients]) -> dict[str, float]:
    return {where: size for gradients in known.values() for where, size in gradients.sizes.items()}


def _colours(sizes: Mapping[str, float]) -> dict[str, str]:
    """A colour of the scale for each size, by its logarithm."""
    logs = {node: math.log10(size) for node, size in sizes.items() if size > 0}
    if not logs:
        return {}
    low, high = charts.colour_range(list(logs.values()))
    shares = [(value - low) / (high - low) for value in logs.values()]
    return dict(zip(logs, charts.scale_colours(shares), strict=True))


def _node(
    node: Node,
    position: Position,
    gradients: NodeGradients | None,
    colours: Mapping[str, str],
    badge: str,
    severities: Mapping[str, str],
) -> str:
    """A box with the mean gradient; for several repeats their range, and one small field for each."""
    colour = colours.get(f"={node.name}")
    repeats = _repeats(gradients, colours) if gradients is not None and len(gradients.sizes) > 1 else ""
    number = _number(gradients) if gradients is not None else ""
    paint = f"background:{colour};color:{_ink(colour)};" if colour else ""
    word = f'<em class="nl-word nl-{escape(badge)}">{escape(badge)}</em>' if badge else ""
    ring = f" nl-ring nl-ring-{escape(severities.get(node.name, 'error'))}" if badge else ""
    stack = " nl-stack" if node.use is not None and node.use.repeat > 1 else ""
    name, detail = escape(node.name), f", mean gradient {number}" if number else ""
    kind = escape(node.type if node.use is None else f"{node.use.block} × {node.use.repeat}".removesuffix(" × 1"))
    return (
        f'<div class="nl-node{stack}{ring}" title="{name}: {kind}{detail}" '
        f'style="{paint}--x:{position[0]:.0f};--y:{position[1]:.0f}">'
        f"<b>{name}</b><span>{kind}</span><span>{number}</span>{repeats}{word}</div>"
    )


def _number(gradients: NodeGradients) -> str:
    if not gradients.high:
        return "no gradient"
    low, high = readable(gradients.low), readable(gradients.high)
    return high if low == high else f"{low} – {high}"


def _repeats(gradients: NodeGradients, colours: Mapping[str, str]) -> str:
    """A small field in the colour of each repeat."""
    shown = list(gradients.sizes.items())[:MOST_REPEATS]
    fields = "".join(
        f'<i style="background:{colours.get(where, "transparent")}" title="{escape(where)}: {readable(size)}"></i>'
        for where, size in shown
    )
    return f'<div class="nl-cells">{fields}</div>'


def _ink(colour: str) -> str:
    """Black or white, whichever has more contrast with a colour written as rgb(r, g, b).

    The relative luminance of WCAG 2: above 0.18 black is the more readable, https://www.w3.org/TR/WCAG22/#dfn-relative-luminance
    """
    shares = [float(part) / 255 for part in colour[4:-1].split(",")]
    red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    return "#000000" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.18 else "#FFFFFF"


def _wires(graph: Document, positions: Mapping[str, Position], wide: float, high: float) -> str:
    """All wires as one SVG image, in the base64 of a data address."""
    paths = "".join(
        _wire(positions[edge.source], positions[edge.target])
        for edge in graph.edges
        if edge.source in positions and edge.target in positions
    )
    size = f'viewBox="0 0 {wide:.0f} {high:.0f}" width="{wide:.0f}" height="{high:.0f}"'
    image = (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}>'
        f'<g fill="none" stroke="#8A90A6" stroke-width="1.4">{paths}</g></svg>'
    )
    return base64.b64encode(image.encode()).decode()


def _wire(source: Position, target: Position) -> str:
    """A curve to a node on the right; right angles back to the start of another row."""
    x1, y1, x2, y2 = source[0] + WIDTH, source[1] + HEIGHT / 2, target[0], target[1] + HEIGHT / 2
    if x2 > x1:
        bend = (x2 - x1) / 2
        return f'<path d="M{x1:.0f} {y1:.0f}C{x1 + bend:.0f} {y1:.0f} {x2 - bend:.0f} {y2:.0f} {x2:.0f} {y2:.0f}"/>'
    middle = (y1 + y2) / 2
    return f'<path d="M{x1:.0f} {y1:.0f}h12V{middle:.0f}H{x2 - 12:.0f}V{y2:.0f}h12"/>'


def _scale(sizes: Mapping[str, float]) -> str:
    """The colour scale from the smallest to the largest gradient."""
    known = [math.log10(size) for size in sizes.values() if size > 0]
    low, high = charts.colour_range(known)
    if not known:
        return '<div class="nl-scale">The colours appear with the first measurements.</div>'
    steps = ", ".join(charts.scale_colours(index / 8 for index in range(9)))
    ends = readable(10**low, 1), readable(10**high, 1)
    return (
        f'<div class="nl-scale"><span>{ends[0]}</span><i style="background:linear-gradient(90deg, {steps})"></i>'
        f"<span>{ends[1]}</span></div>"
    )
