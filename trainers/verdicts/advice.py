"""Advice: what to try, each piece with the circumstances in which it can be followed. Nothing asks for what is on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from trainers.verdicts.circumstances import Circumstances


def _always(circumstances: Circumstances) -> bool:
    return True


@dataclass(frozen=True)
class Advice:
    """One thing to try, as the rest of a sentence: "lower the learning rate". `text` may depend on the run."""

    text: str | Callable[[Circumstances], str]
    applies: Callable[[Circumstances], bool] = _always

    def words(self, circumstances: Circumstances) -> str:
        """The advice for this run; empty if it cannot be followed, or is followed already."""
        if not self.applies(circumstances):
            return ""
        return self.text if isinstance(self.text, str) else self.text(circumstances)


def advise(circumstances: Circumstances, *advice: Advice | str) -> str:
    """The pieces that apply as one sentence: "Lower the learning rate, or set gradient clipping to 1."."""
    found = [piece if isinstance(piece, str) else piece.words(circumstances) for piece in advice]
    found = [text for text in found if text]
    if not found:
        return ""
    sentence = found[0] if len(found) == 1 else f"{', '.join(found[:-1])}, or {found[-1]}"
    return f"{sentence[0].upper()}{sentence[1:]}{'' if sentence.endswith('?') else '.'}"


def _lower_rate(circumstances: Circumstances) -> str:
    rate = circumstances.highest_rate
    return f"lower the learning rate, to {rate / 10:.2g} for example" if rate else "lower the learning rate"


def _raise_rate(circumstances: Circumstances) -> str:
    rate = circumstances.highest_rate
    return f"raise the learning rate from {rate:.2g}" if rate else "raise the learning rate"


def _lower_clip(circumstances: Circumstances) -> str:
    clip = circumstances.gradient_clip
    return "set gradient clipping to 1" if clip is None else f"lower gradient clipping from {clip:g} to 1"


def _larger(circumstances: Circumstances) -> str:
    narrow = circumstances.narrowest
    if narrow is None:
        return "use more units or more layers"
    many = "a single number" if narrow.width == 1 else f"{narrow.width} numbers"
    return f"use more units in {narrow.node}: every sample has to pass through {many}"


LOWER_RATE = Advice(_lower_rate)
RAISE_RATE = Advice(_raise_rate)
CLIP = Advice(_lower_clip, lambda run: run.gradient_clip is None or run.gradient_clip > 1)
NORMALISE = Advice(
    "add batch normalisation before each activation", lambda run: run.reads_batches and not run.has_normalisation
)
LAYER_NORM = Advice("add layer normalisation", lambda run: not run.reads_batches and not run.has_normalisation)
SKIP = Advice("add a skip connection around the layers between them", lambda run: not run.has_skips)
DEFAULT_START = Advice(
    "choose torch's default initialisation", lambda run: run.job is not None and run.initialisation_is_chosen
)
KAIMING = Advice("choose Kaiming initialisation", lambda run: not run.initialisation_is_chosen)
EARLY_STOPPING = Advice("stop early", lambda run: not run.stops_early)
DROPOUT = Advice("add dropout", lambda run: not run.has_dropout)
DECAY = Advice("add weight decay", lambda run: run.weight_decay == 0 and run.can_decay)
AUGMENT = Advice("augment the samples", lambda run: run.can_augment)
MORE_DATA = Advice("use more samples")
SMALLER = Advice("use a smaller network")
LARGER = Advice(_larger)
LESS_DECAY = Advice("lower weight_decay", lambda run: run.weight_decay > 0)
LESS_L1 = Advice("lower l1", lambda run: run.l1 > 0)
LESS_DROPOUT = Advice("lower the dropout", lambda run: run.has_dropout)
WEIGHT_CLASSES = Advice("set class_weights to balanced", lambda run: run.can_weight_classes)
LONGER = Advice("train for more epochs")
LESS_SMOOTHING = Advice("lower label_smoothing", lambda run: run.label_smoothing > 0)
RAISE_CLIP = Advice(lambda run: f"raise gradient clipping from {run.gradient_clip:g} to 1, or leave it out")
LESS_STRONG_SCHEDULE = Advice("let the schedule lower the learning rate later or less, or keep it constant")
LARGER_BATCH = Advice("use batches of 16 or more samples")
