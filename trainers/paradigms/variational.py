"""Variational autoencoders: the code is sampled from a distribution, so random codes can be decoded to new samples."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from builder.analysis.infer import analyse
from trainers.events import Event, Snapshot, Verdict
from trainers.paradigms.autoencoder import bottleneck
from trainers.paradigms.autoencoder.base import ReconstructionLearner, ReconstructionParadigm, evaluation_batches
from trainers.paradigms.base import ReportedMetric
from trainers.verdicts.advice import advise
from trainers.verdicts.circumstances import Circumstances
from trainers.verdicts.rules import VerdictRule

if TYPE_CHECKING:
    from torch import Tensor

    from builder.analysis.plan import Step
    from builder.document import Document
    from trainers.data import DataSet
    from trainers.data.batches import Batch
    from trainers.data.splits import Prepared, Split
    from trainers.job import Job

INACTIVE = 0.01  # nats: a latent dimension with a KL divergence up to this holds no information about the sample


class Variational(ReconstructionParadigm):
    """Samples its code from a distribution close to the standard normal one, which then decodes to new samples.

    The loss is the negative evidence lower bound (ELBO) in nats per sample: the reconstruction loss, summed over all
    values of a sample, plus beta times the KL divergence of the code's distribution from the standard normal one.
    Kingma and Welling 2014; beta by Higgins et al. 2017; KL warm-up by Bowman et al. 2016.
    """

    name: ClassVar[str] = "variational"
    label: ClassVar[str] = "Variational autoencoder"
    synonyms: ClassVar[tuple[str, ...]] = ("vae", "beta_vae", "variational_autoencoder")
    cards: ClassVar[tuple[str, ...]] = ("reconstructions", "latent_space", "latent_units")
    panels: ClassVar[tuple[str, ...]] = (
        "autoencoder_metrics",
        "prior_samples",
        "reconstructions",
        "latent_interpolation",
        "latent_space",
        "latent_grid",
        "kl_per_unit",
        "decode_code",
    )

    loss: Literal["bce", "mse"] = Field(
        "bce",
        description="bce: each output is the probability of a white pixel (needs a sigmoid); mse: values are normal "
        "around the output.",
    )
    output_std: float = Field(
        0.2,
        gt=0,
        le=10,
        description="mse: the standard deviation of values around the output; smaller gives the reconstruction more "
        "weight.",
    )
    beta: float = Field(
        1.0,
        ge=0,
        le=1000,
        description="The weight of the KL divergence: above 1 the code is simpler, below 1 reconstructions are better.",
    )
    kl_warmup_epochs: int = Field(
        0, ge=0, le=10_000, description="Epochs in which beta rises from 0, to avoid posterior collapse."
    )

    def code(self, document: Document) -> str | None:
        return bottleneck.sampled_code(analyse(document))

    def metrics(self, dataset: DataSet) -> tuple[ReportedMetric, ...]:
        return (
            ReportedMetric("negative_elbo", "negative ELBO, nats", False),
            ReportedMetric("reconstruction", "reconstruction, nats", False),
            ReportedMetric("kl", "KL, nats", None),
            ReportedMetric("active_units", "active units", None),
        )

    def card_facts(self) -> dict[str, Any]:
        return {**super().card_facts(), "prior": "standard normal"}

    def learner(self, job: Job, prepared: Prepared, device: str, total_steps: int, steps_per_epoch: int) -> Any:
        return VariationalLearner(self, job, prepared, device, total_steps, steps_per_epoch)


class VariationalLearner(ReconstructionLearner):
    """One network that samples its code, with the KL divergence of the code in its loss."""

    paradigm: Variational

    def __init__(self, paradigm: Variational, job: Job, prepared: Prepared, device: str, *steps: int) -> None:
        self.sampling: list[Step] = bottleneck.sampling_steps(analyse(job.document))
        super().__init__(paradigm, job, prepared, device, *steps)
        self.warmup_steps = paradigm.kl_warmup_epochs * steps[-1]
        self.taken = 0
        self.noted: list[Tensor] = []  # reconstruction loss and KL of the epoch's steps, in turn

    def observed_nodes(self) -> tuple[str, ...]:
        pairs = [name for step in self.sampling for name in step.inputs]
        return (*super().observed_nodes(), *pairs)

    @property
    def beta(self) -> float:
        """The weight of the KL divergence in the next step."""
        return self._beta_at(self.taken + 1)

    def _beta_at(self, step: int) -> float:
        return self.paradigm.beta * min(1.0, step / self.warmup_steps if self.warmup_steps else 1.0)

    def step(self, batch: Batch) -> Tensor:
        (clean,) = batch.inputs
        beta, count = self.beta, len(clean)
        terms: list[Tensor] = []

        def loss() -> Tensor:
            found = self.forward(clean)
            reconstruction = self.reconstruction_loss(found[self.output], clean).sum() / count
            divergence = self.kl_divergence(found).sum() / count
            terms[:] = [reconstruction.detach(), divergence.detach()]
            return reconstruction + beta * divergence

        value = self.optimisation.step(loss)
        self.taken += 1
        self.noted += terms
        return value

    def reconstruction_loss(self, output: Tensor, clean: Tensor) -> Tensor:
        """Negative log-likelihood of each value in nats; of a normal distribution without its constant."""
        from torch.nn import functional

        if self.paradigm.loss == "bce":
            return functional.binary_cross_entropy(output, clean.clamp(0, 1), reduction="none")
        return functional.mse_loss(output, clean, reduction="none") / (2 * self.paradigm.output_std**2)

    def kl_divergence(self, found: dict[str, Tensor]) -> Tensor:
        """KL divergence of each latent dimension from the standard normal distribution, (N, dimensions), in nats."""
        import torch

        every = [kl_divergence(found[step.inputs[0]], found[step.inputs[1]]).flatten(1) for step in self.sampling]
        return every[0] if len(every) == 1 else torch.cat(every, dim=1)

    def evaluate(self, split: Split, costly: bool = False) -> dict[str, float]:
        """The negative ELBO with one sampled code for each sample, the same every time, and with the full beta."""
        import torch

        reconstruction, total = 0.0, torch.zeros((), device=self.device)
        with torch.inference_mode(), self._sampled_codes():
            for clean, _ in evaluation_batches(split, self.evaluation_batch_size):
                found = self.forward(clean)
                reconstruction += float(self.reconstruction_loss(found[self.output], clean).sum())
                total = total + self.kl_divergence(found).sum(dim=0)
        dimensions = (total / len(split)).cpu()
        reconstruction, kl = reconstruction / len(split), float(dimensions.sum())
        self.diagnostics = (
            *diagnose(dimensions, self.code or "", self.paradigm, self.circumstances),
            *self._unused_code(split),
        )
        return {
            "loss": reconstruction + self.paradigm.beta * kl,
            "negative_elbo": reconstruction + kl,
            "reconstruction": reconstruction,
            "kl": kl,
            "active_units": float((dimensions > INACTIVE).sum()),
        }

    def _unused_code(self, split: Split) -> tuple[Verdict, ...]:
        self.model.eval()
        try:
            return self.unused_code(split)
        finally:
            self.model.train()

    @contextlib.contextmanager
    def _sampled_codes(self) -> Iterator[None]:
        """The network in evaluation mode, except that codes are sampled, with random numbers of their own."""
        import torch

        modules = [self.model.get_submodule(step.module) for step in self.sampling]
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

    def code_snapshots(self, step: int, found: dict[str, Tensor]) -> Iterator[Event]:
        dimensions = self.kl_divergence(found).mean(dim=0)
        yield Snapshot(step, "latent_units", {"kl": dimensions.float().cpu().numpy()})

    def training_metrics(self) -> dict[str, float]:
        import torch

        found = {"beta": self._beta_at(self.taken)}
        if self.noted:
            reconstruction, kl = torch.stack(self.noted).view(-1, 2).mean(dim=0).tolist()
            found |= {"reconstruction": reconstruction, "kl": kl, "negative_elbo": reconstruction + kl}
            self.noted.clear()
        return found | super().training_metrics()

    def state_dict(self) -> dict[str, Any]:
        import torch

        noted = torch.stack(self.noted) if self.noted else torch.zeros(0)
        return {**super().state_dict(), "taken": self.taken, "noted": noted}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.taken = int(state["taken"])
        self.noted = list(state["noted"].to(self.device).unbind())


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL divergence of normal distributions from the standard one, number by number, in nats (Kingma, Welling 2014)."""
    return (mean.square() + log_variance.exp() - log_variance - 1) / 2


class PosteriorCollapse(VerdictRule):
    """Latent dimensions have the same distribution for every sample, so they hold no information about it.

    The KL term pulls every dimension to the standard normal distribution. Where the decoder gains little by one, the
    pull wins.

    Example: a VAE with a beta of 20.
    Fix: raise kl_warmup_epochs, lower beta, or use fewer latent dimensions.
    """

    title: ClassVar[str] = "Posterior collapse"

    def find(
        self, dimensions: Tensor, node: str, how: Variational, circumstances: Circumstances
    ) -> tuple[Verdict, ...]:
        """`dimensions`: the KL divergence of each latent dimension, in nats."""
        count, inactive = len(dimensions), int((dimensions <= INACTIVE).sum())
        if not inactive:
            return ()
        warm_up, lower = "raise kl_warmup_epochs", "lower beta" if how.loss == "bce" else "lower beta or output_std"
        if inactive == count:
            message = "Posterior collapse: the code at {node} is the same for every sample, and the decoder ignores it."
            return (self.verdict(circumstances, node, message, advise(circumstances, warm_up, lower)),)
        message = (
            f"{inactive} of {count} latent dimensions at {{node}} hold no information about the sample (KL below "
            f"{INACTIVE:g} nats)."
        )
        fewer = "use fewer latent dimensions, if the reconstructions are good enough"
        advice = f"Posterior collapse: {advise(circumstances, warm_up, lower, fewer)}"
        found = self.verdict(circumstances, node, message, advice)
        return (found if 2 * inactive >= count else replace(found, severity="info"),)


def diagnose(
    dimensions: Tensor, node: str, how: Variational, circumstances: Circumstances | None = None
) -> tuple[Verdict, ...]:
    """Posterior collapse, from the KL divergence of each latent dimension."""
    return PosteriorCollapse().find(dimensions, node, how, circumstances or Circumstances(specs={}))
