"""Do the generator and the discriminator fit each other and the data set? Two fixes add or reshape small networks."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import builder
from builder import CATALOGUE
from builder.analysis.infer import Analysis, infer
from builder.analysis.ranges import deciding_node, value_range
from builder.document import Document, Edge, Node
from builder.document.graph import graphs_by_network, networks
from builder.document.layout import arrange
from builder.document.model import name_complaint
from builder.edits import AddNode, Bypass, Connect, Edit, InsertBefore, SetParams, apply_all, fresh_name
from builder.problems import Problem
from builder.shapes import Shape, show
from builder.spec import UNBOUNDED
from trainers.checks.base import JobCheck, before, outputs
from trainers.checks.output_fixes import Fix, find_fix, set_params, width_node
from trainers.checks.ranges import first_fix, other_activations, unlimited
from trainers.objectives.value_ranges import between, out_of_reach
from trainers.paradigms.gan.losses import GAN_LOSSES
from trainers.paradigms.gan.networks import DISCRIMINATOR, GENERATOR, input_nodes

if TYPE_CHECKING:
    from trainers.job import Job
    from trainers.paradigms.gan.paradigm import GAN

PURPOSE = {
    GENERATOR: "generates samples from noise",
    DISCRIMINATOR: "distinguishes generated samples from real ones",
}
SMALL_NETWORKS = Path(__file__).parents[3] / "assets" / "parts" / "gan.json"
ENOUGH = 5.0  # a score of this size is as good as certain
GAP = 150.0  # pixels between the lowest node on the canvas and a new network


class _GanCheck(JobCheck):
    """What the checks of both networks share."""

    paradigms = ("gan",)

    def output(self, job: Job, analysis: Analysis, network: str) -> str | None:
        """The first Output of a network, if its shape is known."""
        members = {node.name for node in job.document.nodes if node.network == network}
        return next((name for name in outputs(analysis) if name in members), None)

    def shape(self, analysis: Analysis, name: str | None) -> Shape | None:
        """The shape of a node's value, if it is known."""
        return tuple(analysis.facts[name].signal.shape) if name in analysis.facts else None


class MissingNetwork(_GanCheck):
    """The generator or the discriminator is missing.

    Both are trained against each other, and neither has a loss without the other.

    Example: all nodes belong to the network generator.

    Fix: adds a small network that fits the data set, below the nodes on the canvas.
    """

    code = "T180"
    category = "paradigm"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        present = networks(job.document)
        for network in (GENERATOR, DISCRIMINATOR):
            if network in present:
                continue
            known = f", only {' and '.join(present)}" if present else ""
            yield self.problem(
                None,
                f"There is no network called {network}{known}. It {PURPOSE[network]}. Add a small one, or choose that "
                "network for some nodes in the inspector.",
                small_network(job, network),
                f"Add a {network}",
            )


class GeneratorInput(_GanCheck):
    """The generator's first Input has no shape or takes whole numbers.

    It receives the noise. The data set does not define its shape, so the document has to.

    Example: an Input node without a shape in the network generator.

    Fix: sets its shape to 64 and its dtype to float.
    """

    code = "T181"
    category = "input"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        first = next(iter(input_nodes(job.document, GENERATOR)), None)
        if first is None:
            return
        edit = SetParams(first.name, {**first.params, "shape": [64], "dtype": "float"})
        if getattr(first.spec, "shape", None) is None:
            message = "needs a shape: how many numbers of noise a sample is generated from."
            yield self.problem(first.name, message, [edit], "Set shape to 64")
        elif first.name in analysis.facts and analysis.facts[first.name].signal.dtype != "float":
            message = "takes whole numbers, but the first Input of a generator receives noise, which is of dtype float."
            yield self.problem(first.name, message, [edit], "Set shape to 64, dtype to float")


class GeneratorOutput(_GanCheck):
    """The generator's output does not have the shape of a sample.

    The discriminator receives real and generated samples, so both need the same shape.

    Example: a generator that outputs 100 numbers, for images of 1 × 8 × 8.

    Fix: sets the width of the generator's last layer and, for images, inserts a Reshape before the output.
    """

    code = "T182"
    category = "output"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        output = self.output(job, analysis, GENERATOR)
        shape, wanted = self.shape(analysis, output), tuple(job.dataset.signals[0].shape)
        if output is None or shape is None or shape == wanted:
            return
        fix = find_fix(analysis, output, [wanted]) or reshaped_output(analysis, output, wanted)
        yield self.problem(
            fix.node if fix else width_node(analysis, output),
            f"outputs {show(shape)}, but a sample of {job.dataset.title} has the shape {show(wanted)}: the sizes of "
            "the two networks do not match.",
            fix.edits if fix else None,
            fix.label if fix else "",
        )


class DiscriminatorOutput(_GanCheck):
    """The discriminator does not output one plain score.

    A GAN's loss compares single scores and contains the sigmoid. After a second sigmoid the gradients become small, and
    the generator learns nothing.

    Example: a discriminator that ends in a Linear layer of width 2, or in a Sigmoid.

    Fix: sets the width of the last layer to 1, or removes the activation.
    """

    code = "T183"
    category = "output"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        output = self.output(job, analysis, DISCRIMINATOR)
        shape = self.shape(analysis, output)
        if output is None or shape is None:
            return
        if shape != (1,):
            fix = find_fix(analysis, output, [(1,)])
            yield self.problem(
                fix.node if fix else width_node(analysis, output),
                f"outputs {show(shape)}, but a discriminator outputs one number: how real a sample looks.",
                fix.edits if fix else None,
                fix.label if fix else "",
            )
            return
        last = next((found for found in before(analysis, output) if found[2].family != "regularisation"), None)
        if last is not None and last[2].emits != "values":
            yield self.problem(
                last[0],
                "limits the range of the discriminator's score, but the loss contains a sigmoid and needs plain "
                "scores. With both, gradients become small and the generator learns nothing.",
                [Bypass(last[0])] if "." not in last[0] else None,
                f"Remove {last[0]}",
            )


class UnsuitableData(_GanCheck):
    """The data set has samples that a generator cannot generate.

    A generator outputs one tensor of real numbers. The gradient cannot flow through tokens, which are whole numbers.

    Example: a data set of texts, or of pairs of images.

    Fix: choose a data set of images, points or a table.
    """

    code = "T186"
    category = "data"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        signals = job.dataset.signals
        if len(signals) > 1:
            reason = f"a sample of {job.dataset.title} has {len(signals)} parts, and a generator outputs one"
        elif signals[0].dtype != "float":
            reason = f"{job.dataset.title} consists of tokens, whole numbers that no gradient flows through"
        else:
            return
        yield self.problem(None, f"This data set is not suitable: {reason}. Choose images, points or a table.")


class ClassInputs(_GanCheck):
    """The class Inputs of a conditional GAN do not fit each other or the data set.

    In a conditional GAN both networks receive the class: one whole number at their second Input, usually followed by an
    embedding with a row for each class.

    Example: the generator has a second Input, the discriminator has none.

    Fix: sets the shape and dtype of the Input, or the size of the embedding.
    """

    code = "T187"
    category = "input"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        inputs = {network: input_nodes(job.document, network) for network in (GENERATOR, DISCRIMINATOR)}
        if not all(inputs.values()):
            return
        labels = {network: nodes[1:] for network, nodes in inputs.items()}
        if any(labels.values()) and not (job.dataset.task == "classification" and job.dataset.classes):
            node = next(node for nodes in labels.values() for node in nodes)
            message = f"receives a class, but {job.dataset.title} has none. Remove it, or use a data set with classes."
            yield self.problem(node.name, message)
            return
        for network, other in ((GENERATOR, DISCRIMINATOR), (DISCRIMINATOR, GENERATOR)):
            if labels[network] and not labels[other]:
                yield self.problem(
                    labels[network][0].name,
                    f"gives the {network} a class, but the {other} does not receive it. Add a second Input of dtype "
                    "int and shape 1 to it, followed by an embedding, or remove this one.",
                )
            yield from self._class_inputs(labels[network], analysis)
            yield from self._embeddings(job, analysis, labels[network])

    def _class_inputs(self, nodes: list[Node], analysis: Analysis) -> Iterator[Problem]:
        for node in nodes[1:]:
            message = "is a third Input. A network of a GAN has at most two: a sample or noise, and its class."
            yield self.problem(node.name, message)
        for node in nodes[:1]:
            signal = analysis.facts[node.name].signal if node.name in analysis.facts else None
            if signal is None or signal.dtype != "int" or tuple(signal.shape) != (1,):
                yield self.problem(
                    node.name,
                    "is the second Input, which receives the class: one whole number.",
                    [SetParams(node.name, {**node.params, "shape": [1], "dtype": "int"})],
                    "Set shape to 1, dtype to int",
                )

    def _embeddings(self, job: Job, analysis: Analysis, nodes: list[Node]) -> Iterator[Problem]:
        """An embedding with fewer rows than there are classes would stop the run."""
        names, classes = {node.name for node in nodes}, len(job.dataset.classes)
        for step in analysis.plan.steps:
            key = step.spec.vocabulary_parameter
            if key is None or not names & set(step.inputs) or getattr(step.spec, key) >= classes:
                continue
            yield self.problem(
                step.name,
                f"has {getattr(step.spec, key)} rows, but {job.dataset.title} has {classes} classes.",
                [set_params(analysis, step.name, {key: classes})],
                f"Set {key} to {classes}",
            )


class BatchStatistics(_GanCheck):
    """The discriminator has batch normalisation, and its loss has a gradient penalty.

    The penalty is the gradient norm of each sample alone, and batch normalisation makes the score of a sample depend on
    the other samples of the batch (Gulrajani et al., 2017, section 4).

    Example: a BatchNorm2d in the discriminator of a Wasserstein GAN.

    Fix: removes the layer; LayerNorm or GroupNorm can take its place.
    """

    code = "T188"
    category = "paradigm"
    severity = "warning"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        paradigm = cast("GAN", job.paradigm)
        if not GAN_LOSSES[paradigm.loss].uses_gradient_penalty or not paradigm.gradient_penalty:
            return
        for step in analysis.plan.steps:
            if step.network == DISCRIMINATOR and step.spec.has_batch_statistics:
                edits: list[Edit] = [Bypass(step.name)] if "." not in step.name else []
                yield self.problem(
                    step.name,
                    "makes a sample's score depend on the rest of the batch, but the gradient penalty needs the "
                    "gradient of each sample alone. Remove it, or use a normalisation of single samples.",
                    edits,
                    f"Remove {step.name}",
                )


class GeneratorRange(_GanCheck):
    """The generator's last layer cannot output the values that samples have.

    Images go from -1 to 1, other numbers are standardised. A generator that cannot reach some of these values cannot
    generate dark pixels, or numbers far from the mean, and the discriminator always recognises its samples.

    Example: a generator of images that ends in a Sigmoid.

    Fix: replace the activation by Tanh for images, remove it for other data.
    """

    code = "T189"
    category = "output"
    severity = "warning"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        output, scaling = self.output(job, analysis, GENERATOR), job.paradigm.scaling(job.dataset)
        where = out_of_reach(scaling, *value_range(analysis, output)) if output is not None else ""
        if output is None or not where:
            return
        step = analysis.steps[deciding_node(analysis, output)]
        fix = first_fix(
            analysis,
            output,
            [*other_activations(step), *unlimited(analysis, step, output)],
            lambda after, name: not out_of_reach(scaling, *value_range(after, name)),
        )
        yield self.problem(
            step.name,
            f"outputs {between(*value_range(analysis, output))}, but the samples have values {where}: some of them, "
            "such as dark pixels, can never be generated.",
            fix.edits if fix else None,
            fix.label if fix else "",
        )


class DiscriminatorRange(_GanCheck):
    """The discriminator's scores have one sign only.

    The loss takes a score above 0 for real and one below 0 for fake. Scores that are never negative can call nothing
    fake.

    Example: a discriminator that ends in ReLU.

    Fix: remove the last activation.
    """

    code = "T179"
    category = "output"
    severity = "warning"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        output = self.output(job, analysis, DISCRIMINATOR)
        low, high = value_range(analysis, output) if output is not None else UNBOUNDED
        step = analysis.steps[deciding_node(analysis, output)] if output is not None else None
        if output is None or step is None or step.spec.emits != "values" or (low < -ENOUGH and high > ENOUGH):
            return
        fix = first_fix(
            analysis,
            output,
            unlimited(analysis, step, output),
            lambda after, name: value_range(after, name) == UNBOUNDED,
        )
        yield self.problem(
            step.name,
            f"outputs {between(low, high)}, but a discriminator needs scores of any size: high for real samples, low "
            "for fake ones.",
            fix.edits if fix else None,
            fix.label if fix else "",
        )


# -- fixes ------------------------------------------------------------------------------------------------------------


@functools.cache
def _small_networks() -> Document:
    return builder.load(SMALL_NETWORKS)


def small_network(job: Job, network: str) -> list[Edit]:
    """Edits that add a small generator or discriminator for the job's data set below the nodes on the canvas."""
    document = job.document
    inside = graphs_by_network(_sized(job))[network]
    names: dict[str, str] = {}
    for node in inside.nodes:
        names[node.name] = _unused_name(document, node.name, set(names.values()))
    positions = arrange(inside)
    top = max((y for _, y in document.layout.values()), default=-GAP) + GAP
    left = min((x for x, _ in document.layout.values()), default=0.0)
    edits: list[Edit] = []
    for node in inside.nodes:
        new = Node(name=names[node.name], type=node.type, params=node.params, network=network)
        x, y = positions[node.name]
        edits.append(AddNode(new, (left + x, top + y)))
    return edits + [Connect(Edge(source=names[edge.source], target=names[edge.target])) for edge in inside.edges]


def _sized(job: Job) -> Document:
    """Both small networks with the sizes of the job's data set."""
    shape = job.dataset.signals[0].shape
    edits: list[Edit] = [SetParams("values", {"out_features": max(1, math.prod(shape))})]
    if len(shape) == 1:
        edits += [Bypass("reshape"), Bypass("flatten")]
    else:
        edits.append(SetParams("reshape", {"shape": list(shape)}))
    if job.paradigm.scaling(job.dataset) != "signed":
        edits.append(Bypass("tanh"))
    return apply_all(_small_networks(), edits)


def _unused_name(document: Document, name: str, taken: set[str]) -> str:
    """A name that no node of the document has."""
    number, wanted = 2, name
    while wanted in document.by_name or wanted in taken or name_complaint(wanted):
        number, wanted = number + 1, f"{name}{number}"
    return wanted


def reshaped_output(analysis: Analysis, output: str, wanted: Shape) -> Fix | None:
    """Edits that give the last layer as many outputs as a sample has numbers, and reshape them to a sample."""
    kinds = (kind for kind in CATALOGUE.values() if kind.family == "reshape" and {*kind.model_fields} == {"shape"})
    kind = next(kinds, None)
    step = next((found for found in before(analysis, output) if found[2].width_parameter is not None), None)
    if kind is None or step is None or step[2].width_parameter is None or len(wanted) < 2:
        return None
    name = kind.type_name()
    new = Node(name=fresh_name(analysis.document, name), type=name, params={"shape": list(wanted)})
    edits = (set_params(analysis, step[0], {step[2].width_parameter: math.prod(wanted)}), InsertBefore(new, output))
    if infer(apply_all(analysis.document, edits)).get(output) != wanted:
        return None
    return Fix(edits, f"Generate {math.prod(wanted):,} numbers and reshape them to {show(wanted)}", step[0])
