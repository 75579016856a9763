"""The gallery of templates: a picture and a sentence each, opened as a document of one's own."""

from __future__ import annotations

import functools

import streamlit as st

import builder
from builder.document import Document
from pages.parts.canvas import miniature
from pages.parts.document.session import Session
from pages.parts.forms.registry_choice import options_of
from pages.parts.theme.escaping import escape
from trainers.data import DATASETS
from trainers.paradigms import PARADIGMS

USUAL = "supervised"  # the way of training where a document names none
KINDS = {
    "points": "Points and tables", "table": "Points and tables", "image": "Pictures", "sound": "Sound and series",
    "series": "Sound and series", "text": "Text",
}  # fmt: skip


@functools.cache
def picture(name: str) -> str:
    """A template's miniature as SVG."""
    return miniature.svg(builder.template(name))


@functools.cache
def groups() -> dict[str, dict[str, Document]]:
    """The templates by what they teach: those that learn from examples by the kind of data, the others by their way of
    training."""
    found: dict[str, dict[str, Document]] = {label: {} for label in dict.fromkeys(KINDS.values())}
    for name, document in builder.templates().items():
        found.setdefault(_group(document), {})[name] = document
    return {label: members for label, members in found.items() if members}


def _group(document: Document) -> str:
    way = options_of(document.training.get("paradigm"), USUAL)["name"]
    if way != USUAL:
        return PARADIGMS[way].label
    return KINDS[DATASETS[document.training["data"]["name"]].kind]


def chosen(key: str) -> dict[str, dict[str, Document]]:
    """The groups to show: all, or the one that was picked."""
    labels = list(groups())
    counts = {label: len(members) for label, members in groups().items()}
    picked = st.pills(
        "Show", labels, key=f"{key}_group", label_visibility="collapsed",
        format_func=lambda label: f"{label} · {counts[label]}",
    )  # fmt: skip
    return {picked: groups()[picked]} if picked in counts else groups()


def cards(session: Session, key: str, columns: int = 3) -> str | None:
    """All templates as cards. Returns the name of the one that was opened in this run."""
    opened = None
    for label, members in chosen(key).items():
        st.html(f'<div class="nl-heading"><span class="nl-title">{escape(label)}</span></div>')
        opened = _row(session, key, list(members.items()), columns) or opened
    return opened


def _row(session: Session, key: str, items: list[tuple[str, Document]], columns: int) -> str | None:
    opened = None
    for start in range(0, len(items), columns):
        for column, (name, document) in zip(
            st.columns(columns, gap="small"), items[start : start + columns], strict=False
        ):
            with column, st.container(border=True, key=f"{key}_{name}", height="stretch"):
                head(name, document)
                if st.button("Open", key=f"{key}_open_{name}", width="stretch"):
                    session.open(document, f"{document.name} is yours to change.")
                    opened = name
    return opened


def head(name: str, document: Document) -> None:
    """A template's picture, name and sentence."""
    st.image(picture(name), width="stretch")
    st.html(f'<div class="nl-card"><b>{escape(document.name)}</b><p>{escape(document.description)}</p></div>')


def own_lesson(session: Session) -> None:
    """The lesson of the open document. It may come from a stranger's file: no HTML, and no pictures from elsewhere."""
    if session.document.lesson.strip():
        with st.container(border=True, key="lesson_own"):
            st.html(f'<div class="nl-heading"><span class="nl-title">{escape(session.document.name)}</span></div>')
            st.markdown(session.document.lesson.replace("![", "!\\["))


def lessons(session: Session) -> bool:
    """Every template with its whole lesson. True if one was opened in this run."""
    opened = False
    for label, members in chosen("lessons").items():
        st.html(f'<div class="nl-heading"><span class="nl-title">{escape(label)}</span></div>')
        for name, document in members.items():
            opened = _lesson(session, name, document) or opened
    return opened


def _lesson(session: Session, name: str, document: Document) -> bool:
    opened = False
    with st.container(border=True, key=f"lesson_{name}"):
        left, right = st.columns([1, 2], gap="medium")
        with left:
            head(name, document)
            if st.button("Open in Build", key=f"lesson_open_{name}", type="primary", icon=":material/account_tree:"):
                session.open(document, f"{document.name} is yours to change.")
                opened = True
        right.markdown(document.lesson or "This template has no lesson.")
    return opened


@st.dialog("Start from a template", width="large", icon=":material/dashboard:")
def dialog(session: Session) -> None:
    st.caption("Each opens as a new document; the one that is open now stays under Open.")
    if cards(session, "template"):
        st.rerun()
