"""Trains a generator and a discriminator in turn: the steps, evaluation, snapshots and checkpoints."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch

import builder
from trainers.engine.device import autocast
from trainers.engine.snapshot_schedule import SnapshotSchedule
from trainers.events import Event, Snapshot, Verdict
from trainers.objectives.guess import Guess
from trainers.optim.optimisation import Optimisation
from trainers.paradigms.gan.losses import GAN_LOSSES, gradient_penalty
from trainers.paradigms.gan.metrics import (
    StepMetrics,
    covered_classes,
    diversity,
    nearest_classes,
    sliced_wasserstein,
)
from trainers.paradigms.gan.networks import DISCRIMINATOR, EMA, GENERATOR, generator_inputs
from trainers.paradigms.gan.verdicts import Diagnostics
from trainers.verdicts.circumstances import Circumstances

if TYPE_CHECKING:
    from torch import Tensor, nn

    from trainers.data.batches import Batch
    from trainers.data.splits import Prepared, Split
    from trainers.job import Job
    from trainers.paradigms.gan.paradigm import GAN

STEP_METRICS = ("generator_loss", "discriminator_loss", "step_accuracy_real", "step_accuracy_fake")
GENERATED, COMPARED = 512, 2000  # samples generated for an evaluation, and real samples that they are compared with
SNAPSHOT = "generated_samples"
IMAGES, POINTS, GRID = 64, 512, 40  # images or points in a snapshot, and places along each side of the plane
MARGIN = 0.6  # of the plane around the points


class GanLearner:
    """A generator and a discriminator, each with its own optimizer, that are trained in turn."""

    eager = True
    probed_forward: int | None = 0  # the discriminator on the real batch; later passes are on fake or mixed samples

    def __init__(
        self, paradigm: GAN, job: Job, prepared: Prepared, device: str, total_steps: int, steps_per_epoch: int
    ) -> None:
        self.paradigm, self.job, self.prepared = paradigm, job, prepared
        self.gan_loss = GAN_LOSSES[paradigm.loss]
        self.device = torch.device(device)
        self.generator = builder.compile(job.document, GENERATOR)
        self.discriminator = builder.compile(job.document, DISCRIMINATOR)
        for network in (self.generator, self.discriminator):
            job.initialisation.apply(network)
            network.to(device)
        self.modules: Mapping[str, nn.Module] = {GENERATOR: self.generator, DISCRIMINATOR: self.discriminator}
        self.ema_generator = self.generator  # the one that is evaluated and shown
        if paradigm.ema_decay:
            self.ema_generator = builder.compile(job.document, GENERATOR).to(device).requires_grad_(False)
            self.ema_generator.load_state_dict(self.generator.state_dict())
            self.modules = {**self.modules, EMA: self.ema_generator}
        self.inputs = generator_inputs(job.document)
        every = paradigm.discriminator_steps
        generator_steps = max(total_steps // every, 1), max(steps_per_epoch // every, 1)
        self.generator_optimisation = Optimisation.for_job(job, self.generator.parameters(), *generator_steps)
        self.discriminator_optimisation = Optimisation.for_job(
            job, self.discriminator.parameters(), total_steps, steps_per_epoch, lr=paradigm.discriminator_lr
        )
        self.precision = None if job.settings.precision == "float32" else getattr(torch, job.settings.precision)
        self.steps = 0
        self.generator_loss = torch.zeros((), device=self.device)  # of the generator's last step
        self.step_metrics = StepMetrics(STEP_METRICS, steps_per_epoch)
        circumstances = Circumstances(job, total_steps)
        self.tracker = Diagnostics(self.gan_loss.uses_gradient_penalty, circumstances, paradigm)
        self.diagnostics: tuple[Verdict, ...] = ()
        self.guesses: tuple[Guess, ...] = ()
        self.notes: tuple[str, ...] = ("torch.compile is not used for two networks.",) if job.settings.compile else ()
        self.snapshot_schedule = SnapshotSchedule(total_steps)

    # -- training -----------------------------------------------------------------------------------------------------

    def step(self, batch: Batch) -> Tensor:
        """One step of the discriminator and, every `discriminator_steps` steps, of the generator, whose loss it
        returns."""
        real, labels = batch.inputs[0], self.inputs.labels(batch.targets)
        with torch.no_grad(), self._autocast():
            fake = self._generate(self.generator, len(real), labels).float()
        scores: list[Tensor] = []
        losses: list[Tensor] = []

        def discriminator_loss() -> Tensor:
            with self._autocast():
                scores[:] = [self._scores(real, labels), self._scores(fake, labels)]
            loss = self.gan_loss.discriminator(scores[0], scores[1], self.paradigm.label_smoothing)
            losses[:] = [loss.detach()]
            if self.gan_loss.uses_gradient_penalty and self.paradigm.gradient_penalty:
                penalty = gradient_penalty(lambda points: self._scores(points, labels), real, fake)
                loss = loss + self.paradigm.gradient_penalty * penalty
            return loss

        self.discriminator_optimisation.step(discriminator_loss)
        if self.steps % self.paradigm.discriminator_steps == 0:
            self._generator_step(len(real), labels)
        self.steps += 1
        accuracies = self._accuracies(scores[0].detach(), scores[1].detach())
        self.step_metrics.add(self.generator_loss, losses[0], *accuracies)
        return self.generator_loss

    def _generator_step(self, count: int, labels: Tensor | None) -> None:
        inputs = self.inputs.sample(count, labels, self.device)  # once: L-BFGS evaluates the loss several times

        def loss() -> Tensor:
            with self._autocast():
                return self.gan_loss.generator(self._scores(self.generator(*inputs), labels))

        with _without_gradients(self.discriminator):
            self.generator_loss = self.generator_optimisation.step(loss)
        if self.paradigm.ema_decay:
            self._update_ema()

    def _update_ema(self) -> None:
        """Move the average towards the generator's weights: fast in the first steps, to forget the initial weights."""
        step = self.steps // self.paradigm.discriminator_steps
        weight = 1 - min(self.paradigm.ema_decay, (step + 1) / (step + 10))
        ema, generator = self.ema_generator, self.generator
        with torch.no_grad():
            averages = [*ema.parameters(), *(given for given in ema.buffers() if given.is_floating_point())]
            buffers = (given for given in generator.buffers() if given.is_floating_point())
            torch._foreach_lerp_(averages, [*generator.parameters(), *buffers], weight)

    def _generate(
        self, network: nn.Module, count: int, labels: Tensor | None, generator: torch.Generator | None = None
    ) -> Tensor:
        samples: Tensor = network(*self.inputs.sample(count, labels, self.device, generator))
        return samples

    def _scores(self, samples: Tensor, labels: Tensor | None) -> Tensor:
        """The discriminator's scores as float32. (N, 1)"""
        scores: Tensor = self.discriminator(samples) if labels is None else self.discriminator(samples, labels)
        return scores.float()

    def _accuracies(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """The share of real and of fake samples that are classified correctly, from their scores."""
        threshold = self.gan_loss.threshold(real, fake)
        return (real > threshold).float().mean(), (fake <= threshold).float().mean()

    def _autocast(self) -> contextlib.AbstractContextManager[Any]:
        return autocast(self.device, self.precision)

    # -- evaluation ---------------------------------------------------------------------------------------------------

    def evaluate(self, split: Split, costly: bool = False) -> dict[str, float]:
        """Metrics of the averaged generator's samples. No loss is among them, so the last weights are kept."""
        with torch.inference_mode(), _evaluating(*self.modules.values()):
            found = self._similarity(split.inputs[0][:COMPARED], split.targets[:COMPARED])
            count = min(len(split), COMPARED)
            labels = self.inputs.labels(split.targets[:count])
            real = self._scores(split.inputs[0][:count], labels)
            fake = self._scores(self._generate(self.ema_generator, count, labels, self._random(1)), labels)
            on_real, on_fake = self._accuracies(real, fake)
            found["discriminator_accuracy_real"] = float(on_real)
            found["discriminator_accuracy_fake"] = float(on_fake)
        return found

    def _similarity(self, data: Tensor, targets: Tensor) -> dict[str, float]:
        """How similar generated samples are to this part of the data."""
        labels = self.inputs.labels(targets[:GENERATED])
        samples = self._generate(self.ema_generator, min(GENERATED, len(data)), labels, self._random(0))
        found = {
            "sliced_wasserstein": sliced_wasserstein(samples, data, self._random(2)),
            "diversity": diversity(samples, data[:GENERATED]),
        }
        if self.prepared.task == "classification" and self.prepared.classes:
            nearest = nearest_classes(samples, data, targets)
            found["mode_coverage"] = float(sum(covered_classes(nearest, len(self.prepared.classes))))
            if labels is not None:
                found["class_agreement"] = float((nearest == labels[:, 0]).float().mean())
        return found

    def _random(self, number: int) -> torch.Generator:
        """A random generator that gives the same numbers at every call, so that epochs can be compared."""
        return torch.Generator().manual_seed(self.job.settings.seed + number)

    def training_metrics(self) -> dict[str, float]:
        """Means over the last steps. The verdicts are based on training samples, since there may be no validation."""
        curves = self.step_metrics.recent()
        recent = {
            "discriminator_accuracy_real": curves["step_accuracy_real"],
            "discriminator_accuracy_fake": curves["step_accuracy_fake"],
        }
        with torch.inference_mode(), _evaluating(*self.modules.values()):
            training = self.prepared.training
            data = training.inputs[0][:COMPARED].to(self.device)
            targets = training.targets[:COMPARED].to(self.device)
            similarity = self._similarity(data, targets)
            data, labels = data[:IMAGES], self.inputs.labels(targets[:IMAGES])
            samples = self._generate(self.generator, len(data), labels, self._random(3))
            self.diagnostics = self.tracker.verdicts(recent, similarity, samples, data, len(self.prepared.classes))
        rates = {
            "learning_rate": self.generator_optimisation.learning_rate,
            "discriminator_learning_rate": self.discriminator_optimisation.learning_rate,
        }
        return recent | rates | {"gradient_norm": self.generator_optimisation.gradient_norm()}

    # -- snapshots ----------------------------------------------------------------------------------------------------

    def snapshots(self, step: int) -> Iterator[Event]:
        """The curves of both networks and, now and then, samples from the same noise."""
        yield from self.step_metrics.new_points()
        if self.snapshot_schedule.due(step):
            with torch.inference_mode(), _evaluating(*self.modules.values()):
                planar = self.job.dataset.input_shape == (2,)
                yield Snapshot(step, SNAPSHOT, self._points() if planar else self._samples())
            self.snapshot_schedule.taken(step)

    def _samples(self) -> dict[str, Any]:
        """Samples in the data set's own unit, and their classes if the generator receives them."""
        classes = max(len(self.prepared.classes), 1)
        count = IMAGES // classes * classes or classes if self.inputs.conditional else IMAGES
        labels = self.inputs.all_classes(count, classes, self.device)
        samples = self._generate(self.ema_generator, count, labels, self._random(4))
        scaling = self.prepared.standardisation[0]
        arrays = {"samples": (samples if scaling is None else scaling.revert(samples)).float().cpu().numpy()}
        return arrays if labels is None else arrays | {"classes": labels[:, 0].cpu().numpy()}

    def _points(self) -> dict[str, Any]:
        """Real and fake points in their own unit, the corners of the plane, and the discriminator's scores on it."""
        training, scaling = self.prepared.training, self.prepared.standardisation[0]
        real = training.inputs[0][:POINTS].to(self.device)
        labels = self.inputs.labels(training.targets[: len(real)].to(self.device))
        fake = self._generate(self.ema_generator, len(real), labels, self._random(4))
        low, high = real.amin(dim=0) - MARGIN, real.amax(dim=0) + MARGIN
        x, y = (torch.linspace(float(low[axis]), float(high[axis]), GRID, device=self.device) for axis in (0, 1))
        plane = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1).reshape(-1, 2)
        arrays = {"real": real, "fake": fake.float(), "corners": torch.stack([low, high])}
        if scaling is not None:
            arrays = {name: scaling.revert(given) for name, given in arrays.items()}
        first_class = None if labels is None else labels.new_zeros(len(plane), 1)
        arrays["field"] = self._scores(plane, first_class).reshape(GRID, GRID)
        return {name: given.cpu().numpy() for name, given in arrays.items()}

    # -- schedules and checkpoints ------------------------------------------------------------------------------------

    def last_events(self) -> Iterator[Event]:
        """The last points of the curves of both networks."""
        yield from self.step_metrics.new_points()

    def epoch_end(self, validation_loss: float | None) -> None:
        self.generator_optimisation.epoch_end(validation_loss)
        self.discriminator_optimisation.epoch_end(validation_loss)

    def state_dict(self) -> dict[str, Any]:
        return {
            "generator": self.generator_optimisation.state_dict(),
            "discriminator": self.discriminator_optimisation.state_dict(),
            "steps": self.steps,
            "last_loss": self.generator_loss,
            "step_metrics": self.step_metrics.state_dict(),
            "diagnostics": self.tracker.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.generator_optimisation.load_state_dict(state["generator"])
        self.discriminator_optimisation.load_state_dict(state["discriminator"])
        self.steps, self.generator_loss = state["steps"], state["last_loss"].to(self.device)
        self.step_metrics.load_state_dict(state["step_metrics"])
        self.tracker.load_state_dict(state["diagnostics"])


@contextlib.contextmanager
def _without_gradients(network: nn.Module) -> Iterator[None]:
    """Gradients flow through the network, and none are computed for its own weights."""
    network.requires_grad_(False)
    try:
        yield
    finally:
        network.requires_grad_(True)


@contextlib.contextmanager
def _evaluating(*networks: nn.Module) -> Iterator[None]:
    """The networks in evaluation mode, for a `with` block."""
    for network in networks:
        network.eval()
    try:
        yield
    finally:
        for network in networks:
            network.train()
