"""Saved documents: one file each under $NETLOOM_HOME/documents, never lost, never mixed up between two tabs.

A file's name is a random id and never made of a document's name. A document's revision is the digest of the file as it
was read or written last: when the file has another one on saving, somebody else has written it in between.
"""

from __future__ import annotations

import hashlib
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

_ID = re.compile(r"[0-9a-f]{32}")
_writing = threading.Lock()


class SaveError(NetloomError):
    """The document could not be written; it is still in memory."""


class ConflictError(NetloomError):
    """The file was changed by another tab or program since it was read."""


class MissingError(NetloomError):
    """There is no document of that id."""


class BrokenError(NetloomError):
    """A saved document cannot be read any more; the file was kept aside."""


@dataclass(frozen=True)
class Saved:
    """A document as it lies on disk."""

    id: str
    document: Document
    revision: str


@dataclass(frozen=True)
class Recent:
    """A line of the list of saved documents."""

    id: str
    name: str
    saved: float


def folder() -> Path:
    """Where documents are kept; made when it is not there. OSError: it cannot be made."""
    made = home() / "documents"
    made.mkdir(parents=True, exist_ok=True)
    return made


def fresh_id() -> str:
    return uuid.uuid4().hex


def newest() -> str | None:
    """The id of the document that was saved last, or None where there is none."""
    try:
        files = [path for path in folder().glob("*.json") if _ID.fullmatch(path.stem)]
        return max(files, key=lambda path: path.stat().st_mtime_ns).stem if files else None
    except OSError:
        return None


def recent(limit: int = 8) -> list[Recent]:
    """The documents that were saved last, newest first. A file that cannot be read is left out."""
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


def read(document_id: str) -> Saved:
    """The saved document of that id.

    Raises:
        MissingError: there is none.
        BrokenError: the file is no document any more; it was renamed, so that nothing overwrites it.
    """
    path = _path(document_id)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise MissingError("This document is not here any more.") from None
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
        ConflictError: the file has another revision by now.
        SaveError: it cannot be written (disk full, no permission); what was there before is unharmed.
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
                "or use Save to download it. The next edit tries again."
            ) from None
    return _digest(data)


def _replace(path: Path, data: bytes) -> None:
    """Write beside the file, then rename over it: a crash or a full disk leaves the old file whole."""
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
