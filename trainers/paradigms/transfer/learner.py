"""Trains a network from the weights of a source: which layers are frozen, when they are unfrozen, at which rate."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from builder.compile import layers
from trainers.optim.optimisation import Optimisation, ParameterGroup
from trainers.paradigms.supervised import Supervised, SupervisedLearner
from trainers.paradigms.transfer import source_weights
from trainers.paradigms.transfer.scratch_baseline import SCRATCH, SCRATCH_PREFIX, ScratchBaseline
from trainers.paradigms.transfer.source_weights import LayerMatch, frozen_steps
from trainers.paradigms.transfer.verdicts import BaselineDiverged, FrozenUnderfits, NegativeTransfer
from trainers.paradigms.transfer.weight_files import WeightsError

if TYPE_CHECKING:
    from trainers.data.batches import Batch
    from trainers.data.splits import Prepared, Split
    from trainers.events import Event
    from trainers.job import Job
    from trainers.paradigms.transfer.paradigm import Transfer

Group = list[tuple[str, nn.Module]]


class TransferLearner(SupervisedLearner):
    """A network that starts with the weights of a source and, if asked for, its scratch baseline."""

    probed_forward: int | None = 0  # of the network; the scratch baseline with the same layers follows in each step

    def __init__(self, paradigm: Transfer, job: Job, prepared: Prepared, device: str, *steps: int) -> None:
        self.paradigm, self.steps, self.epochs = paradigm, steps, 0
        self.weights_error: WeightsError | None = None
        super().__init__(paradigm, job, prepared, device, *steps)
        self.scratch_baseline = ScratchBaseline(self, steps) if paradigm.compare else None
        if self.scratch_baseline is not None:
            self.modules = {"main": self.model, SCRATCH: self.scratch_baseline.model}
        self._training_scores: list[float] = []  # the first metric on the training split after each epoch

    # -- initial weights and optimizer --------------------------------------------------------------------------------

    def optimised(self, module: nn.Module, total_steps: int, steps_per_epoch: int) -> Optimisation:
        """Gives the network the weights of the source, and makes its optimizer. Called once, when it is built."""
        matches: tuple[LayerMatch, ...] = ()
        try:
            initial = source_weights.initial_weights(self.job, self.paradigm)
            matches = initial.matches
            source_weights.copy_weights(module, initial.load())
            self.notes = (*self.notes, initial.describe())
        except WeightsError as error:  # a resumed run has its weights in the checkpoint
            self.weights_error = error
        self.transferred = {match.node for match in matches if match.fits}
        return self._freeze(module, total_steps, steps_per_epoch)

    def _freeze(self, module: nn.Module, *steps: int) -> Optimisation:
        """Freeze layers, and make the optimizer of the others."""
        self.frozen_layers = FrozenLayers(module, self.job, self.paradigm, self.transferred)
        return self.frozen_layers.optimisation(*steps)

    # -- training -----------------------------------------------------------------------------------------------------

    def step(self, batch: Batch) -> Tensor:
        if self.weights_error is not None:
            raise self.weights_error
        loss = super().step(batch)
        if self.scratch_baseline is not None:
            self.scratch_baseline.step(batch)
        return loss

    def epoch_end(self, validation_loss: float | None) -> None:
        super().epoch_end(validation_loss)
        self.epochs += 1
        self.frozen_layers.unfreeze(self.epochs, self.optimisation)
        if self.scratch_baseline is not None:
            self.scratch_baseline.optimisation.epoch_end(validation_loss)

    # -- metrics, verdicts and snapshots ------------------------------------------------------------------------------

    def evaluate(self, split: Split, costly: bool = False) -> dict[str, float]:
        found = super().evaluate(split, costly)
        if self.scratch_baseline is not None:
            found |= self.scratch_baseline.evaluate(lambda: super(TransferLearner, self).evaluate(split, costly))
            first = self.paradigm.metrics(self.job.dataset)[0]
            full_rate = self.paradigm.backbone_lr_factor == 1
            worse = NegativeTransfer().find(found, first, SCRATCH_PREFIX, self.circumstances, full_rate)
            self.diagnostics = (*self.diagnostics, *worse)
        self.frozen_layers.set_eval()
        return found

    def training_metrics(self) -> dict[str, float]:
        found = super().training_metrics()
        first = Supervised.metrics(self.paradigm, self.job.dataset)[0]
        if first.name in found:
            self._training_scores.append(found[first.name])
        if self.frozen_layers.any_frozen:
            frozen, unfreezes = self.paradigm.freeze_up_to or "", self.paradigm.unfreeze_at is not None
            underfits = FrozenUnderfits().find(self._training_scores, first, frozen, self.circumstances, unfreezes)
            self.diagnostics = (*self.diagnostics, *underfits)
        if self.scratch_baseline is not None:
            found |= self.scratch_baseline.training_metrics()
            since = self.scratch_baseline.diverged
            if since is not None:
                self.diagnostics = (*self.diagnostics, BaselineDiverged().find(since, self.circumstances))
        return found

    def snapshots(self, step: int) -> Iterable[Event]:
        return self.scratch_baseline.snapshots(step) if self.scratch_baseline is not None else ()

    # -- checkpoints --------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        baseline = self.scratch_baseline
        return {
            **super().state_dict(),
            "epochs": self.epochs,
            "taken": sorted(self.transferred),
            "training_scores": self._training_scores,
            **({} if baseline is None else {"scratch_baseline": baseline.state_dict()}),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.epochs, self._training_scores = state["epochs"], list(state["training_scores"])
        self.weights_error = None
        if self.transferred != set(state["taken"]):  # the source was deleted or changed since the run started
            self.transferred = set(state["taken"])
            self.optimisation = self._freeze(self.model, *self.steps)
        self.frozen_layers.unfreeze(self.epochs, self.optimisation)
        super().load_state_dict(state)
        if self.scratch_baseline is not None:
            self.scratch_baseline.load_state_dict(state["scratch_baseline"])


class FrozenLayers:
    """The frozen layers of a network.

    A frozen layer has no gradient and runs in evaluation mode: batch normalisation keeps its statistics, dropout is
    inactive. torch keeps no activations of the frozen first layers for the backward pass, so steps are faster.
    """

    def __init__(self, module: nn.Module, job: Job, paradigm: Transfer, transferred: set[str]) -> None:
        """`transferred`: the nodes whose weights come from the source; they have the backbone's learning rate."""
        self.module, self.job, self.paradigm, self.transferred = module, job, paradigm, transferred
        modules = layers(module)
        names = dict.fromkeys(step.module for step in frozen_steps(job.document, paradigm.freeze_up_to))
        self.groups = unfreezing_order([(name, modules[name]) for name in names if name in modules])
        self.total = len(self.groups)
        for _, layer in self._layers():
            layer.requires_grad_(False)
        self.set_eval()

    def _layers(self) -> Group:
        return [pair for group in self.groups for pair in group]

    @property
    def any_frozen(self) -> bool:
        """Whether any layer is frozen."""
        return bool(self.groups)

    def optimisation(self, total_steps: int, steps_per_epoch: int) -> Optimisation:
        """The optimizer of the trainable parameters; a second group has the transferred ones if their rate differs."""
        backbone, head = self._split([p for p in self.module.parameters() if p.requires_grad])
        factor = self.paradigm.backbone_lr_factor
        second_group = ParameterGroup(backbone, factor) if factor != 1 else None
        return Optimisation.for_job(self.job, head, total_steps, steps_per_epoch, second_group=second_group)

    def _split(self, parameters: list[nn.Parameter]) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
        """Those of the backbone and the others; none and all of them if there is only one learning rate."""
        if self.paradigm.backbone_lr_factor == 1:
            return [], parameters
        modules = layers(self.module)
        backbone = {id(p) for name in self.transferred if name in modules for p in modules[name].parameters()}
        return [p for p in parameters if id(p) in backbone], [p for p in parameters if id(p) not in backbone]

    def unfreeze(self, epochs: int, optimisation: Optimisation) -> None:
        """After so many epochs: add the layers that are due to the optimizer."""
        at = self.paradigm.unfreeze_at
        if at is None or epochs < at:
            return
        due = self.total if self.paradigm.unfreeze == "all" else epochs - at + 1
        changed = False
        while self.groups and self.total - len(self.groups) < due:
            new = [p for _, layer in self.groups.pop(0) for p in layer.parameters() if not p.requires_grad]
            for parameter in new:
                parameter.requires_grad_(True)
            backbone, head = self._split(new)
            optimisation.add_parameters(head)
            if backbone:
                optimisation.add_parameters(backbone, second_group=True)
            changed = True
        if changed:
            self.module.train()
            self.set_eval()

    def set_eval(self) -> None:
        """Set the frozen layers to evaluation mode. Needed after every `train()` of the whole network."""
        for _, layer in self._layers():
            layer.eval()


def unfreezing_order(frozen: Group) -> list[Group]:
    """Frozen layers from the last to the first. A layer with weights is grouped with those without that follow it."""
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
