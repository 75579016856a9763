"""The header of the Train page: start, pause, resume, stop, and the progress of the run."""

from __future__ import annotations

import time

import streamlit as st

import trainers
from builder.problems import DocumentError, GraphError, NetloomError
from pages.parts.document import header
from pages.parts.document.session import Session
from pages.parts.inspector.problem_list import to_fix
from pages.parts.runs import run_choice
from pages.parts.theme.escaping import escape
from pages.parts.theme.run_page import shows_errors
from pages.parts.training import feed, forking, run_data
from pages.parts.training.run_data import ACTIVE, LiveRun
from trainers.events import OVER, RESUMING, Progress, State
from trainers.runs.run import Run
from trainers.stages import clock

TIMEOUT = 1.0  # seconds that a click waits for the training thread to react


def show(session: Session, run: Run | None) -> State | None:
    """The header, as a fragment that is drawn again after a click. Returns the state of the run that it shows."""
    state = run.state if run is not None else None
    st.fragment(_header)(session, run.id if run else None, state)
    return state


@shows_errors
def _header(session: Session, shown_run: str | None, state: State | None) -> None:
    run = run_choice.current(session)
    live = run_data.read(run) if run else None
    progress = live.progress if live else None
    if (run.id if run else None) != shown_run or (progress.state if progress else None) != state:
        st.rerun()  # the rest of the page is about that state too
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="header"):
        header.title(session)
        if progress is None:
            st.html("<div></div>")  # takes the room, so that Start is on the right, as Train is on the Build page
        _buttons(session, run, progress)
        if live is not None:
            feed.html(PROGRESS.key, PROGRESS.make, live)


def _buttons(session: Session, run: Run | None, progress: Progress | None) -> None:
    state = progress.state if progress else "none"
    if run is not None and state == "running":
        st.button("Pause", icon=":material/pause:", key="pause", on_click=_pause, args=(session, run))
    if run is not None and run.can_resume:
        anyway = run.waits_for_consent
        st.button(
            "Resume anyway" if anyway else "Resume",
            icon=":material/play_arrow:",
            key="resume",
            type="primary",
            on_click=_resume,
            args=(session, run, anyway),
            help="Go on with the data as they are now" if anyway else "Continue as if it had not been paused",
        )
    if run is not None and state in OVER:
        forking.show(session, run)
    if run is not None and state in ("running", "paused", "queued"):
        st.button(
            "Stop",
            icon=":material/stop:",
            key="stop",
            on_click=_stop,
            args=(session, run),
            help="End the run. Its best weights are kept and evaluated on the test split; Stop again leaves that out.",
        )
    if state != "paused":
        active = state in ACTIVE
        errors = session.document_facts.errors
        ready = session.document_facts.final and not errors
        reason = f"Fix {to_fix(errors)} below first" if errors else "Loading …"
        st.button(
            "Start" if run is None else "Start another" if active else "Train again",
            icon=":material/play_arrow:",
            key="start_another" if active else "start",
            type="secondary" if active or (run is not None and run.can_resume) else "primary",
            disabled=not ready,
            on_click=start,
            args=(session,),
            help="Train a new run with these settings, from initial weights" if ready else reason,
        )


def start(session: Session) -> None:
    """Train the document as it is now, and show that run."""
    try:
        run_choice.choose(session, trainers.start(trainers.Job.from_document(session.document), session.id))
    except (DocumentError, GraphError) as error:
        session.notify(" ".join(str(problem) for problem in error.problems[:3]), "warning")
    except (NetloomError, OSError) as error:
        session.notify(str(error), "warning")


def _pause(session: Session, run: Run) -> None:
    session.attempt(run.pause)
    run.wait(TIMEOUT)


def _resume(session: Session, run: Run, other_data: bool) -> None:
    session.attempt(lambda: run.resume(other_data))
    until = time.monotonic() + TIMEOUT
    while run.progress().message == RESUMING and time.monotonic() < until:
        time.sleep(0.02)


def _stop(session: Session, run: Run) -> None:
    session.attempt(run.stop)
    run.wait(TIMEOUT)


def _progress(live: LiveRun) -> str:
    progress = live.progress
    share = min(1.0, progress.step / progress.steps) if progress.steps else 0.0
    share = 1.0 if progress.state == "finished" else share
    return (
        f'<div class="nl-progress nl-is-{progress.state}"><span>{escape(describe(progress))}</span>'
        f'<i><b style="width:{100 * share:.1f}%"></b></i></div>'
    )


PROGRESS = feed.Part("progress", _progress, ())  # run_view.py lets it follow the run


def describe(progress: Progress) -> str:
    """The progress of a run in one line: epoch, speed, time left, device."""
    epoch = f"epoch {progress.epoch:,} of {progress.epochs:,}"
    speed = f"{progress.samples_per_second:,.0f} samples/s" if progress.samples_per_second else ""
    device = "CPU" if progress.device == "cpu" else f"GPU ({progress.device})" if progress.device else ""
    if device and progress.threads:
        device += f", {progress.threads} thread{'s' if progress.threads > 1 else ''}"
    duration = f"{clock(progress.seconds)} of training"
    match progress.state:
        case "queued":
            parts = [progress.message or "Queued: it starts when the current run ends."]
        case "running" if not progress.step:
            parts = [progress.message or "starting …", device]
        case "running" if progress.message:
            parts = [progress.message, epoch, device]
        case "running":
            left = f"{clock(progress.seconds_left)} left" if progress.seconds_left is not None else ""
            parts = [epoch, speed, left, device]
        case "paused":
            parts = [progress.state_in_words, epoch, duration, device]
        case "finished" if progress.step < progress.steps:
            parts = [f"stopped early after epoch {progress.epoch:,}", duration, speed, device]
        case _:
            parts = [progress.state, epoch, duration, speed, device]
    return " · ".join(part for part in parts if part)
