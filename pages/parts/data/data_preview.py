"""Samples of the chosen data set on the Build page, with or without augmentation, and their source."""

from __future__ import annotations

import re

import streamlit as st

from builder.analysis.summary import human
from pages.parts.data import data_loading, sample_drawing
from pages.parts.data.data_loading import Download
from pages.parts.document.session import Session
from pages.parts.theme.escaping import escape, markdown
from trainers.data import DataSet
from trainers.data.augmentation import Augmentation
from trainers.data.preview import Excerpt

VERSION = "preview_version"  # counts how often another version of augmented samples was asked for
POLL = 0.5  # seconds between two checks whether the samples are loaded or downloaded


def show(session: Session, data: DataSet, augmentations: tuple[Augmentation, ...]) -> None:
    """The preview as a fragment: while it loads, the rest of the page is not drawn again."""
    licence = f" · licence: {escape(data.licence)}" if data.licence else ""
    st.html(f'<div class="nl-origin">{_linked(data.origin)}{licence}</div>')
    found = data_loading.excerpt(data) if data.ready() else None
    if not data.ready():
        _to_download(data)
    elif found is None:
        _loading(data)
    elif isinstance(found, str):
        st.markdown(f":red[{markdown(found)}]")
        st.button(
            "Try again", key="preview_again", icon=":material/refresh:", on_click=data_loading.forget, args=(data,)
        )
    else:
        _samples(session, data, found, tuple(entry for entry in augmentations if not entry.unsuited(data)))


@st.fragment(run_every=POLL)
def _loading(data: DataSet) -> None:
    st.caption("Loading samples …")
    if data_loading.excerpt(data) is not None:
        st.rerun()


@st.fragment
def _samples(session: Session, data: DataSet, found: Excerpt, augmentations: tuple[Augmentation, ...]) -> None:
    if augmentations:
        with st.container(horizontal=True, vertical_alignment="center", key="preview_head"):
            augmented = st.toggle(
                "augmented", key="preview_augmented", help="Show the samples with the augmentation of training."
            )
            if augmented:
                st.button(
                    "",
                    icon=":material/casino:",
                    key="preview_next_version",
                    help="Show another version",
                    on_click=_next_version,
                    args=(session,),
                )
        if augmented:
            found = found.augmented(augmentations, session.generations.get(VERSION, 0))
    sample_drawing.draw(data, found)


def _next_version(session: Session) -> None:
    session.generations[VERSION] = session.generations.get(VERSION, 0) + 1


def _to_download(data: DataSet) -> None:
    state = data_loading.state_of(data)
    if state is not None and state.running:
        _downloading(state)
        return
    if state is not None and state.error:
        st.markdown(f":red[{markdown(state.error)}]")
    bytes_ = data_loading.size(data)
    label = f"Download ({human(bytes_, 'B')})" if bytes_ else "Download"
    st.caption("This data set is not downloaded yet. Training downloads it too.")
    st.button(
        label,
        icon=":material/download:",
        key="preview_download",
        width="stretch",
        on_click=data_loading.download,
        args=(data,),
    )


@st.fragment(run_every=POLL)
def _downloading(state: Download) -> None:
    if not state.running:
        st.rerun()
    st.progress(state.share, f"Downloading: {human(state.done, 'B')} of {human(state.total, 'B')}")


def _linked(text: str) -> str:
    """A text of ours with its addresses as links."""
    return re.sub(
        r"https://[^\s,;)]+",
        lambda found: f'<a href="{found[0]}" target="_blank" rel="noopener">{found[0].removeprefix("https://")}</a>',
        escape(text),
    )
