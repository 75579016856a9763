"""Everything in one zip: the weights, the code, the document, ONNX, a README, and the files of companions.

A companion adds further files, such as a training script; see companions.py.
"""

from __future__ import annotations

import re
import sys
import zipfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType
from typing import Any

from builder.codegen.expressions import printable
from builder.document import dump
from builder.exports.companions import Script, companion_files, failed_trials
from builder.exports.extras import extras
from builder.exports.formats.base import ExportFormat, Written
from builder.exports.formats.onnx import Onnx
from builder.exports.formats.python import Python, input_statistics
from builder.exports.formats.safetensors import Safetensors
from builder.exports.subject import ENSEMBLE, Subject
from builder.problems import ExportError
from builder.shapes import show


class Archive(ExportFormat):
    """A zip with several formats. A model that cannot be exported to ONNX has a zip without ONNX."""

    name = "zip"
    order = 0
    file = "model.zip"
    title = "Everything in one zip"
    purpose = "The weights, readable code, the document, ONNX, and a README that explains how to use them."
    media_type = "application/zip"

    def write(self, subject: Subject, folder: Path) -> Written:
        files, other = folder / "files", folder / "onnx"
        files.mkdir()
        other.mkdir()
        (files / "document.json").write_text(dump(subject.document), encoding="utf-8")
        companions, notes = companion_files(subject.document, subject.module)
        for name, text in companions.items():
            (files / name).write_text(text, encoding="utf-8")
        results = [Safetensors().write(subject, files)]
        with ThreadPoolExecutor(2) as pool:
            onnx = pool.submit(Onnx().write, subject, other)
            results.append(pool.submit(Python().write, subject, files).result())
            for name, reason in failed_trials(companions, files).items():
                notes.append(reason)
                (files / name).unlink()
                del companions[name]
            try:
                results.append(onnx.result())
                results[-1].file.replace(files / Onnx.file)
            except ExportError as error:  # the other files are useful without it
                notes.append(f"There is no {Onnx.file}: {error}")
        names = ["README.md", "model.py", "model.safetensors", *companions, "document.json", "model.onnx"]
        present = [name for name in names if name == "README.md" or (files / name).exists()]
        (files / "README.md").write_text(readme(subject, present, notes, companions), encoding="utf-8")
        with zipfile.ZipFile(folder / self.file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in present:
                archive.write(files / name, name)
        run = "The weights, model.py (in a new process) and model.onnx were run on random samples."
        if Onnx.file not in present:
            run = "The weights and model.py (in a new process) were run on random samples."
        run += "".join(f" {name} was run on test samples." for name, text in companions.items() if _was_tried(text))
        return Written(folder / self.file, max(result.difference for result in results), " ".join([run, *notes]))


def _was_tried(text: str) -> bool:
    return isinstance(text, Script) and text.trial is not None


def readme(
    subject: Subject, files: list[str], notes: Sequence[str] = (), companions: Mapping[str, str] = MappingProxyType({})
) -> str:
    """README.md: what the network is, how to load it, its inputs, outputs and metrics.

    Parameters:
        files: the names of the files in the zip.
        notes: what is missing, as sentences.
        companions: the files of companions.
    """
    parts = [f"# {_line(subject.document.name) or 'Untitled network'}", printable(subject.document.description)]
    parts.append(_network(subject))
    if subject.card.get("scores"):
        parts.append(_metrics(subject.card))
    parts.append(_usage(subject, files, companions))
    parts += [_line(note) for note in notes]
    parts.append("Made with Netloom.")
    return "\n\n".join(part for part in parts if part) + "\n"


def _line(text: str) -> str:
    return " ".join(printable(text).split())


def _network(subject: Subject) -> str:
    count = sum(parameter.numel() for parameter in subject.module.parameters())
    ensemble = subject.card.get(ENSEMBLE)
    network = next(iter(next(subject.module.children()).children())) if ensemble else subject.module
    size = f"{count:,} parameters, {len(list(network.children()))} layers"
    size += f" in each of the {ensemble['members']} members of the ensemble" if ensemble else ""
    lines = ["## The network", "", f"- {size}"]
    for node, sample in zip(subject.input_nodes, subject.inputs, strict=True):
        dtype = "float32" if sample.is_floating_point() else "integers (int64)"
        lines.append(f"- input `{node.name}`: N × {show(tuple(sample.shape[1:]))}, {dtype}")
    for name, value in subject.expected.items():
        lines.append(f"- output `{name}`: {' × '.join(['N', *map(str, value.shape[1:])])}")
    classes = subject.card.get("classes")
    if classes:
        lines.append(f"- classes, in the order of the output: {', '.join(_line(str(name)) for name in classes)}")
    if subject.card.get("data"):
        lines.append(f"- trained on the data set {_line(str(subject.card['data']))}")
    return "\n".join(lines)


def _metrics(card: Mapping[str, Any]) -> str:
    """The metrics as a table; each is a number, or a mapping of numbers by the split."""
    rows: list[tuple[str, Any]] = []
    for name, value in card["scores"].items():
        inner = value.items() if isinstance(value, Mapping) else [("", value)]
        rows += [(f"{name} {key}".strip(), number) for key, number in inner]
    table = [f"| {_line(name)} | {number:.4g} |" for name, number in rows if isinstance(number, int | float)]
    return "\n".join(["## Metrics", "", "| metric | value |", "|---|---|", *table]) if table else ""


def _usage(subject: Subject, files: list[str], companions: Mapping[str, str]) -> str:
    statistics = input_statistics(subject)
    names = [node.name for node in subject.input_nodes]
    functions = {name: f"preprocess{f'_{name}' if name else ''}" for name in statistics}
    function_of = {names[0]: functions[""]} if "" in functions else functions  # without a name: of the first input
    arguments = [f"{function_of[name]}({name})" if name in function_of else name for name in names]
    reverts = bool(subject.card.get("targets"))
    imported = ["load", *functions.values(), *(["postprocess"] if reverts else [])]
    call = f"model({', '.join(arguments)})"
    text = f"""## Usage

1. With torch (`python model.py` runs it once):

   ```python
   from model import {", ".join(imported)}

   model = load("model.safetensors")
   output = {f"postprocess({call})" if reverts else call}
   ```
"""
    if Onnx.file in files:
        text += f"""
2. With onnxruntime, in many languages, with any batch size:

   ```python
   import onnxruntime

   session = onnxruntime.InferenceSession("model.onnx")
   output = session.run(None, {{{", ".join(f'"{name}": {name}' for name in names)}}})
   ```
"""
    text += """
3. In Netloom: open `document.json` to see and change the network; `model.safetensors` contains its weights.
"""
    if statistics:
        text += f"""
The network was trained on standardised inputs: minus the mean, divided by the standard deviation of the training set.
`{"`, `".join(functions.values())}` in model.py does this; for ONNX, use MEAN and STD from model.py.
"""
    if reverts:
        text += """
The predictions are standardised, too: `postprocess` converts them to the unit of the data set.
"""
    text += "".join(f"\n{words}\n" for words in (extra.readme(subject) for extra in extras(subject)) if words)
    for name, script in companions.items():
        if name == "train.py":
            text += f"\n`python train.py` trains the network from scratch; it requires {_required(script)}.\n"
        elif isinstance(script, Script) and script.usage:
            text += f"\n{script.usage} It requires {_required(script)}.\n"
    return text.strip()


def _required(script: str) -> str:
    """The libraries that a script imports, by the names under which they are installed."""
    names = re.findall(r"^(?:import|from) (\w+)", script, re.MULTILINE)
    wanted = dict.fromkeys(name for name in names if name not in sys.stdlib_module_names and name != "model")
    installed = sorted({"sklearn": "scikit-learn", "PIL": "pillow"}.get(name, name) for name in wanted)
    listed = f"{', '.join(installed[:-1])} and {installed[-1]}" if len(installed) > 1 else "".join(installed) or "torch"
    some = sorted(set(re.findall(r"^ +import (\w+)$", script, re.MULTILINE)) - {*sys.stdlib_module_names, *wanted})
    return f"{listed}, for some files also {' and '.join(some)}" if some else listed
