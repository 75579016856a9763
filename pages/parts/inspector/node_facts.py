"""The facts of a node in the inspector: its heading, shapes, costs and error."""

from __future__ import annotations

import streamlit as st

from builder.analysis.summary import human
from builder.axes import describe
from builder.document import Node
from pages.parts.document.session import Session
from pages.parts.theme import theme
from pages.parts.theme.escaping import escape, sentence


def heading(title: str, tag: str = "", colour: str | None = None) -> None:
    """A title with a coloured tag beside it; both may be a user's text."""
    colour = colour or (theme.ACCENT_DARK if theme.kind() == "dark" else theme.ACCENT)
    label = f'<span class="nl-tag" style="--tag:{colour}">{escape(tag)}</span>' if tag else ""
    st.html(f'<div class="nl-heading"><span class="nl-title">{escape(title)}</span>{label}</div>')


def show(session: Session, node: Node) -> None:
    """The shapes of inputs and output, the costs, and the error if there is one."""
    facts = session.snapshot_facts
    output = facts.outputs.get(node.name)
    error = facts.errors.get(node.name)
    waits_for = facts.waiting.get(node.name)
    sources = [edge.source for edge in session.graph.edges if edge.target == node.name]
    signals = [facts.outputs[name].signal for name in sources if name in facts.outputs]
    into = " and ".join(describe(signal.shape, signal.axes) for signal in signals)
    lines = []
    if output is not None:
        arrow = f"<span>in</span> <b>{into}</b> → " if into else ""
        lines.append(f"{arrow}<span>out</span> <b>{describe(output.signal.shape, output.signal.axes)}</b>")
        cost = facts.costs.get(node.name)
        if cost is not None:
            lines.append(
                f"{cost.parameters:,} parameters · {human(cost.flops)} FLOPs · {human(cost.memory, 'B')} per sample"
            )
    if error is not None and (output is None or node.name in facts.inner_errors):
        inside = facts.inner_errors.get(node.name)
        message = f"In {inside}: {error.message}" if inside else sentence(error.message)
        lines.append(f'<span class="nl-bad">{escape(message)}</span>')
    elif output is None and waits_for is not None:
        lines.append(f"Its shape is known once {escape(waits_for)} is fixed.")
    st.html('<div class="nl-facts">' + "".join(f"<div>{line}</div>" for line in lines) + "</div>")
