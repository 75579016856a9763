"""Checks of autoencoders: can the output reconstruct the input, and does everything pass through the code?"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from builder import CATALOGUE
from builder.analysis.infer import Analysis
from builder.analysis.ranges import deciding_node, value_range
from builder.document import Node
from builder.document.graph import reaching
from builder.edits import Bypass, Edit, InsertBefore, RemoveNodes, SetTraining, fresh_name
from builder.problems import Problem
from builder.shapes import count, show
from trainers.checks.base import JobCheck, before
from trainers.checks.objectives import with_paradigm
from trainers.checks.output_fixes import find_fix, set_params, width_node
from trainers.checks.ranges import first_fix, other_activations, removed, unlimited
from trainers.objectives.value_ranges import between, out_of_reach
from trainers.paradigms.autoencoder import bottleneck
from trainers.paradigms.autoencoder.base import ReconstructionParadigm
from trainers.paradigms.autoencoder.paradigm import Autoencoder
from trainers.tasks.target import plural

if TYPE_CHECKING:
    from builder.spec import LayerSpec
    from trainers.job import Job

AUTOENCODERS = ("autoencoder", "variational")
MUCH_NARROWER = 3  # times: a node that is narrower than the code by so much is the actual bottleneck


# -- inputs and outputs -----------------------------------------------------------------------------------------------


class OneInput(JobCheck):
    """Samples that an autoencoder cannot reconstruct: text, or several inputs.

    The output is compared with the input number by number. Tokens are not measurements, and with several inputs it is
    not clear which one the output reconstructs.

    Example: a data set of text, of pairs of images, or a network with two Input nodes.

    Fix: choose images, a table, points, sounds or a series, and remove further Input nodes.
    """

    code = "T190"
    category = "data"
    paradigms = AUTOENCODERS

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        signals, inputs = job.dataset.signals, bottleneck.end_nodes(job.document, "input")
        if len(signals) > 1:
            reason = f"has {count(len(signals), 'input')} in each sample"
        elif signals[0].dtype != "float":
            reason = "is text, whose tokens are not measurements"
        elif len(inputs) > 1:
            yield self.problem(
                inputs[1], f"is a second Input ({', '.join(inputs)}); an autoencoder has one. Remove the others."
            )
            return
        else:
            return
        yield self.problem(
            None,
            f"{job.dataset.title} {reason}; an autoencoder reconstructs one input of measurements. Choose images, a "
            "table, points, sounds or a series.",
        )


class OneOutput(JobCheck):
    """Several outputs.

    The loss compares a single output with the input.

    Example: a network with an Output for the reconstruction and another for a class.

    Fix: keep the Output that has the shape of the input, and remove the others.
    """

    code = "T193"
    category = "output"
    paradigms = AUTOENCODERS

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        names, wanted = bottleneck.end_nodes(job.document, "output"), job.dataset.input_shape
        if len(names) < 2:
            return
        fitting = [name for name in names if name in analysis.facts and analysis.shapes[name] == wanted]
        kept = fitting[0] if fitting else names[-1]
        others = tuple(name for name in names if name != kept)
        yield self.problem(
            others[0],
            f"is one of {count(len(names), 'output')} ({', '.join(names)}); only one is compared with the input.",
            [RemoveNodes(others)],
            f"Keep {kept} alone",
        )


class SameShape(JobCheck):
    """An output whose shape is not that of the input.

    The loss compares them number by number, so both need the same shape.

    Example: images of 1 × 28 × 28 and a last Linear layer with 784 outputs, without a Reshape behind it.

    Fix: set the width of the last layer, or insert a Reshape before the output.
    """

    code = "T194"
    category = "output"
    paradigms = AUTOENCODERS

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        wanted = job.dataset.input_shape
        for name in bottleneck.end_nodes(job.document, "output")[:1]:
            if name not in analysis.facts or analysis.shapes[name] == wanted:
                continue
            fix = find_fix(analysis, name, [wanted])
            edits, label = (fix.edits, fix.label) if fix else _reshape(analysis, name, wanted)
            yield self.problem(
                fix.node if fix else width_node(analysis, name),
                f"outputs {show(analysis.shapes[name])}, but the input to reconstruct is {show(wanted)}.",
                edits,
                label,
            )


def _reshape(analysis: Analysis, output: str, wanted: tuple[int, ...]) -> tuple[tuple[Edit, ...], str]:
    """Edits that give the output the wanted shape: a reshape, and the width of the last layer if that is too small."""
    chain = list(before(analysis, output))
    last = next((name for name, _, spec in chain if spec.family == "reshape" and _takes_shape(type(spec))), None)
    if last is not None:
        shaping = set_params(analysis, last, {"shape": list(wanted)})
    else:
        title = next(kind.type_name() for kind in CATALOGUE.values() if _takes_shape(kind))
        new = Node(name=fresh_name(analysis.document, title), type=title, params={"shape": list(wanted)})
        shaping = InsertBefore(new, output)
    dense = next(((name, spec) for name, _, spec in chain if spec.width_parameter is not None), None)
    size = math.prod(wanted)
    if bottleneck.width(analysis, output) == size:
        return (shaping,), f"Reshape to {show(wanted)}"
    if dense is None or len(analysis.shapes[dense[0]]) != 1:
        return (), ""
    widening = set_params(analysis, dense[0], {str(dense[1].width_parameter): size})
    return (widening, shaping), f"Set {dense[1].width_parameter} to {size} and reshape to {show(wanted)}"


def _takes_shape(kind: type[LayerSpec]) -> bool:
    return kind.family == "reshape" and "shape" in kind.model_fields


class OutputRange(JobCheck):
    """A last activation that cannot output the values of the data.

    What lies outside of the range of the activation can never be reconstructed. Binary cross-entropy even stops with an
    error if an output is not between 0 and 1, so that case is an error.

    Example: a Tanh at the end for standardised numbers, many of which are above 1.

    Fix: remove the last activation; for binary cross-entropy end in a Sigmoid.
    """

    code = "T195"
    category = "output"
    severity = "warning"
    hinders = True
    paradigms = AUTOENCODERS

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        outputs = [name for name in bottleneck.end_nodes(job.document, "output") if name in analysis.facts]
        step = analysis.steps[deciding_node(analysis, outputs[0])] if outputs else None
        if step is None or step.spec.role != "layer":
            return
        node, scaling = step.name, job.paradigm.scaling(job.dataset)
        if getattr(job.paradigm, "loss", "") == "bce":
            yield from self._not_probabilities(analysis, node, outputs[0])
            return
        if step.spec.emits == "probabilities" and math.prod(job.dataset.input_shape) > 1:
            yield self.problem(
                node,
                "outputs numbers that add up to 1, and the values of a sample do not. End in a layer without this "
                "restriction.",
                removed(step).edits,
                f"Remove {node}",
            )
            return
        low, high = value_range(analysis, outputs[0])
        where = out_of_reach(scaling, low, high)
        if not where:
            return
        candidates = [*unlimited(analysis, step, outputs[0]), *other_activations(step)]
        fix = first_fix(
            analysis, outputs[0], candidates, lambda after, name: not out_of_reach(scaling, *value_range(after, name))
        )
        yield self.problem(
            node,
            f"outputs {between(low, high)}, but the prepared samples of {job.dataset.title} have values {where}: some "
            "can never be reconstructed. End in a layer without such bounds.",
            fix.edits if fix else None,
            fix.label if fix else "",
        )

    def _not_probabilities(self, analysis: Analysis, node: str, output: str) -> Iterator[Problem]:
        """Binary cross-entropy takes probabilities, and fails with any number that is not between 0 and 1."""
        spec = analysis.steps[node].spec
        if spec.emits == "unit":
            return
        title = next(name for name, kind in CATALOGUE.items() if kind.emits == "unit")
        new = Node(name=fresh_name(analysis.document, title), type=title)
        edits: list[Edit] = [InsertBefore(new, output)]
        if spec.family == "activation" and "." not in node:
            edits.append(Bypass(node))
        message = (
            f"outputs unbounded numbers, but binary cross-entropy compares probabilities between 0 and 1: end in a "
            f"{title}, or choose the squared error."
        )
        yield Problem(self.code, "error", node, message, tuple(edits), f"End in a {title}", self.category)


# -- the code ---------------------------------------------------------------------------------------------------------


class NoSampledCode(JobCheck):
    """A variational autoencoder without a node that samples the code.

    The encoder outputs a mean and a log variance, and the code is sampled from this distribution. Without it there is
    no KL divergence and no prior to sample from.

    Example: an ordinary autoencoder that is trained as a variational one.

    Fix: insert a mean, a log variance and a Reparameterize node behind the narrowest node.
    """

    code = "T191"
    category = "network"
    paradigms = ("variational",)

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        if bottleneck.sampling_steps(analysis) or analysis.failures or analysis.waiting:
            return
        kind = next(name for name, spec in CATALOGUE.items() if spec.latent)
        edits, code = bottleneck.insert_sampled_code(analysis, kind)
        yield self.problem(
            code or None,
            f"{'is' if code else 'The network has no node'} where a code could be sampled, but there is no {kind}: a "
            "variational autoencoder samples its code from a mean and a log variance there.",
            edits,
            f"Insert {kind} behind {code}",
        )


class NamedCode(JobCheck):
    """An option `latent` that names a node which cannot be the code.

    The code has to be a layer or a block of the network that is trained, and the output has to depend on it.

    Example: `latent` names a node that was renamed, or the Input.

    Fix: leave `latent` empty; then the narrowest node is the code.
    """

    code = "T192"
    category = "paradigm"
    paradigms = ("autoencoder",)

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        latent = cast(Autoencoder, job.paradigm).latent
        fix, label = [with_paradigm(job, latent=None)], "Use the narrowest node"
        if latent is not None and latent not in analysis.document.by_name:
            message = f"The option latent names the node {latent[:70]!r} as the code, but there is no such node."
            yield self.problem(None, message, fix, label)
            return
        output = bottleneck.end_nodes(job.document, "output")[:1]
        node = analysis.document.by_name.get(latent or "")
        if node is not None and (node.role not in ("layer", "block") or node.network != bottleneck.NETWORK):
            message = "is chosen as the code, but it is not a layer of the network that is trained."
            yield self.problem(node.name, message, fix, label)
        elif node is not None and output and node.name not in reaching(job.document, set(output)):
            message = "is chosen as the code, but the output does not depend on it."
            yield self.problem(node.name, message, fix, label)


class AroundTheCode(JobCheck):
    """A connection that goes around the code.

    It carries the sample to the output, so the network need not use the code, and the decoder cannot run on its own.

    Example: a skip connection from a layer of the encoder to a layer of the decoder.

    Fix: remove the connection.
    """

    code = "T197"
    category = "network"
    severity = "warning"
    paradigms = AUTOENCODERS

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        document = job.document
        code = (cast(ReconstructionParadigm, job.paradigm).code(document) or "").partition(".")[0]
        if code not in document.by_name or analysis.failures or document.node(code).role not in ("layer", "block"):
            return
        if not bottleneck.splits_network(document, code):
            yield self.problem(
                code,
                f"is the code, but {bottleneck.way_around(document, code)}: the sample reaches the output around it, "
                "the code may stay unused, and the decoder cannot run on its own. Remove such connections.",
            )
            return
        narrow = min(
            (name for name in document.by_name if bottleneck.could_be_code(analysis, name)),
            key=lambda name: bottleneck.width(analysis, name),
            default=code,
        )
        if bottleneck.width(analysis, narrow) * MUCH_NARROWER <= bottleneck.width(analysis, code):
            yield self.problem(
                narrow,
                f"is the narrowest node, but a connection goes around it. So {code}, which is not a bottleneck, is "
                "used as the code instead. Remove the connection.",
            )


class NoBottleneck(JobCheck):
    """A code that is as wide as the sample, or a network without weights.

    Such a network can copy the sample and need not learn what samples have in common. Without weights there is nothing
    to learn at all, which is an error.

    Example: a code of 64 numbers for images of 8 × 8 pixels.

    Fix: make the code narrower, add noise to the input, or ask for a sparse code.
    """

    code = "T198"
    category = "network"
    severity = "warning"
    paradigms = AUTOENCODERS

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        outputs = bottleneck.end_nodes(job.document, "output")
        if outputs and not analysis.failures and not any(facts.parameters for facts in analysis.facts.values()):
            message = "The network has no layer with weights, so there is nothing to learn. Insert one."
            yield Problem(self.code, "error", None, message, category=self.category)
            return
        options = job.paradigm
        if not isinstance(options, Autoencoder) or analysis.failures:
            return
        code, size = options.code(job.document), math.prod(job.dataset.input_shape)
        if options.noise != "none" or options.sparsity != "none" or code is None:
            return
        wide = bottleneck.width(analysis, code)
        if wide >= size and job.document.node(code).role in ("layer", "block"):
            yield self.problem(
                code,
                f"is the code, with {plural(wide, 'number', 'numbers')} for a sample of {size:,} "
                f"({show(job.dataset.input_shape)}): the network can copy the sample and need not learn what samples "
                "have in common. Make the code narrower, add noise to the input, or ask for a sparse code.",
                [with_paradigm(job, noise="masking")],
                "Mask values of the input",
            )


# -- options ----------------------------------------------------------------------------------------------------------


class AnomalyClass(JobCheck):
    """An anomaly class that the data set does not have, or that cannot be detected.

    The class is excluded from training, so other classes must remain, and the test split has to contain it.

    Example: `anomaly_class` is 10 for handwritten digits, or the share of the test split is 0.

    Fix: exclude no class, or give the test split a tenth of the samples.
    """

    code = "T196"
    category = "paradigm"
    paradigms = AUTOENCODERS

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        name = cast(ReconstructionParadigm, job.paradigm).excluded_class
        if name is None:
            return
        fix, label = [with_paradigm(job, anomaly_class=None)], "Exclude no class"
        classes = job.dataset.classes
        if job.dataset.task != "classification" or not classes:
            yield self.problem(None, f"{job.dataset.title} has no classes, so none can be the anomaly.", fix, label)
        elif name not in classes:
            some = ", ".join(classes[:12]) + (" …" if len(classes) > 12 else "")
            message = f"The anomaly class {name[:40]!r} is not a class of {job.dataset.title}, which has: {some}."
            yield self.problem(None, message, fix, label)
        elif len(classes) < 2:
            yield self.problem(None, f"{name} is the only class: without it there is nothing to learn.", fix, label)
        elif not job.batching.test and not job.dataset.test_samples:
            message = "A class is excluded as the anomaly, but there is no test split in which it could be detected."
            training = job.document.training
            split = SetTraining({**training, "data": {**training["data"], "test": 0.1}})
            yield Problem(self.code, "warning", None, message, (split,), "Test on 10 %", self.category)


class Sparsity(JobCheck):
    """A target rate for a code whose numbers are not between 0 and 1, or sparsity without a code.

    The KL sparsity penalty treats the mean of each unit as the probability that it is active.

    Example: `sparsity` is kl, and the code is the output of a Linear layer.

    Fix: end the code in a Sigmoid, or choose the sparsity l1, which takes any numbers.
    """

    code = "T199"
    category = "paradigm"
    paradigms = ("autoencoder",)

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        options = cast(Autoencoder, job.paradigm)
        code = options.code(job.document)
        if options.sparsity == "none":
            return
        if code is None:
            yield self.problem(
                None,
                "A sparse code is asked for, but no node splits the network into encoder and decoder.",
                [with_paradigm(job, sparsity=None)],
                "Ask for no sparsity",
            )
            return
        if options.sparsity != "kl" or code not in analysis.steps:
            return
        low, high = value_range(analysis, code)
        if low < 0 or high > 1:
            yield self.problem(
                code,
                "is the code, but its numbers are not between 0 and 1, so they cannot have a mean activation of "
                f"{options.target_rate:g}. Put a Sigmoid on the code, or choose l1, which pulls it towards 0.",
                [with_paradigm(job, sparsity="l1")],
                "Use l1",
            )
