"""Generative adversarial networks: one network draws samples out of noise, another tells them from real ones, and each
learns from the other (Goodfellow et al., Generative Adversarial Nets, 2014). How they take turns:
trainers/paradigms/gan/learner.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from builder.document.subnetworks import only
from trainers.paradigms.base import Paradigm, Part, Score

if TYPE_CHECKING:
    from torch import nn

    from builder.document import Document
    from builder.spec import Signal
    from trainers.data import DataSet
    from trainers.data.scaling import Scaling
    from trainers.data.splits import Prepared
    from trainers.job import Job
    from trainers.paradigms.gan.learner import AdversarialLearner

GENERATOR, DISCRIMINATOR, AVERAGE = "generator", "discriminator", "average"


class GAN(Paradigm):
    """Two networks that play against each other: one draws samples from noise, one tells them from real ones."""

    name: ClassVar[str] = "gan"
    label: ClassVar[str] = "Generative adversarial network"
    networks: ClassVar[tuple[str, ...]] = (GENERATOR, DISCRIMINATOR)
    validates: ClassVar[bool] = False
    live: ClassVar[tuple[str, ...]] = ("generated", "adversaries")
    panels: ClassVar[tuple[str, ...]] = ("drawn_samples", "drawn_walk", "drawn_scores")

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
    average: float = Field(
        0.999,
        ge=0,
        lt=1,
        description="The generator that is kept is a moving average of its weights; 0: the last ones.",
    )

    @property
    def scripted(self) -> bool:
        return False  # its step is no comparison of outputs with targets

    def signals(self, dataset: DataSet, network: str = "main") -> tuple[Signal | None, ...]:
        return (*dataset.signals[:1], None) if network == DISCRIMINATOR else (None, None)

    def scaling(self, dataset: DataSet) -> Scaling:
        return "signed" if dataset.kind == "image" else "standard"

    def scores(self, dataset: DataSet) -> tuple[Score, ...]:
        found = [Score("distance", "distance to the data", False), Score("variety", "variety", None)]
        if dataset.task == "classification":
            found += [Score("classes_found", "classes found", True), Score("class_agreement", "drawn as asked", True)]
        sides = (("accuracy_on_real", "accuracy on real"), ("accuracy_on_false", "accuracy on false"))
        return (*found, *(Score(name, label, None) for name, label in sides))

    def modules(self, document: Document) -> dict[str, str]:
        own = {GENERATOR: GENERATOR, DISCRIMINATOR: DISCRIMINATOR}
        return own | {AVERAGE: GENERATOR} if self.average else own

    def assemble(self, modules: dict[str, nn.Module]) -> nn.Module:
        return modules.get(AVERAGE, modules[GENERATOR])

    def parts(self, document: Document) -> dict[str, Part]:
        best = AVERAGE if self.average else GENERATOR
        drawn = only(document, GENERATOR, f"{document.name}, generator")
        judged = only(document, DISCRIMINATOR, f"{document.name}, discriminator")
        return {
            GENERATOR: Part("Generator", drawn, best, takes_samples=False, gives_samples=True),
            DISCRIMINATOR: Part("Discriminator", judged, DISCRIMINATOR),
        }

    def facts(self) -> dict[str, Any]:
        return {"draws": GENERATOR}

    def learner(
        self, job: Job, prepared: Prepared, device: str, total_steps: int, steps_per_epoch: int
    ) -> AdversarialLearner:
        from trainers.paradigms.gan.learner import AdversarialLearner

        return AdversarialLearner(self, job, prepared, device, total_steps, steps_per_epoch)
