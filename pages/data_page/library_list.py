"""The left of the page: ways to bring data, one's own data sets, and those that come with Netloom by kind."""

from __future__ import annotations

import streamlit as st

from builder.analysis.summary import human
from pages.data_page.adding import Adding
from pages.data_page.ways.base import ways
from pages.parts.document.session import Session
from pages.parts.theme.escaping import escape, markdown
from trainers.data import DATASETS, DataError
from trainers.data.own import library
from trainers.data.own.data_set import own_names
from trainers.data.own.kind import kinds

KINDS = {
    "table": "Tables",
    "points": "Points",
    "image": "Images",
    "series": "Series",
    "sound": "Sounds",
    "text": "Texts",
}
POLL = 0.3  # seconds between two looks at what is being added


def show(session: Session) -> None:
    """The whole column."""
    adding = session.data.adding
    if adding is not None and adding.awaited:
        _adding(session, adding)
    else:
        if adding is not None:
            _added(session, adding)
        _ways(session)
    _own(session)
    _shipped(session)


def choose(session: Session, name: str) -> None:
    """Show another data set."""
    session.data.name, session.data.part, session.data.report = name, None, ""


def _ways(session: Session) -> None:
    """The ways to add data: one at a time."""
    available = [way for way in ways() if way.available()]
    by_name = {way.name: way for way in available}
    # set, not a default: the control leaves the page while something is added, and would come back with another one
    before = st.session_state.get("data_way", session.data.way)
    st.session_state["data_way"] = before if before in by_name else available[0].name
    with st.container(gap="xsmall", key="data_add"):
        picked = st.segmented_control(
            "Add data",
            list(by_name),
            format_func=lambda name: by_name[name].label,
            key="data_way",
            label_visibility="collapsed",
            required=True,
        )
        session.data.way = str(picked)
        by_name.get(session.data.way, available[0]).draw(session)


def _adding(session: Session, adding: Adding) -> None:
    """What is being added, how far it is, and the way out; drawn by itself until it is there."""

    @st.fragment(run_every=POLL)
    def watching() -> None:
        if not adding.awaited:
            st.rerun()
        stage = adding.stage
        width = round(100 * stage.share)
        st.html(
            f'<div class="nl-adding"><b>{escape(adding.title)}</b><span>{escape(stage.sentence)}</span>'
            f'<i class="{"nl-moving" if not width else ""}"><b style="width:{width or 30}%"></b></i></div>'
        )
        st.button("Cancel", key="data_cancel", on_click=adding.cancel, width="stretch")

    with st.container(border=True, key="data_adding"):
        watching()


def _added(session: Session, adding: Adding) -> None:
    """What was added is shown; what was not is said, until it is read."""
    if adding.running:  # it was cancelled, and takes itself back
        session.data.adding = None
        return
    if adding.names:
        choose(session, adding.names[-1])
        adding.names.clear()
    if not adding.errors:
        session.data.adding = None
        return

    def read() -> None:
        session.data.adding = None

    with st.container(gap="xsmall", key="data_refused"):
        lines = "".join(f"<p>{escape(error)}</p>" for error in adding.errors[:5])
        more = len(adding.errors) - 5
        st.html(f'<div class="nl-alert">{lines}{f"<p>and {more} more.</p>" if more > 0 else ""}</div>')
        st.button("OK", key="data_refused_read", on_click=read, width="stretch")


def _own(session: Session) -> None:
    names = own_names()
    st.html(f'<div class="nl-list-title">Your data{f" · {len(names)}" if names else ""}</div>')
    if not names:
        known = ", ".join(kind.label for kind in kinds().values())
        st.html(f'<div class="nl-note">None yet. Known are: {escape(known)}.</div>')
    with st.container(gap=None, key="data_own"):
        for place, name in enumerate(names):
            try:
                _entry(session, f"own_{place}", name, *_words(name))
            except DataError as error:
                _entry(session, f"own_{place}", name, name.removeprefix(library.PREFIX), str(error))
    if session.data.removed:
        _removed(session)


def _words(name: str) -> tuple[str, str]:
    facts = library.facts(name)
    label = kinds()[facts["kind"]].label
    return name.removeprefix(library.PREFIX), f"{label} · {facts['counted']} · {human(facts['bytes'], 'B')}"


def _entry(session: Session, key: str, name: str, title: str, words: str) -> None:
    """One data set: a click anywhere on it shows it."""
    state = "chosen" if session.data.name == name else "entry"
    with st.container(gap=None, key=f"data_{state}_{key}"):
        st.html(
            f'<div class="nl-entry"><b title="{escape(title)}">{escape(title)}</b><span>{escape(words)}</span></div>'
        )
        st.button(
            f"Show {markdown(title)}", key=f"data_show_{key}", type="tertiary", on_click=choose, args=(session, name)
        )


def _removed(session: Session) -> None:
    def undo() -> None:
        name = library.restore()
        if name is not None:
            choose(session, library.PREFIX + name)
        session.data.removed = ""

    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="data_removed"):
        st.html(f'<div class="nl-message">{escape(session.data.removed)} is removed.</div>')
        st.button("Undo", key="data_restore", on_click=undo)


def _shipped(session: Session) -> None:
    st.html(f'<div class="nl-list-title">Shipped · {len(DATASETS)}</div>')
    groups: dict[str, list[str]] = {}
    for name, entry in DATASETS.items():
        groups.setdefault(KINDS.get(entry.kind, entry.kind), []).append(name)
    for label in sorted(groups, key=lambda label: [*KINDS.values(), label].index(label)):
        members = groups[label]
        here = session.data.name in members
        with st.expander(f"{label} · {len(members)}", expanded=here, key=f"data_group_{label.lower()}"):
            for name in members:
                _entry(session, name, name, DATASETS[name].title, "")
