"""A network that fits texts: a mean of word vectors for classes, a recurrent network for a running text."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from trainers.data import dataset
from trainers.data.own.library import Stored
from trainers.data.own.recommending import Choice, Recommended, Sketch, class_weights
from trainers.paradigms import DEFAULT_PARADIGM, PARADIGMS

UPDATES = 1_500  # steps, about
SMALL = 100_000  # tokens of a running text, below which the network is small


def recommended(found: Stored) -> Recommended:
    """The network for texts. DataError: there are none."""
    return _running(found) if found.schema.form == "running" else _classes(found)


def _classes(found: Stored) -> Recommended:
    data = dataset({"name": found.full_name})
    targets = data.load().targets
    count = len(targets)
    batch = 16 if count < 1_000 else 32 if count < 10_000 else 128
    epochs = max(4, min(40, math.ceil(UPDATES * batch / max(1, count))))
    width = 64
    sketch = Sketch("text")
    last = sketch.add("words", tokens=data.vocabulary_count, width=width, dropout=0.3)
    sketch.add("classes", [last], outputs=len(data.classes), dropout=0.5)
    choices = [
        Choice(f"vectors of {width} numbers for {data.vocabulary_count:,} tokens", found.schema.vocabulary_reason),
        Choice("their mean", "With few texts, which words come says more than their order."),
        Choice("much dropout", "There are far more words than texts, so single words are soon known by heart."),
        Choice(f"up to {epochs} epochs", "It stops when the validation loss has not improved for a while."),
    ]
    weights = class_weights(np.bincount(targets, minlength=len(data.classes)), "texts", choices)
    training: dict[str, Any] = {
        "data": {"batch_size": batch},
        "paradigm": {"name": DEFAULT_PARADIGM, **weights},
        "optimizer": {"name": "Adam", "lr": 0.003},
        "epochs": epochs,
        "early_stopping": {"patience": max(3, epochs // 4)},
    }
    return Recommended(sketch, training, choices, f"Classifies texts into {len(data.classes)} classes.")


def _running(found: Stored) -> Recommended:
    data = dataset({"name": found.full_name})
    windows = len(data.load().targets)
    hidden = 64 if windows * found.schema.length < SMALL else 192
    epochs = max(2, min(30, math.ceil(UPDATES * 32 / max(1, windows))))
    sketch = Sketch("text")
    sketch.add("running", tokens=data.vocabulary_count, width=min(64, hidden), hidden=hidden)
    paradigm = next(name for name, each in PARADIGMS.items() if found.schema.task in each.learnable_tasks())
    choices = [
        Choice("a recurrent layer", "It reads token by token, and remembers what it needs for the next one."),
        Choice(f"{hidden} features of its memory", f"It suits a text of {windows * found.schema.length:,} tokens."),
        Choice(f"{epochs} epochs", f"An epoch has {windows:,} windows of {found.schema.length} tokens."),
    ]
    training: dict[str, Any] = {
        "data": {"batch_size": 32},
        "paradigm": {"name": paradigm},
        "optimizer": {"name": "AdamW", "lr": 0.005, "weight_decay": 0.01},
        "gradient_clip": 1.0,
        "epochs": epochs,
    }
    return Recommended(sketch, training, choices, "Continues a text of your own.")
