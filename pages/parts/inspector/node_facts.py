"""What is known of a node, in the inspector: its heading, its shapes, what it costs, and what is wrong with it."""

from __future__ import annotations

import streamlit as st

from builder.analysis.summary import human
from builder.document import Node
from builder.shapes import show as show_shape
from pages.parts.document.session import Session
from pages.parts.theme import theme
from pages.parts.theme.escaping import escape


def heading(title: str, tag: str = "", colour: str | None = None) -> None:
    """A title with a coloured word beside it; both may be a user's text."""
    colour = colour or (theme.ACCENT_DARK if theme.kind() == "dark" else theme.ACCENT)
    label = f'<span class="nl-tag" style="--tag:{colour}">{escape(tag)}</span>' if tag else ""
    st.html(f'<div class="nl-heading"><span class="nl-title">{escape(title)}</span>{label}</div>')


def show(session: Session, node: Node) -> None:
    """Shapes and costs: what comes in, what goes out, and at which price."""
    sight = session.sight
    facts = sight.facts.get(node.name)
    error = sight.errors.get(node.name)
    waiting = sight.waiting.get(node.name)
    sources = [edge.source for edge in session.scene.edges if edge.target == node.name]
    shapes = [sight.facts[name].signal.shape for name in sources if name in sight.facts]
    into = " and ".join(show_shape(shape) for shape in shapes)
    lines = []
    if facts is not None:
        arrow = f"<span>in</span> <b>{into}</b> → " if into else ""
        lines.append(f"{arrow}<span>out</span> <b>{show_shape(facts.signal.shape)}</b>")
        cost = sight.costs.get(node.name)
        if cost is not None:
            lines.append(
                f"{cost.parameters:,} parameters · {human(cost.flops)} FLOPs · {human(cost.memory, 'B')} a sample"
            )
    if error is not None and (facts is None or node.name in sight.deeper):
        inside = sight.deeper.get(node.name)
        told = f"In {inside}: {error.message}" if inside else error.message[:1].upper() + error.message[1:]
        lines.append(f'<span class="nl-bad">{escape(told)}</span>')
    elif facts is None and waiting is not None:
        lines.append(f"Waiting for {escape(waiting)}: its shape is known when {escape(waiting)} is mended.")
    st.html('<div class="nl-facts">' + "".join(f"<div>{line}</div>" for line in lines) + "</div>")
