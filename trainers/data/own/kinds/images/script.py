"""The part of train.py that reads images of one's own: the functions that preparing uses, and the schema."""

from __future__ import annotations

import json
import pprint
import re
from collections.abc import Callable
from typing import Any

from trainers.data.base import DataError
from trainers.data.own.bringing.new_files import files_at, read_files
from trainers.data.own.kinds.images import decoding, listing
from trainers.data.own.kinds.images.schema import ImagesSchema
from trainers.data.own.kinds.table import script as table_script
from trainers.data.own.library import Stored
from trainers.data.own.reading import reader_named
from trainers.script.sources import print_functions


def files_in(folder: str, unpacked: bool) -> tuple[str, list[str]]:
    """The folder and the names of the files in it; of an unpacked archive with one folder in it, that folder."""
    import os

    names = []
    for place, inner, files in os.walk(folder):
        inner[:] = [name for name in inner if not name.startswith(".") and name != "__MACOSX"]
        names += [os.path.relpath(os.path.join(place, name), folder) for name in files if not name.startswith(".")]  # noqa: PTH118
    names = [name.replace(os.sep, "/") for name in names]
    tops = {name.split("/")[0] for name in names}
    if unpacked and len(names) > 1 and len(tops) == 1:
        return files_in(f"{folder}/{tops.pop()}", unpacked)
    return folder, names


def images_source(data: Stored) -> str:
    """Source of `load_data()`, and of `load_groups()` or `load_parts()` where the split needs them."""
    schema: ImagesSchema = data.schema
    folder = (
        re.sub(r"\.(zip|tar(\.\w+)?|tgz)$", "", data.source.title) if data.source.path is None else data.source.title
    )
    constants = [f"FOLDER = {json.dumps(folder)}  # beside this script, with the images in it"]
    constants.append(_size(schema))
    functions: list[tuple[Callable[..., Any], dict[str, str]]] = []
    functions += [
        (files_in, {"unpacked": repr(data.source.path is None)}),
        (listing.is_image, {}),
        (listing.image_names, {}),
    ]
    functions += DECODING
    if schema.labels == "masks":
        constants += [f"VALUES = {schema.mask_values!r}  # of the pixels of masks, by class"]
        functions += [(listing.mask_pairs, {}), (decoding.mask_pixels, {}), (decoding.read_mask, {})]
        text = MASKS.replace("PAIR", f"{schema.masks[0]!r}, {schema.masks[1]!r}")
    elif schema.labels == "table":
        reader, options = reader_named(schema.reader, schema.encoding).script(data.data_file / schema.table)
        dumped = [column.model_dump() for column in schema.columns]
        columns = [{key: each[key] for key in table_script.WANTED if key in each} for each in dumped]
        shown = pprint.pformat(columns, width=118, sort_dicts=False, compact=True)
        constants.append(f"COLUMNS = {shown}")
        functions += [(reader, options), (listing.named_images, {}), (listing.table_rows, {})]
        functions += [(each, {}) for each in table_script.FUNCTIONS if each.__name__ not in ("encode_inputs",)]
        constants += [f"TABLE = {schema.table!r}", f"FILE_COLUMN = {schema.file_column!r}  # of the table"]
        text = TABLE
    else:
        constants.append(f"CLASSES = {list(schema.classes)!r}")
        functions += [(listing.part_names, {}), (listing.folder_facts, {})]
        text = FOLDERS.replace("PARTS", repr(schema.parts_folder)).replace("LEVEL", str(schema.class_level))
    load = LOAD.replace("COPIES", "" if schema.copies else COPIES)
    how = schema.splitting.how
    if how == "given" and schema.labels == "masks":
        functions += [(listing.part_names, {}), (listing.part_of, {})]
    text += {"group": GROUPS, "given": MASK_PARTS if schema.labels == "masks" else FOLDER_PARTS}.get(how, "")
    return print_functions(*functions, constants="\n".join(constants)) + "\n" + load + text


def _size(schema: ImagesSchema) -> str:
    size = {"height": schema.height, "width": schema.width, "channels": schema.channels, "resize": schema.resize}
    size |= {"deep": schema.deep} if schema.deep != 65535 else {}
    return f"SIZE = {size!r}"


def new_images_source(data: Stored) -> str:
    """Source of `read_samples(paths)`: new images as the network's input; and of `write_maps` for masks."""
    schema: ImagesSchema = data.schema
    size = f"HEIGHT, WIDTH, CHANNELS = {schema.height}, {schema.width}, {schema.channels}"
    constants, text = [size, f"RESIZE = {schema.resize!r}"], READ_SAMPLES
    masks: list[tuple[Callable[..., Any], dict[str, str]]] = []
    if schema.labels == "masks":
        constants.append(f"VALUES = {schema.mask_values!r}  # of the pixels of masks, by class")
        masks = [(decoding.in_own_size, {})]
        text += WRITE_MAPS.replace("PIXELS", _pixels(schema.mask_values))
    functions: list[tuple[Callable[..., Any], dict[str, str]]]
    functions = [(files_at, {}), (read_files, {}), (listing.is_image, {}), *DECODING, *masks]
    return print_functions(*functions, constants="\n".join(constants)) + "\n" + text


def _pixels(values: tuple[int, ...]) -> str:
    """Code for the pixels of a mask, from `classes`. DataError: PNG files have no such values."""
    if min(values) < 0 or max(values) >= 1 << 24:
        raise DataError(f"masks have values such as {max(values, key=abs)}, which PNG files cannot hold.")
    if max(values) >= 1 << 16:
        return 'np.stack([np.array(VALUES)[classes] >> shift & 255 for shift in (16, 8, 0)], axis=-1).astype("uint8")'
    return f'np.array(VALUES, "uint{8 if max(values) < 256 else 16}")[classes]'


DECODING: tuple[tuple[Callable[..., Any], dict[str, str]], ...] = (
    (decoding.open_image, {"height": "0", "width": "0", "deep": "65535"}),
    (decoding.resized, {"smooth": "True"}),
    (decoding.eight_bit, {"deep": "65535"}),
    (decoding.read_image, {"deep": "65535"}),
)
READ_SAMPLES = '''
def read_samples(paths):
    """The names of the images, and the images with values from 0 to 1; those that cannot be read are left out."""
    return read_files(files_at(paths, is_image), new_sample)


def new_sample(path):
    """An image as the network gets it."""
    return read_image(path, HEIGHT, WIDTH, CHANNELS, RESIZE).astype("float32") / 255
'''
WRITE_MAPS = '''

def write_maps(names, maps, folder):
    """Write the mask of each image as a PNG file of the values that the masks of the training have: in the size of the
    image, and in the folder network in that of the network."""
    (folder / "network").mkdir(parents=True, exist_ok=True)
    stems = [Path(name).stem for name in names]
    for place, (name, stem, found) in enumerate(zip(names, stems, maps, strict=True)):
        before = stems[:place].count(stem)
        file = f"{stem}_{before + 1}.png" if before else f"{stem}.png"
        own = in_own_size(Image.fromarray(found.astype("uint8")), *open_image(name).size, RESIZE)
        for path, classes in ((folder / file, np.asarray(own)), (folder / "network" / file, found)):
            Image.fromarray(PIXELS).save(path)
'''
LOAD = '''
def load_data():
    """Images (N, channels, height, width) with values from 0 to 1, and their targets."""
    samples = usable_samples()
    images = np.stack([image for _, image, _ in samples]).astype("float32") / 255
    return images, np.array([target for _, _, target in samples])


def usable_samples(kept=[]):
    """(sample, image, target) of each image that can be read; they are read once."""
    if not kept:
        for sample, path, target in all_samples():
            try:
                kept.append((sample, read_image(path, **SIZE), target() if callable(target) else target))
            except ValueError as error:
                print(f"{path} is left out: {error}")
COPIES    return kept
'''
FOLDERS = '''

def all_samples():
    """What the folders say, path and class of each image."""
    folder, names = files_in(FOLDER)
    for fact in folder_facts(image_names(folder, names), PARTS, LEVEL):
        if fact[1] in CLASSES:
            yield fact, f"{folder}/{fact[0]}", CLASSES.index(fact[1])
'''
MASKS = '''

def all_samples():
    """Name and path of each image with a mask, and a function that reads the mask."""
    folder, names = files_in(FOLDER)
    size = {name: SIZE[name] for name in ("height", "width", "resize")}
    for name, mask in mask_pairs(image_names(folder, names), PAIR):
        yield name, f"{folder}/{name}", lambda path=f"{folder}/{mask}": read_mask(path, values=VALUES, **size)
'''
TABLE = '''

def all_samples():
    """Name, path and target of each row of the table that names an image."""
    folder, names = files_in(FOLDER)
    frame = read_rows(f"{folder}/{TABLE}", [column["name"] for column in COLUMNS])
    found, targets = table_rows(frame, image_names(folder, names), FILE_COLUMN, COLUMNS)
    for name, target in zip(found, targets):
        yield name, f"{folder}/{name}", target
'''
COPIES = """        # an image that is the same as one before is left out
        first = {image.tobytes(): place for place, (_, image, _) in reversed(list(enumerate(kept)))}
        kept[:] = [kept[place] for place in sorted(first.values())]
"""
GROUPS = '''

def load_groups():
    """The number of the group of each image: those in one folder stay in one part of the data."""
    return np.unique([fact[2] for fact, _, _ in usable_samples()], return_inverse=True)[1]
'''
FOLDER_PARTS = '''

def load_parts():
    """The part of each image by its folder: 0 training, 1 validation, 2 test."""
    return np.array([fact[3] for fact, _, _ in usable_samples()])
'''
MASK_PARTS = '''

def load_parts():
    """The part of each image by its folders: 0 training, 1 validation, 2 test."""
    return np.array([part_of(name) for name, _, _ in usable_samples()])
'''
