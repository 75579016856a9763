"""The training of one run, from its job to its saved weights. The thread of worker.py calls it.

torch's random generator belongs to the whole process, so one run trains at a time and the others are queued. A paused
run lets the next one train and restores its own random state when it resumes.

What cannot be written, since the disk is full, is kept in memory and tried again until there is room.
"""

from __future__ import annotations

import functools
import itertools
import os
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from trainers import disk
from trainers.data.fingerprint import DataChangedError, differences, fingerprint, fits
from trainers.data.own.run_copies import keep_copy
from trainers.engine import checkpoint, loop_state
from trainers.engine.cpu_load import LoadMeter
from trainers.engine.device import resolve_device, warm_up
from trainers.engine.interruption import Interrupted, interruptible, wait_for
from trainers.engine.loop import Loop, load_weights, weights
from trainers.engine.model_file import save_model
from trainers.engine.threads import choose_threads, threads, threads_before_measuring
from trainers.events import Event, Metric, Progress, Snapshot, State, Verdicts
from trainers.forks.weights import first_loop
from trainers.job import Job
from trainers.probes import ProbeClock
from trainers.runs.card import card
from trainers.runs.ownership import Owner
from trainers.runs.run_rows import PROGRESS
from trainers.runs.store import RunTakenError, Store, StoreError
from trainers.stages import Stage
from trainers.verdicts.circumstances import Circumstances

if TYPE_CHECKING:
    from torch import Tensor

    from trainers.paradigms.base import Learner

FIRST_SAVE_SECONDS = 2.0  # of training before the first checkpoint
SAVE_SECONDS = 10.0  # between two checkpoints of a running run
SAVE_SHARE = 0.01  # of the time of training thread and machine, at most, goes into checkpoints
RATE_SECONDS = 4.0
COMPILES = "torch.compile compiles the network: the first step takes about a minute …"
ASK_SECONDS = 0.5  # between two looks for requests of other processes
RETRY_SECONDS = 2.0  # between two attempts to write what could not be written
MOST_UNWRITTEN = 50_000  # events, and
MOST_UNWRITTEN_BYTES = 256 * 2**20  # of snapshots, that are kept in memory meanwhile; then the training waits


class TrainingSession:
    """Loads the data, builds the learner, runs the loop, writes events to the store, saves checkpoints."""

    def __init__(self, run: str, job: Job, store: Store, owner: Owner | None = None) -> None:
        """`owner`: the claim under which this process trains the run; without one, nothing is asked."""
        self.run, self.job, self.store, self.owner = run, job, store, owner
        self.folder: Path = store.run_folder(run)
        self.device = resolve_device(job.settings.device)
        self.request = ""  # "pause" or "stop", set by the run's owner
        self.activity = "the preparation"  # what is done now, other than steps, as the rest of a sentence
        self.message = ""  # what is done now, as a sentence
        self.loop: Loop | None = None
        row = store.row(run)
        self.started = row["started"] or time.time()
        left = {name: row[name] for name in PROGRESS} | {"started": self.started, "seconds_left": None}
        self._left = Progress(**left)
        self.threads: int | None = row["threads"]  # None: not chosen yet, or torch's default
        self._seconds = 0.0  # spent training before the last start or resume
        self._resumed_at = time.perf_counter()
        self.writer = checkpoint.CheckpointWriter(self.folder)
        self._save_at = 0.0  # by the clock, when the next checkpoint is due
        self.recovered: tuple[str, ...] = ()  # what became of the run after damage, as sentences
        self._best_saved = -1
        self._marks: deque[tuple[float, int]] = deque()  # (clock, step) at the last ticks
        self._samples_per_second = 0.0
        self.takes_other_data = False  # whether somebody agreed to go on with data that changed
        self.trouble = ""  # why something could not be written; it is tried again
        self.unwritten: list[Event] = []
        self._store_failed = False  # the store failed, and not only the files of the run
        self._retry_at = 0.0
        self._asked_at = 0.0
        self._final: tuple[dict[str, Tensor], dict[str, float], list[Event]] | None = None

    # -- setting up -------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Load the data, build the learner, and restore the checkpoint if there is one."""
        job = self.job
        self._announce("Loading the data …", "the loading of the data")
        load = LoadMeter()
        warm_up()
        self.prepared = wait_for(job.prepare, self.check, self._hear_stage)
        keep_copy(job.dataset, self.folder)
        self.fingerprint = wait_for(lambda: fingerprint(job.dataset, self.prepared), self.check, self._hear_stage)
        self._announce("Preparing the training …")
        damage: list[str] = []
        for state, is_verified in itertools.chain(checkpoint.readable(self.folder, damage), [(None, True)]):
            changed = [] if state is None else self._compare_data(state)
            if state is None:
                job.paradigm.prepare(job, self._announce, self._report)
            self.loop = None  # so that an error says that no step was taken yet
            make = functools.partial(self._new_loop, load=load)
            if state is None:
                loop, self.recovered = first_loop(make, self.folder, job, self.device)
                break
            loop = make(state)
            try:
                self._restore(loop, state)
            except (KeyError, TypeError, ValueError, AttributeError):  # it holds something else
                if is_verified:
                    raise
                damage.append("The checkpoint does not fit the run.")
            else:
                break
        self.recovered += tuple(changed)
        lost = self.store.delete_after(self.run, -1 if state is None else loop.position.step)
        self.recovered += loop_state.recovery(loop.position.step, damage, state is None, bool(lost))
        self._show_notes(loop)
        self.loop = loop

    def _new_loop(self, stored: Any, load: LoadMeter) -> Loop:
        """The loop before its first step. `stored`: the checkpoint from which the run continues, if any."""
        job, settings = self.job, self.job.settings
        torch.manual_seed(settings.seed)
        batches = job.paradigm.batches(job, self.prepared, self.device)
        total = batches.count * settings.epochs
        total = min(total, settings.max_steps or total)

        def make_learner() -> Learner:
            return job.paradigm.learner(job, self.prepared, self.device, total, batches.count)

        if isinstance(stored, dict):  # it has to round as it did until the checkpoint
            known = "threads" in stored
            self.threads = stored["threads"] if known else threads_before_measuring(job, batches.size, self.device)
        elif self.threads is None:
            self.threads = choose_threads(job, make_learner, batches, self.device, load)
        with threads(self.threads):
            learner = make_learner()
        self.total_steps = total
        return Loop(
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
            self._check_evaluation,
        )

    def _hear_stage(self, stage: Stage) -> None:
        self.message = stage.sentence

    def _announce(self, message: str, activity: str = "") -> None:
        """Show what is done now, apart from steps. Interrupted: the run was asked to pause or to stop."""
        if message != self.message:
            self._asked_at = 0.0  # it is written at once
        self.message, self.activity = message, activity or "the preparation"
        self.check()

    def check(self) -> None:
        """Called now and then while something long is done. Interrupted: the run was asked to pause or to stop."""
        if self.asked([self.progress("running", self.message)]):
            raise Interrupted

    def asked(self, events: Sequence[Event] = ()) -> bool:
        """Whether the run was asked to pause or to stop. It looks for requests of other processes now and then, and
        writes these events along with that."""
        if not self.request and time.perf_counter() - self._asked_at > ASK_SECONDS:
            self._asked_at = time.perf_counter()
            try:
                self.write(events)
            except RunTakenError:
                raise
            except StoreError:  # a full disk is no reason to stop
                pass
        return bool(self.request)

    def write(self, events: Sequence[Event]) -> None:
        """Write events, and note what another process asked. StoreError: it failed."""
        self._hear(self.store.write(self.run, events, self.owner))
        if self.store.lost_rows and self.loop is not None:
            self.store.lost_rows = False
            self.recovered += (f"The store was lost: the curves begin at step {self.loop.position.step:,}.",)
            self._show_notes(self.loop)

    def _report(self, events: Sequence[Event]) -> None:
        """Write what was measured before the first step. A full disk is no reason to stop."""
        try:
            self.write(events)
        except RunTakenError:
            raise
        except StoreError:
            pass

    def _check_evaluation(self) -> None:
        self.activity = "the evaluation"
        self.check()

    def _hear(self, asked: str | None) -> None:
        """Note what another process asked. One that asks a run to resume which trains already changes nothing."""
        if asked in ("pause", "stop"):
            self.request = self.request or asked

    def _compare_data(self, stored: Any) -> list[str]:
        """Sentences on what differs between the data at a checkpoint and now. DataChangedError: nobody agreed to it."""
        old = stored.get("data")
        found = differences(old, self.fingerprint)
        if not found:
            return []
        step, title = stored["position"]["step"], self.job.dataset.title
        if not (self.takes_other_data and fits(old, self.fingerprint)):
            raise DataChangedError(title, found, fits(old, self.fingerprint))
        return [f"Since step {step:,} it trains on other data: {title} has {', '.join(found)}."]

    def _restore(self, loop: Loop, stored: Any) -> None:
        """Continue from what a checkpoint holds."""
        loop_state.restore(loop, stored, self.device)
        self._seconds = stored["seconds"]
        self.recovered = tuple(stored.get("recovered", ()))

    def _show_notes(self, loop: Loop) -> None:
        assessment = loop.probes.assessment
        assessment.notes = (*self.prepared.notes, *loop.learner.notes, *self.recovered)
        if self.recovered:
            loop.events.append(Verdicts(loop.position.step, assessment.verdicts()))

    # -- while it trains --------------------------------------------------------------------------------------------

    def train(self) -> State:
        """Run the loop until it ends or a request comes; returns the new state of the run."""
        assert self.loop is not None
        if self.asked():
            return self._asked_state()
        self.activity, self.message = "", COMPILES if self.job.settings.compile else ""
        self.write_state("running", self.message)
        self._resumed_at = time.perf_counter()
        self._save_at = self._resumed_at + FIRST_SAVE_SECONDS
        self._marks.clear()
        with threads(self.threads):
            ended = self.loop.run()
        return "finished" if ended else self._asked_state()

    def _asked_state(self) -> State:
        return "paused" if self.request == "pause" else "stopped"

    def _on_tick(self, events: list[Event]) -> bool:
        self.activity = self.message = ""
        self._measure_rate()
        self.unwritten += events
        self.write_unwritten()
        while self._too_much_unwritten and not self.request:
            time.sleep(RETRY_SECONDS / 4)
            self.write_unwritten()
        return bool(self.request)

    def write_unwritten(self) -> None:
        """Write what waits to be written, and a checkpoint when it is due. Where that fails, `trouble` says why, and it
        is tried again a little later."""
        tries_again = time.perf_counter() >= self._retry_at
        if self._store_failed and not tries_again:
            return
        try:
            self.write([*self.unwritten, self.progress("running", self.trouble)])
            self.unwritten.clear()
            self._store_failed = False
            if tries_again:
                self._save_when_due()
                self.trouble = ""
        except RunTakenError:
            raise
        except StoreError as error:
            self._store_failed = True
            self.fail_to_write(error)
        except OSError as error:
            self.fail_to_write(error)

    def fail_to_write(self, error: Exception) -> None:
        """Remember why something could not be written, and try it again later."""
        kept = f" {len(self.unwritten):,} measurements are kept in memory." if self.unwritten else ""
        waits = "The training waits until" if self._too_much_unwritten else "The run goes on and saves them when"
        waits = waits if self.unwritten else "It is tried again until"
        until = "there is room" if disk.is_full(error, self.folder) else "that succeeds"
        sentence = str(error) if isinstance(error, StoreError) else disk.reason(error, self.folder)
        self.trouble = f"{sentence}{kept} {waits} {until}."
        self._retry_at = time.perf_counter() + RETRY_SECONDS

    @property
    def _too_much_unwritten(self) -> bool:
        if len(self.unwritten) > MOST_UNWRITTEN:
            return True
        snapshots = (event.arrays.values() for event in self.unwritten if isinstance(event, Snapshot))
        return sum(array.nbytes for arrays in snapshots for array in arrays) > MOST_UNWRITTEN_BYTES

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
        if loop is None:  # it is where it was left
            return replace(self._left, state=state, message=message, device=self.device, updated=time.time())
        position, total = loop.position, self.total_steps
        seconds = self.seconds if state == "running" else self._seconds
        left = None
        if state == "running" and self._samples_per_second:
            left = (total - position.step) * loop.batches.size / self._samples_per_second
        rate = self._samples_per_second or (position.step * loop.batches.size / seconds if seconds else 0.0)
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
            threads=self.threads,
        )

    @property
    def seconds(self) -> float:
        return self._seconds + time.perf_counter() - self._resumed_at

    def write_state(self, state: State, message: str = "") -> bool:
        """Write the state of the run and what still waits to be written. False: that failed."""
        try:
            self.write([*self.unwritten, self.progress(state, message)])
        except RunTakenError:  # there is nothing to write any more
            return True
        except StoreError:
            return False
        self.unwritten.clear()
        return True

    def keep_remaining_events(self) -> None:
        """Keep the last events of a run that failed, to be written: the end of its loss curve and the last probes."""
        if self.loop is not None:
            events, self.loop.events = self.loop.events, []
            self.unwritten += events

    # -- keeping ----------------------------------------------------------------------------------------------------

    def _save_when_due(self) -> None:
        loop = self.loop
        if loop is not None and loop.best and self._best_saved < 0 and loop.position.step < self.total_steps:
            self.save_best()  # the first ones at once, so that the pages can show predictions; `finish` writes the last
        begun = time.perf_counter()
        written = self.writer.seconds / (os.cpu_count() or 1)  # beside the training, on a core of its own
        if self.writer.is_busy or begun < self._save_at + written / SAVE_SHARE:
            return
        self.writer.wait()  # for an error of the last one
        self.save_best()
        self._start_to_write()
        now = time.perf_counter()
        self._save_at = now + max(SAVE_SECONDS, (now - begun) / SAVE_SHARE)

    def save(self, random: dict[str, Tensor] | None = None) -> None:
        """Write a checkpoint and the best weights, and wait for it. `random`: the state of the random generators, if it
        is not that of now. OSError: the disk is full."""
        self.writer.close()  # what failed is out of date now
        self.save_best()
        self._start_to_write(random)
        self.writer.wait()
        self._save_at = time.perf_counter() + SAVE_SECONDS

    def _start_to_write(self, random: dict[str, Tensor] | None = None) -> None:
        """Copy everything that decides how the run goes on, and write it in another thread."""
        loop = self.loop
        assert loop is not None
        state = {
            **loop_state.capture(loop, self.device, random),
            "seconds": self.seconds,
            "recovered": list(self.recovered),
            "threads": self.threads,
            "data": self.fingerprint,
        }
        self.writer.start(loop.position.step, state)

    def save_best(self) -> None:
        """Write the best weights so far and the card of the model."""
        loop = self.loop
        assert loop is not None
        best = loop.best or weights(loop.learner)
        if self._best_saved == loop.position.best_epoch and loop.best:
            return
        save_model(self.folder, best, card(self.job, self.prepared, {}, self.run, self.fingerprint))
        self._best_saved = loop.position.best_epoch

    def finish(self, tested: bool = True) -> None:
        """Evaluate the best weights on the test split, after the last step, and write them. Called again after an error
        of the disk, it only writes. `tested`: False leaves the evaluation out."""
        self.writer.close()
        if self._final is None:
            self._start_to_write()  # for whoever goes on from its last step, with more epochs
            with threads(self.threads):
                self._final = self._evaluate_best(tested)
        best, scores, events = self._final
        save_model(self.folder, best, card(self.job, self.prepared, scores, self.run, self.fingerprint))
        self.write([*self.unwritten, *events])
        self.unwritten.clear()
        self.writer.close()

    def _evaluate_best(self, tested: bool) -> tuple[dict[str, Tensor], dict[str, float], list[Event]]:
        """The best weights, their metrics on the test split, and these as events. Interrupted: it was left."""
        loop = self.loop
        assert loop is not None
        position = loop.position
        last = {name: tensor.clone() for name, tensor in weights(loop.learner).items()}
        load_weights(loop, loop.best or last)
        try:
            self.job.paradigm.finish(loop.learner, self.prepared)
            best = {name: tensor.clone() for name, tensor in weights(loop.learner).items()}
            scores: dict[str, float] = {}
            if tested and (len(self.prepared.test) or not self.job.paradigm.needs_data):
                with interruptible(loop.learner.modules, self.check):
                    scores = loop.learner.evaluate(self.prepared.test.to(self.device), costly=True)
        finally:
            load_weights(loop, last)
        made: list[Event] = [
            Metric(position.step, position.epoch, "test", name, value) for name, value in scores.items()
        ]
        if scores:
            guesses = getattr(loop.learner, "guesses", ())
            made.append(Verdicts(position.step, loop.probes.assessment.tested(scores, guesses)))
        return best, scores, made
