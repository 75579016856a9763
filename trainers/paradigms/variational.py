"""Variational autoencoders: a code that is drawn from a distribution, so that new samples can be drawn from it, too."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from trainers.events import Event, Snapshot, Verdict
from trainers.paradigms.autoencoder import bottleneck
from trainers.paradigms.autoencoder.base import Reconstruction, ReconstructionLearner, pieces_of
from trainers.paradigms.base import ReportedMetric

if TYPE_CHECKING:
    from torch import Tensor

    from builder.analysis.plan import Step
    from builder.document import Document
    from trainers.data import DataSet
    from trainers.data.batches import Batch
    from trainers.data.splits import Prepared, Split
    from trainers.job import Job

IDLE = 0.01  # nats, below which an axis of the code says nothing of the sample


class Variational(Reconstruction):
    """Learns a code that is drawn from a distribution near the normal one, so that draws from that become new samples.

    The loss is the negative evidence lower bound in nats per sample: reconstruction, the sum over all values of a
    sample, plus beta times the KL divergence of the code's distribution from the standard normal one. Kingma and
    Welling 2014; beta by Higgins et al. 2017; warm-up by Bowman et al. 2016.
    """

    name: ClassVar[str] = "variational"
    label: ClassVar[str] = "Variational autoencoder"
    cards: ClassVar[tuple[str, ...]] = ("reconstructions", "latent_space", "latent_units")
    panels: ClassVar[tuple[str, ...]] = (
        "autoencoder_metrics", "prior_samples", "reconstructions", "latent_interpolation", "latent_space", "latent_grid",
        "kl_per_unit", "decode_code",
    )  # fmt: skip

    loss: Literal["bce", "mse"] = Field(
        "bce", description="bce: each value is the chance of a white pixel (sigmoid at the end); mse: normal around it."
    )
    output_std: float = Field(
        0.2, gt=0, le=10, description="mse: how far values may lie from the output; smaller counts likeness more."
    )
    beta: float = Field(
        1.0, ge=0, le=1000, description="How much KL counts: above 1 the code is simpler, below 1 likeness is better."
    )
    kl_warmup_epochs: int = Field(
        0, ge=0, le=10_000, description="Epochs in which beta rises from 0, against a code unused."
    )

    def code(self, document: Document) -> str | None:
        return bottleneck.drawn_code(bottleneck.analyse(document))

    def metrics(self, dataset: DataSet) -> tuple[ReportedMetric, ...]:
        return (
            ReportedMetric("negative_elbo", "negative ELBO, nats", False),
            ReportedMetric("reconstruction", "reconstruction, nats", False),
            ReportedMetric("kl", "KL, nats", None),
            ReportedMetric("active_units", "axes in use", None),
        )

    def card_facts(self) -> dict[str, Any]:
        return {**super().card_facts(), "prior": "standard normal"}

    def learner(self, job: Job, prepared: Prepared, device: str, total_steps: int, steps_per_epoch: int) -> Any:
        return VariationalLearner(self, job, prepared, device, total_steps, steps_per_epoch)


class VariationalLearner(ReconstructionLearner):
    """One network that draws its code, with a price on codes that say much."""

    way: Variational

    def __init__(self, paradigm: Variational, job: Job, prepared: Prepared, device: str, *steps: int) -> None:
        self.draws: list[Step] = bottleneck.draws(bottleneck.analyse(job.document))
        super().__init__(paradigm, job, prepared, device, *steps)
        self.warming = paradigm.kl_warmup_epochs * steps[-1]  # steps in which beta rises
        self.taken = 0
        self.noted: list[Tensor] = []  # (reconstruction, KL) of the epoch's steps

    def watched(self) -> tuple[str, ...]:
        pairs = [name for step in self.draws for name in step.inputs]
        return (*super().watched(), *pairs)

    @property
    def beta(self) -> float:
        """How much KL counts in the next step."""
        return self.way.beta * min(1.0, (self.taken + 1) / self.warming if self.warming else 1.0)

    def step(self, batch: Batch) -> Tensor:
        inputs = batch.inputs
        (clean,) = inputs
        beta, count = self.beta, len(clean)

        def loss() -> Tensor:
            told = self.told(clean)
            reconstruction = self.likeness(told[self.end], clean).sum() / count
            divergence = self.divergence(told).sum() / count
            self.latest = (reconstruction.detach(), divergence.detach())
            return reconstruction + beta * divergence

        value = self.optimisation.step(loss)
        self.taken += 1
        self.noted += self.latest
        return value

    def likeness(self, output: Tensor, clean: Tensor) -> Tensor:
        """Minus the logarithm of how likely each value is, in nats; of a normal distribution without its constant."""
        from torch.nn import functional

        if self.way.loss == "bce":
            return functional.binary_cross_entropy(output, clean.clamp(0, 1), reduction="none")
        return functional.mse_loss(output, clean, reduction="none") / (2 * self.way.output_std**2)

    def divergence(self, told: dict[str, Tensor]) -> Tensor:
        """KL of each axis of the code from the standard normal distribution, (N, axes), in nats."""
        import torch

        found = [divergence(told[step.inputs[0]], told[step.inputs[1]]).flatten(1) for step in self.draws]
        return found[0] if len(found) == 1 else torch.cat(found, dim=1)

    def evaluate(self, split: Split, costly: bool = False) -> dict[str, float]:
        """The bound with one draw for each sample, the same ones every time; with the whole of beta."""
        import torch

        reconstruction, total = 0.0, torch.zeros((), device=self.device)
        with torch.inference_mode(), self._drawing():
            for clean, _ in pieces_of(split, self.piece):
                told = self.told(clean)
                reconstruction += float(self.likeness(told[self.end], clean).sum())
                total = total + self.divergence(told).sum(dim=0)
        axes = (total / len(split)).cpu()
        reconstruction, kl = reconstruction / len(split), float(axes.sum())
        self.diagnostics = (*remarks(axes, self.code or "", self.way), *self._unused(split))
        return {
            "loss": reconstruction + self.way.beta * kl, "negative_elbo": reconstruction + kl, "reconstruction": reconstruction,
            "kl": kl, "active_units": float((axes > IDLE).sum()),
        }  # fmt: skip

    def _unused(self, split: Split) -> tuple[Verdict, ...]:
        self.model.eval()
        try:
            return self.passed_by(split)
        finally:
            self.model.train()

    @contextlib.contextmanager
    def _drawing(self) -> Iterator[None]:
        """The network in evaluation mode, but for its codes: they are drawn, by random numbers of their own."""
        import torch

        modules = [self.model.get_submodule(step.module) for step in self.draws]
        accelerators = [] if self.device.type == "cpu" else [self.device]
        kind = "cuda" if self.device.type == "cpu" else self.device.type
        self.model.eval()
        try:
            with torch.random.fork_rng(accelerators, device_type=kind):
                torch.manual_seed(self.job.settings.seed)
                for module in modules:
                    module.train()
                yield
        finally:
            self.model.train()

    def further(self, step: int, found: dict[str, Tensor]) -> Iterator[Event]:
        axes = self.divergence(found).mean(dim=0)
        yield Snapshot(step, "latent_units", {"kl": axes.float().cpu().numpy()})

    def training_metrics(self) -> dict[str, float]:
        import torch

        told = {"beta": self.way.beta * min(1.0, self.taken / self.warming if self.warming else 1.0)}
        if self.noted:
            reconstruction, kl = torch.stack(self.noted).view(-1, 2).mean(dim=0).tolist()
            told |= {"reconstruction": reconstruction, "kl": kl, "negative_elbo": reconstruction + kl}
            self.noted.clear()
        return told | super().training_metrics()

    def state_dict(self) -> dict[str, Any]:
        import torch

        noted = torch.stack(self.noted) if self.noted else torch.zeros(0)
        return {**super().state_dict(), "taken": self.taken, "noted": noted}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.taken = int(state["taken"])
        self.noted = list(state["noted"].to(self.device).unbind())


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """How far normal distributions are from the standard one, number by number, in nats (Kingma and Welling 2014)."""
    return (mean.square() + log_variance.exp() - log_variance - 1) / 2


def remarks(axes: Tensor, node: str, how: Variational) -> tuple[Verdict, ...]:
    """Posterior collapse: axes of the code whose distribution is the same for every sample."""
    count, idle = len(axes), int((axes <= IDLE).sum())
    if not idle:
        return ()
    raise_likeness = "lower beta" if how.loss == "bce" else "lower beta or std"
    if idle == count:
        text = f"Posterior collapse: the code at {node} is the same for every sample, and the decoder ignores it."
        return (Verdict(node, "warning", text, f"Warm KL up over some epochs, or {raise_likeness}."),)
    text = f"{idle} of {count} axes of the code at {node} say nothing of the sample (KL below {IDLE:g} nats)."
    many = 2 * idle >= count
    advice = f"Posterior collapse: warm KL up, {raise_likeness}; or take fewer axes, if the likenesses are good enough."
    return (Verdict(node, "warning" if many else "info", text, advice),)
