"""One step of each way of training against the same step written by hand, on the same networks and batches.

What the two do is the same: losses, draws, optimizers, moving averages. What is measured is what Netloom adds to it.
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

STEPS, ROUNDS = 12, 31
LIMIT = 1.03
Step = Callable[[tuple[Tensor, ...], Tensor], object]


def rows() -> Iterator[Row]:
    os.environ.setdefault("NETLOOM_HOME", tempfile.mkdtemp())
    for name, by_hand in BY_HAND.items():
        job = trainers.Job.from_document(builder.template(name), device="cpu")
        if not job.dataset.ready():
            yield Row(f"step of {name}: its data set is not here", float("nan"), "", 0.0)
            continue
        prepared = job.prepare()
        torch.manual_seed(0)
        learner: Any = job.paradigm.learner(job, prepared, "cpu", 10_000, 100)
        theirs = by_hand(job, copy.deepcopy(dict(learner.modules)))
        size = int(job.batch_size)
        part = prepared.training
        batch = tuple(given[:size] for given in part.inputs), part.targets[:size]
        value, one, other = ratio(_steps(learner.step, *batch), _steps(theirs, *batch), ROUNDS)
        note = f"{one / STEPS * 1e3:.2f} ms against {other / STEPS * 1e3:.2f} ms"
        yield Row(f"training step, {job.paradigm.label}, {name}: ours / by hand", value, "at most", LIMIT, note)


def _steps(step: Step, inputs: tuple[Tensor, ...], targets: Tensor) -> Callable[[], None]:
    def steps() -> None:
        for _ in range(STEPS):
            step(inputs, targets)

    return steps


def _moved(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()


def _adam(job: trainers.Job, module: nn.Module) -> torch.optim.Optimizer:
    return job.optimizer.build(list(module.parameters()))


def variational(job: trainers.Job, modules: dict[str, nn.Module]) -> Step:
    """An encoder and a decoder, the bound of Kingma and Welling."""
    names = [node.name for node in job.document.nodes if node.type == "Reparameterize"]
    wires = [edge.source for edge in job.document.edges if edge.target == names[0]]
    end = next(node.name for node in job.document.nodes if node.role == "output")
    model = builder.compile(job.document, outputs=[*wires, end])
    optimizer = _adam(job, model)

    def step(inputs: tuple[Tensor, ...], targets: Tensor) -> object:
        told = model(inputs[0])
        mean, log_variance = (told[name] for name in wires)
        reconstruction = functional.binary_cross_entropy(told[end], inputs[0], reduction="sum")
        divergence = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum()
        _moved(optimizer, (reconstruction + divergence) / len(inputs[0]))
        return reconstruction

    return step


def adversarial(job: trainers.Job, modules: dict[str, nn.Module]) -> Step:
    """DCGAN with smoothed labels and a moving average of the generator."""
    drawing, judging, average = modules["generator"], modules["discriminator"], modules["average"]
    first, second = _adam(job, drawing), _adam(job, judging)
    noise = next(node.spec.shape for node in job.document.nodes if node.role == "input")  # type: ignore[attr-defined]

    def step(inputs: tuple[Tensor, ...], targets: Tensor) -> object:
        real = inputs[0]
        with torch.no_grad():
            false = drawing(torch.randn(len(real), *noise))
        on_real, on_false = judging(real), judging(false)
        wanted = torch.full_like(on_real, 0.9)
        loss = functional.binary_cross_entropy_with_logits(on_real, wanted)
        loss = loss + functional.binary_cross_entropy_with_logits(on_false, torch.zeros_like(on_false))
        _moved(second, loss)
        for weight in judging.parameters():
            weight.requires_grad_(False)
        scores = judging(drawing(torch.randn(len(real), *noise)))
        _moved(first, functional.binary_cross_entropy_with_logits(scores, torch.ones_like(scores)))
        for weight in judging.parameters():
            weight.requires_grad_(True)
        with torch.no_grad():
            torch._foreach_lerp_(list(average.parameters()), list(drawing.parameters()), 0.001)
        return loss

    return step


def diffusion(job: trainers.Job, modules: dict[str, nn.Module]) -> Step:
    """Noise is added at a random time and guessed (Ho et al. 2020), with a moving average of the weights."""
    model, average = modules["main"], modules["average"]
    optimizer = _adam(job, model)
    share = torch.linspace(0.999, 0.001, 200)

    def step(inputs: tuple[Tensor, ...], targets: Tensor) -> object:
        clean = inputs[0]
        time = torch.randint(200, (len(clean), 1))
        noise = torch.randn_like(clean)
        kept = share[time].reshape(-1, 1, 1, 1)
        loss = functional.mse_loss(model(kept.sqrt() * clean + (1 - kept).sqrt() * noise, time), noise)
        _moved(optimizer, loss)
        with torch.no_grad():
            torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), 0.01)
        return loss

    return step


def denoising(job: trainers.Job, modules: dict[str, nn.Module]) -> Step:
    """The clean picture out of the noisy one."""
    model = builder.compile(job.document)
    optimizer = _adam(job, model)
    options = dict(job.document.training["paradigm"])
    criterion = {"mse": functional.mse_loss, "bce": functional.binary_cross_entropy}[options.get("loss", "mse")]
    strength = options.get("noise_strength", 0.3)
    kind = options["noise"]

    def step(inputs: tuple[Tensor, ...], targets: Tensor) -> object:
        clean = inputs[0]
        if kind == "gaussian":
            given = clean + strength * torch.randn_like(clean)
        else:
            given = clean.masked_fill(torch.rand_like(clean) < strength, 0.0)
        loss = criterion(model(given), clean)
        _moved(optimizer, loss)
        return loss

    return step


BY_HAND: dict[str, Callable[[trainers.Job, dict[str, nn.Module]], Step]] = {
    "denoising_autoencoder": denoising,
    "convolutional_vae": variational,
    "dcgan": adversarial,
    "diffusion": diffusion,
}
