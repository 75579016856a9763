"""Images that are the same as one before: found once, and left out of a file of their own where that is wanted."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainers import stages
from trainers.data.own.kinds.images.preparing import copy_samples
from trainers.runs.files import write

EVERY = 1000  # images between two words on how far it is


def first_of_each(images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The places of the images without those that are the same as one before."""
    seen: dict[bytes, int] = {}
    for place, digest in enumerate(digests(images)):
        seen.setdefault(digest, place)
    return np.array(sorted(seen.values()), np.int64)


def digests(images: NDArray[np.uint8]) -> list[bytes]:
    """Something short for each image that is the same for the same image."""
    return [
        hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=12).digest()
        for image in stages.each(images, "Looking for copies", len(images), EVERY)
    ]


def without_copies(images: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Each image once, and their places: in files beside the one that the images are mapped from, made on the first
    call. Where there is no room for these, the images are held in memory."""
    name = getattr(images, "filename", None)
    if name is None:
        return images[(found := first_of_each(images))], found
    folder = Path(str(name)).parent
    with contextlib.suppress(OSError, ValueError):
        return _kept(images, folder)
    first = first_of_each(images)
    if len(first) == len(images):
        return images, first
    try:
        write(folder / "once.bytes", lambda path: copy_samples(Path(str(name)), path, images.shape, first))
        write(folder / "once.places", first.tofile)
        return _kept(images, folder)
    except (OSError, ValueError):
        return images[first], first


def _kept(images: NDArray[np.uint8], folder: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    places = np.fromfile(folder / "once.places", np.int64)
    return np.memmap(folder / "once.bytes", np.uint8, "r", shape=(len(places), *images.shape[1:])), places
