"""A run as pages, programs and the command line see it: its state, its numbers, its model, and its controls."""

from __future__ import annotations

import functools
import json
import time
from typing import TYPE_CHECKING, Any

import builder
from builder.document import Document
from builder.problems import NetloomError
from trainers import migrate
from trainers.events import ProbeKind, Progress, Snapshot, State, Text, Verdict
from trainers.job import Job
from trainers.runs.array_json import unpacked
from trainers.runs.store import PROGRESS, SNAPSHOT, TEXTS, Store, process_lives

if TYPE_CHECKING:
    import pandas as pd
    from torch import nn

    from trainers.engine.worker import Worker
    from trainers.paradigms.base import Part

OVER: tuple[State, ...] = ("finished", "stopped", "failed")
MOMENTS = 250  # probes returned at most, spread evenly over the run


class RunError(NetloomError):
    """Something was asked of a run that it cannot do now; the text says why."""


class Run:
    """One training run, found by its id from any process."""

    def __init__(self, run: str, store: Store | None = None) -> None:
        """StoreError: there is no such run."""
        self.store = store or Store()
        self.id = run
        self.store.row(run)

    @property
    def state(self) -> State:
        """ "queued", "running", "paused", "finished", "stopped" or "failed"."""
        return self.progress().state

    def progress(self) -> Progress:
        """How far the run is. A run whose process has died is paused: it goes on from its last checkpoint."""
        row = self.store.row(self.id)
        worker = self._worker()
        values = {name: row[name] for name in PROGRESS}
        if worker is not None:
            values["state"] = worker.state
        elif row["state"] not in OVER and not self._lives_elsewhere(row):
            message = (
                row["message"] if row["state"] == "paused" else "Interrupted: Netloom was closed while it trained."
            )
            values |= {"state": "paused", "message": message, "seconds_left": None}
        return Progress(**values)

    @property
    def name(self) -> str:
        return str(self.store.row(self.id)["name"])

    @property
    def origin(self) -> str:
        """The id of the document that was trained; empty for runs from the command line."""
        return self.store.row(self.id)["origin"] or ""

    @functools.cached_property
    def document(self) -> Document:
        """The document as it was trained."""
        return migrate.document(builder.load(self.store.run_folder(self.id) / "job.json"))

    @functools.cached_property
    def job(self) -> Job:
        return Job(self.document)

    # -- numbers ----------------------------------------------------------------------------------------------------

    def metrics(self) -> pd.DataFrame:
        """Columns step, epoch, split, metric, value, in the order of the steps."""
        import pandas as pd

        columns = ["step", "epoch", "split", "metric", "value"]
        query = f"SELECT {', '.join(columns)} FROM metrics WHERE run = ? ORDER BY step, rowid"
        return pd.DataFrame(self.store.rows(query, (self.id,)), columns=columns)

    def metrics_after(self, place: int, step: int) -> list[dict[str, Any]] | None:
        """The metrics written after the one at `place` (0: all), each with its own `place`; `step` is that one's.

        None: that one is gone, since the run went back to a checkpoint. Then all of them have to be read again.
        """
        if place:
            query = "SELECT step FROM metrics WHERE rowid = ? AND run = ?"
            if [row["step"] for row in self.store.rows(query, (place, self.id))] != [step]:
                return None
        query = "SELECT rowid AS place, step, epoch, split, metric, value FROM metrics WHERE run = ? AND rowid > ?"
        return self.store.rows(f"{query} ORDER BY rowid", (self.id, place))

    def probes(self, kind: ProbeKind) -> pd.DataFrame:
        """Columns step, node, statistic, value; of a long run, moments spread evenly over it."""
        import pandas as pd

        query = "SELECT step, payload FROM probes WHERE run = ? AND kind = ? ORDER BY step"
        moments = self.store.rows(query, (self.id, kind))
        stride = -(-len(moments) // MOMENTS) or 1
        kept = moments[::stride]
        if moments and kept[-1] is not moments[-1]:
            kept.append(moments[-1])
        rows = [
            (moment["step"], node, statistic, value)
            for moment in kept
            for node, statistics in json.loads(moment["payload"]).items()
            for statistic, value in statistics.items()
        ]
        return pd.DataFrame(rows, columns=["step", "node", "statistic", "value"])

    def histograms(self) -> dict[str, tuple[list[float], list[int]]]:
        """The newest histogram of each node's activations: node → (edges, counts)."""
        found = json.loads(self.store.row(self.id)["histograms"] or "{}")
        return {
            node: ([low + (high - low) * i / len(counts) for i in range(len(counts) + 1)], counts)
            for node, (low, high, counts) in found.items()
        }

    def texts(self) -> list[Text]:
        """The sample texts that it wrote while it trained, in the order of the steps."""
        query = "SELECT step, payload FROM probes WHERE run = ? AND kind = ? ORDER BY step, rowid"
        rows = self.store.rows(query, (self.id, TEXTS))
        return [Text(row["step"], tuple((text, mark) for text, mark in json.loads(row["payload"]))) for row in rows]

    def snapshot_steps(self, view: str) -> list[int]:
        """The steps at which the run kept what `view` shows."""
        query = "SELECT DISTINCT step FROM probes WHERE run = ? AND kind = ? ORDER BY step"
        return [row["step"] for row in self.store.rows(query, (self.id, SNAPSHOT + view))]

    def snapshot(self, view: str, step: int | None = None) -> Snapshot | None:
        """What the networks made at a step, or last; None where nothing of this view was kept."""
        query = "SELECT step, payload FROM probes WHERE run = ? AND kind = ? AND step <= ? ORDER BY step DESC LIMIT 1"
        found = self.store.rows(query, (self.id, SNAPSHOT + view, 2**62 if step is None else step))
        if not found:
            return None
        arrays = {name: unpacked(value) for name, value in migrate.arrays(json.loads(found[0]["payload"])).items()}
        return Snapshot(found[0]["step"], view, arrays)

    def verdicts(self) -> list[Verdict]:
        """What the probes mean now, in words, the most serious first."""
        return [Verdict(*row) for row in json.loads(self.store.row(self.id)["verdicts"] or "[]")]

    def scores(self) -> dict[str, float]:
        """The test scores of the best weights, those that are numbers; empty until the run is over."""
        query = (
            "SELECT metric, value FROM metrics WHERE run = ? AND split = 'test' AND value IS NOT NULL "  # NULL: NaN
            "ORDER BY step, rowid"
        )
        return {row["metric"]: float(row["value"]) for row in self.store.rows(query, (self.id,))}

    def model(self) -> nn.Module:
        """The trained network with its best weights, in evaluation mode, on the CPU, with its `card`.

        It is built without drawing random numbers, so a run that trains meanwhile is not disturbed.

        Raises:
            RunError: no weights have been saved yet.
        """
        modules = self.networks()
        model = self.job.paradigm.assemble(modules)
        model.card = next(iter(modules.values())).card
        return model.eval()

    def networks(self) -> dict[str, nn.Module]:
        """Every module that the run keeps the weights of, by name: its networks, or several of one; see `model`."""
        import torch
        from safetensors.torch import load_file

        folder = self.store.run_folder(self.id)
        path = folder / "best.safetensors"
        if not path.exists():
            raise RunError(f"Run {self.id} has no weights yet: they are kept from its first epoch on.")
        saved = migrate.weights(load_file(path))
        card = migrate.card(json.loads((folder / "card.json").read_text(encoding="utf-8")))
        made = {}
        for name, network in self.job.paradigm.modules(self.document).items():
            with torch.device("meta"):
                module = builder.compile(self.document, network)
            module = module.to_empty(device="cpu")
            prefix = f"{name}/"
            module.load_state_dict({k.removeprefix(prefix): v for k, v in saved.items() if k.startswith(prefix)})
            module.card = card  # type: ignore[assignment]
            made[name] = module.eval()
        return made

    def parts(self) -> dict[str, Part]:
        """What can be taken home of the run, by name; the first is the whole."""
        return self.job.paradigm.parts(self.document)

    def part(self, name: str) -> nn.Module:
        """One of `parts()` as a module, with the run's best weights and its card. RunError: no weights, or no such."""
        from trainers.runs.parts import module_of

        part = self._part(name)
        return module_of(part, self.job, self.networks if part.module else self.model)

    def part_document(self, name: str) -> Document:
        """The document of one of `parts()`."""
        return self._part(name).document

    def _part(self, name: str) -> Part:
        parts = self.parts()
        if name not in parts:
            raise RunError(f"Run {self.id} has no part {name[:70]!r}; it has: {', '.join(parts)}.")
        return parts[name]

    # -- controls ---------------------------------------------------------------------------------------------------

    def pause(self) -> None:
        """Stop after the step that is running, and keep everything to go on."""
        self._control("pause")

    def stop(self) -> None:
        """End the run; its best weights are kept and scored."""
        self._control("stop")

    def resume(self) -> None:
        """Go on from where the run was paused, number for number as if it never had been."""
        worker = self._worker()
        if worker is not None:
            worker.resume()
        elif self.state == "paused":
            from trainers.engine.worker import launch

            launch(self.id, self.job, self.store)

    def wait(self, timeout: float | None = None) -> State:
        """Wait until the run is over or paused; returns its state then, or now when the time is up."""
        ends: tuple[State, ...] = (*OVER, "paused")
        worker = self._worker()
        if worker is not None:
            worker.wait(timeout, ends)
            return self.state
        deadline = time.monotonic() + (timeout if timeout is not None else float("inf"))
        while self.state not in ends and time.monotonic() < deadline:
            time.sleep(0.1)
        return self.state

    def delete(self) -> None:
        """Remove the run with its weights. RunError: it is still training."""
        if self.state in ("running", "queued"):
            raise RunError("This run is still training. Stop it first.")
        self.store.delete(self.id)

    def _control(self, what: str) -> None:
        worker = self._worker()
        if worker is not None:
            worker.pause() if what == "pause" else worker.stop()
        elif self._lives_elsewhere(self.store.row(self.id)):
            self.store.request(self.id, what)
        elif what == "stop" and self.state == "paused":
            self.store.write(self.id, [_stopped(self.progress())])

    def _worker(self) -> Worker | None:
        from trainers.engine.worker import worker_of

        return worker_of(self.id)

    @staticmethod
    def _lives_elsewhere(row: dict[str, Any]) -> bool:
        from trainers.runs.store import process_token

        return row["process"] != process_token() and process_lives(row["process"])


def _stopped(progress: Progress) -> Progress:
    return Progress(
        **{**{name: getattr(progress, name) for name in PROGRESS}, "state": "stopped", "message": "Stopped."}
    )
