"""Images of one's own as a data set, like those that come with Netloom."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from trainers.data.base import GIVEN, HELD, Arrays, DataError, EncodedFiles, Kind
from trainers.data.own.bringing.new_files import copy_samples
from trainers.data.own.data_set import OwnData, made_of
from trainers.data.own.files import brought
from trainers.data.own.kinds.images.copies import without_copies
from trainers.data.own.kinds.images.decoding import read_image, read_mask
from trainers.data.own.kinds.images.listing import check_listing, image_names, listing
from trainers.data.own.kinds.images.preparing import PreparedImages, prepared
from trainers.data.own.kinds.images.schema import ImagesSchema
from trainers.data.own.kinds.images.script import images_source, new_images_source
from trainers.data.own.kinds.table.tasks import predicts_classes
from trainers.data.own.library import Stored

SPACING = 0.01  # of the images are left out between the parts of a split in time: neighbours look alike


class _OwnImages(OwnData):
    """Images of one's own. The underscore keeps it out of the data sets that come with Netloom."""

    kind: ClassVar[Kind] = "image"

    @property
    def input_shape(self) -> tuple[int, ...]:
        schema = self.stored.schema
        return (schema.channels, schema.height, schema.width)

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(self.stored.schema.classes)

    @property
    def target_names(self) -> tuple[str, ...]:
        return () if self.classes else tuple(column.name for column in self.stored.schema.targets)

    @property
    def target_shape(self) -> tuple[int, ...]:
        schema = self.stored.schema
        return (schema.height, schema.width) if schema.labels == "masks" else super().target_shape

    @property
    def mapped(self) -> bool:
        return self.samples * int(np.prod(self.input_shape)) * 4 > 2 * HELD

    @property
    def gap(self) -> int:
        return round(SPACING * self.samples) if self.order == "time" else 0

    @property
    def given_parts(self) -> Mapping[str, int]:
        return self._given_parts

    @functools.cached_property
    def _given_parts(self) -> Mapping[str, int]:
        if self.stored.schema.splitting.how != "given":
            return {}
        return self.stored.remembered("given_parts", self._counted)

    def _counted(self) -> dict[str, int]:
        parts = Counter(np.asarray(listing(self.stored).parts).tolist())
        return {GIVEN[number]: count for number, count in sorted(parts.items()) if number}

    def load(self) -> Arrays:
        """The images as bytes, mapped into memory. DataError: they are gone, others, or none can be used."""
        arrays, _ = load_images(self.stored)
        return Arrays(**arrays, gap=self.gap)

    def sample_names(self, places: NDArray[np.int64]) -> list[str]:
        names = names_of(self.stored)
        return [names[place] for place in places]

    def encode_files(self, paths: Sequence[str | Path]) -> EncodedFiles:
        """New image files, or folders of them, as inputs before they are scaled: values from 0 to 1.

        Raises:
            DataError: none of them is an image.
        """
        schema, found, names = self.stored.schema, [], []
        left_out: list[tuple[str, str]] = []
        for path in map(Path, paths):
            files = brought(path)
            images = files.names if files.single else image_names(str(files.root), list(files.names))
            left_out += files.others(images, "It is no image.")
            for name in images:
                try:
                    size = (schema.height, schema.width, schema.channels, schema.resize, schema.deep)
                    found.append(read_image(files.path(name), *size))
                    names.append(name)
                except ValueError as error:
                    left_out.append((name, f"{str(error)[0].upper()}{str(error)[1:]}."))
        if not found:
            why = f" {left_out[0][0]}: {left_out[0][1]}" if left_out else ""
            raise DataError(f"There is no image to predict.{why}")
        return EncodedFiles((np.stack(found).astype(np.float32) / 255,), names, left_out)

    def prediction_source(self) -> str:
        return new_images_source(self.stored)

    def write_samples(self, places: NDArray[np.int64], folder: Path) -> tuple[list[Path], list[Path]]:
        """Copies of the image files."""
        names = self.sample_names(places)
        copies = copy_samples([self.stored.data_file / name for name in names], folder / "samples")
        return [folder / "samples"], copies

    def read_maps(self, paths: Sequence[Path]) -> NDArray[np.uint8]:
        schema: ImagesSchema = self.stored.schema
        return np.stack([read_mask(path, schema.height, schema.width, schema.mask_values, "stretch") for path in paths])

    def source(self) -> str:
        """Python source of `load_data()` that reads the images with pillow, and of what else the split needs."""
        return images_source(self.stored)


def load_images(data: Stored) -> tuple[dict[str, Any], PreparedImages]:
    """What `Arrays` holds of images, and how they were prepared. DataError: they are gone, or none can be used."""
    found = check_listing(listing(data), data.full_name)
    images = prepared(data, found.names, found.masks)
    kept = images.kept
    if found.targets is not None:
        targets = found.targets[kept]
        targets = targets if predicts_classes(data.schema.task) else targets.astype(np.float32)
    else:
        targets = np.asarray(images.masks, np.int64)
    groups = found.groups[kept] if found.groups is not None else None
    parts = found.parts[kept] if found.parts is not None else None
    inputs: NDArray[Any] = images.images
    if not data.schema.copies:
        inputs, first = without_copies(images.images)
        if len(first) < len(images.images):
            targets = targets[first]
            groups = None if groups is None else groups[first]
            parts = None if parts is None else parts[first]
    return {"inputs": (inputs,), "targets": targets, "groups": groups, "parts": parts}, images


def names_of(data: Stored) -> list[str]:
    """The file of each image that `load_images` gives."""
    found = listing(data)
    images = prepared(data, found.names, found.masks)
    names = [found.names[number] for number in images.kept]
    return names if data.schema.copies else [names[place] for place in without_copies(images.images)[1]]


def images_data_set(name: str, stored: Stored) -> type[OwnData]:
    """The images as a data set of this name."""
    schema = stored.schema
    summary = f"{stored.source.rows:,} images of your own, {schema.width} x {schema.height} pixels."
    return made_of(_OwnImages, name, stored, summary, may_be_mirrored=schema.mirrored)
