"""Export: take the trained network home, in formats that were run and compared before they are offered."""

from __future__ import annotations

import streamlit as st

from builder.problems import NetloomError
from pages.parts.document import header, notices, session
from pages.parts.runs import run_choice, run_exports
from pages.parts.runs.run_exports import EVERYTHING, FORMATS, Format
from pages.parts.theme import charts, torch_import
from pages.parts.theme.escaping import escape
from trainers.runs.run import Run

work = session.start()
with st.spinner("Loading torch …", show_time=False):
    torch_import.start()
    torch_import.ready(60)
run_choice.style()


@run_choice.said
def page() -> None:
    """The choice of a run above, the formats on the left, the code on the right."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="header"):
        header.title(work)
        run = run_choice.picker(work, "exported")
    notices.show(work)
    left, right = st.columns([5, 6], gap="small")
    part = ""
    with left:
        if run is None:
            _untrained()
        else:
            told = "Each export is run and compared with the model before it is offered."
            st.html(f'<div class="nl-line"><span>{told}</span></div>')
            _format(run, EVERYTHING)
            part = _part(run)
            for format in FORMATS:
                _format(run, format, part)
    with right:
        _code(run, part)


def _untrained() -> None:
    """Before the first run there is code, and no weights."""
    st.html(
        '<div class="nl-empty"><h3>Not trained yet</h3><p>Here is the network as Python. Once it is trained, you can '
        "take the trained model home: as one zip, as weights, as ONNX, as torch.export.</p></div>"
    )
    if st.button("Go to Train", icon=":material/monitoring:", type="primary", key="to_train"):
        st.switch_page("pages/train.py")


def _part(run: Run) -> str:
    """Which part of the model to take home by itself, where it has several: an encoder, a generator."""
    parts = run.parts()
    names = list(parts)
    if len(names) < 2:
        return names[0]
    chosen = st.segmented_control(
        "part", names, default=names[0], required=True, key=f"exported_part_{run.id}", label_visibility="collapsed",
        format_func=lambda name: parts[name].label,
    )  # fmt: skip
    return chosen or names[0]


def _format(run: Run, format: Format, part: str = "") -> None:
    with st.container(border=True, key=f"card_{format.key}", horizontal=True, vertical_alignment="center", gap="small"):
        told = f"<b>{format.title}</b><p>{_purpose(run, format)}</p>{_state(run, format, part)}"
        st.html(f'<div class="nl-format">{told}</div>')
        found = run_exports.made(run, format, part)
        if found is not None:
            st.download_button(
                f"Download ({run_exports.size(found.size)})", found.path.read_bytes, found.path.name, format.mime,
                key=f"download_{format.key}", icon=":material/download:", type="primary", on_click="ignore",
            )  # fmt: skip
        elif st.button(
            "Prepare", key=f"prepare_{format.key}", icon=":material/package_2:",
            type="primary" if format is EVERYTHING else "secondary", help="Export it, run it, and compare the outputs",
        ):  # fmt: skip
            _prepare(run, format, part)


def _purpose(run: Run, format: Format) -> str:
    """What a format is good for; of everything, what else is in it, and that each part has a folder of its own."""
    if format is not EVERYTHING:
        return format.purpose
    parts = run.parts()
    script = " With the script that trains it again." if run.job.paradigm.exports_script else ""
    names = ", ".join(escape(part.label.lower()) for part in parts.values())
    return format.purpose + script + (f" A folder for each part: {names}." if len(parts) > 1 else "")


def _state(run: Run, format: Format, part: str) -> str:
    found = run_exports.made(run, format, part)
    if found is None:
        return ""
    verified = f"✓ verified: largest difference {found.difference:.0e}"
    return f'<small class="nl-good" title="{escape(found.checked)}">{verified}</small>'


def _prepare(run: Run, format: Format, part: str) -> None:
    try:
        with st.spinner("Exporting, running and comparing …"):
            run_exports.make(run, format, part)
    except (NetloomError, OSError) as error:
        work.say(str(error), "warning")
    st.rerun()


def _code(run: Run | None, part: str) -> None:
    with st.container(border=True, key="card_code"):
        charts.heading("model.py", "the network as a person would have written it")
        try:
            text = run_exports.source(run, work.document, part)
        except NetloomError as error:
            run_choice.alert(str(error))
            return
        st.code(text, language="python", height=560)
        if run is None:
            name = f"{run_exports.file_name(work.document.name)}.py"
            st.download_button(
                "Download model.py", text, name, "text/x-python", key="download_code", icon=":material/download:",
                on_click="ignore",
            )  # fmt: skip


page()
