"""Which network of the document nodes belong to: one that is there, one that its training asks for, or a new one."""

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


def show(session: Session, names: tuple[str, ...]) -> None:
    """A choice of the nodes' network. Inside a block there is none: it is part of the network that uses it."""
    if session.place.steps:
        return
    document = session.document
    own = {document.node(name).network for name in names}
    now = next(iter(own)) if len(own) == 1 else None
    key = f"network.{'.'.join(names)[:200]}"
    draft = session.drafts.get(key)
    showing = draft[0] if draft else now
    held = key_for(session, key, showing)

    def chosen() -> None:
        wanted = widget(held)
        if wanted not in (None, showing) and all(name in session.document.by_name for name in names):
            _take(session, key, names, str(wanted).strip())

    asked = _asked_for(document) if session.view.complete else ()  # it imports torch
    choices = list(dict.fromkeys([*filter(None, [showing]), *networks(document), *asked]))
    st.selectbox(
        "network", choices, choices.index(showing) if showing else None, key=held, on_change=chosen,
        placeholder="several networks", accept_new_options=True,
        help="A document may hold several networks, such as a generator and a discriminator. No wire joins two, so "
        "what is wired to this goes along. Type a new name for a new network.",
    )  # fmt: skip
    if draft:
        st.markdown(f":red[{markdown(draft[1])}]")
    along = len(connected(document, names) - set(names))
    if along and len(networks(document)) > 1:
        st.caption(f"{along} wired node{'s go' if along > 1 else ' goes'} along.")


def _asked_for(document: Document) -> tuple[str, ...]:
    """The networks that the document's way of training works with, where it works with several."""
    from trainers.paradigms import PARADIGMS

    options = document.training.get("paradigm")
    entry = PARADIGMS.get(str(options.get("name") if isinstance(options, dict) else options))
    return entry.networks if entry is not None and len(entry.networks) > 1 else ()


def _take(session: Session, key: str, names: tuple[str, ...], wanted: str) -> None:
    """Put the nodes into that network; where it would then cover another one, everything is laid out anew."""
    edit: Edit = SetNetwork(names, wanted)
    try:
        after = edit.apply(session.document)
    except EditError as error:
        session.drafts[key] = (wanted, str(error))
        return
    if network_frames.crowded(after):
        edit = Together((edit, Move(arrange(after))))
        session.ask_view("open")
    what = names[0] if len(names) == 1 else f"{len(names)} nodes"
    session.apply(edit, f"Put {what} into the network {wanted}")


def table(session: Session) -> None:
    """What each network of the document costs, where there are several."""
    known = network_frames.lanes(session.document)
    costs = session.sight.costs
    if known and session.view.complete:
        st.html(
            '<div class="nl-heading"><span class="nl-title">Networks</span></div>'
            f'<div class="nl-table">{"".join(_row(lane, parameters(lane.nodes, costs)) for lane in known)}</div>'
        )


def parameters(nodes: Iterable[str], costs: Mapping[str, Cost]) -> int:
    """The parameters of some nodes together."""
    return sum(costs[name].parameters for name in nodes if name in costs)


def _row(lane: network_frames.Lane, count: int) -> str:
    colour = theme.network_colour(lane.colour)
    return (
        f'<div><span class="nl-tag" style="--tag:{colour};color:{colour}">{escape(lane.network)}</span>'
        f"<b>{len(lane.nodes)} nodes · {human(count)}</b></div>"
    )
