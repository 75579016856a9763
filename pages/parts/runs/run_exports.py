"""Exports for the Export page: each is written to a temporary folder, verified, and kept until the run has changed."""

from __future__ import annotations

import atexit
import contextlib
import shutil
import tempfile
import threading
from pathlib import Path

import builder
import trainers
from builder.exports.companions import companion_files
from builder.exports.export import Exported, export, export_parts
from builder.exports.formats import EXPORTS, ExportFormat
from builder.problems import ExportError, NetloomError
from pages.parts.theme.escaping import file_name
from trainers.runs.predictions import data_change, kept
from trainers.runs.run import Run

KEPT = 24


Format = type[ExportFormat]
EVERYTHING: Format = EXPORTS["zip"]
FORMATS: tuple[Format, ...] = tuple(kind for kind in EXPORTS.values() if kind is not EVERYTHING)

Key = tuple[str, str, int, str, str]
_made: dict[Key, Exported] = {}
_changes: dict[tuple[str, str], str] = {}  # store and run → what differs in its data
_guard = threading.Lock()
_folder: list[Path] = []


def made(run: Run, format: Format, part: str = "") -> Exported | None:
    """The export of this run's best weights, if it was made before and still exists. `part`: one of `run.parts()`;
    empty: all of them."""
    found = _made.get(_key(run, format, part))
    return found if found is not None and found.path.exists() else None


def make(run: Run, format: Format, part: str = "") -> Exported:
    """Export and verify; the result is kept.

    Raises:
        RunError: no weights yet. ExportError: it cannot be exported in this format, or the disk is full.
    """
    key, names = _key(run, format, part), list(run.parts())
    name = f"{run.name} {part}" if part and len(names) > 1 else run.name
    try:
        place = Path(tempfile.mkdtemp(dir=_home())) / f"{file_name(name, 'model')}{Path(format.file).suffix}"
    except OSError as error:
        raise ExportError(f"There is no room for the export: {error.strerror or error}. Free some space.") from None
    if format is EVERYTHING and not part and len(names) > 1:
        result = export_parts({name: (run.part(name), run.part_document(name)) for name in names}, place)
    else:
        result = export(run.part(part or names[0]), run.part_document(part or names[0]), place, format.name)
    with _guard:
        _made[key] = result
        while len(_made) > KEPT:
            old = _made.pop(next(iter(_made)))
            shutil.rmtree(old.path.parent, ignore_errors=True)
    return result


def with_data_change(run: Run, format: Format, part: str = "") -> Exported:
    """As `make`; meanwhile it is looked whether the data are still those that the run was trained on."""
    looking = threading.Thread(target=_look, args=(run,), daemon=True)
    looking.start()
    result = make(run, format, part)
    looking.join()
    return result


def scripts(run: Run) -> tuple[str, ...]:
    """The names of the scripts that the zip of this run will hold, as far as that is known before they are tried."""
    with contextlib.suppress(NetloomError, OSError):
        part, gone = next(iter(run.parts())), run.job.dataset.gone
        return kept(run, ("scripts", gone), lambda: tuple(companion_files(run.part_document(part), run.part(part))[0]))
    return ()


def data_changed(run: Run) -> str:
    """What was found about the data of a run when it was exported; empty: nothing, or it was not looked yet."""
    return _changes.get((str(run.store.folder), run.id), "")


def _look(run: Run) -> None:
    with contextlib.suppress(NetloomError, OSError, MemoryError):  # the export needs the weights only
        _changes[str(run.store.folder), run.id] = data_change(run)


def source(run: Run | None, document: builder.Document, part: str = "") -> str:
    """model.py of a part of the run, or of the open document."""
    if run is None:
        return builder.to_python(trainers.bind(document))
    return builder.to_python(run.part_document(part or next(iter(run.parts()))))


def size(count: int) -> str:
    """A number of bytes with its unit."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000  # type: ignore[assignment]
    return f"{count:.2f} GB"


def _key(run: Run, format: Format, part: str) -> Key:
    try:
        weights = (run.store.run_folder(run.id) / "best.safetensors").stat().st_mtime_ns
    except OSError:
        raise run.without_weights() from None
    return str(run.store.folder), run.id, weights, format.name, part


def _home() -> Path:
    """One temporary folder for the server, deleted when it ends."""
    with _guard:
        if not _folder or not _folder[0].exists():
            _folder[:] = [Path(tempfile.mkdtemp(prefix="netloom-exports-"))]
            atexit.register(shutil.rmtree, _folder[0], ignore_errors=True)
    return _folder[0]
