"""A generator and a discriminator at work: how they take turns, what is told of them, what a resumed run needs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import builder
from trainers.engine.snapshot_schedule import Shutter
from trainers.events import Event, Verdict
from trainers.optim.optimisation import Optimisation
from trainers.paradigms.gan import snapshots
from trainers.paradigms.gan.diagnostics import Diagnostics
from trainers.paradigms.gan.losses import GAN_LOSSES, gradient_penalty
from trainers.paradigms.gan.metrics import classes_found, nearest_classes, sliced_distance, variety
from trainers.paradigms.gan.noise import noise_of
from trainers.paradigms.gan.paradigm import DISCRIMINATOR, EMA, GAN, GENERATOR
from trainers.paradigms.gan.step_metrics import StepMetrics

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from trainers.data.batches import Batch
    from trainers.data.splits import Prepared, Split
    from trainers.job import Job

CURVES = ("generator_loss", "discriminator_loss", "step_accuracy_real", "step_accuracy_fake")  # of every step
LOOKED_AT, COMPARED = 512, 2000  # samples that are drawn to judge them, and real ones that they are compared with


class AdversarialLearner:
    """A generator and a discriminator, each with an optimizer of its own, that take turns."""

    eager = True
    probed_forward: int | None = None

    def __init__(
        self, way: GAN, job: Job, prepared: Prepared, device: str, total_steps: int, steps_per_epoch: int
    ) -> None:
        import torch

        self.way, self.job, self.prepared, self.game = way, job, prepared, GAN_LOSSES[way.loss]
        self.device = torch.device(device)
        self.generator = builder.compile(job.document, GENERATOR)
        self.discriminator = builder.compile(job.document, DISCRIMINATOR)
        for network in (self.generator, self.discriminator):
            job.initialisation.apply(network)
            network.to(device)
        self.modules: Mapping[str, nn.Module] = {GENERATOR: self.generator, DISCRIMINATOR: self.discriminator}
        self.best = self.generator
        if way.ema_decay:
            self.best = builder.compile(job.document, GENERATOR).to(device).requires_grad_(False)
            self.best.load_state_dict(self.generator.state_dict())
            self.modules = {**self.modules, EMA: self.best}
        self.noise = noise_of(job.document, GENERATOR)
        turns = max(total_steps // way.discriminator_steps, 1), max(steps_per_epoch // way.discriminator_steps, 1)
        self.drawing = _optimisation(job, self.generator.parameters(), *turns, None)
        self.judging = _optimisation(
            job, self.discriminator.parameters(), total_steps, steps_per_epoch, way.discriminator_lr
        )
        self.precision = None if job.settings.precision == "float32" else getattr(torch, job.settings.precision)
        self.turn = 0  # steps that are over
        self.last_loss = torch.zeros((), device=self.device)
        self.step_metrics = StepMetrics(CURVES, steps_per_epoch)
        self.tracker = Diagnostics(scored_freely=self.game.penalised)
        self.diagnostics: tuple[Verdict, ...] = ()
        self.notes: tuple[str, ...] = ("torch.compile is not used for two networks.",) if job.settings.compile else ()
        self.shutter = Shutter(total_steps)

    # -- learning -----------------------------------------------------------------------------------------------------

    def step(self, batch: Batch) -> Tensor:
        """One step of the discriminator; of the generator, too, when it is its turn. Returns the generator's loss."""
        inputs, targets = batch.inputs, batch.targets
        import torch

        real, asked = inputs[0], self.noise.asked(targets)
        with torch.no_grad(), self._autocast():
            false = self._draw(self.generator, len(real), asked).float()
        scores: list[Tensor] = []

        def judged() -> Tensor:
            with self._autocast():
                scores[:] = [self._judge(real, asked), self._judge(false, asked)]
            loss = self.game.discriminator(scores[0], scores[1], self.way.label_smoothing)
            told[:] = [loss.detach()]
            if self.game.penalised and self.way.gradient_penalty:
                penalty = gradient_penalty(lambda between: self._judge(between, asked), real, false)
                loss = loss + self.way.gradient_penalty * penalty
            return loss

        told: list[Tensor] = []
        self.judging.step(judged)
        if self.turn % self.way.discriminator_steps == 0:
            self._generator_step(len(real), asked)
        self.turn += 1
        on_real, on_false = (given.detach() for given in scores)
        border = self.game.boundary(on_real, on_false)
        right = (on_real > border).float().mean(), (on_false <= border).float().mean()
        self.step_metrics.write(self.last_loss, told[0], *right)
        return self.last_loss

    def _generator_step(self, count: int, asked: Tensor | None) -> None:
        given = self.noise.inputs(count, asked, self.device)  # the same for an optimizer that asks for the loss twice

        def drawn() -> Tensor:
            with self._autocast():
                return self.game.generator(self._judge(self.generator(*given), asked))

        with _untouched(self.discriminator):
            self.last_loss = self.drawing.step(drawn)
        if self.way.ema_decay:
            self._follow()

    def _follow(self) -> None:
        """Move the average a little towards the generator; early on it follows closely, or it would show the start."""
        import torch

        turn = self.turn // self.way.discriminator_steps
        weight = 1 - min(self.way.ema_decay, (turn + 1) / (turn + 10))
        with torch.no_grad():
            kept = [*self.best.parameters(), *(given for given in self.best.buffers() if given.is_floating_point())]
            now = (given for given in self.generator.buffers() if given.is_floating_point())
            torch._foreach_lerp_(kept, [*self.generator.parameters(), *now], weight)

    def _draw(
        self, network: nn.Module, count: int, asked: Tensor | None, source: torch.Generator | None = None
    ) -> Tensor:
        drawn: Tensor = network(*self.noise.inputs(count, asked, self.device, source))
        return drawn

    def _judge(self, samples: Tensor, asked: Tensor | None) -> Tensor:
        """The discriminator's scores, in full precision. (N, 1)"""
        scores: Tensor = self.discriminator(samples) if asked is None else self.discriminator(samples, asked)
        return scores.float()

    def _autocast(self) -> contextlib.AbstractContextManager[Any]:
        import torch

        return contextlib.nullcontext() if self.precision is None else torch.autocast(self.device.type, self.precision)

    # -- what it tells ------------------------------------------------------------------------------------------------

    def evaluate(self, split: Split, costly: bool = False) -> dict[str, float]:
        """How like the held-out samples those of the best generator are. There is no loss to pick the best weights by:
        the last ones are kept."""
        import torch

        with torch.inference_mode(), _judging(*self.modules.values()):
            scores = self._likeness(split.inputs[0][:COMPARED], split.targets[:COMPARED])
            count = min(len(split), COMPARED)
            real, asked = split.inputs[0][:count], self.noise.asked(split.targets[:count])
            on_real = self._judge(real, asked)
            on_false = self._judge(self._draw(self.best, count, asked, self._source(1)), asked)
            border = self.game.boundary(on_real, on_false)
            scores["discriminator_accuracy_real"] = float((on_real > border).float().mean())
            scores["discriminator_accuracy_fake"] = float((on_false <= border).float().mean())
        return scores

    def _likeness(self, data: Tensor, targets: Tensor) -> dict[str, float]:
        """Distances between samples and a part of the data."""
        asked = self.noise.asked(targets[:LOOKED_AT])
        samples = self._draw(self.best, min(LOOKED_AT, len(data)), asked, self._source(0))
        found = {
            "sliced_wasserstein": sliced_distance(samples, data, self._source(2)),
            "diversity": variety(samples, data[:LOOKED_AT]),
        }
        if self.prepared.task == "classification" and self.prepared.classes:
            named = nearest_classes(samples, data, targets)
            found["mode_coverage"] = float(sum(classes_found(named, len(self.prepared.classes))))
            if asked is not None:
                found["class_agreement"] = float((named == asked[:, 0]).float().mean())
        return found

    def _source(self, number: int) -> torch.Generator:
        """The same random numbers every time, of a generator of their own."""
        import torch

        return torch.Generator().manual_seed(self.job.settings.seed + number)

    def training_metrics(self) -> dict[str, float]:
        """The means of the last steps. What is to be noticed is judged by training samples: none may be held out."""
        import torch

        curves = self.step_metrics.recent()
        recent = {
            "discriminator_accuracy_real": curves["step_accuracy_real"],
            "discriminator_accuracy_fake": curves["step_accuracy_fake"],
        }
        with torch.inference_mode(), _judging(*self.modules.values()):
            training = self.prepared.training
            data = training.inputs[0][:COMPARED].to(self.device)
            targets = training.targets[:COMPARED].to(self.device)
            found = self._likeness(data, targets)
            data, asked = data[: snapshots.SHOWN], self.noise.asked(targets[: snapshots.SHOWN])
            now = self._draw(self.generator, len(data), asked, self._source(3))
            self.diagnostics = self.tracker.remarks(recent, found, now, data, len(self.prepared.classes))
        rates = {"learning_rate": self.drawing.learning_rate, "discriminator_learning_rate": self.judging.learning_rate}
        return recent | rates | {"gradient_norm": self.drawing.gradient_norm()}

    def snapshots(self, step: int) -> Iterator[Event]:
        """The curves of both sides; now and then what the generator makes of the same noise."""
        import torch

        yield from self.step_metrics.metrics()
        if self.shutter.due(step):
            with torch.inference_mode(), _judging(*self.modules.values()):
                yield self._scene(step)
            self.shutter.taken(step)

    def _scene(self, step: int) -> Event:
        """What the best generator makes of fixed noise; of points in the plane also what the discriminator thinks."""
        training, figures = self.prepared.training, self.prepared.standardisation[0]
        if self.job.dataset.input_shape != (2,):
            classes = max(len(self.prepared.classes), 1)
            count = snapshots.SHOWN // classes * classes or classes if self.noise.labelled else snapshots.SHOWN
            asked = self.noise.in_turn(count, classes, self.device)
            drawn = self._draw(self.best, count, asked, self._source(4))
            return snapshots.samples(step, drawn, asked, figures)
        data = training.inputs[0][: snapshots.POINTS].to(self.device)
        asked = self.noise.asked(training.targets[: len(data)].to(self.device))
        drawn = self._draw(self.best, len(data), asked, self._source(4))

        def judge(plane: Tensor) -> Tensor:
            return self._judge(plane, None if asked is None else asked.new_zeros(len(plane), 1))

        return snapshots.points(step, drawn, data, judge, figures)

    # -- keeping ------------------------------------------------------------------------------------------------------

    def epoch_end(self, validation_loss: float | None) -> None:
        self.drawing.pace.epoch_end(validation_loss)
        self.judging.pace.epoch_end(validation_loss)

    def state_dict(self) -> dict[str, Any]:
        return {
            "drawing": self.drawing.state_dict(), "judging": self.judging.state_dict(), "turn": self.turn,
            "last_loss": self.last_loss, "step_metrics": self.step_metrics.state_dict(), "diagnostics": self.tracker.state_dict(),
        }  # fmt: skip

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.drawing.load_state_dict(state["drawing"])
        self.judging.load_state_dict(state["judging"])
        self.turn, self.last_loss = state["turn"], state["last_loss"].to(self.device)
        self.step_metrics.load_state_dict(state["step_metrics"])
        self.tracker.load_state_dict(state["diagnostics"])


def _optimisation(
    job: Job, parameters: Iterable[nn.Parameter], total_steps: int, steps_per_epoch: int, rate: float | None
) -> Optimisation:
    """The job's optimizer and schedule for one of the networks, with a learning rate of its own if it has one."""
    settings = job.settings
    optimizer = job.optimizer if rate is None else job.optimizer.model_copy(update={"lr": rate})
    scaled = settings.precision == "float16"
    return Optimisation(
        parameters, optimizer, job.schedule, total_steps, steps_per_epoch,
        gradient_clip=settings.gradient_clip, l1=settings.l1, scaled=scaled,
    )  # fmt: skip


@contextlib.contextmanager
def _untouched(network: nn.Module) -> Iterator[None]:
    """Gradients pass through the network and are not kept for its own weights."""
    network.requires_grad_(False)
    try:
        yield
    finally:
        network.requires_grad_(True)


@contextlib.contextmanager
def _judging(*networks: nn.Module) -> Iterator[None]:
    """Networks in evaluation mode for a while."""
    for network in networks:
        network.eval()
    try:
        yield
    finally:
        for network in networks:
            network.train()
