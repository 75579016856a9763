"""Can the network learn to tell noise? It takes a picture and a time step, and gives what has the picture's shape."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from builder.analysis.infer import Analysis
from builder.catalogue import type_with_role
from builder.document import Node
from builder.edits import AddNode, SetParams, SetTraining
from builder.problems import Problem
from builder.shapes import show
from trainers.checks.base import JobCheck, before, outputs
from trainers.checks.output_fixes import mend, place
from trainers.paradigms.diffusion.paradigm import Diffusion

if TYPE_CHECKING:
    from trainers.job import Job

TIME = {"shape": [1], "dtype": "int"}


class _Diffusion(JobCheck):
    paradigms = ("diffusion",)


def _inputs(job: Job) -> list[Node]:
    return [node for node in job.document.nodes if node.role == "input"]


class NoTime(_Diffusion):
    """The network must be told how much noise there is: by a second Input, the time step. Mended by adding one."""

    code = "T220"
    category = "input"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        nodes = _inputs(job)
        if len(nodes) == 1:
            name = "time" if "time" not in job.document.by_name else "time_step"
            node = Node(name=name, type=type_with_role("input"), params=TIME, network=nodes[0].network)
            free = name not in job.document.by_name
            yield self.problem(
                nodes[0].name,
                "is the only way in, but a network that takes off noise must know how much there is. Give it a second "
                "Input, the time step (one whole number), embed it, and add it to the features.",
                [AddNode(node)] if free else None,
                "Add an Input for the time step",
            )
        elif len(nodes) > 2:
            names = ", ".join(node.name for node in nodes)
            yield self.problem(
                nodes[2].name,
                f"is one of {len(nodes)} inputs ({names}), but there are two things to give: the noisy picture and the "
                "time step. Remove what is too many.",
            )


class TimeShape(_Diffusion):
    """The second Input takes the time step, one whole number. Mended by saying so at the Input."""

    code = "T221"
    category = "input"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        for node in _inputs(job)[1:2]:
            facts = analysis.facts.get(node.name)
            if facts is not None and facts.signal.shape == (1,) and facts.signal.dtype == "int":
                continue
            has = "has no shape" if facts is None else f"takes {show(facts.signal.shape)} ({facts.signal.dtype})"
            yield self.problem(
                node.name,
                f"is for the time step, one whole number, but {has}. The first Input takes the noisy picture, the "
                "second the time step.",
                [SetParams(node.name, {**node.params, **TIME})],
                "Set shape to 1, dtype to int",
            )


class NoiseShape(_Diffusion):
    """What comes out is the noise: one output, of the picture's shape. Mended by the width of the last layer."""

    code = "T222"
    category = "output"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        names = list(outputs(analysis))
        wanted = job.dataset.input_shape
        if len(names) > 1:
            yield self.problem(
                names[1],
                f"is one of {len(names)} outputs ({', '.join(names)}); a diffusion network gives the noise alone.",
            )
            return
        for name in names:
            found = analysis.facts[name].signal.shape
            if found != wanted:
                mending = mend(analysis, name, [wanted])
                yield self.problem(
                    mending.node if mending else place(analysis, name),
                    f"leads to an output of {show(found)}, but the noise in a sample of {job.dataset.title} is "
                    f"{show(wanted)}: the output must have the shape of the picture.",
                    mending.edits if mending else None,
                    mending.label if mending else "",
                )


class NoiseHasBothSigns(_Diffusion):
    """Noise is above and below zero: a last layer that squashes or cuts off cannot give it."""

    code = "T223"
    category = "output"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        for name in outputs(analysis):
            for at, _, spec in before(analysis, name):
                if spec.emits != "values" or spec.bounds():
                    yield self.problem(
                        at,
                        f"stands before the output, but {spec.title()} cannot give all of what noise is: values above "
                        "and below zero, seldom beyond 3. Wire the layer before it to the output.",
                    )
                if not spec.keeps_shape or spec.width_parameter is not None or spec.family == "activation":
                    break


class TooManySamplingSteps(_Diffusion):
    """A picture cannot be drawn in more steps than there are. Mended by taking all of them."""

    code = "T224"
    category = "paradigm"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        way = cast(Diffusion, job.paradigm)
        if way.sampling_steps > way.timesteps:
            training = job.document.training
            paradigm = {**dict(training["paradigm"]), "sampling_steps": way.timesteps}
            yield self.problem(
                None,
                f"sampling_steps is {way.sampling_steps:,}, but there are only {way.timesteps:,} timesteps.",
                [SetTraining({**training, "paradigm": paradigm})],
                f"Set sampling_steps to {way.timesteps:,}",
            )


class NotMeasurements(_Diffusion):
    """Noise can be laid over measurements, such as pixels, and not over words."""

    code = "T225"
    category = "data"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        signals = job.dataset.signals
        if len(signals) > 1 or signals[0].dtype != "float":
            what = f"{len(signals)} parts" if len(signals) > 1 else "whole numbers, which stand for words"
            yield self.problem(
                None,
                f"A sample of {job.dataset.title} is {what}: noise can be laid over one picture, or one row of "
                "measurements. Choose another data set, such as digits.",
            )
