"""Diffusion: a network learns to predict the noise in a noisy image; sampling starts from noise and removes it in
steps."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

import builder
from trainers.engine.learner import NetworkLearner
from trainers.engine.snapshot_schedule import SnapshotSchedule
from trainers.events import Event, Snapshot
from trainers.objectives.guess import Guess
from trainers.paradigms.base import Paradigm, Part, ReportedMetric
from trainers.paradigms.diffusion.verdicts import EqualSamples

if TYPE_CHECKING:
    from torch import Tensor, nn

    from builder.document import Document
    from builder.spec import Signal
    from trainers.data import DataSet
    from trainers.data.batches import Batch
    from trainers.data.scaling import Scaling
    from trainers.data.splits import Prepared, Split
    from trainers.job import Job

Floats = NDArray[np.float32]
IMAGES, IN_STEPS, STAGES = 36, 4, 9  # images in a snapshot, those whose denoising is shown, and at how many moments
POINTS = 300  # samples in a snapshot, where samples are not images
OPERATIONS = 10**10  # that one snapshot may take
LOW_NOISE = 0.25  # of the time steps: there the noise is hard to predict
EMA_WARMUP = 10.0  # steps after which the average has mostly forgotten the initial weights
USELESS = 0.05  # explained variance
NO_NOISE = (
    "Check that a short path leads from the image to the output, and that the last layer has no activation. Try a "
    "higher learning rate, or more channels."
)
MEASURED = 4  # times in a run: how much generated samples differ


class Diffusion(Paradigm):
    """Learns to predict the noise in an image, and generates new images from noise. Needs no labels.

    The network receives the noisy image and the number of the time step, and outputs the noise. Ho, Jain and Abbeel
    2020, https://arxiv.org/abs/2006.11239; sampling in fewer steps: Song et al. 2020, https://arxiv.org/abs/2010.02502;
    cosine schedule: Nichol and Dhariwal 2021, https://arxiv.org/abs/2102.09672
    """

    name: ClassVar[str] = "diffusion"
    label: ClassVar[str] = "Diffusion"
    synonyms: ClassVar[tuple[str, ...]] = ("ddpm", "denoising_diffusion", "score_based")
    cards: ClassVar[tuple[str, ...]] = ("denoising", "diffusion_samples")
    panels: ClassVar[tuple[str, ...]] = ("sampling",)

    timesteps: int = Field(200, ge=2, le=4000, description="Steps from a clean image to pure noise.")
    schedule: Literal["cosine", "linear"] = Field(
        "cosine", description="How fast the noise grows. With cosine, small images stay recognisable for longer."
    )
    sampling_steps: int = Field(25, ge=1, le=4000, description="Steps in which a new image is generated.")
    ema_decay: float = Field(
        0.99, ge=0, lt=1, description="Decay of the moving average of the weights that generates images. 0: no average."
    )

    @property
    def exports_script(self) -> bool:
        return False

    def signals(self, dataset: DataSet, network: str = "main") -> tuple[Signal | None, ...]:
        return (dataset.signals[0], None)  # the second Input is the time step

    def scaling(self, dataset: DataSet) -> Scaling:
        return "signed"

    def metrics(self, dataset: DataSet) -> tuple[ReportedMetric, ...]:
        return (
            ReportedMetric("explained_variance", "explained variance"),
            ReportedMetric("explained_variance_low_noise", "explained variance at low noise"),
        )

    def modules(self, document: Document) -> dict[str, str]:
        return {"main": "main", "ema": "main"}

    def assemble(self, modules: dict[str, nn.Module]) -> nn.Module:
        return modules["ema"]

    def parts(self, document: Document) -> dict[str, Part]:
        return {"network": Part("Denoising network", document, "")}

    def card_facts(self) -> dict[str, Any]:
        settings = {"timesteps": self.timesteps, "schedule": self.schedule, "sampling_steps": self.sampling_steps}
        return {"classes": [], "diffusion": settings}

    def signal_share(self) -> Tensor:
        """The share of an image's variance that is left after each time step. (timesteps,)"""
        from builder.library.diffusion import signal_share  # imports torch

        return signal_share(self.schedule, self.timesteps)

    def learner(
        self, job: Job, prepared: Prepared, device: str, total_steps: int, steps_per_epoch: int
    ) -> DiffusionLearner:
        return DiffusionLearner(self, job, prepared, device, total_steps, steps_per_epoch)


class DiffusionLearner(NetworkLearner):
    """A network that predicts noise, and a moving average of its weights, which generates better images."""

    kept_batches: ClassVar[int] = 0

    def __init__(self, paradigm: Diffusion, job: Job, prepared: Prepared, device: str, *steps: int) -> None:
        import torch

        super().__init__(job, prepared, device, *steps)
        self.paradigm = paradigm
        self.share = paradigm.signal_share().to(device)
        self.ema = copy.deepcopy(self.model).requires_grad_(False)
        self.modules = {"main": self.model, "ema": self.ema}
        self.ema_updates = 0
        shape = job.dataset.input_shape
        images = len(shape) == 3
        count = _snapshot_samples(job, paradigm.sampling_steps, IMAGES if images else POINTS)
        count -= count % STAGES if STAGES < count <= IMAGES else 0  # whole rows of images
        generator = torch.Generator().manual_seed(job.settings.seed)
        self.noise = torch.randn(count, *shape, generator=generator)  # the same for all snapshots
        self.in_steps = IN_STEPS if images else count
        self.snapshot_schedule = SnapshotSchedule(steps[0])
        self._data_deviation = float(prepared.training.inputs[0].std(dim=0).mean())
        self._relative_deviation: float | None = None  # of generated samples, as a share of the data's
        self.epochs = 0

    # -- training -----------------------------------------------------------------------------------------------------

    def step(self, batch: Batch) -> Tensor:
        import torch

        images = batch.inputs[0]
        time = torch.randint(len(self.share), (len(images), 1), device=images.device)
        noise = torch.randn_like(images)
        loss = super().step(batch._replace(inputs=(self.add_noise(images, time, noise), time), targets=noise))
        self._update_ema()
        return loss

    def loss(self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        from torch import nn

        return nn.functional.mse_loss(outputs, targets)

    def add_noise(self, images: Tensor, time: Tensor, noise: Tensor) -> Tensor:
        """Images (N, …) after `time` (N, 1) steps of noise."""
        share = self.share[time].reshape(-1, *(1,) * (images.dim() - 1))
        return share.sqrt() * images + (1 - share).sqrt() * noise

    def _update_ema(self) -> None:
        """Move the average towards the weights: fast in the first steps, to forget the initial weights."""
        import torch

        self.ema_updates += 1
        decay = min(self.paradigm.ema_decay, self.ema_updates / (EMA_WARMUP + self.ema_updates))
        with torch.no_grad():
            torch._foreach_lerp_([*self.ema.parameters()], [*self.model.parameters()], 1 - decay)
            for average, current in zip(self.ema.buffers(), self.model.buffers(), strict=True):
                average.copy_(current)

    # -- evaluation ---------------------------------------------------------------------------------------------------

    def evaluate(self, split: Split, costly: bool = False) -> dict[str, float]:
        """Metrics of the averaged weights. Noise and time steps are the same every time, so epochs can be compared."""
        import torch

        (images, *_), steps = split.inputs, len(self.share)
        generator = torch.Generator().manual_seed(self.job.settings.seed)
        noise = torch.randn(images.shape, generator=generator).to(images.device)
        time = torch.randperm(len(images), generator=generator).unsqueeze(1) * steps // len(images)
        time = time.to(images.device)
        errors = []
        self.ema.eval()
        with torch.inference_mode():
            for start in range(0, len(split), self.evaluation_batch_size):
                some = slice(start, start + self.evaluation_batch_size)
                with self.autocast():
                    predicted = self.ema(self.add_noise(images[some], time[some], noise[some]), time[some])
                errors.append((predicted.float() - noise[some]).square().flatten(1).mean(dim=1))
        error = torch.cat(errors)
        low_noise = error[time[:, 0] < LOW_NOISE * steps]
        loss = float(error.mean())
        words = "always predicting that there is no noise"
        self.guesses = (Guess("explained_variance", "explained variance", 0.0, words, USELESS, advice=NO_NOISE),)
        self._measure_samples()
        self.diagnostics = EqualSamples().find(self.circumstances, self._relative_deviation)
        found = {"loss": loss, "explained_variance": 1 - loss}
        return found | ({"explained_variance_low_noise": 1 - float(low_noise.mean())} if len(low_noise) else {})

    def epoch_end(self, validation_loss: float | None) -> None:
        super().epoch_end(validation_loss)
        self.epochs += 1

    def _measure_samples(self) -> None:
        """After every quarter of the epochs: how much samples generated from the same noise differ."""
        planned, now = self.job.settings.epochs, self.epochs + 1
        if now > planned or now * MEASURED // planned == (now - 1) * MEASURED // planned:
            return
        stages = sample(self.ema, self.noise.to(self.device), self.share, self.paradigm.sampling_steps, STAGES)
        self._relative_deviation = float(stages[-1].std(axis=0).mean()) / max(self._data_deviation, 1e-9)

    # -- snapshots and checkpoints ------------------------------------------------------------------------------------

    def snapshots(self, step: int) -> Iterator[Event]:
        """Now and then, images generated from the same noise."""
        if not self.snapshot_schedule.due(step):
            return
        stages = sample(self.ema, self.noise.to(self.device), self.share, self.paradigm.sampling_steps, STAGES)
        yield Snapshot(step, "denoising", {"stages": stages[:, : self.in_steps].swapaxes(0, 1)})
        yield Snapshot(step, "diffusion_samples", {"samples": stages[-1]})
        self.snapshot_schedule.taken(step)

    def state_dict(self) -> dict[str, Any]:
        state = {"taken": self.ema_updates, "deviation": self._relative_deviation, "epochs": self.epochs}
        return {**super().state_dict(), **state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.ema_updates = int(state["taken"])
        self._relative_deviation = state.get("deviation")
        self.epochs = state.get("epochs", 0)


def _snapshot_samples(job: Job, steps: int, most: int) -> int:
    """How many samples can be generated with the operations that a snapshot may take."""
    operations = int(builder.summary(job.document)["flops"].sum()) * steps
    return max(IN_STEPS, min(most, OPERATIONS // max(operations, 1)))


def sample(model: nn.Module, noise: Tensor, share: Tensor, steps: int, moments: int) -> Floats:
    """Samples generated from `noise` (N, …) at so many moments, (moments, N, …): the noise first, the result last."""
    import torch

    from builder.library.diffusion import denoise  # imports torch

    training = model.training
    model.eval()
    try:
        stages = [noise, *denoise(model, noise, share, min(steps, len(share)))]
    finally:
        model.train(training)
    if len(stages) > moments:  # most of them towards the end, where the image becomes visible
        early = (1 - np.linspace(0, 1, moments)) ** 2
        stages = [stages[number] for number in ((1 - early) * (len(stages) - 1)).round().astype(int)]
    return cast(Floats, torch.stack(stages).float().cpu().numpy())
