"""A part of a trained network as a module of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import builder
from builder.document import Document
from builder.document.subnetworks import owners

if TYPE_CHECKING:
    from torch import nn


def part_module(part: Document, source: nn.Module, document: Document) -> nn.Module:
    """The module of a part of the network, with the weights and buffers that `source`, the whole network, has.

    Parameters:
        part: the document of the part; its nodes are named as those of `document`.
        document: of the whole network.
    """
    import torch

    with torch.device("meta"):
        module = builder.compile(part)
    trained, shared = source.state_dict(), owners(document)
    weights = {}
    for key in module.state_dict():
        node, _, rest = key.partition(".")
        weights[key] = trained[key if key in trained else f"{shared[node]}.{rest}"]
    module.load_state_dict(weights, assign=True)
    for name, buffer in source.named_buffers():  # buffers that a layer computes when it is made, and does not save
        owner, _, last = name.rpartition(".")
        if name not in trained and owner.partition(".")[0] in part.by_name:
            setattr(module.get_submodule(owner), last, buffer)
    return module.eval()
