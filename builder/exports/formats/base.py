"""What an export format is."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, NamedTuple

from builder.exports.subject import Subject


class Written(NamedTuple):
    """A file that a format has written, and how it was checked."""

    file: Path
    difference: float  # the largest difference between the outputs of the export and of the model
    checked: str  # how it was checked, as a sentence


class ExportFormat:
    """Base of every format: writes a file, runs it, and compares its outputs with the model's."""

    name: ClassVar[str]  # of the format: "onnx"
    order: ClassVar[int]  # its position in builder.EXPORTS
    file: ClassVar[str]  # the name of the file that `write` writes: "model.onnx"
    title: ClassVar[str]  # for a user interface
    purpose: ClassVar[str]  # one or two sentences
    media_type: ClassVar[str] = "application/octet-stream"

    def write(self, subject: Subject, folder: Path) -> Written:
        """Write the file into the folder and check it.

        Raises:
            ExportError: the model cannot be exported in this format, or the export returns other outputs.
        """
        raise TypeError(f"{type(self).__name__} must implement write().")
