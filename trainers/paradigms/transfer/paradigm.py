"""Transfer learning: the network begins with what another training has learned, and needs fewer samples."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from trainers.data.base import Task
from trainers.paradigms.base import Part, ReportedMetric
from trainers.paradigms.supervised import Supervised, SupervisedLearner

if TYPE_CHECKING:
    from torch import Tensor, nn

    from builder.document import Document
    from trainers.data import DataSet
    from trainers.data.batches import Batch
    from trainers.data.splits import Prepared, Split
    from trainers.events import Event
    from trainers.job import Job
    from trainers.optim.optimisation import Optimisation

SCRATCH = "scratch_"  # before the names of scores of the twin that began from nothing


class Source(BaseModel):
    """What the network learns from first: a data set with its options, and for how long."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    data: dict[str, Any] = Field(description="The data set, as in the settings of a training.")
    epochs: int = Field(5, ge=1, le=10_000, description="How often every sample of it is seen.")


class Transfer(Supervised):
    """Begins with weights that have learned something else, and goes on from there: for data sets with few samples.

    Features that one task has taught serve another (Yosinski et al. 2014, https://arxiv.org/abs/1411.1792). What was
    learned can be frozen, may learn more slowly than the new head, or be unfrozen later, from the head back (Howard and
    Ruder 2018, https://arxiv.org/abs/1801.06146).
    """

    name: ClassVar[str] = "transfer"
    label: ClassVar[str] = "Transfer"
    tasks: ClassVar[frozenset[Task]] = Supervised.tasks
    panels: ClassVar[tuple[str, ...]] = ("metrics", "scratch_baseline", "samples", "predictions", "attention")
    cards: ClassVar[tuple[str, ...]] = ("scratch_baseline_curves", "scratch_baseline_samples")
    forms: ClassVar[tuple[str, ...]] = ("source_training", "weights_file", "weight_matching")

    run: str | None = Field(
        None, max_length=64, json_schema_extra={"offers": "runs"}, description="Begin with the weights of this run."
    )
    weights: str | None = Field(
        None, max_length=104, json_schema_extra={"offers": "weights"},
        description="Begin with this safetensors file, which lies in the folder weights of Netloom's home.",
    )  # fmt: skip
    source: dict[str, Any] | None = Field(
        None, json_schema_extra={"apart": True},
        description="Learn from another data set first, or from other classes of this one: data and epochs.",
    )  # fmt: skip
    head: Literal["fresh", "keep"] = Field(
        "fresh",
        description="The last layer: fresh for other answers than those it has learned; keep if they are the same.",
    )
    freeze_up_to: str | None = Field(
        None, max_length=64, json_schema_extra={"offers": "nodes"},
        description="This layer and all before it stay as they are.",
    )  # fmt: skip
    unfreeze_at: int | None = Field(
        None, ge=1, le=1_000_000, description="After so many epochs frozen layers learn too. Empty: never."
    )
    unfreeze: Literal["all", "gradually"] = Field(
        "all", description="gradually: one layer after the other, an epoch each, from the head back."
    )
    backbone_lr_factor: float = Field(
        1.0, gt=0, le=1, description="Learning rate of the layers that come from the source, as a share of the head's."
    )
    compare: bool = Field(
        False, description="Train a twin from nothing on the same batches, to see what the transfer is worth."
    )

    @field_validator("weights")
    @classmethod
    def is_a_file_name(cls, name: str | None) -> str | None:
        """The name of a file and no path to anywhere else."""
        import re

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
    def first(self) -> Source | None:
        """The first training that is asked for."""
        return None if self.source is None else Source.model_validate(self.source)

    @property
    def exports_script(self) -> bool:
        return False

    def metrics(self, dataset: DataSet) -> tuple[ReportedMetric, ...]:
        known = super().metrics(dataset)
        if not self.compare:
            return known
        first, *rest = known
        twins = [score._replace(name=SCRATCH + score.name, label=f"{score.label} from nothing") for score in known]
        return (first, twins[0], *rest, *twins[1:])

    def node_labels(self, document: Document) -> dict[str, str]:
        from trainers.paradigms.transfer import source_weights

        return source_weights.marks(document, self)

    def modules(self, document: Document) -> dict[str, str]:
        return {"main": "main", **({"scratch": "main"} if self.compare else {})}

    def parts(self, document: Document) -> dict[str, Part]:
        twin = {"scratch": Part("The twin from nothing", document, "scratch")} if self.compare else {}
        return {**super().parts(document), **twin}

    def prepare(self, job: Job, say: Callable[[str], None]) -> None:
        from trainers.paradigms.transfer import first_training, source_weights

        if self.source is not None and self.run is None and self.weights is None:
            first_training.ensure(job, self, say)
        source_weights.start_of(job, self).load()  # whatever is wrong with it is told before the first step

    def learner(
        self, job: Job, prepared: Prepared, device: str, total_steps: int, steps_per_epoch: int
    ) -> SupervisedLearner:
        return TransferLearner(self, job, prepared, device, total_steps, steps_per_epoch)


class TransferLearner(SupervisedLearner):
    """A network that begins with weights of another, and where asked for its twin that begins from nothing."""

    def __init__(self, paradigm: Transfer, job: Job, prepared: Prepared, device: str, *steps: int) -> None:
        from trainers.paradigms.transfer.scratch_baseline import ScratchBaseline
        from trainers.paradigms.transfer.weight_files import WeightsError

        self.paradigm, self.steps, self.over = paradigm, steps, 0
        self.trouble: WeightsError | None = None
        super().__init__(paradigm, job, prepared, device, *steps)
        self.scratch_baseline = ScratchBaseline(self, steps) if paradigm.compare else None
        if self.scratch_baseline is not None:
            self.modules = {"main": self.model, "scratch": self.scratch_baseline.model}
        self._training: list[float] = []  # the score of the training part after each epoch

    # -- what it begins with, and what of it learns -------------------------------------------------------------------

    def optimised(self, module: nn.Module, total_steps: int, steps_per_epoch: int) -> Optimisation:
        """The optimizer of the network, which begins with the source's weights: asked for once, as it is built."""
        from trainers.paradigms.transfer import source_weights
        from trainers.paradigms.transfer.weight_files import WeightsError

        items: tuple[source_weights.Item, ...] = ()
        try:
            start = source_weights.start_of(self.job, self.paradigm)
            items = start.items
            source_weights.give(module, start.load())
            self.notes = (*self.notes, start.told())
        except WeightsError as error:  # a run that goes on from a checkpoint has its weights there
            self.trouble = error
        self.taken = {item.node for item in items if item.fits}
        return self._arranged(module, total_steps, steps_per_epoch)

    def _arranged(self, module: nn.Module, *steps: int) -> Optimisation:
        """Freeze what is to be frozen, and make the optimizer of the rest."""
        from trainers.paradigms.transfer import freezing

        self.frozen_layers = freezing.FrozenLayers(module, self.job, self.paradigm, self.taken)
        return self.frozen_layers.optimisation(*steps)

    def step(self, batch: Batch) -> Tensor:
        inputs, targets = batch.inputs, batch.targets
        if self.trouble is not None:
            raise self.trouble
        loss = super().step(batch)
        if self.scratch_baseline is not None:
            self.scratch_baseline.step(inputs, targets)
        return loss

    def epoch_end(self, validation_loss: float | None) -> None:
        super().epoch_end(validation_loss)
        self.over += 1
        self.frozen_layers.thaw(self.over, self.optimisation)
        if self.scratch_baseline is not None:
            self.scratch_baseline.optimisation.epoch_end(validation_loss)

    # -- what is told of it -------------------------------------------------------------------------------------------

    def evaluate(self, split: Split, costly: bool = False) -> dict[str, float]:
        from trainers.paradigms.transfer import scratch_baseline

        found = super().evaluate(split, costly)
        if self.scratch_baseline is not None:
            found |= self.scratch_baseline.scores(lambda: super(TransferLearner, self).evaluate(split, costly))
            self.diagnostics = (
                *self.diagnostics,
                *scratch_baseline.negative(found, self.job.paradigm.metrics(self.job.dataset)[0]),
            )
        self.frozen_layers.settle()
        return found

    def training_metrics(self) -> dict[str, float]:
        from trainers.paradigms.transfer import scratch_baseline

        found = super().training_metrics()
        score = next(iter(Supervised.metrics(self.paradigm, self.job.dataset)))
        if score.name in found:
            self._training.append(found[score.name])
        if self.frozen_layers.frozen:
            self.diagnostics = (
                *self.diagnostics,
                *scratch_baseline.stuck(self._training, score, self.paradigm.freeze_up_to or ""),
            )
        return found | (self.scratch_baseline.training_metrics() if self.scratch_baseline is not None else {})

    def snapshots(self, step: int) -> Iterable[Event]:
        return self.scratch_baseline.snapshots(step) if self.scratch_baseline is not None else ()

    # -- for a run that goes on ---------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        twin = {"beside": self.scratch_baseline.optimisation.state_dict()} if self.scratch_baseline is not None else {}
        return {
            **super().state_dict(),
            "over": self.over,
            "taken": sorted(self.taken),
            "scored": self._training,
            **twin,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.over, self._training, self.trouble = state["over"], list(state["scored"]), None
        if self.taken != set(state["taken"]):  # the source is gone or another one: what it gave is in the checkpoint
            self.taken = set(state["taken"])
            self.optimisation = self._arranged(self.model, *self.steps)
        self.frozen_layers.thaw(self.over, self.optimisation)
        super().load_state_dict(state)
        if self.scratch_baseline is not None:
            self.scratch_baseline.optimisation.load_state_dict(state["beside"])
