"""model.py: the networks' classes, and what is needed to load the weights and use them with torch alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from builder.codegen import code, introduction
from builder.codegen.expressions import Expression, Invoke, Keyword, Several, docstring, plain, statement
from builder.codegen.module_source import printed
from builder.exports.extra import extras
from builder.exports.files import outputs, run, write_inputs, write_weights
from builder.exports.subject import Subject, difference

IMPORTS = ("import json", "import struct", "from pathlib import Path")

READER = '''
DTYPES = {"F64": torch.float64, "F32": torch.float32, "I64": torch.int64, "I32": torch.int32, "BOOL": torch.bool}


def read_safetensors(path: str | Path) -> dict[str, Tensor]:
    """Tensors by name: the file is the header's length in 8 bytes, the header in JSON, and then all numbers."""
    content = bytearray(Path(path).read_bytes())
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        start, end = (8 + length + offset for offset in entry["data_offsets"])
        numbers = torch.frombuffer(content[start:end], dtype=DTYPES[entry["dtype"]])
        tensors[name] = numbers.reshape(entry["shape"])
    return tensors


def load(path: str | Path = "model.safetensors") -> {made}:
    """The trained network, ready to predict."""
    model = {fresh}
    model.load_state_dict(read_safetensors(path))
    return model.eval()
'''

PREPROCESS = '''
def preprocess{suffix}(x: Tensor) -> Tensor:
    """Values in the data set's own unit, as the network takes them: less the mean, divided by the spread."""
    return (x - torch.tensor({prefix}MEAN)) / torch.tensor({prefix}STD)
'''

POSTPROCESS = '''
def postprocess(y: Tensor) -> Tensor:
    """The network's output in the unit of the data set's targets."""
    return y{shaped} * torch.tensor(TARGET_STD) + torch.tensor(TARGET_MEAN)
'''

CHECK = """
import importlib.util, sys, torch
spec = importlib.util.spec_from_file_location("model", "model.py")
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
model = module.load("model.safetensors")
with torch.no_grad():
    torch.save(model(*torch.load("inputs.pt", weights_only=True)), "output.pt")
"""


def model_source(what: Subject) -> str:
    """The text of model.py."""
    words = "The weights are in model.safetensors: model = load(). It needs torch alone."
    more = extras(what)
    needed, ensemble = printed([f"model = {what.fresh}"])
    imports = (*needed, *(line for extra in more for line in extra.imports(what)))
    lines = [
        *docstring(f"{introduction(what.document)}\n\n{words}", 0),
        *code(what.document, (*IMPORTS, *imports)),
        *ensemble,
        "",
    ]
    lines += _constants(what)
    reader = READER.replace("{made}", what.fresh.partition("(")[0]).replace("{fresh}", what.fresh)
    lines += reader.rstrip().splitlines()
    for name in input_figures(what):
        prefix, suffix = (f"{name.upper()}_", f"_{name}") if name else ("", "")
        lines += ["", *PREPROCESS.replace("{prefix}", prefix).replace("{suffix}", suffix).rstrip().splitlines()]
    for extra in more:
        lines += ["", *extra.source(what).rstrip().splitlines()]
    if what.card.get("targets"):
        lines += ["", *POSTPROCESS.replace("{shaped}", _shaped(what)).rstrip().splitlines()]
    lines += ["", "", 'if __name__ == "__main__":', *_main(what)]
    return "\n".join(lines) + "\n"


def check_model_file(what: Subject, folder: Path) -> tuple[float, str]:
    """Run the folder's model.py in a fresh interpreter, with the weights beside it. Both must lie in the folder."""
    if not (folder / "model.safetensors").exists():
        write_weights(what, folder / "model.safetensors")
    write_inputs(what, folder)
    run(["-c", CHECK], folder, "Running model.py in a fresh interpreter")
    worst = difference(what.expected, outputs(what, folder), "model.py")
    return worst, "Run in a fresh Python with torch alone, with the weights loaded, on random samples."


def _constants(what: Subject) -> list[str]:
    """What training knows of the data, as constants."""
    lines: list[str] = []
    card = what.card
    if card.get("classes"):
        names = tuple(_text(str(name)) for name in card["classes"])
        lines += ["# what each number of the output stands for", *statement("CLASSES = ", Several("()", names), 0)]
    for name, figures in input_figures(what).items():
        lines += _figures(figures, f"{name.upper()}_" if name else "", f"values for {name}" if name else "inputs")
    if card.get("targets"):
        lines += _figures(card["targets"], "TARGET_", "targets")
    return ["", *lines] if lines else []


def input_figures(what: Subject) -> dict[str, Any]:
    """Mean and spread of each input that has them, by the Input's name; of a network's only input, without a name."""
    given = what.card.get("inputs") or []
    figures = [given] if isinstance(given, dict) else list(given)
    names = [node.name for node in what.input_nodes] if len(figures) > 1 else [""]
    return {name: figure for name, figure in zip(names, figures, strict=False) if figure}


def _shaped(what: Subject) -> str:
    """Code that gives outputs the shape of the targets, where a target has several axes."""
    shape = what.card.get("target_shape") or []
    return f".reshape({', '.join(map(str, [-1, *shape]))})" if len(shape) > 1 else ""


def _figures(figures: Any, prefix: str, what: str) -> list[str]:
    return [
        f"# of the training samples' {what}",
        *statement(f"{prefix}MEAN = ", _numbers(figures["mean"]), 0),
        *statement(f"{prefix}STD = ", _numbers(figures["std"]), 0),
    ]


def _numbers(value: Any) -> Expression:
    """Nested lists of float32 numbers, each in the fewest digits that give the same float32."""
    import numpy as np

    if isinstance(value, list | tuple):
        return Several("[]", tuple(_numbers(item) for item in value))
    return repr(float(str(np.float32(value))))


def _text(value: str) -> str:
    text = json.dumps(plain(value), ensure_ascii=False)
    return "'" + plain(value) + "'" if '"' in value and "'" not in value and "\\" not in value else text


def _main(what: Subject) -> list[str]:
    """Loads the weights and shows that they run."""
    zeros: list[Expression] = []
    for sample in what.inputs:
        sizes = tuple(str(size) for size in (1, *sample.shape[1:]))
        whole = (Keyword("dtype", "torch.int64"),) if not sample.is_floating_point() else ()
        zeros.append(Invoke("torch.zeros", (*sizes, *whole)))
    lines = ['    model = load(Path(__file__).with_name("model.safetensors"))', "    with torch.no_grad():"]
    lines += statement("output = ", Invoke("model", tuple(zeros)), 8)
    if len(what.expected) == 1:
        return [*lines, f'    print("{next(iter(what.expected))}:", tuple(output.shape))']
    return [*lines, "    for name, value in output.items():", '        print(f"{name}:", tuple(value.shape))']
