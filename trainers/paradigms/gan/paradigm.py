"""Generative adversarial networks: one network draws samples out of noise, another tells them from real ones, and each
learns from the other (Goodfellow et al., Generative Adversarial Nets, 2014). How they take turns:
trainers/paradigms/gan/learner.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from builder.document.subnetworks import only
from trainers.paradigms.base import KeptMetric, Paradigm, Part, ReportedMetric

if TYPE_CHECKING:
    from torch import nn

    from builder.document import Document
    from builder.spec import Signal
    from trainers.data import DataSet
    from trainers.data.scaling import Scaling
    from trainers.data.splits import Prepared
    from trainers.job import Job
    from trainers.paradigms.gan.learner import AdversarialLearner

GENERATOR, DISCRIMINATOR, EMA = "generator", "discriminator", "ema"


class GAN(Paradigm):
    """Two networks that play against each other: one draws samples from noise, one tells them from real ones."""

    name: ClassVar[str] = "gan"
    label: ClassVar[str] = "Generative adversarial network"
    networks: ClassVar[tuple[str, ...]] = (GENERATOR, DISCRIMINATOR)
    cards: ClassVar[tuple[str, ...]] = ("generated_samples", "adversarial_losses")
    panels: ClassVar[tuple[str, ...]] = ("random_samples", "noise_interpolation", "generator_metrics")

    loss: Literal["non_saturating", "wasserstein", "hinge", "least_squares"] = Field(
        "non_saturating", description="The game that the two play; wasserstein is with a gradient penalty."
    )
    discriminator_steps: int = Field(
        1, ge=1, le=100, description="Steps of the discriminator for each step of the generator."
    )
    discriminator_lr: float | None = Field(
        None, gt=0, le=100, description="The discriminator's learning rate. Empty: the optimizer's, as the generator."
    )
    label_smoothing: float = Field(
        0.0, ge=0, le=0.5, description="Real samples count as real by so much less: it keeps the discriminator modest."
    )
    gradient_penalty: float = Field(10.0, ge=0, le=1000, description="wasserstein: how much the critic's slope counts.")
    ema_decay: float = Field(
        0.999,
        ge=0,
        lt=1,
        description="The generator that is kept is a moving average of its weights; 0: the last ones.",
    )

    @property
    def exports_script(self) -> bool:
        return False  # its step is no comparison of outputs with targets

    def signals(self, dataset: DataSet, network: str = "main") -> tuple[Signal | None, ...]:
        return (*dataset.signals[:1], None) if network == DISCRIMINATOR else (None, None)

    def scaling(self, dataset: DataSet) -> Scaling:
        return "signed" if dataset.kind == "image" else "standard"

    def metric_to_keep(self, dataset: DataSet) -> KeptMetric | None:
        return None  # neither loss says how good the samples are

    def metrics(self, dataset: DataSet) -> tuple[ReportedMetric, ...]:
        found = [
            ReportedMetric("sliced_wasserstein", "distance to the data", False),
            ReportedMetric("diversity", "diversity", None),
        ]
        if dataset.task == "classification":
            found += [
                ReportedMetric("mode_coverage", "classes found", True),
                ReportedMetric("class_agreement", "drawn as asked", True),
            ]
        sides = (
            ("discriminator_accuracy_real", "accuracy on real"),
            ("discriminator_accuracy_fake", "accuracy on false"),
        )
        return (*found, *(ReportedMetric(name, label, None) for name, label in sides))

    def modules(self, document: Document) -> dict[str, str]:
        own = {GENERATOR: GENERATOR, DISCRIMINATOR: DISCRIMINATOR}
        return own | {EMA: GENERATOR} if self.ema_decay else own

    def assemble(self, modules: dict[str, nn.Module]) -> nn.Module:
        return modules.get(EMA, modules[GENERATOR])

    def parts(self, document: Document) -> dict[str, Part]:
        best = EMA if self.ema_decay else GENERATOR
        drawn = only(document, GENERATOR, f"{document.name}, generator")
        judged = only(document, DISCRIMINATOR, f"{document.name}, discriminator")
        return {
            GENERATOR: Part("Generator", drawn, best, takes_samples=False, gives_samples=True),
            DISCRIMINATOR: Part("Discriminator", judged, DISCRIMINATOR),
        }

    def card_facts(self) -> dict[str, Any]:
        return {"draws": GENERATOR}

    def learner(
        self, job: Job, prepared: Prepared, device: str, total_steps: int, steps_per_epoch: int
    ) -> AdversarialLearner:
        from trainers.paradigms.gan.learner import AdversarialLearner

        return AdversarialLearner(self, job, prepared, device, total_steps, steps_per_epoch)
