"""The background thread of a run: start, pause, resume, stop, and what happens when something goes wrong."""

from __future__ import annotations

import threading
import traceback

import torch

from builder.compile import layers
from builder.problems import NetloomError, NodeError
from trainers.data import DataError
from trainers.engine import checkpoint
from trainers.engine.loop import Diverged
from trainers.engine.session import TRAINING_LOCK, Session, StopRequested
from trainers.events import State
from trainers.job import Job
from trainers.paradigms.transfer.weight_files import WeightsError
from trainers.runs.store import Store, StoreError

_workers: dict[str, Worker] = {}
_guard = threading.Lock()


class Worker:
    """One run's thread. It outlives page reloads; `worker_of` finds it again by the run's id."""

    def __init__(self, run: str, job: Job, store: Store) -> None:
        self.run, self.job = run, job
        self.store = Store(store.folder)  # its own: it keeps a connection open
        self.session = Session(run, job, self.store)
        self.state: State = "queued"
        self._wake = threading.Event()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._main, name=f"netloom {run}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def pause(self) -> None:
        self._ask("pause")

    def stop(self) -> None:
        self._ask("stop")
        if self.state == "paused":  # so that who waits now waits for the end
            self._set("queued", "Stopping …")
        self._wake.set()

    def resume(self) -> None:
        if self.state == "paused":
            self.session.request = ""
            self._set("queued", "")
            self._wake.set()

    def wait(self, timeout: float | None, states: tuple[State, ...]) -> bool:
        """Wait until the run is in one of these states; False: the time is over."""
        with self._changed:
            return self._changed.wait_for(lambda: self.state in states, timeout)

    def _ask(self, what: str) -> None:
        self.session.request = what
        if self.session.loop is not None:
            self.session.loop.hurry()

    def _set(self, state: State, message: str) -> None:
        self.session.tell(state, message)
        with self._changed:
            self.state = state
            self._changed.notify_all()

    def _main(self) -> None:
        try:
            self._work()
        except Exception as error:  # the last line of defence: the server and the other runs go on
            (self.session.folder / "error.txt").write_text(traceback.format_exc(), encoding="utf-8")
            self.session.tell_rest()
            self._set("failed", explain(error, self.session))
        finally:
            self.store.close()
            with _guard:
                _workers.pop(self.run, None)

    def _work(self) -> None:
        random: dict[str, torch.Tensor] | None = None
        while True:
            with TRAINING_LOCK:
                if self.session.request == "stop" and self.session.loop is None:
                    return self._set("stopped", "Stopped before it began.")
                if random is not None:
                    checkpoint.set_random_state(random, self.session.device)
                state = self._train_until_interrupted()
                random = checkpoint.random_state(self.session.device)
            if state != "paused":
                return None
            self._wake.wait()
            self._wake.clear()
            if self.session.request == "stop":
                if self.session.loop is not None:
                    return self._end("stopped")
                self._leave()
                return None

    def _train_until_interrupted(self) -> State:
        """Train until the end or until asked to leave. Holds the slot."""
        session = self.session
        with self._changed:
            self.state = "running"
            self._changed.notify_all()
        if session.loop is None:
            try:
                session.prepare()
            except StopRequested:
                return self._leave()
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

    def _leave(self) -> State:
        """Asked to leave while what it begins with was made ready: nothing has been learned that could be lost."""
        if self.session.request == "pause":
            self._set("paused", "Paused before its first step.")
            return "paused"
        self._set("stopped", "Stopped before its first step.")
        return "stopped"

    def _pause(self) -> None:
        message, self.session.trouble = self.session.trouble, ""
        try:
            self.session.save()
        except (OSError, StoreError) as error:
            message = message or f"Paused, but not saved: {error}"
        self._set("paused", message or "Paused.")

    def _end(self, state: State) -> None:
        session = self.session
        try:
            session.finish()
        except (OSError, StoreError) as error:
            return self._set("failed", f"Trained to the end, but the weights could not be saved: {error}")
        words = {"finished": "Finished.", "stopped": "Stopped."}
        loop = session.loop
        if loop is not None and state == "finished" and loop.stopped_early:
            words["finished"] = f"Stopped early: the validation loss was lowest in epoch {loop.position.best_epoch}."
        return self._set(state, words[state])


def launch(run: str, job: Job, store: Store) -> Worker:
    """Start, or start again from its checkpoint, a run's thread in this process."""
    worker = Worker(run, job, store)
    with _guard:
        _workers[run] = worker
    worker.start()
    return worker


def worker_of(run: str) -> Worker | None:
    """The thread of a run in this process, if it has one."""
    with _guard:
        return _workers.get(run)


def explain(error: Exception, session: Session) -> str:
    """What went wrong, as a sentence that names the node and the step where they are known, and what to try."""
    step = session.loop.position.step + 1 if session.loop else 0
    cause = error.__cause__ if isinstance(error, NodeError) else error
    if isinstance(cause, torch.OutOfMemoryError) or "not enough memory" in str(cause):
        where = f" at {error.node}" if isinstance(error, NodeError) else ""
        return f"Out of memory{where} in step {step:,}. Use a smaller batch size or a smaller network."
    if isinstance(error, Diverged):
        return _explain_divergence(error, session)
    if isinstance(error, DataError | StoreError | WeightsError):
        return str(error)
    if isinstance(error, NetloomError):
        return f"Step {step:,} failed. {error}"
    if isinstance(error, OSError):
        return f"The run could not go on: {error.strerror or error}."
    text = str(error).strip().split("\n", 1)[0][:300]
    return f"Step {step:,} failed: {text or type(error).__name__}. Details are in error.txt in the run's folder."


def _explain_divergence(error: Diverged, session: Session) -> str:
    """Name the first node whose weights are no longer numbers."""
    node = ""
    if session.loop is not None:
        for module in session.loop.learner.modules.values():
            for name, child in layers(module).items():
                if any(not torch.isfinite(parameter).all() for parameter in child.parameters()):
                    node = node or name
    where = f" The weights of {node} are the first that are not numbers." if node else ""
    rate = session.job.optimizer.lr
    return (
        f"The loss is no longer a number at step {error.step:,}.{where} The learning rate {rate:g} is probably too "
        f"high: try {rate / 10:g}, or set gradient clipping to 1."
    )
