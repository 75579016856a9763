"""The numbers of a run as charts need them: read once for each change of the run, for all tabs."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from pages.parts.theme.charts import Numbers
from trainers.events import ProbeKind, Progress, Text, Verdict
from trainers.runs.run import Run

ACTIVE = ("queued", "running")
KEPT = 4
SHOWN_PROBES: tuple[ProbeKind, ...] = ("activations", "gradients", "through_time")


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


_known: OrderedDict[str, tuple[Any, LiveRun]] = OrderedDict()
_guard = threading.Lock()
_growing: OrderedDict[str, Any] = OrderedDict()


def read(run: Run) -> LiveRun:
    """The run as it is now. StoreError: the store cannot be read."""
    progress = run.progress()
    version = (str(run.store.folder), progress.updated, progress.state, progress.step)
    with _guard:
        known = _known.get(run.id)
        if known is not None and known[0] == version:
            return known[1]
    live = LiveRun(
        run,
        progress,
        _curves(run),
        {kind: probe_table(run.probes(kind)) for kind in SHOWN_PROBES},
        run.verdicts(),
        run.histograms(),
        run.texts(),
    )
    with _guard:
        _known[run.id] = (version, live)
        _known.move_to_end(run.id)
        while len(_known) > KEPT:
            _known.popitem(last=False)
    return live


class _GrowingCurves:
    """A run's curves, to which each reading adds the new values: a long run is not read again every second."""

    def __init__(self) -> None:
        self.place, self.step = 0, 0
        self.curves: dict[tuple[str, str], Curve] = {}

    def read(self, run: Run) -> dict[tuple[str, str], Curve]:
        """The curves as they are now."""
        new = run.metrics_after(self.place, self.step)
        if new is None:
            self.curves, new = {}, run.metrics_after(0, 0)
        if new:
            self.place, self.step = new[-1]["row_id"], new[-1]["step"]
            for key, curve in curves(pd.DataFrame(new)).items():
                old = self.curves.get(key)
                self.curves[key] = curve if old is None else old.joined(curve)
        return dict(self.curves)


def _curves(run: Run) -> dict[tuple[str, str], Curve]:
    key = f"{run.store.folder}/{run.id}"
    with _guard:
        growing = _growing.setdefault(key, _GrowingCurves())
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
    if not len(probes):
        return ProbeTable()
    step, steps = pd.factorize(probes["step"])
    node, nodes = pd.factorize(probes["node"])
    kind, kinds = pd.factorize(probes["statistic"])
    table = np.full((len(kinds), len(nodes), len(steps)), np.nan)
    table[kind, node, step] = probes["value"].to_numpy(dtype=float)
    return ProbeTable(tuple(map(str, nodes)), np.asarray(steps), dict(zip(map(str, kinds), table, strict=True)))
