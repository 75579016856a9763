"""The network as it lies on the canvas, coloured by the size of its gradients, with a word at nodes in trouble."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping

from plotly.colors import sample_colorscale

from builder.document import Document, Node
from pages.parts.canvas.network_frames import HEAD, Lane, lanes
from pages.parts.canvas.positions import placed
from pages.parts.theme import charts, theme
from pages.parts.theme.escaping import escape
from pages.parts.training import block_rows
from pages.parts.training.block_rows import Cells, Folded
from pages.parts.training.gradients import troubled
from pages.parts.training.run_data import Live

WIDTH, HEIGHT = float(theme.NODE_WIDTH), float(theme.NODE_HEIGHT)
MARGIN = 16.0
MOST_CELLS = 48


def show(live: Live) -> str:
    """The whole card's content as HTML of our own making: a scale, and the graph, or the inside of a block."""
    whole, path = (live.whole or live, live.path) if isinstance(live, Folded) else (live, ())
    gradients = whole.probes["gradients"]
    sizes = dict(zip(gradients.nodes, map(float, gradients.latest("mean_abs")), strict=True))
    document = block_rows.scene(placed(whole.run.document), path)
    known = block_rows.cells(sizes, path)
    badges = block_rows.worst(troubled(whole), path)
    return f'<div id="network" class="nl-network">{_scale(_every_cell(known))}{draw(document, known, badges)}</div>'


def plan(document: Document, sizes: Mapping[str, float], badges: Mapping[str, str]) -> str:
    """The graph of a network from the size of each node's gradients."""
    return draw(placed(document), block_rows.cells(sizes, ()), block_rows.worst(badges, ()))


def draw(document: Document, known: Mapping[str, Cells], badges: Mapping[str, str]) -> str:
    """The graph: wires as a picture behind, nodes as boxes in their places. Those without parameters stay grey."""
    layout = document.layout
    if not layout:
        return ""
    networks = lanes(document)
    above = HEAD if networks else 0.0  # where the name of the topmost network stands
    left, top = min(x for x, _ in layout.values()) - MARGIN, min(y for _, y in layout.values()) - MARGIN - above
    wide = max(x for x, _ in layout.values()) + WIDTH + MARGIN - left
    high = max(y for _, y in layout.values()) + HEIGHT + MARGIN - top
    places = {name: (x - left, y - top) for name, (x, y) in layout.items()}
    means = {name: cells.mean for name, cells in known.items()}
    colours = _colours({**_every_cell(known), **{f"={name}": mean for name, mean in means.items()}})
    grounds = "".join(_ground(lane, left, top) for lane in networks)
    boxes = grounds + "".join(
        _node(node, places[node.name], known.get(node.name), colours, badges.get(node.name)) for node in document.nodes
    )
    return (
        f'<div class="nl-frame"><div class="nl-plan" style="--wide:{wide:.0f};--high:{high:.0f};'
        f'background-image:url(data:image/svg+xml;base64,{_wires(document, places, wide, high)})">{boxes}</div></div>'
    )


def _ground(lane: Lane, left: float, top: float) -> str:
    """What lies behind the nodes of one of several networks, with its name."""
    return (
        f'<div class="nl-lane" style="--network:{theme.network_colour(lane.colour)};--x:{lane.left - left:.0f};'
        f'--y:{lane.top - top:.0f};--w:{lane.width:.0f};--h:{lane.height:.0f}"><b>{escape(lane.network)}</b></div>'
    )


def _every_cell(known: Mapping[str, Cells]) -> dict[str, float]:
    return {where: size for cells in known.values() for where, size in cells.sizes.items()}


def _colours(sizes: Mapping[str, float]) -> dict[str, str]:
    """A colour of the scale for each size, by its logarithm."""
    logs = {node: math.log10(size) for node, size in sizes.items() if size > 0}
    if not logs:
        return {}
    low, high = charts.colour_range(list(logs.values()))
    places = [(value - low) / (high - low) for value in logs.values()]
    return dict(zip(logs, sample_colorscale(charts.SCALE, places, colortype="rgb"), strict=True))


def _node(
    node: Node, place: tuple[float, float], cells: Cells | None, colours: Mapping[str, str], badge: str | None
) -> str:
    """A box with its gradient; of several repeats one small field each, and from where to where they go."""
    colour = colours.get(f"={node.name}")
    several = cells is not None and len(cells.sizes) > 1
    number = _number(cells) if cells is not None else ""
    paint = f"background:{colour};color:{_ink(colour)};" if colour else ""
    word = f'<em class="nl-word nl-{escape(badge)}">{escape(badge)}</em>' if badge else ""
    stack = " nl-stack" if node.use is not None and node.use.repeat > 1 else ""
    name, detail = escape(node.name), f", mean gradient {number}" if number else ""
    kind = escape(node.type if node.use is None else f"{node.use.block} × {node.use.repeat}".removesuffix(" × 1"))
    return (
        f'<div class="nl-node{stack}{" nl-ring" if badge else ""}" title="{name}: {kind}{detail}" '
        f'style="{paint}--x:{place[0]:.0f};--y:{place[1]:.0f}">'
        f"<b>{name}</b><span>{kind}</span><span>{number}</span>{_strip(cells, colours) if several else ''}{word}</div>"
    )


def _number(cells: Cells) -> str:
    if not cells.high:
        return "no gradient"
    low, high = f"{cells.low:.1e}", f"{cells.high:.1e}"
    return high if low == high else f"{low} – {high}"


def _strip(cells: Cells | None, colours: Mapping[str, str]) -> str:
    """A small field for each repeat, in its colour."""
    shown = list((cells or Cells()).sizes.items())[:MOST_CELLS]
    fields = "".join(
        f'<i style="background:{colours.get(where, "transparent")}" title="{escape(where)}: {size:.1e}"></i>'
        for where, size in shown
    )
    return f'<div class="nl-cells">{fields}</div>'


def _ink(colour: str) -> str:
    """Black or white, whichever can be read on a colour written as rgb(r, g, b)."""
    red, green, blue = (float(part) for part in colour[4:-1].split(","))
    return "#10131F" if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else "#FFFFFF"


def _wires(document: Document, places: Mapping[str, tuple[float, float]], wide: float, high: float) -> str:
    """All wires as one SVG picture, in the base64 of a data address."""
    paths = "".join(
        _wire(places[edge.source], places[edge.target])
        for edge in document.edges
        if edge.source in places and edge.target in places
    )
    size = f'viewBox="0 0 {wide:.0f} {high:.0f}" width="{wide:.0f}" height="{high:.0f}"'
    picture = (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}>'
        f'<g fill="none" stroke="#8A90A6" stroke-width="1.4">{paths}</g></svg>'
    )
    return base64.b64encode(picture.encode()).decode()


def _wire(source: tuple[float, float], target: tuple[float, float]) -> str:
    """A curve to a node on the right; right angles back to the start of another row."""
    x1, y1, x2, y2 = source[0] + WIDTH, source[1] + HEIGHT / 2, target[0], target[1] + HEIGHT / 2
    if x2 > x1:
        bend = (x2 - x1) / 2
        return f'<path d="M{x1:.0f} {y1:.0f}C{x1 + bend:.0f} {y1:.0f} {x2 - bend:.0f} {y2:.0f} {x2:.0f} {y2:.0f}"/>'
    middle = (y1 + y2) / 2
    return f'<path d="M{x1:.0f} {y1:.0f}h12V{middle:.0f}H{x2 - 12:.0f}V{y2:.0f}h12"/>'


def _scale(sizes: Mapping[str, float]) -> str:
    """What the colours mean: from the smallest gradient to the largest."""
    known = [math.log10(size) for size in sizes.values() if size > 0]
    low, high = charts.colour_range(known)
    if not known:
        return '<div class="nl-scale">The colours come with the first probe.</div>'
    steps = ", ".join(sample_colorscale(charts.SCALE, [index / 8 for index in range(9)]))
    return (
        f'<div class="nl-scale"><span>{10**low:.0e}</span><i style="background:linear-gradient(90deg, {steps})"></i>'
        f"<span>{10**high:.0e}</span></div>"
    )
