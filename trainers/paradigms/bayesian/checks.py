"""Can the network's answers differ at all? Without draws that do, there is nothing to tell uncertainty by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from builder import CATALOGUE
from builder.analysis.infer import Analysis
from builder.analysis.plan import Step
from builder.document import Node
from builder.document.graph import reaching
from builder.edits import Bypass, Edit, InsertBefore, Move, RenameNode, SetParams, fresh_name
from builder.problems import Problem
from builder.spec import LayerSpec
from trainers.checks.base import JobCheck, fitting_loss
from trainers.checks.objectives import with_paradigm
from trainers.objectives.losses import Hinge, default_loss

if TYPE_CHECKING:
    from trainers.job import Job

USUAL_MEMBERS = 5
USUAL_RATE = 0.25


def silent(spec: LayerSpec) -> bool:
    """Whether a layer that could draw does not: its rate is zero."""
    return getattr(spec, "p", None) == 0 or getattr(spec, "std", None) == 0


def drawing(analysis: Analysis) -> list[Step]:
    """The steps of the network that draw and whose values reach an output, in running order."""
    ends = {node.name for node in analysis.document.nodes if node.role == "output"}
    heard = reaching(analysis.document, ends)
    return [step for step in analysis.plan.steps if step.spec.stochastic and step.name.partition(".")[0] in heard]


class _BayesianCheck(JobCheck):
    """Base of the checks of this way of training."""

    paradigms = ("bayesian",)
    category = "paradigm"


class NothingDraws(_BayesianCheck):
    """Monte Carlo dropout needs a layer that draws. Mended by a dropout before the last layer with weights."""

    code = "T200"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        found = drawing(analysis)
        if _method(job) != "dropout" or any(not silent(step.spec) for step in found):
            return
        quiet = next((step for step in found if "." not in step.name and "p" in type(step.spec).model_fields), None)
        if quiet is not None:
            yield self.problem(
                quiet.name,
                "has a rate of 0, so every draw of the network is the same, and Monte Carlo dropout tells nothing. "
                "Give it a rate.",
                [SetParams(quiet.name, {**quiet.node.params, "p": USUAL_RATE})],
                f"Set p to {USUAL_RATE}",
            )
            return
        edits, label = self._mending(analysis)
        yield self.problem(
            None,
            "Monte Carlo dropout asks the network several times with its dropout at work, but this network has none: "
            "every answer would be the same. Put one in, or train an ensemble.",
            edits or [with_paradigm(job, method="ensemble")],
            label or "Train an ensemble",
        )

    @staticmethod
    def _mending(analysis: Analysis) -> tuple[list[Edit], str]:
        """A dropout for any shape, before the last layer that has weights."""
        last = next(reversed(_weighted(analysis)), None)
        kind = next((kind for kind in CATALOGUE.values() if _drops_anything(kind)), None)
        if last is None or kind is None:
            return [], ""
        name = fresh_name(analysis.document, kind.type_name())
        node = Node(name=name, type=kind.type_name(), params={"p": USUAL_RATE})
        return [InsertBefore(node, last.name)], f"Put {kind.title()} before {last.name}"


class NoPosterior(_BayesianCheck):
    """Learning weights as distributions needs a layer that has them. Mended by putting one in a layer's place."""

    code = "T201"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        if _method(job) != "weights" or any(step.spec.divergence for step in analysis.plan.steps):
            return
        step, twin = next(
            ((step, twin) for step in reversed(_weighted(analysis)) for twin in _twins(step.spec)), (None, None)
        )
        message = (
            "The method “weights” learns how unsure it is of each weight, but no layer of this network has weights "
            "that are distributions."
        )
        if step is None or twin is None:
            other = "dropout" if drawing(analysis) else "ensemble"
            fix = [with_paradigm(job, method=other)]
            yield self.problem(None, f"{message} Take the method “{other}”.", fix, f"Use {other}")
            return
        yield self.problem(
            step.name,
            f"has plain weights. {message} Put a {twin.title()} in its place.",
            _replacement(analysis, step, twin),
            f"Make {step.name} a {twin.title()}",
        )


class OneMember(_BayesianCheck):
    """An ensemble of one has nobody to disagree with."""

    code = "T202"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        if _method(job) == "ensemble" and getattr(job.paradigm, "members", 2) < 2:
            yield self.problem(
                None,
                f"An ensemble of one network has nobody to disagree with. Take at least 2 members; {USUAL_MEMBERS} are "
                "usual.",
                [with_paradigm(job, members=USUAL_MEMBERS)],
                f"Take {USUAL_MEMBERS} members",
            )


class UntrainedSpread(_BayesianCheck):
    """Layers whose weights are distributions learn their spread by the method “weights” alone."""

    code = "T203"
    severity = "warning"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        step = next((step for step in analysis.plan.steps if step.spec.divergence), None)
        if step is not None and _method(job) != "weights":
            yield self.problem(
                step.name,
                f"has weights that are distributions, but by the method “{_method(job)}” nothing keeps them near their "
                "prior: their spread shrinks to nothing. The method “weights” is made for it.",
                [with_paradigm(job, method="weights")],
                "Use weights",
            )


class NoProbabilities(_BayesianCheck):
    """A loss whose scores are no probabilities has nothing that could be calibrated."""

    code = "T204"
    severity = "warning"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        loss = fitting_loss(job)
        usual = default_loss(job.dataset.task)
        if isinstance(loss, Hinge):
            yield self.problem(
                None,
                f"{loss.label[:1].upper()}{loss.label[1:]} gives scores that are no probabilities, so how sure the "
                f"network is means little. {usual.label[:1].upper()}{usual.label[1:]} gives probabilities.",
                [with_paradigm(job, loss=usual.name)],
                f"Use {usual.label}",
            )


def _method(job: Job) -> str:
    return str(getattr(job.paradigm, "method", ""))


def _weighted(analysis: Analysis) -> list[Step]:
    """The layers, drawn on the canvas itself, whose width one sets: those with weights, in running order."""
    return [
        step
        for step in analysis.plan.steps
        if "." not in step.name and step.spec.role == "layer" and step.spec.width_parameter is not None
    ]


def _drops_anything(kind: type[LayerSpec]) -> bool:
    """Whether a layer leaves values of any shape out at random."""
    usual = kind.stochastic and kind.keeps_shape and kind.ranks is None and kind.family == "regularisation"
    return usual and "p" in kind.model_fields


def _twins(spec: LayerSpec) -> list[type[LayerSpec]]:
    """The layers that do the same with weights that are distributions."""
    return [kind for kind in CATALOGUE.values() if kind.divergence and issubclass(kind, type(spec))]


def _replacement(analysis: Analysis, step: Step, twin: type[LayerSpec]) -> list[Edit]:
    """Edits after which the node is of another kind, in its place, with what parameters both have."""
    document = analysis.document
    params: dict[str, Any] = {key: value for key, value in step.node.params.items() if key in twin.model_fields}
    name = fresh_name(document, twin.type_name())
    edits: list[Edit] = [
        InsertBefore(Node(name=name, type=twin.type_name(), params=params), step.name),
        Bypass(step.name),
        RenameNode(name, step.name),
    ]
    place = document.layout.get(step.name)
    return [*edits, Move({step.name: place})] if place is not None else edits
