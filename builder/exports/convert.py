"""Runs in an interpreter of its own: rebuilds a network from files, converts it, runs the converted file.

    python -c "from builder.exports.convert import main; main()" onnx|pt2 NETWORK

in a folder with document.json, model.safetensors and inputs.pt; it leaves model.onnx or model.pt2 and output.pt.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import builder
from builder.compile import layers
from builder.exports.subject import empty, named, samples
from builder.library.ensemble import Ensemble

if TYPE_CHECKING:
    from torch import Tensor, nn


def main() -> None:
    """Convert; on failure say in one line of stderr which node cannot be converted, and why."""
    import torch
    from safetensors import safe_open
    from safetensors.torch import load_file

    kind, network = sys.argv[-2:]
    document = builder.load(Path("document.json"))
    with safe_open("model.safetensors", "pt") as file:
        card = json.loads(file.metadata()["card"])
    module = empty(document, network, card)
    module.load_state_dict(load_file("model.safetensors"), assign=True)
    module.requires_grad_(False)
    inputs = tuple(torch.load("inputs.pt", weights_only=True))
    tracing = samples(document, network, batch=2)  # another batch size than the check's: it must not be baked in
    names = [node.name for node in document.nodes if node.network == network and node.spec.role == "input"]
    ends = list(named(module(*tracing), document, network))
    try:
        output = CONVERTERS[kind](module, tracing, inputs, names, ends)
    except OSError:
        raise
    except Exception as error:  # the converters raise many kinds; all mean that it cannot be done
        node = culprit(module, tracing, kind)
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        sys.exit(f"{node} ({type(module.get_submodule(node)).__name__}): {reason}" if node else reason)
    torch.save(dict(output), "output.pt")


def to_onnx(
    module: nn.Module, tracing: tuple[Tensor, ...], inputs: tuple[Tensor, ...], names: list[str], ends: list[str]
) -> dict[str, Tensor]:
    """model.onnx by torch's exporter, run by onnxruntime."""
    import onnxruntime
    import torch

    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    torch.onnx.export(
        module, tracing, "model.onnx", dynamo=True, external_data=False, verbose=False,
        input_names=names, output_names=ends, dynamic_shapes=_batch_is_free(module, tracing),
        custom_translation_table={torch.ops.aten.rrelu.default: _leaky},
    )  # fmt: skip
    session = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
    fed = {item.name for item in session.get_inputs()}  # an input that leads nowhere may be left out
    feed = {name: tensor.numpy() for name, tensor in zip(names, inputs, strict=True) if name in fed}
    return {name: torch.from_numpy(value) for name, value in zip(ends, session.run(ends, feed), strict=True)}


def to_pt2(
    module: nn.Module, tracing: tuple[Tensor, ...], inputs: tuple[Tensor, ...], names: list[str], ends: list[str]
) -> dict[str, Tensor]:
    """model.pt2 by torch.export, loaded and run."""
    import torch

    program = torch.export.export(module, tracing, dynamic_shapes=_batch_is_free(module, tracing))
    torch.export.save(program, "model.pt2")
    result = torch.export.load("model.pt2").module()(*inputs)
    return result if isinstance(result, dict) else {ends[0]: result}


def _leaky(x: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, generator: Any = None) -> Any:
    """A random slope is its mean in prediction; torch's exporter (2.13) knows no translation of its own."""
    from onnxscript import opset20

    return opset20.LeakyRelu(x, alpha=(lower + upper) / 2)


CONVERTERS: dict[str, Any] = {"onnx": to_onnx, "pt2": to_pt2}


def _batch_is_free(module: nn.Module, tracing: tuple[Tensor, ...]) -> tuple[Any, ...]:
    import torch

    batch = torch.export.Dim("batch")
    free = tuple({0: batch} for _ in tracing)
    return (free,) if isinstance(module, Ensemble) else free  # which takes its inputs as *inputs


def culprit(module: nn.Module, tracing: tuple[Tensor, ...], kind: str) -> str | None:
    """The first node that cannot be converted on its own, or None if each can."""
    seen: dict[str, tuple[Tensor, ...]] = {}

    def note(name: str) -> Any:
        return lambda _module, given: seen.setdefault(name, tuple(value.clone() for value in given)) and None

    hooks = [child.register_forward_pre_hook(note(name)) for name, child in layers(module).items()]
    module(*tracing)
    for hook in hooks:
        hook.remove()
    for name, given in seen.items():
        try:
            CONVERTERS[kind](module.get_submodule(name), given, given, [f"i{i}" for i in range(len(given))], ["o"])
        except Exception:  # any failure is the answer
            return name
    return None
