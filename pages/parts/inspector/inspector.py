"""The inspector, right of the canvas: everything about the selected node, the selected wire, or the whole document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

import builder
from builder.document import Edge, Node
from builder.document.graph import incoming
from builder.edits import Connect, Disconnect, RenameNode, SetParams, Together
from builder.shapes import show as show_shape
from pages.parts.canvas.canvas_drawing import port_names, ports_of, takes_wires
from pages.parts.document import actions
from pages.parts.document.session import Session, key_for, widget
from pages.parts.forms import form
from pages.parts.inspector import block_panel, data_panel, network_choice, node_facts, selection_panel
from pages.parts.inspector.node_facts import heading
from pages.parts.theme import theme
from pages.parts.theme.escaping import markdown


def show(session: Session) -> None:
    if len(session.chosen) > 1:
        selection_panel.show(session)
    elif session.node is not None:
        _node(session, session.scene.node(session.node))
    elif session.edge is not None:
        _edge(session, session.edge)
    elif session.place.steps:
        block_panel.inside(session)
    else:
        data_panel.show(session)


def _node(session: Session, node: Node) -> None:
    layer = builder.CATALOGUE.get(node.type)
    if node.role == "block":
        block_panel.head(session, node)
        _name(session, node)
        block_panel.body(session, node)
        _inputs(session, node)
        node_facts.show(session, node)
        network_choice.show(session, (node.name,))
        block_panel.buttons(session, node)
        _copy_or_delete(session, [node.name])
        return
    heading(node.name, node.type, theme.family_colour(layer.family) if layer else theme.ACCENT)
    if layer is None:
        st.markdown(f":red[There is no layer type {markdown(node.type)}. Delete this node, or take another layer.]")
    else:
        st.caption(layer.sentence())
    _name(session, node)
    if layer is not None:
        form.draw(session, layer, node.params, f"node.{node.name}", lambda values: _set(session, node.name, values))
    _inputs(session, node)
    node_facts.show(session, node)
    network_choice.show(session, (node.name,))
    _copy_or_delete(session, [node.name])
    st.caption("Shift-click more nodes, or draw a box with Shift, to make a block of them.")


def _copy_or_delete(session: Session, names: list[str]) -> None:
    left, right = st.columns(2, gap="small")
    left.button(
        "Duplicate", icon=":material/content_copy:", help="Ctrl+D on the canvas", width="stretch", key="duplicate",
        on_click=actions.duplicate, args=(session, names),
    )  # fmt: skip
    right.button(
        "Delete", icon=":material/delete:", help="Backspace on the canvas", width="stretch", key="delete",
        on_click=actions.delete, args=(session, names, []),
    )  # fmt: skip


def _set(session: Session, name: str, values: Mapping[str, Any]) -> str | None:
    session.edit(SetParams(name, values), f"Change {name}")
    return None


def _name(session: Session, node: Node) -> None:
    key = f"name.{node.name}"
    draft = session.drafts.get(key)
    showing = draft[0] if draft else node.name
    held = key_for(session, key, showing)

    def renamed() -> None:
        typed = str(widget(held)).strip()
        if typed == showing or node.name not in session.scene.by_name:
            return
        edit = RenameNode(node.name, typed)
        try:
            session.here(edit).apply(session.document)
        except builder.EditError as error:
            session.drafts[key] = (typed, str(error))
            return
        session.edit(edit, f"Rename {node.name} to {typed}")
        session.select(typed)

    st.text_input(
        "name", showing, key=held, on_change=renamed, max_chars=64, help="The name of its weights in the trained model."
    )
    if draft:
        st.markdown(f":red[{markdown(draft[1])}]")


# ---- wires ------------------------------------------------------------------------------------------------------


def _inputs(session: Session, node: Node) -> None:
    """The wires into the node: where each comes from, its port where there are several, and a button to cut it."""
    layer = builder.CATALOGUE.get(node.type)
    if layer is None or not takes_wires(session.scene, node):
        return
    edges = incoming(session.scene).get(node.name, [])
    ports = port_names(session.scene)
    names = ports_of(session.scene, node)
    several = layer.variadic or len(names) > 1
    if edges or several:
        st.html('<div class="nl-label">Inputs</div>')
    for index, edge in enumerate(edges):
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"input_row_{index}"):
            st.button(
                edge.source, key=f"goto.{index}.{edge.source}", type="tertiary", help="Select this node",
                on_click=_goto, args=(session, edge.source), width="stretch",
            )  # fmt: skip
            if several and not layer.variadic:
                _port(session, edge, edges, names, ports.get(id(edge)))
            if layer.variadic and index > 0:
                st.button(
                    "", icon=":material/arrow_upward:", key=f"up.{index}", type="tertiary",
                    help="Take it as an earlier input", on_click=_reorder, args=(session, edges, index),
                )  # fmt: skip
            st.button(
                "", icon=":material/link_off:", key=f"cut.{index}", type="tertiary", help="Cut this wire",
                on_click=actions.delete, args=(session, [], [edge]),
            )  # fmt: skip
    if several and (layer.variadic or len(edges) < len(names)):
        _another(session, node, edges)


def _goto(session: Session, name: str) -> None:
    session.select(name)
    session.ask_view("reveal", name)


def _another(session: Session, node: Node, edges: list[Edge]) -> None:
    """A choice of nodes for one more input: needed where a node takes the same source twice, and without a mouse."""
    key = f"another.{node.name}.{len(edges)}"
    choices = [other.name for other in session.scene.nodes if other.name != node.name]

    def chosen() -> None:
        if widget(key) is not None and edges == incoming(session.scene).get(node.name, []):
            actions.connect(session, widget(key), node.name)

    st.selectbox(
        "one more input", choices, index=None, placeholder="Add an input from …", key=key, on_change=chosen,
        label_visibility="collapsed",
    )  # fmt: skip


def _port(session: Session, edge: Edge, edges: list[Edge], ports: tuple[str, ...], now: str | None) -> None:
    key = f"port.{edge.source}.{edge.target}.{now}"

    def changed() -> None:
        """Take the port; whoever holds it gets this wire's."""
        wanted = widget(key)
        if wanted == now or edge not in session.scene.edges:
            return
        names = port_names(session.scene)
        other = next((item for item in edges if names.get(id(item)) == wanted and item is not edge), None)
        cut = tuple(Disconnect(item) for item in (edge, other) if item is not None)
        new = [Connect(Edge(source=edge.source, target=edge.target, port=wanted))]
        if other is not None:
            new.append(Connect(Edge(source=other.source, target=other.target, port=now)))
        session.edit(Together((*cut, *new)), f"Wire {edge.source} to {edge.target}'s {wanted}")

    index = ports.index(now) if now in ports else 0
    st.selectbox("port", ports, index, key=key, on_change=changed, label_visibility="collapsed", width=110)


def _reorder(session: Session, edges: list[Edge], index: int) -> None:
    order = [*edges]
    order[index - 1], order[index] = order[index], order[index - 1]
    edits = (*(Disconnect(edge) for edge in edges), *(Connect(edge) for edge in order))
    session.edit(Together(edits), f"Reorder the inputs of {edges[0].target}")


def _edge(session: Session, edge: Edge) -> None:
    heading("Wire", "edge")
    facts = session.sight.facts.get(edge.source)
    st.caption("Carries a node's output to another node's input. Press Backspace on the canvas to cut it.")
    for label, name in (("from", edge.source), ("to", edge.target)):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.html(f'<div class="nl-label">{label}</div>')
            st.button(name, key=f"edge.{label}", type="tertiary", on_click=_goto, args=(session, name))
    ports = ports_of(session.scene, session.scene.node(edge.target))
    edges = incoming(session.scene)[edge.target]
    if len(ports) > 1:
        _port(session, edge, edges, ports, port_names(session.scene).get(id(edge)))
    if facts is not None:
        st.html(f'<div class="nl-facts"><div><span>carries</span> <b>{show_shape(facts.signal.shape)}</b></div></div>')
    st.button(
        "Cut this wire", icon=":material/link_off:", key="cut_edge", width="stretch",
        on_click=actions.delete, args=(session, [], [edge]),
    )  # fmt: skip
