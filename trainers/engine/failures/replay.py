"""Takes the last steps of a run again, watched, to find where something began: NaN, or the end of the memory."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from trainers.data.fingerprint import differences
from trainers.engine import checkpoint
from trainers.engine.cpu_load import LoadMeter
from trainers.engine.threads import threads
from trainers.probes.nonfinite import NonFiniteProbe, Origin

if TYPE_CHECKING:
    from torch import Tensor

    from trainers.data.batches import Batch
    from trainers.engine.loop import Loop
    from trainers.engine.session import TrainingSession
    from trainers.events import Event

REPLAY_SECONDS = 60.0  # that a replay may take
SLOWER = 4  # times the time of a step, when it is watched


class _Found(Exception):
    """The step in which NaN or infinity begins."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        super().__init__(origin)


def find_origin(session: TrainingSession, step: int) -> Origin | None:
    """Where the NaN that was noticed at `step` began. None: it does not come again, or the replay would take too long.

    The same numbers come again, since a checkpoint holds everything that they follow from. Of the checkpoints the
    newest one serves whose weights are still finite; without one the run is replayed from its start.
    """
    assert session.loop is not None
    failed, kept, each = session.loop, session._seconds, session.seconds / max(session.loop.position.step, 1)
    damage: list[str] = []
    until = time.monotonic() + REPLAY_SECONDS
    try:
        session.writer.close()  # a checkpoint may still be written
        for state, _ in itertools.chain(checkpoint.readable(session.folder, damage), [(None, True)]):
            if state is not None and differences(state.get("data"), session.fingerprint):
                return None  # the steps before were taken on other data
            loop = session._new_loop(state, LoadMeter())
            if state is not None:
                session._restore(loop, state)
            steps = step - loop.position.step
            if steps * SLOWER * each > REPLAY_SECONDS:
                return None
            origin = _replay(session, loop, until)
            if state is None or (origin is not None and origin.kind != "weights"):
                return origin
    finally:
        session.loop, session._seconds = failed, kept
    return None


def _replay(session: TrainingSession, loop: Loop, until: float) -> Origin | None:
    """Train until a number is not finite."""

    def on_tick(events: list[Event]) -> bool:
        return time.monotonic() > until or session.asked()

    loop.on_tick = on_tick
    with _watched(loop, session.job.settings.precision != "float16"), threads(session.threads):
        try:
            loop.run()
        except _Found as found:
            return found.origin
    return None


@contextmanager
def _watched(loop: Loop, gradients: bool) -> Iterator[None]:
    """Inside, every step of the learner is watched; `_Found` is raised after the first in which NaN begins."""
    learner, step, first = loop.learner, loop.learner.step, loop.position.step + 1
    eager = learner.eager

    def watched(batch: Batch) -> Tensor:
        number = loop.position.step + 1
        with NonFiniteProbe(learner.modules, gradients, weights=number == first) as probe:
            loss = step(batch)
        origin = probe.origin(number, batch, loss)
        if origin is not None:
            raise _Found(origin)
        return loss

    learner.eager = True  # a network compiled by torch.compile calls no hooks
    learner.step = watched  # type: ignore[method-assign]
    try:
        yield
    finally:
        learner.eager = eager
        learner.step = step  # type: ignore[method-assign]
