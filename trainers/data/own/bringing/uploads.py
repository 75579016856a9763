"""Files that came over the network, in a folder of their own until they are added: their names are never paths."""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from trainers import stages
from trainers.data.base import DataError
from trainers.data.own.files import MOST_FILES
from trainers.data.own.library import RESERVED, library

MOST_DEPTH, LONGEST = 12, 120  # folders in each other; characters of a name
BLOCK = 4 << 20  # bytes that are copied at once


class Upload(NamedTuple):
    """A file as it came: its name (of a folder's file with its folders, divided by "/"), its bytes, their number."""

    name: str
    file: BinaryIO
    size: int


class Received(NamedTuple):
    """What `received` wrote: a file or a folder, and its name for people."""

    path: Path
    title: str


@contextmanager
def received(uploads: Sequence[Upload]) -> Iterator[Received]:
    """Write uploads where they can be read, and remove them afterwards.

    A single file is called "file" with its ending; the files of a folder keep their names below it, as far as these
    are plain names.

    Raises:
        DataError: there is none, a name leads out of its folder, or two files have the same name.
    """
    if not uploads:
        raise DataError("No file was uploaded.")
    if len(uploads) > MOST_FILES:
        raise DataError(f"There are more than {MOST_FILES:,} files.")
    folder = library() / f".received.{uuid.uuid4().hex[:12]}"
    folder.mkdir(parents=True)
    try:
        yield _written(folder, uploads)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _written(folder: Path, uploads: Sequence[Upload]) -> Received:
    total = max(1, sum(upload.size for upload in uploads))
    done = 0

    def write(upload: Upload, to: Path) -> None:
        nonlocal done
        if to.exists():
            raise DataError(f"Two files are called {upload.name[:LONGEST]!r}.")
        to.parent.mkdir(parents=True, exist_ok=True)
        upload.file.seek(0)
        with to.open("wb") as file:
            while block := upload.file.read(BLOCK):
                file.write(block)
                done += len(block)
                stages.say("Copying", done >> 20, total >> 20, "MB")

    if len(uploads) == 1:
        title = uploads[0].name.replace("\\", "/").rpartition("/")[2] or "file"
        endings = re.findall(r"\.[a-z0-9]{1,8}", "".join(Path(title.lower()).suffixes[-2:]))
        place = folder / f"file{''.join(endings)}"
        write(uploads[0], place)
        return Received(place, title)
    names = [safe_parts(upload.name) for upload in uploads]
    top = {parts[0] for parts in names if len(parts) > 1}
    common = len(top) == 1 and all(len(parts) > 1 for parts in names)
    for upload, parts in zip(uploads, names, strict=True):
        write(upload, folder.joinpath("files", *(parts[1:] if common else parts)))
    return Received(folder / "files", next(iter(top)) if common else f"{len(uploads)} files")


def safe_parts(name: str) -> list[str]:
    """The folders and the name of a file, each a plain name. DataError: one of them is none."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    if not parts or len(parts) > MOST_DEPTH or name.startswith(("/", "\\")):
        raise DataError(f"{name[:LONGEST]!r} is not the name of a file in a folder.")
    for part in parts:
        reserved = part.lower().partition(".")[0] in RESERVED
        if part == ".." or reserved or len(part) > LONGEST or re.search(r'[\x00-\x1f:*?"<>|]', part):
            raise DataError(
                f"{name[:LONGEST]!r} cannot be used: {part[:LONGEST]!r} is not a plain name. Rename the file."
            )
    return parts
