"""A network that fits sounds: convolutions over the spectrogram, or over the waveform."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from trainers.data import dataset
from trainers.data.own.library import Stored
from trainers.data.own.recommending import Choice, Recommended, Sketch, class_weights, counted
from trainers.paradigms import DEFAULT_PARADIGM

UPDATES = 800  # steps, about


def recommended(found: Stored) -> Recommended:
    """The network for sounds. DataError: none can be used."""
    data = dataset({"name": found.full_name})
    targets = data.load().targets
    count = len(targets)
    batch = 16 if count < 500 else 32 if count < 5_000 else 64
    epochs = max(4, min(40, math.ceil(UPDATES * batch / max(1, count))))
    sketch, form = Sketch("sound"), found.schema.form
    last = sketch.add(form, places=[2, 4])
    sketch.add("classes", [last], outputs=len(data.classes), dropout=0.3)
    choices = [
        Choice(f"three convolutions over the {form}", "A sound is the same whenever it comes."),
        Choice("batch normalisation", "It learns in fewer epochs."),
        Choice(counted(len(data.classes), "output"), "The network gives a score for each class."),
        Choice(f"up to {epochs} epochs", "It stops when the validation loss has not improved for a while."),
    ]
    weights = class_weights(np.bincount(targets, minlength=len(data.classes)), "sounds", choices)
    training: dict[str, Any] = {
        "data": {"batch_size": batch, "validation": 0.1, "test": 0.2},
        "paradigm": {"name": DEFAULT_PARADIGM, **weights},
        "optimizer": {"name": "AdamW", "lr": 0.003, "weight_decay": 0.01},
        "schedule": {"name": "one_cycle"},
        "epochs": epochs,
    }
    return Recommended(sketch, training, choices, f"Classifies sounds into {len(data.classes)} classes.")
