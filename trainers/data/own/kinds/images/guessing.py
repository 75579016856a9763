"""The schema of images as it seems to be: what belongs to each, which size and colours suit them."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trainers.data.base import DataError
from trainers.data.own.files import Files, LeftOut
from trainers.data.own.kind import Wishes
from trainers.data.own.kinds.images.boxes import boxes_in
from trainers.data.own.kinds.images.decoding import mask_pixels, open_image
from trainers.data.own.kinds.images.listing import (
    folder_facts,
    image_names,
    in_parts,
    in_time,
    list_images,
    mask_pairs,
    masks_words,
    part_names,
)
from trainers.data.own.kinds.images.listing import named_images as matched
from trainers.data.own.kinds.images.schema import MOST_VALUES, ImagesSchema, Reasons
from trainers.data.own.kinds.table.guessing import look as look_at_table
from trainers.data.own.kinds.table.guessing import with_roles
from trainers.data.own.kinds.table.looking.roles import says_nothing
from trainers.data.own.kinds.table.schema import TableSchema, label_names
from trainers.data.own.kinds.table.tasks import predicts_classes, predicts_labels, task_for, tasks_of_tables
from trainers.data.own.reading import reader_for
from trainers.data.own.schema import Splitting
from trainers.sampling import evenly_spaced
from trainers.tasks import TASKS

LOOKED_AT = 400  # images whose headers are read
OPENED = 24  # of them, whose pixels are looked at
SIZES = (16, 24, 32, 48, 64)  # pixels of the longer side
DEEP = (255, 1023, 4095, 16383, 65535)  # the largest values of 8, 10, 12, 14 and 16 bits
SMALL = 32  # of the longer side of drawings
TABLES = 20  # files that may say what is in the images
NAMED = 0.5  # of the cells of a column name an image
ALIKE = 1.05  # the longer side by the shorter one, of images that count as equally shaped
SIMILAR = 1.35  # and of those that may be stretched
OFTEN = 3  # images of a class, on average, where names of files say the classes
UNSAID = re.compile(
    r"(?i)(img|image|dscn?|dcim|photo|pict?|picture|frame|scan|screenshot|snap|file|untitled)([^a-z].*)?"
)


@dataclass(frozen=True)
class Facts:
    """What some of the images are like: (width, height), modes, and whether any has colours."""

    sizes: list[tuple[int, int]]
    modes: Counter[str]
    coloured: bool
    photographs: bool
    drawings: bool
    deepest: int = 0  # the largest value of images of 16 bit; 0: there is none


def facts_of(root: Path, names: Sequence[str]) -> Facts:
    """Look at some images, evenly spaced. DataError: none of them can be read."""
    from PIL import Image

    sizes, modes, formats, deepest = [], Counter[str](), Counter[str](), 0
    for place in evenly_spaced(len(names), LOOKED_AT):
        with contextlib.suppress(Exception), Image.open(root / names[place]) as opened:
            turned = opened.getexif().get(0x0112, 1) in (5, 6, 7, 8)
            sizes.append(opened.size[::-1] if turned else opened.size)
            modes[opened.mode] += 1
            formats[str(opened.format)] += 1
            if opened.mode.startswith("I"):
                deepest = max(deepest, int(np.asarray(opened).max()))
    coloured, two_valued, first_error, opened_count = False, 0, "", 0
    for place in evenly_spaced(len(names), OPENED):
        try:
            pixels = np.asarray(open_image(root / names[place], 64, 64))
        except ValueError as error:
            first_error = first_error or f"{names[place]}: {error}"
            continue
        opened_count += 1
        coloured = coloured or (pixels.ndim == 3 and int(np.ptp(pixels.astype(np.int16), axis=2).max()) > 8)
        two_valued += int(np.count_nonzero(np.bincount(pixels.ravel(), minlength=256))) <= 4
    if not sizes or not opened_count:
        raise DataError(f"No image can be read. {first_error}".strip() + ("." if first_error else ""))
    photographs = formats["JPEG"] + formats["MPO"] + formats["WEBP"] > len(sizes) / 2
    return Facts(sizes, modes, coloured, photographs, two_valued > opened_count / 2, deepest)


def look(files: Files, wishes: Wishes) -> tuple[ImagesSchema, int, tuple[LeftOut, ...]]:
    """The schema, how many images there are, and which files are left out."""
    names = image_names(str(files.root), list(files.names))
    if not names:
        raise DataError("It holds no image.")
    facts = facts_of(files.root, names)
    shape = _shape(facts)
    schema, used = _labels(files, names, shape, facts, wishes)
    schema = _wished(schema, wishes)
    there = set(names)
    left_out = [LeftOut(name, "It is no image.") for name in files.names if name not in there and name not in used] + [
        LeftOut(name, "Nothing says what it shows.") for name in names if name not in used
    ]
    count = len(used & there) - (schema.labels == "masks") * (len(used & there) // 2)
    if schema.labels == "table":  # rows without a value to predict are no samples
        count = len(list_images(str(files.root), files.names, schema).names)
    return schema, count, tuple(left_out)


def _wished(schema: ImagesSchema, wishes: Wishes) -> ImagesSchema:
    """With the fields that the user has chosen."""
    if wishes.split is not None:
        schema = splitting(schema, wishes.split)
    if wishes.settings:
        unknown = set(wishes.settings) - set(ImagesSchema.model_fields)
        if unknown:
            raise DataError(f"Images have no setting {min(unknown)!r}.")
        schema = schema.with_fields(**wishes.settings)
    return schema


def splitting(schema: ImagesSchema, how: str) -> ImagesSchema:
    """The schema with another way to split. DataError: these images cannot be split so."""
    choices = dict(ways_to_split(schema))
    if how not in choices:
        raise DataError(f"There is no split {how!r} for these images. There is: {', '.join(choices)}.")
    made: ImagesSchema = schema.with_fields(splitting=Splitting(how=how))  # type: ignore[arg-type]
    return made


def ways_to_split(schema: ImagesSchema) -> tuple[tuple[str, str], ...]:
    """How these images can be split, with words."""
    ways = [("random", "at random")]
    if schema.labels == "folders" and schema.levels > 1:
        ways.append(("group", "whole inner folders: images of one are in one part"))
    if schema.labels == "table":
        ways.append(("time", "in the order of the table: the last ones test"))
    if schema.parts_folder:
        ways.append(("given", "as the folders say"))
    return tuple(ways)


# -- size and colours -------------------------------------------------------------------------------------------------


def _shape(facts: Facts) -> dict[str, Any]:
    widths, heights = (np.array([size[axis] for size in facts.sizes]) for axis in (0, 1))
    ratios = widths / heights
    ratio = float(np.median(ratios))
    spread = float(np.quantile(ratios, 0.95) / np.quantile(ratios, 0.05))
    median = int(np.median(np.maximum(widths, heights)))
    same = len(set(facts.sizes)) == 1
    resize, why = "stretch", "All have about the same shape."
    if same and median <= SIZES[-1]:
        width, height = facts.sizes[0]
        size = f"All are {width} x {height} pixels."
    else:
        most = SMALL if facts.drawings else SIZES[-1]
        longer = max([side for side in SIZES if side <= min(median, most)], default=max(8, median))
        if spread > ALIKE and (spread > SIMILAR or not 1 / SIMILAR < ratio < SIMILAR):
            resize, why, ratio = "fit", "Their shapes differ, so nothing is cut off or distorted.", 1.0
        elif 1 / ALIKE < ratio < ALIKE or spread > ALIKE:
            ratio = 1.0
        width = longer if ratio >= 1 else max(8, round(longer * ratio / 4) * 4)
        height = longer if ratio <= 1 else max(8, round(longer / ratio / 4) * 4)
        each = "All are" if same else "The usual size is"
        size = (
            f"{each} {int(np.median(widths))} x {int(np.median(heights))} pixels; {width} x {height} "
            "trains faster, and more is seldom needed."
        )
    channels = 3 if facts.coloured else 1
    deep = next((white for white in DEEP if 0 < facts.deepest <= white), DEEP[-1])
    white = f"No value of the 16-bit images that were looked at is above {facts.deepest:,}." if facts.deepest else ""
    grey = "They have colours." if facts.coloured else "They are grey, also those that are stored in colours."
    return {
        "height": max(4, height), "width": max(4, width), "channels": channels, "resize": resize,
        "deep": deep, "reasons": Reasons(size=size, channels=grey, resize=why, deep=white),
    }  # fmt: skip


# -- what belongs to each image ---------------------------------------------------------------------------------------


def _labels(
    files: Files, names: list[str], shape: dict[str, Any], facts: Facts, wishes: Wishes
) -> tuple[ImagesSchema, set[str]]:
    found = boxes_in(files, names)
    if found is not None and (masks := _of_masks(files, names, shape)):  # which can be learned
        return masks[0], masks[1] | set(found.files)
    if found is not None:
        reason = f"{found.source}: {len(found.counts)} kinds of boxes."
        schema = ImagesSchema(labels="boxes", classes=tuple(found.counts), task_reason=reason, **shape)
        return schema, set(names) | set(found.files)
    folders = _of_folders(names, shape, facts, wishes)
    return (
        _of_table(files, names, shape, wishes, NAMED if folders else 0.0)
        or _of_masks(files, names, shape)
        or folders
        or _of_names(names, shape, facts)
        or (ImagesSchema(labels="none", task_reason="Nothing says what the images show.", **shape), set(names))
    )


def _naming(files: Files, others: list[str], names: list[str]) -> tuple[int, str, Any, str] | None:
    """Of the files, the table that names the most images: how many, its name, (reader, table), and its column."""
    best: tuple[int, str, Any, str] | None = None
    for name in sorted(others, key=lambda name: (name.count("/"), -files.path(name).stat().st_size))[:TABLES]:
        with contextlib.suppress(DataError, OSError, UnicodeError):
            reader = reader_for(files.path(name))
            table = reader.read(files.path(name))
            for column in sorted(table.frame.columns, key=lambda each: table.frame[each].dtype.kind in "iuf"):
                cells = table.frame[column].dropna()
                if not len(cells) or not (isinstance(cells.iloc[0], str) or _numbers_images(cells)):
                    continue
                count = sum(map(bool, matched(list(cells), names)))
                if count >= NAMED * len(cells) and count > (best[0] if best else 1):
                    best = count, name, (reader, table), str(column)
    return best


def _numbers_images(cells: Any) -> bool:
    """Whether cells are whole numbers of which none comes twice: names of images without their endings, perhaps."""
    return bool(cells.dtype.kind in "iu" and cells.is_unique)


def _of_table(files: Files, names: list[str], shape: dict[str, Any], wishes: Wishes, least: float) -> Any:
    """A table that names the images, at least this share of them: its schema and the files that are used."""
    there = set(names)
    best = _naming(files, [name for name in files.names if name not in there], names)
    if best is None or best[0] < least * len(names):
        return None
    _, name, (reader, table), column = best
    if len(table.frame.columns) < 2:
        return None
    target = wishes.target
    schema = look_at_table(table, Path(name).stem, target, wishes.types)
    if target is None and all(each.name == column for each in schema.targets):
        last = [each for each in table.frame.columns if str(each) != column][-1]
        schema = look_at_table(table, "", str(last), wishes.types)
    others, open_choice = [c for c in schema.columns if c.name != column], target is None and not wishes.roles
    if least and open_choice and all(says_nothing(other, table.frame[other.name]) for other in others):
        return None  # it only numbers the images
    roles = {column: "ignored", **wishes.roles}
    if open_choice and len(others) > 1 and {other.type for other in others} == {"yes_no"}:
        roles |= {other.name: "target" for other in others}
    schema = with_roles(schema, table.frame, roles, wishes.task, None)
    if not schema.targets:
        raise DataError(f"{name} says nothing of the images that could be predicted.")
    columns = tuple(
        each if each.role == "target" else each.model_copy(update={"role": "ignored", "role_reason": ""})
        for each in schema.columns
    )
    shown = [each.name for each in schema.targets]
    ordered = in_time(table.frame, column)
    made = ImagesSchema(
        labels="table",
        table=name,
        reader=reader.name,
        file_column=column,
        columns=columns,
        classes=_classes(schema),
        task=schema.task,
        task_reason=f"{name} names the images in {column}; {schema.task_reason or 'you chose what is predicted.'}",
        splitting=Splitting(how="time" if ordered else "random", reason=ordered),
        **{**shape, "reasons": shape["reasons"].model_copy(update={"classes": f"{', '.join(shown)} in {name}"})},
    )
    return made, {name, *filter(None, matched(list(table.frame[column].dropna()), names))}


def _classes(schema: TableSchema) -> tuple[str, ...]:
    """The classes, or the labels, that the targets of a table can be; () for numbers."""
    if predicts_labels(schema.task):
        return label_names(schema.targets)
    if not predicts_classes(schema.task):
        return ()
    target = schema.targets[0]
    return (target.no[0], target.yes[0]) if target.type == "yes_no" else target.categories


def with_target(files: Files, schema: ImagesSchema, target: str | None, task: str | None) -> ImagesSchema:
    """The schema of images whose table says what is predicted, with another column or task. DataError: not possible."""
    frame = reader_for(files.path(schema.table)).read(files.path(schema.table)).frame
    plain = TableSchema(columns=schema.columns, task=schema.task, task_reason=schema.task_reason)
    if target is not None:
        if target == schema.file_column:
            raise DataError(f"{target} names the images, and cannot be predicted.")
        made = with_roles(plain, frame, {target: "target"})
    else:
        made = with_roles(plain, frame, {}, task)
    columns = tuple(c if c.role == "target" else c.model_copy(update={"role": "ignored"}) for c in made.columns)
    reasons = schema.reasons.model_copy(update={"classes": f"{made.targets[0].name} in {schema.table}"})
    fields = {"columns": columns, "task": made.task, "task_reason": made.task_reason, "classes": _classes(made)}
    changed: ImagesSchema = schema.with_fields(**fields, reasons=reasons)
    return changed


def targets_of(schema: ImagesSchema) -> tuple[tuple[str, str], ...]:
    """The columns of the table that could be predicted, with words."""
    return tuple((c.name, c.name) for c in schema.columns if c.name != schema.file_column and c.type != "text")


def tasks_of(schema: ImagesSchema) -> tuple[tuple[str, str], ...]:
    """The tasks that could learn the target, with words."""
    numbers = schema.targets[0].type in ("number", "date")
    suitable = [name for name in tasks_of_tables() if predicts_classes(name) or name == schema.task]
    suitable += [name for name in tasks_of_tables() if numbers and name == task_for("number") != schema.task]
    return tuple((name, TASKS[name].label) for name in suitable)


def _of_masks(files: Files, names: list[str], shape: dict[str, Any]) -> Any:
    of_images, of_masks = masks_words()
    there = {folder.lower() for name in names for folder in name.split("/")[:-1]}
    stems = [name.rpartition(".")[0].lower() or name.lower() for name in names]
    endings = tuple(word for word in of_masks if word[0] in "_-")
    ending = [stem for stem in stems if stem.endswith(endings)]
    wanted = [word for word in of_masks if any(folder.endswith(word) for folder in there)]
    wanted += [word for word in endings if any(stem.endswith(word) for stem in ending) and word not in wanted]
    wanted += [folder for folder in there if folder.startswith("seg") and folder not in wanted]
    best: tuple[list[tuple[str, str]], tuple[str, str]] = ([], ("", ""))
    for word in wanted:
        for other in [each for each in of_images if each in there] or [""]:
            pairs = mask_pairs(names, other, word)
            if len(pairs) > len(best[0]):
                best = pairs, (other, word)
    pairs, masks = best
    if len(pairs) < 2 or 2 * len(pairs) < 0.5 * len(names):
        return None
    values = _mask_values(files.root, [mask for _, mask in pairs])
    given = (
        len({part_names().get(folder) for image, _ in pairs for folder in image.lower().split("/")[:-1]} - {None}) > 1
    )
    task = next(name for name, task in TASKS.items() if task.follows_images)
    names_of = ("background", "object") if len(values) == 2 else tuple(f"value {value}" for value in values)
    schema = ImagesSchema(
        labels="masks", masks=masks, mask_values=values, classes=names_of, task=task,
        task_reason=f"Each of {len(pairs):,} images has a mask ({masks[1]}).",
        parts_folder=given, splitting=Splitting(how="given" if given else "random"), **shape,
    )  # fmt: skip
    return schema, {name for pair in pairs for name in pair}


def _mask_values(root: Path, masks: list[str], coloured: bool = False) -> tuple[int, ...]:
    """The values of the pixels of masks; black and white alone where they are many, as in JPEG files."""
    found: set[int] = set()
    for place in evenly_spaced(len(masks), 10 * OPENED):
        with contextlib.suppress(ValueError):
            found |= set(np.unique(np.asarray(mask_pixels(root / masks[place], coloured))).tolist())
    if found and max(found) > 65535 and not coloured:  # those in which all is grey are colours, too
        return _mask_values(root, masks, coloured=True)
    if not found:
        raise DataError(f"No mask can be read; {masks[0]} is the first one.")
    if len(found) > MOST_VALUES:
        return (0, max(found))
    return tuple(sorted(found))


def _of_folders(names: list[str], shape: dict[str, Any], facts: Facts, wishes: Wishes) -> Any:
    given = in_parts(names)
    depths = Counter(name.count("/") - given for name in names)
    levels = depths.most_common(1)[0][0]
    if levels < 1:
        return None
    level, why = _class_level(names, given, levels)
    if wishes.settings.get("class_level") is not None:
        level, why = int(wishes.settings["class_level"]), ""
    found = folder_facts(names, given, level)
    classes = tuple(sorted({label for _, label, _, part in found if part == 0}))  # what is not trained is not learned
    found = [fact for fact in found if fact[1] in set(classes)]
    if len(classes) < 2:
        return None
    schema = ImagesSchema(
        labels="folders",
        levels=levels,
        class_level=level,
        parts_folder=given,
        classes=classes,
        task=task_for("category"),
        task_reason=f"The images are in {len(classes)} folders, a class each.",
        splitting=Splitting(how="given", reason="Folders say which part each image is in.") if given else Splitting(),
        mirrored=facts.photographs and facts.coloured,
        **{**shape, "reasons": shape["reasons"].model_copy(update={"classes": why})},
    )
    return schema, {fact[0] for fact in found}


def _of_names(names: list[str], shape: dict[str, Any], facts: Facts) -> Any:
    """Classes that the names of files say, "cat.1.jpg" or "great_dane_12.png", where folders say none."""
    found = [fact for fact in folder_facts(names, False, -1) if re.search(r"[^\W\d_]", fact[1])]
    counts = Counter(label for _, label, _, _ in found)
    if len(counts) < 2 or len(found) < NAMED * len(names) or len(found) < OFTEN * len(counts):
        return None
    if any(UNSAID.fullmatch(label) for label in counts):
        return None
    given = in_parts([name for name, _, _, _ in found])
    shown = ", ".join(sorted(counts)[:3])
    schema = ImagesSchema(
        labels="folders",
        class_level=-1,
        parts_folder=given,
        classes=tuple(sorted(counts)),
        task=task_for("category"),
        task_reason=f"The names of the files say {len(counts)} classes ({shown}{', …' if len(counts) > 3 else ''}).",
        splitting=Splitting(how="given", reason="Folders say which part each image is in.") if given else Splitting(),
        mirrored=facts.photographs and facts.coloured,
        **shape,
    )
    return schema, {fact[0] for fact in found}


def _class_level(names: list[str], given: bool, levels: int) -> tuple[int, str]:
    """Which folder is the class: the outermost of which there are several, or the next where that has the same names in
    each of the outer ones."""
    several = (level for level in range(levels) if len({fact[1] for fact in folder_facts(names, given, level)}) > 1)
    first = next(several, 0)
    for level in range(first + 1, levels):
        inner: dict[str, set[str]] = {}
        for _, label, folders, _ in folder_facts(names, given, level):
            inner.setdefault("/".join(folders.split("/")[:level]), set()).add(label)
        sets = list(inner.values())
        counted = all(re.fullmatch(r"\D+\d+", label) for label in set().union(*sets))
        if len(sets) > 1 and len(sets[0]) > 1 and all(each == sets[0] for each in sets) and not counted:
            return level, f"The same {len(sets[0])} names are in each outer folder."
    if first:
        return first, "They are the outermost folders of which there are several."
    return 0, "The outermost folders are the classes." if levels > 1 else "Each folder is a class."


def with_class_level(schema: ImagesSchema, names: list[str], level: int) -> ImagesSchema:
    """The schema with another level of folders as classes. DataError: there is none, or it has one folder."""
    if not 0 <= level < schema.levels:
        raise DataError(
            f"The images are in {schema.levels} folders; the class can be one of the levels 1 to {schema.levels}."
        )
    classes = tuple(sorted({label for _, label, _, _ in folder_facts(names, schema.parts_folder, level)}))
    if len(classes) < 2:
        raise DataError("All images are in the same folder of this level.")
    reasons = schema.reasons.model_copy(update={"classes": ""})
    made: ImagesSchema = schema.with_fields(class_level=level, classes=classes, reasons=reasons)
    return made
