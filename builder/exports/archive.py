"""Everything in one zip: weights, code, training script, document, ONNX and a README that says how to use them."""

from __future__ import annotations

import re
import sys
import zipfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from builder.codegen.expressions import plain
from builder.document import dump
from builder.exports.converted import convert
from builder.exports.extra import extras
from builder.exports.files import check_weights, write_weights
from builder.exports.model_file import check_model_file, input_figures, model_source
from builder.exports.subject import ENSEMBLE, Subject
from builder.problems import ExportError
from builder.shapes import show


def write_archive(what: Subject, folder: Path, texts: Mapping[str, str]) -> tuple[float, str]:
    """Leave model.zip in the folder; `texts` are further files for it, such as train.py."""
    files = folder / "files"
    other = folder / "onnx"
    files.mkdir()
    other.mkdir()
    write_weights(what, files / "model.safetensors")
    (files / "model.py").write_text(model_source(what), encoding="utf-8")
    (files / "document.json").write_text(dump(what.document), encoding="utf-8")
    for name, text in texts.items():
        (files / name).write_text(text, encoding="utf-8")
    with ThreadPoolExecutor(2) as pool:
        in_onnx = pool.submit(convert, what, other, "onnx")
        in_python = pool.submit(check_model_file, what, files)
        results = [check_weights(what, files / "model.safetensors"), in_python.result()]
        note = ""
        try:
            results.append(in_onnx.result())
            (other / "model.onnx").replace(files / "model.onnx")
        except ExportError as error:  # everything else is of use without it
            note = str(error)
    names = ["README.md", "model.py", "model.safetensors", *texts, "document.json", "model.onnx"]
    present = [name for name in names if name == "README.md" or (files / name).exists()]
    needed = _needed(texts.get("train.py", ""))
    (files / "README.md").write_text(readme(what, present, note, needed), encoding="utf-8")
    with zipfile.ZipFile(folder / "model.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in present:
            archive.write(files / name, name)
    checked = "Weights, model.py (in a fresh Python) and model.onnx were each run on random samples."
    if note:
        checked = f"Weights and model.py (in a fresh Python) were run on random samples. There is no model.onnx: {note}"
    return max(worst for worst, _ in results), checked


def _needed(script: str) -> str:
    """The libraries that a script imports, by the names under which they are installed."""
    names = re.findall(r"^(?:import|from) (\w+)", script, re.MULTILINE)
    wanted = dict.fromkeys(name for name in names if name not in sys.stdlib_module_names and name != "model")
    installed = sorted({"sklearn": "scikit-learn", "PIL": "pillow"}.get(name, name) for name in wanted)
    return f"{', '.join(installed[:-1])} and {installed[-1]}" if len(installed) > 1 else "".join(installed)


def readme(what: Subject, files: list[str], note: str, needed: str = "") -> str:
    """README.md: what the network is, how to load it, what it expects and how well it did. `needed`: the libraries that
    train.py needs."""
    parts = [f"# {_inline(what.document.name) or 'Untitled network'}", plain(what.document.description)]
    parts.append(_network(what))
    if what.card.get("scores"):
        parts.append(_scores(what.card))
    parts.append(_loading(what, files, needed))
    if note:
        parts.append(f"There is no ONNX file: {_inline(note)}")
    parts.append("Made with Netloom.")
    return "\n\n".join(part for part in parts if part) + "\n"


def _inline(text: str) -> str:
    return " ".join(plain(text).split())


def _network(what: Subject) -> str:
    count = sum(parameter.numel() for parameter in what.module.parameters())
    ensemble = what.card.get(ENSEMBLE)
    network = next(iter(next(what.module.children()).children())) if ensemble else what.module
    size = f"{count:,} parameters in {len(list(network.children()))} layers"
    size += f" of each of {ensemble['members']} networks, which answer together" if ensemble else ""
    lines = ["## The network", "", f"- {size}"]
    for node, sample in zip(what.input_nodes, what.inputs, strict=True):
        kind = "float32" if sample.is_floating_point() else "whole numbers (int64)"
        lines.append(f"- takes `{node.name}`: N × {show(tuple(sample.shape[1:]))}, {kind}")
    for name, value in what.expected.items():
        lines.append(f"- gives `{name}`: {' × '.join(['N', *map(str, value.shape[1:])])}")
    classes = what.card.get("classes")
    if classes:
        lines.append(f"- classes, in the order of the output: {', '.join(_inline(str(name)) for name in classes)}")
    if what.card.get("data"):
        lines.append(f"- trained on the data set {_inline(str(what.card['data']))}")
    return "\n".join(lines)


def _scores(card: Mapping[str, Any]) -> str:
    """The scores as a table; each is a number, or a table of numbers by the part of the data."""
    rows: list[tuple[str, Any]] = []
    for name, value in card["scores"].items():
        inner = value.items() if isinstance(value, Mapping) else [("", value)]
        rows += [(f"{name} {key}".strip(), number) for key, number in inner]
    table = [f"| {_inline(name)} | {number:.4g} |" for name, number in rows if isinstance(number, int | float)]
    return "\n".join(["## Scores", "", "| score | value |", "|---|---|", *table]) if table else ""


def _loading(what: Subject, files: list[str], needed: str) -> str:
    figures = input_figures(what)
    names = [node.name for node in what.input_nodes]
    steps = {name: f"preprocess{f'_{name}' if name else ''}" for name in figures}
    steps_of = {names[0]: steps[""]} if "" in steps else steps  # what has no name is for the first input
    given = [f"{steps_of[name]}({name})" if name in steps_of else name for name in names]
    functions = ["load", *steps.values(), *(["postprocess"] if what.card.get("targets") else [])]
    call = f"model({', '.join(given)})"
    text = f"""## How to use it

1. With torch alone (`python model.py` shows that it runs):

   ```python
   from model import {", ".join(functions)}

   model = load("model.safetensors")
   output = {f"postprocess({call})" if what.card.get("targets") else call}
   ```
"""
    if "model.onnx" in files:
        text += f"""
2. With onnxruntime, in any language; any batch size:

   ```python
   import onnxruntime

   session = onnxruntime.InferenceSession("model.onnx")
   output = session.run(None, {{{", ".join(f'"{name}": {name}' for name in names)}}})
   ```
"""
    text += """
3. In Netloom: open `document.json` to see and change the network; `model.safetensors` holds its weights.
"""
    if figures:
        text += f"""
The network was trained on standardised inputs: less the mean, divided by the standard deviation of the training
samples. `{"`, `".join(steps.values())}` in model.py does that; for ONNX do it yourself with MEAN and STD from model.py.
"""
    if what.card.get("targets"):
        text += """
What it predicts is standardised, too: `postprocess` brings it back to the unit of the data set.
"""
    text += "".join(f"\n{words}\n" for words in (extra.readme(what) for extra in extras(what)) if words)
    if "train.py" in files:
        text += f"""
`python train.py` trains the same network again from nothing; it needs {needed or "torch"}.
"""
    return text.strip()
