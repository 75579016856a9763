"""Checks of the networks in the document against those that the paradigm trains."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from builder.analysis.infer import Analysis
from builder.document.graph import networks
from builder.edits import Edit, RemoveNodes, SetNetwork, SetTraining
from builder.problems import Problem
from trainers.checks.base import JobCheck
from trainers.paradigms import PARADIGMS

if TYPE_CHECKING:
    from trainers.job import Job


class WrongNetworks(JobCheck):
    """The paradigm trains one network, and the document does not have it.

    A node belongs to a network, by default to "main". Paradigms with several networks, such as GANs, name others.

    Example: a document with a generator and a discriminator, trained by the paradigm "supervised".
    Fix: choose the paradigm for these networks, or rename a single network.
    """

    code = "T184"
    needs_data = False
    category = "paradigm"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        present, wanted = networks(job.document), job.paradigm.networks
        if not present or set(wanted) <= set(present) or len(wanted) > 1:
            return  # a paradigm with several networks has its own checks, which add the missing one
        other = next((paradigm for paradigm in PARADIGMS.values() if set(paradigm.networks) == set(present)), None)
        edits: list[Edit] = []
        label, advice = "", "Set the network of these nodes in the inspector."
        if other is not None:
            edits = [SetTraining({**job.document.training, "paradigm": {"name": other.name}})]
            label, advice = f"Use “{other.label}”", f"The paradigm “{other.label}” trains them."
        elif len(present) == 1:
            edits, label = [SetNetwork(tuple(job.document.by_name), wanted[0])], f"Rename it to {wanted[0]}"
        yield self.problem(
            None,
            f"The paradigm “{job.paradigm.label}” trains one network, {wanted[0]}, but the document has "
            f"{' and '.join(present)}. {advice}",
            edits,
            label,
        )


class UntrainedNetwork(JobCheck):
    """The document has a network that the paradigm does not train.

    Its weights keep their initial values, and it is not part of the exported model.

    Example: a document with the networks "main" and "generator", trained by the paradigm "supervised".
    Fix: move its nodes to a network that is trained, or remove them.
    """

    code = "T185"
    needs_data = False
    category = "paradigm"
    severity = "warning"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        wanted = set(job.paradigm.networks)
        if not wanted & set(networks(job.document)):
            return
        for network in networks(job.document):
            if network not in wanted:
                nodes = tuple(node.name for node in job.document.nodes if node.network == network)
                yield self.problem(
                    nodes[0],
                    f"is in the network {network}, which the paradigm “{job.paradigm.label}” does not train: it trains "
                    f"{' and '.join(job.paradigm.networks)}. Change its network in the inspector, or remove it.",
                    [RemoveNodes(nodes)],
                    f"Remove {network}",
                )
