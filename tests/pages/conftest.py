"""Lets the tests of pages import what they share, however pytest was started."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))


@pytest.fixture(autouse=True)
def no_process_for_exports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most tests look at the Export page without exporting: no process gets ready for it."""
    monkeypatch.setattr("pages.parts.runs.export_cards.get_ready", lambda document: None)
