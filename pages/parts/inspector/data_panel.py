"""The inspector with nothing selected: the data set, the costs of the network, the document's name and description."""

from __future__ import annotations

from typing import Any

import streamlit as st

from builder.analysis.summary import human
from builder.document.graph import networks
from builder.edits import SetText, SetTraining
from builder.shapes import show as show_shape
from pages.parts.data import data_preview
from pages.parts.document.session import Session, key_for, widget
from pages.parts.forms import augmentation_form, form
from pages.parts.forms.distinct import distinct
from pages.parts.forms.registry_choice import data_options
from pages.parts.inspector import network_choice
from pages.parts.theme.escaping import escape, markdown
from trainers.data import NOT_OPTIONS, DataError, DataSet, choices, dataset
from trainers.data.augmentation import read
from trainers.entry import OptionError
from trainers.tasks.target import Target

DATA = "pages/data.py"
OWN_FILE = "Bring data of your own, and see what is in it"


def show(session: Session) -> None:
    _data(session)
    network_choice.table(session)
    _totals(session)
    _texts(session)


def _data(session: Session) -> None:
    data: dict[str, Any] = data_options(session.document.training.get("data"))
    name = data.get("name")
    st.html('<div class="nl-heading"><span class="nl-title">Data</span></div>')
    known = choices(name)
    names, titles = list(known), distinct({key: kind.title for key, kind in known.items()})
    widget_key = key_for(session, "data.name", name if name in known else None)

    def chosen() -> None:
        if widget(widget_key) in (None, name):
            return
        kept = {key: value for key, value in data.items() if key in NOT_OPTIONS}
        _set(session, {"name": widget(widget_key), **kept}, f"Use the data set {widget(widget_key)}")

    st.selectbox(
        "data set",
        names,
        names.index(name) if name in known else None,
        key=widget_key,
        on_change=chosen,
        placeholder="Choose a data set",
        format_func=titles.__getitem__,
        label_visibility="collapsed",
        help="The samples that the network is trained on. An Input without a shape gets the shape of the samples.",
    )
    if st.button("Your file …", icon=":material/upload_file:", key="own_file", width="stretch", help=OWN_FILE):
        st.switch_page(DATA)
    if name not in known:
        st.caption("Choose a data set to train the network on.")
        return
    _chosen(session, known[name], data)


def _chosen(session: Session, entry: type[DataSet], data: dict[str, Any]) -> None:
    """The chosen data set: its facts, a few of its samples, its options, and its augmentation."""
    st.caption(entry.summary)
    made = None
    try:
        made = dataset(data)
        augmentations = read(data.get("augmentation"))
    except (DataError, OptionError) as error:
        st.markdown(f":red[{markdown(str(error))}]")
        augmentations = ()
    if made is not None:
        shapes = " and ".join(show_shape(signal.shape) for signal in made.signals)
        facts = f"{made.samples:,} samples of <b>{shapes}</b> · {escape(Target.of(made).describe())}"
        st.html(f'<div class="nl-facts"><div>{facts}</div></div>')
        if session.document_facts.final:  # the first canvas does not wait for samples
            data_preview.show(session, made, augmentations)
    if entry.model_fields:
        options = {key: value for key, value in data.items() if key in entry.model_fields}
        rest = {key: value for key, value in data.items() if key in NOT_OPTIONS}
        form.draw(
            session,
            entry,
            options,
            f"data.{entry.name}",
            lambda values: _set(session, {"name": entry.name, **values, **rest}, f"Change {entry.name}"),
        )
    if made is not None:
        with st.expander("Augmentation", bool(augmentations), key="augmentation"):
            augmentation_form.show(
                session,
                data.get("augmentation"),
                made,
                "build",
                lambda entries, label: _set(session, {**data, "augmentation": entries}, label),
            )


def _set(session: Session, data: dict[str, Any], label: str) -> str | None:
    session.apply(SetTraining({**session.document.training, "data": data}), label)
    return None


def _totals(session: Session) -> None:
    facts = session.document_facts
    total = facts.total
    known = facts.complete and not facts.waiting and not facts.failures
    rows = (
        ("parameters", f"{total.parameters:,}" if known else "?"),
        ("FLOPs per sample", human(total.flops) if known else "?"),
        ("activation memory per sample", human(total.memory, "B") if known else "?"),
        ("nodes", f"{len(session.document.nodes):,}"),
    )
    cells = "".join(f"<div><span>{label}</span><b>{value}</b></div>" for label, value in rows)
    title = "All networks" if len(networks(session.document)) > 1 else "Network"
    st.html(f'<div class="nl-heading"><span class="nl-title">{title}</span></div><div class="nl-table">{cells}</div>')


def _texts(session: Session) -> None:
    document = session.document
    st.html('<div class="nl-heading"><span class="nl-title">Document</span></div>')
    _text(session, "name", document.name)
    _text(session, "description", document.description)


def _text(session: Session, field: Any, value: str) -> None:
    key = f"document.{field}"
    draft = session.drafts.get(key)
    showing = draft[0] if draft else value
    widget_key = key_for(session, key, showing)

    def changed() -> None:
        typed = str(widget(widget_key)).strip()
        if typed == showing:
            return
        if field == "name" and not typed:
            session.drafts[key] = (typed, "A document needs a name.")
            return
        session.apply(SetText(field, typed), f"Change the {field}")

    if field == "name":
        st.text_input("name", showing, key=widget_key, on_change=changed, max_chars=200)
    else:
        st.text_area("description", showing, key=widget_key, on_change=changed, max_chars=10_000, height=90)
    if draft:
        st.markdown(f":red[{markdown(draft[1])}]")
