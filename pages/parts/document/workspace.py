"""Saved documents: one file each under $NETLOOM_HOME/documents, safe from crashes and from two tabs that save at once.

A file's name is a random id and never made of a document's name. A document's revision is the digest of the file as it
was read or written last: if the file has another digest on saving, another tab or program has written it in between.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import builder
from builder.document import Document
from builder.problems import DocumentError, NetloomError
from trainers.home import home

FIRST_TEMPLATE = "digits_cnn"
_ID = re.compile(r"[0-9a-f]{32}")
_writing = threading.Lock()


class SaveError(NetloomError):
    """The document could not be written; it is still open."""


class ConflictError(NetloomError):
    """The file was changed by another tab or program since it was read."""


class MissingError(NetloomError):
    """There is no document of that id."""


class BrokenError(NetloomError):
    """A saved document cannot be read any more; the file was renamed and kept."""


@dataclass(frozen=True)
class Saved:
    """A document as it was read from its file."""

    id: str
    document: Document
    revision: str


@dataclass(frozen=True)
class Recent:
    """One entry of the list of saved documents."""

    id: str
    name: str
    saved: float


def first_document() -> Document:
    """What a new user finds on the canvas: a small network that can be trained as it is."""
    try:
        return builder.template(FIRST_TEMPLATE)
    except DocumentError:
        return Document()


def folder() -> Path:
    """Where documents are saved; created if it does not exist. OSError: it cannot be created."""
    made = home() / "documents"
    made.mkdir(parents=True, exist_ok=True)
    return made


def fresh_id() -> str:
    return uuid.uuid4().hex


def newest() -> str | None:
    """The id of the document that was saved last, or None if there is none."""
    try:
        files = [path for path in folder().glob("*.json") if _ID.fullmatch(path.stem)]
        return max(files, key=lambda path: path.stat().st_mtime_ns).stem if files else None
    except OSError:
        return None


def recent(limit: int = 8) -> list[Recent]:
    """The documents that were saved last, newest first. Files that cannot be read are skipped."""
    try:
        files = [path for path in folder().glob("*.json") if _ID.fullmatch(path.stem)]
        files.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
    except OSError:
        return []
    found = []
    for path in files[: limit + 1]:
        try:
            name = json.loads(path.read_bytes()).get("name", Document().name)
            found.append(Recent(path.stem, str(name), path.stat().st_mtime))
        except (OSError, ValueError, AttributeError):
            continue
    return found


def copy_name(name: str) -> str:
    """A name for a copy that no recent document has: "Spiral (copy)", "Spiral (copy 2)", …"""
    plain = re.sub(r" \(copy(?: \d+)?\)$", "", name)[:180]
    taken = {item.name for item in recent(100)}
    names = (f"{plain} (copy{f' {number}' if number > 1 else ''})" for number in itertools.count(1))
    return next(each for each in names if each not in taken)


def read(document_id: str) -> Saved:
    """The saved document of that id.

    Raises:
        MissingError: there is no such document.
        BrokenError: the file is not a valid document any more; it was renamed, so that nothing overwrites it.
    """
    path = _path(document_id)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise MissingError("This document does not exist any more.") from None
    except OSError as error:
        raise MissingError(f"The saved document cannot be read: {error.strerror or error}.") from None
    try:
        return Saved(document_id, builder.load(data), _digest(data))
    except DocumentError as error:
        aside = path.with_name(f"{document_id}.broken-{time.strftime('%Y%m%d-%H%M%S')}")
        try:
            path.rename(aside)
            kept = f"The file was kept as {aside}."
        except OSError:
            kept = f"The file is {path}."
        reason = str(error.problems[0].message) if error.problems else "it is not a document"
        raise BrokenError(f"A saved document could not be read: {reason} {kept}") from None


def save(document_id: str, document: Document, revision: str | None) -> str:
    """Write the document and return its new revision. `revision` is the one it was read with, None for a new one.

    Raises:
        ConflictError: the file has another revision.
        SaveError: it cannot be written (disk full, no permission); the old file is unchanged.
    """
    path = _path(document_id)
    data = builder.dump(document).encode("utf-8")
    with _writing:
        try:
            folder()
            there = _digest(path.read_bytes()) if path.exists() else None
            if there is not None and there not in (revision, _digest(data)):
                raise ConflictError(f"“{document.name}” was changed in another tab or window since it was opened here.")
            _replace(path, data)
        except OSError as error:
            raise SaveError(
                f"The document could not be saved ({error.strerror or error}). It is still open here: free some space, "
                "or use Save to download it. The next edit tries to save it again."
            ) from None
    return _digest(data)


def _replace(path: Path, data: bytes) -> None:
    """Write a second file, then rename it over the first: a crash or a full disk leaves the old file complete."""
    temporary = path.with_name(f".{path.stem}.{uuid.uuid4().hex[:8]}.part")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _path(document_id: str) -> Path:
    if not _ID.fullmatch(document_id):
        raise MissingError("This is not the address of a document.")
    return folder() / f"{document_id}.json"


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
