"""What of a network is frozen, and when it learns again: all at once, or layer by layer from the head back.

A frozen layer has no gradient and runs as when it predicts: batch normalisation keeps the figures that it has, dropout
leaves nothing out. Torch then keeps nothing of the frozen beginning of a network for a way back, so its steps are
faster; nothing else of it costs time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from builder.compile import layers
from trainers.optim.optimisation import Optimisation, Slower
from trainers.paradigms.transfer.source_weights import frozen_steps

if TYPE_CHECKING:
    from trainers.job import Job
    from trainers.paradigms.transfer.paradigm import Transfer

Group = list[tuple[str, nn.Module]]


class FrozenLayers:
    """The frozen layers of one network, those nearest to the head first."""

    def __init__(self, module: nn.Module, job: Job, way: Transfer, taken: set[str]) -> None:
        """`taken`: the nodes whose weights come from the source; they learn at the body's rate."""
        self.module, self.job, self.way, self.taken = module, job, way, taken
        modules = layers(module)
        names = dict.fromkeys(step.module for step in frozen_steps(job.document, way.freeze_up_to))
        self.groups = grouped([(name, modules[name]) for name in names if name in modules])
        self.total = len(self.groups)
        for _, layer in self._frozen():
            layer.requires_grad_(False)
        self.settle()

    def _frozen(self) -> Group:
        return [pair for group in self.groups for pair in group]

    @property
    def frozen(self) -> bool:
        """Whether anything is."""
        return bool(self.groups)

    def optimisation(self, total_steps: int, steps_per_epoch: int) -> Optimisation:
        """The optimizer of all that learns; what is from the source in a group of its own where its rate differs."""
        job, settings = self.job, self.job.settings
        body, head = self._split([p for p in self.module.parameters() if p.requires_grad])
        return Optimisation(
            head, job.optimizer, job.schedule, total_steps, steps_per_epoch,
            gradient_clip=settings.gradient_clip, l1=settings.l1, scaled=settings.precision == "float16",
            slower=Slower(body, self.way.backbone_lr_factor) if self.way.backbone_lr_factor != 1 else None,
        )  # fmt: skip

    def _split(self, parameters: list[nn.Parameter]) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
        """Those at the body's rate, and the others; with one rate for all, none and all."""
        if self.way.backbone_lr_factor == 1:
            return [], parameters
        modules = layers(self.module)
        body = {id(p) for name in self.taken if name in modules for p in modules[name].parameters()}
        return [p for p in parameters if id(p) in body], [p for p in parameters if id(p) not in body]

    def thaw(self, over: int, optimisation: Optimisation) -> None:
        """`over` epochs are over: what is to learn from now on learns."""
        at = self.way.unfreeze_at
        if at is None or over < at:
            return
        free = self.total if self.way.unfreeze == "all" else over - at + 1
        thawed = 0
        while self.groups and self.total - len(self.groups) < free:
            new = [p for _, layer in self.groups.pop(0) for p in layer.parameters() if not p.requires_grad]
            for parameter in new:
                parameter.requires_grad_(True)
            body, head = self._split(new)
            optimisation.join(head)
            if body:
                optimisation.join(body, slower=True)
            thawed += 1
        if thawed:
            self.module.train()
            self.settle()

    def settle(self) -> None:
        """Whatever the network was just used for: what is frozen runs as when it predicts."""
        for _, layer in self._frozen():
            layer.eval()


def grouped(frozen: Group) -> list[Group]:
    """Frozen layers from the last to the first, each with weights together with those without that come after it."""
    groups: list[Group] = []
    pending: Group = []
    for pair in reversed(frozen):
        pending.append(pair)
        if any(True for _ in pair[1].parameters()):
            groups.append(pending)
            pending = []
    if pending and groups:
        groups[-1] += pending
    elif pending:
        groups.append(pending)
    return groups
