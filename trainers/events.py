"""Events: what the training loop reports while a run trains, as frozen values that the store keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import NDArray

State = Literal["queued", "running", "paused", "finished", "stopped", "failed"]
DIVERGED = "The loss is NaN or infinite"  # the message of a run that failed so begins with it
RESUMING = "Resuming …"  # the message of a run that was resumed and has not begun yet
OVER: tuple[State, ...] = ("finished", "stopped", "failed")
SplitName = Literal["training", "validation", "test"]
ProbeKind = Literal["activations", "gradients", "weights", "through_time"]
VerdictSeverity = Literal["info", "warning", "error"]
Badge = Literal["", "check", "noisy", "strong", "equal", "dead", "saturated", "vanishing", "exploding"]


@dataclass(frozen=True, slots=True)
class Metric:
    """The value of a metric on one split of the data after `step` steps, in `epoch` (from 1)."""

    step: int
    epoch: int
    split: SplitName
    metric: str
    value: float


@dataclass(frozen=True, slots=True)
class Probe:
    """Statistics measured inside the network in one step: node → statistic → value."""

    step: int
    kind: ProbeKind
    values: dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True)
class Histograms:
    """Histograms of the activations of each node: node → (lower edge, upper edge, counts)."""

    step: int
    values: dict[str, tuple[float, float, list[int]]]


@dataclass(frozen=True, slots=True)
class Text:
    """A generated text: pieces with their kinds, see trainers/paradigms/language/decoding.py."""

    step: int
    pieces: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What networks produced at one step, such as generated images: arrays by name, for a card of the Train page.

    `view` is the name of that card, see pages/parts/views.py.
    """

    step: int
    view: str
    arrays: dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What measurements of a run mean: a message about `node` (None: the whole network), and advice what to try."""

    node: str | None
    severity: VerdictSeverity
    message: str
    advice: str
    badge: Badge = ""
    kind: str = ""  # the name of its class in trainers/verdicts or a paradigm; empty: a note, or of an earlier version
    path: str = ""  # the node's full name, "stage1.0.conv1", where `node` is the block that it is in


@dataclass(frozen=True, slots=True)
class Verdicts:
    """All verdicts on the run at this step. They replace the earlier ones."""

    step: int
    values: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """The state of a run and how far it is. Times are seconds since 1970; `seconds_left` is None while unknown."""

    state: State
    epoch: int = 0
    epochs: int = 0
    step: int = 0
    steps: int = 0
    seconds: float = 0.0  # of training, without pauses
    seconds_left: float | None = None
    samples_per_second: float = 0.0
    device: str = ""
    message: str = ""
    started: float = 0.0
    updated: float = 0.0
    threads: int | None = None  # that torch computes with on the CPU; None: not known yet, or torch's default
    interrupted: bool = False  # its process ended in the middle; it is paused, and resuming continues it

    @property
    def state_in_words(self) -> str:
        """The state as people read it."""
        return "interrupted" if self.interrupted else self.state


Event = Metric | Probe | Histograms | Text | Snapshot | Verdicts | Progress
