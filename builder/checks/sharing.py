"""Do nodes that share weights fit each other?"""

from __future__ import annotations

from collections.abc import Iterator

from builder.analysis.infer import Analysis
from builder.checks.base import Check, once, places
from builder.document import Node
from builder.problems import Problem
from builder.shapes import show


class SharedWeights(Check):
    """Nodes that share weights are in one network, and one of them has its own: layers of one kind and sizes, uses of
    one block, or layers whose parameters have the same names and shapes, as an embedding and a linear layer without
    bias. Mended by sharing with another node, or by making the parameters the same."""

    code = "N141"
    category = "sharing"

    def find(self, analysis: Analysis) -> Iterator[Problem]:
        for place in places(analysis):
            for node in place.analysis.document.nodes:
                complaint = self._complaint(place.analysis, node) if node.shares_weights_with else None
                if complaint:
                    message = f"shares the weights of {node.shares_weights_with}, {complaint}"
                    yield place.told(self.problem(node.name, message))
        names = (step.name for step in analysis.plan.steps if not step.owns and step.name in analysis.facts)
        for name, last, place in once(analysis, names):
            complaint = self._difference(analysis, name)
            if complaint:
                whose = place.analysis.document.by_name[last].shares_weights_with or analysis.steps[name].module
                yield place.told(self.problem(last, f"shares the weights of {whose}, {complaint}"))

    @staticmethod
    def _complaint(analysis: Analysis, node: Node) -> str | None:
        owner = analysis.document.by_name.get(node.shares_weights_with or "")
        if owner is None or owner is node or owner.shares_weights_with is not None:
            return "which has none of its own to share."
        if owner.network != node.network:
            return "which is in another network."
        if "block" in (owner.role, node.role) and (owner.use is None or owner.use != node.use):
            return "but they do not stand for the same block, repeated as often."
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
            alike = analysis.call(owner) == analysis.call(name)
            return None if alike else "but its parameters or its input sizes differ from that one's."
        ours, theirs = analysis.facts[name].weights, analysis.facts[owner].weights
        if ours == theirs:
            return None if ours else "but has no weights."
        kind, other = step.node.type, analysis.steps[owner].node.type
        why = f"is a {kind}, and that is a {other}" if kind != other else "their parameters differ"
        return f"but {why}: here {_listed(ours)}, there {_listed(theirs)}."


def _listed(weights: tuple[tuple[str, tuple[int, ...]], ...]) -> str:
    return ", ".join(f"{name} {show(shape)}" for name, shape in weights[:4]) or "no parameters"
