"""Does the result of a repeated block fit its own first port?"""

from __future__ import annotations

from collections.abc import Iterator

from builder.analysis.infer import Analysis
from builder.checks.base import Check, at_first_use
from builder.edits import SetParams
from builder.problems import Problem
from builder.shapes import count, show


class RepeatFits(Check):
    """The result of a repeated block does not fit its own first port.

    The result of each repeat is the first input of the next one.

    Example: a block that halves the size of an image, repeated until nothing is left.
    Fix: use the block once, or give its result the shape of its first input.
    """

    code = "N201"
    category = "shape"

    def find(self, analysis: Analysis) -> Iterator[Problem]:
        first: dict[str, str] = {}  # the node that uses the block → the node that fails in a later repeat
        for name in analysis.failures:
            repeat = unfit_repeat(analysis, name)
            if repeat is not None:
                first.setdefault(repeat.rpartition(".")[0], name)
        for name, last, scope in at_first_use(analysis, first):
            node = scope.analysis.document.node(last)
            failing = first[name]
            number = int(failing[len(name) + 1 :].partition(".")[0])
            port = analysis.document.blocks[analysis.plan.uses[f"{name}.0"]].ports[0]
            before, given = analysis.facts[f"{name}.{number - 1}"].signal, analysis.facts[f"{name}.0.{port}"].signal
            made, taken = show(before.shape), show(given.shape)
            if before.dtype != given.dtype:
                made, taken = f"{made} ({before.dtype})", f"{taken} ({given.dtype})"
            inner = failing[len(f"{name}.{number}") + 1 :]
            message = (
                f"is repeated {count(node.use.repeat if node.use else 1, 'time')}, but its result {made} does not fit "
                f"its own first port {port}, which takes {taken}: {inner} {analysis.failures[failing]}"
            )
            fix = [SetParams(last, {key: value for key, value in node.params.items() if key != "repeat"})]
            yield scope.report(self.problem(last, message, fix, "Set repeat to 1"))


def unfit_repeat(analysis: Analysis, name: str) -> str | None:
    """The innermost repeat in which a node fails while the same node in the repeat before does not: "stage1.1" for
    "stage1.1.conv". None: repeating is not the cause."""
    parts = name.split(".")
    for index in range(len(parts) - 2, 0, -2):
        number = int(parts[index])
        if number > 0:
            earlier = ".".join([*parts[:index], str(number - 1), *parts[index + 1 :]])
            before = ".".join([*parts[:index], str(number - 1)])
            if earlier in analysis.facts and before in analysis.facts:
                return ".".join(parts[: index + 1])
    return None
