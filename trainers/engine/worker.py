"""The background thread of a run: start, pause, resume, stop, and what happens when something goes wrong."""

from __future__ import annotations

import contextlib
import threading
import time
import traceback
from dataclasses import replace

import torch

from trainers import disk
from trainers.data import DataError
from trainers.engine import checkpoint, failures, heartbeat
from trainers.engine.interruption import CHECK_SECONDS, TURNS, Interrupted
from trainers.engine.loop import Diverged
from trainers.engine.session import RETRY_SECONDS, TrainingSession
from trainers.events import OVER, RESUMING, Progress, State
from trainers.job import Job
from trainers.runs.ownership import Owner
from trainers.runs.store import RunTakenError, Store, StoreError

REQUEST_SECONDS = 0.5  # between two looks of a paused run at what another process asks

_workers: dict[str, Worker] = {}
_guard = threading.Lock()


class Worker:
    """The thread of one run. It continues when a page is reloaded; `worker_of` finds it by the run's id.

    A request is answered at once: what is long is left in the middle, and `message` says so. Stop ends the training,
    then the best weights are evaluated on the test split; Stop once more leaves that out.
    """

    def __init__(self, run: str, job: Job, store: Store, owner: Owner) -> None:
        self.run, self.job, self.owner = run, job, owner
        self.store = Store(store.folder)  # its own store, since `Store.write` keeps a connection open
        self.session = TrainingSession(run, job, self.store, owner)
        self.state: State = "queued"
        self.is_ending = False
        self._said = ""  # with the last state
        self._is_written = True
        self._ended: State | None = None  # "finished" or "stopped": only the final evaluation is left to do
        self._random: dict[str, torch.Tensor] | None = None  # the state of the random generators during a pause
        self._wake = threading.Event()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._main, name=f"netloom {run}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def pause(self) -> None:
        if self.state != "paused":
            self._request("pause")

    def stop(self) -> None:
        self._request("stop")
        with self._changed:
            if self.state == "paused" and not self.is_ending:  # a caller of `wait` now waits until the run has ended
                self._set_state("running", "")
        self._wake.set()

    def end(self) -> None:
        """Before it starts: train no further, and only evaluate and write the best weights."""
        self._ended = "stopped"

    def resume(self) -> bool:
        """Continue the run if it is paused. False: it was not."""
        with self._changed:  # of two pages that resume at once, one finds it paused
            if self.state != "paused" or self.is_ending:
                return False
            self.session.request = ""
            self.state, self._said = "queued", RESUMING
            self._changed.notify_all()
        self._wake.set()
        return True

    def abandon(self) -> None:
        """End the thread of a paused run, whose files are about to be deleted."""
        self._request("abandon")
        self._wake.set()
        self.join()

    def join(self) -> None:
        """Wait a moment for the end of the thread, which then owns the run no longer."""
        self._thread.join(10)

    def wait(self, timeout: float | None, states: tuple[State, ...]) -> State:
        """Wait until the run is in one of these states, at most `timeout` seconds. Returns the state that ended the
        wait: read a moment later, it may be another one already."""
        with self._changed:
            self._changed.wait_for(lambda: self.state in states, timeout)
            return self.state

    @property
    def message(self) -> str:
        """What the run does now, other than steps, and what it does about a request or a full disk."""
        session = self.session
        if self.state in ("running", "queued") and session.request:
            verb = "Pausing" if session.request == "pause" else "Stopping"
            where = "after this step" if not session.activity else f"in the middle of {session.activity}"
            return f"{verb} …" if self.state == "queued" else f"{verb} {where} …"
        if self.state == "running":
            return session.trouble or session.message
        return self._said or session.trouble

    def progress(self, stored: Progress) -> Progress:
        """The state of the run now; `stored` is what the store knows of it, which is old while the disk is full."""
        if self.session.trouble and self.session.loop is not None:
            return self.session.progress(self.state, self.message)
        return replace(stored, state=self.state, message=self.message)

    def _request(self, what: str) -> None:
        self.session.request = what
        if self.session.loop is not None:
            self.session.loop.check_requests_now()

    def _set_state(self, state: State, message: str) -> None:
        with self._changed:
            self.state, self._said = state, message
            self._changed.notify_all()

    def _set(self, state: State, message: str) -> State:
        """Write the state of the run, make it known and return it: by then it may have been changed from outside. A
        state that cannot be written, since the disk is full, is tried again by the thread until it can be."""
        self._is_written = self.session.write_state(state, message)
        self._set_state(state, message)
        return state

    # -- the thread ---------------------------------------------------------------------------------------------------

    def _main(self) -> None:
        try:
            self._work()
        except RunTakenError:
            self._leave()
        except Exception as error:  # any error at all: the server and the other runs continue
            self._fail(error)
        finally:
            # The process may end before this succeeds; then the run is resumed from its checkpoint.
            while not self._is_written and self.session.folder.exists():
                time.sleep(RETRY_SECONDS)
                self._is_written = self.session.write_state(self.state, self._said)
            self.session.writer.close()
            heartbeat.stop(self.run)
            with contextlib.suppress(StoreError):
                self.store.release(self.run, self.owner)
            self.store.close()
            if self.state == "failed":
                failures.free_memory(self.session)
            with _guard:
                if _workers.get(self.run) is self:
                    del _workers[self.run]

    def _fail(self, error: Exception) -> None:
        session = self.session
        self.is_ending = True  # before anybody hears that it is paused: its thread does not wait to be resumed
        with contextlib.suppress(OSError):
            (session.folder / "error.txt").write_text(traceback.format_exc(), encoding="utf-8")
        session.keep_remaining_events()
        message = failures.explain(error, session)
        if session.loop is None and self._ended == "stopped":
            self._set("stopped", f"Stopped, without test metrics. {message}")
        elif session.loop is None and checkpoint.exists(session.folder):
            self._set("paused", message)  # what it has learned is not lost: it can be resumed when the cause is gone
        else:
            self._set("failed", message)

    def _leave(self) -> None:
        """Another process has the run, or it was deleted: nothing more is written. A caller of `wait` goes on."""
        self._is_written = True
        self._set_state("stopped", "")

    def _work(self) -> None:
        while self._turn() == "paused":
            self._wait_while_paused()
            if self.session.request == "abandon":
                return self._leave()
        return None

    def _wait_while_paused(self) -> None:
        """Wait until this or another process resumes or stops the run, and save what could not be saved before."""
        while not self._wake.wait(REQUEST_SECONDS):
            if not self._is_written or self.session.trouble:
                self._pause(self._said, self._random)
            with contextlib.suppress(StoreError):
                match self.store.take_request(self.run):
                    case "resume":
                        self.resume()
                    case "stop":
                        self.stop()
        self._wake.clear()

    def _turn(self) -> State:
        """Wait for the turn of this run, then train until the end or until a request to pause or stop."""
        session = self.session
        if session.request == "stop" and session.loop is not None:
            self._ended, session.request = self._ended or "stopped", ""
        if not TURNS.take(self, session.asked, self._queue):
            return self._leave_queue()
        try:
            self._set_state("running", "")
            if self._random is not None:
                checkpoint.set_random_state(self._random, session.device)
            state = self._train_until_interrupted()
            self._random = checkpoint.random_state(session.device)
            return state
        finally:
            TURNS.give_back(self)

    def _queue(self) -> None:
        stopping = "Stopping: the best weights are evaluated when the run that trains now has ended."
        self._set("queued", stopping if self._ended else "")

    def _leave_queue(self) -> State:
        if self.session.request == "pause":
            return self._set("paused", "Paused before its turn.")
        if self._ended:
            return self._end(tested=False)
        if self.session.loop is not None:
            return self._turn()
        return self._set("stopped", "Stopped before it started.")

    def _train_until_interrupted(self) -> State:
        """Train until the end or until a request to pause or stop. The caller has the turn."""
        session = self.session
        try:
            if session.loop is None:
                self._prepare()
            if self._ended is None:
                state = self._train()
                session._seconds = session.seconds
                if state == "paused":
                    return self._pause()
                self._ended = state
            return self._end()
        except Interrupted:
            return self._interrupted()

    def _prepare(self) -> None:
        """Prepare the training; where the disk is full, when there is room. Interrupted: the run was asked to pause or
        to stop meanwhile."""
        session = self.session
        while True:
            try:
                session.prepare()
            except (OSError, StoreError, DataError) as error:
                if isinstance(error, RunTakenError) or not disk.is_full(error, session.folder):
                    raise
                session.loop = None
                session.fail_to_write(error)
                if self._waits_for_request():
                    raise Interrupted from None
            else:
                session.trouble = ""
                return

    def _train(self) -> State:
        session = self.session
        try:
            return session.train()
        except Diverged as error:
            session.activity = "the search for its cause"
            session.message = f"{error} Looking for where it began …"
            with contextlib.suppress(Exception, Interrupted):  # then the message names less
                error.origin = failures.find_origin(session, error.step)
            raise

    def _interrupted(self) -> State:
        """The run was asked to pause or to stop before its first step, or in the evaluation after its last one."""
        session, pauses = self.session, self.session.request == "pause"
        if session.loop is None:
            word = "Paused" if pauses else "Stopped"
            return self._set("paused" if pauses else "stopped", f"{word} in the middle of {session.activity}.")
        if pauses:
            return self._pause(f"Paused in the middle of {session.activity}, which begins again on Resume.")
        return self._end(tested=False)

    def _pause(self, message: str = "", random: dict[str, torch.Tensor] | None = None) -> State:
        """Save what was reached. `random`: the state of the random generators, where other runs use them by now."""
        session = self.session
        try:
            session.write(session.unwritten)
            session.unwritten.clear()
            if session.loop is not None:
                session.save(random)
            session.trouble = ""
        except RunTakenError:
            raise
        except (OSError, StoreError) as error:
            session.fail_to_write(error)
            said = f"{disk.NOT_SAVED} {session.trouble} Keep Netloom running until then."
        else:
            said = "Paused." if not message or message.startswith(disk.NOT_SAVED) else message
        return self._set("paused", said)

    def _end(self, tested: bool = True) -> State:
        """Evaluate and write the best weights, and end the run."""
        session = self.session
        if tested:
            if session.request == "stop":
                session.request = ""  # it is being done: from now on, Stop leaves the evaluation out
            session.activity = "the evaluation on the test split"
            more = " Stop leaves that out." if self._ended == "stopped" else ""
            session.message = f"Evaluating the best weights on the test split …{more}"
        while True:
            try:
                session.finish(tested)
            except RunTakenError:
                raise
            except (OSError, StoreError) as error:
                if not isinstance(error, StoreError) and not disk.may_pass(error):
                    raise
                session.fail_to_write(error)
                if self._waits_for_request():
                    return self._set("stopped", f"Stopped, but its last weights are not saved: {session.trouble}")
            else:
                session.trouble = ""
                return self._set(self._ended or "stopped", self._last_message(tested))

    def _waits_for_request(self) -> bool:
        """Wait a moment before something is written again. True: the run was asked to stop meanwhile."""
        for _ in range(round(RETRY_SECONDS / CHECK_SECONDS)):
            if self.session.request == "stop" or (self.session.request and self.session.loop is None):
                return True
            time.sleep(CHECK_SECONDS)
        return False

    def _last_message(self, tested: bool) -> str:
        loop, job = self.session.loop, self.session.job
        if not tested:
            return "Stopped. The evaluation on the test split was left out, so there are no test metrics."
        if self._ended == "stopped":
            return "Stopped."
        metric = job.paradigm.metric_to_keep(job.dataset)
        if loop is None or metric is None or not loop.stopped_early:
            return "Finished."
        best = "highest" if metric.higher_is_better else "lowest"
        return f"Stopped early: the validation {metric.name} was {best} in epoch {loop.position.best_epoch}."


def launch(
    run: str, job: Job, store: Store, owner: Owner | None = None, stops: bool = False, other_data: bool = False
) -> Worker:
    """Start the thread of a run in this process. A run that has a checkpoint continues from it.

    Parameters:
        owner: the claim of this process if it has the run already.
        stops: end the run where it was left: its best weights are evaluated on the test split.
        other_data: go on although the data set is another one than at the checkpoint.

    Raises:
        RunTakenError: somebody else trains the run.
    """
    owner = owner or store.claim(run)
    worker = Worker(run, job, store, owner)
    worker.session.takes_other_data = other_data
    if stops:
        worker.end()
    with _guard:
        _workers[run] = worker
    heartbeat.start(run, store.folder, owner)
    worker.start()
    return worker


def worker_of(run: str) -> Worker | None:
    """The thread of a run, if it trains in this process."""
    with _guard:
        return _workers.get(run)


def is_free() -> bool:
    """Whether no run trains in this process, nor waits for its turn."""
    with _guard:
        return all(worker.state == "paused" or worker.state in OVER for worker in _workers.values())
