"""The templates with their images and lessons; each opens as a new document."""

from __future__ import annotations

import functools

import streamlit as st

import builder
from builder.document import Document
from pages.parts.canvas import miniature
from pages.parts.document.session import Session
from pages.parts.forms.registry_choice import data_options, options_of
from pages.parts.theme.escaping import escape
from trainers.data import DATASETS
from trainers.data.own.data_set import is_own
from trainers.paradigms import DEFAULT_PARADIGM, PARADIGMS

KINDS = {
    "points": "Points and tables",
    "table": "Points and tables",
    "image": "Images",
    "sound": "Sound and series",
    "series": "Sound and series",
    "text": "Text",
}
FITS = "Fits your data"


@functools.cache
def image(name: str) -> str:
    """A template's network as a small SVG."""
    return miniature.svg(builder.template(name))


@functools.cache
def groups() -> dict[str, dict[str, Document]]:
    """The templates in groups: supervised ones by the kind of data, the others by their paradigm."""
    found: dict[str, dict[str, Document]] = {label: {} for label in dict.fromkeys(KINDS.values())}
    for name, document in builder.templates().items():
        found.setdefault(_group(document), {})[name] = document
    return {label: members for label, members in found.items() if members}


def _group(document: Document) -> str:
    paradigm = options_of(document.training.get("paradigm"), DEFAULT_PARADIGM)["name"]
    if paradigm != DEFAULT_PARADIGM:
        return PARADIGMS[paradigm].label
    return KINDS[DATASETS[document.training["data"]["name"]].kind]


def fitting(session: Session) -> dict[str, Document]:
    """The templates for the same kind of data and the same task as the user's own data that the open document learns
    from; empty: it learns from none."""
    name = data_options(session.document.training.get("data")).get("name")
    data = DATASETS.get(name) if isinstance(name, str) and is_own(name) else None
    if data is None:
        return {}
    fits = {}
    for key, document in builder.templates().items():
        other = DATASETS[document.training["data"]["name"]]
        if (KINDS[other.kind], other.task) == (KINDS[data.kind], data.task):
            fits[key] = document
    return fits


def chosen(key: str, fits: dict[str, Document] | None = None) -> dict[str, dict[str, Document]]:
    """The groups to show: all, or the one that is chosen. `fits` is a group before all others."""
    found = {**({FITS: fits} if fits else {}), **groups()}
    labels = list(found)
    counts = {label: len(members) for label, members in found.items()}
    picked = st.pills(
        "Show",
        labels,
        key=f"{key}_group",
        label_visibility="collapsed",
        format_func=lambda label: f"{label} · {counts[label]}",
    )
    return {picked: found[picked]} if picked in counts else groups()


def opened(session: Session) -> bool:
    """Whether a template was just opened; asked before anything is drawn, for the page is left then, and all these
    cards would be drawn and sent only to go."""
    was, session.left_gallery = session.left_gallery, False
    return was


def _open(session: Session, document: Document) -> None:
    session.open(document, f"{document.name} was opened as a new document.")
    session.left_gallery = True


def cards(session: Session, key: str, columns: int = 3) -> None:
    """All templates as cards; those that fit the user's own data are marked."""
    fits = fitting(session)
    for label, members in chosen(key, fits).items():
        st.html(f'<div class="nl-heading"><span class="nl-title">{escape(label)}</span></div>')
        _row(session, key, list(members.items()), columns, fits)


def _row(
    session: Session, key: str, items: list[tuple[str, Document]], columns: int, fits: dict[str, Document]
) -> None:
    for start in range(0, len(items), columns):
        for column, (name, document) in zip(
            st.columns(columns, gap="small"), items[start : start + columns], strict=False
        ):
            with column, st.container(border=True, key=f"{key}_{name}", height="stretch"):
                head(document, image(name))
                if name in fits:
                    st.badge(FITS, icon=":material/check:", color="green")
                st.button("Open", key=f"{key}_open_{name}", width="stretch", on_click=_open, args=(session, document))


def head(document: Document, svg: str) -> None:
    """The image, name and description of a network."""
    st.image(svg, width="stretch", alt=f"The network of {document.name}, with its layers as boxes in rows")
    st.html(f'<div class="nl-card"><b>{escape(document.name)}</b><p>{escape(document.description)}</p></div>')


def own_lesson(session: Session) -> None:
    """The lesson of the open document. It may come from another person's file: without HTML, and without images."""
    document = session.document
    if document.lesson_text.strip():
        with st.container(border=True, key="lesson_own"):
            left, right = st.columns([1, 2], gap="medium")
            with left:
                head(document, miniature.svg(document))
            right.markdown(document.lesson_text.replace("![", "!\\["))


def lessons(session: Session) -> None:
    """Every template with its lesson."""
    for label, members in chosen("lessons").items():
        st.html(f'<div class="nl-heading"><span class="nl-title">{escape(label)}</span></div>')
        for name, document in members.items():
            _lesson(session, name, document)


def _lesson(session: Session, name: str, document: Document) -> None:
    with st.container(border=True, key=f"lesson_{name}"):
        left, right = st.columns([1, 2], gap="medium")
        with left:
            head(document, image(name))
            st.button(
                "Open in Build",
                key=f"lesson_open_{name}",
                type="primary",
                icon=":material/account_tree:",
                on_click=_open,
                args=(session, document),
            )
        right.markdown(document.lesson_text or "This template has no lesson.")


def show_dialog(session: Session) -> None:
    """All templates in a dialog over the page; called once, when it is asked for."""
    session.left_gallery = False
    dialog(session)


@st.dialog("Templates", width="large", icon=":material/dashboard:")
def dialog(session: Session) -> None:
    if opened(session):
        st.rerun()
    st.caption("A template opens as a new document. The current document stays in the list under Open.")
    cards(session, "template")
