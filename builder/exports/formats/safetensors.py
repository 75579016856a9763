"""The weights as a safetensors file, with the card of the model as metadata."""

from __future__ import annotations

import json
from pathlib import Path

from builder.exports.formats.base import ExportFormat, Written
from builder.exports.subject import Subject, difference, empty, named


class Safetensors(ExportFormat):
    """The weights by name. They are loaded into a newly compiled network, which is run."""

    name = "safetensors"
    order = 1
    file = "model.safetensors"
    title = "Weights"
    purpose = "safetensors: the weights by name, without any code. For model.py or another program."

    def write(self, subject: Subject, folder: Path) -> Written:
        import torch
        from safetensors.torch import load_file

        path = folder / self.file
        write_weights(subject, path)
        module = empty(subject.document, subject.network, subject.card)
        module.load_state_dict(load_file(path), assign=True)
        for name, buffer in subject.module.named_buffers():
            if (
                name not in subject.state
            ):  # computed when a layer is constructed, which does not work on the meta device
                owner, _, last = name.rpartition(".")
                setattr(module.get_submodule(owner), last, buffer)
        with torch.no_grad():
            outputs = named(module(*subject.inputs), subject.document, subject.network)
        checked = "Loaded into a newly compiled network and run on random samples."
        return Written(path, difference(subject.expected, outputs, path.name), checked)


def write_weights(subject: Subject, path: Path) -> None:
    """Write the weights, with the document's name and the card (input statistics, classes, metrics) as metadata."""
    from safetensors.torch import save

    card = json.dumps(subject.card)
    metadata = {"format": "pt", "name": subject.document.name, "network": subject.network, "card": card}
    path.write_bytes(save(subject.state, metadata))
