"""The inspector with several nodes selected: their costs, and buttons to make a block of them or copies."""

from __future__ import annotations

import streamlit as st

from builder.analysis.summary import human
from pages.parts.document import actions, block_actions
from pages.parts.document.session import Session, widget
from pages.parts.inspector import network_choice
from pages.parts.inspector.node_facts import heading
from pages.parts.theme import theme
from pages.parts.theme.escaping import escape, markdown

LISTED = 12


def show(session: Session) -> None:
    names = session.chosen
    heading(f"{len(names)} nodes", "selection")
    _list(session, names)
    network_choice.show(session, names)
    _make(session, names)
    copy_and_delete(session, list(names))


def copy_and_delete(session: Session, names: list[str]) -> None:
    """The buttons that copy and delete nodes."""
    left, right = st.columns(2, gap="small")
    left.button(
        "Duplicate",
        icon=":material/content_copy:",
        help="Ctrl+D on the canvas",
        width="stretch",
        key="duplicate",
        on_click=actions.duplicate,
        args=(session, names),
    )
    right.button(
        "Delete",
        icon=":material/delete:",
        help="Backspace on the canvas",
        width="stretch",
        key="delete",
        on_click=actions.delete,
        args=(session, names, []),
    )


def _list(session: Session, names: tuple[str, ...]) -> None:
    """The selected nodes in the order of the document, and their parameters together."""
    chosen = [node for node in session.graph.nodes if node.name in names]
    costs = session.snapshot_facts.costs
    rows = "".join(
        f"<div><span>{escape(node.name)}</span><b>"
        f"{human(costs[node.name].parameters) if node.name in costs else ''}</b></div>"
        for node in chosen[:LISTED]
    )
    more = f"<div><span>and {len(chosen) - LISTED} more</span></div>" if len(chosen) > LISTED else ""
    total = sum(costs[node.name].parameters for node in chosen if node.name in costs)
    st.html(f'<div class="nl-table nl-list">{rows}{more}<div><b>total</b><b>{total:,}</b></div></div>')


def _make(session: Session, names: tuple[str, ...]) -> None:
    refused = block_actions.why_no_block(session, names)
    st.html(f'<div class="nl-section" style="--tag:{theme.family_colour("composite")}">Block</div>')
    if refused:
        st.caption(markdown(refused))
        return
    st.caption("Replaces these nodes by one node that you can open, repeat and use again.")
    key = f"new_block.{'.'.join(names)[:200]}"
    wanted = st.text_input("block name", block_actions.block_name(session), key=key, max_chars=64)

    def make() -> None:
        block_actions.make_block(session, list(names), str(widget(key) or wanted).strip())

    st.button(
        "Make a block",
        icon=":material/stacks:",
        help="Ctrl+G on the canvas",
        type="primary",
        width="stretch",
        key="make_block",
        on_click=make,
    )
