"""Generative adversarial networks: a generator makes samples from noise, a discriminator distinguishes them from real
ones, and each is trained against the other (Goodfellow et al., Generative Adversarial Nets, 2014).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from builder.document.subnetworks import only
from trainers.paradigms.base import KeptMetric, Paradigm, Part, ReportedMetric
from trainers.paradigms.gan.networks import DISCRIMINATOR, EMA, GENERATOR

if TYPE_CHECKING:
    from torch import nn

    from builder.document import Document
    from builder.spec import Signal
    from trainers.data import DataSet
    from trainers.data.scaling import Scaling
    from trainers.data.splits import Prepared
    from trainers.job import Job
    from trainers.paradigms.gan.learner import GanLearner


class GAN(Paradigm):
    """Two networks: a generator makes samples from noise, and a discriminator distinguishes them from real samples."""

    name: ClassVar[str] = "gan"
    label: ClassVar[str] = "Generative adversarial network"
    synonyms: ClassVar[tuple[str, ...]] = ("adversarial", "dcgan", "wgan")
    networks: ClassVar[tuple[str, ...]] = (GENERATOR, DISCRIMINATOR)
    loss_shows_progress: ClassVar[bool] = False
    cards: ClassVar[tuple[str, ...]] = ("generated_samples", "adversarial_losses")
    panels: ClassVar[tuple[str, ...]] = ("random_samples", "noise_interpolation", "discriminator_scores")

    loss: Literal["non_saturating", "wasserstein", "hinge", "least_squares"] = Field(
        "non_saturating", description="The loss of both networks; wasserstein has a gradient penalty."
    )
    discriminator_steps: int = Field(
        1, ge=1, le=100, description="Steps of the discriminator for each step of the generator."
    )
    discriminator_lr: float | None = Field(
        None, gt=0, le=100, description="The discriminator's learning rate. Empty: the same as the generator's."
    )
    label_smoothing: float = Field(
        0.0, ge=0, le=0.5, description="Real samples have the label 1 minus this, so the discriminator is less certain."
    )
    gradient_penalty: float = Field(10.0, ge=0, le=1000, description="wasserstein: weight of the gradient penalty.")
    ema_decay: float = Field(
        0.999,
        ge=0,
        lt=1,
        description="Decay of the moving average of the generator's weights, which is kept. 0: no average.",
    )

    @property
    def exports_script(self) -> bool:
        return False  # a step is more than a comparison of outputs with targets

    def signals(self, dataset: DataSet, network: str = "main") -> tuple[Signal | None, ...]:
        return (*dataset.signals[:1], None) if network == DISCRIMINATOR else (None, None)

    def scaling(self, dataset: DataSet) -> Scaling:
        return "signed" if dataset.kind == "image" else "standard"

    def metric_to_keep(self, dataset: DataSet) -> KeptMetric | None:
        return None  # neither loss says how good the samples are

    def metrics(self, dataset: DataSet) -> tuple[ReportedMetric, ...]:
        found = [
            ReportedMetric("sliced_wasserstein", "sliced Wasserstein distance", False),
            ReportedMetric("diversity", "diversity", None),
        ]
        if dataset.task == "classification":
            found += [
                ReportedMetric("mode_coverage", "mode coverage", True),
                ReportedMetric("class_agreement", "class agreement", True),
            ]
        return (
            *found,
            ReportedMetric("discriminator_accuracy_real", "discriminator accuracy, real", None),
            ReportedMetric("discriminator_accuracy_fake", "discriminator accuracy, fake", None),
        )

    def modules(self, document: Document) -> dict[str, str]:
        own = {GENERATOR: GENERATOR, DISCRIMINATOR: DISCRIMINATOR}
        return own | {EMA: GENERATOR} if self.ema_decay else own

    def assemble(self, modules: dict[str, nn.Module]) -> nn.Module:
        return modules.get(EMA, modules[GENERATOR])

    def parts(self, document: Document) -> dict[str, Part]:
        module = EMA if self.ema_decay else GENERATOR
        generator = only(document, GENERATOR, f"{document.name}, generator")
        discriminator = only(document, DISCRIMINATOR, f"{document.name}, discriminator")
        return {
            GENERATOR: Part("Generator", generator, module, takes_samples=False, gives_samples=True),
            DISCRIMINATOR: Part("Discriminator", discriminator, DISCRIMINATOR),
        }

    def card_facts(self) -> dict[str, Any]:
        return {"generator": GENERATOR}

    def learner(self, job: Job, prepared: Prepared, device: str, total_steps: int, steps_per_epoch: int) -> GanLearner:
        from trainers.paradigms.gan.learner import GanLearner  # imports torch

        return GanLearner(self, job, prepared, device, total_steps, steps_per_epoch)
