"""What looks wrong in images before anything is trained on them: D201 to D208."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.data import dataset
from trainers.data.own.files import LeftOut
from trainers.data.own.kinds.images.copies import digests
from trainers.data.own.kinds.images.guessing import Facts, splitting
from trainers.data.own.kinds.images.listing import listing
from trainers.data.own.kinds.images.schema import ImagesSchema
from trainers.data.own.kinds.table.tasks import predicts_classes
from trainers.data.own.library import Stored
from trainers.data.own.report import DataWarning
from trainers.data.own.schema import unequal
from trainers.data.splits import also_in_training, parts_of

SMALLEST = 10  # images of a class, below which its score says little
DIGESTED = 200_000  # images, at most, that are compared with one another


def look_for_trouble(
    schema: ImagesSchema, facts: Facts, arrays: dict[str, Any], left_out: tuple[LeftOut, ...], data: Stored
) -> list[DataWarning]:
    """All warnings, in the order of their codes. `arrays`: what `Arrays` holds; empty where nothing is decoded yet."""
    found = [*_classes(schema, arrays), *_copies(schema, arrays, data), *_mixed(schema, facts)]
    if left_out:
        shown = "; ".join(f"{each.what}: {each.reason.rstrip('.')}" for each in left_out[:3]) + "."
        count = len(left_out)
        found.append(DataWarning("D206", None, f"{count:,} image{' is' if count == 1 else 's are'} left out. {shown}"))
    if schema.labels == "folders" and schema.splitting.how == "random" and _groups(schema, data):
        found.append(
            DataWarning(
                "D207", None,
                "Images lie in folders within the folders of the classes. If those of one inner folder belong together "
                "(one person, one place, one character), the test part should hold folders that training never saw.",
                splitting(schema, "group"), "Hold out whole folders",
            )
        )  # fmt: skip
    if schema.labels == "boxes":
        found.append(
            DataWarning("D208", None, "Boxes are read and shown. There is no task yet that learns to predict them.")
        )
    return sorted(found, key=lambda warning: warning.code)


def _groups(schema: ImagesSchema, data: Stored) -> bool:
    """Whether folders divide the images of a class."""
    if schema.levels < 2:
        return False
    return len({name.rpartition("/")[0] for name in listing(data).names}) > len(schema.classes)


def label_counts(schema: ImagesSchema, targets: NDArray[Any]) -> NDArray[np.int64]:
    """How many images each class has, or each label holds for."""
    if targets.ndim > 1:
        return np.asarray(targets.sum(axis=0), np.int64)
    return np.bincount(targets, minlength=len(schema.classes))


def _classes(schema: ImagesSchema, arrays: dict[str, Any]) -> Iterator[DataWarning]:
    if not arrays or schema.labels == "masks" or not schema.classes:
        return
    counts = label_counts(schema, arrays["targets"])
    what = "classes" if predicts_classes(schema.task) else "labels"
    few = [place for place in np.argsort(counts, kind="stable") if counts[place] < SMALLEST]
    if few:
        shown = ", ".join(f"{schema.classes[place]} ({counts[place]})" for place in few[:5])
        more = f" and {len(few) - 5:,} more" if len(few) > 5 else ""
        yield DataWarning(
            "D201",
            None,
            f"Some {what} have fewer than {SMALLEST} images, too few to learn or to test: {shown}{more}.",
        )
    if unequal(counts) and predicts_classes(schema.task):
        most, least = schema.classes[int(counts.argmax())], schema.classes[int(counts.argmin())]
        yield DataWarning(
            "D202", None,
            f"{most} has {counts.max():,} images and {least} {counts.min():,}. A network that always answers with the "
            "large class is right most of the time: the recommended network weighs classes so that each counts alike.",
        )  # fmt: skip


def _copies(schema: ImagesSchema, arrays: dict[str, Any], data: Stored) -> Iterator[DataWarning]:
    own = dataset({"name": data.full_name}) if arrays and schema.copies else None
    if own is None or not schema.copies or len(arrays["targets"]) > DIGESTED:
        return
    found = digests(arrays["inputs"][0])
    counts = Counter(found)
    copies = len(found) - len(counts)
    if not copies:
        return
    fix = schema.with_fields(copies=False), "Use each image once"
    parts = arrays.get("parts")
    if parts is not None:
        where: dict[bytes, set[int]] = {}
        for digest, part in zip(found, parts.tolist(), strict=True):
            where.setdefault(digest, set()).add(part)
        both = sum(len(there) > 1 for there in where.values())
        if both:
            yield DataWarning(
                "D203", None,
                f"{both:,} images are in more than one of the parts training, validation and test, so that the score "
                "is better than it is.", *fix,
            )  # fmt: skip
        return
    labels: dict[bytes, set[bytes]] = {}
    if schema.labels != "masks":
        for digest, target in zip(found, arrays["targets"], strict=True):
            labels.setdefault(digest, set()).add(np.asarray(target).tobytes())
    both = also_in_training(parts_of(own, own.load()), np.array(found))
    torn = sum(len(each) > 1 for each in labels.values())
    also = f" {torn:,} of them have different targets." if torn else ""
    yield DataWarning(
        "D203", None,
        f"{copies:,} images are the same as another, in the size that the network gets; of the validation and the test "
        f"part {both:,} are in the training part, too, with the usual split. Such copies make the score better than "
        f"it is.{also}", *fix,
    )  # fmt: skip


def _mixed(schema: ImagesSchema, facts: Facts) -> Iterator[DataWarning]:
    sizes = Counter(facts.sizes)
    if len(sizes) > 1:
        sides = sorted(sizes)
        yield DataWarning(
            "D204", None,
            f"Images have different sizes, from {sides[0][0]} x {sides[0][1]} to {sides[-1][0]} x {sides[-1][1]} "
            f"pixels. All become {schema.width} x {schema.height}.",
        )  # fmt: skip
    colour = {"1": "grey", "L": "grey", "I;16": "16 bit", "I": "16 bit", "F": "numbers"}
    kinds = Counter({"colour": 0})
    for mode, count in facts.modes.items():
        kinds[colour.get(mode, "colour")] += count
    kinds = +kinds
    if len(kinds) > 1:
        shown = " and ".join(f"{count:,} in {kind}" for kind, count in kinds.most_common())
        target = "grey" if schema.channels == 1 else "colours"
        yield DataWarning("D205", None, f"Images have different kinds of pixels ({shown}). All become {target}.")
