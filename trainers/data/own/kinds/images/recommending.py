"""A network that fits images: convolutions for what is in them, an encoder and a decoder for masks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from trainers.data import dataset
from trainers.data.own.kinds.images.data_set import load_images
from trainers.data.own.kinds.images.schema import ImagesSchema
from trainers.data.own.kinds.table.tasks import predicts_classes
from trainers.data.own.library import Stored
from trainers.data.own.recommending import Choice, Recommended, Sketch, class_weights, counted
from trainers.paradigms import DEFAULT_PARADIGM

SMALLEST = 4  # pixels of the shorter side of the last feature maps
STAGES = 4
WIDTHS = (16, 32, 64, 128)  # channels of the stages
WIDE = (32, 64, 128, 128)  # of the stages for many images
MANY = 10_000  # images
BATCHES = ((500, 16), (5_000, 32), (50_000, 64))
LEAST = 0.35  # of the images are a batch at most
UPDATES = 3_000  # steps, about, that a small network needs


def recommended(found: Stored) -> Recommended:
    """The network for images. DataError: none can be used."""
    data: Any = dataset({"name": found.full_name})
    schema: ImagesSchema = found.schema
    count = found.source.rows
    stages = max(1, min(STAGES, int(math.log2(min(schema.height, schema.width) / SMALLEST))))
    widths = (WIDE if count >= MANY else WIDTHS)[:stages]
    batch = next((size for limit, size in BATCHES if count < limit), 128)
    batch = min(batch, 2 ** max(0, int(math.log2(max(1.0, LEAST * count)))))
    epochs = max(8, min(60, math.ceil(UPDATES * batch / max(1, count))))
    sketch = Sketch("images")
    size = f"{schema.width} x {schema.height} pixels"
    choices = [Choice(f"an Input of {schema.channels} x {schema.height} x {schema.width}", f"Images of {size}.")]
    if schema.labels == "masks":
        _masks(sketch, data, widths, schema)
        choices.append(
            Choice(f"{stages} stages down and up again", "Each pixel sees its surroundings and keeps its place.")
        )
    else:
        _stages(sketch, data, widths)
        choices.append(
            Choice(f"{stages} stages of convolutions", f"They halve {size} to feature maps of a few pixels.")
        )
    what = "a score for each class" if data.classes else "one number for each target"
    choices += [
        Choice(
            counted(data.target_size, "output"),
            f"The network gives {what}{' and pixel' if schema.labels == 'masks' else ''}.",
        ),
        Choice(f"batches of {batch}", f"An epoch has {math.ceil(0.7 * count / batch):,} steps."),
        Choice(f"up to {epochs} epochs", "It stops when the validation loss has not improved for a while."),
    ]
    training: dict[str, Any] = {
        "data": {"batch_size": batch, "augmentation": _augmentation(schema, choices)},
        "paradigm": {"name": DEFAULT_PARADIGM, **_weights(found, choices)},
        "optimizer": {"name": "AdamW", "lr": 0.002, "weight_decay": 0.01},
        "schedule": {"name": "cosine"},
        "epochs": epochs,
        "early_stopping": {"patience": max(5, epochs // 3)},
    }
    return Recommended(sketch, training, choices, f"Learns from {count:,} images of {found.source.title}.")


def _stages(sketch: Sketch, data: Any, widths: tuple[int, ...]) -> None:
    last = sketch.add("image")
    for place, width in enumerate(widths, 1):
        last = sketch.add("stage", [last], place=place, width=width)
    pooled = sketch.add("pooled" if data.classes else "flat", [last])
    hidden = sketch.add("hidden", [pooled], hidden=64 if len(widths) > 2 else 32)
    sketch.add("answer", [hidden], outputs=data.target_size)


def _masks(sketch: Sketch, data: Any, widths: tuple[int, ...], schema: ImagesSchema) -> None:
    """An encoder and a decoder with connections between equal sizes, as U-Net (Ronneberger et al., 2015) has them."""
    depth = 0  # sizes that can be halved and doubled again
    while depth < len(widths) - 1 and all(side % 2 ** (depth + 1) == 0 for side in (schema.height, schema.width)):
        depth += 1
    last, kept = sketch.add("image"), []
    for place in range(depth):
        last = sketch.add("two", [last], place=f"down{place + 1}", width=widths[place] // 2)
        kept.append(last)
        last = sketch.add("halved", [last], place=place + 1)
    last = sketch.add("two", [last], place="bottom", width=widths[depth] // 2)
    for place in reversed(range(depth)):
        last = sketch.add("doubled", [last], place=place + 1, width=widths[place] // 2)
        last = sketch.add("joined", [last, kept[place]], place=place + 1)
        last = sketch.add("two", [last], place=f"up{place + 1}", width=widths[place] // 2)
    sketch.add("pixels", [last], outputs=data.target_size)


def _augmentation(schema: ImagesSchema, choices: list[Choice]) -> list[dict[str, Any]]:
    """Changes that leave what an image shows as it is."""
    if schema.labels != "masks" and not schema.classes:
        return []
    shift = max(1, round(min(schema.height, schema.width) / 16))
    chosen: list[dict[str, Any]] = [{"name": "RandomCrop", "padding": shift}]
    words = f"shifts by up to {counted(shift, 'pixel')}"
    if schema.mirrored:
        chosen.append({"name": "RandomHorizontalFlip"})
        words += " and mirrored images"
    choices.append(Choice(words, "The network sees another version of each image in every epoch."))
    return chosen


def _weights(found: Stored, choices: list[Choice]) -> dict[str, str]:
    """Balanced class weights where one class has far more images than another."""
    if found.schema.labels == "masks" or not predicts_classes(found.schema.task):
        return {}
    _, counts = np.unique(load_images(found)[0]["targets"], return_counts=True)
    return class_weights(counts, "images", choices)
