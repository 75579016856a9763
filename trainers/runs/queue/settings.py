"""Settings of this machine, in $NETLOOM_HOME/settings.json. Each has a default, so the file may be missing."""

from __future__ import annotations

import json
import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from builder.problems import NetloomError
from builder.validation_messages import sentences
from trainers.home import home
from trainers.runs.files import write_text

WORKERS = "NETLOOM_WORKERS"  # the environment variable that goes before the setting


class SettingsError(NetloomError):
    """A setting has a value that it cannot have. The message says what was expected."""


class Settings(BaseModel):
    """What can be set."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    workers: int | None = Field(
        None, ge=0, le=256, description="worker processes; null: one per accelerator, or half the cores"
    )


def settings() -> Settings:
    """The settings now. SettingsError: the file or the environment says something that is not possible."""
    path = _path()
    try:
        given = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise SettingsError(f"{path} is no JSON ({error}). Correct or delete it.") from None
    if (wanted := os.environ.get(WORKERS)) is not None:
        if not (wanted.isascii() and wanted.isdecimal()):
            raise SettingsError(f"{WORKERS} must be a whole number from 0 on, got {wanted[:40]!r}.")
        given = {**given, "workers": int(wanted[:9])}
    return _checked(given if isinstance(given, dict) else {}, str(path))


def change(**values: object) -> Settings:
    """Write these settings, and keep the others. SettingsError: a value is not possible."""
    path = _path()
    kept = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    made = _checked({**kept, **values}, str(path))
    write_text(path, json.dumps({**kept, **made.model_dump(mode="json")}, indent=1))
    return made


def _checked(given: dict[str, object], where: str) -> Settings:
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        raise SettingsError(f"{where}: {' '.join(sentences(error, Settings.model_fields).values())}") from None


def _path() -> Path:
    return home() / "settings.json"
