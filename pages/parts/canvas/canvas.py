"""The canvas: draws the document with streamlit-flow, and turns what a person does there into edits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import streamlit as st
from streamlit_flow import streamlit_flow
from streamlit_flow.elements import StreamlitFlowEdge, StreamlitFlowNode
from streamlit_flow.state import StreamlitFlowState

from builder.document import Edge
from pages.parts.canvas import breadcrumb, canvas_drawing
from pages.parts.canvas.canvas_state import Push
from pages.parts.document import actions, block_actions
from pages.parts.document.session import Session, now, widget
from pages.parts.theme import theme

FLOW, COMPANION = "canvas", "companion"

_companion = st.components.v2.component("netloom_canvas", js=theme.sheet("canvas.js"))


def receive(session: Session) -> None:
    """Read what happened on the canvas since the last run. Called before anything is drawn."""
    news = session.canvas.read(widget(FLOW))
    if news.moved:
        actions.move(session, news.moved)
    for source, target in news.connected:
        actions.connect(session, source, target)
    if news.chosen:
        _choose(session, news.chosen)
    elif news.clicked is not None:
        edge = _edges(session).get(news.clicked)
        if news.clicked in session.scene.by_name:
            session.select(news.clicked)
        elif edge is not None:
            session.select(edge=edge)


def _choose(session: Session, names: Iterable[str]) -> None:
    """Select the nodes that the browser shows as selected."""
    known = tuple(name for name in names if name in session.scene.by_name)
    if set(known) != set(session.chosen) or session.edge is not None:
        session.select(*known)


def _edges(session: Session) -> dict[str, Edge]:
    return canvas_drawing.draw(session.scene, session.sight).edges


def show(session: Session, badges: Mapping[str, canvas_drawing.Badge] | None = None) -> None:
    """Draw the document. The browser is told only what it does not show already, so its view never jumps."""
    drawn = canvas_drawing.draw(session.scene, session.sight, badges)
    wire = drawn.id_of(session.edge)
    selected = frozenset(session.chosen if wire is None else (wire,))
    content = (
        [(node.name, node.html, node.classes, node.kind, node.colour) for node in drawn.nodes],
        drawn.wires,
        drawn.lanes,
    )
    places = {node.name: node.place for node in drawn.nodes}
    session.canvas.update(content, Push(places, {wire.id for wire in drawn.wires}, str(session.place)), selected, now())
    nodes, edges = canvas_drawing.to_flow(drawn, session.canvas.number, selected, session.place.mark)
    with st.container(key="canvas_frame"):
        breadcrumb.show(session)
        streamlit_flow(
            FLOW,
            StreamlitFlowState(
                [StreamlitFlowNode(**node) for node in nodes],
                [StreamlitFlowEdge(**edge) for edge in edges],
                timestamp=session.canvas.timestamp,
            ),
            height="100vh",  # type: ignore[arg-type]  # of the iframe, whose height the style sheet sets
            fit_view=False,
            show_controls=True,
            show_minimap=len(drawn.nodes) > 24,
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
                "css": theme.canvas_sheet(), "theme": theme.kind(), "command": session.command,
                "place": str(session.place), "selected": sorted(selected),
            },
            on_event_change=lambda: _happened(session),
        )  # fmt: skip


def _happened(session: Session) -> None:
    """A key or click that the flow component does not report itself."""
    event: Any = (widget(COMPANION) or {}).get("event")
    if not event:
        return
    if event.get("place") != str(session.place):
        return  # it was meant for what lay on the canvas before
    nodes = [name for name in event.get("nodes", []) if name in session.scene.by_name]
    match event.get("kind"):
        case "select":
            session.canvas.selected = frozenset([*nodes, *event.get("edges", [])])
            _choose(session, nodes)
        case "only" if nodes:
            session.select(nodes[0])  # the browser shows more than that, and is told
        case "network":
            wanted = {f"network:{node.network}" for node in session.scene.nodes} & set(event.get("nodes", []))
            session.select(*(node.name for node in session.scene.nodes if f"network:{node.network}" in wanted))
        case "delete":
            known = _edges(session)
            actions.delete(session, nodes, [known[key] for key in event.get("edges", []) if key in known])
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
