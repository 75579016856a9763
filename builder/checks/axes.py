"""Does each layer take the axes of its inputs for what they are?"""

from __future__ import annotations

from collections.abc import Iterator

from builder.analysis.infer import Analysis
from builder.checks.base import Check, at_first_use, fix_for
from builder.problems import Problem
from builder.spec import ShapeError


class MisreadAxes(Check):
    """A layer takes an axis for another one: steps for channels, or the width for features.

    The sizes fit, so the network runs, but it learns from the wrong axis. The data set says what the axes of a sample
    are, and each layer what it does with them.

    Example: Conv1d directly on a series of 120 steps with 8 features: it takes the steps for channels.
    Fix: Permute the axes into the order that the layer expects.
    """

    code = "N240"
    category = "axes"
    severity = "warning"

    def find(self, analysis: Analysis) -> Iterator[Problem]:
        found: dict[str, ShapeError] = {}
        for step in analysis.plan.steps:
            if step.name in analysis.facts:
                error = step.spec.misread(*(analysis.facts[source].signal for source in step.inputs))
                if error is not None:
                    found[step.name] = error
        for name, last, scope in at_first_use(analysis, found):
            fix, label = fix_for(scope.analysis, scope.analysis.document.node(last), found[name])
            yield scope.report(self.problem(last, str(found[name]), fix, label))
