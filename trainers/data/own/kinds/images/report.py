"""What was found in images of one's own: tiles by class, settings with their reasons, and what looks wrong."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.data.own.files import LeftOut
from trainers.data.own.kinds.images.boxes import boxes_in, drawn
from trainers.data.own.kinds.images.data_set import load_images
from trainers.data.own.kinds.images.decoding import read_image
from trainers.data.own.kinds.images.guessing import (
    DEEP,
    Facts,
    facts_of,
    look,
    splitting,
    targets_of,
    tasks_of,
    ways_to_split,
    with_class_level,
    with_target,
)
from trainers.data.own.kinds.images.listing import image_names, listing, mask_pairs
from trainers.data.own.kinds.images.preparing import if_prepared
from trainers.data.own.kinds.images.schema import LARGEST, RESIZE, ImagesSchema
from trainers.data.own.kinds.images.warnings import label_counts, look_for_trouble
from trainers.data.own.kinds.table.tasks import predicts_labels
from trainers.data.own.library import Stored
from trainers.data.own.report import Report, Section, Setting

__all__ = ["Tile", "Tiles", "look", "report", "splitting", "with_class_level", "with_target"]

SHOWN = 8  # images of a class
MOST_CLASSES = 60  # that are shown
PREPARES = 5000  # images, at most, that are decoded to be shown


@dataclass(frozen=True)
class Tile:
    """Some images of one class, or all of them: `images` uint8 (n, channels, height, width), and how many there are.

    `captions` has a line for each image, such as the number to predict; empty: none.
    """

    label: str
    count: int
    images: NDArray[np.uint8] = field(compare=False)
    captions: tuple[str, ...] = ()
    masks: NDArray[np.uint8] | None = field(default=None, compare=False)  # the class of each pixel


@dataclass(frozen=True)
class Tiles(Section):
    """Images, by class where they have one."""

    tiles: tuple[Tile, ...]
    classes: int = 0

    def lines(self) -> list[str]:
        shown = [f"  {tile.label}: {tile.count:,} images" for tile in self.tiles if tile.label]
        more = self.classes - len(shown)
        return [*shown, *([f"  and {more:,} more classes"] if self.classes and more > 0 else [])]


def report(data: Stored) -> Report:
    """What was found in the images of a data set. DataError: they are gone, or others."""
    schema: ImagesSchema = data.schema
    files = data.files()
    names = image_names(str(files.root), list(files.names))
    if schema.labels == "masks":  # which are no images of their own
        names = [image for image, _ in mask_pairs(names, *schema.masks)]
    facts = facts_of(files.root, names)
    found = {"files": data.source.kind_reason, "sizes": _sizes(facts), "colours": _modes(facts)}
    sections: list[Section] = []
    left_out: tuple[LeftOut, ...] = ()
    arrays: dict[str, Any] = {}
    rows = data.source.rows
    if schema.labels == "boxes":
        boxes = boxes_in(files, names)
        if boxes is not None:
            shown = ", ".join(f"{name} ({count:,})" for name, count in list(boxes.counts.items())[:20])
            found["boxes"] = (
                f"{boxes.source}: {sum(boxes.counts.values()):,} boxes in {len(boxes.by_image):,} images: {shown}"
            )
            images, captions = drawn(files, boxes, 2 * SHOWN)
            sections.append(Tiles(found["boxes"], (Tile("", len(names), images, captions),)))
    elif schema.labels != "none":
        there = listing(data)
        ready = if_prepared(data, there.names, there.masks)
        if ready is not None or len(there.names) <= PREPARES:
            arrays, ready = load_images(data)
        if ready is not None:
            sections.append(_tiles(schema, arrays or load_images(data)[0]))
            left_out = (*_untold(schema, names, there.names), *ready.left_out)
            rows = len(arrays["targets"])
    else:
        sections += _unlabelled(schema, [files.path(name) for name in names])
    warnings = look_for_trouble(schema, facts, arrays, left_out, data)
    return Report(
        schema.kind, rows, schema, tuple(warnings), {k: v for k, v in found.items() if v}, tuple(sections),
        _settings(schema, facts), left_out, len(left_out),
    )  # fmt: skip


def _untold(schema: ImagesSchema, names: list[str], used: list[str]) -> Iterator[LeftOut]:
    """Images of which the table says nothing: their row, or the value to predict in it, is missing."""
    if schema.labels == "table":
        targets = " and ".join(column.name for column in schema.targets)
        for name in sorted(set(names) - set(used)):
            yield LeftOut(name, f"{schema.table} has no value of {targets} for it.")


def _sizes(facts: Facts) -> str:
    counts = Counter(facts.sizes)
    shown = ", ".join(f"{width} x {height}" for (width, height), _ in counts.most_common(3))
    return f"{shown}{f' and {len(counts) - 3:,} more sizes' if len(counts) > 3 else ''} pixels"


def _modes(facts: Facts) -> str:
    words = {"1": "black and white", "L": "grey", "P": "palette", "RGB": "colour", "RGBA": "colour with transparency"}
    return ", ".join(words.get(mode, mode) for mode, _ in facts.modes.most_common())


def _unlabelled(schema: ImagesSchema, paths: Sequence[Path]) -> list[Section]:
    """Some images of which nothing says what they show, as a network would get them."""
    images = []
    for place in np.unique(np.linspace(0, len(paths) - 1, min(len(paths), 2 * SHOWN)).astype(int)):
        with contextlib.suppress(ValueError, OSError):  # it is listed with those that are left out
            size = (schema.height, schema.width, schema.channels, schema.resize, schema.deep)
            images.append(read_image(paths[place], *size))
    return [Tiles("Images", (Tile("", len(paths), np.stack(images)),))] if images else []


def _tiles(schema: ImagesSchema, arrays: dict[str, Any]) -> Tiles:
    images, targets = arrays["inputs"][0], arrays["targets"]
    if schema.labels == "masks" or not schema.classes:
        places = np.unique(np.linspace(0, len(images) - 1, min(len(images), 2 * SHOWN)).astype(int))
        masks = targets[places].astype(np.uint8) if schema.labels == "masks" else None
        captions = () if masks is not None else tuple(
            ", ".join(f"{value:.4g}" for value in np.ravel(targets[place])) for place in places
        )  # fmt: skip
        return Tiles("Images", (Tile("", len(images), np.asarray(images[places]), captions, masks),))
    labels = predicts_labels(schema.task)
    counts = label_counts(schema, targets)
    tiles = []
    for number, label in enumerate(schema.classes[:MOST_CLASSES]):
        places = np.flatnonzero(targets[:, number] if labels else targets == number)
        some = places[np.unique(np.linspace(0, max(0, len(places) - 1), min(len(places), SHOWN)).astype(int))]
        tiles.append(Tile(label, int(counts[number]), np.asarray(images[some])))
    return Tiles("Images by label" if labels else "Images by class", tuple(tiles), len(schema.classes))


def _settings(schema: ImagesSchema, facts: Facts) -> tuple[Setting, ...]:
    reasons = schema.reasons
    settings = [
        Setting("width", "Width in pixels", schema.width, reasons.size, (), 4, LARGEST),
        Setting("height", "Height in pixels", schema.height, reasons.size, (), 4, LARGEST),
        Setting("channels", "Colours", schema.channels, reasons.channels, ((1, "grey"), (3, "red, green and blue"))),
        Setting("resize", "How images are resized", schema.resize, reasons.resize, tuple(RESIZE.items())),
    ]
    if facts.deepest:
        whites = tuple(
            (white, f"{white:,} ({bits} bits)") for white, bits in zip(DEEP, (8, 10, 12, 14, 16), strict=True)
        )
        settings.append(Setting("deep", "White in images of 16 bit", schema.deep, reasons.deep, whites))
    if schema.labels == "folders" and schema.levels > 1:
        levels = tuple((level, f"folders of level {level + 1}") for level in range(schema.levels))
        settings.append(Setting("class_level", "What the class is", schema.class_level, reasons.classes, levels))
    ways = ways_to_split(schema)
    if len(ways) > 1:
        settings.append(Setting("splitting", "How they are split", schema.splitting.how, schema.splitting.reason, ways))
    if schema.labels == "table" and len(schema.targets) == 1:
        name = schema.targets[0].name
        settings.append(Setting("target", "Column to predict", name, reasons.classes, targets_of(schema)))
        settings.append(Setting("task", "What is predicted", schema.task, schema.task_reason, tasks_of(schema)))
    yes_no = ((True, "yes"), (False, "no"))
    if schema.labels in ("folders", "table"):
        settings.append(Setting("mirrored", "A mirrored image shows the same", schema.mirrored, "", yes_no))
        settings.append(Setting("copies", "Use copies of the same image", schema.copies, "", yes_no))
    return tuple(settings)
