"""Boxes around objects: COCO JSON, and YOLO text files beside images. They are read and shown; no task learns them."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainers.data.own.files import Files
from trainers.data.own.kinds.images.decoding import open_image
from trainers.sampling import evenly_spaced

LARGEST = 512 << 20  # bytes of a JSON file
SIDE = 96  # pixels of an image with its boxes
COLOURS = ((255, 140, 0), (0, 180, 120), (80, 120, 255), (230, 60, 120), (200, 200, 0))  # by class, again and again
ENOUGH = 0.5  # of the images have a text file of boxes


class Boxes(NamedTuple):
    """`counts`: boxes by class. `by_image`: (class, left, top, width, height) as shares of the image, by its name."""

    source: str
    files: tuple[str, ...]
    counts: dict[str, int]
    by_image: dict[str, list[tuple[str, float, float, float, float]]]


def boxes_in(files: Files, images: list[str]) -> Boxes | None:
    """The boxes that files beside the images hold; None: there are none."""
    return _coco(files, images) or _yolo(files, images)


def _coco(files: Files, images: list[str]) -> Boxes | None:
    described = files.ending(".json")
    if not described:
        return None
    by_file = {name.rpartition("/")[2]: name for name in images}
    used, found = [], dict[str, list[tuple[str, float, float, float, float]]]()
    for name in described:
        if files.path(name).stat().st_size > LARGEST:
            continue
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            held = json.loads(files.path(name).read_text(encoding="utf-8"))
            kinds = {each["id"]: str(each["name"])[:200] for each in held["categories"]}
            pictures = {
                each["id"]: (
                    by_file[str(each["file_name"]).rpartition("/")[2]],
                    float(each["width"]),
                    float(each["height"]),
                )
                for each in held["images"]
                if str(each["file_name"]).rpartition("/")[2] in by_file
            }
            for each in held["annotations"]:
                if each["image_id"] in pictures:
                    image, width, height = pictures[each["image_id"]]
                    left, top, wide, high = map(float, each["bbox"])
                    box = (kinds[each["category_id"]], left / width, top / height, wide / width, high / height)
                    found.setdefault(image, []).append(box)
            used.append(name)
    return _boxes("COCO", used, found)


def _yolo(files: Files, images: list[str]) -> Boxes | None:
    texts = {PurePosixPath(name).stem: name for name in files.ending(".txt")}
    if not texts:
        return None
    names = next(
        (name for name in files.ending(".txt", ".names") if PurePosixPath(name).stem in ("classes", "obj")), None
    )
    kinds: list[str] = []
    if names is not None:
        kinds = files.path(names).read_text(encoding="utf-8", errors="replace").split("\n")
    used, found = [], dict[str, list[tuple[str, float, float, float, float]]]()
    for image in images:
        text = texts.get(PurePosixPath(image).stem)
        if text is None or text == names:
            continue
        with contextlib.suppress(OSError, ValueError):
            lines = [line.split() for line in files.path(text).read_text(encoding="utf-8").splitlines() if line.strip()]
            for number, *numbers in lines:
                x, y, width, height = map(float, numbers)
                kind = int(number)
                if kind < 0 or not all(0 <= value <= 1 for value in (x, y, width, height)):
                    raise ValueError
                label = kinds[kind].strip() if kind < len(kinds) and kinds[kind].strip() else f"class {kind}"
                found.setdefault(image, []).append((label[:200], x - width / 2, y - height / 2, width, height))
            used.append(text)
    if len(used) < ENOUGH * len(images):
        return None
    return _boxes("YOLO", [*used, *([names] if names else [])], found)


def _boxes(
    source: str, used: list[str], found: dict[str, list[tuple[str, float, float, float, float]]]
) -> Boxes | None:
    counts = Counter(label for boxes in found.values() for label, *_ in boxes)
    return Boxes(source, tuple(used), dict(counts.most_common()), found) if used and counts else None


def drawn(files: Files, boxes: Boxes, count: int) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Some images with their boxes, uint8 (n, 3, SIDE, SIDE), and what is in each; what cannot be read is left out."""
    from PIL import ImageDraw

    names, colours = sorted(boxes.by_image), dict(zip(boxes.counts, range(len(boxes.counts)), strict=True))
    images, captions = [], []
    for place in evenly_spaced(len(names), count):
        with contextlib.suppress(ValueError, OSError):
            image = open_image(files.path(names[place]), SIDE, SIDE).convert("RGB").resize((SIDE, SIDE))
            pen = ImageDraw.Draw(image)
            for label, left, top, width, height in boxes.by_image[names[place]]:
                corners = [SIDE * left, SIDE * top, SIDE * (left + width), SIDE * (top + height)]
                if width >= 0 and height >= 0:
                    pen.rectangle(corners, outline=COLOURS[colours[label] % len(COLOURS)], width=2)
            held = Counter(label for label, *_ in boxes.by_image[names[place]])
            images.append(np.asarray(image).transpose(2, 0, 1))
            captions.append(", ".join(f"{number} {label}" for label, number in held.most_common(3)))
    return np.array(images, np.uint8).reshape(-1, 3, SIDE, SIDE), tuple(captions)
