"""The Train page's first line: start, pause, resume, stop, and how far the run is."""

from __future__ import annotations

import streamlit as st

import trainers
from builder.problems import DocumentError, GraphError, NetloomError
from pages.parts.document import header
from pages.parts.document.session import Session
from pages.parts.runs import run_choice
from pages.parts.theme.escaping import escape
from pages.parts.training.run_data import ACTIVE
from trainers.events import Progress
from trainers.runs.run import Run

REACTION = 1.0  # seconds that a click waits for the training thread to react


def show(session: Session, run: Run | None) -> None:
    """The line, as a fragment: it looks again every second while the run is active, and at once after a click."""
    active = run is not None and run.state in ACTIVE
    st.fragment(_line, run_every=1.0 if active else None)(session, run.id if run else None, active)


@run_choice.said
def _line(session: Session, drawn: str | None, was_active: bool) -> None:
    run = run_choice.current(session)
    progress = run.progress() if run else None
    if (run.id if run else None) != drawn or (progress is not None and progress.state in ACTIVE) != was_active:
        st.rerun()  # the rest of the page has to start or stop looking, too
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="header"):
        header.title(session)
        _buttons(session, run, progress)
        st.html(_progress(progress) if progress else "<div></div>")


def _buttons(session: Session, run: Run | None, progress: Progress | None) -> None:
    state = progress.state if progress else "none"
    if run is not None and state == "running":
        st.button("Pause", icon=":material/pause:", key="pause", on_click=_pause, args=(session, run))
    if run is not None and state == "paused":
        st.button(
            "Resume", icon=":material/play_arrow:", key="resume", type="primary", on_click=_resume, args=(session, run),
            help="Go on as if it had never been paused",
        )  # fmt: skip
    if run is not None and state in ("running", "paused", "queued"):
        st.button(
            "Stop", icon=":material/stop:", key="stop", on_click=_stop, args=(session, run),
            help="End the run; its best weights are kept and scored",
        )  # fmt: skip
    else:
        errors = sum(problem.severity == "error" for problem in session.view.problems)
        ready = session.view.complete and not errors
        reason = f"Mend what is wrong first: {errors} problem{'s' * (errors > 1)} below" if errors else "One moment …"
        st.button(
            "Start" if run is None else "Train again", icon=":material/play_arrow:", key="start", type="primary",
            disabled=not ready, on_click=start, args=(session,),
            help="Train from fresh weights with these settings" if ready else reason,
        )  # fmt: skip


def start(session: Session) -> None:
    """Train the document as it is now, and look at that run."""
    try:
        run_choice.choose(session, trainers.start(trainers.Job.from_document(session.document), session.id))
    except (DocumentError, GraphError) as error:
        session.say(" ".join(str(problem) for problem in error.problems[:3]), "warning")
    except (NetloomError, OSError) as error:
        session.say(str(error), "warning")


def _pause(session: Session, run: Run) -> None:
    _ask(session, run.pause)
    run.wait(REACTION)


def _resume(session: Session, run: Run) -> None:
    _ask(session, run.resume)


def _stop(session: Session, run: Run) -> None:
    _ask(session, run.stop)
    run.wait(REACTION)


def _ask(session: Session, what: object) -> None:
    try:
        what()  # type: ignore[operator]
    except (NetloomError, OSError) as error:
        session.say(str(error), "warning")


def _progress(progress: Progress) -> str:
    share = min(1.0, progress.step / progress.steps) if progress.steps else 0.0
    share = 1.0 if progress.state == "finished" else share
    return (
        f'<div class="nl-progress nl-is-{progress.state}"><span>{escape(describe(progress))}</span>'
        f'<i><b style="width:{100 * share:.1f}%"></b></i></div>'
    )


def describe(progress: Progress) -> str:
    """How far a run is, in a line: epoch, speed, time left, device."""
    epoch = f"epoch {progress.epoch:,} of {progress.epochs:,}"
    speed = f"{progress.samples_per_second:,.0f} samples/s" if progress.samples_per_second else ""
    device = "CPU" if progress.device == "cpu" else f"GPU ({progress.device})" if progress.device else ""
    took = f"{clock(progress.seconds)} of training"
    match progress.state:
        case "queued":
            parts = ["queued: it starts when the run before it is over"]
        case "running" if not progress.step:
            parts = [progress.message or "starting …", device]
        case "running":
            left = f"{clock(progress.seconds_left)} left" if progress.seconds_left is not None else ""
            parts = [epoch, speed, left, device]
        case "paused":
            parts = ["paused", epoch, took, device]
        case "finished" if progress.step < progress.steps:
            parts = [f"stopped early after epoch {progress.epoch:,}", took, speed, device]
        case _:
            parts = [progress.state, epoch, took, speed, device]
    return " · ".join(part for part in parts if part)


def clock(seconds: float) -> str:
    """Seconds as minutes and seconds, or as hours and minutes where it is long."""
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d}"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
