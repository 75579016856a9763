"""The training of one run, from its job to its saved weights. The thread of worker.py calls it.

torch's random generator belongs to the whole process, so one run trains at a time and the others are queued. A paused
run lets the next one train and restores its own random state when it resumes.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import threading
import time
from collections import deque
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from trainers import migrate
from trainers.data.splits import Prepared
from trainers.engine import checkpoint
from trainers.engine.device import resolve_device
from trainers.engine.loop import Loop, TrainingPosition, weights
from trainers.engine.threads import thread_count, threads
from trainers.events import Event, Metric, Progress, State
from trainers.job import Job
from trainers.probes import ProbeClock
from trainers.runs.files import write_text
from trainers.runs.ownership import Owner
from trainers.runs.store import RunTakenError, Store, StoreError
from trainers.verdicts.circumstances import Circumstances

if TYPE_CHECKING:
    from torch import Tensor

SAVE_SECONDS = 10.0  # between two checkpoints of a running run
SAVE_SHARE = 0.01  # of the time, at most, goes into checkpoints
RATE_SECONDS = 4.0


class StopRequested(Exception):
    """The run was asked to pause or to stop before its first step."""


class TrainingSession:
    """Loads the data, builds the learner, runs the loop, writes events to the store, saves checkpoints."""

    def __init__(self, run: str, job: Job, store: Store, owner: Owner | None = None) -> None:
        """`owner`: the claim under which this process trains the run; without one, nothing is asked."""
        self.run, self.job, self.store, self.owner = run, job, store, owner
        self.folder: Path = store.run_folder(run)
        self.device = resolve_device(job.settings.device)
        self.request = ""  # "pause" or "stop", set by the run's owner
        self.loop: Loop | None = None
        self.started = store.row(run)["started"] or time.time()
        self._seconds = 0.0  # spent training before the last start or resume
        self._resumed_at = time.perf_counter()
        self._saved_at = time.perf_counter()
        self._best_saved = -1
        self._marks: deque[tuple[float, int]] = deque()  # (clock, step) at the last ticks
        self._samples_per_second = 0.0
        self.trouble = ""

    # -- setting up -------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Load the data, build the learner, and restore the checkpoint if there is one."""
        job, settings = self.job, self.job.settings
        self.write_state("running", "Loading the data …")
        warm_up()

        self.prepared = job.prepare()
        if not checkpoint.exists(self.folder / "checkpoint"):
            job.paradigm.prepare(job, self._announce)
        torch.manual_seed(settings.seed)
        batches = job.paradigm.batches(job, self.prepared, self.device)
        total = batches.count * settings.epochs
        total = min(total, settings.max_steps or total)
        learner = job.paradigm.learner(job, self.prepared, self.device, total, batches.count)
        self.total_steps = total
        self.threads = thread_count(job, batches.size, self.device)
        self.loop = Loop(
            learner,
            batches,
            self.prepared.validation.to(self.device),
            settings.epochs,
            settings.max_steps,
            settings.early_stopping,
            self._on_tick,
            ProbeClock(Circumstances(job, total)),
            job.paradigm.metric_to_keep(job.dataset),
            not job.paradigm.needs_data,
        )
        self.loop.probes.assessment.notes = (*self.prepared.notes, *learner.notes)
        if checkpoint.exists(self.folder / "checkpoint"):
            self._restore(self.loop)

    def _announce(self, message: str) -> None:
        """Show a message while the run is being prepared. StopRequested: the run was asked to stop or to pause."""
        try:
            self._hear(self.store.write(self.run, [self.progress("running", message)], self.owner))
        except RunTakenError:
            raise
        except StoreError:  # a full disk is no reason to stop
            pass
        if self.request:
            raise StopRequested

    def _hear(self, asked: str | None) -> None:
        """Note what another process asked. One that asks a run to resume which trains already changes nothing."""
        if asked in ("pause", "stop"):
            self.request = self.request or asked

    def _restore(self, loop: Loop) -> None:
        state = migrate.checkpoint(checkpoint.load(self.folder / "checkpoint"))
        loop.position = TrainingPosition(**state["position"])
        for name, module in loop.learner.modules.items():
            module.load_state_dict(state["networks"][name])
        loop.learner.load_state_dict(state["learner"])
        loop.best = {name: tensor.to(self.device) for name, tensor in state["best"].items()}
        if "verdicts" in state:
            loop.probes.load_state_dict(state["verdicts"])
        else:  # a checkpoint of an earlier version
            loop.probes.start_late(loop.position.step)
        self._seconds = state["seconds"]
        checkpoint.set_random_state(state["random"], self.device)
        self.store.delete_after(self.run, loop.position.step)

    # -- while it trains --------------------------------------------------------------------------------------------

    def train(self) -> State:
        """Run the loop until it ends or a request comes; returns the new state of the run."""
        assert self.loop is not None
        if self.job.settings.compile:
            self.write_state("running", "torch.compile compiles the network: the first step takes about a minute …")
        self._resumed_at = time.perf_counter()
        self._marks.clear()
        with threads(self.threads):
            ended = self.loop.run()
        if ended:
            return "finished"
        return "paused" if self.request == "pause" else "stopped"

    def _on_tick(self, events: list[Event]) -> bool:
        assert self.loop is not None
        self._measure_rate()
        try:
            self._hear(self.store.write(self.run, [*events, self.progress("running")], self.owner))
            self._save_when_due()
        except RunTakenError:
            raise
        except (StoreError, OSError) as error:
            # Nothing is lost: the run pauses with everything in memory until there is room again.
            self.loop.events[:0] = events
            self.trouble = str(error)
            self.request = "pause"
            return True
        return bool(self.request)

    def _measure_rate(self) -> None:
        """Samples per second over the last few seconds."""
        assert self.loop is not None
        now, step = time.perf_counter(), self.loop.position.step
        self._marks.append((now, step))
        while len(self._marks) > 2 and now - self._marks[0][0] > RATE_SECONDS:
            self._marks.popleft()
        then, before = self._marks[0]
        if now > then and step > before:
            self._samples_per_second = (step - before) * self.loop.batches.size / (now - then)

    def progress(self, state: State, message: str = "") -> Progress:
        """The current epoch, step, speed and time left."""
        loop = self.loop
        position = loop.position if loop else TrainingPosition()
        total = getattr(self, "total_steps", 0)
        seconds = self.seconds if state == "running" and loop else self._seconds
        left = None
        if loop and state == "running" and self._samples_per_second:
            left = (total - position.step) * loop.batches.size / self._samples_per_second
        rate = self._samples_per_second or (position.step * loop.batches.size / seconds if loop and seconds else 0.0)
        return Progress(
            state,
            min(position.epoch + (state == "running"), self.job.settings.epochs),
            self.job.settings.epochs,
            position.step,
            total,
            seconds,
            left,
            rate,
            self.device,
            message,
            self.started,
            time.time(),
        )

    @property
    def seconds(self) -> float:
        return self._seconds + time.perf_counter() - self._resumed_at

    def write_state(self, state: State, message: str = "") -> None:
        """Write the state of the run. A full disk is no reason to stop, so that error is ignored here."""
        with contextlib.suppress(StoreError):
            self.store.write(self.run, [self.progress(state, message)], self.owner)

    def write_remaining_events(self) -> None:
        """Write the last events of a run that failed: the end of its loss curve and the last probes."""
        if self.loop is not None:
            events, self.loop.events = self.loop.events, []
            with contextlib.suppress(StoreError):
                self.store.write(self.run, events, self.owner)

    # -- keeping ----------------------------------------------------------------------------------------------------

    def _save_when_due(self) -> None:
        if self.loop is not None and self.loop.best and self._best_saved < 0:
            self.save_best()  # the first ones at once, so that the pages can show predictions
        if time.perf_counter() - self._saved_at < SAVE_SECONDS:
            return
        begun = time.perf_counter()
        self.save()
        cost = time.perf_counter() - begun
        self._saved_at = time.perf_counter() + max(0.0, cost / SAVE_SHARE - SAVE_SECONDS)

    def save(self) -> None:
        """Write a checkpoint and the best weights. OSError: the disk is full."""
        loop = self.loop
        assert loop is not None
        self.save_best()
        state: dict[str, Any] = {
            "position": asdict(loop.position),
            "networks": {name: dict(module.state_dict()) for name, module in loop.learner.modules.items()},
            "learner": loop.learner.state_dict(),
            "best": loop.best,
            "verdicts": loop.probes.state_dict(),
            "random": checkpoint.random_state(self.device),
            "seconds": self.seconds,
        }
        checkpoint.save(self.folder / "checkpoint", state)
        self._saved_at = time.perf_counter()

    def save_best(self) -> None:
        """Write the best weights so far and the card of the model."""
        loop = self.loop
        assert loop is not None
        best = loop.best or weights(loop.learner)
        if self._best_saved == loop.position.best_epoch and loop.best:
            return
        checkpoint.save_weights(self.folder / "best.safetensors", best)
        write_text(self.folder / "card.json", json.dumps(card(self.job, self.prepared, {}, self.run)))
        self._best_saved = loop.position.best_epoch

    def finish(self) -> None:
        """Evaluate the best weights on the test split, once, after the last step."""
        loop = self.loop
        assert loop is not None
        position = loop.position
        last = {name: tensor.clone() for name, tensor in weights(loop.learner).items()}
        load_weights(loop, loop.best or last)
        self.job.paradigm.finish(loop.learner, self.prepared)
        best = {name: tensor.clone() for name, tensor in weights(loop.learner).items()}
        events: list[Event] = []
        scores: dict[str, float] = {}
        if len(self.prepared.test) or not self.job.paradigm.needs_data:
            scores = loop.learner.evaluate(self.prepared.test.to(self.device), costly=True)
            events += [Metric(position.step, position.epoch, "test", name, value) for name, value in scores.items()]
        checkpoint.save_weights(self.folder / "best.safetensors", best)
        write_text(self.folder / "card.json", json.dumps(card(self.job, self.prepared, scores, self.run)))
        load_weights(loop, last)
        self.store.write(self.run, events, self.owner)


def card(job: Job, prepared: Prepared, scores: dict[str, float], run: str) -> dict[str, Any]:
    """The card of a model: how its inputs are scaled, what its outputs mean, its test metrics."""
    made: dict[str, Any] = {
        "inputs": [figures and figures.as_dict() for figures in prepared.standardisation],
        "classes": list(prepared.classes),
        "task": prepared.task,
        "data": job.dataset.name,
        "data_title": job.dataset.title,
        "features": list(job.dataset.feature_names),
        "scores": {f"test {name}": value for name, value in scores.items()},
        "run": run,
        **job.paradigm.card_facts(),
    }
    if job.dataset.vocabulary:
        made["vocabulary"] = list(job.dataset.vocabulary)
        made["tokens"] = job.dataset.tokens
    if prepared.target_standardisation is not None:
        made["targets"] = prepared.target_standardisation.as_dict()
        made["target_shape"] = list(job.dataset.target_shape)
    return made


def load_weights(loop: Loop, values: dict[str, Tensor]) -> None:
    """Load weights, by "network/key", into the networks of the learner."""
    for network, module in loop.learner.modules.items():
        prefix = f"{network}/"
        module.load_state_dict({k.removeprefix(prefix): v for k, v in values.items() if k.startswith(prefix)})


def warm_up() -> None:
    """Import what torch's optimizers and the metrics import on their first call: three seconds that would else be part
    of the first step."""
    for name in ("torch._dynamo", "torchmetrics.functional"):
        importlib.import_module(name)


TRAINING_LOCK = threading.Lock()  # held by the run that is training
