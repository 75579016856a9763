"""The folder that Netloom writes to, and the folder where it looks for data sets before it downloads any."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """The folder for runs, downloads and saved documents: $NETLOOM_HOME, else ~/.netloom. Created if it is missing.

    Raises:
        OSError: the folder cannot be created; the message names it and says what to set instead.
    """
    folder = Path(os.environ.get("NETLOOM_HOME") or "~/.netloom").expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(
            f"Netloom cannot create its folder {folder} ({reason}). Set NETLOOM_HOME to a folder that is writable."
        ) from error
    return folder


def mirror() -> Path | None:
    """The folder of already downloaded data sets, $NETLOOM_DATA. None: it is not set, or does not exist."""
    named = os.environ.get("NETLOOM_DATA")
    if not named:
        return None
    folder = Path(named).expanduser()
    return folder if folder.is_dir() else None
