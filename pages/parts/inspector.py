"""The inspector, right of the canvas: everything about the selected node, the selected wire, or the whole document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

import builder
from builder.document import Edge, Node
from builder.edits import Connect, Disconnect, RenameNode, SetParams, Together
from builder.graph import incoming
from builder.shapes import show as show_shape
from builder.summary import human
from pages.parts import actions, data_panel, form, theme
from pages.parts.picture import port_names
from pages.parts.session import Session, key_for, widget
from pages.parts.words import escape, markdown


def show(session: Session) -> None:
    if session.node is not None:
        _node(session, session.document.node(session.node))
    elif session.edge is not None:
        _edge(session, session.edge)
    else:
        data_panel.show(session)


def heading(title: str, tag: str = "", colour: str = theme.ACCENT) -> None:
    """A title with a coloured word beside it; both may be a user's text."""
    label = f'<span class="nl-tag" style="--tag:{colour}">{escape(tag)}</span>' if tag else ""
    st.html(f'<div class="nl-heading"><span class="nl-title">{escape(title)}</span>{label}</div>')


def _node(session: Session, node: Node) -> None:
    layer = builder.CATALOGUE.get(node.type)
    heading(node.name, node.type, theme.family_colour(layer.family) if layer else theme.ACCENT)
    if layer is None:
        st.markdown(f":red[There is no layer type {markdown(node.type)}. Delete this node, or take another layer.]")
    else:
        st.caption(layer.sentence())
    _name(session, node)
    if layer is not None:
        form.draw(session, layer, node.params, f"node.{node.name}", lambda values: _set(session, node.name, values))
    _inputs(session, node)
    _facts(session, node)
    left, right = st.columns(2, gap="small")
    left.button(
        "Duplicate", icon=":material/content_copy:", help="Ctrl+D on the canvas", width="stretch", key="duplicate",
        on_click=actions.duplicate, args=(session, [node.name]),
    )  # fmt: skip
    right.button(
        "Delete", icon=":material/delete:", help="Backspace on the canvas", width="stretch", key="delete",
        on_click=actions.delete, args=(session, [node.name], []),
    )  # fmt: skip


def _set(session: Session, name: str, values: Mapping[str, Any]) -> str | None:
    session.apply(SetParams(name, values), f"Change {name}")
    return None


def _name(session: Session, node: Node) -> None:
    key = f"name.{node.name}"
    draft = session.drafts.get(key)
    showing = draft[0] if draft else node.name
    held = key_for(session, key, showing)

    def renamed() -> None:
        typed = str(widget(held)).strip()
        if typed == showing or node.name not in session.document.by_name:
            return
        try:
            RenameNode(node.name, typed).apply(session.document)
        except builder.EditError as error:
            session.drafts[key] = (typed, str(error))
            return
        session.node = typed  # before the edit, which lets go of a selected node that is gone
        session.history.apply(RenameNode(node.name, typed), f"Rename {node.name} to {typed}")
        session.drafts.clear()
        session.save()

    st.text_input(
        "name", showing, key=held, on_change=renamed, max_chars=64, help="The name of its weights in the trained model."
    )
    if draft:
        st.markdown(f":red[{markdown(draft[1])}]")


def _facts(session: Session, node: Node) -> None:
    """Shapes and costs: what comes in, what goes out, and at which price."""
    view = session.view
    facts = view.facts.get(node.name)
    error = view.errors.get(node.name)
    waiting = view.waiting.get(node.name)
    sources = [edge.source for edge in session.document.edges if edge.target == node.name]
    shapes = [view.facts[name].signal.shape for name in sources if name in view.facts]
    into = " and ".join(show_shape(shape) for shape in shapes)
    lines = []
    if facts is not None:
        arrow = f"<span>in</span> <b>{into}</b> → " if into else ""
        lines.append(f"{arrow}<span>out</span> <b>{show_shape(facts.signal.shape)}</b>")
        cost = view.costs[node.name]
        lines.append(f"{cost.parameters:,} parameters · {human(cost.flops)} FLOPs · {human(cost.memory, 'B')} a sample")
    elif error is not None:
        lines.append(f'<span class="nl-bad">{escape(error.message[:1].upper() + error.message[1:])}</span>')
    elif waiting is not None:
        lines.append(f"Waiting for {escape(waiting)}: its shape is known when {escape(waiting)} is mended.")
    st.html('<div class="nl-facts">' + "".join(f"<div>{line}</div>" for line in lines) + "</div>")


# ---- wires ------------------------------------------------------------------------------------------------------


def _inputs(session: Session, node: Node) -> None:
    """The wires into the node: where each comes from, its port where there are several, and a button to cut it."""
    layer = builder.CATALOGUE.get(node.type)
    if layer is None or not (layer.ports or layer.variadic):
        return
    edges = incoming(session.document).get(node.name, [])
    ports = port_names(session.document)
    several = layer.variadic or len(layer.ports) > 1
    if edges or several:
        st.html('<div class="nl-label">Inputs</div>')
    for index, edge in enumerate(edges):
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"input_row_{index}"):
            st.button(
                edge.source, key=f"goto.{index}.{edge.source}", type="tertiary", help="Select this node",
                on_click=_goto, args=(session, edge.source), width="stretch",
            )  # fmt: skip
            if several and not layer.variadic:
                _port(session, edge, edges, layer.ports, ports.get(id(edge)))
            if layer.variadic and index > 0:
                st.button(
                    "", icon=":material/arrow_upward:", key=f"up.{index}", type="tertiary",
                    help="Take it as an earlier input", on_click=_reorder, args=(session, edges, index),
                )  # fmt: skip
            st.button(
                "", icon=":material/link_off:", key=f"cut.{index}", type="tertiary", help="Cut this wire",
                on_click=actions.delete, args=(session, [], [edge]),
            )  # fmt: skip
    if several and (layer.variadic or len(edges) < len(layer.ports)):
        _another(session, node, edges)


def _goto(session: Session, name: str) -> None:
    session.select(name)
    session.ask_view("reveal", name)


def _another(session: Session, node: Node, edges: list[Edge]) -> None:
    """A choice of nodes for one more input: needed where a node takes the same source twice, and without a mouse."""
    key = f"another.{node.name}.{len(edges)}"
    choices = [other.name for other in session.document.nodes if other.name != node.name]

    def chosen() -> None:
        if widget(key) is not None and edges == incoming(session.document).get(node.name, []):
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
        if wanted == now or edge not in session.document.edges:
            return
        names = port_names(session.document)
        other = next((item for item in edges if names.get(id(item)) == wanted and item is not edge), None)
        cut = tuple(Disconnect(item) for item in (edge, other) if item is not None)
        new = [Connect(Edge(source=edge.source, target=edge.target, port=wanted))]
        if other is not None:
            new.append(Connect(Edge(source=other.source, target=other.target, port=now)))
        session.apply(Together((*cut, *new)), f"Wire {edge.source} to {edge.target}'s {wanted}")

    index = ports.index(now) if now in ports else 0
    st.selectbox("port", ports, index, key=key, on_change=changed, label_visibility="collapsed", width=110)


def _reorder(session: Session, edges: list[Edge], index: int) -> None:
    order = [*edges]
    order[index - 1], order[index] = order[index], order[index - 1]
    edits = (*(Disconnect(edge) for edge in edges), *(Connect(edge) for edge in order))
    session.apply(Together(edits), f"Reorder the inputs of {edges[0].target}")


def _edge(session: Session, edge: Edge) -> None:
    heading("Wire", "edge")
    facts = session.view.facts.get(edge.source)
    st.caption("Carries a node's output to another node's input. Press Backspace on the canvas to cut it.")
    for label, name in (("from", edge.source), ("to", edge.target)):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.html(f'<div class="nl-label">{label}</div>')
            st.button(name, key=f"edge.{label}", type="tertiary", on_click=_goto, args=(session, name))
    layer = builder.CATALOGUE.get(session.document.node(edge.target).type)
    edges = incoming(session.document)[edge.target]
    if layer is not None and len(layer.ports) > 1:
        _port(session, edge, edges, layer.ports, port_names(session.document).get(id(edge)))
    if facts is not None:
        st.html(f'<div class="nl-facts"><div><span>carries</span> <b>{show_shape(facts.signal.shape)}</b></div></div>')
    st.button(
        "Cut this wire", icon=":material/link_off:", key="cut_edge", width="stretch",
        on_click=actions.delete, args=(session, [], [edge]),
    )  # fmt: skip
