"""The canvas: draws the document with streamlit-flow, and turns what the user does there into edits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import streamlit as st
from streamlit_flow.elements import StreamlitFlowEdge, StreamlitFlowNode
from streamlit_flow.state import StreamlitFlowState

from builder.document import Edge
from pages.parts.canvas import breadcrumb, canvas_drawing, flow
from pages.parts.canvas.canvas_state import Push
from pages.parts.document import actions, block_actions
from pages.parts.document.session import Session, now, widget
from pages.parts.theme import theme

FLOW, COMPANION = "canvas", "companion"

_companion = st.components.v2.component("netloom_canvas", js=theme.sheet("canvas.js"))


def receive(session: Session) -> None:
    """Read what the user did on the canvas since the last run of the page. Called before anything is drawing."""
    events = session.canvas_state.read(widget(FLOW))
    if events.moved:
        actions.move(session, events.moved)
    for source, target in events.connected:
        actions.connect(session, source, target)
    if events.chosen:
        _select(session, events.chosen)
    elif events.clicked is not None:
        edge = _edges(session).get(events.clicked)
        if events.clicked in session.graph.by_name:
            session.select(events.clicked)
        elif edge is not None:
            session.select(edge=edge)


def _select(session: Session, names: Iterable[str]) -> None:
    """Select the nodes that the browser shows as selected."""
    known = tuple(name for name in names if name in session.graph.by_name)
    if set(known) != set(session.chosen) or session.edge is not None:
        session.select(*known)


def _edges(session: Session) -> dict[str, Edge]:
    return canvas_drawing.draw(session.graph, session.snapshot_facts).edges


def show(session: Session, badges: Mapping[str, canvas_drawing.NodeBadge] | None = None) -> None:
    """Draw the document. The browser is sent only what it does not show already, so its view never jumps."""
    drawing = canvas_drawing.draw(session.graph, session.snapshot_facts, badges)
    wire = drawing.id_of(session.edge)
    selected = frozenset(session.chosen if wire is None else (wire,))
    content = (
        [(node.name, node.html, node.classes, node.kind, node.colour) for node in drawing.nodes],
        drawing.wires,
        drawing.frames,
    )
    positions = {node.name: node.position for node in drawing.nodes}
    push = Push(positions, {wire.id for wire in drawing.wires}, str(session.path))
    session.canvas_state.update(content, push, selected, now())
    nodes, edges = canvas_drawing.to_flow(drawing, session.canvas_state.number, selected, session.path.css_class)
    with st.container(key="canvas_frame"):
        breadcrumb.show(session)
        flow.show(
            FLOW,
            StreamlitFlowState(
                [StreamlitFlowNode(**node) for node in nodes],
                [StreamlitFlowEdge(**edge) for edge in edges],
                timestamp=session.canvas_state.timestamp,
            ),
            height="100vh",  # type: ignore[arg-type]  # of the iframe, whose height the style sheet sets
            fit_view=False,
            show_controls=True,
            show_minimap=len(drawing.nodes) > 24,
            allow_new_edges=True,
            get_node_on_click=True,
            get_edge_on_click=True,
            min_zoom=0.1,
            hide_watermark=True,
        )
        _companion(
            key=COMPANION,
            height="content",
            data={
                "css": theme.canvas_sheet(),
                "theme": theme.kind(),
                "command": session.command,
                "path": str(session.path),
                "selected": sorted(selected),
            },
            on_event_change=lambda: _on_event(session),
        )


def _on_event(session: Session) -> None:
    """Handle a key or click that the flow component does not report itself."""
    event: Any = (widget(COMPANION) or {}).get("event")
    if not event:
        return
    if event.get("path") != str(session.path):
        return  # it belongs to the graph that the canvas showed before
    nodes = [name for name in event.get("nodes", []) if name in session.graph.by_name]
    match event.get("kind"):
        case "select":
            session.canvas_state.selected = frozenset([*nodes, *event.get("edges", [])])
            _select(session, nodes)
        case "only" if nodes:
            session.select(nodes[0])  # the browser shows more as selected, and is corrected
        case "network":
            wanted = {f"network:{node.network}" for node in session.graph.nodes} & set(event.get("nodes", []))
            session.select(*(node.name for node in session.graph.nodes if f"network:{node.network}" in wanted))
        case "delete":
            edges = _edges(session)
            actions.delete(session, nodes, [edges[key] for key in event.get("edges", []) if key in edges])
        case "duplicate":
            actions.duplicate(session, nodes)
        case "block":
            block_actions.make_block(session, nodes)
        case "open" if nodes:
            block_actions.open_block(session, nodes[0])
        case "up":
            block_actions.leave_block(session)
        case "undo":
            session.undo()
        case "redo":
            session.redo()
