"""Can the network's output be its input again? One Input, one Output, the same shape, and values that it can reach."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from builder import CATALOGUE
from builder.analysis.infer import Analysis
from builder.document import Node
from builder.edits import Bypass, Edit, InsertBefore, RemoveNodes, fresh_name
from builder.problems import Problem
from builder.shapes import count, show
from trainers.checks.base import JobCheck, before
from trainers.checks.objectives import with_paradigm
from trainers.checks.output_fixes import mend, place, setting
from trainers.paradigms.autoencoder import bottleneck

if TYPE_CHECKING:
    from builder.spec import LayerSpec
    from trainers.job import Job

WAYS = ("autoencoder", "variational")
FAR = 1.5  # spreads from the mean that numbers around 0 reach often


class OneInput(JobCheck):
    """An autoencoder gives back one input of measurements: no pairs of pictures, and no text."""

    code = "T190"
    category = "data"
    paradigms = WAYS

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        signals, entries = job.dataset.signals, bottleneck.ends(job.document, "input")
        if len(signals) > 1:
            said = f"has {count(len(signals), 'part')} in each sample"
        elif signals[0].dtype != "float":
            said = "is text, whose tokens are no measurements"
        elif len(entries) > 1:
            yield self.problem(
                entries[1], f"is a second way in ({', '.join(entries)}); an autoencoder has one. Remove the others."
            )
            return
        else:
            return
        yield self.problem(
            None,
            f"{job.dataset.title} {said}; an autoencoder gives back one input of measurements. Choose pictures, a "
            "table, points, sounds or a series.",
        )


class OneOutput(JobCheck):
    """The one Output is compared with the input. Mended by keeping the one that has the input's shape."""

    code = "T193"
    category = "output"
    paradigms = WAYS

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        names, wanted = bottleneck.ends(job.document, "output"), job.dataset.input_shape
        if len(names) < 2:
            return
        fitting = [name for name in names if name in analysis.facts and analysis.shapes[name] == wanted]
        kept = fitting[0] if fitting else names[-1]
        others = tuple(name for name in names if name != kept)
        yield self.problem(
            others[0],
            f"is one of {count(len(names), 'output')} ({', '.join(names)}); one is compared with the input.",
            [RemoveNodes(others)],
            f"Keep {kept} alone",
        )


class SameShape(JobCheck):
    """The output must have the shape of the input. Mended by the width of the last layer, or by another shape of it."""

    code = "T194"
    category = "output"
    paradigms = WAYS

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        wanted = job.dataset.input_shape
        for name in bottleneck.ends(job.document, "output")[:1]:
            if name not in analysis.facts or analysis.shapes[name] == wanted:
                continue
            mending = mend(analysis, name, [wanted])
            edits, label = (mending.edits, mending.label) if mending else _reshaped(analysis, name, wanted)
            yield self.problem(
                mending.node if mending else place(analysis, name),
                f"gives {show(analysis.shapes[name])}, but it is to give back its input, which is {show(wanted)}.",
                edits,
                label,
            )


def _reshaped(analysis: Analysis, output: str, wanted: tuple[int, ...]) -> tuple[tuple[Edit, ...], str]:
    """The same numbers in the input's shape; with the width of the last layer before them where they are too few."""
    chain = list(before(analysis, output))
    last = next((name for name, _, spec in chain if spec.family == "reshape" and _gives_shape(type(spec))), None)
    if last is not None:
        shaping = setting(analysis, last, {"shape": list(wanted)})
    else:
        title = next(kind.type_name() for kind in CATALOGUE.values() if _gives_shape(kind))
        new = Node(name=fresh_name(analysis.document, title), type=title, params={"shape": list(wanted)})
        shaping = InsertBefore(new, output)
    dense = next(((name, spec) for name, _, spec in chain if spec.width_parameter is not None), None)
    size = math.prod(wanted)
    if bottleneck.width(analysis, output) == size:
        return (shaping,), f"Give it the shape {show(wanted)}"
    if dense is None or len(analysis.shapes[dense[0]]) != 1:
        return (), ""
    widening = setting(analysis, dense[0], {str(dense[1].width_parameter): size})
    return (widening, shaping), f"Set {dense[1].width_parameter} to {size}, in the shape {show(wanted)}"


def _gives_shape(kind: type[LayerSpec]) -> bool:
    return kind.family == "reshape" and "shape" in kind.model_fields


class WithinReach(JobCheck):
    """The output must be able to take the values of the data. Mended by taking the last activation out."""

    code = "T195"
    category = "output"
    severity = "warning"
    paradigms = WAYS

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        outputs = [name for name in bottleneck.ends(job.document, "output") if name in analysis.facts]
        node = bottleneck.last_layer(analysis, outputs[0]) if outputs else None
        if node is None:
            return
        if getattr(job.paradigm, "loss", "") == "bce":
            yield from self._chances(job, analysis, node, outputs[0])
            return
        if analysis.steps[node].spec.emits == "probabilities" and math.prod(job.dataset.input_shape) > 1:
            yield self.problem(
                node,
                "gives shares that add up to 1, and the values of a sample do not. End in a layer without that bond.",
                [Bypass(node)] if "." not in node else None,
                f"Remove {node}",
            )
            return
        found = bottleneck.reach(analysis, node)
        unit = job.paradigm.scaling(job.dataset) == "unit"
        low, high = (0.0, 1.0) if unit else (-FAR, FAR)
        if found is None or (found[0] <= low + 0.01 and found[1] >= high - 0.01):
            return
        says = "from 0 to 1" if unit else "on both sides of 0, most of them between −2 and 2"
        only = f"from {_number(found[0])} to {_number(found[1])}"
        yield self.problem(
            node,
            f"gives values {only} only, but the samples of {job.dataset.title}, as they are prepared, have values "
            f"{says}: some can never be given back. End in a layer without such bounds.",
            [Bypass(node)] if "." not in node else None,
            f"Remove {node}",
        )

    def _chances(self, job: Job, analysis: Analysis, node: str, output: str) -> Iterator[Problem]:
        """Cross-entropy takes chances from 0 to 1, and stops the run at any other number: an error."""
        spec = analysis.steps[node].spec
        if spec.emits == "unit":
            return
        title = next(name for name, kind in CATALOGUE.items() if kind.emits == "unit")
        new = Node(name=fresh_name(analysis.document, title), type=title)
        edits: list[Edit] = [InsertBefore(new, output)]
        if spec.family == "activation" and "." not in node:
            edits.append(Bypass(node))
        message = (
            f"gives plain numbers, but binary cross-entropy compares chances between 0 and 1: end in a {title}, or "
            "take the squared error."
        )
        yield Problem(self.code, "error", node, message, tuple(edits), f"End in a {title}", self.category)


class KeptOut(JobCheck):
    """A class that is kept out to be found by its error must be one of the data set's. Mended by keeping none out."""

    code = "T196"
    category = "paradigm"
    paradigms = WAYS

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        name = getattr(job.paradigm, "kept_out", None)
        if name is None:
            return
        fix, label = [with_paradigm(job, anomaly=None)], "Keep no class out"
        classes = job.dataset.classes
        if job.dataset.task != "classification" or not classes:
            yield self.problem(None, f"{job.dataset.title} has no classes, so none can be the anomaly.", fix, label)
        elif name not in classes:
            some = ", ".join(classes[:12]) + (" …" if len(classes) > 12 else "")
            said = f"The anomaly is to be class {name[:40]!r}, which {job.dataset.title} does not have. It has: {some}."
            yield self.problem(None, said, fix, label)
        elif len(classes) < 2:
            yield self.problem(None, f"{name} is the only class: without it nothing is left to learn.", fix, label)
        elif not job.batching.test and not job.dataset.test_samples:
            message = "A class is kept out as the anomaly, but there is no test part in which it could be found."
            share = {**job.document.training, "data": {**job.document.training["data"], "test": 0.1}}
            yield Problem(self.code, "warning", None, message, (_training(share),), "Test on 10 %", self.category)


def _training(training: dict[str, object]) -> Edit:
    from builder.edits import SetTraining

    return SetTraining(training)


def _number(value: float) -> str:
    return "far below 0" if value < -1000 else "far above 0" if value > 1000 else f"{value:.3g}"
