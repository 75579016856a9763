"""A network that began with what another has learned, and its twin that began from nothing, on the same batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from trainers.engine.learner import NetworkLearner
from trainers.engine.snapshot_schedule import Shutter
from trainers.events import Snapshot, SplitName, Verdict
from trainers.paradigms.transfer.paradigm import SCRATCH

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from trainers.events import Event
    from trainers.paradigms.base import ReportedMetric
    from trainers.paradigms.transfer.paradigm import TransferLearner
    from trainers.runs.predictions import Predictions
    from trainers.runs.run import Run

VIEW = "scratch_baseline"
SHOWN = 24  # samples of the validation part that are looked at again and again
WORSE = 0.02  # by which the twin's score has to be better, before the transfer counts as harmful
LOW, STANDS = 0.8, 0.01  # a training score below this that has not moved by that much for some epochs is stuck
PATIENCE = 4  # epochs


class ScratchBaseline:
    """The twin at work beside a learner. It draws its first weights from the run's seed, as a run of its own would."""

    def __init__(self, learner: TransferLearner, steps: tuple[int, ...]) -> None:
        self.learner, job = learner, learner.job
        with torch.random.fork_rng(devices=[]):  # with it or without it, the network's own numbers are the same
            torch.manual_seed(job.settings.seed)
            self.model = learner.network(job)
            job.initialisation.apply(self.model)
        self.model.to(learner.device)
        self.optimisation = NetworkLearner.optimised(learner, self.model, *steps)
        self.quick = torch.compile(self.model) if job.settings.compile else self.model
        self.shutter = Shutter(steps[0])
        self._losses: list[Tensor] = []

    def step(self, inputs: tuple[Tensor, ...], targets: Tensor) -> None:
        """The same batch, for the twin."""
        self._losses.append(self.optimisation.step(lambda: self._loss(inputs, targets)))

    def _loss(self, inputs: tuple[Tensor, ...], targets: Tensor) -> Tensor:
        with self.learner.autocast():
            model = self.model if self.learner.eager else self.quick
            return self.learner.loss(model(*inputs), targets)

    def scores(self, evaluate: Callable[[], dict[str, float]]) -> dict[str, float]:
        """What `evaluate` says of the learner's network, said of the twin."""
        learner = self.learner
        own, remarks = learner.model, learner.diagnostics
        learner.model = self.model
        try:
            return {SCRATCH + name: value for name, value in evaluate().items()}
        finally:
            learner.model, learner.diagnostics = own, remarks

    def training_metrics(self) -> dict[str, float]:
        """The mean loss of its steps since this was asked last."""
        losses, self._losses = self._losses, []
        return {f"{SCRATCH}loss": float(torch.stack(losses).float().mean())} if losses else {}

    def snapshots(self, step: int) -> Iterable[Event]:
        """Now and then what both say of the same few samples."""
        from trainers.objectives.model_outputs import predicted_classes

        learner, held = self.learner, self.learner.prepared.validation
        if learner.target.task != "classification" or not len(held) or not self.shutter.due(step):
            return
        inputs = tuple(given[:SHOWN].to(learner.device) for given in held.inputs)
        said = {}
        for name, model in (("with", learner.model), ("without", self.model)):
            model.eval()
            with torch.inference_mode():
                outputs = model(*inputs).float()
            model.train()
            said[name] = predicted_classes(outputs, learner.objective.expects, learner.target).cpu().numpy()
        learner.frozen_layers.settle()
        yield Snapshot(step, VIEW, {**said, "targets": held.targets[:SHOWN].numpy()})
        self.shutter.taken(step)


def negative(scores: dict[str, float], first: ReportedMetric) -> tuple[Verdict, ...]:
    """A verdict where the twin from nothing is the better one."""
    own, twin = scores.get(first.name), scores.get(SCRATCH + first.name)
    if own is None or twin is None or scores["loss"] <= scores[f"{SCRATCH}loss"]:
        return ()
    if (twin - own if first.higher_is_better else own - twin) < WORSE:
        return ()
    return (
        Verdict(
            None,
            "warning",
            f"The transfer does harm: begun from nothing, the same network has a validation {first.label} of "
            f"{twin:.3f}, this one has {own:.3f}.",
            "What it learned first does not help here: freeze less, raise backbone_lr_factor, or begin with something like it.",
        ),
    )


def stuck(scores: Sequence[float], first: ReportedMetric, frozen: str) -> tuple[Verdict, ...]:
    """A verdict where the frozen features do not suffice: the training score stays low."""
    last = scores[-PATIENCE:]
    if len(last) < PATIENCE or not first.higher_is_better or max(last) >= LOW or max(last) - min(last) > STANDS * 3:
        return ()
    return (
        Verdict(
            frozen or None,
            "warning",
            f"The frozen features are not enough: on what it trains on, the {first.label} stays at {last[-1]:.2f}.",
            "Freeze fewer layers, or set unfreeze_at so that they learn too after some epochs.",
        ),
    )


@dataclass(frozen=True)
class Compared:
    """What both networks of a run say of one part of the data."""

    predicted: Predictions  # of the network with the transfer
    without: NDArray[np.int64]  # the classes that the twin names

    def places(self, which: str) -> NDArray[np.int64]:
        """The samples that only the network "with" the transfer gets right, only the one "without", "both", "none"."""
        import numpy as np

        right, twin = self.predicted.predicted == self.predicted.targets, self.without == self.predicted.targets
        found = {"with": right & ~twin, "without": ~right & twin, "both": right & twin, "none": ~right & ~twin}
        return np.flatnonzero(found[which])


def has_twin(run: Run) -> bool:
    """Whether the run kept a twin that names classes."""
    return "scratch" in run.job.paradigm.modules(run.document) and run.job.dataset.task == "classification"


def compared(run: Run, part: SplitName) -> Compared:
    """Both networks' answers. RunError: there are no weights yet; DataError: the data cannot be loaded any more."""
    from trainers.runs.predictions import kept, predict

    predicted = predict(run, part)
    return Compared(predicted, kept(run, ("from nothing", part), lambda: _twin_says(run, part)))


def _twin_says(run: Run, part: SplitName) -> NDArray[Any]:
    from trainers.engine.learner import evaluation_piece
    from trainers.objectives.model_outputs import predicted_classes
    from trainers.runs.predictions import prepared_data

    job, model = run.job, run.networks()["scratch"]
    loss, target = job.paradigm.loss_for(job.dataset), job.paradigm.target(job.dataset)
    assert loss is not None
    given = getattr(prepared_data(run), part).inputs
    pieces = [array.split(evaluation_piece(job, 1)) for array in given]
    with torch.inference_mode():
        found = [predicted_classes(model(*some).float(), loss.expects, target) for some in zip(*pieces, strict=True)]
    answers: NDArray[Any] = torch.cat(found).numpy()
    return answers
