"""Does what flows through the network fit each layer?"""

from __future__ import annotations

import math
from collections.abc import Iterator

from builder.analysis.infer import Analysis
from builder.checks.base import Check, fix_for, once
from builder.checks.repeats import unfit_repeat
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
        failing = (name for name in analysis.failures if unfit_repeat(analysis, name) is None)
        for name, last, place in once(analysis, failing):
            error = analysis.failures[name]
            fix, label = fix_for(place.analysis, place.analysis.document.node(last), error)
            yield place.told(self.problem(last, str(error), fix, label))


class TooLarge(Check):
    """More parameters than memory could hold are a slip of the keyboard: refused before anything is allocated."""

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


class TooMuchAtOnce(Check):
    """What leaves a layer for a single sample must fit into memory: gigabytes are a slip of the keyboard."""

    code = "N211"
    category = "size"

    def find(self, analysis: Analysis) -> Iterator[Problem]:
        large = (name for name in analysis.steps if _bytes(analysis, name) > LIMIT_OUTPUT_BYTES)
        for name, last, place in once(analysis, large):
            size = _bytes(analysis, name)
            yield place.told(
                self.problem(
                    last,
                    f"gives {show(analysis.facts[name].signal.shape)} for a single sample, {size / 2**30:,.1f} GB; "
                    f"{LIMIT_OUTPUT_BYTES // 2**30} GB is the limit here. Make it smaller.",
                )
            )


def _bytes(analysis: Analysis, name: str) -> int:
    facts = analysis.facts.get(name)
    return 4 * math.prod(facts.signal.shape) if facts else 0
