"""Settings that do nothing where they stand."""

from __future__ import annotations

from collections.abc import Iterator

from builder.analysis.infer import Analysis
from builder.checks.base import Check, fix_for, once
from builder.problems import Problem
from builder.spec import LayerSpec, ShapeError


class WithoutEffect(Check):
    """A setting that has no effect here, such as dropout between the layers of a stack of one. The layer says so."""

    code = "N220"
    category = "setting"
    severity = "warning"

    def find(self, analysis: Analysis) -> Iterator[Problem]:
        remarks: dict[str, ShapeError] = {}
        for step in analysis.plan.steps:
            if step.name in analysis.facts and type(step.spec).warning is not LayerSpec.warning:
                remark = step.spec.warning(*(analysis.facts[source].signal.shape for source in step.inputs))
                if remark is not None:
                    remarks[step.name] = remark
        for name, last, place in once(analysis, remarks):
            fix, label = fix_for(place.analysis, place.analysis.document.node(last), remarks[name])
            yield place.told(self.problem(last, str(remarks[name]), fix, label))
