"""What was found in a data set of one's own: warnings with the click that fixes them, the split, settings, sections."""

from __future__ import annotations

import streamlit as st

from pages.data_page import background, baselines, parts_of_data
from pages.data_page.sections import base as sections
from pages.data_page.shown import Shown
from pages.parts.document.session import key_for, widget
from pages.parts.theme.escaping import escape, markdown
from trainers.data.own.report import DataWarning, Setting

MOST_WARNINGS = 6  # that are shown before one asks for the others
SIDE_BY_SIDE = 3  # settings in one row
SPLITTING = "splitting"


def show(shown: Shown) -> None:
    """The middle of the page."""
    with st.container(border=True, key="data_findings"):
        _warnings(shown)
        _split(shown)
        _settings(shown)
        _left_out(shown)
    for place, section in enumerate(shown.report.sections):
        with st.container(border=True, key=f"data_section_{place}"):
            sections.draw(shown, section)


def _warnings(shown: Shown) -> None:
    warnings = shown.report.warnings
    if not warnings and not shown.report.schema.ready:  # else the network's column says what is missing
        st.html('<div class="nl-fine"><span class="nl-ok">✓</span> Nothing looks wrong.</div>')
    for place, warning in enumerate(warnings[:MOST_WARNINGS]):
        _warning(shown, place, warning)
    if len(warnings) > MOST_WARNINGS:
        with st.expander(f"{len(warnings) - MOST_WARNINGS:,} more warnings", key="data_more_warnings"):
            for place, warning in enumerate(warnings[MOST_WARNINGS : MOST_WARNINGS + 100], MOST_WARNINGS):
                _warning(shown, place, warning)


def _warning(shown: Shown, place: int, warning: DataWarning) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"data_warning_{place}"):
        where = f"<b>{escape(warning.column)}</b> " if warning.column else ""
        st.html(f'<div class="nl-message" title="{escape(warning.code)}">{where}{escape(warning.message)}</div>')
        if warning.fix is not None:
            label = warning.fix_label or "Fix"
            st.button(
                markdown(label),
                key=f"data_fix_{place}",
                on_click=shown.change,
                args=(lambda: warning.fix, label),
                width="content",
            )


def _split(shown: Shown) -> None:
    """How the samples are divided, into how many, and what a simple model reaches on the same parts."""
    setting = next((each for each in shown.report.settings if each.key == SPLITTING), None)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="data_split"):
        st.html(f'<div class="nl-split">{parts_of_data.sentence(shown)}</div>', width="content")
        if setting is not None:
            with st.popover("Change", key="data_split_change", type="tertiary", width="content"):
                _setting(shown, setting)
                st.caption("The shares of the parts are set with the network, on the Train page.")
        baselines.show(shown)
        if parts_of_data.pending(shown):
            background.wait_for(shown.key("parts"), "")


def _settings(shown: Shown) -> None:
    """The other settings, three side by side."""
    others = [each for each in shown.report.settings if each.key != SPLITTING]
    if not others:
        return
    with st.container(gap="small", key="data_settings"):
        for start in range(0, len(others), SIDE_BY_SIDE):
            columns = st.columns(SIDE_BY_SIDE)
            for column, setting in zip(columns, others[start : start + SIDE_BY_SIDE], strict=False):
                with column, st.container(gap=None, key=f"data_setting_{setting.key}"):
                    _setting(shown, setting)


def _setting(shown: Shown, setting: Setting) -> None:
    """One setting: a choice, or a number; it acts at once. Its reason stands below."""
    widget_key = key_for(shown.session, f"data.{shown.name}.{setting.key}", setting.value)

    def changed() -> None:
        wanted = widget(widget_key)
        if wanted is not None and wanted != setting.value:
            words = dict(setting.choices).get(wanted, wanted)
            shown.change_setting(setting.key, wanted, f"{setting.label}: {words}")

    if setting.choices:
        values, words = [value for value, _ in setting.choices], dict(setting.choices)
        place = values.index(setting.value) if setting.value in values else None
        st.selectbox(
            markdown(setting.label),
            values,
            place,
            key=widget_key,
            on_change=changed,
            format_func=lambda value: str(words.get(value, value)),
        )
    else:
        st.number_input(
            markdown(setting.label), setting.low, setting.high, setting.value, key=widget_key, on_change=changed
        )
    if setting.reason:
        st.caption(markdown(setting.reason))


def _left_out(shown: Shown) -> None:
    report = shown.report
    count = max(report.left_out_count, len(report.left_out))
    if not count:
        return
    with st.expander(f"{count:,} left out", key="data_left_out"):
        rows = "".join(f"<li><b>{escape(each.what)}</b> {escape(each.reason)}</li>" for each in report.left_out[:200])
        more = f"<li>and {count - 200:,} more</li>" if count > 200 else ""
        st.html(f'<ul class="nl-lines">{rows}{more}</ul>')
