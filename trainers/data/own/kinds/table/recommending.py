"""A network that fits a table: an Input for numbers, one for each embedded category, a reason for each choice."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from trainers.data import dataset
from trainers.data.own.kinds.table.preparing import encode, looked_at, prepared
from trainers.data.own.kinds.table.tasks import predicts_classes
from trainers.data.own.library import Stored
from trainers.data.own.recommending import Choice, Recommended, Sketch, batch_within, class_weights, counted
from trainers.paradigms import DEFAULT_PARADIGM

SIZES = ((1_000, 32), (10_000, 64), (100_000, 128))  # rows below which the hidden layers have so many features
BATCHES = ((1_000, 32), (10_000, 64), (50_000, 256))
LARGEST_BATCH = 1024
UPDATES = 6_000  # steps, about, that a small network needs


def recommended(found: Stored) -> Recommended:
    """The network for a table. DataError: no row of it can be used."""
    data = dataset({"name": found.full_name})
    rows = found.source.rows
    hidden = next((size for limit, size in SIZES if rows < limit), 256)
    batch = next((size for limit, size in BATCHES if rows < limit), LARGEST_BATCH)
    if rows < LARGEST_BATCH:  # some may have no target
        batch = batch_within(batch, len(prepared(found).targets))
    epochs = max(10, min(200, math.ceil(UPDATES * batch / max(1, rows))))
    sketch, choices = _network(data, hidden, 0.3 if rows < 1_000 else 0.1)
    choices += [
        Choice(f"{hidden} features in each hidden layer", f"It suits {rows:,} rows: more would learn them by heart."),
        Choice(f"batches of {batch}", f"An epoch has {math.ceil(0.7 * rows / batch):,} steps."),
        Choice(f"up to {epochs} epochs", "It stops when the validation loss has not improved for a while."),
    ]
    training: dict[str, Any] = {
        "data": {"batch_size": batch},
        "paradigm": {"name": DEFAULT_PARADIGM, **_weights(found, choices)},
        "optimizer": {"name": "AdamW", "lr": 0.003, "weight_decay": 0.01},
        "epochs": epochs,
        "early_stopping": {"patience": max(5, min(30, epochs // 5))},
    }
    targets = ", ".join(column.name for column in found.schema.targets)
    return Recommended(sketch, training, choices, f"Predicts {targets}.")


def _weights(found: Stored, choices: list[Choice]) -> dict[str, str]:
    """Balanced class weights where one class has far more rows than another."""
    if not predicts_classes(found.schema.task):
        return {}
    raw = looked_at(found)
    rows = prepared(found) if raw.sample is None else encode(raw.frame, found.schema)
    _, counts = np.unique(rows.targets, return_counts=True)
    return class_weights(counts, "rows", choices)


def _network(data: Any, hidden: int, dropout: float) -> tuple[Sketch, list[Choice]]:
    """What comes in, joined to one vector, two hidden layers, and the width that the task needs."""
    sketch, parts, choices = Sketch("table"), [], []
    if data.feature_names:
        parts.append(sketch.add("numbers"))
        choices.append(Choice(f"an Input of {len(data.feature_names)} numbers", "Each is standardised."))
    for place, column in enumerate(data.embedded):
        count = len(column.categories)
        width = min(16, max(2, round(1.6 * (count + 1) ** 0.56)))
        parts.append(sketch.add("category", place=place, categories=count + 1, width=width))
        choices.append(Choice(f"an embedding of {column.name}", f"It has {count:,} categories, too many for one-hot."))
    last = parts[0] if len(parts) == 1 else sketch.add("joined", parts)
    for place in (1, 2):
        last = sketch.add("hidden", [last], place=place, hidden=hidden, dropout=dropout)
    sketch.add("answer", [last], outputs=data.target_size)
    what = "a score for each class" if data.classes else "one number for each target"
    choices.append(Choice(counted(data.target_size, "output"), f"The network gives {what}."))
    return sketch, choices
