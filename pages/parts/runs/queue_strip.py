"""Above the table of runs: how many train and wait, and the queue, which can be reordered."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages.parts.document.session import Session
from pages.parts.theme.escaping import escape
from pages.parts.theme.run_page import shows_errors
from trainers.runs.queue import settings
from trainers.runs.queue.beginning import supervise
from trainers.runs.queue.supervisor import most_workers, supervisor
from trainers.runs.queue.waiting import Queue, Waiting
from trainers.runs.run import Run
from trainers.runs.store import Store

EVERY = 2.0  # seconds between two looks while something trains or waits
MOST_ROWS = 50


def show(session: Session) -> None:
    """A line with the state of the queue. It follows the queue by itself while something trains or waits."""
    active = _active()
    st.fragment(_strip, run_every=EVERY if active else None)(session, active)


def _active() -> tuple[int, int]:
    """How many runs train and wait."""
    queue = Queue()
    return queue.training(), queue.count()


@shows_errors
def _strip(session: Session, shown: tuple[int, int]) -> None:
    active = _active()
    if active != shown:
        st.rerun()  # the table is about that too
    training, waiting = active
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="queue_strip"):
        st.html(f'<div class="nl-quiet">{escape(_words(training, waiting))}</div>')
        trouble = supervisor().trouble if waiting else ""
        if trouble:
            st.html(f'<div class="nl-message">{escape(trouble)}</div>')
        if waiting:
            with st.popover(f"Queue · {waiting:,}", icon=":material/queue:", key="queue"):
                _list(session, Queue().waiting())
        with st.popover("At the same time", icon=":material/dynamic_feed:", key="workers"):
            _workers(session)


def _words(training: int, waiting: int) -> str:
    if not training and not waiting:
        return "Nothing trains now."
    trains = "No run trains" if not training else f"{training:,} {'run trains' if training == 1 else 'runs train'}"
    return f"{trains}, {waiting:,} {'waits' if waiting == 1 else 'wait'}." if waiting else f"{trains}."


def _list(session: Session, waiting: list[Waiting]) -> None:
    for each in waiting[:MOST_ROWS]:
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"queued_{each.run}"):
            priority = f" · priority {each.priority}" if each.priority else ""
            st.html(
                f'<div class="nl-queued"><b>{each.position}</b> {escape(each.name[:48])}'
                f'<small class="nl-quiet">{priority}</small></div>'
            )
            moves = (("first", "vertical_align_top", 1), ("up", "arrow_upward", each.position - 1))
            for name, icon, position in moves:
                _button(session, each, name, icon, f"Move {name}", _to(each.run, position), each.position == 1)
            last = each.position == len(waiting)
            _button(session, each, "down", "arrow_downward", "Move down", _to(each.run, each.position + 1), last)
            _button(session, each, "cancel", "close", "Take it out of the queue", lambda run=each.run: Run(run).stop())
    if len(waiting) > MOST_ROWS:
        st.caption(f"and {len(waiting) - MOST_ROWS:,} more")


def _to(run: str, position: int) -> Callable[[], None]:
    return lambda: Queue().move(run, position)


def _button(
    session: Session,
    run: Waiting,
    name: str,
    icon: str,
    help_text: str,
    action: Callable[[], None],
    disabled: bool = False,
) -> None:
    st.button(
        "",
        icon=f":material/{icon}:",
        key=f"{name}_{run.run}",
        type="tertiary",
        help=help_text,
        disabled=disabled,
        on_click=session.attempt,
        args=(action,),
    )


def _workers(session: Session) -> None:
    """How many runs train at the same time, beside the one in this server."""
    wanted = settings.settings().workers
    automatic = st.toggle(
        "Choose by the machine",
        wanted is None,
        key="workers_automatic",
        help="One for each accelerator, or, without one, half the cores",
    )
    count = st.number_input(
        "Worker processes", 0, 256, most_workers(), key="workers_count", disabled=automatic,
        help="Runs that train at the same time beside the one in this server. With 0, runs take turns.",
    )  # fmt: skip
    new = None if automatic else int(count)
    if new != wanted:
        session.attempt(lambda: _set(new))


def _set(workers: int | None) -> None:
    settings.change(workers=workers)
    supervise(Store())
