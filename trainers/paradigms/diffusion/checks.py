"""Can the network predict the noise? It receives an image and a time step and outputs a tensor of the image's shape."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from builder.analysis.infer import Analysis
from builder.analysis.ranges import deciding_node, value_range
from builder.catalogue import type_with_role
from builder.document import Node
from builder.edits import AddNode, SetParams
from builder.problems import Problem
from builder.shapes import show
from builder.spec import UNBOUNDED
from trainers.checks.base import JobCheck, outputs
from trainers.checks.objectives import with_paradigm
from trainers.checks.output_fixes import find_fix, width_node
from trainers.checks.ranges import first_fix, unlimited
from trainers.objectives.value_ranges import between

if TYPE_CHECKING:
    from trainers.job import Job
    from trainers.paradigms.diffusion.paradigm import Diffusion

LARGE = 3.0  # values of standard normal noise are seldom larger
TIME = {"shape": [1], "dtype": "int"}


class _DiffusionCheck(JobCheck):
    paradigms = ("diffusion",)


def _inputs(job: Job) -> list[Node]:
    return [node for node in job.document.nodes if node.role == "input"]


class TimeInput(_DiffusionCheck):
    """The network does not have exactly two Inputs: the noisy image and the time step.

    The amount of noise cannot be determined exactly from the image, so the network has to receive it.

    Example: a network whose only Input is the image.

    Fix: adds an Input for the time step; connect it through an embedding.
    """

    code = "T220"
    category = "input"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        nodes = _inputs(job)
        if len(nodes) == 1:
            name = "time" if "time" not in job.document.by_name else "time_step"
            node = Node(name=name, type=type_with_role("input"), params=TIME, network=nodes[0].network)
            unused = name not in job.document.by_name
            yield self.problem(
                nodes[0].name,
                "is the only Input, but a diffusion network also has to know how much noise there is. Add a second "
                "Input for the time step (one whole number), embed it, and add it to the features.",
                [AddNode(node)] if unused else None,
                "Add an Input for the time step",
            )
        elif len(nodes) > 2:
            names = ", ".join(node.name for node in nodes)
            yield self.problem(
                nodes[2].name,
                f"is one of {len(nodes)} Inputs ({names}), but a diffusion network receives only the noisy image and "
                "the time step. Remove the others.",
            )


class TimeShape(_DiffusionCheck):
    """The second Input does not take one whole number.

    The time step is given to the second Input, as a whole number of shape 1.

    Example: a second Input of shape 3 and dtype float.

    Fix: sets its shape to 1 and its dtype to int.
    """

    code = "T221"
    category = "input"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        for node in _inputs(job)[1:2]:
            facts = analysis.facts.get(node.name)
            if facts is not None and facts.signal.shape == (1,) and facts.signal.dtype == "int":
                continue
            found = "has no shape" if facts is None else f"takes {show(facts.signal.shape)} ({facts.signal.dtype})"
            yield self.problem(
                node.name,
                f"receives the time step, one whole number, but {found}. The first Input receives the noisy image, the "
                "second the time step.",
                [SetParams(node.name, {**node.params, **TIME})],
                "Set shape to 1, dtype to int",
            )


class NoiseShape(_DiffusionCheck):
    """The network does not have exactly one output of the image's shape.

    The output is the predicted noise, one number for each number of the image.

    Example: a last convolution with 4 channels, for images with one channel.

    Fix: sets the width of the last layer.
    """

    code = "T222"
    category = "output"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        names = list(outputs(analysis))
        wanted = job.dataset.input_shape
        if len(names) > 1:
            yield self.problem(
                names[1],
                f"is one of {len(names)} outputs ({', '.join(names)}). A diffusion network outputs only the noise.",
            )
            return
        for name in names:
            found = analysis.facts[name].signal.shape
            if found != wanted:
                fix = find_fix(analysis, name, [wanted])
                yield self.problem(
                    fix.node if fix else width_node(analysis, name),
                    f"leads to an output of {show(found)}, but the noise in a sample of {job.dataset.title} has the "
                    f"shape {show(wanted)}, as the sample.",
                    fix.edits if fix else None,
                    fix.label if fix else "",
                )


class NoiseRange(_DiffusionCheck):
    """The last activation limits the range of the output.

    Noise has zero mean and unit variance, so the output has to be able to take positive and negative values.

    Example: a ReLU or a Sigmoid before the output.

    Fix: connect the layer before the activation to the output.
    """

    code = "T223"
    category = "output"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        for name in outputs(analysis):
            low, high = value_range(analysis, name)
            if low <= -LARGE and high >= LARGE:
                continue
            step = analysis.steps[deciding_node(analysis, name)]
            fix = first_fix(
                analysis,
                name,
                unlimited(analysis, step, name),
                lambda after, output: value_range(after, output) == UNBOUNDED,
            )
            yield self.problem(
                step.name,
                f"limits the output: it gives {between(low, high)}, and noise has values above and below zero, mostly "
                "between −3 and 3. Connect the layer before it to the output.",
                fix.edits if fix else None,
                fix.label if fix else "",
            )


class TooManySamplingSteps(_DiffusionCheck):
    """There are more sampling steps than time steps.

    Sampling goes through some or all of the time steps of the training, each once.

    Example: sampling_steps is 60, timesteps is 40.

    Fix: sets sampling_steps to the number of time steps.
    """

    code = "T224"
    category = "paradigm"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        paradigm = cast("Diffusion", job.paradigm)
        if paradigm.sampling_steps > paradigm.timesteps:
            yield self.problem(
                None,
                f"sampling_steps is {paradigm.sampling_steps:,}, but there are only {paradigm.timesteps:,} timesteps.",
                [with_paradigm(job, sampling_steps=paradigm.timesteps)],
                f"Set sampling_steps to {paradigm.timesteps:,}",
            )


class UnsuitableData(_DiffusionCheck):
    """The data set has samples that noise cannot be added to.

    Noise is added to real numbers, such as pixels. Tokens are whole numbers without an order.

    Example: a data set of texts, or of pairs of images.

    Fix: choose a data set of images or of numbers in a table.
    """

    code = "T225"
    category = "data"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        signals = job.dataset.signals
        if len(signals) > 1 or signals[0].dtype != "float":
            found = f"{len(signals)} parts" if len(signals) > 1 else "whole numbers, which represent words"
            yield self.problem(
                None,
                f"A sample of {job.dataset.title} is {found}, but noise can only be added to one image or one row of "
                "numbers. Choose another data set, such as digits.",
            )
