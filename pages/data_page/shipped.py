"""A data set that comes with Netloom: what it holds, a few samples, and the templates that learn from it."""

from __future__ import annotations

import streamlit as st

import builder
from builder.shapes import show as show_shape
from pages.parts.data import data_preview
from pages.parts.document.session import Session
from pages.parts.forms.registry_choice import data_options
from pages.parts.lessons import gallery
from pages.parts.theme.escaping import escape
from trainers.data import DATASETS, dataset
from trainers.tasks.target import Target


def show(session: Session, name: str) -> None:
    """The middle of the page."""
    with st.container(border=True, key="data_shipped"):
        data = dataset({"name": name})
        shapes = " and ".join(show_shape(signal.shape) for signal in data.signals)
        st.html(
            f'<div class="nl-message">{escape(DATASETS[name].summary)}</div><div class="nl-facts">'
            f"{data.samples:,} samples of <b>{shapes}</b> · {escape(Target.of(data).describe())}</div>"
        )
        data_preview.show(session, data, ())


def show_templates(session: Session, name: str) -> None:
    """The right of the page."""
    found = [
        (key, document)
        for key, document in builder.templates().items()
        if data_options(document.training.get("data")).get("name") == name
    ]
    if not found:
        return
    st.html('<div class="nl-list-title">Templates that learn from it</div>')
    for key, document in found[:6]:
        with st.container(border=True, key=f"data_template_{key}"):
            gallery.head(document, gallery.image(key))
            st.button(
                "Open",
                key=f"data_template_open_{key}",
                width="stretch",
                on_click=_open,
                args=(session, document),
            )


def _open(session: Session, document: builder.Document) -> None:
    session.open(document, f"{document.name} was opened as a new document.")
    session.data.leave = True
