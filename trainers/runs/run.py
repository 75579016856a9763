"""A run: its state, its metrics, its trained model, and its controls. Also lists and finds runs."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import builder
from builder.compile.part_module import part_module
from builder.document import Document
from builder.problems import NetloomError
from trainers import migrate
from trainers.data.fingerprint import ANYWAY, CHANGED
from trainers.data.own.run_copies import data_of_run, schema_warning
from trainers.events import OVER, ProbeKind, Progress, Snapshot, State, Text, Verdict
from trainers.forks.forking import fork
from trainers.job import Job
from trainers.runs.card import card as make_card
from trainers.runs.card import part_card
from trainers.runs.checkpoint_files import DamagedError, checkpoint_files
from trainers.runs.ownership import is_owned
from trainers.runs.queue.beginning import On, create, enqueue, goes_into_queue, launch
from trainers.runs.queue.jobs import complaint, document_of, with_device
from trainers.runs.queue.waiting import Queue, is_waiting
from trainers.runs.run_rows import PROGRESS, READ_IN
from trainers.runs.store import TAKEN, RunTakenError, Store

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor, nn

    from trainers.engine.worker import Worker
    from trainers.paradigms.base import Part

LEFT: Mapping[str, tuple[State, str]] = {
    "pause": ("paused", "Paused before its turn."),
    "stop": ("stopped", "Stopped before it started."),
}
AGAIN = "Resume the run (`netloom resume {run}`): it trains again from its last checkpoint, to the same weights."


class RunError(NetloomError):
    """A run cannot do now what was asked of it. The message says why."""


def start(job: Job, origin: str = "", on: On = "auto", priority: int = 0) -> Run:
    """Train a job in the background. Returns at once.

    Parameters:
        origin: the id of the document that is trained, so that its runs are found after it was renamed.
        on: "thread": in a thread of this process, after those that train there. "process": in a worker process, after
            those that wait in the queue. "auto": in a thread, or, where another run trains there, in a process.
        priority: in the queue, from -100 to 100; the highest one is next.
    """
    store = Store()
    return Run(create(job, store, origin, on, priority), store)


def runs(limit: int | None = None) -> list[Run]:
    """Every run, or the `limit` newest ones, the newest first."""
    store = Store()
    return [Run(row["id"], store, row) for row in store.run_rows(limit)]


def open_run(run: str) -> Run:
    """The run with this id. StoreError: there is none."""
    return Run(run)


def newest(origin: str, name: str) -> Run | None:
    """The newest run of a document: by the document's id, or by its name among runs without that id."""
    store = Store()
    run = store.newest_run_of(origin, name)
    return Run(run, store) if run else None


def interrupted() -> list[Run]:
    """The runs whose process ended in the middle, the newest first. `Run.resume` continues them."""
    store = Store()
    return [Run(run, store) for run in store.unfinished()]


class Run:
    """One training run, found by its id from any process."""

    def __init__(self, run: str, store: Store | None = None, row: Mapping[str, Any] | None = None) -> None:
        """StoreError: there is no such run. `row` is what was just read of it from the store."""
        self.store = store or Store()
        self.id = run
        if row is None:
            self.store.row(run)

    @property
    def state(self) -> State:
        """ "queued", "running", "paused", "finished", "stopped" or "failed"."""
        return self.progress().state

    def progress(self, row: Mapping[str, Any] | None = None) -> Progress:
        """The state of the run and how far it is. If its process has ended, the run is paused: `resume` continues it
        from its last checkpoint. `row` is what was just read of it from the store."""
        row = self.store.row(self.id) if row is None else row
        worker = self._worker()
        values = {name: row[name] for name in PROGRESS}
        if worker is not None:
            return worker.progress(Progress(**values))
        if is_waiting(row):
            values |= {"state": "queued", "seconds_left": None, "message": Queue(self.store).message(row)}
        elif row["state"] not in OVER and not is_owned(row):
            values |= {"state": "paused", "seconds_left": None}
            if row["state"] != "paused":
                when = "before it started" if row["state"] == "queued" else "while it trained"
                lost = f" {READ_IN}" if row["message"] == READ_IN else ""
                values |= {"message": f"Interrupted: Netloom was closed {when}.{lost}", "interrupted": True}
        elif row.get("request") and row["state"] not in OVER:
            values["message"] = {"pause": "Pausing …", "stop": "Stopping …"}.get(row["request"], "Resuming …")
        return Progress(**values)

    @property
    def name(self) -> str:
        return str(self.store.row(self.id)["name"])

    @property
    def origin(self) -> str:
        """The id of the document that was trained. Empty for runs from the command line."""
        return self.store.row(self.id)["origin"] or ""

    @property
    def weights_path(self) -> Path:
        """The file with the best weights. It exists from the first epoch on."""
        return self.store.run_folder(self.id) / "best.safetensors"

    @functools.cached_property
    def document(self) -> Document:
        """The document with the settings that the run was trained with."""
        return document_of(self.store, self.id)

    @functools.cached_property
    def job(self) -> Job:
        """The job of the run. Where its device is gone, for the device that there is: what it learned can be used."""
        document = with_device(self.document)
        with data_of_run(self.store.run_folder(self.id), document.training):
            return Job(document)

    # -- measurements -------------------------------------------------------------------------------------------------

    def metrics(self) -> pd.DataFrame:
        """Columns step, epoch, split, metric, value, in the order of the steps."""
        import pandas as pd

        return pd.DataFrame(self.store.metric_rows(self.id), columns=["step", "epoch", "split", "metric", "value"])

    def metrics_after(self, row_id: int, step: int) -> list[dict[str, Any]] | None:
        """The metrics that were written after the one with this `row_id` (0: all, of a long run a selection), each with
        its own row_id; see `Store.metrics_after`.

        `step` is the step of that metric. None: it was deleted, since the run went back to a checkpoint; then read all
        of them again.
        """
        return self.store.metrics_after(self.id, row_id, step)

    def probes_after(self, row_id: int, step: int) -> list[dict[str, Any]] | None:
        """The probes that were written after the one with this `row_id`, as `metrics_after` does. Rows of texts
        and snapshots are among them, without their payload."""
        return self.store.probes_after(self.id, row_id, step)

    def probes(self, kind: ProbeKind) -> pd.DataFrame:
        """Columns step, node, statistic, value; of a long run, 250 steps spread evenly over it."""
        import pandas as pd

        rows = [
            (probe.step, node, statistic, value)
            for probe in self.store.probes(self.id, kind)
            for node, statistics in probe.values.items()
            for statistic, value in statistics.items()
        ]
        return pd.DataFrame(rows, columns=["step", "node", "statistic", "value"])

    def histograms(self) -> dict[str, tuple[list[float], list[int]]]:
        """The newest histogram of each node's activations: node → (edges, counts)."""
        return self.latest()[1]

    def latest(self) -> tuple[list[Verdict], dict[str, tuple[list[float], list[int]]]]:
        """`verdicts()` and `histograms()`, read at once."""
        row = self.store.row(self.id)
        stored = json.loads(row["histograms"] or "{}")
        histograms = {
            node: ([low + (high - low) * i / len(counts) for i in range(len(counts) + 1)], counts)
            for node, (low, high, counts) in stored.items()
        }
        return [Verdict(*each) for each in json.loads(row["verdicts"] or "[]")], histograms

    def texts(self) -> list[Text]:
        """The texts that were generated during the training, in the order of the steps."""
        return self.store.texts(self.id)

    def snapshot_steps(self, view: str) -> list[int]:
        """The steps with a snapshot for this view."""
        return self.store.snapshot_steps(self.id, view)

    def snapshot(self, view: str, step: int | None = None) -> Snapshot | None:
        """The last snapshot for this view, or the last one up to `step`. None: there is none."""
        return self.store.snapshot(self.id, view, step)

    def verdicts(self) -> list[Verdict]:
        """The verdicts on the run now, the most serious first."""
        return self.latest()[0]

    def scores(self) -> dict[str, float]:
        """The metrics of the best weights on the test split, without NaN. Empty until the run is over."""
        return self.store.scores(self.id)

    # -- trained networks ---------------------------------------------------------------------------------------------

    def model(self) -> nn.Module:
        """The trained network with its best weights, in evaluation mode, on the CPU, with its `card`.

        Building it uses no random numbers, so it does not change the results of a run that trains at the same time.

        Raises:
            RunError: no weights have been saved yet.
        """
        modules = self.networks()
        model = self.job.paradigm.assemble(modules)
        model.card = next(iter(modules.values())).card
        return model.eval()

    def predict(self, given: str | Path | pd.DataFrame) -> pd.DataFrame:
        """What the best weights predict for new rows: see `trainers.data.own.predicting`."""
        from trainers.data.own.predicting import predict_rows

        found = predict_rows(self.job, self.model(), given)
        found.attrs["warning"] = schema_warning(self.job.dataset, self.store.row(self.id)["created"])
        return found

    def networks(self) -> dict[str, nn.Module]:
        """Every module whose weights the run saves, by name; see `model` and `Paradigm.modules`."""
        import torch

        saved, card = self._saved_model()
        networks: dict[str, nn.Module] = {}
        for name, network in self.job.paradigm.modules(self.document).items():
            with torch.device("meta"):
                module = builder.compile(self.document, network)
            module = module.to_empty(device="cpu")
            prefix = f"{name}/"
            module.load_state_dict({k.removeprefix(prefix): v for k, v in saved.items() if k.startswith(prefix)})
            module.card = card  # type: ignore[assignment]
            networks[name] = module.eval()
        return networks

    def check_weights(self) -> None:
        """Read the best weights and compare their digest. RunError: there are none, or they were damaged."""
        self._saved_model()

    def _saved_model(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The best weights and the card. RunError: there are none, or they were damaged; it says what to do."""
        from trainers.engine.model_file import load_model

        path = self.weights_path
        if not path.exists():
            raise self.without_weights()
        try:
            weights, card = load_model(path.parent)
        except DamagedError as error:
            with contextlib.suppress(OSError):  # a home that is not writable
                path.replace(path.with_suffix(".damaged"))
            raise RunError(f"{error} It is set aside. {AGAIN.format(run=self.id)}") from None
        except OSError as error:  # nothing is wrong with the file
            raise RunError(f"The weights of run {self.id} cannot be read now: {error.strerror or error}.") from None
        if card is None:  # of version 0.1.0, and damaged
            card = make_card(self.job, self.job.prepare(), self.scores(), self.id)
        return migrate.weights(weights), migrate.card(card)

    def without_weights(self) -> RunError:
        """The error of whatever needs weights that are not there: it says why, and what to do."""
        if self.can_resume and self.state in OVER:
            return RunError(f"Run {self.id} has no weights. {AGAIN.format(run=self.id)}")
        if self.state in OVER:
            return RunError(f"Run {self.id} has no weights: it failed in its first epoch. Train again.")
        return RunError(f"Run {self.id} has no weights yet: they are saved from its first epoch on.")

    def parts(self) -> dict[str, Part]:
        """What can be exported of the run, by name: first the whole model, then parts such as an encoder."""
        return self.job.paradigm.parts(self.document)

    def part(self, name: str) -> nn.Module:
        """One of `parts()` as a module with the best weights and a card, in evaluation mode on the CPU.

        RunError: there is no such part, or no weights have been saved yet.
        """
        part = self._part(name)
        source = self.networks()[part.module] if part.module else self.model()
        module = part_module(part.document, source, self.document) if part.module else source
        module.card = part_card(source.card, part, self.job)  # type: ignore[arg-type, assignment]
        return module

    def part_document(self, name: str) -> Document:
        """The document of one of `parts()`. RunError: there is no such part."""
        return self._part(name).document

    def _part(self, name: str) -> Part:
        parts = self.parts()
        if name not in parts:
            raise RunError(f"Run {self.id} has no part {name[:70]!r}; it has: {', '.join(parts)}.")
        return parts[name]

    # -- controls ---------------------------------------------------------------------------------------------------

    def pause(self) -> None:
        """Pause after the current step. `resume` continues from there."""
        self._control("pause")

    def stop(self) -> None:
        """End the run. Its best weights are saved and evaluated on the test split."""
        self._control("stop")

    @property
    def can_resume(self) -> bool:
        """Whether there is something to continue: it is paused, or it has ended and its weights were damaged."""
        state = self.state
        return state == "paused" or (state in ("finished", "stopped") and not self.weights_path.exists())

    @property
    def waits_for_consent(self) -> bool:
        """Whether the run can go on only with other data than it was trained on: `resume(other_data=True)`."""
        progress = self.progress()
        return progress.state == "paused" and progress.message.startswith(CHANGED) and ANYWAY in progress.message

    def resume(self, other_data: bool = False) -> None:
        """Continue a paused run. The results are exactly those of a run that was not paused.

        `other_data`: go on also where the data set has changed since the checkpoint.

        Raises:
            RunError: the run is over.
            RunTakenError: it trains already, in another thread or process, which the message names.
        """
        if self.state in OVER and self.weights_path.exists():
            raise RunError(f"Run {self.id} has ended ({self.state}), so there is nothing to resume.")
        if complaint(self.document):
            raise RunError(
                f"{complaint(self.document)} Run {self.id} trained on that device. Resume it on a machine that has it, "
                "or train it again with another device; what it has learned is kept."
            )
        worker = self._lasting_worker()
        owner = self.store.owner(self.id)
        if worker is None and owner is not None and not owner.is_this_process and self.state != "paused":
            raise RunTakenError(f"Run {self.id} is already {self.state} in {owner.describe()}: {TAKEN}")
        if worker is not None and not worker.resume():
            raise RunTakenError(f"Run {self.id} is already {worker.state} in this process ({os.getpid()}): {TAKEN}")
        if worker is not None:
            return
        if owner is not None and not owner.is_this_process and self.state == "paused":
            self.store.request(self.id, "resume")  # it has everything in memory
        elif self.state == "paused" and goes_into_queue(self.store, "auto") and not other_data:
            enqueue(self.id, self.store)
        else:
            launch(self.id, Job(self.document), self.store, other_data=other_data)  # of the data as they are now

    def wait(self, timeout: float | None = None) -> State:
        """Wait until the run is over or paused, at most `timeout` seconds. Returns its state."""
        ends: tuple[State, ...] = (*OVER, "paused")
        worker = self._worker()
        if worker is not None:
            return worker.wait(timeout, ends)
        deadline = time.monotonic() + (timeout if timeout is not None else float("inf"))
        while self.state not in ends and time.monotonic() < deadline:
            time.sleep(0.1)
        return self.state

    def fork(
        self, document: Document | None = None, checkpoint: int | None = None, on: On = "auto", **overrides: Any
    ) -> Run:
        """A new run that begins with the weights of this one, as far as they fit; see trainers/forks/forking.py."""
        new = fork(self.store, self.id, self.document, document, checkpoint, on, overrides)
        return Run(new, self.store)

    def delete(self) -> None:
        """Delete the run with its weights. RunError: it is still training, or paused in another process."""
        if self.state in ("running", "queued"):
            raise RunError("This run trains or waits for its turn. Stop it first.")
        worker, owner = self._worker(), self.store.owner(self.id)
        if worker is not None:
            worker.abandon()
        elif owner is not None and self.state not in OVER:
            raise RunError(f"This run is paused by {owner.describe()}. Stop it first.")
        self.store.delete(self.id)

    def _control(self, what: str) -> None:
        worker = self._lasting_worker()
        if worker is not None:
            worker.pause() if what == "pause" else worker.stop()
            return
        evaluates = what == "stop" and self._has_checkpoint()
        if Queue(self.store).leave(self.id, *LEFT["pause" if evaluates else what]) and not evaluates:
            return
        if is_owned(self.store.row(self.id)):
            self.store.request(self.id, what)
        elif what == "stop" and self.state == "paused" and not complaint(self.document) and evaluates:
            launch(self.id, Job(self.document), self.store, stops=True)  # its best weights are evaluated
        elif what == "stop" and self.state == "paused":
            owner = self.store.claim(self.id)
            try:
                self.store.write(self.id, [_stopped(self.progress())], owner)
            finally:
                self.store.release(self.id, owner)

    def _has_checkpoint(self) -> bool:
        return bool(checkpoint_files(self.store.run_folder(self.id)))

    @property
    def has_worker(self) -> bool:
        """Whether a thread of this process trains the run, or has trained it last: it knows more than the store."""
        return self._worker() is not None

    def _lasting_worker(self) -> Worker | None:
        """The thread of the run. One that is about to end takes no requests, so its end is awaited."""
        worker = self._worker()
        if worker is not None and worker.is_ending:
            worker.join()
            return None
        return worker

    def _worker(self) -> Worker | None:
        # Where the engine was never imported no run trains, and importing it would import torch.
        worker_of = getattr(sys.modules.get("trainers.engine.worker"), "worker_of", None)
        worker: Worker | None = worker_of(self.id) if worker_of else None
        return worker


def _stopped(progress: Progress) -> Progress:
    return replace(progress, state="stopped", message="Stopped.", interrupted=False)
