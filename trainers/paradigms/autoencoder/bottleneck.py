"""Where a network's code is: the few numbers through which every sample passes on the way to its reconstruction.

find_code(analysis)            # the narrowest node that splits the network into an encoder and a decoder
sampling_steps(analysis)       # the nodes that sample a code from a distribution
parts(document, "code")        # the whole, the encoder and the decoder, for export
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from builder import CATALOGUE
from builder.analysis.infer import Analysis, analyse
from builder.document import Document, Edge, Node
from builder.document.graph import reaching
from builder.document.subnetworks import between, cuts
from builder.edits import AddNode, Connect, Edit, InsertBefore, apply_all, fresh_name
from builder.problems import EditError, GraphError
from trainers.paradigms.base import Part

if TYPE_CHECKING:
    from builder.analysis.plan import Step

NETWORK = "main"
LATENT_DIMENSIONS = 8  # of a sampled code that is inserted


def end_nodes(document: Document, role: str) -> list[str]:
    """The names of the network's Inputs or Outputs."""
    return [node.name for node in document.nodes if node.role == role and node.network == NETWORK]


def sampling_steps(analysis: Analysis) -> list[Step]:
    """The nodes that sample a code, also those inside blocks; their `inputs` are its mean and its log variance."""
    return [step for step in analysis.plan.steps if step.spec.latent and step.network == NETWORK]


def sampled_code(analysis: Analysis) -> str | None:
    """The node that samples *the* code: the last one that splits the network, else the last one. None: there is none.

    A block that outputs a sampled value stands for the node inside it.
    """
    outer = {source: name for name, source in analysis.plan.aliases.items() if name in analysis.document.by_name}
    names = [outer.get(step.name, step.name) for step in sampling_steps(analysis)]
    splitting = cuts(analysis.document, NETWORK)
    return next((name for name in reversed(splitting) if name in names), names[-1] if names else None)


def find_code(analysis: Analysis) -> str | None:
    """The narrowest node through which everything passes; of equals a flat one, and the last. None: there is none.

    There must be layers with weights before it and behind it: otherwise it is the sample or its reconstruction.
    """
    candidates = list(_candidates(analysis))
    if not candidates:
        return None
    return min(enumerate(candidates), key=lambda pair: (_rank(analysis, pair[1]), -pair[0]))[1]


def _candidates(analysis: Analysis) -> Iterator[str]:
    document = analysis.document
    learned = {name for name in nodes_with_weights(analysis) if document.node(name).network == NETWORK}
    for name in cuts(document, NETWORK):
        before = reaching(document, {name})
        if name in analysis.facts and learned & before and learned - before:
            yield name


def _rank(analysis: Analysis, name: str) -> tuple[int, bool, bool]:
    """Small for good codes: few numbers, no noise on them, one axis."""
    spec = analysis.document.node(name).spec
    return width(analysis, name), spec.stochastic and not spec.latent, len(analysis.shapes[name]) != 1


def nodes_with_weights(analysis: Analysis) -> set[str]:
    """The nodes of the document that have parameters."""
    return {name for name in analysis.document.by_name if name in analysis.facts and analysis.facts[name].parameters}


def width(analysis: Analysis, name: str) -> int:
    """How many numbers a node outputs for one sample; 0 where that is not known."""
    return math.prod(analysis.shapes[name]) if name in analysis.facts else 0


def splits_network(document: Document, name: str) -> bool:
    """Whether everything passes through a node, so that what is behind it is a decoder."""
    return name in cuts(document, NETWORK)


def way_around(document: Document, code: str) -> str:
    """In words, which connection goes around the code."""
    try:
        between(document, start=code)
    except GraphError as error:
        return error.problems[0].message.partition(", so")[0]
    return "a connection goes around it"


def could_be_code(analysis: Analysis, name: str) -> bool:
    """Whether a node may be meant as the code, even if a connection goes around it: a layer with weights is before it
    and another behind it, and it is not the mean or the log variance of a sampled code."""
    document, node = analysis.document, analysis.document.node(name)
    if node.role not in ("layer", "block") or node.network != NETWORK or name not in analysis.facts:
        return False
    before = reaching(document, {name})
    behind = {other for other in document.by_name if name in reaching(document, {other})} - {name}
    learned = nodes_with_weights(analysis)
    sampling = {step.name.partition(".")[0] for step in analysis.plan.steps if step.spec.latent}
    feeds_sampling = any(edge.source == name and edge.target in sampling for edge in document.edges)
    return bool(learned & before and learned & behind) and not feeds_sampling


def insert_sampled_code(analysis: Analysis, kind: str) -> tuple[list[Edit], str]:
    """Edits that sample the code behind the narrowest node, and the name of that node; empty where there is none."""
    document = analysis.document
    code = find_code(analysis)
    if code is None:
        return [], ""
    targets = [edge for edge in document.edges if edge.source == code]
    if len(targets) != 1:
        return [], code
    edge = targets[0]
    dense = next(name for name, spec in CATALOGUE.items() if spec.family == "dense" and spec.width_parameter)
    params = {"out_features": min(LATENT_DIMENSIONS, width(analysis, code))}
    mean = Node(name=_free_name(document, "mean"), type=dense, params=params)
    log_variance = Node(name=_free_name(document, "log_variance"), type=dense, params=params)
    draw = Node(name=_free_name(document, "draw"), type=kind)
    x, y = document.layout.get(code, (0.0, 0.0))
    edits: list[Edit] = [InsertBefore(mean, edge.target, edge.port), InsertBefore(draw, edge.target, edge.port)]
    edits += [AddNode(log_variance, (x + 190, y + 92)), Connect(Edge(source=code, target=log_variance.name))]
    edits.append(Connect(Edge(source=log_variance.name, target=draw.name, port="log_variance")))
    try:
        after = analyse(apply_all(document, edits))
    except EditError:
        return [], code
    return ([], code) if after.failures or after.waiting else (edits, code)


def _free_name(document: Document, name: str) -> str:
    return name if name not in document.by_name else fresh_name(document, name)


def parts(document: Document, code: str | None) -> dict[str, Part]:
    """What can be exported: the network, and, where its code splits it, encoder and decoder."""
    found = {"network": Part("Network", document, NETWORK, gives_samples=True)}
    if code is None or code not in document.by_name:
        return found
    with contextlib.suppress(GraphError):
        encoder = between(document, end=code, name=f"{document.name}, encoder")
        found["encoder"] = Part(f"Encoder, up to {code}", encoder, NETWORK)
        decoder = between(document, start=code, name=f"{document.name}, decoder")
        found["decoder"] = Part(f"Decoder, from {code} on", decoder, NETWORK, takes_samples=False, gives_samples=True)
    return found
