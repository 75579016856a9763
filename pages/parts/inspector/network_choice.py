"""The network that nodes belong to: one of the document, one that its paradigm trains, or a new one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import streamlit as st

from builder.analysis.summary import human
from builder.document import Document
from builder.document.graph import connected, networks
from builder.document.layout import arrange
from builder.edits import Edit, Move, SetNetwork, Together
from builder.problems import EditError
from pages.parts.canvas import network_frames
from pages.parts.document.document_facts import Cost
from pages.parts.document.session import Session, key_for, widget
from pages.parts.theme import theme
from pages.parts.theme.escaping import escape, markdown
from trainers.paradigms import PARADIGMS


def show(session: Session, names: tuple[str, ...]) -> None:
    """A choice of the nodes' network. Inside a block there is none: a block is part of the network that uses it."""
    if session.path.steps:
        return
    document = session.document
    own = {document.node(name).network for name in names}
    now = next(iter(own)) if len(own) == 1 else None
    key = f"network.{'.'.join(names)[:200]}"
    draft = session.drafts.get(key)
    showing = draft[0] if draft else now
    widget_key = key_for(session, key, showing)

    def chosen() -> None:
        wanted = widget(widget_key)
        if wanted not in (None, showing) and all(name in session.document.by_name for name in names):
            _move(session, key, names, str(wanted).strip())

    choices = list(dict.fromkeys([*filter(None, [showing]), *networks(document), *_trained(document)]))
    st.selectbox(
        "network",
        choices,
        choices.index(showing) if showing else None,
        key=widget_key,
        on_change=chosen,
        placeholder="several networks",
        accept_new_options=True,
        help="A document may have several networks, such as a generator and a discriminator. Wires do not connect "
        "them, so nodes that are wired to this one move along. Type a name for a new network.",
    )
    if draft:
        st.markdown(f":red[{markdown(draft[1])}]")
    along = len(connected(document, names) - set(names))
    if along and len(networks(document)) > 1:
        st.caption(f"{along} wired node{'s move' if along > 1 else ' moves'} along.")


def _trained(document: Document) -> tuple[str, ...]:
    """The networks that the document's paradigm trains, if it trains several."""
    options = document.training.get("paradigm")
    entry = PARADIGMS.get(str(options.get("name") if isinstance(options, dict) else options))
    return entry.networks if entry is not None and len(entry.networks) > 1 else ()


def _move(session: Session, key: str, names: tuple[str, ...], wanted: str) -> None:
    """Move the nodes into that network; if it then overlaps another one, everything is arranged again."""
    edit: Edit = SetNetwork(names, wanted)
    try:
        after = edit.apply(session.document)
    except EditError as error:
        session.drafts[key] = (wanted, str(error))
        return
    if network_frames.frames_overlap(after):
        edit = Together((edit, Move(arrange(after))))
        session.move_view("open")
    what = names[0] if len(names) == 1 else f"{len(names)} nodes"
    session.apply(edit, f"Move {what} into the network {wanted}")


def table(session: Session) -> None:
    """The parameters of each network of the document, if there are several."""
    frames = network_frames.network_frames(session.document)
    costs = session.snapshot_facts.costs
    if frames and session.document_facts.complete:
        st.html(
            '<div class="nl-heading"><span class="nl-title">Networks</span></div>'
            f'<div class="nl-table">{"".join(_row(frame, parameters(frame.nodes, costs)) for frame in frames)}</div>'
        )


def parameters(nodes: Iterable[str], costs: Mapping[str, Cost]) -> int:
    """The parameters of some nodes together."""
    return sum(costs[name].parameters for name in nodes if name in costs)


def _row(frame: network_frames.NetworkFrame, count: int) -> str:
    colour = theme.network_colour(frame.colour)
    return (
        f'<div><span class="nl-tag" style="--tag:{colour};color:{colour}">{escape(frame.network)}</span>'
        f"<b>{len(frame.nodes)} nodes · {human(count)}</b></div>"
    )
