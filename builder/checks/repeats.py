"""Does what comes out of a block go into it again, where it is repeated?"""

from __future__ import annotations

from collections.abc import Iterator

from builder.analysis.infer import Analysis
from builder.checks.base import Check, once
from builder.edits import SetParams
from builder.problems import Problem
from builder.shapes import count, show


class RepeatFits(Check):
    """The result of a block goes into its own first port when it is repeated, so it must fit there. Mended by standing
    once, or by giving the block a result of the shape that goes in."""

    code = "N201"
    category = "shape"

    def find(self, analysis: Analysis) -> Iterator[Problem]:
        first: dict[str, str] = {}  # the node that stands for the block → what fails in a later repeat
        for name in analysis.failures:
            repeat = unfit_repeat(analysis, name)
            if repeat is not None:
                first.setdefault(repeat.rpartition(".")[0], name)
        for name, last, place in once(analysis, first):
            node = place.analysis.document.node(last)
            failing = first[name]
            number = int(failing[len(name) + 1 :].partition(".")[0])
            port = analysis.document.blocks[analysis.plan.uses[f"{name}.0"]].ports[0]
            before, given = analysis.facts[f"{name}.{number - 1}"].signal, analysis.facts[f"{name}.0.{port}"].signal
            made, taken = show(before.shape), show(given.shape)
            if before.dtype != given.dtype:
                made, taken = f"{made} ({before.dtype})", f"{taken} ({given.dtype})"
            inner = failing[len(f"{name}.{number}") + 1 :]
            message = (
                f"stands {count(node.use.repeat if node.use else 1, 'time')} end to end, but its result {made} does "
                f"not fit its own first port {port}, which got {taken}: {inner} {analysis.failures[failing]}"
            )
            fix = [SetParams(last, {key: value for key, value in node.params.items() if key != "repeat"})]
            yield place.told(self.problem(last, message, fix, "Let it stand once"))


def unfit_repeat(analysis: Analysis, name: str) -> str | None:
    """The innermost repeat around a failing node in which it fails, while the same node in the repeat before does not:
    "stage1.1" for "stage1.1.conv". None: the repeat is not the reason."""
    parts = name.split(".")
    for index in range(len(parts) - 2, 0, -2):
        number = int(parts[index])
        if number > 0:
            earlier = ".".join([*parts[:index], str(number - 1), *parts[index + 1 :]])
            place = ".".join(parts[: index + 1])
            before = ".".join([*parts[:index], str(number - 1)])
            if earlier in analysis.facts and before in analysis.facts:
                return place
    return None
