"""Does this machine have what each layer needs?"""

from __future__ import annotations

from collections.abc import Iterator

from builder.analysis.infer import Analysis
from builder.checks.base import Check, once
from builder.problems import Problem
from builder.spec import LayerSpec


class Missing(Check):
    """A layer needs a package or a file that is not here. The layer says which, and how to get it."""

    code = "N230"
    category = "machine"

    def find(self, analysis: Analysis) -> Iterator[Problem]:
        words: dict[str, str] = {}
        for step in analysis.plan.steps:
            if type(step.spec).missing is not LayerSpec.missing and (said := step.spec.missing()):
                words[step.name] = said
        for name, last, place in once(analysis, words):
            yield place.told(self.problem(last, words[name]))
