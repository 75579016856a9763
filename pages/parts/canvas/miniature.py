"""A small image of a document: its nodes as coloured boxes, arranged as on the canvas. It contains no text."""

from __future__ import annotations

import math

import builder
from builder.document import Document, Node
from builder.document.layout import arrange
from builder.spec import FAMILIES
from pages.parts.canvas.network_frames import HEAD, SIDE, NetworkFrame, network_frames
from pages.parts.canvas.positions import Position
from pages.parts.theme.theme import NETWORK_COLOURS

WIDTH, HEIGHT, NODE, TALL = 320.0, 150.0, 140.0, 60.0


def svg(document: Document) -> str:
    """The image as SVG, 320 × 150, with a transparent background for both themes."""
    columns = max(4, round(math.sqrt(1.7 * len(document.nodes))))  # for the image, which is narrower than the canvas
    layout = arrange(document, columns)
    if not layout:
        return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}"></svg>'
    left, top = min(x for x, _ in layout.values()), min(y for _, y in layout.values())
    right, bottom = max(x for x, _ in layout.values()) + NODE, max(y for _, y in layout.values()) + TALL
    frames = network_frames(document.changed(layout=layout))
    if frames:
        left, top, right, bottom = left - SIDE, top - HEAD, right + SIDE, bottom + SIDE
    scale = min((WIDTH - 24) / (right - left), (HEIGHT - 24) / (bottom - top), 0.5)
    shift_x = (WIDTH - (right - left) * scale) / 2 - left * scale
    shift_y = (HEIGHT - (bottom - top) * scale) / 2 - top * scale
    boxes = "".join(_frame(frame) for frame in frames)
    boxes += "".join(
        _wire(layout[edge.source], layout[edge.target])
        for edge in document.edges
        if edge.source in layout and edge.target in layout
    )
    boxes += "".join(_node(node, layout[node.name]) for node in document.nodes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" '
        f'width="{2 * WIDTH:.0f}" height="{2 * HEIGHT:.0f}">'
        f'<g transform="translate({shift_x:.1f} {shift_y:.1f}) scale({scale:.4f})">{boxes}</g></svg>'
    )


def _frame(frame: NetworkFrame) -> str:
    colour = NETWORK_COLOURS[frame.colour][0]
    return (
        f'<rect x="{frame.left:.0f}" y="{frame.top:.0f}" width="{frame.width:.0f}" height="{frame.height:.0f}" '
        f'rx="20" fill="{colour}" fill-opacity=".07" stroke="{colour}" stroke-opacity=".45" stroke-width="4"/>'
    )


def _node(node: Node, position: Position) -> str:
    """A box in the colour of the layer's family; a repeated block looks like a stack."""
    x, y = position
    layer = builder.CATALOGUE.get(node.type)
    colour = FAMILIES[layer.family if layer else "data"].colour
    stack = ""
    if node.use is not None and node.use.repeat > 1:
        stack = (
            f'<path d="M{x + 16:.0f} {y - 9:.0f}h{NODE - 16:.0f}q9 0 9 9v{TALL - 16:.0f}M{x + 32:.0f} {y - 19:.0f}'
            f'h{NODE - 22:.0f}q9 0 9 9v{TALL - 16:.0f}" fill="none" stroke="{colour}" stroke-opacity=".55" '
            'stroke-width="5"/>'
        )
    return (
        f'{stack}<rect x="{x:.0f}" y="{y:.0f}" width="{NODE:.0f}" height="{TALL:.0f}" rx="12" fill="{colour}" '
        f'fill-opacity=".16"/>'
        f'<rect x="{x:.0f}" y="{y:.0f}" width="14" height="{TALL:.0f}" rx="6" fill="{colour}"/>'
    )


def _wire(source: Position, target: Position) -> str:
    """A curve to a node on the right; right angles back to the start of another row."""
    x1, y1, x2, y2 = source[0] + NODE, source[1] + TALL / 2, target[0], target[1] + TALL / 2
    if x2 > x1:
        bend = (x2 - x1) / 2
        path = f"M{x1:.0f} {y1:.0f}C{x1 + bend:.0f} {y1:.0f} {x2 - bend:.0f} {y2:.0f} {x2:.0f} {y2:.0f}"
    else:
        middle = (y1 + y2) / 2
        path = f"M{x1:.0f} {y1:.0f}h20V{middle:.0f}H{x2 - 20:.0f}V{y2:.0f}h20"
    return f'<path d="{path}" fill="none" stroke="#8A90A6" stroke-width="5"/>'
