"""The background thread of a run: start, pause, resume, stop, and what happens when something goes wrong."""

from __future__ import annotations

import contextlib
import threading
import traceback

import torch

from builder.compile import layers
from builder.problems import NetloomError, NodeError
from trainers.data import DataError
from trainers.engine import checkpoint, heartbeat
from trainers.engine.loop import Diverged
from trainers.engine.session import TRAINING_LOCK, StopRequested, TrainingSession
from trainers.events import State
from trainers.job import Job
from trainers.runs.ownership import Owner
from trainers.runs.store import RunTakenError, Store, StoreError

REQUEST_SECONDS = 0.5  # between two looks of a paused run at what another process asks

_workers: dict[str, Worker] = {}
_guard = threading.Lock()


class Worker:
    """The thread of one run. It continues when a page is reloaded; `worker_of` finds it by the run's id."""

    def __init__(self, run: str, job: Job, store: Store, owner: Owner) -> None:
        self.run, self.job, self.owner = run, job, owner
        self.store = Store(store.folder)  # its own store, since `Store.write` keeps a connection open
        self.session = TrainingSession(run, job, self.store, owner)
        self.state: State = "queued"
        self._wake = threading.Event()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._main, name=f"netloom {run}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def pause(self) -> None:
        self._request("pause")

    def stop(self) -> None:
        self._request("stop")
        if self.state == "paused":  # a caller of `wait` now waits until the run has ended
            self._set("queued", "Stopping …")
        self._wake.set()

    def resume(self) -> bool:
        """Continue the run if it is paused. False: it was not."""
        with self._changed:  # of two pages that resume at once, one finds it paused
            if self.state != "paused":
                return False
            self.state = "queued"
        self.session.request = ""
        self._set("queued", "")
        self._wake.set()
        return True

    def abandon(self) -> None:
        """End the thread of a paused run, whose files are about to be deleted."""
        self._request("abandon")
        self._wake.set()
        self._thread.join(10)

    def wait(self, timeout: float | None, states: tuple[State, ...]) -> bool:
        """Wait until the run is in one of these states. False: the timeout came first."""
        with self._changed:
            return self._changed.wait_for(lambda: self.state in states, timeout)

    def _request(self, what: str) -> None:
        self.session.request = what
        if self.session.loop is not None:
            self.session.loop.check_requests_now()

    def _set(self, state: State, message: str) -> None:
        self.session.write_state(state, message)
        with self._changed:
            self.state = state
            self._changed.notify_all()

    def _main(self) -> None:
        try:
            self._work()
        except RunTakenError:
            self._leave()
        except Exception as error:  # any error at all: the server and the other runs continue
            (self.session.folder / "error.txt").write_text(traceback.format_exc(), encoding="utf-8")
            self.session.write_remaining_events()
            self._set("failed", explain(error, self.session))
        finally:
            heartbeat.stop(self.run)
            with contextlib.suppress(StoreError):
                self.store.release(self.run, self.owner)
            self.store.close()
            with _guard:
                _workers.pop(self.run, None)

    def _leave(self) -> None:
        """Another process has the run, or it was deleted: nothing more is written. A caller of `wait` goes on."""
        with self._changed:
            self.state = "stopped"
            self._changed.notify_all()

    def _work(self) -> None:
        random: dict[str, torch.Tensor] | None = None
        while True:
            with TRAINING_LOCK:
                if self.session.request == "stop" and self.session.loop is None:
                    return self._set("stopped", "Stopped before it started.")
                if random is not None:
                    checkpoint.set_random_state(random, self.session.device)
                state = self._train_until_interrupted()
                random = checkpoint.random_state(self.session.device)
            if state != "paused":
                return None
            self._wait_while_paused()
            if self.session.request == "abandon":
                return self._leave()
            if self.session.request == "stop":
                if self.session.loop is not None:
                    return self._end("stopped")
                self._interrupt_before_first_step()
                return None

    def _wait_while_paused(self) -> None:
        """Wait until this or another process resumes or stops the run."""
        while not self._wake.wait(REQUEST_SECONDS):
            with contextlib.suppress(StoreError):
                match self.store.take_request(self.run):
                    case "resume":
                        self.resume()
                    case "stop":
                        self.stop()
        self._wake.clear()

    def _train_until_interrupted(self) -> State:
        """Train until the end or until a request to pause or stop. The caller holds the training lock."""
        session = self.session
        with self._changed:
            self.state = "running"
            self._changed.notify_all()
        if session.loop is None:
            try:
                session.prepare()
            except StopRequested:
                return self._interrupt_before_first_step()
        if session.request:
            state: State = "paused" if session.request == "pause" else "stopped"
        else:
            state = session.train()
        session._seconds = session.seconds
        if state == "paused":
            self._pause()
        else:
            self._end(state)
        return state

    def _interrupt_before_first_step(self) -> State:
        """Pause or stop while the data or the first weights were loaded. There is no progress to save yet."""
        if self.session.request == "pause":
            self._set("paused", "Paused before its first step.")
            return "paused"
        self._set("stopped", "Stopped before its first step.")
        return "stopped"

    def _pause(self) -> None:
        message, self.session.trouble = self.session.trouble, ""
        try:
            self.session.save()
        except RunTakenError:
            raise
        except (OSError, StoreError) as error:
            message = message or f"Paused, but not saved: {error}"
        self._set("paused", message or "Paused.")

    def _end(self, state: State) -> None:
        session = self.session
        try:
            session.finish()
        except RunTakenError:
            raise
        except (OSError, StoreError) as error:
            return self._set("failed", f"The training ended, but the weights could not be saved: {error}")
        return self._set(state, self._last_message(state))

    def _last_message(self, state: State) -> str:
        loop, job = self.session.loop, self.session.job
        if state == "stopped":
            return "Stopped."
        metric = job.paradigm.metric_to_keep(job.dataset)
        if loop is None or metric is None or not loop.stopped_early:
            return "Finished."
        best = "highest" if metric.higher_is_better else "lowest"
        return f"Stopped early: the validation {metric.name} was {best} in epoch {loop.position.best_epoch}."


def launch(run: str, job: Job, store: Store, owner: Owner | None = None) -> Worker:
    """Start the thread of a run in this process. A run that has a checkpoint continues from it.

    `owner` is the claim of this process if it has the run already. RunTakenError: somebody else trains the run.
    """
    owner = owner or store.claim(run)
    worker = Worker(run, job, store, owner)
    with _guard:
        _workers[run] = worker
    heartbeat.start(run, store.folder, owner)
    worker.start()
    return worker


def worker_of(run: str) -> Worker | None:
    """The thread of a run, if it trains in this process."""
    with _guard:
        return _workers.get(run)


def explain(error: Exception, session: TrainingSession) -> str:
    """An error as a message that names the node and the step where they are known, and what to try."""
    step = f"step {session.loop.position.step + 1:,}" if session.loop else "the preparation of the run"
    cause = error.__cause__ if isinstance(error, NodeError) else error
    if isinstance(cause, torch.OutOfMemoryError) or "not enough memory" in str(cause):
        where = f" at {error.node}" if isinstance(error, NodeError) else ""
        return f"Out of memory{where} in {step}. Use a smaller batch size or a smaller network."
    if isinstance(error, Diverged):
        return _explain_divergence(error, session)
    if isinstance(error, DataError | StoreError) or (isinstance(error, NetloomError) and session.loop is None):
        return str(error)  # about the data, the disk or the job, not about a step
    if isinstance(error, NetloomError):
        return f"Error in {step}. {error}"
    if isinstance(error, OSError):
        return f"The run could not continue: {error.strerror or error}."
    text = str(error).strip().split("\n", 1)[0][:300]
    return f"Error in {step}: {text or type(error).__name__}. Details are in error.txt in the run's folder."


def _explain_divergence(error: Diverged, session: TrainingSession) -> str:
    """The message of a loss that is NaN, with the first node whose weights are NaN or infinite."""
    assert session.loop is not None
    nodes = (
        name
        for module in session.loop.learner.modules.values()
        for name, child in layers(module).items()
        if any(not torch.isfinite(parameter).all() for parameter in child.parameters())
    )
    node = next(nodes, None)
    where = f" The first node with weights that are NaN or infinite is {node}." if node else ""
    rate = session.job.optimizer.lr
    return (
        f"{error}{where} The learning rate {rate:g} is probably too high: try {rate / 10:g}, or set gradient clipping "
        "to 1."
    )
