"""Is there a code, and does everything pass through it? Else there is nothing to look into, or to draw samples from."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from builder.analysis.infer import Analysis, analyse
from builder.document import Edge, Node
from builder.document.graph import reaching
from builder.document.subnetworks import between
from builder.edits import AddNode, Connect, Edit, InsertBefore, apply_all, fresh_name
from builder.problems import EditError, GraphError, Problem
from builder.shapes import show
from trainers.checks.base import JobCheck
from trainers.checks.objectives import with_paradigm
from trainers.paradigms.autoencoder import bottleneck
from trainers.paradigms.autoencoder.checks import WAYS
from trainers.paradigms.autoencoder.paradigm import Autoencoder
from trainers.tasks.target import plural

if TYPE_CHECKING:
    from builder.document import Document
    from trainers.job import Job

AXES = 8  # of a code that is put in
SAMPLE_PART = 3  # of the code: narrower by so much, another node is where the real bottleneck would be


class NoDraw(JobCheck):
    """A variational autoencoder draws its code at a node. Mended by putting mean, log variance and draw where the
    network is narrowest."""

    code = "T191"
    category = "network"
    paradigms = ("variational",)

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        if bottleneck.draws(analysis) or analysis.failures or analysis.waiting:
            return
        kind = draw_type()
        edits, where = _with_draw(analysis, kind)
        yield self.problem(
            where or None,
            f"{'is' if where else 'The network has no narrowest node'} where a code could be drawn, but there is no "
            f"{kind}: a variational autoencoder draws its code there, from a mean and a log variance.",
            edits,
            f"Insert {kind} behind {where}",
        )


def draw_type() -> str:
    """The type of the node that draws a code."""
    from builder import CATALOGUE

    return next(name for name, spec in CATALOGUE.items() if spec.latent)


def _with_draw(analysis: Analysis, kind: str) -> tuple[list[Edit], str]:
    """Edits that draw the code behind the narrowest node, and that node; empty where there is none."""
    document = analysis.document
    code = bottleneck.code_of(analysis)
    if code is None:
        return [], ""
    targets = [edge for edge in document.edges if edge.source == code]
    if len(targets) != 1:
        return [], code
    edge = targets[0]
    dense = _dense_type()
    size = min(AXES, bottleneck.width(analysis, code))
    mean = Node(name=_free(document, "mean"), type=dense, params={"out_features": size})
    spread = Node(name=_free(document, "log_variance"), type=dense, params={"out_features": size})
    draw = Node(name=_free(document, "draw"), type=kind)
    edits: list[Edit] = [InsertBefore(mean, edge.target, edge.port), InsertBefore(draw, edge.target, edge.port)]
    edits += [AddNode(spread, _below(document, code)), Connect(Edge(source=code, target=spread.name))]
    edits.append(Connect(Edge(source=spread.name, target=draw.name, port="log_variance")))
    return (edits, code) if _fits(document, edits) else ([], code)


def _fits(document: Document, edits: list[Edit]) -> bool:
    try:
        after = analyse(apply_all(document, edits))
    except EditError:
        return False
    return not after.failures and not after.waiting


def _dense_type() -> str:
    from builder import CATALOGUE

    return next(name for name, kind in CATALOGUE.items() if kind.family == "dense" and kind.width_parameter)


def _free(document: Document, name: str) -> str:
    return name if name not in document.by_name else fresh_name(document, name)


def _below(document: Document, name: str) -> tuple[float, float]:
    x, y = document.layout.get(name, (0.0, 0.0))
    return x + 190, y + 92


class NamedCode(JobCheck):
    """The code may be chosen by name. Mended by leaving it to be found."""

    code = "T192"
    category = "paradigm"
    paradigms = ("autoencoder",)

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        way = cast(Autoencoder, job.paradigm)
        fix = [with_paradigm(job, latent=None)]
        if way.latent is not None and way.latent not in analysis.document.by_name:
            said = f"The code is to be the node {way.latent[:70]!r}, but there is none of that name."
            yield self.problem(None, said, fix, "Take the narrowest node")
            return
        name = bottleneck.ends(job.document, "output")[:1]
        node = analysis.document.by_name.get(way.latent or "")
        if node is not None and (node.role not in ("layer", "block") or node.network != bottleneck.NETWORK):
            said = "is chosen as the code, but it is no layer of the network that is trained."
            yield self.problem(node.name, said, fix, "Take the narrowest node")
        elif node is not None and name and node.name not in reaching(job.document, set(name)):
            said = "is chosen as the code, but nothing behind it reaches the output."
            yield self.problem(node.name, said, fix, "Take the narrowest node")


class PastTheCode(JobCheck):
    """What a decoder takes from before the code, past it, makes the code idle: such a connection carries the sample."""

    code = "T197"
    category = "network"
    severity = "warning"
    paradigms = WAYS

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        document, code = job.document, job.paradigm.code(job.document)  # type: ignore[attr-defined]
        code = (code or "").partition(".")[0]
        if code not in document.by_name or analysis.failures or document.node(code).role not in ("layer", "block"):
            return
        if not bottleneck.splits(document, code):
            way = _way_past(document, code)
            yield self.problem(
                code,
                f"is the code, but {way}: the sample reaches the output around it, the code may stay unused, and the "
                "decoder cannot run by itself. Take such connections out.",
            )
            return
        narrow = min(
            (name for name in document.by_name if _inside(analysis, name)),
            key=lambda name: bottleneck.width(analysis, name),
            default=code,
        )
        if bottleneck.width(analysis, narrow) * SAMPLE_PART <= bottleneck.width(analysis, code):
            yield self.problem(
                narrow,
                f"is the narrowest node, but not all passes through it: a connection goes around it. The code is taken "
                f"at {code} instead, which is no bottleneck. Take the connection out.",
            )


def _inside(analysis: Analysis, name: str) -> bool:
    """Whether a node could be meant as the code: something is learned before it and behind it."""
    document, node = analysis.document, analysis.document.node(name)
    if node.role not in ("layer", "block") or node.network != bottleneck.NETWORK or name not in analysis.facts:
        return False
    before = reaching(document, {name})
    behind = {other for other in document.by_name if name in reaching(document, {other})} - {name}
    learned = {other for other in document.by_name if other in analysis.facts and analysis.facts[other].parameters}
    pairs = {step.name.partition(".")[0] for step in analysis.plan.steps if step.spec.latent}
    feeds_draw = any(edge.source == name and edge.target in pairs for edge in document.edges)
    return bool(learned & before and learned & behind) and not feeds_draw


def _way_past(document: Document, code: str) -> str:
    """In words, what goes around the code."""
    try:
        between(document, start=code)
    except GraphError as error:
        return error.problems[0].message.partition(", so")[0]
    return "a connection goes around it"


class NothingToSave(JobCheck):
    """A code as wide as the sample can simply copy it. Mended by noise on the input, which cannot be copied."""

    code = "T198"
    category = "network"
    severity = "warning"
    paradigms = WAYS

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        way = job.paradigm
        outputs = bottleneck.ends(job.document, "output")
        if outputs and not analysis.failures and not any(facts.parameters for facts in analysis.facts.values()):
            said = "The network has no layer with weights, so there is nothing to learn: put some before the output."
            yield Problem(self.code, "error", None, said, category=self.category)
            return
        if not isinstance(way, Autoencoder) or way.noise != "none" or way.sparsity != "none" or analysis.failures:
            return
        code, size = way.code(job.document), math.prod(job.dataset.input_shape)
        if code is None:
            return
        wide = bottleneck.width(analysis, code)
        if wide >= size and job.document.node(code).role in ("layer", "block"):
            yield self.problem(
                code,
                f"is the code, with {plural(wide, 'number', 'numbers')} for a sample of {size:,} "
                f"({show(job.dataset.input_shape)}): the network can copy the sample and need not learn what samples "
                "have in common. Make the code narrower, put noise on the input, or ask for a sparse code.",
                [with_paradigm(job, noise="masking")],
                "Mask values of the input",
            )


class Rates(JobCheck):
    """A target rate is that of units between 0 and 1. Mended by the other kind of sparsity, which takes any number."""

    code = "T199"
    category = "paradigm"
    paradigms = ("autoencoder",)

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        way = cast(Autoencoder, job.paradigm)
        code = way.code(job.document)
        if way.sparsity == "none":
            return
        if code is None:
            yield self.problem(
                None, "A sparse code is asked for, but the network has no node that splits it in two: no code.",
                [with_paradigm(job, sparsity=None)], "Ask for no sparsity",
            )  # fmt: skip
        elif way.sparsity == "kl" and code in analysis.steps and not _between_0_and_1(analysis, code):
            yield self.problem(
                code,
                "is the code, but its numbers are not between 0 and 1, so they have no rate to hold at "
                f"{way.target_rate:g}. Put a sigmoid on the code, or draw it towards 0 by l1.",
                [with_paradigm(job, sparsity="l1")],
                "Use l1",
            )


def _between_0_and_1(analysis: Analysis, code: str) -> bool:
    found = bottleneck.reach(analysis, code)
    return found is not None and found[0] >= 0 and found[1] <= 1
