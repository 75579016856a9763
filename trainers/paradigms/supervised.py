"""Supervised learning: the network sees inputs with their targets and learns to predict the targets."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

import builder
from trainers.entry import choose
from trainers.losses import LOSSES, Loss, default_loss
from trainers.paradigm import Paradigm

if TYPE_CHECKING:
    from torch import Tensor, nn

    from trainers.data.splits import Prepared, Split
    from trainers.job import Job
    from trainers.optimisation import Optimisation

EVALUATION_BATCH = 4096
KEPT_BATCHES = 8  # at the end of an epoch, for the training metrics


class Supervised(Paradigm):
    """Learns from examples with known answers: classes to name or numbers to predict."""

    name: ClassVar[str] = "supervised"
    label: ClassVar[str] = "Supervised"
    panels: ClassVar[tuple[str, ...]] = ("samples", "confusion", "surface")

    loss: str | dict[str, Any] | None = Field(
        None, description="What training makes small; empty: cross-entropy for classes, squared error for numbers."
    )

    def chosen_loss(self, task: Any) -> Loss:
        """The loss entry. OptionError: there is no such loss, or it has a wrong option."""
        return default_loss(task) if self.loss is None else choose(LOSSES, self.loss, "loss")

    def learner(
        self, job: Job, prepared: Prepared, device: str, total_steps: int, steps_per_epoch: int
    ) -> SupervisedLearner:
        from trainers.optimisation import Optimisation

        model = builder.compile(job.document)
        job.initialisation.apply(model)
        model.to(device)
        optimisation = Optimisation(
            model.parameters(),
            job.optimizer,
            job.schedule,
            total_steps,
            steps_per_epoch,
            gradient_clip=job.settings.gradient_clip,
            l1=job.settings.l1,
            scaled=job.settings.precision == "float16",
        )
        return SupervisedLearner(model, self.chosen_loss(prepared.task), optimisation, prepared, job, device)


class SupervisedLearner:
    """One network, one loss, one optimizer."""

    eager = True

    def __init__(
        self, model: nn.Module, loss: Loss, optimisation: Optimisation, prepared: Prepared, job: Job, device: str
    ) -> None:
        import torch

        self.model = model
        self.modules: Mapping[str, nn.Module] = {"main": model}
        self.loss = loss
        self.criterion = loss.build()
        self.optimisation = optimisation
        self.prepared = prepared
        self.precision = None if job.settings.precision == "float32" else getattr(torch, job.settings.precision)
        self.device_type = torch.device(device).type
        self.compiled = torch.compile(model) if job.settings.compile else None
        self.eager = self.compiled is None
        # Outputs of the last batches: the epoch's training metrics come from them at the cost of keeping references,
        # where scoring samples again would cost a tenth of a short epoch.
        self.kept: deque[tuple[Tensor, Tensor]] = deque(maxlen=KEPT_BATCHES)

    def step(self, inputs: tuple[Tensor, ...], targets: Tensor) -> Tensor:
        return self.optimisation.step(lambda: self._loss(inputs, targets))

    def _loss(self, inputs: tuple[Tensor, ...], targets: Tensor) -> Tensor:
        model = self.model if self.eager or self.compiled is None else self.compiled
        if self.precision is None:
            outputs = model(*inputs)
            loss = self.criterion(outputs, targets)
        else:
            with self._autocast():
                outputs = model(*inputs)
                loss = self.criterion(outputs, targets)
        self.kept.append((outputs.detach(), targets))
        return loss

    def _autocast(self) -> contextlib.AbstractContextManager[Any]:
        import torch

        return contextlib.nullcontext() if self.precision is None else torch.autocast(self.device_type, self.precision)

    def evaluate(self, split: Split) -> dict[str, float]:
        import torch

        outputs = self.predict(split.inputs)
        with torch.inference_mode():
            loss = float(self.criterion(outputs, split.targets))
        return {"loss": loss} | self._metrics(outputs, split.targets)

    def _metrics(self, outputs: Tensor, targets: Tensor) -> dict[str, float]:
        from trainers.metrics import evaluate_metrics

        prepared = self.prepared
        classes, figures = len(prepared.classes), prepared.target_standardisation
        return evaluate_metrics(prepared.task, outputs, targets, self.loss.expects, classes, figures)

    def predict(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """The network's outputs in evaluation mode, in float32, computed in pieces that fit any memory."""
        import torch

        self.model.eval()
        try:
            with torch.inference_mode(), self._autocast():
                split = [given.split(EVALUATION_BATCH) for given in inputs]  # type: ignore[no-untyped-call]
                pieces = [self.model(*piece).float() for piece in zip(*split, strict=True)]
        finally:
            self.model.train()
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces)

    def epoch_end(self, validation_loss: float | None) -> None:
        self.optimisation.pace.epoch_end(validation_loss)

    def figures(self) -> dict[str, float]:
        import torch

        outputs = torch.cat([output.float() for output, _ in self.kept])
        metrics = self._metrics(outputs, torch.cat([target for _, target in self.kept]))
        self.kept.clear()
        optimisation = self.optimisation
        return metrics | {"learning_rate": optimisation.learning_rate, "gradient_norm": optimisation.gradient_norm()}

    def state_dict(self) -> dict[str, Any]:
        return {**self.optimisation.state_dict(), "kept": list(self.kept)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.optimisation.load_state_dict(state)
        device = next(self.model.parameters()).device
        self.kept.extend((output.to(device), target.to(device)) for output, target in state["kept"])
