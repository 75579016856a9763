"""The Export page's cards: one for each format, with a button that prepares it and one that downloads it; the code."""

from __future__ import annotations

import streamlit as st

from builder.exports.export import get_ready
from builder.problems import NetloomError
from pages.parts.document.session import Session
from pages.parts.runs import missing_weights, run_choice, run_exports
from pages.parts.runs.run_exports import EVERYTHING, FORMATS, Format
from pages.parts.theme import charts
from pages.parts.theme.escaping import escape, file_name
from pages.parts.theme.numbers import readable
from pages.parts.theme.run_page import show_error
from trainers.events import OVER
from trainers.runs.run import Run

SCRIPTS = {"train.py": ", which trains the network again", "predict.py": ", which predicts new samples"}


def untrained(session: Session) -> str:
    """What is shown before the first run: there are no weights, and code only if the network is right. Returns no
    part."""
    later = "you can export the model: everything in one zip, the weights, ONNX, or torch.export."
    text = f"Once the network is trained, {later}{run_choice.fix_first(session)}"
    if not session.document_facts.errors:
        text = f"This is the network as Python code. Once it is trained, {later}"
    st.html(f'<div class="nl-empty"><h3>Not trained yet</h3><p>{text}</p></div>')
    run_choice.next_step(session)
    return ""


def formats(session: Session, run: Run) -> str:
    """The cards of all formats. Returns the part of the model that is chosen."""
    if missing_weights.show(session, run):
        return next(iter(run.parts()))
    note = "Every export is run and compared with the model before you can download it."
    st.html(f'<div class="nl-line"><span>{note}</span></div>')
    changed = run_exports.data_changed(run)
    if changed:
        show_error(changed)
    _card(session, run, EVERYTHING)
    part = _part(run)
    for format in FORMATS:
        _card(session, run, format, part)
    if run.state in OVER and run_exports.made(run, EVERYTHING) is None:
        get_ready(run.part_document(part))
    return part


def _part(run: Run) -> str:
    """A choice of the part to export, if the model has several, such as an encoder or a generator."""
    parts = run.parts()
    names = list(parts)
    if len(names) < 2:
        return names[0]
    chosen = st.segmented_control(
        "part",
        names,
        default=names[0],
        required=True,
        key=f"exported_part_{run.id}",
        label_visibility="collapsed",
        format_func=lambda name: parts[name].label,
    )
    return chosen or names[0]


def _card(session: Session, run: Run, format: Format, part: str = "") -> None:
    with st.container(
        border=True, key=f"card_{format.name}", horizontal=True, vertical_alignment="center", gap="small"
    ):
        text = f"<b>{format.title}</b><p>{_purpose(run, format)}</p>{_verified(run, format, part)}"
        st.html(f'<div class="nl-format">{text}</div>')
        found = run_exports.made(run, format, part)
        if found is not None:
            st.download_button(
                f"Download ({run_exports.size(found.size)})",
                found.path.read_bytes,
                found.path.name,
                format.media_type,
                key=f"download_{format.name}",
                icon=":material/download:",
                type="primary",
                on_click="ignore",
            )
        elif st.button(
            "Prepare",
            key=f"prepare_{format.name}",
            icon=":material/package_2:",
            type="primary" if format is EVERYTHING else "secondary",
            help="Export the model, run the export, and compare the outputs",
        ):
            _prepare(session, run, format, part)


def _purpose(run: Run, format: Format) -> str:
    """What a format is for; for the zip, also what else it contains."""
    if format is not EVERYTHING:
        return format.purpose
    parts = run.parts()
    found = [f"{escape(name)}{SCRIPTS.get(name, '')}" for name in run_exports.scripts(run)]
    scripts = f" Also {', and '.join(found)}." if found else ""
    names = ", ".join(escape(part.label.lower()) for part in parts.values())
    return format.purpose + scripts + (f" One folder for each part: {names}." if len(parts) > 1 else "")


def _verified(run: Run, format: Format, part: str) -> str:
    found = run_exports.made(run, format, part)
    if found is None:
        return ""
    verified = f"✓ verified: largest difference {readable(found.difference, 1)}"
    return f'<small class="nl-good" title="{escape(found.checked)}">{verified}</small>'


def _prepare(session: Session, run: Run, format: Format, part: str) -> None:
    try:
        with st.spinner("Exporting, running and comparing …"):
            run_exports.with_data_change(run, format, part)
    except (NetloomError, OSError) as error:
        session.notify(str(error), "warning")
    st.rerun()


def code(session: Session, run: Run | None, part: str) -> None:
    """The network as Python code, of the run or of the open document."""
    with st.container(border=True, key="card_code"):
        charts.heading("model.py", "the network as readable Python code")
        try:
            text = run_exports.source(run, session.document, part)
        except NetloomError as error:
            show_error(str(error))
            return
        st.code(text, language="python", height=560)
        if run is None:
            st.download_button(
                "Download model.py",
                lambda: text,
                f"{file_name(session.document.name, 'model')}.py",
                "text/x-python",
                key="download_code",
                icon=":material/download:",
                on_click="ignore",
            )
