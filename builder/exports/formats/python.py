"""model.py: the networks' classes, and functions to load the weights and to use them. It needs only torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from builder.codegen import code, introduction
from builder.codegen.expressions import Collection, Expression, Invoke, Keyword, docstring, printable, statement
from builder.codegen.module_source import library_source
from builder.exports.extras import extras
from builder.exports.formats.base import ExportFormat, Written
from builder.exports.formats.safetensors import write_weights
from builder.exports.interpreter import INPUTS, OUTPUT, read_outputs, run, write_inputs
from builder.exports.subject import Subject, difference

IMPORTS = ("import json", "import struct", "from pathlib import Path")

LOAD = '''
DTYPES = {"F64": torch.float64, "F32": torch.float32, "I64": torch.int64, "I32": torch.int32, "BOOL": torch.bool}


def read_safetensors(path: str | Path) -> dict[str, Tensor]:
    """Tensors by name. The file has the length of the header in 8 bytes, the header as JSON, and then the data."""
    content = bytearray(Path(path).read_bytes())
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        start, end = (8 + length + offset for offset in entry["data_offsets"])
        values = torch.frombuffer(content[start:end], dtype=DTYPES[entry["dtype"]])
        tensors[name] = values.reshape(entry["shape"])
    return tensors


def load(path: str | Path = "model.safetensors") -> {kind}:
    """The trained network, in evaluation mode."""
    model = {constructor}
    model.load_state_dict(read_safetensors(path))
    return model.eval()
'''

PREPROCESS = '''
def preprocess{suffix}(x: Tensor) -> Tensor:
    """Standardise values of the data set: subtract the mean and divide by the standard deviation."""
    return (x - torch.tensor({prefix}MEAN)) / torch.tensor({prefix}STD)
'''

POSTPROCESS = '''
def postprocess(y: Tensor) -> Tensor:
    """The network's output in the unit of the data set's targets."""
    return y{reshape} * torch.tensor(TARGET_STD) + torch.tensor(TARGET_MEAN)
'''

CHECK = f"""
import importlib.util, torch
spec = importlib.util.spec_from_file_location("model", "model.py")
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
model = module.load("model.safetensors")
with torch.no_grad():
    torch.save(model(*torch.load("{INPUTS}", weights_only=True)), "{OUTPUT}")
"""


class Python(ExportFormat):
    """model.py, run in another process with the weights from model.safetensors."""

    name = "python"
    order = 4
    file = "model.py"
    title = "Python"
    purpose = "The network as a readable class. Requires only torch."
    media_type = "text/x-python"

    def write(self, subject: Subject, folder: Path) -> Written:
        (folder / self.file).write_text(model_source(subject), encoding="utf-8")
        if not (folder / "model.safetensors").exists():
            write_weights(subject, folder / "model.safetensors")
        write_inputs(subject, folder)
        run(CHECK, folder, "Running model.py in a new process")
        found = difference(subject.expected, read_outputs(subject, folder), self.file)
        checked = "Run in a new process with only torch, with the weights loaded, on random samples."
        return Written(folder / self.file, found, checked)


def model_source(subject: Subject) -> str:
    """The text of model.py."""
    usage = "The weights are in model.safetensors: model = load(). Requires only torch."
    additions = extras(subject)
    library_imports, ensemble = library_source([f"model = {subject.constructor}"])
    imports = (*IMPORTS, *library_imports, *(line for extra in additions for line in extra.imports(subject)))
    lines = [
        *docstring(f"{introduction(subject.document)}\n\n{usage}", 0),
        *code(subject.document, imports),
        *ensemble,
        "",
        *_constants(subject),
    ]
    kind = subject.constructor.partition("(")[0]
    lines += _lines(LOAD, kind=kind, constructor=subject.constructor)
    for name in input_statistics(subject):
        prefix, suffix = (f"{name.upper()}_", f"_{name}") if name else ("", "")
        lines += ["", *_lines(PREPROCESS, prefix=prefix, suffix=suffix)]
    for extra in additions:
        lines += ["", *extra.source(subject).rstrip().splitlines()]
    if subject.card.get("targets"):
        lines += ["", *_lines(POSTPROCESS, reshape=_reshape(subject))]
    lines += ["", "", 'if __name__ == "__main__":', *_main(subject)]
    return "\n".join(lines) + "\n"


def _lines(template: str, **values: str) -> list[str]:
    for name, value in values.items():
        template = template.replace(f"{{{name}}}", value)
    return template.rstrip().splitlines()


def input_statistics(subject: Subject) -> dict[str, Any]:
    """Mean and standard deviation of each input that has them, by the Input's name; "" for a single input."""
    given = subject.card.get("inputs") or []
    statistics = [given] if isinstance(given, dict) else list(given)
    names = [node.name for node in subject.input_nodes] if len(statistics) > 1 else [""]
    return {name: item for name, item in zip(names, statistics, strict=False) if item}


def _constants(subject: Subject) -> list[str]:
    """The classes and the statistics of the data set, as constants."""
    lines: list[str] = []
    card = subject.card
    if card.get("classes"):
        names = tuple(_text(str(name)) for name in card["classes"])
        lines += ["# the class of each output", *statement("CLASSES = ", Collection("()", names), 0)]
    for name, item in input_statistics(subject).items():
        lines += _statistics(
            item, f"{name.upper()}_" if name else "", f"the values of {name}" if name else "the inputs"
        )
    if card.get("targets"):
        lines += _statistics(card["targets"], "TARGET_", "the targets")
    return ["", *lines] if lines else []


def _statistics(item: Any, prefix: str, what: str) -> list[str]:
    return [
        f"# mean and standard deviation of {what} in the training set",
        *statement(f"{prefix}MEAN = ", _numbers(item["mean"]), 0),
        *statement(f"{prefix}STD = ", _numbers(item["std"]), 0),
    ]


def _reshape(subject: Subject) -> str:
    """Code that gives the outputs the shape of the targets, if a target has several axes."""
    shape = subject.card.get("target_shape") or []
    return f".reshape({', '.join(map(str, [-1, *shape]))})" if len(shape) > 1 else ""


def _numbers(value: Any) -> Expression:
    """Nested lists of float32 numbers, each with the fewest digits that give the same float32."""
    import numpy as np

    if isinstance(value, list | tuple):
        return Collection("[]", tuple(_numbers(item) for item in value))
    return repr(float(str(np.float32(value))))


def _text(value: str) -> str:
    text = json.dumps(printable(value), ensure_ascii=False)
    return "'" + printable(value) + "'" if '"' in value and "'" not in value and "\\" not in value else text


def _main(subject: Subject) -> list[str]:
    """Code that loads the weights and runs the network once."""
    zeros: list[Expression] = []
    for sample in subject.inputs:
        sizes = tuple(str(size) for size in (1, *sample.shape[1:]))
        dtype = (Keyword("dtype", "torch.int64"),) if not sample.is_floating_point() else ()
        zeros.append(Invoke("torch.zeros", (*sizes, *dtype)))
    lines = ['    model = load(Path(__file__).with_name("model.safetensors"))', "    with torch.no_grad():"]
    lines += statement("output = ", Invoke("model", tuple(zeros)), 8)
    if len(subject.expected) == 1:
        return [*lines, f'    print("{next(iter(subject.expected))}:", tuple(output.shape))']
    return [*lines, "    for name, value in output.items():", '        print(f"{name}:", tuple(value.shape))']
