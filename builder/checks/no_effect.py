"""Are there settings without an effect?"""

from __future__ import annotations

from collections.abc import Iterator

from builder.analysis.infer import Analysis
from builder.checks.base import Check, at_first_use, fix_for
from builder.problems import Problem
from builder.spec import LayerSpec, ShapeError


class WithoutEffect(Check):
    """A setting of a layer has no effect.

    The network can be trained, but it is not the network that the setting suggests.

    Example: `dropout` in an LSTM with one layer, where it is applied only between layers.
    Fix: reset the setting, or add a layer that does what it was meant to do.
    """

    code = "N220"
    category = "setting"
    severity = "warning"

    def find(self, analysis: Analysis) -> Iterator[Problem]:
        warnings: dict[str, ShapeError] = {}
        for step in analysis.plan.steps:
            if step.name in analysis.facts and type(step.spec).warning is not LayerSpec.warning:
                warning = step.spec.warning(*(analysis.facts[source].signal.shape for source in step.inputs))
                if warning is not None:
                    warnings[step.name] = warning
        for name, last, scope in at_first_use(analysis, warnings):
            fix, label = fix_for(scope.analysis, scope.analysis.document.node(last), warnings[name])
            yield scope.report(self.problem(last, str(warnings[name]), fix, label))
