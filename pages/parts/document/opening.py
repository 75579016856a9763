"""The Open dialog: a recent document, a JSON file, or a new one. A wrong file is explained and changes nothing."""

from __future__ import annotations

import time
from typing import Any

import streamlit as st

import builder
from builder.document.files import MAX_BYTES
from builder.problems import DocumentError
from pages.parts.document import workspace
from pages.parts.document.session import Session
from pages.parts.theme.escaping import escape, sentence

SENTENCES = 12


@st.dialog("Open", icon=":material/folder_open:")
def dialog(session: Session) -> None:
    # The server accepts far larger files: builder.load refuses them with a message, the uploader without.
    most = f"{MAX_BYTES / 1e6:.0f} MB"
    file = st.file_uploader(f"A Netloom document (JSON, at most {most})", type=["json"], key="upload")
    if file is not None and _read(session, file):
        st.rerun()
    if st.button("New empty document", icon=":material/add:", key="new_document", width="stretch"):
        session.open(builder.Document())
        st.rerun()
    _recent(session)


def _read(session: Session, file: Any) -> bool:
    """Open an uploaded file. False, with the errors on the page, if it is not a valid document."""
    try:
        document = builder.load(file.getvalue())
    except DocumentError as error:
        items = "".join(
            f"<li>{f'<b>{escape(problem.node)}</b>: ' if problem.node else ''}{escape(sentence(problem.message))}</li>"
            for problem in error.problems[:SENTENCES]
        )
        more = len(error.problems) - SENTENCES
        rest = f"<p>and {more} more.</p>" if more > 0 else ""
        name = escape(file.name[:80])
        st.html(
            f'<div class="nl-alert"><p><b>{name}</b> was not opened. Your document is unchanged.</p>'
            f"<ul>{items}</ul>{rest}</div>"
        )
        return False
    session.open(document, f"{document.name} was opened.")
    return True


def _recent(session: Session) -> None:
    documents = [item for item in workspace.recent() if item.id != session.id]
    if documents:
        st.html('<div class="nl-label">Recent</div>')
    for item in documents:
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"recent_{item.id}"):
            st.html(f'<div class="nl-recent"><b>{escape(item.name)}</b><span>{_ago(item.saved)}</span></div>')
            if st.button("Open", key=f"recent_open_{item.id}"):
                session.open_saved(item.id)
                st.rerun()


def _ago(moment: float) -> str:
    """How long ago a moment was, in words."""
    seconds = max(0.0, time.time() - moment)
    for limit, size, unit in ((90, 1, "second"), (5400, 60, "minute"), (129_600, 3600, "hour")):
        if seconds < limit:
            number = round(seconds / size)
            return f"{number} {unit}{'s' * (number != 1)} ago"
    return time.strftime("%d %B %Y", time.localtime(moment))
