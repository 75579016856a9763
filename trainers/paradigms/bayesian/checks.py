"""Checks of Bayesian networks: can the predictions of a network differ? If not, they do not measure its uncertainty."""

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
from trainers.objectives.losses import Hinge
from trainers.objectives.registry import default_loss

if TYPE_CHECKING:
    from trainers.job import Job

USUAL_MEMBERS = 5
USUAL_RATE = 0.25


class _BayesianCheck(JobCheck):
    """Base of the checks of this paradigm."""

    paradigms = ("bayesian",)
    category = "paradigm"


class NoStochasticLayer(_BayesianCheck):
    """Monte Carlo dropout without an active dropout layer.

    The method compares several forward passes with different dropout masks. Without dropout, or with a rate of 0, all
    passes are the same, and the uncertainty is always zero.

    Example: the method “dropout” for a network of Linear and ReLU layers alone.

    Fix: set the rate of the dropout layer, insert one before the last layer with weights, or train an ensemble.
    """

    code = "T200"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        found = _stochastic_steps(analysis)
        if _method(job) != "dropout" or any(not _inactive(step.spec) for step in found):
            return
        inactive = next((step for step in found if "." not in step.name and "p" in type(step.spec).model_fields), None)
        if inactive is not None:
            yield self.problem(
                inactive.name,
                "has a dropout rate of 0, so every stochastic pass is the same, and Monte Carlo dropout measures no "
                "uncertainty. Set a rate above 0.",
                [SetParams(inactive.name, {**inactive.node.params, "p": USUAL_RATE})],
                f"Set p to {USUAL_RATE}",
            )
            return
        edits, label = _insert_dropout(analysis)
        yield self.problem(
            None,
            "Monte Carlo dropout compares several passes with active dropout, but this network has no dropout layer: "
            "all passes would be the same. Insert one, or train an ensemble.",
            edits or [with_paradigm(job, method="ensemble")],
            label or "Train an ensemble",
        )


class NoWeightDistribution(_BayesianCheck):
    """The method “weights” without a layer whose weights are distributions.

    The method learns a mean and a standard deviation of each weight. A network of ordinary layers has none, so there
    is nothing to learn or to sample.

    Example: the method “weights” for a network whose only layers with weights are Linear layers.

    Fix: replace the last such layer by its Bayesian counterpart, or choose another method.
    """

    code = "T201"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        if _method(job) != "weights" or any(step.spec.divergence for step in analysis.plan.steps):
            return
        step, counterpart = next(
            ((step, kind) for step in reversed(_weighted(analysis)) for kind in _counterparts(step.spec)), (None, None)
        )
        message = (
            "The method “weights” learns the uncertainty of each weight, but no layer of this network has weights that "
            "are distributions."
        )
        if step is None or counterpart is None:
            other = "dropout" if _stochastic_steps(analysis) else "ensemble"
            fix = [with_paradigm(job, method=other)]
            yield self.problem(None, f"{message} Choose the method “{other}”.", fix, f"Use {other}")
            return
        yield self.problem(
            step.name,
            f"has ordinary weights. {message} Replace it by a {counterpart.title()}.",
            _replacement(analysis, step, counterpart),
            f"Replace {step.name} by a {counterpart.title()}",
        )


class SingleMember(_BayesianCheck):
    """An ensemble with a single member.

    The uncertainty of an ensemble is the disagreement between its members. One network cannot disagree.

    Example: `members` is 1.

    Fix: set `members` to 2 or more; 5 is usual.
    """

    code = "T202"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        if _method(job) == "ensemble" and getattr(job.paradigm, "members", 2) < 2:
            yield self.problem(
                None,
                "The ensemble has a single member, so there is no disagreement to measure. Use at least 2 members; "
                f"{USUAL_MEMBERS} are usual.",
                [with_paradigm(job, members=USUAL_MEMBERS)],
                f"Use {USUAL_MEMBERS} members",
            )


class UnregularisedDistribution(_BayesianCheck):
    """Layers whose weights are distributions, trained by another method than “weights”.

    Only that method adds their KL divergence to the loss. Without it nothing keeps the standard deviations near the
    prior: training shrinks them to zero, and they measure no uncertainty.

    Example: a BayesianLinear layer and the method “dropout”.

    Fix: choose the method “weights”.
    """

    code = "T203"
    severity = "warning"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        step = next((step for step in analysis.plan.steps if step.spec.divergence), None)
        if step is not None and _method(job) != "weights":
            yield self.problem(
                step.name,
                f"has weights that are distributions, but the method “{_method(job)}” adds no KL divergence to the "
                "loss, so their standard deviations shrink to zero. The method “weights” adds it.",
                [with_paradigm(job, method="weights")],
                "Use weights",
            )


class NoProbabilities(_BayesianCheck):
    """A loss whose scores are not probabilities.

    Confidence and calibration are statements about probabilities. The scores of a hinge loss only have an order.

    Example: the hinge loss with Monte Carlo dropout.

    Fix: choose the usual loss of the task, such as cross-entropy.
    """

    code = "T204"
    severity = "warning"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        loss = fitting_loss(job)
        usual = default_loss(job.dataset.task)
        if isinstance(loss, Hinge):
            yield self.problem(
                None,
                f"{loss.label[:1].upper()}{loss.label[1:]} gives scores that are not probabilities, so the confidence "
                f"of a prediction means little. {usual.label[:1].upper()}{usual.label[1:]} gives probabilities.",
                [with_paradigm(job, loss=usual.name)],
                f"Use {usual.label}",
            )


def _method(job: Job) -> str:
    return str(getattr(job.paradigm, "method", ""))


def _stochastic_steps(analysis: Analysis) -> list[Step]:
    """The stochastic layers whose values reach an output, in running order."""
    outputs = {node.name for node in analysis.document.nodes if node.role == "output"}
    used = reaching(analysis.document, outputs)
    return [step for step in analysis.plan.steps if step.spec.stochastic and step.name.partition(".")[0] in used]


def _inactive(spec: LayerSpec) -> bool:
    """Whether a stochastic layer changes nothing: its rate, or its standard deviation, is zero."""
    return getattr(spec, "p", None) == 0 or getattr(spec, "std", None) == 0


def _weighted(analysis: Analysis) -> list[Step]:
    """The layers with weights that are on the canvas itself, not inside a block, in running order."""
    return [
        step
        for step in analysis.plan.steps
        if "." not in step.name and step.spec.role == "layer" and step.spec.width_parameter is not None
    ]


def _insert_dropout(analysis: Analysis) -> tuple[list[Edit], str]:
    """A dropout layer that takes any shape, before the last layer that has weights."""
    last = next(reversed(_weighted(analysis)), None)
    kind = next((kind for kind in CATALOGUE.values() if _is_general_dropout(kind)), None)
    if last is None or kind is None:
        return [], ""
    name = fresh_name(analysis.document, kind.type_name())
    node = Node(name=name, type=kind.type_name(), params={"p": USUAL_RATE})
    return [InsertBefore(node, last.name)], f"Insert {kind.title()} before {last.name}"


def _is_general_dropout(kind: type[LayerSpec]) -> bool:
    """Whether a layer sets values to zero at random, in inputs of any shape."""
    general = kind.stochastic and kind.keeps_shape and kind.ranks is None and kind.family == "regularisation"
    return general and "p" in kind.model_fields


def _counterparts(spec: LayerSpec) -> list[type[LayerSpec]]:
    """The layers that do the same with weights that are distributions."""
    return [kind for kind in CATALOGUE.values() if kind.divergence and issubclass(kind, type(spec))]


def _replacement(analysis: Analysis, step: Step, kind: type[LayerSpec]) -> list[Edit]:
    """Edits that replace a node by one of another type, with the parameters that both have, at the same position."""
    document = analysis.document
    params: dict[str, Any] = {key: value for key, value in step.node.params.items() if key in kind.model_fields}
    name = fresh_name(document, kind.type_name())
    edits: list[Edit] = [
        InsertBefore(Node(name=name, type=kind.type_name(), params=params), step.name),
        Bypass(step.name),
        RenameNode(name, step.name),
    ]
    position = document.layout.get(step.name)
    return [*edits, Move({step.name: position})] if position is not None else edits
