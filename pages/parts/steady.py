"""Charts that stay: a chart with a key keeps its place on the page when its numbers change.

streamlit names a plotly chart after everything that is in it, its key or not. With other numbers it is another chart
for the browser, which takes the old one away and builds a new one: once a second, zoom and all. Here the numbers are
left out of the name of charts whose key begins with PREFIX, so that the browser changes the lines of the chart that is
there. See docs/decisions/005-charts-that-stay.md.
"""

from __future__ import annotations

from typing import Any

import streamlit.elements.plotly_chart as plotly_chart

PREFIX = "chart_"
_NUMBERS = "plotly_spec"


def install() -> None:
    """Once for the process. Where streamlit is built differently, nothing happens, and charts are built anew."""
    original = getattr(plotly_chart, "compute_and_register_element_id", None)
    if original is None or getattr(original, "is_steady", False):
        return

    def name(kind: str, *arguments: Any, user_key: str | None = None, **content: Any) -> Any:
        if user_key is not None and user_key.startswith(PREFIX):
            content.pop(_NUMBERS, None)
        return original(kind, *arguments, user_key=user_key, **content)

    name.is_steady = True  # type: ignore[attr-defined]
    plotly_chart.compute_and_register_element_id = name
