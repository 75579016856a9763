"""Why a file cannot be written or read, in words: a full disk, a quota, missing permissions."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT)
REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS)
OURS = (*REFUSED, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EINTR, errno.EAGAIN)  # not the file's fault
NOT_SAVED = "Paused, but not saved yet."  # the message of a run that waits for room begins with this
LITTLE = 64 * 1024  # bytes: SQLite reports a failed write, and not a full disk, where it cannot grow its shared memory


def is_full(error: BaseException | None, folder: Path | None = None) -> bool:
    """Whether an error, or the error that caused it, means that there is no room left: for anybody, or for this user.

    `folder`: where it was written to; its free space decides where SQLite only says that a write failed.
    """
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL:
            return True
        if isinstance(error, sqlite3.Error):
            name = getattr(error, "sqlite_errorname", "") or ""
            if name == "SQLITE_FULL" or (name.startswith("SQLITE_IOERR") and folder is not None and _no_room(folder)):
                return True
        text = str(error)  # safetensors and others wrap the error of the operating system in a text of their own
        if "disk is full" in text or "No space left" in text or "quota exceeded" in text.lower():
            return True
        error = error.__cause__
    return False


def may_pass(error: OSError) -> bool:
    """Whether the same may succeed later: there is room again, or permission."""
    return is_full(error) or error.errno in REFUSED


def is_ours(error: OSError) -> bool:
    """Whether an error of reading says something about this process or the system, and nothing about the file: missing
    permission, no memory, too many open files. What is in the file may be whole then."""
    return error.errno in OURS


def reason(error: BaseException, folder: Path) -> str:
    """Why something in `folder` cannot be written or read, and what to do, in sentences."""
    text = getattr(error, "strerror", None) or str(error)
    if getattr(error, "errno", None) == errno.EDQUOT or "quota exceeded" in text.lower():
        return f"Your disk quota is used up, so nothing can be saved in {folder}. Free some space."
    if is_full(error, folder):
        return f"The disk is full, so nothing can be saved in {folder}. Free some space."
    if not folder.exists():
        return (
            f"The folder {folder} is gone: it was moved or deleted. Move it back, or set NETLOOM_HOME to where it is."
        )
    if getattr(error, "errno", None) in REFUSED or "readonly" in text or "unable to open" in text:
        return f"{folder} is not writable ({text}). Check its permissions, or set NETLOOM_HOME to another folder."
    if "is locked" in text:
        return f"The runs in {folder} are in use by another program ({text}). Close it."
    return f"The runs in {folder} cannot be read or written: {text}."


def _no_room(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < LITTLE
    except OSError:
        return False
