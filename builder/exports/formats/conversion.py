"""Formats that torch converts a network to. The conversion runs in another process, from files."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from builder.compile import layers
from builder.document import Document, dump, load
from builder.exports.formats.base import ExportFormat, Written
from builder.exports.formats.safetensors import write_weights
from builder.exports.interpreter import INPUTS, OUTPUT, convert, read_outputs, write_inputs
from builder.exports.subject import Subject, difference, empty, named, samples
from builder.foreign_text import in_words

if TYPE_CHECKING:
    from torch import Tensor, nn


class _ConvertedFormat(ExportFormat):
    """Base of a converted format."""

    runner: ClassVar[str]  # the program that runs the converted file

    def check(self, subject: Subject) -> None:
        """ExportError: it is known that this model cannot be converted."""

    def convert(
        self,
        module: nn.Module,
        tracing: tuple[Tensor, ...],
        inputs: tuple[Tensor, ...],
        names: list[str],
        ends: list[str],
    ) -> dict[str, Tensor]:
        """Write the file `self.file` into the current folder, and run it; called in the other process.

        Parameters:
            tracing: sample inputs for the converter, with another batch size than `inputs`.
            inputs: sample inputs to run the file on; returns its outputs.
            names, ends: the names of the inputs and the outputs.
        """
        raise TypeError(f"{type(self).__name__} must implement convert().")

    def write(self, subject: Subject, folder: Path) -> Written:
        self.check(subject)
        (folder / "document.json").write_text(dump(subject.document), encoding="utf-8")
        if not (folder / "model.safetensors").exists():
            write_weights(subject, folder / "model.safetensors")
        write_inputs(subject, folder)
        convert(folder, subject.network, type(self).__module__, type(self).__name__, f"The {self.name} export")
        checked = f"Run by {self.runner} on random samples, with another batch size than the traced one."
        found = difference(subject.expected, read_outputs(subject, folder), f"The {self.name} file")
        return Written(folder / self.file, found, checked)

    def adapt(self, module: nn.Module, document: Document, network: str) -> None:
        """Replace modules that the format cannot hold by others that return the same; called in the other process."""

    def convert_files(self, network: str) -> None:
        """Convert the network in the current folder; called in the other process.

        If that fails, the process ends with one line in stderr: the node that cannot be converted, and the reason.
        """
        import torch
        from safetensors import safe_open
        from safetensors.torch import load_file

        document = load(Path("document.json"))
        with safe_open("model.safetensors", "pt") as file:
            card = json.loads(file.metadata()["card"])
        module = empty(document, network, card)
        module.load_state_dict(load_file("model.safetensors"), assign=True)
        module.requires_grad_(False)
        self.adapt(module, document, network)
        inputs = tuple(torch.load(INPUTS, weights_only=True))
        tracing = samples(document, network, batch=2)  # not the batch size of the inputs: it must not become a constant
        names = [node.name for node in document.nodes if node.network == network and node.spec.role == "input"]
        ends = list(named(module(*tracing), document, network))
        try:
            outputs = self.convert(module, tracing, inputs, names, ends)
        except OSError:
            raise
        except Exception as error:  # the converters raise many types of exceptions
            node = self.failing_node(module, tracing)
            reason = in_words(error)
            sys.exit(f"{node} ({type(module.get_submodule(node)).__name__}): {reason}" if node else reason)
        torch.save(dict(outputs), OUTPUT)

    def failing_node(self, module: nn.Module, tracing: tuple[Tensor, ...]) -> str | None:
        """The first node that cannot be converted by itself; None: each of them can be."""
        inputs_of: dict[str, tuple[Tensor, ...]] = {}

        def record(name: str) -> Any:
            return lambda _, given: inputs_of.setdefault(name, tuple(value.clone() for value in given)) and None

        hooks = [child.register_forward_pre_hook(record(name)) for name, child in layers(module).items()]
        module(*tracing)
        for hook in hooks:
            hook.remove()
        for name, given in inputs_of.items():
            try:
                names = [f"input{number}" for number in range(len(given))]
                self.convert(module.get_submodule(name), given, given, names, ["output"])
            except Exception:  # of any type
                return name
        return None


def dynamic_batch(module: nn.Module, tracing: tuple[Tensor, ...]) -> tuple[Any, ...]:
    """`dynamic_shapes` for torch's converters: the batch size of all inputs is variable."""
    import torch

    from builder.library.ensemble import Ensemble

    batch = torch.export.Dim("batch")
    shapes = tuple({0: batch} for _ in tracing)
    return (shapes,) if isinstance(module, Ensemble) else shapes  # whose forward has the signature (*inputs)
