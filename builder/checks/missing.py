"""Does this machine have what each layer needs?"""

from __future__ import annotations

from collections.abc import Iterator

from builder.analysis.infer import Analysis
from builder.checks.base import Check, at_first_use
from builder.problems import Problem
from builder.spec import LayerSpec


class Missing(Check):
    """A layer needs a package or a file that is missing on this machine.

    The network cannot be built without it. The message names the package or the file, and how to get it.

    Example: PretrainedFeatures without torchvision.
    Fix: install the package, add the file, or replace the layer.
    """

    code = "N230"
    category = "machine"

    def find(self, analysis: Analysis) -> Iterator[Problem]:
        messages: dict[str, str] = {}
        for step in analysis.plan.steps:
            if type(step.spec).missing is not LayerSpec.missing and (message := step.spec.missing()):
                messages[step.name] = message
        for name, last, scope in at_first_use(analysis, messages):
            yield scope.report(self.problem(last, messages[name]))
