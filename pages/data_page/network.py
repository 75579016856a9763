"""The network that fits a data set, why it is as it is, and the open network on this data."""

from __future__ import annotations

import streamlit as st

import builder
from builder.analysis.summary import human
from builder.document import Document
from builder.edits import SetTraining
from builder.spec import FAMILIES
from pages.data_page import background
from pages.data_page.shown import Shown, key_of
from pages.parts.document import actions
from pages.parts.document.document_facts import facts_of
from pages.parts.document.session import Session
from pages.parts.forms.registry_choice import data_options
from pages.parts.theme import theme
from pages.parts.theme.escaping import escape, markdown, sentence
from trainers.data import NOT_OPTIONS, DataError
from trainers.data.own import library
from trainers.data.own.library import Stored
from trainers.data.own.recommending import Choice, recommendation

MOST_NODES, MOST_PROBLEMS = 12, 8
Recommendation = tuple[Document, list[Choice]]


def recommended(stored: Stored, timeout: float = 0.3) -> Recommendation | None:
    """The network and its reasons; None: not there yet. DataError: the data set has no target, or cannot be loaded."""
    key = key_of(stored, "network")
    return background.result(key, lambda: recommendation(stored.full_name), timeout)


def start(session: Session, name: str) -> None:
    """Open the network that fits as a new document."""
    try:
        document, _ = recommended(library.stored(name), 600) or recommendation(name)
    except (DataError, OSError) as error:
        session.notify(str(error), "warning")
        return
    session.open(document, f"{document.name} was opened as a new document.")
    session.data.leave = True


def use(session: Session, name: str) -> None:
    """Make the open network learn from a data set, as one step that can be undone."""
    options = data_options(session.document.training.get("data"))
    if options.get("name") == name:
        return
    kept = {key: value for key, value in options.items() if key in NOT_OPTIONS and key != "augmentation"}
    training = {**session.document.training, "data": {"name": name, **kept}}
    session.apply(SetTraining(training), f"Use the data set {name}")


def uses(session: Session, name: str) -> bool:
    """Whether the open network learns from it, in its newest version."""
    return bool(data_options(session.document.training.get("data")).get("name") == name)


def show(shown: Shown) -> None:
    """The panel of the network that fits."""
    if shown.report.schema.ready:
        text = sentence(shown.report.schema.ready)
        st.html(f'<div class="nl-panel-title">A network that fits</div><div class="nl-note">{escape(text)}</div>')
        return
    try:
        found = recommended(shown.stored)
    except (DataError, OSError) as error:
        st.html(
            f'<div class="nl-panel-title">A network that fits</div><div class="nl-alert">{escape(str(error))}</div>'
        )
        return
    if found is None:
        background.wait_for(key_of(shown.stored, "network"), "Looking for a network that fits …")
        return
    document, choices = found
    rows = "".join(_rows(document))
    reasons = "".join(f"<li><b>{escape(choice.what)}</b> {escape(choice.why)}</li>" for choice in choices)
    st.html(
        f'<div class="nl-panel-title">A network that fits</div><div class="nl-chain">{rows}</div>'
        f'<ul class="nl-reasons">{reasons}</ul>'
    )


def _rows(document: Document) -> list[str]:
    """The nodes of a network from top to bottom; an activation stands beside the layer before it."""
    facts = facts_of(document)
    rows: list[tuple[str, str, str]] = []  # family, what, parameters
    for node in document.nodes:
        layer = builder.CATALOGUE.get(node.type)
        family = layer.family if layer else "data"
        if family == "activation" and rows:
            before = rows[-1]
            rows[-1] = (before[0], f"{before[1]} · {escape(node.type)}", before[2])
            continue
        values = [value for value in node.params.values() if isinstance(value, int | float | str)][:2]
        shown = " × ".join(map(str, values))
        cost = facts.costs.get(node.name)
        parameters = f"{human(cost.parameters)}" if cost and cost.parameters else ""
        if node.role in ("input", "output"):
            found = facts.outputs.get(node.name)
            shape = " × ".join(map(str, found.signal.shape)) if found else ""
            rows.append((family, f"{escape(node.name)} <small>{shape}</small>", ""))
        else:
            rows.append((family, f"{escape(node.type)} {escape(shown)}", parameters))
    more = [f'<div class="nl-quiet">and {len(rows) - MOST_NODES} more</div>'] if len(rows) > MOST_NODES else []
    dark = theme.kind() == "dark"
    return [
        f'<div style="--tag:{FAMILIES[family].colour_dark if dark else FAMILIES[family].colour}">'
        f"<b>{what}</b><span>{parameters}</span></div>"
        for family, what, parameters in rows[:MOST_NODES]
    ] + more


def show_open(session: Session, name: str) -> None:
    """What must change in the open network so that it learns from this data; nothing where it uses other data."""
    if not uses(session, name):
        return
    with st.container(border=True, key="data_open_network"):
        facts = session.document_facts
        name_shown = escape(session.document.name)
        st.html(f'<div class="nl-panel-title">The open network <small>{name_shown} uses this data</small></div>')
        if not facts.complete:
            st.html('<div class="nl-note">Loading torch to infer the shapes …</div>')
        elif not facts.problems:
            st.html('<div class="nl-fine"><span class="nl-ok">✓</span> No problems. It can be trained.</div>')
        elif facts.errors:
            which = "This" if facts.errors == 1 else "These"
            st.html(f'<div class="nl-note">{which} must change before it can be trained.</div>')
        for place, problem in enumerate(facts.problems[:MOST_PROBLEMS]):
            with st.container(gap="xsmall", key=f"data_problem_{place}"):
                where = f"<b>{escape(problem.node)}</b>: " if problem.node else ""
                st.html(
                    f'<div class="nl-message"><span class="nl-severity nl-{problem.severity}">'
                    f"{escape(problem.category or problem.severity)}</span> {where}{escape(problem.message)}</div>"
                )
                if problem.fix is not None:
                    st.button(
                        markdown(problem.fix_label or "Fix"),
                        icon=":material/build:",
                        key=f"data_problem_fix_{place}",
                        on_click=actions.fix,
                        args=(session, problem),
                        width="stretch",
                    )
        with st.container(horizontal=True, gap="small", key="data_open_actions"):
            undo = session.history.undo_label
            if session.history.can_undo:
                st.button(
                    "Undo", icon=":material/undo:", key="data_open_undo", on_click=session.undo, help=markdown(undo)
                )
            if st.button("Open on Build", icon=":material/account_tree:", key="data_open_build"):
                st.switch_page("pages/build.py")
