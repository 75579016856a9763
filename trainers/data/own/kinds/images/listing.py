"""Which images there are, and what folders, masks and tables say of each.

Many of the functions stand on their own: the exported train.py has their source.
"""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainers.data.base import DataError
from trainers.data.own.kinds.images.schema import ImagesSchema
from trainers.data.own.kinds.table.encoding import used_rows
from trainers.data.own.library import Stored, check_files
from trainers.data.own.reading import reader_named

if TYPE_CHECKING:
    import pandas as pd


def part_names() -> dict[str, int]:
    """What folders of the parts of a data set are called: 0 training, 1 validation, 2 test."""
    names: tuple[tuple[str, ...], ...] = (
        ("train", "training", "trn"),
        ("valid", "validation", "val", "dev"),
        ("test", "testing", "tst"),
    )
    return {name: number for number, known in enumerate(names) for name in known}


def is_image(path: str) -> bool:
    """Whether a file is an image: by its ending, others by their first bytes."""
    endings: tuple[str, ...] = (
        ".png",
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".gif",
        ".bmp",
        ".dib",
        ".tif",
        ".tiff",
        ".webp",
        ".ppm",
        ".pgm",
    )
    endings += (".pbm", ".pnm", ".ico", ".tga", ".jp2", ".avif", ".qoi", ".pcx")
    heads = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*")
    if path.lower().endswith(endings):
        return True
    if path.lower().endswith((".txt", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".md", ".py")):
        return False
    with open(path, "rb") as opened:  # noqa: PTH123
        head = opened.read(12)
    return head.startswith(heads) or (head[:4] == b"RIFF" and head[8:] == b"WEBP")


def image_names(root: str, names: list[str]) -> list[str]:
    """Those of the files that are images, in alphabetical order."""
    return [name for name in sorted(names) if is_image(f"{root}/{name}")]


def folder_facts(names: list[str], parts_folder: bool, class_level: int) -> list[tuple[str, str, str, int]]:
    """(name, class, group, part) of each image that lies in the folder of a class; the group is all of its folders.

    A level of -1: the class is the name of the file without the number at its end.
    """
    found = []
    for name in names:
        *folders, file = name.split("/")
        part = 0
        if parts_folder:
            places = [place for place, folder in enumerate(folders) if folder.lower() in part_names()]
            if not places:
                continue
            part = part_names()[folders.pop(places[0]).lower()]
        if class_level < 0:
            stem = (file.rpartition(".")[0] or file).rstrip("0123456789()").rstrip("_-. ")
            found.append((name, stem, "/".join(folders), part))
        elif len(folders) > class_level:
            found.append((name, folders[class_level], "/".join(folders), part))
    return found


def in_parts(names: Iterable[str]) -> bool:
    """Whether each image lies in a folder such as train or test, and they say more than one part."""
    parts = set()
    for folders in {name.rpartition("/")[0].lower() for name in names}:
        parts.add(next((part_names()[each] for each in folders.split("/") if each in part_names()), None))
    return len(parts) > 1 and None not in parts


def mask_pairs(names: list[str], of_images: str, of_masks: str) -> list[tuple[str, str]]:
    """(image, mask) for each image with a mask: a folder of one name instead of another ("train_masks" instead of
    "train", too), or an ending of the stem. The stems of masks in folders may have an ending of their own."""
    images: dict[str, str] = {}
    masks: dict[str, str] = {}

    def without(folder: str, word: str) -> str | None:
        """What is left of the name of a folder without the word at its end; None: it has another."""
        if folder == word or folder.endswith(("_" + word, "-" + word)) or (folder.endswith(word) and len(word) > 4):
            return folder.removesuffix(word).rstrip("_-")
        return None

    for name in names:
        *folders, file = name.split("/")
        stem = file.rpartition(".")[0] or file
        if of_masks[0] in "_-":
            is_mask = stem.lower().endswith(of_masks)
            stem = stem[: -len(of_masks)] if is_mask else stem
        else:
            is_mask = any(without(folder.lower(), of_masks) is not None for folder in folders)
            word = of_masks if is_mask else of_images
            rests = [without(folder.lower(), word) if word else None for folder in folders]
            place = next((place for place, rest in enumerate(rests) if rest is not None), None)
            if place is not None:
                folders[place : place + 1] = [rest for rest in [rests[place]] if rest]
        (masks if is_mask else images)["/".join([*folders, stem])] = name
    found: dict[str, str] = {}
    for key in sorted(masks):
        image, cut = key, key
        while image not in images and cut:  # "a_1_mask" belongs to "a_1"
            cut = cut[: max(cut.rfind("_"), cut.rfind("-"), 0)]
            image = cut if not key[len(cut) + 1 :].isdecimal() else key
        if image in images:
            found.setdefault(image, masks[key])
    return [(images[key], found[key]) for key in sorted(found)]


def named_images(cells: list[str], names: list[str]) -> list[str]:
    """The image that each cell names, by its path, its file name or that without its ending; "": there is none."""
    by_name = {}
    for name in names:
        file = name.rpartition("/")[2]
        for key in (file.rpartition(".")[0], file, name.rpartition(".")[0], name):
            by_name[key] = name
    plain = [str(cell).strip().replace("\\", "/").removeprefix("./") for cell in cells]
    return [by_name.get(cell) or by_name.get(cell.rpartition("/")[2], "") for cell in plain]


class Listing(NamedTuple):
    """The images that belong to the samples, in their order; `targets` of each (None: its mask), groups and parts."""

    names: list[str]
    masks: list[str]
    targets: NDArray[Any] | None
    groups: NDArray[np.int64] | None
    parts: NDArray[np.int8] | None


def listing(data: Stored) -> Listing:
    """What the schema makes of the files. DataError: they are gone, or others."""
    check_files(data)
    return _listed(str(data.data_file), data.source.sha256, data.schema, data)


class _Key(NamedTuple):
    root: str
    digest: str
    schema: str


_KEPT: dict[_Key, Listing] = {}


def _listed(root: str, digest: str, schema: ImagesSchema, data: Stored) -> Listing:
    key = _Key(root, digest, schema.model_dump_json())
    if key not in _KEPT:
        if len(_KEPT) > 8:
            _KEPT.clear()
        _KEPT[key] = list_images(root, data.files().names, schema)
    return _KEPT[key]


def list_images(root: str, names: tuple[str, ...], schema: ImagesSchema) -> Listing:
    """The samples among these files, by the schema. DataError: the table of their labels cannot be read."""
    images = image_names(root, list(names))
    by_group = schema.splitting.how == "group"
    given = schema.splitting.how == "given"
    if schema.labels == "table":
        frame = reader_named(schema.reader, schema.encoding).read(_path(root, schema.table)).frame
        found, targets = table_rows(frame, images, schema.file_column, [c.model_dump() for c in schema.columns])
        return Listing(found, [], targets, None, None)
    if schema.labels == "masks":
        pairs = mask_pairs(images, *schema.masks)
        parts = np.array([part_of(name) for name, _ in pairs], np.int8) if given else None
        return Listing([name for name, _ in pairs], [mask for _, mask in pairs], None, None, parts)
    if schema.labels != "folders":
        return Listing(images, [], None, None, None)
    facts = folder_facts(images, schema.parts_folder, schema.class_level)
    numbers = {name: number for number, name in enumerate(schema.classes)}
    facts = [fact for fact in facts if fact[1] in numbers]
    labels = np.array([numbers[fact[1]] for fact in facts], np.int64)
    groups = np.unique([fact[2] for fact in facts], return_inverse=True)[1].astype(np.int64) if by_group else None
    parts = np.array([fact[3] for fact in facts], np.int8) if given else None
    return Listing([fact[0] for fact in facts], [], labels, groups, parts)


def part_of(name: str) -> int:
    """The part of the data that the folders of an image name; training if they name none."""
    folders = name.lower().split("/")[:-1]
    return next((part_names()[folder] for folder in folders if folder in part_names()), 0)


def table_rows(
    frame: pd.DataFrame, images: list[str], file_column: str, columns: list[dict[str, Any]]
) -> tuple[list[str], NDArray[Any]]:
    """The image and the target of each row of the table that has both."""
    rows, targets = used_rows(frame.reset_index(drop=True), columns)
    found = named_images(list(rows[file_column]), images)
    there = [place for place, name in enumerate(found) if name]
    return [found[place] for place in there], targets[there]


def _path(root: str, name: str) -> Any:
    from pathlib import Path

    return Path(root) / name


@functools.cache
def masks_words() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What people call the folders of images and those of masks, and the endings of the names of masks."""
    images = ("images", "image", "imgs", "img", "inputs", "input", "jpegimages", "original", "originals", "photos", "x")
    masks = (
        "masks", "mask", "annotations", "annotation", "labels", "label", "gt", "groundtruth", "ground_truth", "annots",
        "annot",
        "trimaps", "targets", "y",
        "_mask", "-mask", "_masks", "_label", "_labels", "_seg", "_gt", "-seg", "-gt",
        "_segmentation", "_matte", "_l", "_p",
    )  # fmt: skip
    return images, masks


def in_time(frame: Any, file_column: str) -> str:
    """Why images were taken one after the other, where a column says so."""
    for column in frame.columns:
        if re.search(r"time|date|frame", str(column), re.IGNORECASE) and str(column) != file_column:
            values = frame[column].dropna()
            with contextlib.suppress(TypeError):
                if len(values) > 2 and values.is_unique and values.is_monotonic_increasing:
                    return f"{column} increases: images were taken one after the other, and neighbours look alike."
    return ""


def check_listing(found: Listing, name: str) -> Listing:
    """DataError: there is no image in it."""
    if not found.names:
        raise DataError(f"{name} has no image with a target.")
    return found
