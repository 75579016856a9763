"""Settings that do nothing where they stand."""

from __future__ import annotations

from collections.abc import Iterator

from builder.checks.base import Check, fix_for
from builder.infer import Analysis
from builder.problems import Problem


class WithoutEffect(Check):
    """A setting that has no effect here, such as dropout between the layers of a stack of one. The layer says so."""

    code = "N220"
    category = "setting"
    severity = "warning"

    def find(self, analysis: Analysis) -> Iterator[Problem]:
        told: set[tuple[str | None, str]] = set()
        for step in analysis.plan.steps:
            place = (step.block, step.node.name)
            if step.name not in analysis.facts or place in told:
                continue
            remark = step.spec.remark(*(analysis.facts[source].signal.shape for source in step.inputs))
            if remark is not None:
                told.add(place)
                fix, label = fix_for(analysis, step.node, remark) if step.block is None else (None, "")
                yield self.problem(step.name, str(remark), fix, label)
