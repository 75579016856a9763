"""The breadcrumb above the canvas: the path from the network to the open block; a click goes back to any level."""

from __future__ import annotations

import streamlit as st

from pages.parts.document import block_actions, block_path
from pages.parts.document.block_path import BlockPath
from pages.parts.document.session import Session, key_for, widget
from pages.parts.theme.escaping import markdown


def show(session: Session) -> None:
    """Nothing at the top; a line over the canvas inside a block."""
    levels = list(block_path.levels(session.document, session.path))
    if not levels:
        return
    with st.container(key="breadcrumb", horizontal=True, vertical_alignment="center", gap=None):
        st.button(
            markdown(session.document.name),
            key="crumb_0",
            type="tertiary",
            icon=":material/arrow_back:",
            help="Back to the whole network (Esc goes one level up)",
            width="content",
            on_click=block_actions.leave_block,
            args=(session, len(levels)),
        )
        for depth, level in enumerate(levels, 1):
            st.html('<span class="nl-crumb-next">›</span>', width="content")
            label = level.node if level.node == level.use.block else f"{level.node} ({level.use.block})"
            last = depth == len(levels)
            st.button(
                f"**{markdown(label)}**" if last else markdown(label),
                key=f"crumb_{depth}",
                type="tertiary",
                disabled=last,
                width="content",
                on_click=block_actions.leave_block,
                args=(session, len(levels) - depth),
            )
        last_level = levels[-1]
        if last_level.use.repeat > 1:
            _repeat(session, last_level)


def _repeat(session: Session, level: block_path.Level) -> None:
    """A choice of the repeat whose shapes are shown: they may differ."""
    count = level.use.repeat
    key = key_for(session, f"repeat_of.{level.path.up()}.{level.node}", level.repeat)

    def chosen() -> None:
        number = widget(key)
        if isinstance(number, int) and number != level.repeat:
            session.path = BlockPath((*level.path.steps[:-1], (level.node, number)))

    st.selectbox(
        "repeat",
        range(count),
        level.repeat,
        key=key,
        on_change=chosen,
        width=128,
        label_visibility="collapsed",
        format_func=lambda number: f"repeat {number + 1} of {count}",
        help="The repeat whose shapes are shown. All repeats are drawn as one; each has its own weights: "
        f"{markdown(level.node)}.0, {markdown(level.node)}.1, …",
    )
