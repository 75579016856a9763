"""What a run tells while it trains: frozen values, from the loop to the store."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from numpy.typing import NDArray

State = Literal["queued", "running", "paused", "finished", "stopped", "failed"]
SplitName = Literal["training", "validation", "test"]
ProbeKind = Literal["activations", "gradients", "weights", "through_time"]
Badge = Literal["", "dead", "saturated", "vanishing", "exploding"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One number of a run: `value` of `metric` on a part of the data after `step` steps, in `epoch` (from 1)."""

    step: int
    epoch: int
    split: SplitName
    metric: str
    value: float


@dataclass(frozen=True, slots=True)
class Probe:
    """What was measured inside the network in one step: node → statistic → value."""

    step: int
    kind: ProbeKind
    values: dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True)
class Histograms:
    """How the activations of each node are spread: node → (lower edge, upper edge, counts)."""

    step: int
    values: dict[str, tuple[float, float, list[int]]]


@dataclass(frozen=True, slots=True)
class Text:
    """A sample text: pieces with their marks, as trainers/paradigms/language/sample_text.py has them."""

    step: int
    pieces: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What networks made at one step, to be watched: arrays by name, for the card `view` of the Train page."""

    step: int
    view: str
    arrays: dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the probes mean, in words: what happens at `node`, why, and what to try."""

    node: str | None
    severity: Literal["info", "warning", "error"]
    message: str
    advice: str
    badge: Badge = ""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """All that can be said of the run now; replaces what was said before."""

    step: int
    values: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is. Times are seconds since 1970; `seconds_left` is None while it cannot be told."""

    state: State
    epoch: int = 0
    epochs: int = 0
    step: int = 0
    steps: int = 0
    seconds: float = 0.0  # spent training, pauses not counted
    seconds_left: float | None = None
    samples_per_second: float = 0.0
    device: str = ""
    message: str = ""
    started: float = 0.0
    updated: float = 0.0


Event = Metric | Probe | Histograms | Text | Snapshot | Verdicts | Progress


@dataclass
class Outbox:
    """Collects events between two flushes."""

    events: list[Event] = field(default_factory=list)

    def take(self) -> list[Event]:
        taken, self.events = self.events, []
        return taken
