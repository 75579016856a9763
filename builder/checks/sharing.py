"""Do nodes that share weights have the same parameters?"""

from __future__ import annotations

from collections.abc import Iterator

from builder.analysis.infer import Analysis
from builder.checks.base import Check, at_first_use, scoped_analyses
from builder.document import Node
from builder.problems import Problem
from builder.shapes import show


class SharedWeights(Check):
    """Nodes that share weights do not fit each other.

    They must be in the same network, and one of them must own the weights. They can be layers of the same type and
    size, uses of the same block, or layers whose parameters have the same names and shapes.

    Example: a Linear layer with 10 outputs that shares the weights of one with 20 outputs.
    Fix: share the weights of another node, or set the same parameters for both.
    """

    code = "N141"
    category = "sharing"

    def find(self, analysis: Analysis) -> Iterator[Problem]:
        for scope in scoped_analyses(analysis):
            for node in scope.analysis.document.nodes:
                complaint = self._complaint(scope.analysis, node) if node.shares_weights_with else None
                if complaint:
                    message = f"shares the weights of {node.shares_weights_with}, {complaint}"
                    yield scope.report(self.problem(node.name, message))
        names = (step.name for step in analysis.plan.steps if not step.owns and step.name in analysis.facts)
        for name, last, scope in at_first_use(analysis, names):
            complaint = self._difference(analysis, name)
            if complaint:
                owner = scope.analysis.document.by_name[last].shares_weights_with or analysis.steps[name].module
                yield scope.report(self.problem(last, f"shares the weights of {owner}, {complaint}"))

    @staticmethod
    def _complaint(analysis: Analysis, node: Node) -> str | None:
        owner = analysis.document.by_name.get(node.shares_weights_with or "")
        if owner is None or owner is node or owner.shares_weights_with is not None:
            return "which has no weights of its own."
        if owner.network != node.network:
            return "which is in another network."
        if "block" in (owner.role, node.role) and (owner.use is None or owner.use != node.use):
            return "but they do not use the same block with the same number of repeats."
        if node.role in ("input", "output"):
            return "but has no weights."
        return None

    @staticmethod
    def _difference(analysis: Analysis, name: str) -> str | None:
        step = analysis.steps[name]
        owner = step.tied or step.module
        if owner not in analysis.facts:
            return None
        if step.tied is None:
            same = analysis.call(owner) == analysis.call(name)
            return None if same else "but their parameters or their input sizes differ."
        ours, theirs = analysis.facts[name].weights, analysis.facts[owner].weights
        if ours == theirs:
            return None if ours else "but has no weights."
        kind, other = step.node.type, analysis.steps[owner].node.type
        reason = f"it is a {kind} and the other is a {other}" if kind != other else "their parameters differ"
        return f"but {reason}: {_listed(ours)} here, {_listed(theirs)} there."


def _listed(weights: tuple[tuple[str, tuple[int, ...]], ...]) -> str:
    return ", ".join(f"{name} {show(shape)}" for name, shape in weights[:4]) or "no parameters"
