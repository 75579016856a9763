"""Does each layer fit its inputs, and do its parameters and outputs fit into memory?"""

from __future__ import annotations

import math
from collections.abc import Iterator

from builder.analysis.infer import Analysis
from builder.checks.base import Check, at_first_use, fix_for
from builder.checks.repeats import unfit_repeat
from builder.problems import Problem
from builder.shapes import show

# The memory of one parameter in training: weight, gradient and the two moments of Adam in float32.
BYTES_PER_PARAMETER = 16
LIMIT_BYTES = 64 * 2**30
LIMIT_OUTPUT_BYTES = 2**30


class Shapes(Check):
    """A layer cannot take its inputs: the number of axes, the sizes or the data type are wrong.

    The message of the layer names the sizes that do not fit.

    Example: a Linear layer directly after a convolution, or Add with inputs of different shapes.
    Fix: insert the layer or set the parameters that the message suggests.
    """

    code = "N200"
    category = "shape"

    def find(self, analysis: Analysis) -> Iterator[Problem]:
        failing = (name for name in analysis.failures if unfit_repeat(analysis, name) is None)
        for name, last, scope in at_first_use(analysis, failing):
            error = analysis.failures[name]
            fix, label = fix_for(scope.analysis, scope.analysis.document.node(last), error)
            yield scope.report(self.problem(last, str(error), fix, label))


class TooManyParameters(Check):
    """The network has more parameters than fit into memory.

    It is refused before any memory is allocated: it is probably a typing error.

    Example: a Linear layer with 1,000,000 outputs after a large image.
    Fix: reduce the size of the layer.
    """

    code = "N210"
    category = "size"

    def find(self, analysis: Analysis) -> Iterator[Problem]:
        sizes = {
            step.name: analysis.facts[step.name].parameters
            for step in analysis.plan.steps
            if step.owns and step.name in analysis.facts
        }
        total = sum(sizes.values())
        needed = total * BYTES_PER_PARAMETER
        if needed > LIMIT_BYTES:
            largest = max(sizes, key=sizes.__getitem__)
            yield self.problem(
                largest,
                f"has {analysis.facts[largest].parameters:,} parameters. Training all {total:,} would take about "
                f"{needed / 2**30:,.0f} GB of memory; {LIMIT_BYTES // 2**30} GB is the limit here. Make it smaller.",
            )


class OutputTooLarge(Check):
    """The output of a layer is larger than a gigabyte for a single sample.

    It is refused before any memory is allocated: it is probably a typing error.

    Example: Upsample with the `scale_factor` 64 on an image of 224 × 224 pixels with 64 channels.
    Fix: reduce the size of the output.
    """

    code = "N211"
    category = "size"

    def find(self, analysis: Analysis) -> Iterator[Problem]:
        large = (name for name in analysis.steps if _bytes(analysis, name) > LIMIT_OUTPUT_BYTES)
        for name, last, scope in at_first_use(analysis, large):
            shape = show(analysis.facts[name].signal.shape)
            message = (
                f"outputs {shape} for a single sample, {_bytes(analysis, name) / 2**30:,.1f} GB; "
                f"{LIMIT_OUTPUT_BYTES // 2**30} GB is the limit here. Make it smaller."
            )
            yield scope.report(self.problem(last, message))


def _bytes(analysis: Analysis, name: str) -> int:
    facts = analysis.facts.get(name)
    return 4 * math.prod(facts.signal.shape) if facts else 0
