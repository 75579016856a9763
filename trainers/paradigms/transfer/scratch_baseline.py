"""The scratch baseline of a transfer: the same network from random weights, trained on the same batches."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from trainers.engine.learner import NetworkLearner
from trainers.engine.snapshot_schedule import SnapshotSchedule
from trainers.events import Snapshot

if TYPE_CHECKING:
    from torch import Tensor

    from trainers.data.batches import Batch
    from trainers.events import Event
    from trainers.paradigms.transfer.learner import TransferLearner

SCRATCH = "scratch"  # the module with its weights
SCRATCH_PREFIX = f"{SCRATCH}_"  # of the names of its metrics
SNAPSHOT = "scratch_baseline"
SHOWN = 24  # validation samples whose predictions are shown


class ScratchBaseline:
    """The network beside a learner's. Its initial weights come from the run's seed, as in a run without transfer."""

    def __init__(self, learner: TransferLearner, steps: tuple[int, ...]) -> None:
        import torch

        self.learner, job = learner, learner.job
        with torch.random.fork_rng(devices=[]):  # so that the learner's random numbers do not depend on the baseline
            torch.manual_seed(job.settings.seed)
            self.model = learner.network(job)
            job.initialisation.apply(self.model)
        self.model.to(learner.device)
        self.optimisation = NetworkLearner.optimised(learner, self.model, *steps)
        self.compiled = torch.compile(self.model) if job.settings.compile else self.model
        self.snapshot_schedule = SnapshotSchedule(steps[0])
        self._losses: list[Tensor] = []
        self._epochs = 0  # that have ended
        self.diverged: int | None = None  # the first epoch in which the loss was NaN or infinite

    def step(self, batch: Batch) -> None:
        """One step on the same batch."""
        self._losses.append(self.optimisation.step(lambda: self._loss(batch)))

    def _loss(self, batch: Batch) -> Tensor:
        with self.learner.autocast():
            model = self.model if self.learner.eager else self.compiled
            return self.learner.weighted_loss(model(*batch.inputs), batch.targets, batch.attributes.get("weight"))

    def evaluate(self, evaluate: Callable[[], dict[str, float]]) -> dict[str, float]:
        """What `evaluate`, a method of the learner, returns for the baseline, with a prefix before the names."""
        learner = self.learner
        model, diagnostics = learner.model, learner.diagnostics
        learner.model = self.model
        try:
            return {SCRATCH_PREFIX + name: value for name, value in evaluate().items()}
        finally:
            learner.model, learner.diagnostics = model, diagnostics

    def training_metrics(self) -> dict[str, float]:
        """The mean loss of the steps since the last call."""
        import torch

        losses, self._losses = self._losses, []
        self._epochs += 1
        if not losses:
            return {}
        mean = float(torch.stack(losses).float().mean())
        if self.diverged is None and not math.isfinite(mean):
            self.diverged = self._epochs
        return {f"{SCRATCH_PREFIX}loss": mean}

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs besides the weights."""
        own = {"losses": [loss.detach() for loss in self._losses], "epochs": self._epochs, "diverged": self.diverged}
        return {**self.optimisation.state_dict(), **own}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what `state_dict()` returned."""
        self.optimisation.load_state_dict(state)
        self._epochs, self.diverged = state.get("epochs", self.learner.epochs), state.get("diverged")
        self._losses = [loss.to(self.learner.device) for loss in state.get("losses", ())]

    def snapshots(self, step: int) -> Iterable[Event]:
        """Now and then, the predictions of both networks for the same validation samples."""
        import torch

        learner, validation = self.learner, self.learner.prepared.validation
        target = learner.target
        if not target.entry.splits_by_class or not len(validation) or not self.snapshot_schedule.due(step):
            return
        inputs = tuple(given[:SHOWN].to(learner.device) for given in validation.inputs)
        predicted = {}
        for name, model in (("with", learner.model), ("without", self.model)):
            model.eval()
            with torch.inference_mode():
                outputs = model(*inputs).float()
            model.train()
            predicted[name] = target.entry.predicted(outputs, learner.objective.expects, target).cpu().numpy()
        learner.frozen_layers.set_eval()
        yield Snapshot(step, SNAPSHOT, {**predicted, "targets": validation.targets[:SHOWN].numpy()})
        self.snapshot_schedule.taken(step)
