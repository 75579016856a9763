"""The queue of a store: which run is next, who may take it, and what becomes of the run of a process that died.

A run waits while it has a place; then nobody owns it. The one with the highest priority is next, of several the one
with the lowest place. Taking it makes a process its owner and counts an attempt, so a run with attempts whose owner is
gone was lost by its process: it comes back to the front once, and the second time it has failed.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from builder.problems import NetloomError
from trainers.events import Progress, State
from trainers.runs import run_rows
from trainers.runs.ownership import Owner, is_owned
from trainers.runs.run_rows import PROGRESS, RunState
from trainers.runs.store import Store

MOST_ATTEMPTS = 2
PRIORITIES = (-100, 100)
ORDER = "ORDER BY priority DESC, place, rowid"
TAKE = (
    "UPDATE runs SET owner = ?, beat = ?, request = NULL, place = NULL, attempts = COALESCE(attempts, 0) + 1 "
    "WHERE id = ?"
)
LOST = (
    "The process that trained it has ended twice in the middle. A crash of a driver does that, or the system when "
    "memory runs out."
)
RETURNED = "The process that trained it has ended in the middle: it goes on from its last checkpoint."


class QueueError(NetloomError):
    """What was asked of the queue is not possible. The message says why."""


@dataclass(frozen=True)
class Waiting:
    """A run that waits, and its position: 1 for the next one."""

    run: str
    name: str
    position: int
    priority: int = 0


@dataclass(frozen=True)
class WorkerProcess:
    """A worker process of this machine that is alive. `run`: what it trains now."""

    owner: Owner
    slot: int
    run: str | None


class Queue:
    """The queue of one store, and the worker processes that have registered."""

    def __init__(self, store: Store | None = None) -> None:
        self.store = store or Store()

    # -- what waits ---------------------------------------------------------------------------------------------------

    def waiting(self) -> list[Waiting]:
        """Every run that waits, the next one first."""
        with self.store.transaction() as connection:
            rows = _waiting(connection)
        return [Waiting(run, name or "", place, priority) for place, (run, name, priority) in enumerate(rows, 1)]

    def count(self) -> int:
        """How many runs wait."""
        with self.store.transaction() as connection:
            return int(connection.execute("SELECT COUNT(*) FROM runs WHERE place IS NOT NULL").fetchone()[0])

    def training(self) -> int:
        """How many runs train now, in any process."""
        with self.store.transaction() as connection:
            connection.row_factory = sqlite3.Row
            rows = connection.execute("SELECT owner, beat FROM runs WHERE state = 'running'").fetchall()
        return sum(is_owned(dict(row)) for row in rows)

    def position(self, row: Mapping[str, Any]) -> int:
        """The position of a run that waits, from its row in the store."""
        before = "place IS NOT NULL AND (priority > ? OR (priority = ? AND place < ?))"
        with self.store.transaction() as connection:
            values = row["priority"], row["priority"], row["place"]
            return 1 + int(connection.execute(f"SELECT COUNT(*) FROM runs WHERE {before}", values).fetchone()[0])

    def message(self, row: Mapping[str, Any]) -> str:
        """What a run that waits says of itself, from its row in the store."""
        if row["place"] is None:
            return RETURNED
        words = in_words(self.position(row))
        return f"{row['message']} It is {words}." if row["message"] else f"{words.capitalize()}."

    def add(self, run: str, priority: int | None = None, first: bool = False) -> bool:
        """Let a run wait that nobody trains; `first`: before the others of its priority. False: somebody has it now.

        A run that was in the queue before keeps its priority, if none is given. Its attempts begin again.
        """
        low, high = PRIORITIES
        if priority is not None and not low <= priority <= high:
            raise QueueError(f"A priority is a whole number from {low} to {high}, got {priority}.")
        with self.store.transaction() as connection:
            connection.execute("BEGIN IMMEDIATE")
            if _holder(connection, run) is not None:
                return False
            _insert(connection, run, priority, first, attempts=0)
        return True

    def leave(self, run: str, state: State, message: str) -> bool:
        """Take a run out of the queue, "paused" or "stopped". False: it does not wait."""
        with self.store.transaction() as connection:
            connection.execute("BEGIN IMMEDIATE")
            changed = connection.execute(
                "UPDATE runs SET place = NULL, state = ?, message = ?, seconds_left = NULL, updated = ? "
                "WHERE id = ? AND place IS NOT NULL",
                (state, message, time.time(), run),
            )
            if not changed.rowcount:
                return False
        self._keep_state(run)
        return True

    def move(self, run: str, position: int) -> None:
        """Give a run another position, 1 for the next one. It takes the priority of the runs that it comes between.

        QueueError: it does not wait.
        """
        with self.store.transaction() as connection:
            connection.execute("BEGIN IMMEDIATE")
            rows = _waiting(connection)
            order = [each for each in rows if each[0] != run]
            if len(order) == len(rows):
                raise QueueError(f"Run {run[:70]} does not wait in the queue.")
            place = min(max(position - 1, 0), len(order))
            if order:
                behind, before = order[min(place, len(order) - 1)][2], order[max(place - 1, 0)][2]
                own = next(each[2] for each in rows if each[0] == run)
                order.insert(place, (run, "", min(max(own, behind), before) if place else max(own, behind)))
                updates = [(number, priority, moved) for number, (moved, _, priority) in enumerate(order)]
                connection.executemany("UPDATE runs SET place = ?, priority = ? WHERE id = ?", updates)

    def set_priority(self, run: str, priority: int) -> None:
        """Give a run that waits another priority; among those of the same one it comes last. QueueError: it does not
        wait, or there is no such priority."""
        self.position_of(run)
        self.add(run, priority)

    def position_of(self, run: str) -> int:
        """QueueError: the run does not wait."""
        found = next((each.position for each in self.waiting() if each.run == run), None)
        if found is None:
            raise QueueError(f"Run {run[:70]} does not wait in the queue.")
        return found

    # -- taking -------------------------------------------------------------------------------------------------------

    def take(self) -> tuple[str, Owner] | None:
        """Make this process the owner of the next run. One transaction: a run is taken once. None: no run waits."""
        owner = Owner.new()
        taken = None
        try:
            with self.store.transaction() as connection:
                connection.execute("BEGIN IMMEDIATE")
                row = connection.execute(f"SELECT id FROM runs WHERE place IS NOT NULL {ORDER} LIMIT 1").fetchone()
                if row is not None:
                    connection.execute(TAKE, (str(owner), time.time(), row[0]))
                    taken = str(row[0])
        finally:
            if taken is None:
                owner.forget()
        return (taken, owner) if taken is not None else None

    def put_back(self, run: str) -> None:
        """Let a run wait again, as the first one, whose process had to leave it and saved it. It is no lost attempt."""
        with self.store.transaction() as connection:
            connection.execute("BEGIN IMMEDIATE")
            if _holder(connection, run) is None:
                _insert(connection, run, None, True, attempts=0)

    def recover(self) -> list[str]:
        """Put back what processes have lost that are gone; returns these runs. What was lost twice has failed."""
        lost = []
        with self.store.transaction() as connection:
            connection.row_factory = sqlite3.Row
            found = connection.execute(
                "SELECT * FROM runs WHERE state IN ('queued', 'running') AND attempts > 0 AND place IS NULL"
            ).fetchall()
            gone = [row for row in found if not is_owned(row)]
            if gone:
                connection.execute("BEGIN IMMEDIATE")
            for row in gone:
                free = "UPDATE runs SET owner = NULL WHERE id = ? AND owner IS ?"  # of several processes, one does it
                if connection.execute(free, (row["id"], row["owner"])).rowcount:
                    lost.append(row["id"])
                    _return(connection, row)
        for run in lost:
            self._keep_state(run)
        return lost

    def _keep_state(self, run: str) -> None:
        """Write the state of a run into its folder as well, as the store does while it trains."""
        row = self.store.row(run)
        progress = Progress(**{name: row[name] for name in PROGRESS})
        run_rows.write_state(self.store.run_folder(run), RunState(progress, row["origin"] or ""))

    # -- processes ----------------------------------------------------------------------------------------------------

    def register(self, most: int) -> WorkerProcess | None:
        """Register this process as a worker. None: there are as many on this machine as there may be."""
        owner = Owner.new()
        slot = None
        try:
            with self.store.transaction() as connection:
                connection.execute("BEGIN IMMEDIATE")
                taken = {each.slot for each in _workers(connection)}
                slot = next((number for number in range(most) if number not in taken), None)
                if slot is not None:
                    values = str(owner), time.time(), slot
                    connection.execute("INSERT INTO workers (owner, beat, slot) VALUES (?, ?, ?)", values)
        finally:
            if slot is None:
                owner.forget()
        return WorkerProcess(owner, slot, None) if slot is not None else None

    def trains(self, worker: WorkerProcess, run: str | None) -> None:
        """Say which run a worker process trains now."""
        with self.store.transaction() as connection:
            values = run, time.time(), str(worker.owner)
            connection.execute("UPDATE workers SET run = ?, beat = ? WHERE owner = ?", values)

    def unregister(self, worker: WorkerProcess) -> None:
        """This process is a worker no longer."""
        worker.owner.forget()
        with self.store.transaction() as connection:
            connection.execute("DELETE FROM workers WHERE owner = ?", (str(worker.owner),))

    def workers(self) -> list[WorkerProcess]:
        """The worker processes of this machine that are alive."""
        with self.store.transaction() as connection:
            return _workers(connection)


def is_waiting(row: Mapping[str, Any]) -> bool:
    """Whether a run waits in the queue, or is about to come back to it, from its row in the store."""
    lost = row["attempts"] and row["state"] in ("queued", "running") and not is_owned(row)
    return row["place"] is not None or bool(lost)


def in_words(position: int) -> str:
    """A position in the queue: "next in the queue", "2nd in the queue"."""
    if position == 1:
        return "next in the queue"
    ending = "th" if position % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(position % 10, "th")
    return f"{position:,}{ending} in the queue"


def _waiting(connection: sqlite3.Connection) -> list[tuple[str, str, int]]:
    connection.row_factory = None
    query = f"SELECT id, name, COALESCE(priority, 0) FROM runs WHERE place IS NOT NULL {ORDER}"
    return connection.execute(query).fetchall()


def _holder(connection: sqlite3.Connection, run: str) -> Owner | None:
    """Who owns a run and is alive. QueueError: there is no such run, or it is over."""
    row = connection.execute("SELECT owner, beat, state FROM runs WHERE id = ?", (run,)).fetchone()
    if row is None:
        raise QueueError(f"There is no run {run[:70]!r}. `netloom runs` lists them.")
    owner = Owner.read(row[0])
    return owner if owner is not None and owner.is_alive(row[1]) else None


def _insert(connection: sqlite3.Connection, run: str, priority: int | None, first: bool, attempts: int) -> None:
    known = connection.execute("SELECT COALESCE(priority, 0) FROM runs WHERE id = ?", (run,)).fetchone()[0]
    priority = known if priority is None else priority
    edge = "MIN(place) - 1" if first else "MAX(place) + 1"
    query = f"SELECT COALESCE({edge}, 0) FROM runs WHERE place IS NOT NULL AND priority = ? AND id != ?"
    place = connection.execute(query, (priority, run)).fetchone()[0]
    connection.execute(
        "UPDATE runs SET place = ?, priority = ?, attempts = ?, owner = NULL, request = NULL, state = 'queued', "
        "seconds_left = NULL, updated = ? WHERE id = ?",
        (place, priority, attempts, time.time(), run),
    )


def _return(connection: sqlite3.Connection, row: sqlite3.Row) -> None:
    """Put a run back whose process is gone, or let it fail."""
    owner, attempts = Owner.read(row["owner"]), int(row["attempts"])
    if owner is not None and owner.is_of_an_earlier_boot:  # the whole machine went down: not the run's fault
        attempts -= 1
    if attempts >= MOST_ATTEMPTS:
        values = LOST, time.time(), row["id"]
        connection.execute(
            "UPDATE runs SET state = 'failed', message = ?, seconds_left = NULL, updated = ? WHERE id = ?", values
        )
        return
    _insert(connection, row["id"], None, True, attempts)
    connection.execute("UPDATE runs SET message = ? WHERE id = ?", (RETURNED, row["id"]))


def _workers(connection: sqlite3.Connection) -> list[WorkerProcess]:
    """Those of this machine that are alive; the rows of others of this machine are deleted."""
    connection.row_factory = None
    alive = []
    for text, beat, slot, run in connection.execute("SELECT owner, beat, slot, run FROM workers").fetchall():
        owner = Owner.read(text)
        if owner is None or not owner.is_on_this_machine:
            continue
        if owner.is_alive(beat):
            alive.append(WorkerProcess(owner, slot, run))
        else:
            connection.execute("DELETE FROM workers WHERE owner = ?", (text,))
    return sorted(alive, key=lambda worker: worker.slot)
