"""Has the document the networks that its way of training works with?"""

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


class OtherNetworks(JobCheck):
    """A way of training with one network cannot train two. Mended by the way of training that wants these networks, or
    by calling a single network what it should be called."""

    code = "T184"
    category = "paradigm"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        there, wanted = networks(job.document), job.paradigm.networks
        if not there or set(wanted) <= set(there) or len(wanted) > 1:
            return  # what is missing where several are wanted is told with a network to add
        other = next((way for way in PARADIGMS.values() if set(way.networks) == set(there)), None)
        edits: list[Edit] = []
        label, advice = "", "Give the nodes that it should train that network in the inspector."
        if other is not None:
            edits, label = [SetTraining({**job.document.training, "paradigm": {"name": other.name}})], "Train as "
            label, advice = f"Train as {other.label[:1].lower()}{other.label[1:]}", f"“{other.label}” trains them."
        elif len(there) == 1:
            edits, label = [SetNetwork(tuple(job.document.by_name), wanted[0])], f"Call it {wanted[0]}"
        yield self.problem(
            None,
            f"The way of training “{job.paradigm.label}” trains one network, {wanted[0]}, and the document has "
            f"{' and '.join(there)}. {advice}",
            edits,
            label,
        )


class LeftOut(JobCheck):
    """A network that the way of training does not know stays as it is. Mended by taking it out of the document."""

    code = "T185"
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
                    f"is in the network {network}, which “{job.paradigm.label}” does not train: it trains "
                    f"{' and '.join(job.paradigm.networks)}. Move it there in the inspector, or remove it.",
                    [RemoveNodes(nodes)],
                    f"Remove {network}",
                )
