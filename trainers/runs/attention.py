"""Attention of a trained network for one sample: which positions each position attends to, by layer and head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

import builder
from builder.analysis.infer import analyse
from trainers.data.tokens import spelled
from trainers.runs.run import Run, RunError

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Attention:
    """Attention maps of one sample: by layer (heads, queries, keys)."""

    maps: dict[str, NDArray[np.float32]]
    names: dict[str, tuple[tuple[str, ...], tuple[str, ...]]]  # of the positions of queries and of keys


def has_attention(run: Run) -> bool:
    """Whether the network has attention layers, or computes attention from single nodes."""
    import torch

    from trainers.probes import attention

    if _explicit_attention(run):
        return True
    with torch.device("meta"):
        return attention.has_attention(builder.compile(run.document, run.job.paradigm.networks[0]))


def attention_of(run: Run, inputs: tuple[Tensor, ...]) -> Attention:
    """The attention maps of one sample. RunError: there are no weights yet, or the network has no attention."""
    from trainers.probes.attention import attention_maps

    maps = attention_maps(run.model(), inputs, _explicit_attention(run))
    if not maps:
        raise RunError("This network has no attention.")
    names = {
        layer: (_position_names(run, inputs, values.shape[1]), _position_names(run, inputs, values.shape[2]))
        for layer, values in maps.items()
    }
    return Attention(maps, names)


def _position_names(run: Run, inputs: tuple[Tensor, ...], count: int) -> tuple[str, ...]:
    """The positions of a sequence: the tokens of a text of that length, the patches of an image, or numbers."""
    dataset = run.job.dataset
    has_class_token = dataset.kind == "image" and round((count - 1) ** 0.5) ** 2 == count - 1 and count > 2
    if dataset.kind in ("text", "series"):
        lengths = [given.shape[1] for given in inputs]
        has_class_token = count not in lengths and count - 1 in lengths
    first = ("class",) if has_class_token else ()
    rest = count - len(first)
    if dataset.kind == "text":
        # of two texts with this length the one whose tokens are predicted
        for place in sorted(range(len(inputs)), key=lambda place: place != dataset.text_input):
            vocabulary = dataset.vocabularies[place]
            if vocabulary and inputs[place].shape[1] == rest:
                return (*first, *(spelled(int(number), vocabulary) for number in inputs[place][0]))
    side = round(rest**0.5)
    if dataset.kind == "image" and side * side == rest:
        return (*first, *(f"row {place // side + 1}, column {place % side + 1}" for place in range(rest)))
    return (*first, *(str(place + 1) for place in range(rest)))


def _explicit_attention(run: Run) -> tuple[str, ...]:
    """Nodes that output probabilities over the positions of a sequence: attention that is built from single nodes."""
    analysis = analyse(run.document)
    found = []
    for step in analysis.plan.steps:
        shape = analysis.facts[step.name].signal.shape if step.name in analysis.facts else ()
        if step.spec.emits == "probabilities" and len(shape) in (2, 3) and shape[-1] == shape[-2] > 1:
            found.append(step.name)
    return tuple(found)
