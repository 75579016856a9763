"""A network that fits a series: it sees a window, and what is known in advance, and forecasts changes from now on."""

from __future__ import annotations

import math
from typing import Any

from trainers.data import dataset
from trainers.data.own.library import Stored
from trainers.data.own.recommending import Choice, Recommended, Sketch
from trainers.paradigms import DEFAULT_PARADIGM

SIZES = ((500, 16), (5_000, 64), (50_000, 128))  # samples below which the hidden layer has so many features
BATCHES = ((500, 16), (5_000, 32), (50_000, 128))
UPDATES = 3_000  # steps, about, that a small network needs


def recommended(found: Stored) -> Recommended:
    """The network for a series. DataError: it is too short."""
    data = dataset({"name": found.full_name})
    data.load()  # refuses, in words, a series that is too short
    count, schema = data.samples, found.schema
    hidden = next((size for limit, size in SIZES if count < limit), 256)
    batch = next((size for limit, size in BATCHES if count < limit), 256)
    epochs = max(5, min(60, math.ceil(UPDATES * batch / max(1, count))))
    sketch, choices = _network(data, hidden)
    choices += [
        Choice(f"{hidden} features in the hidden layer", f"It suits {count:,} windows."),
        Choice(f"up to {epochs} epochs", "It stops when the validation loss has not improved for a while."),
    ]
    training: dict[str, Any] = {
        "data": {"batch_size": batch, "validation": 0.15, "test": 0.2},
        "paradigm": {"name": DEFAULT_PARADIGM, "loss": "l1"},
        "optimizer": {"name": "AdamW", "lr": 0.002, "weight_decay": 0.05},
        "epochs": epochs,
        "early_stopping": {"patience": max(3, epochs // 5)},
    }
    targets = ", ".join(data.target_names)
    description = f"Forecasts the next {schema.horizon} steps of {targets} from the last {schema.window}."
    return Recommended(sketch, training, choices, description)


def _network(data: Any, hidden: int) -> tuple[Sketch, list[Choice]]:
    """The changes since the last step, joined with what is known in advance, two layers, and the last values added."""
    sketch = Sketch("series")
    (window, features), (horizon, targets) = data.input_shape, data.target_shape
    seen = sketch.add("seen")
    now = sketch.add("now", [seen], last=window - 1, end=window)
    parts = [sketch.add("since", [seen, now])]
    choices = [
        Choice("changes since the last step", "So it can forecast at levels that it has never seen."),
        Choice("the last values are added at the end", "It forecasts how they change."),
    ]
    if data.known_names:
        parts.append(sketch.add("known"))
        choices.append(Choice("a second Input", f"Known in advance: {', '.join(data.known_names)[:200]}."))
    last = parts[0] if len(parts) == 1 else sketch.add("joined", parts)
    last = sketch.add("hidden", [last], hidden=hidden, dropout=0.2)
    change = sketch.add("change", [last], outputs=horizon * targets, shape=[horizon, targets])
    # the columns to forecast are the first ones
    level = now if features == targets else sketch.add("level", [now], targets=targets)
    sketch.add("answer", [change, level])
    return sketch, choices
