"""Between which values the outputs of a network can lie: from the last layers back to the first that has any output."""

from __future__ import annotations

import math

from builder.analysis.infer import Analysis
from builder.analysis.plan import Step
from builder.spec import UNBOUNDED, LayerSpec, Range

FAR = 1e6  # as good as infinite
MANY = 1e3  # an output beyond this, for an input of FAR, grows without bound


def value_range(analysis: Analysis, name: str) -> Range:
    """The least and the greatest value that a node's output can have, in evaluation; samples can have any value.

    Follows layers that keep values, activations and merges back to layers whose output does not depend on the range of
    their input: those with weights have any output, Softmax and recurrent layers have a fixed range.
    """
    found: dict[str, Range] = {}
    for step in reversed(_deciding_steps(analysis, name)):
        inputs = [found.get(source, UNBOUNDED) for source in step.inputs]
        if step.spec.elementwise:
            found[step.name] = _on_numbers(analysis, step, inputs[0])
        else:
            found[step.name] = step.spec.output_range(*inputs) if step.spec.role == "layer" else (*inputs, UNBOUNDED)[0]
    return found[name]


def deciding_node(analysis: Analysis, name: str) -> str:
    """The node that decides which values a node has: the last one before it that does not just keep values."""
    step = analysis.steps[name]
    while len(step.inputs) == 1 and (step.spec.role != "layer" or step.spec.keeps_values):
        step = analysis.steps[step.inputs[0]]
    return step.name


def _deciding_steps(analysis: Analysis, name: str) -> list[Step]:
    """The steps that the range of a node depends on; each comes before those that it takes values from."""
    numbers = {step.name: number for number, step in enumerate(analysis.plan.steps)}
    reached, waiting = {name}, [name]
    while waiting:
        step = analysis.steps[waiting.pop()]
        if _depends_on_inputs(step.spec):
            new = [source for source in step.inputs if source not in reached and source in analysis.steps]
            reached.update(new)
            waiting.extend(new)
    return [analysis.steps[each] for each in sorted(reached, key=lambda each: -numbers[each])]


def _depends_on_inputs(spec: LayerSpec) -> bool:
    if spec.role != "layer":
        return spec.role == "output"
    return spec.keeps_values or spec.elementwise or type(spec).output_range is not LayerSpec.output_range


def _on_numbers(analysis: Analysis, step: Step, given: Range) -> Range:
    """The range of a function of single numbers, found by running its module on many between these bounds."""
    if step.name not in analysis.facts:
        return UNBOUNDED
    import torch

    low, high = max(given[0], -FAR), min(given[1], FAR)
    fine = torch.linspace(min(max(low, -50.0), high), max(min(high, 50.0), low), 2001)
    with torch.no_grad():
        outputs = analysis.call(step.name).build().eval()(torch.cat([fine, torch.tensor([low, high])]))
    least, greatest = float(outputs.min()), float(outputs.max())
    return (-math.inf if least < -MANY else least), (math.inf if greatest > MANY else greatest)
