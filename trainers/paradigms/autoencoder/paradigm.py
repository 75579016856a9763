"""Autoencoders: reconstruct their own input through a bottleneck; plain, sparse, or denoising."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from builder.analysis.infer import analyse
from trainers.objectives.guess import Guess
from trainers.paradigms.autoencoder import bottleneck
from trainers.paradigms.autoencoder.base import (
    ReconstructionLearner,
    ReconstructionParadigm,
    evaluation_batches,
    explained_variance,
)
from trainers.paradigms.autoencoder.verdicts import diagnose
from trainers.paradigms.base import ReportedMetric

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from builder.document import Document
    from trainers.data import DataSet
    from trainers.data.batches import Batch
    from trainers.data.splits import Prepared, Split
    from trainers.job import Job

Noise = Literal["none", "gaussian", "masking", "salt_and_pepper"]
LOW_EXPLAINED = 0.05  # explained variance below which the mean sample would be as good
ACTIVE = 0.1  # of the largest value in the codes: a unit above it is active


class Autoencoder(ReconstructionParadigm):
    """Reconstructs its own input through a bottleneck, whose code keeps what the samples have in common."""

    name: ClassVar[str] = "autoencoder"
    label: ClassVar[str] = "Autoencoder"
    synonyms: ClassVar[tuple[str, ...]] = ("ae", "auto_encoder", "reconstruction")
    cards: ClassVar[tuple[str, ...]] = ("reconstructions", "latent_space")
    panels: ClassVar[tuple[str, ...]] = (
        "autoencoder_metrics",
        "reconstructions",
        "latent_interpolation",
        "decode_code",
        "latent_space",
        "latent_grid",
        "anomaly_detection",
    )

    loss: Literal["mse", "bce", "l1", "smooth_l1"] = Field(
        "mse",
        description="How the output is compared with the input, as the mean over all numbers; bce needs a sigmoid.",
    )
    noise: Noise = Field(
        "none", description="Noise on the input in training; the network has to reconstruct the clean sample."
    )
    noise_strength: float = Field(
        0.3,
        ge=0,
        le=5,
        description="gaussian: the standard deviation; masking, salt_and_pepper: the share of the values (up to 1).",
    )
    sparsity: Literal["none", "l1", "kl"] = Field(
        "none", description="l1: pulls the code towards 0; kl: pulls the mean of each unit towards the target rate."
    )
    sparsity_weight: float = Field(
        0.001, ge=0, le=100, description="The weight of the sparsity penalty in the loss, beside the reconstruction."
    )
    target_rate: float = Field(
        0.05, gt=0, lt=1, description="Sparsity kl: the mean activation that each code unit is pulled towards."
    )
    latent: str | None = Field(
        None,
        description="The node whose value is the code. Empty: the narrowest.",
        json_schema_extra={"choices": "nodes"},
    )
    anomaly_class: str | None = Field(
        None,
        description="A class to exclude from training; the test metric measures how well its error detects it.",
        json_schema_extra={"choices": "classes"},
    )

    @property
    def excluded_class(self) -> str | None:
        return self.anomaly_class

    def code(self, document: Document) -> str | None:
        analysis = analyse(document)
        return self.latent if self.latent in analysis.facts else bottleneck.find_code(analysis)

    def add_noise(self, clean: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Gaussian: a normal number is added to each value. Masking: a share of the values is set to 0 (Vincent et al.
        2008). Salt and pepper: half of that share is set to the lowest, half to the highest value of the batch."""
        import torch

        if self.noise == "none" or not self.noise_strength:
            return clean
        if self.noise == "gaussian":
            return clean + self.noise_strength * torch.randn(clean.shape, generator=generator, device=clean.device)
        random = torch.rand(clean.shape, generator=generator, device=clean.device)
        share = min(self.noise_strength, 1.0)
        if self.noise == "masking":
            return clean.masked_fill(random < share, 0.0)
        low, high = clean.amin(), clean.amax()
        return torch.where(random < share / 2, low, torch.where(random < share, high, clean))

    def metrics(self, dataset: DataSet) -> tuple[ReportedMetric, ...]:
        sparse = (ReportedMetric("active", "active code units", None),) if self.sparsity != "none" else ()
        return (*self.anomaly_metrics(), ReportedMetric("explained_variance", "explained variance"), *sparse)

    def learner(self, job: Job, prepared: Prepared, device: str, total_steps: int, steps_per_epoch: int) -> Any:
        return AutoencoderLearner(self, job, prepared, device, total_steps, steps_per_epoch)


class AutoencoderLearner(ReconstructionLearner):
    """One network whose output is compared with its clean input."""

    paradigm: Autoencoder

    def __init__(self, paradigm: Autoencoder, job: Job, prepared: Prepared, device: str, *steps: int) -> None:
        from torch.nn import functional

        super().__init__(paradigm, job, prepared, device, *steps)
        losses: dict[str, Any] = {
            "mse": functional.mse_loss,
            "bce": binary_cross_entropy,
            "l1": functional.l1_loss,
            "smooth_l1": functional.smooth_l1_loss,
        }
        self.criterion = losses[paradigm.loss]

    def step(self, batch: Batch) -> Tensor:
        (clean,) = batch.inputs
        given = self.paradigm.add_noise(clean)  # by torch's own generator, whose state is in checkpoints

        def loss() -> Tensor:
            found = self.forward(given)
            value: Tensor = self.criterion(found[self.output], clean)
            if self.paradigm.sparsity == "none" or self.code is None:
                return value
            return value + self.sparsity_penalty(found[self.code])

        return self.optimisation.step(loss)

    def sparsity_penalty(self, code: Tensor) -> Tensor:
        """What is added to the loss, so that few units of the code are active."""
        if self.paradigm.sparsity == "l1":
            return code.abs().mean() * self.paradigm.sparsity_weight
        target = self.paradigm.target_rate
        rate = code.flatten(1).mean(dim=0).clamp(1e-6, 1 - 1e-6)
        divergence = target * (target / rate).log() + (1 - target) * ((1 - target) / (1 - rate)).log()
        return divergence.mean() * self.paradigm.sparsity_weight

    def evaluate(self, split: Split, costly: bool = False) -> dict[str, float]:
        """Loss and explained variance, with the same noise every time, where there is any, so that epochs compare."""
        import torch

        loss = error = variance = 0.0
        codes, errors = [], []
        self.model.eval()
        try:
            with torch.inference_mode():
                for clean, targets in evaluation_batches(split, self.evaluation_batch_size):
                    found = self.forward(self.with_fixed_noise(clean))
                    normal = self._is_normal(targets)
                    output, wanted = found[self.output][normal], clean[normal]
                    if self.code is not None:
                        codes.append(found[self.code][normal].flatten(1))
                    loss += float(self.criterion(output, wanted)) * len(wanted)
                    error += float((output - wanted).square().mean()) * len(wanted)
                    variance += float((wanted - self.mean).square().mean()) * len(wanted)
                    if self._has_anomalies(split):  # detected without noise, as when the network is used
                        plain = found if self.paradigm.noise == "none" else self.forward(clean)
                        errors.append((plain[self.output] - clean).flatten(1).square().mean(dim=1))
                code = torch.cat(codes) if codes else None
                normals = int(self._is_normal(split.targets).sum())
                metrics = self._metrics(loss / normals, explained_variance(error, variance), code)
            self.diagnostics += self.unused_code(split)
            words, advice = "reconstructing the mean of the training samples", self._advice(code)
            guess = Guess("explained_variance", "explained variance", 0.0, words, LOW_EXPLAINED, advice=advice)
            self.guesses = (guess,)
        finally:
            self.model.train()
        return metrics | (self._anomaly_auroc(torch.cat(errors), split) if errors else {})

    def _metrics(self, loss: float, explained: float, code: Tensor | None) -> dict[str, float]:
        found = {"loss": loss, "explained_variance": explained}
        self.diagnostics = ()
        if code is not None:
            if self.paradigm.sparsity != "none":
                found["loss"] += float(self.sparsity_penalty(code))
                largest = code.abs().amax().clamp_min(1e-12)
                found["active"] = float((code.abs() > ACTIVE * largest).float().mean())
            self.diagnostics = diagnose(code, self.code or "", self.paradigm, self.circumstances)
        return found

    def _advice(self, code: Tensor | None) -> str:
        """What to try when the reconstructions are no better than the mean sample."""
        width = "" if code is None else f", or give the code more numbers than {code.shape[1]}"
        return f"Train longer, or change the learning rate{width}."

    def _is_normal(self, targets: Tensor) -> Tensor:
        """Which samples are not of the excluded class."""
        import torch

        if not self._excludes_class():
            return torch.ones(len(targets), dtype=torch.bool, device=targets.device)
        return targets != self.prepared.classes.index(self.paradigm.anomaly_class or "")

    def _excludes_class(self) -> bool:
        return self.paradigm.anomaly_class in self.prepared.classes

    def _has_anomalies(self, split: Split) -> bool:
        if not self._excludes_class():
            return False
        normal = self._is_normal(split.targets)
        return bool(normal.any()) and not bool(normal.all())

    def _anomaly_auroc(self, errors: Tensor, split: Split) -> dict[str, float]:
        from sklearn.metrics import roc_auc_score

        anomalous = ~self._is_normal(split.targets)
        return {"auroc": float(roc_auc_score(anomalous.cpu().numpy(), errors.cpu().numpy()))}


def binary_cross_entropy(output: Tensor, clean: Tensor) -> Tensor:
    """Binary cross-entropy. Validation and augmented samples may lie outside of the range of the training split: they
    are clipped, since torch refuses targets that are not between 0 and 1."""
    from torch.nn import functional

    return functional.binary_cross_entropy(output, clean.clamp(0, 1))
