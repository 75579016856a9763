"""Autoencoders: learn to give back their own input through a narrow code; plain, sparse, or from a noisy input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from trainers.events import Verdict
from trainers.paradigms.autoencoder import bottleneck
from trainers.paradigms.autoencoder.base import Reconstruction, ReconstructionLearner, explained, pieces_of
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
POOR = 0.05  # of the samples' spread explained, below which the mean sample would do as well
STILL = 1e-4  # spread of a code unit, beside that of the liveliest, below which it counts as dead
ACTIVE = 0.1  # of the code's largest value, above which a unit says something


class Autoencoder(Reconstruction):
    """Learns to give back its own input through a narrow code, which keeps what the samples have in common."""

    name: ClassVar[str] = "autoencoder"
    label: ClassVar[str] = "Autoencoder"
    cards: ClassVar[tuple[str, ...]] = ("reconstructions", "latent_space")
    panels: ClassVar[tuple[str, ...]] = (
        "autoencoder_metrics", "reconstructions", "latent_interpolation", "decode_code", "latent_space", "latent_grid",
        "anomaly_detection",
    )  # fmt: skip

    loss: Literal["mse", "bce", "l1", "smooth_l1"] = Field(
        "mse",
        description="How output and input are compared, the mean over all numbers; bce wants a sigmoid at the end.",
    )
    noise: Noise = Field(
        "none", description="What is done to the input in training: the network has to give back the clean one."
    )
    noise_strength: float = Field(
        0.3,
        ge=0,
        le=5,
        description="Gaussian: its spread; masking, salt and pepper: the share of the values (up to 1).",
    )
    sparsity: Literal["none", "l1", "kl"] = Field(
        "none", description="l1: draws the code towards 0; kl: draws each unit's mean towards the target rate."
    )
    sparsity_weight: float = Field(0.001, ge=0, le=100, description="How much sparsity counts beside the likeness.")
    target_rate: float = Field(0.05, gt=0, lt=1, description="Sparsity kl: how active a code unit is to be on average.")
    latent: str | None = Field(
        None,
        description="The node whose value is the code. Empty: the narrowest.",
        json_schema_extra={"offers": "nodes"},
    )
    anomaly_class: str | None = Field(
        None, description="A class to keep out of training: the test score tells how well its error gives it away.",
        json_schema_extra={"offers": "classes"},
    )  # fmt: skip

    @property
    def kept_out(self) -> str | None:
        return self.anomaly_class

    def code(self, document: Document) -> str | None:
        analysis = bottleneck.analyse(document)
        return self.latent if self.latent in analysis.facts else bottleneck.code_of(analysis)

    def spoilt(self, clean: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """A normal number is added to each value; or a share of them is set to 0 (Vincent et al. 2008); or half of that
        share to the lowest and half to the highest value of the batch."""
        import torch

        if self.noise == "none" or not self.noise_strength:
            return clean
        if self.noise == "gaussian":
            return clean + self.noise_strength * torch.randn(clean.shape, generator=generator, device=clean.device)
        chance = torch.rand(clean.shape, generator=generator, device=clean.device)
        share = min(self.noise_strength, 1.0)
        if self.noise == "masking":
            return clean.masked_fill(chance < share, 0.0)
        low, high = clean.amin(), clean.amax()
        return torch.where(chance < share / 2, low, torch.where(chance < share, high, clean))

    def metrics(self, dataset: DataSet) -> tuple[ReportedMetric, ...]:
        sparse = (ReportedMetric("active", "active code units", None),) if self.sparsity != "none" else ()
        return (*self.anomaly_scores(), ReportedMetric("explained_variance", "spread explained"), *sparse)

    def learner(self, job: Job, prepared: Prepared, device: str, total_steps: int, steps_per_epoch: int) -> Any:
        return AutoencoderLearner(self, job, prepared, device, total_steps, steps_per_epoch)


class AutoencoderLearner(ReconstructionLearner):
    """One network whose output is compared with its clean input."""

    way: Autoencoder

    def __init__(self, paradigm: Autoencoder, job: Job, prepared: Prepared, device: str, *steps: int) -> None:
        from torch.nn import functional

        super().__init__(paradigm, job, prepared, device, *steps)
        self.criterion: Any = {
            "mse": functional.mse_loss, "bce": cross_entropy, "l1": functional.l1_loss,
            "smooth_l1": functional.smooth_l1_loss,
        }[paradigm.loss]  # fmt: skip

    def step(self, batch: Batch) -> Tensor:
        inputs = batch.inputs
        (clean,) = inputs
        given = self.way.spoilt(clean)  # torch's own random numbers, which a checkpoint keeps

        def loss() -> Tensor:
            told = self.told(given)
            value: Tensor = self.criterion(told[self.end], clean)
            return value if self.way.sparsity == "none" or self.code is None else value + self.price(told[self.code])

        return self.optimisation.step(loss)

    def price(self, code: Tensor) -> Tensor:
        """What a code that is not sparse costs."""
        if self.way.sparsity == "l1":
            return code.abs().mean() * self.way.sparsity_weight
        wanted = self.way.target_rate
        rate = code.flatten(1).mean(dim=0).clamp(1e-6, 1 - 1e-6)
        apart = wanted * (wanted / rate).log() + (1 - wanted) * ((1 - wanted) / (1 - rate)).log()
        return apart.mean() * self.way.sparsity_weight

    def evaluate(self, split: Split, costly: bool = False) -> dict[str, float]:
        """Of samples with the same noise on them every time, where there is any: two epochs can be compared."""
        import torch

        loss = off = spread = 0.0
        codes, errors = [], []
        self.model.eval()
        try:
            with torch.inference_mode():
                for clean, targets in pieces_of(split, self.piece):
                    told = self.told(self.seen(clean))
                    normal = self._normal(targets)
                    output, wanted = told[self.end][normal], clean[normal]
                    if self.code is not None:
                        codes.append(told[self.code][normal].flatten(1))
                    loss += float(self.criterion(output, wanted)) * len(wanted)
                    off += float((output - wanted).square().mean()) * len(wanted)
                    spread += float((wanted - self.mean).square().mean()) * len(wanted)
                    if self._has_anomalies(split):  # judged without noise, as samples will be when it is used
                        plain = self.told(clean)[self.end] if self.way.noise != "none" else told[self.end]
                        errors.append((plain - clean).flatten(1).square().mean(dim=1))
                code = torch.cat(codes) if codes else None
                normals = int(self._normal(split.targets).sum())
                found = self._figures(loss / normals, explained(off, spread), code)
            self.diagnostics += self.passed_by(split)
        finally:
            self.model.train()
        return found | (self._ranked(torch.cat(errors), split) if errors else {})

    def _figures(self, loss: float, share: float, code: Tensor | None) -> dict[str, float]:
        found = {"loss": loss, "explained_variance": share}
        self.diagnostics = ()
        if code is not None:
            if self.way.sparsity != "none":
                found["loss"] += float(self.price(code))
                largest = code.abs().amax().clamp_min(1e-12)
                found["active"] = float((code.abs() > ACTIVE * largest).float().mean())
            self.diagnostics = remarks(share, code, self.code or "", self.way)
        return found

    def _normal(self, targets: Tensor) -> Tensor:
        """Which samples are of the classes that it learns from."""
        import torch

        if not self._knows_anomaly():
            return torch.ones(len(targets), dtype=torch.bool, device=targets.device)
        return targets != self.prepared.classes.index(self.way.anomaly_class or "")

    def _knows_anomaly(self) -> bool:
        return self.way.anomaly_class in self.prepared.classes

    def _has_anomalies(self, split: Split) -> bool:
        if not self._knows_anomaly():
            return False
        normal = self._normal(split.targets)
        return bool(normal.any()) and not bool(normal.all())

    def _ranked(self, errors: Tensor, split: Split) -> dict[str, float]:
        from sklearn.metrics import roc_auc_score

        odd = ~self._normal(split.targets)
        return {"auroc": float(roc_auc_score(odd.cpu().numpy(), errors.cpu().numpy()))}


def cross_entropy(output: Tensor, clean: Tensor) -> Tensor:
    """Binary cross-entropy. Held-out and augmented samples may lie beyond what the training part had: they are clipped,
    since torch stops at any target that is no chance."""
    from torch.nn import functional

    return functional.binary_cross_entropy(output, clean.clamp(0, 1))


def remarks(share: float, code: Tensor, node: str, how: Autoencoder) -> tuple[Verdict, ...]:
    """What is to be said of held-out likenesses and codes: no better than the mean, or units that never move."""
    spread = code.std(dim=0, correction=0)
    alive = spread > STILL * float(spread.max().clamp_min(1e-6))
    dead, count = int((~alive).sum()), code.shape[1]
    found = []
    if dead == count:
        text = f"The code at {node} is the same for every sample: the decoder learns nothing from it."
        advice = "A code that does not move has dead units or too strong a sparsity: lower the weight or learning rate."
        found.append(Verdict(node, "warning", text, advice))
    elif share < POOR:
        text = f"The likenesses are hardly better than the mean sample: {max(share, 0):.0%} of the spread is explained."
        advice = f"Train longer, or give the code at {node} more numbers than {count}: the bottleneck is too small."
        found.append(Verdict(node, "warning", text, advice))
    if 0 < dead < count:
        text = f"{dead} of {count} code units at {node} give the same number for every sample: they are dead."
        why = "Lower the sparsity weight" if how.sparsity != "none" else "Lower the learning rate"
        found.append(
            Verdict(node, "warning" if 2 * dead >= count else "info", text, f"{why}, or take fewer units.", "")
        )
    return tuple(found)
