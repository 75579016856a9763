"""The first line of the page: what is shown, undo, and what can be done with it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from builder.analysis.summary import human
from pages.data_page import network
from pages.data_page.shown import last, redo, undo
from pages.parts.document.session import Session, widget
from pages.parts.theme.escaping import escape, markdown
from trainers.data import DATASETS, DataError
from trainers.data.own import library
from trainers.data.own.library import Stored
from trainers.data.own.report import Report
from trainers.data.own.rereading import earlier_copy, has_changed, read_again, take_newer


def show(session: Session, stored: Stored | None, report: Report | None) -> None:
    """The line, for a data set of one's own, for one that comes with Netloom, or for none."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="data_header"):
        if stored is not None:
            st.html(_title(stored, report))
            _undo(session, stored)
            _more(session, stored)
        else:
            entry = DATASETS.get(session.data.name or "")
            title = entry.title if entry else "Your data"
            st.html(f'<div class="nl-data-title"><b>{escape(title)}</b></div>')
        _actions(session, stored)


def _title(stored: Stored, report: Report | None) -> str:
    source = stored.source
    facts = [stored.schema.counted(source.rows)]
    if report is not None and report.columns:
        facts.append(f"{len(report.columns):,} columns")
    facts += [human(source.size, "B"), f"version {stored.schema.version}"]
    how = " ".join([source.kind_reason, *(report.found.values() if report else ())])
    return (
        f'<div class="nl-data-title" title="{escape(how)}"><b>{escape(source.title)}</b>'
        f"<span>{escape(' · '.join(facts))}</span></div>"
    )


def _undo(session: Session, stored: Stored) -> None:
    for key, label, icon, action, steps in (
        ("data_undo", "Undo", "undo", undo, session.data.undo),
        ("data_redo", "Redo", "redo", redo, session.data.redo),
    ):
        step = last(steps, stored.full_name)
        words = f"{label}: {markdown(step.label)}" if step else label
        st.button(
            "",
            icon=f":material/{icon}:",
            key=key,
            help=words,
            on_click=action,
            args=(session,),
            disabled=step is None,
        )


def _more(session: Session, stored: Stored) -> None:
    """Rename and remove."""
    number = session.generations.get("data_rename", 0)
    field = f"data_rename_{stored.name}~{number}"  # of this data set: else it would keep the name of the one before

    def rename() -> None:
        wanted = str(widget(field) or "").strip().removeprefix(library.PREFIX)
        session.generations["data_rename"] = number + 1
        if not wanted or wanted == stored.name:
            return
        try:
            new = library.rename(stored.name, wanted).full_name
            session.data.name = new
            for steps in (session.data.undo, session.data.redo):
                steps[:] = [step._replace(name=new) if step.name == stored.full_name else step for step in steps]
        except (DataError, OSError) as error:
            session.notify(str(error), "warning")

    def remove() -> None:
        try:
            library.remove(stored.name)
        except (DataError, OSError) as error:
            session.notify(str(error), "warning")
            return
        session.data.removed, session.data.name, session.data.report = stored.full_name, None, ""

    with st.popover("", icon=":material/more_horiz:", key=f"data_more_{stored.name}", help="Rename or remove it"):
        st.text_input(
            "name",
            stored.name,
            key=field,
            on_change=rename,
            max_chars=64,
            help="Documents and runs that use the old name keep finding it.",
        )
        st.button("Remove", icon=":material/delete:", key="data_remove", on_click=remove, width="stretch")


def _actions(session: Session, stored: Stored | None) -> None:
    name: Any = stored.full_name if stored else session.data.name
    ready = name is not None and (stored is None or not stored.schema.ready)
    st.button(
        "Use with open network",
        key="data_use",
        disabled=not ready or network.uses(session, name),
        on_click=network.use,
        args=(session, name),
        help=f"Train “{markdown(session.document.name)}” on it, and see what must change",
    )
    if stored is not None:
        st.button(
            "Start a network",
            type="primary",
            key="data_start",
            disabled=not ready,
            on_click=network.start,
            args=(session, name),
            help="Open a network that fits as a new document",
        )


def offer_again(session: Session, stored: Stored | None) -> None:
    """A button that reads a changed file again, where that is what is wrong."""

    def again() -> None:
        try:
            session.data.report = read_again(stored.full_name) if stored else ""
        except (DataError, OSError) as error:
            session.notify(str(error), "warning")

    try:
        changed = stored is not None and has_changed(stored)
    except (DataError, OSError):
        changed = False
    if changed:
        st.button("Read it again", icon=":material/refresh:", type="primary", key="data_again", on_click=again)
        st.caption("It becomes the next version. What you have chosen stays; runs keep the version that they used.")


def offer_version(session: Session, stored: Stored) -> None:
    """Where a file of the same name was added before: a button that makes this one the next version of it."""
    earlier = earlier_copy(stored)
    if earlier is None:
        return

    def take() -> None:
        try:
            session.data.report = take_newer(earlier.full_name, stored.full_name)
            session.data.name = earlier.full_name
        except (DataError, OSError) as error:
            session.notify(str(error), "warning")

    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="data_warning_version"):
        st.html(
            f'<div class="nl-message"><b>{escape(earlier.name)}</b> came from a file with the same name '
            f"({escape(earlier.source.title)}).</div>"
        )
        st.button(
            "Make this its next version",
            key="data_take_version",
            on_click=take,
            width="content",
            help="What you have chosen there stays; runs keep the version that they used.",
        )


def show_report(session: Session) -> None:
    """What was found when a changed file was read again."""
    if session.data.report:
        st.html(f'<div class="nl-note">{escape(session.data.report)}</div>')
