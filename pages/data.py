"""Data: at the left what there is to learn from, in the middle what was found in it, at the right a network."""

from __future__ import annotations

import streamlit as st

from pages.data_page import background, findings, heading, library_list, network, samples, shipped, welcome
from pages.data_page.shown import Shown, key_of, report_of
from pages.parts.document import notices, session
from pages.parts.document.session import Session
from pages.parts.theme import run_page, theme, torch_import
from trainers.data import DATASETS, DataError
from trainers.data.own import library
from trainers.data.own.data_set import is_own, own_names
from trainers.data.own.library import Stored

NAME = "data"  # in the page's address
PATIENCE = 1.5  # seconds that the page waits for a report before it is drawn without


def chosen(work: Session) -> None:
    """Which data set is shown: the one of the address after a reload, else the one that was shown, else one's first."""
    wanted = st.query_params.get(NAME)
    if work.data.name is None and wanted:
        work.data.name = wanted
    known = own_names()
    name = work.data.name
    if name is None or not (name in known or name in DATASETS):
        work.data.name = known[0] if known else None
    if work.data.name is None:
        st.query_params.pop(NAME, None)
    elif wanted != work.data.name:
        st.query_params[NAME] = work.data.name


@run_page.shows_errors
def page(work: Session) -> None:
    adding = work.data.adding
    if adding is not None and not adding.running and adding.names:
        library_list.choose(work, adding.names[-1])
    chosen(work)
    name = work.data.name
    stored = library.stored(name) if name and is_own(name) else None
    report, problem = None, ""
    if stored is not None:
        try:
            report = report_of(stored, PATIENCE)
        except (DataError, OSError) as error:
            problem = str(error)
    heading.show(work, stored, report)
    with st.container(horizontal=True, gap="small", key="data_workbench"):
        with st.container(width=200, gap="small", key="data_left"):
            library_list.show(work)
        with st.container(width="stretch", gap="small", key="data_middle"):
            heading.show_report(work)
            if problem:
                run_page.show_error(problem)
                heading.offer_again(work, stored)
            elif stored is not None:
                _middle(work, stored, report)
            elif name:
                shipped.show(work, name)
            else:
                welcome.show()
        if name:
            with st.container(width=288, gap="small", key="data_right"):
                _right(work, name, stored, report)


def _middle(work: Session, stored: Stored, report: object) -> None:
    shown = _shown(work, stored, report)
    heading.offer_version(work, stored)
    if shown is not None:
        findings.show(shown)
    else:
        background.wait_for(key_of(stored, "report"), "Looking through it …")


def _right(work: Session, name: str, stored: Stored | None, report: object) -> None:
    network.show_open(work, name)
    shown = _shown(work, stored, report) if stored is not None else None
    if shown is not None:
        with st.container(border=True, key="data_network"):
            network.show(shown)
        samples.show(shown)
    elif stored is None:
        shipped.show_templates(work, name)


def _shown(work: Session, stored: Stored, report: object) -> Shown | None:
    return Shown(work, stored, report) if report is not None else None  # type: ignore[arg-type]


@st.fragment(run_every=0.4)
def wait_for_torch() -> None:
    """Draw the page again when torch is there, which says the shapes of networks."""
    if torch_import.ready():
        st.rerun()


work = session.start()
if work.data.leave:
    work.data.leave = False
    st.switch_page("pages/build.py")
torch_import.start()
st.html(f"<style>{theme.sheet('data.css')}</style>")
notices.show(work)
page(work)
if not torch_import.ready():
    wait_for_torch()
