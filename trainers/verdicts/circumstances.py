"""What is known of a run before its first step: its layers and settings. Verdicts and advice ask it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from builder.analysis.plan import make_plan

if TYPE_CHECKING:
    from builder.analysis.plan import Step
    from builder.document import Block, Document
    from trainers.job import Job


class CanvasNode(NamedTuple):
    """A node of the canvas: its name, and in words which part of it is meant."""

    name: str
    words: str


class Circumstances:
    """The network and the settings of one run."""

    def __init__(self, job: Job | None = None, total_steps: int = 0, specs: Mapping[str, Any] | None = None) -> None:
        """
        Parameters:
            job: None in a loop that trains something else than a document; then nothing is known of settings.
            total_steps: of the whole run; 0 while unknown.
            specs: the layers of the nodes by name, in the order in which they run; by default those of the job.
        """
        self.job, self.total_steps = job, total_steps
        self.steps: tuple[Step, ...] = make_plan(job.document).steps if job is not None else ()
        self.specs: Mapping[str, Any] = specs if specs is not None else {step.name: step.spec for step in self.steps}

    @property
    def document(self) -> Document | None:
        return None if self.job is None else self.job.document

    # -- names ------------------------------------------------------------------------------------------------------

    def on_canvas(self, node: str) -> CanvasNode:
        """A node by its place on the canvas: of "stage1.0.conv1" it is stage1, "stage1 (repeat 1 of 4, conv1)"."""
        name, *inside = node.split(".")
        if not inside or self.document is None:
            return CanvasNode(name if self.document is not None else node, node)
        parts = list(_parts(self.document, node))
        return CanvasNode(name, f"{name} ({', '.join(parts)})" if parts else name)


def _parts(document: Document, node: str) -> Iterator[str]:
    """For each block on the way to a node: which repeat it is, if there are several; at last the node itself."""
    names = node.split(".")
    graph: Document | Block = document
    for place in range(0, len(names) - 1, 2):
        found = graph.by_name.get(names[place])
        use = None if found is None else found.use
        if use is None or use.block not in document.blocks:
            return
        if place:
            yield names[place]
        if use.repeat > 1:
            yield f"repeat {int(names[place + 1]) + 1} of {use.repeat}"
        graph = document.blocks[use.block]
    yield names[-1]
