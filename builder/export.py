"""Exports."""

from __future__ import annotations

from typing import Any


def export(*args: Any) -> Any:
    raise RuntimeError
