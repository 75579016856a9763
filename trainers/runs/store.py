"""Runs on disk: one SQLite file for state, metrics and probes, and a folder for each run with its job and weights.

SQLite runs in WAL mode, so pages in any process read while a training thread writes. Connections are short-lived or
belong to one thread; nothing is locked for longer than one small transaction. All SQL
is here and in database.py.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import sqlite3
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from builder.problems import NetloomError
from trainers import migrate
from trainers.array_json import decode_array, encode_array
from trainers.events import (
    OVER,
    Event,
    Histograms,
    Metric,
    Probe,
    ProbeKind,
    Progress,
    Snapshot,
    Text,
    Verdict,
    Verdicts,
)
from trainers.runs import files, metric_series, run_rows
from trainers.runs.database import Database, reason
from trainers.runs.database import StoreDamagedError as StoreDamagedError
from trainers.runs.database import StoreError as StoreError
from trainers.runs.ownership import Owner, is_owned
from trainers.runs.run_rows import PROGRESS, RunState

METRIC = "run, step, epoch, split, metric, value"
TAKEN = "it is not trained a second time. Stop it there, or wait until that process has ended."
TEXTS = "texts"  # the kind of generated texts in the table of probes
SNAPSHOT = "snapshot:"  # the kind of snapshots there, followed by their view
MOST_PROBES = 250  # probes of one kind returned at most, spread evenly over the run
NEWEST_FIRST = "ORDER BY runs.created DESC, runs.rowid DESC"
NAMED = "WHERE (? = '' OR INSTR(LOWER(runs.name), LOWER(?)))"
# Of runs that are over, the columns behind the histograms are not read: those are long.
_OWNED = ("owner", "beat", "request")
_OWNER = ", ".join(f"CASE WHEN state IN {OVER} THEN NULL ELSE {name} END AS {name}" for name in _OWNED)
_COLUMNS = f"runs.id, name, {', '.join(PROGRESS)}, {_OWNER}, place, priority, attempts, facts, best"
TABLE = f"{_COLUMNS} FROM runs LEFT JOIN summaries ON run = runs.id"
OF_A_RUN = ("metrics", "probes", "summaries", "jobs")  # the other tables with rows of a run
RUN_ID = re.compile(r"[0-9a-z-]{6,64}")


class RunTakenError(StoreError):
    """Another process or thread trains the run, or it was deleted. The message says who."""


class Store(Database):
    """All runs in one $NETLOOM_HOME."""

    _kept_state: tuple[str, str, int] | None = None  # the last change of state that a folder has
    lost_rows = False  # whether the rows of a run were lost while its owner wrote through this store

    def create(
        self,
        name: str,
        job: str,
        steps: int,
        epochs: int,
        origin: str = "",
        owner: Owner | None = None,
        facts: str | None = None,
    ) -> str:
        """Create a run in state "queued" and return its id.

        Parameters:
            origin: the id of the document that it trains.
            owner: who is going to train it; without one, whoever claims it.
            facts: what tables of runs show of its job, see trainers/runs/facts.py.
        """
        run = f"{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:8]}"
        try:
            self.run_folder(run).mkdir(parents=True)
            files.write_text(self.run_folder(run) / "job.json", job, at_once=True)
            queued = RunState(Progress("queued", epochs=epochs, steps=steps), origin)
            run_rows.write_state(self.run_folder(run), queued)
        except OSError as error:
            raise StoreError(reason(error, self.folder)) from error
        with self.transaction() as connection:
            newest = connection.execute("SELECT MAX(created) FROM runs").fetchone()[0] or 0.0
            created = max(time.time(), newest + 0.001)  # the newest run comes first, also where the clock was set back
            run_rows.insert(connection, run, name, job, epochs, created, steps, origin, owner, facts)
        return run

    def _fill(self, connection: sqlite3.Connection) -> None:
        run_rows.read_in_newest(connection, self.folder / "runs")

    def read_in(self, run: str) -> None:
        """Add the run of a folder. NetloomError, OSError, ValueError: its job cannot be read."""
        with self.transaction() as connection:
            run_rows.read_in(connection, self.run_folder(run))

    def job(self, run: str) -> str:
        """The job of a run, a document as JSON. If job.json is damaged, it is written again from the store's copy.

        StoreError: both are damaged, or the run is of an older version, whose store has no copy.
        """
        path = self.run_folder(run) / "job.json"
        try:
            content = path.read_bytes()
        except OSError:
            content = b""
        for row in self._rows("SELECT job, sha256 FROM jobs WHERE run = ?", run):
            kept = str(row["job"])
            if files.digest(kept.encode()) != row["sha256"]:
                continue
            if content != kept.encode():
                with contextlib.suppress(OSError):
                    files.write_text(path, kept)
            return kept
        try:
            text = content.decode()
            json.loads(text)
        except ValueError:
            raise StoreError(f"job.json of run {run} is damaged or missing, and there is no copy of it.") from None
        return text

    def unfinished(self) -> list[str]:
        """The runs that were to train or trained, and whose process has ended, the newest first. Not those that the
        queue has lost: they come back by themselves."""
        theirs = "state IN ('queued', 'running') AND place IS NULL AND COALESCE(attempts, 0) = 0"  # not of the queue's
        query = f"SELECT id, owner, beat FROM runs WHERE {theirs} ORDER BY created DESC, rowid DESC"
        return [row["id"] for row in self._rows(query) if not is_owned(row)]

    # -- owners -----------------------------------------------------------------------------------------------------

    def claim(self, run: str) -> Owner:
        """Make this process the owner of a run, unless another owner is alive. One transaction: of several that ask at
        once, one gets the run. RunTakenError: somebody else trains it."""
        owner = Owner.new()
        try:
            with self.transaction() as connection:
                connection.execute("BEGIN IMMEDIATE")
                row = connection.execute("SELECT owner, beat FROM runs WHERE id = ?", (run,)).fetchone()
                if row is None:
                    raise StoreError(f"There is no run {run[:70]!r}. `netloom runs` lists them.")
                holder = Owner.read(row[0])
                if holder is not None and holder.is_alive(row[1]):
                    raise RunTakenError(f"Run {run} is in the hands of {holder.describe()}: {TAKEN}")
                # a request was for the owner before
                connection.execute(
                    "UPDATE runs SET owner = ?, beat = ?, request = NULL, place = NULL, attempts = 0 WHERE id = ?",
                    (str(owner), time.time(), run),
                )
        except BaseException:
            owner.forget()
            raise
        return owner

    def release(self, run: str, owner: Owner) -> None:
        """Give up a run. Whether or not that can be written, this process owns it no longer."""
        owner.forget()
        with self.transaction() as connection:
            connection.execute("UPDATE runs SET owner = NULL WHERE id = ? AND owner = ?", (run, str(owner)))

    def beat(self, run: str, owner: Owner) -> None:
        """Report that the owner of a run is alive, for other machines, which cannot look at its process."""
        with self.transaction() as connection:
            connection.execute("UPDATE runs SET beat = ? WHERE id = ? AND owner = ?", (time.time(), run, str(owner)))

    def owner(self, run: str) -> Owner | None:
        """The owner of a run, if it is alive. StoreError: there is no such run."""
        row = self.row(run)
        owner = Owner.read(row["owner"])
        return owner if owner is not None and owner.is_alive(row["beat"]) else None

    def take_request(self, run: str) -> str | None:
        """What another process asked the owner of a run to do ("pause", "stop", "resume"), once."""
        with self.transaction() as connection:
            row = connection.execute("SELECT request FROM runs WHERE id = ?", (run,)).fetchone()
            if row and row[0]:
                connection.execute("UPDATE runs SET request = NULL WHERE id = ?", (run,))
        return row[0] if row else None

    # -- writing ----------------------------------------------------------------------------------------------------

    def run_folder(self, run: str) -> Path:
        """The folder of a run. StoreError: no run can have this id, so it is not used as a path."""
        if not RUN_ID.fullmatch(run):
            raise StoreError(f"{run[:70]!r} is not the id of a run.")
        return self.folder / "runs" / run

    def write(self, run: str, events: Iterable[Event], owner: Owner | None = None) -> str | None:
        """Write events in one transaction. Returns the request of another process ("pause", "stop"), if any, once.

        `owner` is who writes. RunTakenError: the run has another owner by now, or was deleted; nothing was written.
        """
        events = list(events)
        with self._writing() as connection:
            if owner is not None:
                self._check_owner(connection, run, owner)
            metrics: list[tuple[Any, ...]] = []
            latest: Progress | None = None
            for event in events:
                match event:
                    case Metric(step, epoch, split, metric, value):
                        metrics.append((run, step, epoch, split, metric, value))
                    case Probe(step, kind, values):
                        row = (run, kind, step, json.dumps(values))
                        connection.execute("INSERT INTO probes VALUES (?, ?, ?, ?)", row)
                    case Text(step, pieces):
                        text = (run, TEXTS, step, json.dumps(pieces))
                        connection.execute("INSERT INTO probes VALUES (?, ?, ?, ?)", text)
                    case Snapshot(step, view, arrays):
                        encoded = json.dumps({name: encode_array(array) for name, array in arrays.items()})
                        snapshot = (run, SNAPSHOT + view, step, encoded)
                        connection.execute("INSERT INTO probes VALUES (?, ?, ?, ?)", snapshot)
                    case Histograms() | Verdicts():
                        self._write_latest(connection, run, event)
                    case Progress():
                        run_rows.write_progress(connection, run, event)
                        latest = event
            connection.executemany(f"INSERT OR REPLACE INTO metrics ({METRIC}) VALUES (?, ?, ?, ?, ?, ?)", metrics)
            if latest is not None and latest.state in OVER:
                best = run_rows.best_values(connection, run)
                connection.execute("UPDATE summaries SET best = ? WHERE run = ?", (best, run))
            row = connection.execute("SELECT request, origin FROM runs WHERE id = ?", (run,)).fetchone()
            if row and row[0]:
                connection.execute("UPDATE runs SET request = NULL WHERE id = ?", (run,))
        if row and latest is not None:
            self._keep_state(run, latest, row[1] or "")
        return row[0] if row else None

    def _keep_state(self, run: str, progress: Progress, origin: str) -> None:
        """Write a change of state into the run's folder as well."""
        change = run, progress.state, progress.steps
        if change != self._kept_state and run_rows.write_state(self.run_folder(run), RunState(progress, origin)):
            self._kept_state = change

    def _check_owner(self, connection: sqlite3.Connection, run: str, owner: Owner) -> None:
        """RunTakenError: this owner has the run no longer. Where the file of the store was deleted or replaced
        meanwhile, the run is read in again from its folder, and this owner keeps it."""
        update = "UPDATE runs SET beat = ? WHERE id = ? AND owner = ?"
        if connection.execute(update, (time.time(), run, str(owner))).rowcount:
            return
        row = connection.execute("SELECT owner, beat FROM runs WHERE id = ?", (run,)).fetchone()
        holder = Owner.read(row[0]) if row else None
        is_held = holder is not None and holder.is_alive(row[1])
        if not is_held and self._take_back(connection, run, owner, row is not None):
            return
        reason = f"it is in the hands of {holder.describe()}" if holder else "it was deleted or ended elsewhere"
        raise RunTakenError(f"This process trains run {run} no longer: {reason}.")

    def _take_back(self, connection: sqlite3.Connection, run: str, owner: Owner, has_row: bool) -> bool:
        """Make this owner the owner of its run in a file that is another one than before. False: it is the same."""
        if has_row and not self._is_another_file:
            return False
        if not has_row:
            try:
                run_rows.read_in(connection, self.run_folder(run))
            except (NetloomError, OSError, ValueError):  # it was deleted with its folder
                return False
        connection.execute("UPDATE runs SET owner = ?, beat = ? WHERE id = ?", (str(owner), time.time(), run))
        self._is_another_file, self.lost_rows = False, True
        return True

    @staticmethod
    def _write_latest(connection: sqlite3.Connection, run: str, event: Histograms | Verdicts) -> None:
        if isinstance(event, Histograms):
            connection.execute("UPDATE runs SET histograms = ? WHERE id = ?", (json.dumps(event.values), run))
        else:
            rows = [[getattr(v, name) for name in Verdict.__dataclass_fields__] for v in event.values]
            connection.execute("UPDATE runs SET verdicts = ? WHERE id = ?", (json.dumps(rows), run))

    def request(self, run: str, what: str) -> None:
        """Ask the process that trains a run to "pause" or "stop" it. It looks for requests a few times a second."""
        with self.transaction() as connection:
            connection.execute("UPDATE runs SET request = ? WHERE id = ?", (what, run))

    def delete_after(self, run: str, step: int) -> int:
        """Delete what was written after a checkpoint, so that a resumed run does not write it twice. Returns how many
        metrics that were."""
        with self.transaction() as connection:
            deleted = 0
            for kind in list(metric_series.kinds(connection, run)):
                later = "DELETE FROM metrics WHERE run = ? AND split = ? AND metric = ? AND step > ?"
                deleted += connection.execute(later, (run, *kind, step)).rowcount
            connection.execute("DELETE FROM probes WHERE run = ? AND step > ?", (run, step))
        return deleted

    def row(self, run: str) -> dict[str, Any]:
        """The state of a run and everything that is kept once: all but its metrics, probes, texts and snapshots.

        StoreError: there is no such run, nor a folder of it, which would be read in.
        """
        query = "SELECT * FROM runs WHERE id = ?"
        rows = self._rows(query, run)
        if not rows and RUN_ID.fullmatch(run):
            with contextlib.suppress(NetloomError, OSError, ValueError):
                self.read_in(run)
                rows = self._rows(query, run)
        if not rows:
            raise StoreError(f"There is no run {run[:70]!r}. `netloom runs` lists them.")
        return rows[0]

    def has(self, run: str) -> bool:
        """Whether there is such a run."""
        return bool(self._rows("SELECT 1 FROM runs WHERE id = ?", run))

    def run_ids(self) -> list[str]:
        """The ids of all runs, the newest first."""
        return [row["id"] for row in self.run_rows()]

    def run_rows(self, limit: int | None = None) -> list[dict[str, Any]]:
        """The id of each run, or of the `limit` newest ones, the newest first."""
        query = f"SELECT id FROM runs {NEWEST_FIRST} LIMIT ?"
        return self._rows(query, -1 if limit is None else limit)

    def count(self, search: str = "") -> int:
        """How many runs there are whose names contain `search`, in upper or lower case."""
        query = f"SELECT COUNT(*) AS count FROM runs {NAMED}"
        return int(self._rows(query, search, search)[0]["count"])

    def table(self, limit: int, offset: int = 0, search: str = "") -> list[dict[str, Any]]:
        """What tables of runs show of those whose names contain `search`, the newest first: id, name, the fields
        of their progress, owner, facts and best values (None where they are not stored)."""
        query = f"SELECT {TABLE} {NAMED} {NEWEST_FIRST} LIMIT ? OFFSET ?"
        return self._rows(query, search, search, limit, offset)

    def table_row(self, run: str) -> dict[str, Any]:
        """The same of one run. StoreError: there is no such run."""
        rows = self._rows(f"SELECT {TABLE} WHERE runs.id = ?", run)
        return rows[0] if rows else self.row(run)

    def best_values(self, *runs: str) -> Iterator[str]:
        """The best values and the scores of each run, as `write` stores them when it is over."""
        with self.transaction() as connection:
            for run in runs:
                yield run_rows.best_values(connection, run)

    def write_summaries(self, found: Mapping[str, tuple[str, str]]) -> None:
        """Store facts and best values of runs of an older version: run → both."""
        rows = [(run, *values) for run, values in found.items()]
        with self.transaction() as connection:
            connection.executemany("INSERT OR REPLACE INTO summaries VALUES (?, ?, ?)", rows)

    def newest_run_of(self, origin: str, name: str) -> str | None:
        """The id of the newest run of a document: by the document's id, or by its name among runs without that id."""
        query = "SELECT id FROM runs WHERE origin = ? OR (COALESCE(origin, '') = '' AND name = ?)"
        order = "ORDER BY origin = ? DESC, created DESC, rowid DESC LIMIT 1"
        rows = self._rows(f"{query} {order}", origin, name, origin)
        return rows[0]["id"] if rows else None

    def metrics(self, run: str) -> list[dict[str, Any]]:
        """Every metric that was written, with step, epoch, split, metric and value, in the order of the steps."""
        query = "SELECT step, epoch, split, metric, value FROM metrics WHERE run = ? ORDER BY step, rowid"
        return self._rows(query, run)

    def metric_rows(self, run: str) -> list[tuple[Any, ...]]:
        """The same as tuples: half the time of a long run."""
        query = "SELECT step, epoch, split, metric, value FROM metrics WHERE run = ? ORDER BY step, rowid"
        with self.transaction() as connection:
            return connection.execute(query, (run,)).fetchall()

    def metrics_after(self, run: str, row_id: int, step: int) -> list[dict[str, Any]] | None:
        """The metrics that were written after the one with this `row_id` (0: all), each with its own row_id.

        `step` is the step of that metric. None: it was deleted, since the run went back to a checkpoint. All metrics of
        a long run are more than a chart can show or a page can read at once: of each, some are chosen, evenly over the
        steps, and the newest of all comes last.
        """
        if row_id:
            return self._after("metrics", "step, epoch, split, metric, value", run, row_id, step)
        with self.transaction() as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in metric_series.read(connection, run)]

    def probes_after(self, run: str, row_id: int, step: int) -> list[dict[str, Any]] | None:
        """The rows of probes, texts and snapshots that were written after the one with this `row_id` (0: all), each
        with row_id, kind, step and payload (of a probe, JSON; of texts and snapshots NULL).

        `step` is the step of that row. None: it was deleted, since the run went back to a checkpoint.
        """
        payload = f"CASE WHEN kind IN ({', '.join(repr(kind) for kind in get_args(ProbeKind))}) THEN payload END"
        return self._after("probes", f"kind, step, {payload} AS payload", run, row_id, step)

    def _after(self, table: str, columns: str, run: str, row_id: int, step: int) -> list[dict[str, Any]] | None:
        """The rows of a table that were written after the one with this `row_id`, which was of this `step`."""
        if row_id:
            found = self._rows(f"SELECT step FROM {table} WHERE rowid = ? AND run = ?", row_id, run)
            if [row["step"] for row in found] != [step]:
                return None
        # A plus keeps SQLite from the index by run, through which it would read every row of the run each time.
        plus = "+" if row_id else ""
        query = f"SELECT rowid AS row_id, {columns} FROM {table} WHERE {plus}run = ? AND rowid > ? ORDER BY rowid"
        return self._rows(query, run, row_id)

    def scores(self, run: str) -> dict[str, float]:
        """The metrics on the test split without NaN. They are read from the run's summary once it is over."""
        query = "SELECT best FROM summaries JOIN runs ON runs.id = run WHERE run = ? AND state IN (?, ?, ?)"
        rows = self._rows(query, run, *OVER)
        best = json.loads((rows[0]["best"] if rows else None) or next(self.best_values(run)))
        scores: dict[str, float] = best["scores"]
        return scores

    def probes(self, run: str, kind: ProbeKind) -> list[Probe]:
        """The probes of one kind in the order of the steps; of a long run, MOST_PROBES spread evenly over it."""
        rows = self._rows("SELECT step, payload FROM probes WHERE run = ? AND kind = ? ORDER BY step", run, kind)
        stride = -(-len(rows) // MOST_PROBES) or 1
        chosen = rows[::stride]
        if rows and chosen[-1] is not rows[-1]:
            chosen.append(rows[-1])
        return [Probe(row["step"], kind, json.loads(row["payload"])) for row in chosen]

    def texts(self, run: str) -> list[Text]:
        """The generated texts in the order of the steps."""
        query = "SELECT step, payload FROM probes WHERE run = ? AND kind = ? ORDER BY step, rowid"
        rows = self._rows(query, run, TEXTS)
        return [Text(row["step"], tuple((text, kind) for text, kind in json.loads(row["payload"]))) for row in rows]

    def snapshot_steps(self, run: str, view: str) -> list[int]:
        """The steps with a snapshot for this view."""
        query = "SELECT DISTINCT step FROM probes WHERE run = ? AND kind = ? ORDER BY step"
        return [row["step"] for row in self._rows(query, run, SNAPSHOT + view)]

    def snapshot(self, run: str, view: str, step: int | None = None) -> Snapshot | None:
        """The last snapshot for this view, or the last one up to `step`. None: there is none."""
        query = "SELECT step, payload FROM probes WHERE run = ? AND kind = ? AND step <= ? ORDER BY step DESC LIMIT 1"
        rows = self._rows(query, run, SNAPSHOT + view, 2**62 if step is None else step)
        if not rows:
            return None
        arrays = migrate.arrays(json.loads(rows[0]["payload"]))
        return Snapshot(rows[0]["step"], view, {name: decode_array(value) for name, value in arrays.items()})

    def delete(self, run: str) -> None:
        """Delete a run and its folder."""
        folder = self.run_folder(run)
        with contextlib.suppress(OSError):  # without it, nobody reads the run in again
            (folder / "job.json").unlink()
        with self.transaction() as connection:
            for table, column in (*((table, "run") for table in OF_A_RUN), ("runs", "id")):
                connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (run,))
        shutil.rmtree(folder, ignore_errors=True)
