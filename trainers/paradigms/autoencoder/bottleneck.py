"""Where a network's code is: the few numbers through which everything passes on its way from a sample to its likeness.

code_of(document)              # the narrowest node that splits the network into an encoder and a decoder
draws(document)                # the nodes that draw a code from a distribution
pieces(document, "code")       # the whole, the encoder, the decoder, as they can be taken home
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from builder.analysis.infer import Analysis, analyse
from builder.document.graph import reaching
from builder.document.subnetworks import between, cuts
from builder.problems import GraphError
from trainers.paradigms.base import Part

if TYPE_CHECKING:
    from builder.analysis.plan import Step
    from builder.document import Document

NETWORK = "main"


def ends(document: Document, role: str) -> list[str]:
    """The names of the network's Inputs or Outputs."""
    return [node.name for node in document.nodes if node.role == role and node.network == NETWORK]


def draws(analysis: Analysis) -> list[Step]:
    """The nodes that draw a latent code, those inside blocks too; `inputs` are its mean and its log variance."""
    return [step for step in analysis.plan.steps if step.spec.latent and step.network == NETWORK]


def drawn_code(analysis: Analysis) -> str | None:
    """The node whose draw is *the* code: the last one that splits the network, else the last one. None: none.

    A block that passes on what it draws stands for the draw.
    """
    passed = {source: name for name, source in analysis.plan.aliases.items() if name in analysis.document.by_name}
    names = [passed.get(step.name, step.name) for step in draws(analysis)]
    whole = cuts(analysis.document, NETWORK)
    return next((name for name in reversed(whole) if name in names), names[-1] if names else None)


def code_of(analysis: Analysis) -> str | None:
    """The narrowest node through which everything passes; of equals a flat one, and the last. None: there is none.

    Something learned must stand up to it, and something behind it: else it would be the sample itself or its likeness.
    """
    candidates = list(_candidates(analysis))
    if not candidates:
        return None
    return min(enumerate(candidates), key=lambda pair: (_rank(analysis, pair[1]), -pair[0]))[1]


def _candidates(analysis: Analysis) -> Iterator[str]:
    document = analysis.document
    learned = {name for name in document.by_name if name in analysis.facts and analysis.facts[name].parameters}
    learned = {name for name in learned if document.node(name).network == NETWORK}
    for name in cuts(document, NETWORK):
        before = reaching(document, {name})
        if name in analysis.facts and learned & before and learned - before:
            yield name


def _rank(analysis: Analysis, name: str) -> tuple[int, bool, bool]:
    """Small for good codes: few numbers, no noise on them, one axis."""
    spec = analysis.document.node(name).spec
    return width(analysis, name), spec.stochastic and not spec.latent, len(analysis.shapes[name]) != 1


def width(analysis: Analysis, name: str) -> int:
    """How many numbers a node gives for one sample; 0 where that is not known."""
    return math.prod(analysis.shapes[name]) if name in analysis.facts else 0


def splits(document: Document, name: str) -> bool:
    """Whether everything passes through a node, so that what is behind it is a decoder."""
    return name in cuts(document, NETWORK)


def pieces(document: Document, code: str | None) -> dict[str, Part]:
    """What can be taken home: the network, and, where its code splits it, encoder and decoder."""
    found = {"network": Part("Network", document, NETWORK, gives_samples=True)}
    if code is None or code not in document.by_name:
        return found
    with contextlib.suppress(GraphError):
        encoder = between(document, end=code, name=f"{document.name}, encoder")
        found["encoder"] = Part(f"Encoder, up to {code}", encoder, NETWORK)
        decoder = between(document, start=code, name=f"{document.name}, decoder")
        found["decoder"] = Part(f"Decoder, from {code} on", decoder, NETWORK, takes_samples=False, gives_samples=True)
    return found


def reach(analysis: Analysis, name: str) -> tuple[float, float] | None:
    """The lowest and the highest value that an activation can give; None: not known, such as for a layer with weights.

    Found by giving it numbers from far below to far above zero.
    """
    import torch

    step = analysis.steps[name]
    if step.spec.family != "activation" or not step.spec.keeps_shape or analysis.facts[name].parameters:
        return None
    if step.spec.emits in ("probabilities", "log_probabilities"):
        return (0.0, 1.0) if step.spec.emits == "probabilities" else (-math.inf, 0.0)
    values = torch.cat([torch.linspace(-50, 50, 2001), torch.tensor([-1e4, 1e4])])
    with torch.no_grad():
        given = analysis.call(name).build().eval()(values[:, None])
    return float(given.min()), float(given.max())


def last_layer(analysis: Analysis, output: str) -> str | None:
    """The node that decides which values an output takes: the last one that is no noise and no change of shape."""
    step = analysis.steps[output]
    while len(step.inputs) == 1:
        step = analysis.steps[step.inputs[0]]
        if step.spec.role == "layer" and step.spec.family not in ("regularisation", "reshape"):
            return step.name
    return None


__all__ = [
    "NETWORK", "analyse", "code_of", "drawn_code", "draws", "ends", "last_layer", "pieces", "reach", "splits", "width",
]  # fmt: skip
