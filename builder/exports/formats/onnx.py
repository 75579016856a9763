"""ONNX: runs without PyTorch."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from builder.analysis.infer import analyse
from builder.analysis.plan import make_plan
from builder.document import Document
from builder.exports import onnx_operators
from builder.exports.formats.conversion import _ConvertedFormat, dynamic_batch
from builder.exports.subject import Subject
from builder.problems import ExportError

if TYPE_CHECKING:
    from torch import Tensor, nn

MAX_BYTES = 2_000_000_000  # an ONNX file is one protobuf message, which is limited to 2 GB


class Onnx(_ConvertedFormat):
    """The network with its weights, converted by torch's exporter and run by onnxruntime."""

    name = "onnx"
    order = 2
    file = "model.onnx"
    title = "ONNX"
    purpose = "Runs without PyTorch: in ONNX Runtime, in a browser, on a phone, from C++, C# or Java."
    runner = "onnxruntime"

    def check(self, subject: Subject) -> None:
        size = sum(tensor.numel() * tensor.element_size() for tensor in subject.state.values())
        if size > MAX_BYTES:
            raise ExportError(
                f"An ONNX file is limited to 2 GB; the weights have {size / 1e9:.1f} GB. Export as pt2 instead."
            )
        for step in make_plan(subject.document).steps:
            reason = step.spec.not_in_onnx() if step.network == subject.network else ""
            if reason:
                raise ExportError(f"{step.name} cannot be exported to ONNX: {reason} Export as pt2 instead.")

    def adapt(self, module: nn.Module, document: Document, network: str) -> None:
        from builder.library.ensemble import Ensemble

        analysis = analyse(document)
        networks = list(module.members) if isinstance(module, Ensemble) else [module]
        for step in analysis.plan.steps:
            shapes = [analysis.facts[source].signal.shape for source in step.inputs]
            made = step.spec.onnx_module(*shapes) if step.network == network and step.spec.role == "layer" else None
            if made is not None:
                for each in networks:
                    each.set_submodule(step.module, made)

    def convert(
        self,
        module: nn.Module,
        tracing: tuple[Tensor, ...],
        inputs: tuple[Tensor, ...],
        names: list[str],
        ends: list[str],
    ) -> dict[str, Tensor]:
        import onnxruntime
        import torch

        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        onnx_operators.keep()
        torch.onnx.export(
            module,
            tracing,
            self.file,
            dynamo=True,
            external_data=False,
            verbose=False,
            input_names=names,
            output_names=ends,
            dynamic_shapes=dynamic_batch(module, tracing),
            custom_translation_table={torch.ops.aten.rrelu.default: _leaky_relu},
        )
        session = onnxruntime.InferenceSession(self.file, providers=["CPUExecutionProvider"])
        used = {item.name for item in session.get_inputs()}  # an input that no output depends on may be missing
        feed = {name: tensor.numpy() for name, tensor in zip(names, inputs, strict=True) if name in used}
        return {name: torch.from_numpy(value) for name, value in zip(ends, session.run(ends, feed), strict=True)}


def _leaky_relu(
    x: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, generator: Any = None
) -> Any:
    """RReLU has its mean slope in evaluation; torch's exporter (2.13) has no translation of it."""
    from onnxscript import opset20

    return opset20.LeakyRelu(x, alpha=(lower + upper) / 2)
