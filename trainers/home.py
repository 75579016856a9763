"""Where Netloom keeps what it writes, and where it looks for data before it downloads any."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """The folder for runs, downloads and saved documents: $NETLOOM_HOME, else ~/.netloom; made if it is not there.

    Raises:
        OSError: the folder cannot be made, with a sentence that says which folder and what to set instead.
    """
    folder = Path(os.environ.get("NETLOOM_HOME") or "~/.netloom").expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(
            f"Netloom cannot make its folder {folder} ({reason}). Set NETLOOM_HOME to a folder that can be written to."
        ) from error
    return folder


def mirror() -> Path | None:
    """The folder of already downloaded data sets named by $NETLOOM_DATA, or None when it is not set or not there."""
    named = os.environ.get("NETLOOM_DATA")
    if not named:
        return None
    folder = Path(named).expanduser()
    return folder if folder.is_dir() else None
