"""What verdicts rest on is measured at steps that the job alone decides, and is kept in checkpoints."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

import pytest

import trainers
from builder import Document
from tests.trainers.conftest import perceptron
from trainers.engine.session import TrainingSession
from trainers.events import Verdict
from trainers.paradigms.supervised import SupervisedLearner
from trainers.probes.clock import evidence_steps
from trainers.runs.store import Store


@pytest.fixture
def bad() -> Document:
    """A network whose gradients vanish: it has verdicts to compare."""
    return perceptron(
        [2], 2, hidden="Sigmoid", depth=6, data={"name": "moons", "samples": 200, "batch_size": 16},
        optimizer={"name": "SGD", "lr": 0.01}, epochs=5,
    )  # fmt: skip


def evidence(document: Document, pause_after: int | None = None) -> tuple[Any, list[Verdict]]:
    """What was measured in a run, and its verdicts; `pause_after`: it is paused and continued from the file each time
    it has taken so many steps."""
    store, job = Store(), trainers.Job.from_document(document)
    run = store.create("run", job.to_json(), 0, job.settings.epochs)
    ended = ""
    while ended != "finished":
        session = TrainingSession(run, job, store)
        session.prepare()
        loop = session.loop
        assert loop is not None
        write, start = loop.on_tick, loop.position.step

        def on_tick(events: Any, session: Any = session, write: Any = write, start: int = start) -> bool:
            leave = write(events)
            return bool(leave or (pause_after and session.loop.position.step - start >= pause_after))

        loop.on_tick = on_tick
        ended = session.train()
        session.save()
    return loop.probes.state_dict(), trainers.open_run(run).verdicts()


def test_verdicts_do_not_depend_on_the_clock(bad: Document, monkeypatch: pytest.MonkeyPatch) -> None:
    measured, verdicts = evidence(bad)
    assert measured["evidence"]["probes"]["count"] > 4 and verdicts
    step, pauses = SupervisedLearner.step, itertools.cycle((0.0, 0.03, 0.0, 0.001))

    def slow(self: Any, batch: Any) -> Any:
        time.sleep(next(pauses))
        return step(self, batch)

    monkeypatch.setattr(SupervisedLearner, "step", slow)
    assert evidence(bad) == (measured, verdicts)


@pytest.mark.parametrize("after", [1, 7])
def test_a_resumed_run_comes_to_the_same_verdicts(bad: Document, after: int) -> None:
    assert evidence(bad, after) == evidence(bad)


def test_a_checkpoint_without_evidence_continues_with_the_next_step_that_has_some(
    bad: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trainers.engine import checkpoint

    load: Callable[..., Any] = checkpoint.load

    def old(*arguments: Any) -> Any:
        state = load(*arguments)
        del state["verdicts"], state["position"]["epoch_sum_loss"], state["position"]["epoch_count_loss"]
        return state

    monkeypatch.setattr(checkpoint, "load", old)
    measured, _ = evidence(bad, 20)
    assert measured["evidence"]["probes"]["count"] > 0


@pytest.mark.parametrize(("total", "most"), [(1, 1), (50, 9), (1000, 20), (10**6, 30), (10**9, 40)])
def test_evidence_is_dense_at_first_and_takes_few_steps(total: int, most: int) -> None:
    following, step, found = evidence_steps(total), 0, []
    while (step := following(step)) <= total:
        found.append(step)
    gaps = [later - earlier for earlier, later in itertools.pairwise(found)]
    assert found[:3] == [1, 2, 4][: len(found)] and len(found) <= most
    assert gaps == sorted(gaps) and max(gaps, default=0) <= max(12, total // 12)
    assert all(
        following(place) == later for earlier, later in itertools.pairwise(found) for place in (earlier, later - 1)
    )
