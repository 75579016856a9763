"""Checks of what the last layers can say: values, probabilities over the right axis, and no noise behind them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from builder.analysis.infer import Analysis, analyse
from builder.analysis.plan import Step
from builder.analysis.ranges import deciding_node, value_range
from builder.catalogue import CATALOGUE
from builder.checks.axes import ProbabilitiesAlongPlaces
from builder.document import Node
from builder.edits import Bypass, ChangeType, Edit, InsertBefore, apply_all, fresh_name
from builder.edits.blocks import InBlock
from builder.problems import EditError, Problem
from builder.shapes import Shape
from trainers.checks.base import JobCheck, before, fitting_loss, outputs
from trainers.checks.output_fixes import Fix, set_params
from trainers.objectives.losses import Loss
from trainers.objectives.value_ranges import between

if TYPE_CHECKING:
    from trainers.job import Job
    from trainers.tasks.target import Target

SAME = 1e-2  # outputs of a normalisation that differ by less are the same


def agrees(loss: Loss, target: Target, analysis: Analysis, output: str) -> bool:
    """Whether the values of an output suit the loss: their shape, what they mean, and their range."""
    if output not in analysis.facts or analysis.facts[output].signal.shape not in loss.shapes(target):
        return False
    emits = analysis.steps[deciding_node(analysis, output)].spec.emits
    wanted = {
        "logits": ("values",),
        "values": ("values", "unit", "probabilities"),
        "probabilities": ("probabilities", "unit"),
        "log_probabilities": ("log_probabilities",),
    }
    low, high = value_range(analysis, output)
    return emits in wanted[loss.expects] and not loss.unreachable(low, high, target)


class OutputValues(JobCheck):
    """The last layer cannot give the values that the targets have.

    An activation limits the values of the output: ReLU gives none below 0, Sigmoid none above 1. Targets beyond these
    limits can never be predicted, and the loss stays large however long the training is.

    Example: a regression that ends in ReLU, while standardised targets lie on both sides of 0.
    Fix: remove the last activation; after a recurrent layer, add a Linear layer.
    """

    code = "T133"
    category = "output"
    severity = "warning"
    hinders = True

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        loss, target = fitting_loss(job), job.paradigm.target(job.dataset)
        for output in outputs(analysis) if loss is not None else ():
            assert loss is not None
            low, high = value_range(analysis, output)
            reason = loss.unreachable(low, high, target)
            step = analysis.steps[deciding_node(analysis, output)]
            if not reason or alone(analysis, step) or (loss.expects == "logits" and step.spec.emits != "values"):
                continue  # another check reports these
            fix = first_fix(
                analysis,
                output,
                unlimited(analysis, step, output),
                lambda after, name: agrees(loss, target, after, name),
            )
            yield self.problem(
                step.name,
                f"gives {between(low, high)}, {reason}.",
                fix.edits if fix else None,
                fix.label if fix else "",
            )


class NormalisedAlone(JobCheck):
    """A layer normalises single values, so its output is always the same.

    A softmax over one score is always 1, and a single value has no variance to normalise by: whatever comes in, the
    output is constant, and nothing before the layer can be learned. Of two values, a normalisation leaves only which is
    larger.

    Example: a Linear layer with `out_features` 1, then Softmax.
    Fix: use Sigmoid for a single probability, or remove the layer.
    """

    code = "T134"
    needs_data = False
    category = "output"
    severity = "warning"
    hinders = True

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        for step in analysis.plan.steps:
            reason = alone(analysis, step)
            if reason:
                fix = self._fix(job, analysis, step)
                yield self.problem(step.name, reason, fix.edits if fix else None, fix.label if fix else "")

    def _fix(self, job: Job, analysis: Analysis, step: Step) -> Fix | None:
        loss, candidates = fitting_loss(job), [*replaced(step), removed(step)]
        output = next((name for name in outputs(analysis) if deciding_node(analysis, name) == step.name), None)
        if loss is None or output is None:
            return removed(step)
        target = job.paradigm.target(job.dataset)
        found = first_fix(analysis, output, candidates, lambda after, name: agrees(loss, target, after, name))
        return found or removed(step)


class ProbabilityAxis(JobCheck):
    """Probabilities at the end do not sum to 1 over the classes.

    A softmax over another axis than that of the classes compares pixels, or positions of a text, with each other. And
    where several labels of a sample can be true, their probabilities must not sum to 1 at all.

    Example: LogSoftmax with `dim` 2 for masks: it sums to 1 over the rows of the image.
    Fix: set `dim` to the axis of the classes; use Sigmoid for independent labels.
    """

    code = "T135"
    category = "output"
    severity = "warning"
    hinders = True

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        loss = fitting_loss(job)
        for output in outputs(analysis) if loss is not None else ():
            assert loss is not None
            target = job.paradigm.target(job.dataset)
            step = analysis.steps[deciding_node(analysis, output)]
            if target.classes < 2 or not sums_to_one(analysis, step, output, None):
                continue
            over_classes = sums_to_one(analysis, step, output, target.class_axis)
            independent = target.entry.class_kind == "independent"
            if loss.expects not in ("probabilities", "log_probabilities") or over_classes != independent:
                continue
            if not independent and ProbabilitiesAlongPlaces().error(analysis, step) is not None:
                continue  # the builder knows the roles of the axes here, and reports it
            if independent:
                message = "gives probabilities that sum to 1, but several labels of a sample can be true at once."
                candidates = replaced(step)
            else:
                message = (
                    f"makes probabilities that sum to 1 over another axis than that of the {target.classes:,} classes, "
                    f"which is axis {target.class_axis}: classes are not compared with each other."
                )
                candidates = other_axes(analysis, step)

            def suits(after: Analysis, name: str, target: Target = target, independent: bool = independent) -> bool:
                last = after.steps[deciding_node(after, name)]
                return sums_to_one(after, last, name, target.class_axis) != independent

            fix = first_fix(analysis, output, candidates, suits)
            yield self.problem(step.name, message, fix.edits if fix else None, fix.label if fix else "")


class NoiseBehindLastLayer(JobCheck):
    """A layer behind the last one changes predictions at random.

    Dropout suits features, of which others can take the place. Behind the last layer it sets predictions themselves to
    zero in training, and the loss of these has no gradient, or the wrong one.

    Example: Dropout between the last Linear layer and the Output.
    Fix: remove it, or put it before the last layer.
    """

    code = "T136"
    needs_data = False
    category = "output"
    severity = "warning"
    hinders = True

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        for output in outputs(analysis):
            if analysis.steps[output].network not in job.paradigm.networks:
                continue
            for name, _, spec in before(analysis, output):
                if spec.stochastic and spec.family == "regularisation":
                    fix = removed(analysis.steps[name])
                    message = "is behind the last layer: in training it changes predictions themselves at random."
                    yield self.problem(name, f"{message} Put it before the last layer.", fix.edits, fix.label)
                    break
                if not spec.keeps_values and spec.family != "activation":
                    break


# -- what a layer does to single values, and over which axis its probabilities sum to 1 -------------------------------


def alone(analysis: Analysis, step: Step) -> str:
    """Why the output of a layer that normalises one or two values together is constant; empty: it is not."""
    spec = step.spec
    if spec.role != "layer" or len(step.inputs) != 1 or not {step.name, step.inputs[0]} <= analysis.facts.keys():
        return ""
    count = spec.normalises(analysis.facts[step.inputs[0]].signal.shape)
    if count == 1 and spec.emits != "values":
        always = "0, the logarithm of 1" if spec.emits == "log_probabilities" else "1"
        return f"turns a single score into a probability: it is always {always}, so nothing before it is learned."
    if count == 1:
        return "normalises single values: one value alone has no variance, so the output does not depend on its size."
    if count == 2 and spec.emits == "values" and _leaves_order_alone(analysis, step):
        return "normalises two values together: they always become −1 and 1, so only which of them is larger is left."
    return ""


def _leaves_order_alone(analysis: Analysis, step: Step) -> bool:
    """Whether a normalisation gives the same for two inputs of the same order and other distances."""
    import torch

    shape = analysis.facts[step.inputs[0]].signal.shape
    rising = torch.arange(math.prod(shape), dtype=torch.float32).reshape(1, *shape)
    with torch.no_grad():
        module = analysis.call(step.name).build().eval()
        return bool(torch.allclose(module(rising), module(rising * 0.5 + 1), atol=SAME))


def sums_to_one(analysis: Analysis, step: Step, output: str, axis: int | None) -> bool:
    """Whether the probabilities at an output sum to 1 over an axis of its batches; None: over any axis.

    Found by giving the layer different scores and following its output through the layers behind it.
    """
    if step.spec.emits not in ("probabilities", "log_probabilities") or not step.inputs:
        return False
    if (
        not {output, step.inputs[0]} <= analysis.facts.keys()
        or step.spec.normalises(analysis.facts[step.name].signal.shape) < 2
    ):
        return False
    if axis is None:
        return True
    import torch

    shape = analysis.facts[step.inputs[0]].signal.shape
    values = torch.sin(torch.arange(math.prod(shape), dtype=torch.float32) ** 1.5).reshape(1, *shape)
    behind = [name for name, _, spec in before(analysis, output) if spec.role == "layer"]
    chain = [*reversed(behind[: behind.index(step.name) + 1])]
    with torch.no_grad():
        for name in chain:
            values = analysis.call(name).build().eval()(values)
    if step.spec.emits == "log_probabilities":
        values = values.exp()
    return bool(torch.allclose(values.sum(dim=axis), torch.ones(()), atol=SAME))


# -- fixes ------------------------------------------------------------------------------------------------------------


def first_fix(
    analysis: Analysis, output: str, candidates: list[Fix], helps: Callable[[Analysis, str], bool]
) -> Fix | None:
    """The first of the fixes after which `helps` is true of the output."""
    for candidate in candidates:
        try:
            after = analyse(apply_all(analysis.document, candidate.edits))
        except EditError:
            continue
        if output in after.facts and helps(after, output):
            return candidate
    return None


def in_place(step: Step, edit: Edit) -> tuple[Edit, ...]:
    """An edit of a node, inside its block if it is in one."""
    return (edit,) if step.block is None else (InBlock(step.block, edit),)


def removed(step: Step) -> Fix:
    """Remove a layer; its input goes on to the layers behind it."""
    return Fix(in_place(step, Bypass(step.node.name)), f"Remove {step.node.name}", step.name)


def replaced(step: Step) -> list[Fix]:
    """Put an activation that gives a probability for each number by itself into the place of a layer."""
    kinds = [kind for kind in CATALOGUE.values() if kind.emits == "unit"]
    return [
        Fix(in_place(step, ChangeType(step.node.name, kind.type_name())), f"Use {kind.type_name()}", step.name)
        for kind in kinds
    ]


def other_activations(step: Step) -> list[Fix]:
    """Put another activation, whose values have bounds on both sides, into the place of one."""
    if not step.spec.elementwise and step.spec.emits == "values":
        return []
    kinds = [kind for kind in CATALOGUE.values() if kind.elementwise and len(kind.saturates) > 1]
    return [
        Fix(in_place(step, ChangeType(step.node.name, kind.type_name())), f"Use {kind.type_name()}", step.name)
        for kind in kinds
    ]


def other_axes(analysis: Analysis, step: Step) -> list[Fix]:
    """Set the axis of a layer to each of the axes that its input has."""
    if "dim" not in type(step.spec).model_fields:
        return []
    rank = len(analysis.facts[step.name].signal.shape)
    return [
        Fix((set_params(analysis, step.name, {"dim": dim}),), f"Set dim to {dim}", step.name)
        for dim in range(1, rank + 1)
    ]


def unlimited(analysis: Analysis, step: Step, output: str) -> list[Fix]:
    """Remove what limits the values of an output, or add a layer with weights behind it."""
    shape: Shape = analysis.facts[output].signal.shape
    fixes = [removed(step)] if step.spec.keeps_shape else []
    kind = next(
        kind for kind in CATALOGUE.values() if kind.family == "dense" and kind.width_parameter and kind.takes == "float"
    )
    if len(shape) in (1, 2):
        title = kind.type_name()
        new = Node(name=fresh_name(analysis.document, title), type=title, params={str(kind.width_parameter): shape[-1]})
        fixes.append(Fix((InsertBefore(new, output),), f"Add a {title} layer", step.name))
    return fixes
