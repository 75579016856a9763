"""The code blocks of the guides in docs/, so that tests can execute what a reader would type."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"
FILE = re.compile(r"Save this as `([^`]+)`.*?```python\n(.*?)```", re.DOTALL)


def files(page: str) -> dict[str, str]:
    """The files that a guide asks its reader to save: path → source."""
    found = dict(FILE.findall((DOCS / page).read_text(encoding="utf-8")))
    assert found, f"{page} has no file to save"
    return found
