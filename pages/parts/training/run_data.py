"""The numbers of a run as charts need them: read once for each change of the run, for all tabs."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from pages.parts.theme.charts import Numbers
from trainers.events import ProbeKind, Progress, Text, Verdict
from trainers.runs.run import Run
from trainers.runs.store import MOST_PROBES

ACTIVE = ("queued", "running")
KEPT = 4
SHOWN_PROBES: tuple[ProbeKind, ...] = ("activations", "gradients", "weights", "through_time")


@dataclass(frozen=True)
class Curve:
    """One metric of one split over the run."""

    step: Numbers
    epoch: Numbers
    value: Numbers

    def joined(self, more: Curve) -> Curve:
        """This curve and the values after it."""
        pairs = ((self.step, more.step), (self.epoch, more.epoch), (self.value, more.value))
        return Curve(*(np.concatenate(pair) for pair in pairs))


@dataclass(frozen=True)
class ProbeTable:
    """The measurements of one kind of probe: statistic → nodes × steps; NaN where a node was not measured."""

    nodes: tuple[str, ...] = ()
    steps: Numbers = field(default_factory=lambda: np.zeros(0))
    values: dict[str, Numbers] = field(default_factory=dict)

    def latest(self, statistic: str, count: int = 5) -> Numbers:
        """The median of a statistic over the last steps, for each node: one unusual batch has no effect."""
        found = self.values.get(statistic)
        if found is None or not found.size:
            return np.zeros(len(self.nodes))
        return np.nan_to_num(np.median(found[:, -count:], axis=1))

    def only(self, nodes: list[str]) -> ProbeTable:
        """The table of some of the nodes."""
        rows = [self.nodes.index(node) for node in nodes]
        return ProbeTable(tuple(nodes), self.steps, {name: table[rows] for name, table in self.values.items()})


@dataclass(frozen=True)
class LiveRun:
    """Everything that the Train page shows of a run, as it is now."""

    run: Run
    progress: Progress
    curves: dict[tuple[str, str], Curve]  # (split, metric) → values
    probes: dict[str, ProbeTable]
    verdicts: list[Verdict]
    histograms: dict[str, tuple[list[float], list[int]]]
    texts: list[Text] = field(default_factory=list)
    pictures: int = 0  # how many texts and snapshots there are: the cards of paradigms change with them

    @property
    def active(self) -> bool:
        """Whether the numbers still change."""
        return self.progress.state in ACTIVE

    def last(self, split: str, metric: str) -> tuple[float, float] | None:
        """The newest value and the change since the epoch before; None where there is no value."""
        curve = self.curves.get((split, metric))
        if curve is None or not len(curve.value):
            return None
        value, epoch = float(curve.value[-1]), curve.epoch[-1]
        before = curve.value[curve.epoch < epoch]
        return value, value - float(before[-1]) if len(before) else float("nan")


class _Growing:
    """What is kept of a run between two readings: each reading asks the store for the new rows alone."""

    def __init__(self) -> None:
        self.guard = threading.Lock()
        self.version: Any = None
        self.live: LiveRun | None = None
        self.curves, self.metrics_end = dict[tuple[str, str], Curve](), (0, 0)
        self.probes, self.probes_end = dict[str, _GrowingTable](), (0, 0)
        self.texts: list[Text] = []
        self.pictures = 0

    def read(self, run: Run) -> LiveRun:
        """The run as it is now; the object of the last reading if nothing has happened since."""
        with self.guard:
            progress = run.progress()
            version = (progress.updated, progress.state, progress.step, progress.message)
            if self.live is None or self.version != version:
                self._read_metrics(run)
                self._read_probes(run)
                verdicts, histograms = run.latest()
                self.live = LiveRun(
                    run,
                    progress,
                    dict(self.curves),
                    {kind: self.probes[kind].table() if kind in self.probes else ProbeTable() for kind in SHOWN_PROBES},
                    verdicts,
                    histograms,
                    self.texts,
                    self.pictures,
                )
                self.version = version
            return self.live

    def _read_metrics(self, run: Run) -> None:
        new = run.metrics_after(*self.metrics_end)
        if new is None:
            self.curves, new = {}, run.metrics_after(0, 0)
        if new:
            self.metrics_end = new[-1]["row_id"], new[-1]["step"]
            for key, curve in curves(pd.DataFrame(new)).items():
                old = self.curves.get(key)
                self.curves[key] = curve if old is None else old.joined(curve)

    def _read_probes(self, run: Run) -> None:
        new = run.probes_after(*self.probes_end)
        if new is None:
            self.probes, new = {}, run.probes_after(0, 0)
            self.pictures += 1
        if not new:
            return
        self.probes_end = new[-1]["row_id"], new[-1]["step"]
        pictures = 0
        for row in new:
            if row["payload"] is None:
                pictures += 1
            elif row["kind"] in SHOWN_PROBES:
                self.probes.setdefault(row["kind"], _GrowingTable()).add(row["step"], json.loads(row["payload"]))
        if pictures:
            self.pictures += pictures
            self.texts = run.texts()


class _GrowingTable:
    """The measurements of one kind of probe, to which each reading adds."""

    def __init__(self) -> None:
        self.nodes: dict[str, int] = {}
        self.statistics: dict[str, int] = {}
        self.steps: list[int] = []
        self.rows: list[Numbers] = []  # statistics × nodes, of each step
        self.made: ProbeTable | None = None

    def add(self, step: int, values: dict[str, dict[str, float]]) -> None:
        for node, measured in values.items():
            self.nodes.setdefault(node, len(self.nodes))
            for name in measured:
                self.statistics.setdefault(name, len(self.statistics))
        row = np.full((len(self.statistics), len(self.nodes)), np.nan)
        for node, measured in values.items():
            place = self.nodes[node]
            for name, value in measured.items():
                row[self.statistics[name], place] = np.nan if value is None else value
        self.steps.append(step)
        self.rows.append(row)
        self.made = None

    def table(self) -> ProbeTable:
        """All of it; of a long run MOST_PROBES steps, spread evenly, and the last one."""
        if self.made is None:
            chosen = list(range(0, len(self.steps), -(-len(self.steps) // MOST_PROBES)))
            chosen += [len(self.steps) - 1] if chosen[-1] != len(self.steps) - 1 else []
            values = np.full((len(self.statistics), len(self.nodes), len(chosen)), np.nan)
            for column, place in enumerate(chosen):
                row = self.rows[place]
                values[: row.shape[0], : row.shape[1], column] = row
            steps = np.asarray([self.steps[place] for place in chosen])
            self.made = ProbeTable(tuple(self.nodes), steps, dict(zip(self.statistics, values, strict=True)))
        return self.made


_guard = threading.Lock()
_growing: OrderedDict[str, _Growing] = OrderedDict()


def read(run: Run) -> LiveRun:
    """The run as it is now, the same object for everybody who watches it. StoreError: the store cannot be read."""
    key = f"{run.store.folder}/{run.id}"
    with _guard:
        growing = _growing.setdefault(key, _Growing())
        _growing.move_to_end(key)
        while len(_growing) > KEPT:
            _growing.popitem(last=False)
    return growing.read(run)


def curves(metrics: pd.DataFrame) -> dict[tuple[str, str], Curve]:
    """A run's metrics, one curve for each split and metric."""
    found = {}
    for (split, metric), rows in metrics.groupby(["split", "metric"], sort=False):
        columns = (rows[name].to_numpy() for name in ("step", "epoch", "value"))
        found[str(split), str(metric)] = Curve(*columns)
    return found


def probe_table(probes: pd.DataFrame) -> ProbeTable:
    """A run's probes of one kind as tables of nodes × steps."""
    growing = _GrowingTable()
    for step, rows in probes.groupby("step", sort=False):
        values: dict[str, dict[str, float]] = {}
        for node, statistic, value in zip(rows["node"], rows["statistic"], rows["value"], strict=True):
            values.setdefault(str(node), {})[str(statistic)] = value
        growing.add(int(step), values)
    return growing.table() if growing.steps else ProbeTable()
