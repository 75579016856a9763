"""Exports a trained model: as weights, code, ONNX, torch.export, or everything in one zip.

Each file is run and compared with the model first. It gets its name only when it is complete.
"""

from __future__ import annotations

import contextlib
import errno
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from builder.codegen.classes import class_names
from builder.document import Document, dump
from builder.exports import ready
from builder.exports.formats import EXPORTS
from builder.exports.formats.onnx import Onnx
from builder.exports.subject import subject
from builder.problems import ExportError
from builder.registry import did_you_mean

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Exported:
    """An exported file, and how it was checked."""

    path: Path
    format: str
    difference: float  # the largest difference between the outputs of the export and of the model
    checked: str  # how it was checked, as a sentence
    size: int  # bytes


def export(model: nn.Module, document: Document, path: str | Path, format: str = "zip") -> Exported:
    """Export the model to `path` in one of the formats of builder.EXPORTS, after comparing the export with the model.

    The model is only read: it may be on any device, in any mode, and in training in another thread.

    Raises:
        ExportError: the model does not belong to the document, the format is not possible, the outputs of the export
            differ from the model's, or the file cannot be written. No file is left behind.
        GraphError: the document has errors.
    """
    if format not in EXPORTS:
        near = did_you_mean(format, EXPORTS)
        raise ExportError(f"There is no format {format!r}.{near} Formats: {', '.join(EXPORTS)}.")
    path = Path(path)
    if path.is_dir():
        raise ExportError(f"{path} is a folder; expected the name of a file.")
    prepared = subject(model, document)
    with _temporary_folder(path) as folder:
        made = EXPORTS[format]().write(prepared, folder)
        size = made.file.stat().st_size
        made.file.replace(path)
    return Exported(path, format, made.difference, made.checked, size)


def get_ready(document: Document) -> None:
    """Somebody may export a model of this document soon: what takes long is done in the background, in a process that
    ends by itself if it is not needed."""
    names = list(class_names(document))
    if names:
        ready.get_ready(dump(document), names[0], Onnx.__module__, Onnx.__name__)


def export_parts(parts: Mapping[str, tuple[nn.Module, Document]], path: str | Path) -> Exported:
    """One zip with a folder for each part of a trained model (encoder, decoder) with the files of its own zip.

    Raises:
        ExportError, GraphError: as in `export`; the message names the part.
    """
    path = Path(path)
    made: dict[str, Exported] = {}
    with _temporary_folder(path) as folder:
        for name, (module, document) in parts.items():
            try:
                made[name] = export(module, document, folder / f"{name}.zip", "zip")
            except ExportError as error:
                raise ExportError(f"The {name}: {error}") from error
        combined = folder / "all.zip"
        with zipfile.ZipFile(combined, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, part in made.items():
                with zipfile.ZipFile(part.path) as inner:
                    for item in inner.infolist():
                        archive.writestr(f"{name}/{item.filename}", inner.read(item))
        size = combined.stat().st_size
        combined.replace(path)
    checked = " ".join(f"{name}: {part.checked}" for name, part in made.items())
    return Exported(path, "zip", max(part.difference for part in made.values()), checked, size)


@contextlib.contextmanager
def _temporary_folder(path: Path) -> Iterator[Path]:
    """A folder on the same disk as the file to write, removed afterwards. ExportError: it cannot be written."""
    folder: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".netloom-export-", dir=path.parent))
        yield folder
    except OSError as error:
        raise ExportError(_reason(error, path)) from error
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _reason(error: OSError, path: Path) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk is full: {path.name} could not be written to {path.parent}. Free some space, then try again."
    return f"{path} could not be written: {error.strerror or error}."
