"""The first training of a transfer: the same network on another data set, once, before the run itself begins.

It goes on where it was left: by a pause, by a stop, or when its process was killed. Its checkpoints are in a folder of
its own until it has ended, since several runs may begin with the same one.
"""

from __future__ import annotations

import itertools
import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import astuple, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainers.data.batches import Batches
from trainers.engine.device import resolve_device
from trainers.engine.interruption import Interrupted, wait_for
from trainers.events import Metric
from trainers.paradigms.base import Report, report_nothing
from trainers.paradigms.transfer.source_weights import SOURCE_PREFIX, describe_data, first_job, first_weights_path
from trainers.runs.checkpoint_files import DamagedError
from trainers.verdicts.circumstances import Circumstances

if TYPE_CHECKING:
    from trainers.engine.loop import Loop
    from trainers.events import Event
    from trainers.job import Job
    from trainers.paradigms.base import Learner
    from trainers.paradigms.transfer.paradigm import Transfer

METRICS = "metrics"  # of a first training, in the file with its weights
SAVE_SECONDS = 10.0  # between two checkpoints


def train_first(job: Job, paradigm: Transfer, say: Callable[[str], None], report: Report = report_nothing) -> Path:
    """Run the first training, unless its file exists. If `say` raises, it is left, and goes on when it is called again.

    Its metrics are reported as those of the run, with a prefix before their names and steps below 0."""
    first = first_job(job, paradigm)
    path = first_weights_path(first)
    known = _finished(path)
    if known is not None:
        report(known)
    else:
        _FirstTraining(first, path, say, report).run()
    return path


def _finished(path: Path) -> list[Metric] | None:
    """The metrics of a first training that ended: the same job has the same metrics each time. An older version kept
    none. None: it has not ended, or its file was damaged, so it is trained again."""
    from trainers.engine.model_file import read_weights  # imports torch

    if not path.is_file():
        return None
    try:
        text = read_weights(path, METRICS)[1]
        return [Metric(*values) for values in json.loads(text or "[]")]
    except (DamagedError, ValueError, TypeError):
        return None


class _FirstTraining:
    """One first training that has not ended yet."""

    def __init__(self, first: Job, path: Path, say: Callable[[str], None], report: Report) -> None:
        from trainers.engine.checkpoint import CheckpointWriter  # imports torch

        self.job, self.path, self.say, self.report = first, path, say, report
        self.device = resolve_device(first.settings.device)
        self.folder = path.with_suffix("")  # of its checkpoints
        self.writer = CheckpointWriter(self.folder)
        self.reported: list[Metric] = []
        self.threads: int | None = None
        self._save_at = time.monotonic() + SAVE_SECONDS

    def run(self) -> None:
        """Train from where it was left to the end, and save the best weights."""
        from trainers.engine.model_file import save_weights  # these import torch
        from trainers.engine.threads import threads

        title = describe_data(self.job)
        prepared = wait_for(self.job.prepare, lambda: self.say(f"Loading the data of the first training, {title} …"))
        self.folder.mkdir(parents=True, exist_ok=True)
        loop = self._loop(prepared)
        try:
            with threads(self.threads):
                if not loop.run():
                    raise Interrupted
        except Interrupted:
            self._save(loop)
            self.writer.wait()
            raise
        finally:
            self.writer.close()
        save_weights(self.path, loop.best, METRICS, json.dumps([astuple(metric) for metric in self.reported]))
        shutil.rmtree(self.folder, ignore_errors=True)

    def _loop(self, prepared: Any) -> Loop:
        """The loop at the newest state that was kept, or before its first step."""
        from trainers.engine import checkpoint, loop_state  # these import torch

        for state, _ in itertools.chain(checkpoint.readable(self.folder, []), [(None, True)]):
            loop = self._new_loop(prepared, state)
            if state is None:
                break
            try:
                loop_state.restore(loop, state, self.device)
                self.reported = [Metric(*values) for values in state["told"]]
            except (KeyError, TypeError, ValueError, AttributeError, RuntimeError):  # of another version
                continue
            self.report(self.reported)
            break
        return loop

    def _new_loop(self, prepared: Any, state: Any) -> Loop:
        import torch

        from trainers.engine.loop import Loop  # these import torch
        from trainers.engine.threads import choose_threads, threads
        from trainers.probes import ProbeClock

        first, settings = self.job, self.job.settings
        torch.manual_seed(settings.seed)
        batches = Batches(prepared.training, first.batch_size, settings.seed, self.device, first.augmentations)
        self.total = total = batches.count * settings.epochs

        def make_learner() -> Learner:
            return first.paradigm.learner(first, prepared, self.device, total, batches.count)

        known = state is not None and "threads" in state
        self.threads = state["threads"] if known else choose_threads(first, make_learner, batches, self.device)
        with threads(self.threads):
            learner = make_learner()
        validation, probes = prepared.validation.to(self.device), ProbeClock(Circumstances(first, total))
        loop = Loop(learner, batches, validation, settings.epochs, None, None, self._on_tick, probes)
        loop.check = lambda: self._announce(loop)
        self._current = loop
        return loop

    def _announce(self, loop: Loop) -> None:
        """Say where it is; leaves the loop by an exception where the run is asked to pause or to stop."""
        epochs = self.job.settings.epochs
        epoch = min(loop.position.epoch + 1, epochs)
        self.say(f"First training on {describe_data(self.job)}: epoch {epoch:,} of {epochs:,} …")

    def _on_tick(self, events: Sequence[Event]) -> bool:
        new = [_before_the_run(event, self.total) for event in events if isinstance(event, Metric)]
        self.reported.extend(new)
        self.report(new)
        if time.monotonic() >= self._save_at and not self.writer.is_busy:
            self._save(self._current)
        self._announce(self._current)
        return False

    def _save(self, loop: Loop) -> None:
        """Begin to write a checkpoint. A full disk is no reason to stop."""
        from trainers.engine import loop_state  # imports torch

        self.writer.close()
        state = loop_state.capture(loop, self.device)
        told = [list(astuple(metric)) for metric in self.reported]
        self.writer.start(loop.position.step, {**state, "told": told, "threads": self.threads})
        self._save_at = time.monotonic() + SAVE_SECONDS


def _before_the_run(metric: Metric, total: int) -> Metric:
    """A metric of the first training as one of the run, whose own steps begin at 1."""
    return replace(metric, step=metric.step - total - 1, metric=SOURCE_PREFIX + metric.metric)
