"""What paradigms with one network share: the training step, evaluation in pieces, mixed precision, checkpoints."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import builder
from trainers.engine.device import autocast
from trainers.verdicts.circumstances import Circumstances

if TYPE_CHECKING:
    from torch import Tensor, nn

    from trainers.data.batches import Batch
    from trainers.data.splits import Prepared, Split
    from trainers.events import Event, Verdict
    from trainers.job import Job
    from trainers.objectives.guess import Guess
    from trainers.optim.optimisation import Optimisation

EVALUATION_BATCH = 4096
EVALUATION_BYTES = 2**21  # of one layer's activations at once, or those of a training batch where they are more
KEPT_NUMBERS = 2**21  # in the outputs that are kept for the training metrics; 8 MB


class NetworkLearner:
    """One network with one optimizer, trained on inputs and targets.

    A subclass adds `loss` and `metrics`; all other members of `trainers.paradigms.base.Learner` are here.
    """

    kept_batches: ClassVar[int] = 8  # whose outputs the training metrics are computed from; 0: none
    eager = True
    probed_forward: int | None = None
    notes: tuple[str, ...] = ()
    diagnostics: tuple[Verdict, ...] = ()
    guesses: tuple[Guess, ...] = ()

    def __init__(self, job: Job, prepared: Prepared, device: str, total_steps: int, steps_per_epoch: int) -> None:
        """Build the network of the job's document with freshly initialised weights, and its optimizer."""
        import torch

        settings = job.settings
        self.job, self.prepared = job, prepared
        self.circumstances = Circumstances(job, total_steps)
        self.model = self.network(job)
        job.initialisation.apply(self.model)
        self.model.to(device)
        self.modules: Mapping[str, nn.Module] = {"main": self.model}
        self.optimisation = self.optimised(self.model, total_steps, steps_per_epoch)
        self.precision = None if settings.precision == "float32" else getattr(torch, settings.precision)
        self.device = torch.device(device)
        self.compiled = torch.compile(self.model) if settings.compile else None
        self.eager = self.compiled is None
        self.evaluation_batch_size = evaluation_batch_size(job, len(prepared.training))
        # The training metrics of an epoch come from the outputs of its last batches: keeping references costs nothing,
        # while another forward pass would cost a tenth of a short epoch.
        self.kept: deque[tuple[Tensor, Tensor]] = deque(maxlen=self.kept_batches)

    def optimised(self, module: nn.Module, total_steps: int, steps_per_epoch: int) -> Optimisation:
        """The job's optimizer for the weights of a module."""
        from trainers.optim.optimisation import Optimisation

        return Optimisation.for_job(self.job, module.parameters(), total_steps, steps_per_epoch)

    # -- for subclasses ---------------------------------------------------------------------------------------------

    def network(self, job: Job) -> nn.Module:
        """The network with fresh weights. One that returns values of further nodes needs its own `_forward`."""
        return builder.compile(job.document)

    def loss(self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """The mean loss of a batch, a scalar tensor. `weights` (N,): how much each sample counts, 1 on average; only a
        paradigm among whose `attributes` is "weight" is given some."""
        raise TypeError(f"{type(self).__name__} does not define its loss.")

    def weighted_loss(self, outputs: Tensor, targets: Tensor, weights: Tensor | None) -> Tensor:
        """`loss`, which is given weights only where there are some: a paradigm of a package may know of none."""
        return self.loss(outputs, targets) if weights is None else self.loss(outputs, targets, weights)

    def metrics(self, outputs: Tensor, targets: Tensor, split: Split | None, costly: bool) -> dict[str, float]:
        """Metrics by name. `outputs` went through `reduce_outputs`; `split` is None for the last training batches;
        `costly` includes the metrics that take long to compute."""
        return {}

    def reduce_outputs(self, outputs: Tensor) -> Tensor:
        """What `metrics` needs of the outputs; for large outputs less than all of them, to save memory."""
        return outputs

    # -- for the loop -------------------------------------------------------------------------------------------------

    def step(self, batch: Batch) -> Tensor:
        inputs, targets, weights = batch.inputs, batch.targets, batch.attributes.get("weight")
        return self.optimisation.step(lambda: self._forward(inputs, targets, weights))

    def _forward(self, inputs: tuple[Tensor, ...], targets: Tensor, weights: Tensor | None) -> Tensor:
        model = self.model if self.eager or self.compiled is None else self.compiled
        if self.precision is None:
            outputs = model(*inputs)
            loss = self.weighted_loss(outputs, targets, weights)
        else:
            with self.autocast():
                outputs = model(*inputs)
                loss = self.weighted_loss(outputs, targets, weights)
        if not self.kept:
            self._limit_kept(outputs.numel())
        self.kept.append((outputs.detach(), targets))
        return loss

    def _limit_kept(self, numbers: int) -> None:
        """Keep the outputs of as many batches as fit into KEPT_NUMBERS."""
        most = min(self.kept_batches, max(2, KEPT_NUMBERS // max(numbers, 1)))
        if most != self.kept.maxlen:
            self.kept = deque(maxlen=most)

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """A context manager for the precision of the job."""
        return autocast(self.device, self.precision)

    def evaluate(self, split: Split, costly: bool = False) -> dict[str, float]:
        import torch

        pieces, total = [], 0.0
        size = self.evaluation_batch_size
        starts = range(0, len(split), size)
        weights = split.attributes.get("weight") if self.job.paradigm.uses_weights else None
        self.model.eval()
        try:
            with torch.inference_mode():
                for start in starts:
                    inputs, targets = part(split, start, size)
                    with self.autocast():
                        outputs = self.model(*inputs).float()
                    some = None if weights is None else weights[start : start + size]
                    total += float(self.weighted_loss(outputs, targets, some)) * len(targets)
                    pieces.append(self.reduce_outputs(outputs))
                outputs = pieces[0] if len(pieces) == 1 else torch.cat(pieces)
                scores = self.metrics(outputs, split.targets, split, costly)
        finally:
            self.model.train()
        return {"loss": total / len(split)} | scores

    def snapshots(self, step: int) -> Iterable[Event]:
        """Further events to show at this step, such as generated samples; called a few times a second."""
        return ()

    def last_events(self) -> Iterable[Event]:
        """What `snapshots` has not returned yet when the last step is over."""
        return ()

    def epoch_end(self, validation_loss: float | None) -> None:
        self.optimisation.epoch_end(validation_loss)

    def training_metrics(self) -> dict[str, float]:
        import torch

        scores: dict[str, float] = {}
        if self.kept:
            outputs = torch.cat([self.reduce_outputs(output.float()) for output, _ in self.kept])
            scores = self.metrics(outputs, torch.cat([target for _, target in self.kept]), None, False)
            self.kept.clear()
        optimisation = self.optimisation
        return scores | {"learning_rate": optimisation.learning_rate, "gradient_norm": optimisation.gradient_norm()}

    def state_dict(self) -> dict[str, Any]:
        return {**self.optimisation.state_dict(), "kept": list(self.kept)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.optimisation.load_state_dict(state)
        if state["kept"]:  # else the next step does it
            self._limit_kept(state["kept"][0][0].numel())
        self.kept.extend((output.to(self.device), target.to(self.device)) for output, target in state["kept"])


def part(split: Split, start: int, size: int) -> tuple[tuple[Tensor, ...], Tensor]:
    """`size` samples of a split from `start` on: inputs and targets."""
    return tuple(given[start : start + size] for given in split.inputs), split.targets[start : start + size]


def evaluation_batch_size(job: Job, samples: int) -> int:
    """How many samples to evaluate at once: as many as need no more memory than training does."""
    batch = samples if job.batch_size == "full" else job.batch_size
    one = int(builder.summary(job.document)["activation_bytes"].max())
    return min(EVALUATION_BATCH, max(batch, EVALUATION_BYTES // max(one, 1)))
