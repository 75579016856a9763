"""The columns of a table: one row each, open for changes with a click; many are shown page by page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import streamlit as st

from pages.data_page.sections.base import SectionView
from pages.data_page.shown import Shown
from pages.parts.document.session import key_for, widget
from pages.parts.theme.escaping import escape, markdown
from trainers.data.own.kinds.table.report import ColumnReport, Columns
from trainers.data.own.kinds.table.schema import ENCODINGS, MISSING, ROLES, TYPES, Column

ON_A_PAGE = 25  # columns
MISSING_WORDS = {
    "median": "the median",
    "mean": "the mean",
    "zero": "zero",
    "most_common": "the most common",
    "own_category": "a category of its own",
    "no_label": "none of the labels",
    "drop_row": "leave the row out",
}
ENCODING_WORDS = {
    "standardise": "standardised",
    "log": "logarithm, standardised",
    "one_hot": "one number for each value",
    "embedding": "embedded",
    "multi_hot": "one number for each label",
    "cyclic": "sine and cosine of its parts",
    "as_it_is": "as it is",
}


class ColumnsView(SectionView):
    """The table of the columns."""

    section: ClassVar[type[Columns]] = Columns

    def draw(self, shown: Shown, section: Columns) -> None:
        found = self._found(shown, section.columns)
        head = "".join(f"<span>{word}</span>" for word in ("column", "type", "role", "missing", "values", "used as"))
        st.html(f'<div class="nl-column nl-column-head">{head}</div>')
        known = {column.name: column for column in shown.report.schema.columns}
        for place, report in found:
            self._row(shown, place, report, known[report.name])
        if not found:
            st.html('<div class="nl-quiet">No column is called so.</div>')

    @staticmethod
    def _found(shown: Shown, columns: tuple[ColumnReport, ...]) -> list[tuple[int, ColumnReport]]:
        """The columns to show: those of this page whose names contain what is searched for."""
        every = list(enumerate(columns))
        if len(columns) <= ON_A_PAGE:
            return every
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="column_search"):
            words = st.text_input(
                "Search the columns",
                key="columns_search",
                placeholder=f"Search {len(columns):,} columns",
                label_visibility="collapsed",
            )
            wanted = str(words or "").strip().lower()
            found = [pair for pair in every if wanted in pair[1].name.lower()]
            pages = max(1, -(-len(found) // ON_A_PAGE))
            page = 1
            if pages > 1:
                page = int(st.number_input(f"Page of {pages:,}", 1, pages, key=f"columns_page_{pages}"))
        return found[(page - 1) * ON_A_PAGE : page * ON_A_PAGE]

    def _row(self, shown: Shown, place: int, report: ColumnReport, column: Column) -> None:
        session = shown.session
        is_open = session.data.part == report.name

        def toggle() -> None:
            session.data.part = None if is_open else report.name

        state = "open" if is_open else "grey" if report.role == "ignored" else "row"
        with st.container(gap=None, key=f"column_{state}_{place}"):
            st.html(f'<div class="nl-column">{_cells(report, column)}</div>')
            st.button(f"Change {markdown(report.name)}", key=f"column_toggle_{place}", type="tertiary", on_click=toggle)
            if is_open:
                _editor(shown, place, report, column)


def _cells(report: ColumnReport, column: Column) -> str:
    """A row of the table as HTML."""
    missing = "–"
    if report.missing:
        missing = f"{report.missing:,}"
        if report.role == "input":
            missing += f" → {MISSING_WORDS[column.missing]}"
    role = f'<span class="nl-role-{report.role}">{escape(report.role)}</span>'
    name = escape(report.name)
    return (
        f'<b title="{name}">{name}</b><span><i class="nl-chip">{TYPES[column.type]}</i></span>{role}'
        f"<span>{missing}</span>{bars(report.distribution)}<span>{escape(_used_as(report, column))}</span>"
    )


def _used_as(report: ColumnReport, column: Column) -> str:
    """What becomes of the column, in words, with the reason."""
    reason = report.reason.rstrip(".")
    if report.role == "input":
        count = f"{report.distinct:,} values: " if column.type == "category" else ""
        return count + ENCODING_WORDS[column.encoding]
    return reason or ROLES[column.role]


def bars(distribution: Iterable[tuple[str, int]]) -> str:
    """A small histogram; each bar says what it stands for."""
    counts = list(distribution)
    most = max((count for _, count in counts), default=0)
    if not most:
        return '<span class="nl-bars"></span>'
    made = "".join(
        f'<i style="height:{max(3, round(100 * count / most))}%" title="{escape(what)}: {count:,}"></i>'
        for what, count in counts
    )
    return f'<span class="nl-bars">{made}</span>'


def _editor(shown: Shown, place: int, report: ColumnReport, column: Column) -> None:
    """What can be changed of a column: each choice acts at once."""
    examples = ", ".join(report.examples)
    such_as = ": " if len(report.examples) == report.distinct else ", such as "
    count = "1 value" if report.distinct == 1 else f"{report.distinct:,} different values"
    facts = count + (such_as + examples if examples else "")
    reasons = " ".join(filter(None, (column.type_reason, column.role_reason)))
    st.html(f'<div class="nl-column-facts">{escape(facts)}. {escape(reasons)}</div>')
    with st.container(horizontal=True, gap="small", key=f"column_editor_{place}"):
        _choice(shown, column, "type", "type", TYPES)
        _choice(shown, column, "role", "role", {role: f"{role}: {what}" for role, what in ROLES.items()})
        _choice(shown, column, "missing", "missing values", {key: MISSING_WORDS[key] for key in MISSING[column.type]})
        _choice(shown, column, "encoding", "used as", {key: ENCODING_WORDS[key] for key in ENCODINGS[column.type]})


def _choice(shown: Shown, column: Column, field: str, label: str, words: dict[str, str]) -> None:
    value = getattr(column, field)
    keys = list(words)
    widget_key = key_for(shown.session, f"column.{shown.name}.{column.name}.{field}", value)

    def chosen() -> None:
        wanted = widget(widget_key)
        if wanted not in (None, value):
            shown.change_part(column.name, field, wanted, f"{field} of {column.name}: {words[wanted]}")

    st.selectbox(
        label, keys, keys.index(value), key=widget_key, on_change=chosen, format_func=words.get, disabled=len(keys) < 2
    )
