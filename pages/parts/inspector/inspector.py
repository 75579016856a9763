"""The inspector, right of the canvas: the selected node, the selected wire, or the whole document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

import builder
from builder.document import Edge, Node
from builder.document.graph import incoming
from builder.edits import Connect, Disconnect, RenameNode, SetParams, Together
from builder.shapes import show as show_shape
from builder.spec import LayerSpec
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
        _node(session, session.graph.node(session.node))
    elif session.edge is not None:
        _edge(session, session.edge)
    elif session.path.steps:
        block_panel.inside(session)
    else:
        data_panel.show(session)


def _node(session: Session, node: Node) -> None:
    layer = builder.CATALOGUE.get(node.type)
    is_block = node.role == "block"
    if is_block:
        block_panel.head(session, node)
    else:
        _head(node, layer)
    _name(session, node)
    if is_block:
        block_panel.body(session, node)
    elif layer is not None:
        form.draw(session, layer, node.params, f"node.{node.name}", lambda values: _set(session, node.name, values))
    _inputs(session, node)
    node_facts.show(session, node)
    network_choice.show(session, (node.name,))
    if is_block:
        block_panel.buttons(session, node)
    selection_panel.copy_and_delete(session, [node.name])
    if not is_block:
        st.caption("To make a block, select more nodes with Shift-click, or draw a box around them with Shift.")


def _head(node: Node, layer: type[LayerSpec] | None) -> None:
    """The node's name, its type and what the type does."""
    heading(node.name, node.type, theme.family_colour(layer.family) if layer else theme.ACCENT)
    if layer is None:
        st.markdown(f":red[There is no layer type {markdown(node.type)}. Delete this node, or use another layer.]")
    else:
        st.caption(layer.sentence())


def _set(session: Session, name: str, values: Mapping[str, Any]) -> str | None:
    session.edit(SetParams(name, values), f"Change {name}")
    return None


def _name(session: Session, node: Node) -> None:
    key = f"name.{node.name}"
    draft = session.drafts.get(key)
    showing = draft[0] if draft else node.name
    widget_key = key_for(session, key, showing)

    def renamed() -> None:
        typed = str(widget(widget_key)).strip()
        if typed == showing or node.name not in session.graph.by_name:
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
        "name",
        showing,
        key=widget_key,
        on_change=renamed,
        max_chars=64,
        help="Also the name of its weights in the model.",
    )
    if draft:
        st.markdown(f":red[{markdown(draft[1])}]")


# ---- wires ------------------------------------------------------------------------------------------------------


def _inputs(session: Session, node: Node) -> None:
    """The wires into the node: the source of each, its port if there are several, and a button to cut it."""
    layer = builder.CATALOGUE.get(node.type)
    if layer is None or not takes_wires(session.graph, node):
        return
    edges = incoming(session.graph).get(node.name, [])
    ports = port_names(session.graph)
    names = ports_of(session.graph, node)
    several = layer.variadic or len(names) > 1
    if edges or several:
        st.html('<div class="nl-label">Inputs</div>')
    for index, edge in enumerate(edges):
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"input_row_{index}"):
            st.button(
                edge.source,
                key=f"goto.{index}.{edge.source}",
                type="tertiary",
                help="Select this node",
                on_click=_goto,
                args=(session, edge.source),
                width="stretch",
            )
            if several and not layer.variadic:
                _port(session, edge, edges, names, ports.get(id(edge)))
            if layer.variadic and index > 0:
                st.button(
                    "",
                    icon=":material/arrow_upward:",
                    key=f"up.{index}",
                    type="tertiary",
                    help="Move this input up",
                    on_click=_reorder,
                    args=(session, edges, index),
                )
            st.button(
                "",
                icon=":material/link_off:",
                key=f"cut.{index}",
                type="tertiary",
                help="Cut this wire",
                on_click=actions.delete,
                args=(session, [], [edge]),
            )
    if several and (layer.variadic or len(edges) < len(names)):
        _another(session, node, edges)


def _goto(session: Session, name: str) -> None:
    session.select(name)
    session.move_view("reveal", name)


def _another(session: Session, node: Node, edges: list[Edge]) -> None:
    """A choice of nodes for one more input: for a node that uses one source twice, and for work without a mouse."""
    key = f"another.{node.name}.{len(edges)}"
    choices = [other.name for other in session.graph.nodes if other.name != node.name]

    def chosen() -> None:
        if widget(key) is not None and edges == incoming(session.graph).get(node.name, []):
            actions.connect(session, widget(key), node.name)

    st.selectbox(
        "one more input",
        choices,
        index=None,
        placeholder="Add an input from …",
        key=key,
        on_change=chosen,
        label_visibility="collapsed",
    )


def _port(session: Session, edge: Edge, edges: list[Edge], ports: tuple[str, ...], now: str | None) -> None:
    key = f"port.{edge.source}.{edge.target}.{now}"

    def changed() -> None:
        """Change the port; the wire that has it gets the port of this wire."""
        wanted = widget(key)
        if wanted == now or edge not in session.graph.edges:
            return
        names = port_names(session.graph)
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
    output = session.snapshot_facts.outputs.get(edge.source)
    st.caption("Connects the output of one node to an input of another. Backspace on the canvas cuts it.")
    for label, name in (("from", edge.source), ("to", edge.target)):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.html(f'<div class="nl-label">{label}</div>')
            st.button(name, key=f"edge.{label}", type="tertiary", on_click=_goto, args=(session, name))
    ports = ports_of(session.graph, session.graph.node(edge.target))
    edges = incoming(session.graph)[edge.target]
    if len(ports) > 1:
        _port(session, edge, edges, ports, port_names(session.graph).get(id(edge)))
    if output is not None:
        shape = show_shape(output.signal.shape)
        st.html(f'<div class="nl-facts"><div><span>shape</span> <b>{shape}</b></div></div>')
    st.button(
        "Cut this wire",
        icon=":material/link_off:",
        key="cut_edge",
        width="stretch",
        on_click=actions.delete,
        args=(session, [], [edge]),
    )
