"""Takes a trained model out of Netloom: weights, code, ONNX, torch.export, or everything in one zip.

What is written was run first and compared with the model. It appears under its name only when it is whole.
"""

from __future__ import annotations

import contextlib
import errno
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.document import Document
from builder.problems import ExportError
from builder.registry import did_you_mean

if TYPE_CHECKING:
    from torch import nn

    from builder.exports.subject import Subject

Companion = Callable[[Document, "nn.Module"], Mapping[str, str]]
# Others add to the zip here: from a document and its trained model to further files, by name, such as train.py.
companions: list[Companion] = []


@dataclass(frozen=True)
class Exported:
    """A file that was written, and how it was checked."""

    path: Path
    format: str
    difference: float  # the largest between the exported thing's outputs and the model's
    checked: str  # how it was checked, as a sentence
    size: int  # bytes


def export(model: nn.Module, document: Document, path: str | Path, format: str = "zip") -> Exported:
    """Write the model to `path` as "zip", "safetensors", "onnx", "pt2" or "python", after comparing it with the model.

    The model is read only: it may be on any device, in any mode, and training in another thread.

    Raises:
        ExportError: the model does not belong to the document, cannot be had in this format, gives other numbers
            there, or the file cannot be written. Nothing is left behind.
        GraphError: the document has errors.
    """
    if format not in FORMATS:
        near = did_you_mean(format, FORMATS)
        raise ExportError(f"There is no format {format!r}.{near} Known: {', '.join(FORMATS)}.")
    from builder.exports.subject import subject

    path = Path(path)
    if path.is_dir():
        raise ExportError(f"{path} is a folder; a file's name was expected.")
    what = subject(model, document)
    texts = {name: text for add in companions for name, text in add(document, model).items()} if format == "zip" else {}
    with _beside(path) as folder:
        made, (worst, checked) = FORMATS[format](what, folder, texts)
        size = made.stat().st_size
        made.replace(path)
    return Exported(path, format, worst, checked, size)


def export_parts(parts: Mapping[str, tuple[nn.Module, Document]], path: str | Path) -> Exported:
    """One zip with a folder for each part of a trained model (encoder, decoder), each what `export` puts into a zip.

    Raises:
        ExportError, GraphError: as `export`; the sentence names the part.
    """
    path = Path(path)
    made: dict[str, Exported] = {}
    with _beside(path) as folder:
        for name, (module, document) in parts.items():
            try:
                made[name] = export(module, document, folder / f"{name}.zip", "zip")
            except ExportError as error:
                raise ExportError(f"The {name}: {error}") from error
        whole = folder / "all.zip"
        with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, part in made.items():
                with zipfile.ZipFile(part.path) as inner:
                    for item in inner.infolist():
                        archive.writestr(f"{name}/{item.filename}", inner.read(item))
        size = whole.stat().st_size
        whole.replace(path)
    checked = " ".join(f"{name}: {part.checked}" for name, part in made.items())
    return Exported(path, "zip", max(part.difference for part in made.values()), checked, size)


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A folder beside the file that is to be, gone afterwards. ExportError: something there cannot be written."""
    folder: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".netloom-export-", dir=path.parent))
        yield folder
    except OSError as error:
        raise ExportError(_why(error, path)) from error
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _why(error: OSError, path: Path) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk is full: {path.name} could not be written to {path.parent}. Free some space, then try again."
    return f"{path} could not be written: {error.strerror or error}."


Made = tuple[Path, tuple[float, str]]


def _zip(what: Subject, folder: Path, texts: Mapping[str, str]) -> Made:
    from builder.exports.archive import write_archive

    return folder / "model.zip", write_archive(what, folder, texts)


def _safetensors(what: Subject, folder: Path, _: Mapping[str, str]) -> Made:
    from builder.exports.files import check_weights, write_weights

    path = folder / "model.safetensors"
    write_weights(what, path)
    return path, check_weights(what, path)


def _converted(kind: str) -> Any:
    def make(what: Subject, folder: Path, _: Mapping[str, str]) -> Made:
        from builder.exports.converted import convert

        return folder / f"model.{kind}", convert(what, folder, kind)

    return make


def _python(what: Subject, folder: Path, _: Mapping[str, str]) -> Made:
    from builder.exports.model_file import check_model_file, model_source

    path = folder / "model.py"
    path.write_text(model_source(what), encoding="utf-8")
    return path, check_model_file(what, folder)


FORMATS: dict[str, Callable[[Subject, Path, Mapping[str, str]], Made]] = {
    "zip": _zip,
    "safetensors": _safetensors,
    "onnx": _converted("onnx"),
    "pt2": _converted("pt2"),
    "python": _python,
}
