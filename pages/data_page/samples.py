"""A few samples as the network sees them."""

from __future__ import annotations

import streamlit as st

from pages.data_page import background
from pages.data_page.shown import Shown
from pages.parts.data import data_loading, sample_drawing
from pages.parts.theme.escaping import escape
from trainers.data import DataError, dataset

SAMPLES = 3


def show(shown: Shown) -> None:
    """The panel with three of them: in words where the kind has words for them, else drawn."""
    if shown.report.schema.ready:
        return
    key = shown.key("examples")
    with st.container(border=True, key="data_samples"):
        try:
            found = background.result(key, lambda: shown.kind.examples(shown.stored, SAMPLES))
            if found is None:
                background.wait_for(key, "Loading a few samples …")
                return
            if not found:
                _drawn(shown)
                return
        except (DataError, OSError) as error:
            st.html(f'<div class="nl-alert">{escape(str(error))}</div>')
            return
        rows = "".join(
            f"<p><b>{escape(each.target)}</b> · {escape(each.given)}<br><span>{escape(each.seen)}</span></p>"
            for each in found
        )
        unit = shown.report.schema.unit
        st.html(
            f'<div class="nl-panel-title">Three {escape(unit)} <small>as the network sees them</small></div>'
            f'<div class="nl-examples">{rows}</div>'
        )


def _drawn(shown: Shown) -> None:
    """Samples of a kind whose drawings say all."""
    data = dataset({"name": shown.name})
    found = data_loading.excerpt(data)
    st.html('<div class="nl-panel-title">Samples <small>as the network sees them</small></div>')
    if found is None:
        st.caption("Loading …")
    elif isinstance(found, str):
        st.html(f'<div class="nl-alert">{escape(found)}</div>')
    else:
        sample_drawing.draw(data, found)
