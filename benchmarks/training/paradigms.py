"""One step of several paradigms against the same step written by hand, on the same networks and batches.

Both do the same: losses, random numbers, optimizers, moving averages. The ratio shows what Netloom adds to it.
"""

from __future__ import annotations

import copy
import os
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

import builder
import trainers
from benchmarks.table import Row
from benchmarks.timing import ratio
from trainers.data.batches import Batch

STEPS, ROUNDS = 12, 31
LIMIT = 1.03
Step = Callable[[Batch], object]


def rows() -> Iterator[Row]:
    os.environ.setdefault("NETLOOM_HOME", tempfile.mkdtemp())
    for name, by_hand in BY_HAND.items():
        job = trainers.Job.from_document(builder.template(name), device="cpu")
        if not job.dataset.ready():
            yield Row(f"step of {name}: its data set is not available", float("nan"), "", 0.0)
            continue
        prepared = job.prepare()
        torch.manual_seed(0)
        learner: Any = job.paradigm.learner(job, prepared, "cpu", 10_000, 100)
        theirs = by_hand(job, copy.deepcopy(dict(learner.modules)))
        size = int(job.batch_size)
        split = prepared.training
        batch = Batch(tuple(given[:size] for given in split.inputs), split.targets[:size])
        value, one, other = ratio(_steps(learner.step, batch), _steps(theirs, batch), ROUNDS)
        note = f"{one / STEPS * 1e3:.2f} ms against {other / STEPS * 1e3:.2f} ms"
        yield Row(f"training step, {job.paradigm.label}, {name}: ours / by hand", value, "at most", LIMIT, note)


def _steps(step: Step, batch: Batch) -> Callable[[], None]:
    def steps() -> None:
        for _ in range(STEPS):
            step(batch)

    return steps


def _optimize(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()


def _optimizer(job: trainers.Job, module: nn.Module) -> torch.optim.Optimizer:
    return job.optimizer.build(list(module.parameters()))


def variational(job: trainers.Job, modules: dict[str, nn.Module]) -> Step:
    """An encoder and a decoder with the negative ELBO (Kingma and Welling)."""
    names = [node.name for node in job.document.nodes if node.type == "Reparameterize"]
    wires = [edge.source for edge in job.document.edges if edge.target == names[0]]
    end = next(node.name for node in job.document.nodes if node.role == "output")
    model = builder.compile(job.document, outputs=[*wires, end])
    optimizer = _optimizer(job, model)

    def step(batch: Batch) -> object:
        images = batch.inputs[0]
        outputs = model(images)
        mean, log_variance = (outputs[name] for name in wires)
        reconstruction = functional.binary_cross_entropy(outputs[end], images, reduction="sum")
        divergence = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum()
        _optimize(optimizer, (reconstruction + divergence) / len(images))
        return reconstruction

    return step


def gan(job: trainers.Job, modules: dict[str, nn.Module]) -> Step:
    """DCGAN with smoothed labels and a moving average of the generator."""
    generator, discriminator, ema = modules["generator"], modules["discriminator"], modules["ema"]
    generator_optimizer, discriminator_optimizer = _optimizer(job, generator), _optimizer(job, discriminator)
    noise = next(node.spec.shape for node in job.document.nodes if node.role == "input")  # type: ignore[attr-defined]
    cross_entropy = functional.binary_cross_entropy_with_logits

    def step(batch: Batch) -> object:
        real = batch.inputs[0]
        with torch.no_grad():
            fake = generator(torch.randn(len(real), *noise))
        on_real, on_fake = discriminator(real), discriminator(fake)
        loss = cross_entropy(on_real, torch.full_like(on_real, 0.9))
        loss = loss + cross_entropy(on_fake, torch.zeros_like(on_fake))
        _optimize(discriminator_optimizer, loss)
        for weight in discriminator.parameters():
            weight.requires_grad_(False)
        scores = discriminator(generator(torch.randn(len(real), *noise)))
        _optimize(generator_optimizer, cross_entropy(scores, torch.ones_like(scores)))
        for weight in discriminator.parameters():
            weight.requires_grad_(True)
        with torch.no_grad():
            torch._foreach_lerp_(list(ema.parameters()), list(generator.parameters()), 0.001)
        return loss

    return step


def diffusion(job: trainers.Job, modules: dict[str, nn.Module]) -> Step:
    """The prediction of noise at a random time step (Ho et al. 2020), with a moving average of the weights."""
    model, ema = modules["main"], modules["ema"]
    optimizer = _optimizer(job, model)
    share = torch.linspace(0.999, 0.001, 200)

    def step(batch: Batch) -> object:
        images = batch.inputs[0]
        time = torch.randint(200, (len(images), 1))
        noise = torch.randn_like(images)
        kept = share[time].reshape(-1, 1, 1, 1)
        loss = functional.mse_loss(model(kept.sqrt() * images + (1 - kept).sqrt() * noise, time), noise)
        _optimize(optimizer, loss)
        with torch.no_grad():
            torch._foreach_lerp_(list(ema.parameters()), list(model.parameters()), 0.01)
        return loss

    return step


def denoising(job: trainers.Job, modules: dict[str, nn.Module]) -> Step:
    """The reconstruction of clean images from noisy ones."""
    model = builder.compile(job.document)
    optimizer = _optimizer(job, model)
    options = dict(job.document.training["paradigm"])
    criterion = {"mse": functional.mse_loss, "bce": functional.binary_cross_entropy}[options.get("loss", "mse")]
    strength = options.get("noise_strength", 0.3)
    kind = options["noise"]

    def step(batch: Batch) -> object:
        images = batch.inputs[0]
        if kind == "gaussian":
            noisy = images + strength * torch.randn_like(images)
        else:
            noisy = images.masked_fill(torch.rand_like(images) < strength, 0.0)
        loss = criterion(model(noisy), images)
        _optimize(optimizer, loss)
        return loss

    return step


BY_HAND: dict[str, Callable[[trainers.Job, dict[str, nn.Module]], Step]] = {
    "denoising_autoencoder": denoising,
    "convolutional_vae": variational,
    "dcgan": gan,
    "diffusion": diffusion,
}
