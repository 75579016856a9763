"""Does each layer take the axes of its inputs for what they are?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from builder.analysis.infer import Analysis
from builder.analysis.plan import Step
from builder.axes import PLACES, describe, values_axis
from builder.checks.base import Check, at_first_use, fix_for
from builder.problems import Problem
from builder.spec import ShapeError, Signal


class _AxesCheck(Check):
    category = "axes"
    severity = "warning"
    hinders = True

    def find(self, analysis: Analysis) -> Iterator[Problem]:
        found: dict[str, ShapeError] = {}
        for step in analysis.plan.steps:
            error = self.error(analysis, step) if step.name in analysis.facts else None
            if error is not None:
                found[step.name] = error
        for name, last, scope in at_first_use(analysis, found):
            fix, label = fix_for(scope.analysis, scope.analysis.document.node(last), found[name])
            yield scope.report(self.problem(last, str(found[name]), fix, label))

    def error(self, analysis: Analysis, step: Step) -> ShapeError | None:
        """What is wrong with the axes of the step's inputs, which are known; None: nothing."""
        raise TypeError(f"{type(self).__name__} must implement error().")


class MisreadAxes(_AxesCheck):
    """A layer takes an axis for another one: steps for channels, or the width for features.

    The sizes fit, so the network runs, but it learns from the wrong axis. The data set says what the axes of a sample
    are, and each layer what it does with them.

    Example: Conv1d directly on a series of 120 steps with 8 features: it takes the steps for channels.
    Fix: Permute the axes into the order that the layer expects.
    """

    code = "N240"

    def error(self, analysis: Analysis, step: Step) -> ShapeError | None:
        return step.spec.misread(*(analysis.facts[source].signal for source in step.inputs))


class ProbabilitiesAlongPlaces(_AxesCheck):
    """The network's output is a softmax along the steps or the width, not along the classes.

    Each place then gets a share of one class, and its classes do not sum to 1. Inside the network, such a softmax can
    be right: attention weights sum to 1 over the steps.

    Example: Softmax with `dim` 1 at the end of a network whose output is 20 steps × 5 features.
    Fix: set `dim` to the axis of the classes.
    """

    code = "N241"

    def error(self, analysis: Analysis, step: Step) -> ShapeError | None:
        signal = analysis.facts[step.name].signal
        place = values_axis(signal.axes)
        if not step.spec.sums_to_one or place is None:
            return None
        along = _along(step, signal)
        if signal.axes[along] not in PLACES or signal.shape[place] == 1 or not _ends_network(analysis, step.name):
            return None
        return ShapeError(
            f"sums to 1 along dim {along + 1}, which is the {signal.axes[along]}, not the {signal.axes[place]}: its "
            f"output is {describe(signal.shape, signal.axes)}.",
            params={"dim": place + 1},
        )


class JoinedAlongPlaces(_AxesCheck):
    """Branches of one input are joined one after the other, not side by side.

    Several branches compute features of the same places, which belong together. Joined along the steps or the height,
    the result is a longer sequence, or a taller image, in which each place occurs once for each branch.

    Example: Concat with `dim` 1 of two recurrent layers that read the same sequence: 20 steps become 40.
    Fix: set `dim` to the axis of the channels or features.
    """

    code = "N242"

    def error(self, analysis: Analysis, step: Step) -> ShapeError | None:
        if not step.spec.joins:
            return None
        signals = [analysis.facts[source].signal for source in step.inputs]
        first = signals[0]
        place, along = values_axis(first.axes), _along(step, first)
        alike = len({(signal.shape, signal.axes) for signal in signals}) == 1
        if not alike or place is None or first.axes[along] not in PLACES or first.shape[along] == 1:
            return None
        origins = [_origins(analysis, source) for source in step.inputs]
        if len(set(step.inputs)) < len(step.inputs) or len(set(origins)) > 1:
            return None
        joined = analysis.facts[step.name].signal.shape[along]
        return ShapeError(
            f"puts {len(signals)} branches of the same input one after the other along dim {along + 1}, the "
            f"{first.axes[along]}: {first.shape[along]:,} become {joined:,}. Side by side, their {first.axes[place]} "
            f"are joined along dim {place + 1}.",
            params={"dim": place + 1},
        )


def _along(step: Step, signal: Signal) -> int:
    """The index of the axis that a layer's parameter `dim` names, counted without the batch."""
    layer: Any = step.spec
    return int(layer.dim - 1 if layer.dim > 0 else layer.dim + len(signal.shape))


def _ends_network(analysis: Analysis, name: str) -> bool:
    """Whether a node's values reach outputs alone, changed by nothing but layers that keep shape and meaning."""
    users = [step for step in analysis.plan.steps if name in step.inputs]
    return bool(users) and all(
        step.spec.role == "output"
        or (len(step.inputs) == 1 and step.spec.channels() == "as_input" and _ends_network(analysis, step.name))
        for step in users
    )


def _origins(analysis: Analysis, name: str) -> frozenset[str]:
    """The steps without inputs that a step depends on."""
    seen: set[str] = set()
    waiting, found = [name], set()
    while waiting:
        step = analysis.steps[waiting.pop()]
        if step.name in seen:
            continue
        seen.add(step.name)
        waiting.extend(step.inputs)
        if not step.inputs:
            found.add(step.name)
    return frozenset(found)
