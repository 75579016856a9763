"""Does what flows through the network fit each layer?"""

from __future__ import annotations

import math
from collections.abc import Iterator

from builder.checks.base import Check, fix_for
from builder.infer import Analysis
from builder.problems import Problem
from builder.shapes import show

# Weights, gradients and two moments of Adam in float32: what a parameter costs in training.
BYTES_PER_PARAMETER = 16
LIMIT_BYTES = 64 * 2**30
LIMIT_OUTPUT_BYTES = 2**30


class Shapes(Check):
    """A layer cannot take what it is given: axes, sizes, kind of number. The layer itself says why and what helps."""

    code = "N200"
    category = "shape"

    def find(self, analysis: Analysis) -> Iterator[Problem]:
        for name, error in analysis.failures.items():
            node = analysis.document.node(name)
            fix, label = fix_for(analysis, node, error)
            yield self.problem(name, str(error), fix, label)


class TooLarge(Check):
    """More parameters than memory could hold are a slip of the keyboard: refused before anything is allocated."""

    code = "N210"
    category = "size"

    def find(self, analysis: Analysis) -> Iterator[Problem]:
        if not analysis.facts:
            return
        total = sum(facts.parameters for facts in analysis.facts.values())
        needed = total * BYTES_PER_PARAMETER
        if needed > LIMIT_BYTES:
            largest = max(analysis.facts, key=lambda name: analysis.facts[name].parameters)
            yield self.problem(
                largest,
                f"has {analysis.facts[largest].parameters:,} parameters. Training all {total:,} would take about "
                f"{needed / 2**30:,.0f} GB of memory; {LIMIT_BYTES // 2**30} GB is the limit here. Make it smaller.",
            )


class TooMuchAtOnce(Check):
    """What leaves a layer for a single sample must fit into memory: gigabytes are a slip of the keyboard."""

    code = "N211"
    category = "size"

    def find(self, analysis: Analysis) -> Iterator[Problem]:
        for name, facts in analysis.facts.items():
            size = 4 * math.prod(facts.signal.shape)
            if size > LIMIT_OUTPUT_BYTES:
                yield self.problem(
                    name,
                    f"gives {show(facts.signal.shape)} for a single sample, {size / 2**30:,.1f} GB; "
                    f"{LIMIT_OUTPUT_BYTES // 2**30} GB is the limit here. Make it smaller.",
                )
