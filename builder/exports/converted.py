"""ONNX and torch.export files, each converted and run in an interpreter of its own."""

from __future__ import annotations

from pathlib import Path

import builder
from builder.analysis.plan import make_plan
from builder.document import dump
from builder.exports.files import outputs, run, write_inputs, write_weights
from builder.exports.subject import Subject, difference
from builder.problems import ExportError

MAX_ONNX_BYTES = 2_000_000_000  # one ONNX file is one protobuf message, which may hold 2 GB
STARTER = "import sys; sys.path.insert(0, {root!r}); from builder.exports.convert import main; main()"
RUNNERS = {"onnx": "onnxruntime", "pt2": "torch.export"}


def convert(what: Subject, folder: Path, kind: str) -> tuple[float, str]:
    """Leave model.onnx or model.pt2 in the folder. ExportError: it cannot be converted, or gives other numbers."""
    size = sum(tensor.numel() * tensor.element_size() for tensor in what.state.values())
    if kind == "onnx" and size > MAX_ONNX_BYTES:
        raise ExportError(f"An ONNX file can hold 2 GB; the weights have {size / 1e9:.1f} GB. Export as pt2 instead.")
    if kind == "onnx":
        _refuse_what_onnx_cannot(what)
    (folder / "document.json").write_text(dump(what.document), encoding="utf-8")
    if not (folder / "model.safetensors").exists():
        write_weights(what, folder / "model.safetensors")
    write_inputs(what, folder)
    root = str(Path(builder.__file__).resolve().parent.parent)
    run(["-c", STARTER.format(root=root), kind, what.network], folder, f"The {kind} export")
    worst = difference(what.expected, outputs(what, folder), f"The {kind} file")
    return worst, f"Run by {RUNNERS[kind]} on random samples, with another batch size than it was traced with."


def _refuse_what_onnx_cannot(what: Subject) -> None:
    """Some layers are known to have no form in ONNX; they say so themselves, which is quicker than trying."""
    for step in make_plan(what.document).steps:
        reason = step.spec.not_in_onnx() if step.network == what.network else ""
        if reason:
            raise ExportError(f"{step.name} cannot be exported to ONNX: {reason} Export as pt2 instead.")
