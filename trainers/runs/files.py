"""Files that are written completely or not at all, also when the process is killed or the power fails."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import uuid
from collections.abc import Callable
from pathlib import Path

from trainers import stages


def write(path: Path, fill: Callable[[Path], None]) -> None:
    """Let `fill` write a file of a temporary name in the same folder, sync it to the disk, then rename it to `path`.

    Without the sync, a file system may keep the new name and lose the content when the power fails. OSError: the disk
    is full or not writable; the file that was there before is unchanged then.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    path.parent.mkdir(exist_ok=True)  # somebody may have removed the folder of a run that trains
    try:
        fill(temporary)
        sync(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def write_at_once(path: Path, fill: Callable[[Path], None]) -> None:
    """As `write`, but return as soon as other processes can read the file: a thread syncs it to the disk afterwards.

    For what training or a click waits for, and what can be made again if the power fails in this moment: such a file
    has a digest, so that the damage is noticed.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    path.parent.mkdir(exist_ok=True)  # somebody may have removed the folder of a run that trains
    try:
        fill(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    threading.Thread(target=_sync_later, args=(path,), name="netloom sync", daemon=True).start()


def _sync_later(path: Path) -> None:
    with contextlib.suppress(OSError):  # it may have been replaced or deleted by now
        sync(path)
        sync_folder(path.parent)


def write_text(path: Path, text: str, at_once: bool = False) -> None:
    """Write a text file completely or not at all; `at_once`: see `write_at_once`."""
    (write_at_once if at_once else write)(path, lambda temporary: _write_text(temporary, text))


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def sync(path: Path) -> None:
    """Wait until the content of a file is on the disk."""
    descriptor = os.open(path, os.O_RDWR)  # Windows syncs only files that are open for writing
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk. Nothing to do where folders cannot be opened (Windows)."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def digest(content: bytes) -> str:
    """The SHA-256 of some bytes, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def file_digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits. OSError: it cannot be read."""
    with stages.HeardFile(path, "Checking the file") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
