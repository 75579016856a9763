"""Transfer learning: the network starts with the weights of another training, and needs fewer samples."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from trainers.paradigms.base import Part, Report, ReportedMetric, report_nothing
from trainers.paradigms.supervised import Supervised
from trainers.paradigms.transfer import source_weights
from trainers.paradigms.transfer.first_training import train_first
from trainers.paradigms.transfer.scratch_baseline import SCRATCH, SCRATCH_PREFIX

if TYPE_CHECKING:
    from builder.document import Document
    from trainers.data import DataSet
    from trainers.data.splits import Prepared
    from trainers.job import Job
    from trainers.paradigms.transfer.learner import TransferLearner


class Source(BaseModel):
    """A first training: the data set with its options, and the number of epochs."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    data: dict[str, Any] = Field(description="The data set, as in the settings of a training.")
    epochs: int = Field(5, ge=1, le=10_000, description="How often every sample of it is seen.")


class Transfer(Supervised):
    """Starts with weights that were trained on something else: for data sets with few samples.

    Features that were learned for one task are useful for another (Yosinski et al. 2014,
    https://arxiv.org/abs/1411.1792). The transferred layers can be frozen, trained with a lower learning rate than the
    new head, or unfrozen later, from the head back (Howard and Ruder 2018, https://arxiv.org/abs/1801.06146).
    """

    name: ClassVar[str] = "transfer"
    label: ClassVar[str] = "Transfer"
    synonyms: ClassVar[tuple[str, ...]] = ("transfer_learning", "fine_tuning", "finetune", "pretrained")
    panels: ClassVar[tuple[str, ...]] = ("metrics", "scratch_baseline", "samples", "predictions", "attention")
    cards: ClassVar[tuple[str, ...]] = ("scratch_baseline_curves", "scratch_baseline_samples")
    forms: ClassVar[tuple[str, ...]] = ("source_training", "weights_file", "weight_matching")

    run: str | None = Field(
        None, max_length=64, json_schema_extra={"choices": "runs"}, description="Start with the weights of this run."
    )
    weights: str | None = Field(
        None,
        max_length=104,
        json_schema_extra={"choices": "weights"},
        description="Start with this safetensors file in the folder weights of Netloom's home.",
    )
    source: dict[str, Any] | None = Field(
        None,
        json_schema_extra={"own_form": True},
        description="First train on another data set, or on other classes of this one: data and epochs.",
    )
    head: Literal["fresh", "keep"] = Field(
        "fresh", description="The last layer: fresh for other classes than those of the source; keep for the same ones."
    )
    freeze_up_to: str | None = Field(
        None,
        max_length=64,
        json_schema_extra={"choices": "nodes"},
        description="This layer and all layers before it are not trained.",
    )
    unfreeze_at: int | None = Field(
        None, ge=1, le=1_000_000, description="Train the frozen layers, too, after this many epochs. Empty: never."
    )
    unfreeze: Literal["all", "gradually"] = Field(
        "all", description="all frozen layers at once, or gradually: one layer per epoch, from the head back."
    )
    backbone_lr_factor: float = Field(
        1.0, gt=0, le=1, description="Learning rate of the transferred layers, as a share of the head's."
    )
    compare: bool = Field(
        False, description="Also train a scratch baseline: the same network from random weights, on the same batches."
    )

    @field_validator("weights")
    @classmethod
    def is_a_file_name(cls, name: str | None) -> str | None:
        """The name of a file, and no path to another folder."""
        if name is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,90}\.safetensors", name):
            raise ValueError("must be the name of a file that ends in .safetensors, and no path.")
        return name

    @field_validator("source")
    @classmethod
    def is_a_source(cls, source: dict[str, Any] | None) -> dict[str, Any] | None:
        """Data and epochs."""
        if source is not None:
            Source.model_validate(source)
        return source

    @property
    def first_training(self) -> Source | None:
        """The options of the first training, if there is one."""
        return None if self.source is None else Source.model_validate(self.source)

    @property
    def exports_script(self) -> bool:
        return False

    def metrics(self, dataset: DataSet) -> tuple[ReportedMetric, ...]:
        known = super().metrics(dataset)
        if not self.compare:
            return known
        first, *others = known
        baseline = [
            metric._replace(name=SCRATCH_PREFIX + metric.name, label=f"{metric.label} from scratch") for metric in known
        ]
        return (first, baseline[0], *others, *baseline[1:])

    def node_labels(self, document: Document) -> dict[str, str]:
        return source_weights.node_labels(document, self)

    def modules(self, document: Document) -> dict[str, str]:
        return {"main": "main", **({SCRATCH: "main"} if self.compare else {})}

    def parts(self, document: Document) -> dict[str, Part]:
        baseline = {SCRATCH: Part("Scratch baseline", document, SCRATCH)} if self.compare else {}
        return {**super().parts(document), **baseline}

    def prepare(self, job: Job, say: Callable[[str], None], report: Report = report_nothing) -> None:
        if self.source is not None and self.run is None and self.weights is None:
            train_first(job, self, say, report)
        source_weights.initial_weights(job, self).load()  # an error is reported before the first step

    def learner(
        self, job: Job, prepared: Prepared, device: str, total_steps: int, steps_per_epoch: int
    ) -> TransferLearner:
        from trainers.paradigms.transfer.learner import TransferLearner  # imports torch

        return TransferLearner(self, job, prepared, device, total_steps, steps_per_epoch)
