"""Can the two networks play against each other? They must meet in one shape, and the judge must give one number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from builder.analysis.infer import Analysis
from builder.document import Node
from builder.document.graph import networks
from builder.edits import Bypass, Edit, SetParams
from builder.problems import Problem
from builder.shapes import Shape, show
from trainers.checks.base import JobCheck, before, outputs
from trainers.checks.output_fixes import mend, place, setting
from trainers.paradigms.gan.losses import GAN_LOSSES
from trainers.paradigms.gan.network_fixes import added, reshaped
from trainers.paradigms.gan.noise import entries
from trainers.paradigms.gan.paradigm import DISCRIMINATOR, GAN, GENERATOR

if TYPE_CHECKING:
    from trainers.job import Job

WHAT_FOR = {
    GENERATOR: "draws samples out of noise",
    DISCRIMINATOR: "tells what is drawn from what is real",
}


class _Adversarial(JobCheck):
    """What the checks of the two networks share."""

    paradigms = ("gan",)

    def output(self, job: Job, analysis: Analysis, network: str) -> str | None:
        """The first Output of a network, if its shape is known."""
        members = {node.name for node in job.document.nodes if node.network == network}
        return next((name for name in outputs(analysis) if name in members), None)

    def shape(self, analysis: Analysis, name: str | None) -> Shape | None:
        """The shape of a node's value, if it is known."""
        return tuple(analysis.facts[name].signal.shape) if name in analysis.facts else None


class NoAdversary(_Adversarial):
    """It takes two to play. Mended by a small network that fits the data set."""

    code = "T180"
    category = "paradigm"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        there = networks(job.document)
        for network in (GENERATOR, DISCRIMINATOR):
            if network in there:
                continue
            known = f", only {' and '.join(there)}" if there else ""
            yield self.problem(
                None,
                f"There is no network called {network}{known}: it {WHAT_FOR[network]}. Add a small one, or give nodes "
                "that network in the inspector.",
                added(job, network),
                f"Add a {network}",
            )


class NoNoise(_Adversarial):
    """A generator draws out of noise, and how many numbers of it is for the document to say. Mended by 64 of them."""

    code = "T181"
    category = "input"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        first = next(iter(entries(job.document, GENERATOR)), None)
        if first is None:
            return
        edit = SetParams(first.name, {**first.params, "shape": [64], "dtype": "float"})
        if getattr(first.spec, "shape", None) is None:
            said = "needs a shape: how many numbers of noise a sample is drawn from."
            yield self.problem(first.name, said, [edit], "Take 64 numbers")
        elif first.name in analysis.facts and analysis.facts[first.name].signal.dtype != "float":
            said = "takes whole numbers, but the first Input of a generator takes noise."
            yield self.problem(first.name, said, [edit], "Take 64 numbers")


class DoNotMeet(_Adversarial):
    """What the generator draws is what the discriminator looks at: of the shape of a sample. Mended by the width of the
    generator's last layer."""

    code = "T182"
    category = "output"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        drawn = self.output(job, analysis, GENERATOR)
        shape, wanted = self.shape(analysis, drawn), tuple(job.dataset.signals[0].shape)
        if drawn is None or shape is None or shape == wanted:
            return
        mending = mend(analysis, drawn, [wanted]) or reshaped(analysis, drawn, wanted)
        yield self.problem(
            mending.node if mending else place(analysis, drawn),
            f"draws {show(shape)}, but the discriminator looks at samples of {job.dataset.title}, which are "
            f"{show(wanted)}: the sizes of the two networks do not meet.",
            mending.edits if mending else None,
            mending.label if mending else "",
        )


class OneNumber(_Adversarial):
    """A discriminator gives one number: how real a sample looks. Mended by the width of its last layer."""

    code = "T183"
    category = "output"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        output = self.output(job, analysis, DISCRIMINATOR)
        shape = self.shape(analysis, output)
        if output is None or shape is None:
            return
        if shape != (1,):
            mending = mend(analysis, output, [(1,)])
            yield self.problem(
                mending.node if mending else place(analysis, output),
                f"gives {show(shape)}, but a discriminator gives one number: how real a sample looks.",
                mending.edits if mending else None,
                mending.label if mending else "",
            )
            return
        last = next((found for found in before(analysis, output) if found[2].family != "regularisation"), None)
        if last is not None and last[2].emits != "values":
            yield self.problem(
                last[0],
                "squashes the discriminator's score, which the loss does itself: squashed twice, gradients become "
                "small and the generator learns nothing. The loss wants plain scores.",
                [Bypass(last[0])] if "." not in last[0] else None,
                f"Remove {last[0]}",
            )


class WrongSamples(_Adversarial):
    """A generator draws measurements: pixels, points, columns of a table. Tokens and pairs it cannot draw."""

    code = "T186"
    category = "data"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        signals = job.dataset.signals
        if len(signals) > 1:
            said = f"a sample of {job.dataset.title} has {len(signals)} parts, and a generator draws one"
        elif signals[0].dtype != "float":
            said = f"{job.dataset.title} is made of tokens, whole numbers that no gradient reaches a generator through"
        else:
            return
        yield self.problem(None, f"This data set does not fit: {said}. Take pictures, points or a table.")


class Conditions(_Adversarial):
    """Where the classes are told, both sides must hear them, and there must be classes."""

    code = "T187"
    category = "input"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        sides = {network: entries(job.document, network) for network in (GENERATOR, DISCRIMINATOR)}
        if not all(sides.values()):
            return
        asked = {network: nodes[1:] for network, nodes in sides.items()}
        if any(asked.values()) and not (job.dataset.task == "classification" and job.dataset.classes):
            node = next(node for nodes in asked.values() for node in nodes)
            said = f"takes a class, but {job.dataset.title} has none. Remove it, or take a data set with classes."
            yield self.problem(node.name, said)
            return
        for network, other in ((GENERATOR, DISCRIMINATOR), (DISCRIMINATOR, GENERATOR)):
            if asked[network] and not asked[other]:
                yield self.problem(
                    asked[network][0].name,
                    f"tells the {network} a class, and the {other} does not hear it: give that a second Input of whole "
                    "numbers of shape 1, through an embedding, or remove this one.",
                )
            yield from self._each(asked[network], analysis)
            yield from self._tables(job, analysis, asked[network])

    def _each(self, nodes: list[Node], analysis: Analysis) -> Iterator[Problem]:
        for node in nodes[1:]:
            yield self.problem(node.name, "is one Input too many: a sample, or noise, and its class is all there is.")
        for node in nodes[:1]:
            signal = analysis.facts[node.name].signal if node.name in analysis.facts else None
            if signal is None or signal.dtype != "int" or tuple(signal.shape) != (1,):
                yield self.problem(
                    node.name,
                    "is the second Input, which takes a class: one whole number.",
                    [SetParams(node.name, {**node.params, "shape": [1], "dtype": "int"})],
                    "Take one whole number",
                )

    def _tables(self, job: Job, analysis: Analysis, nodes: list[Node]) -> Iterator[Problem]:
        """A table with fewer rows than there are classes would stop the run."""
        names, classes = {node.name for node in nodes}, len(job.dataset.classes)
        for step in analysis.plan.steps:
            key = step.spec.vocabulary_parameter
            if key is None or not names & set(step.inputs) or getattr(step.spec, key) >= classes:
                continue
            yield self.problem(
                step.name,
                f"knows {getattr(step.spec, key)} classes, but {job.dataset.title} has {classes}.",
                [setting(analysis, step.name, {key: classes})],
                f"Set {key} to {classes}",
            )


class Mixes(_Adversarial):
    """The gradient penalty looks at each sample's slope alone, and batch normalisation mixes the samples of a batch
    (Gulrajani et al., 2017, section 4). Mended by taking it out of the critic."""

    code = "T188"
    category = "paradigm"
    severity = "warning"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        way = cast(GAN, job.paradigm)
        if not GAN_LOSSES[way.loss].penalised or not way.gradient_penalty:
            return
        for step in analysis.plan.steps:
            if step.network == DISCRIMINATOR and step.spec.has_batch_statistics:
                edits: list[Edit] = [Bypass(step.name)] if "." not in step.name else []
                yield self.problem(
                    step.name,
                    "mixes the samples of a batch, but the gradient penalty wants the slope of each one alone. Take it "
                    "out of the critic, or normalise each sample for itself.",
                    edits,
                    f"Remove {step.name}",
                )


class OutOfRange(_Adversarial):
    """Pictures are scaled from -1 to 1: a generator that ends between 0 and 1 can draw no dark pixel."""

    code = "T189"
    category = "output"
    severity = "warning"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        output = self.output(job, analysis, GENERATOR)
        if output is None or job.paradigm.scaling(job.dataset) != "signed":
            return
        last = next((found for found in before(analysis, output) if not found[2].family.startswith("re")), None)
        if last is not None and last[2].emits in ("probabilities", "unit"):
            yield self.problem(
                last[0],
                "gives numbers from 0 to 1, but pictures go from -1 to 1 here: the generator can draw no dark pixel. "
                "Take a hyperbolic tangent in its place.",
            )
