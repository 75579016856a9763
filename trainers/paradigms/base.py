"""What a way of training is: it makes a learner, whose `step` is all that the loop knows of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

from trainers.data.batches import Batches
from trainers.entry import Entry
from trainers.events import SplitName
from trainers.objectives.model_outputs import Answers
from trainers.objectives.registry import losses_for, metrics_for
from trainers.tasks.target import Target

if TYPE_CHECKING:
    from torch import Tensor, nn

    from builder.document import Document
    from builder.spec import Signal
    from trainers.data import DataSet
    from trainers.data.batches import Batch, BatchSource
    from trainers.data.scaling import Scaling
    from trainers.data.splits import Prepared, Split
    from trainers.events import Event, Verdict
    from trainers.job import Job
    from trainers.objectives.losses import Loss


class ReportedMetric(NamedTuple):
    """A number that pages show of a run: under which name it is told, what people call it, which way is better."""

    name: str
    label: str
    higher_is_better: bool | None = True  # None: neither
    costly: bool = False  # not known after every epoch
    split: SplitName = "validation"  # the part of the data it is told of first


class Part(NamedTuple):
    """What can be taken home of a run: a network, or a piece of one, with the weights of one of its modules."""

    label: str
    document: Document  # of one network; its nodes have the names that they have in the run's document
    module: str  # the one of the run's modules that has its weights; empty: what `Paradigm.assemble` makes of all
    takes_samples: bool = True  # its inputs are the data set's samples: model.py says how they are prepared
    gives_samples: bool = False  # so are its outputs: model.py brings them back to the data set's unit


class Learner(Protocol):
    """Networks with their optimizers, at work on one device. The loop calls it and knows nothing else."""

    modules: Mapping[str, nn.Module]  # the network or networks by name: what probes watch and checkpoints keep
    eager: bool  # run without torch.compile for a while, so that hooks are called
    diagnostics: tuple[Verdict, ...]  # what its last evaluation showed; told when it holds for some epochs
    probed_forward: int | None  # which forward pass of a step the probes watch, from 0; None: the last one
    notes: tuple[str, ...]  # what is worth knowing of how it learns, in words, told beside the run

    def step(self, batch: Batch) -> Tensor:
        """Learn from one batch. Returns the loss as a tensor on the device; nothing here waits for the device."""

    def evaluate(self, split: Split, costly: bool = False) -> dict[str, float]:
        """Loss and metrics over a part of the data, in evaluation mode; at the end of a run with the costly ones."""

    def snapshots(self, step: int) -> Iterable[Event]:
        """What else there is to show of the network, such as a sample text. Asked between two steps, a few times a
        second: it keeps its own cost down, and draws no random numbers of torch's own generator."""

    def epoch_end(self, validation_loss: float | None) -> None:
        """An epoch is over: schedules that move by epochs move now."""

    def training_metrics(self) -> dict[str, float]:
        """What to note of the training part at the end of an epoch: its metrics, learning rate, gradient norm."""

    def state_dict(self) -> dict[str, Any]:
        """Everything but the networks' weights that a resumed run needs: a tree of tensors and plain values."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict()`."""


class KeptMetric(NamedTuple):
    """The validation metric that decides which weights are the best, and when early stopping stops."""

    name: str = "loss"
    higher_is_better: bool = False

    def improves(self, value: float, best: float, margin: float = 0.0) -> bool:
        """Whether `value` is better than `best` by more than `margin`."""
        return value > best + margin if self.higher_is_better else value < best - margin

    @property
    def worst(self) -> float:
        """What every value is better than."""
        return -math.inf if self.higher_is_better else math.inf


class Paradigm(Entry):
    """One way to train. Its fields are its options; a subclass is a file or a folder of trainers/paradigms.

    General code asks these members and never a paradigm by name. Most have a default that suits one network which
    learns from samples with targets; docs/adding_a_paradigm.md builds one from scratch.
    """

    # What stands on the pages: names of views in pages/parts, see pages/parts/views.py.
    cards: ClassVar[tuple[str, ...]] = ()  # beside the curves while a run trains
    panels: ClassVar[tuple[str, ...]] = ()  # of the trained network, on the Inspect page
    forms: ClassVar[tuple[str, ...]] = ()  # below its options, on the Train page

    networks: ClassVar[tuple[str, ...]] = ("main",)  # the networks of the document that it trains
    tasks: ClassVar[frozenset[str]] = frozenset()  # the names of the tasks that it learns; see `learnable_tasks`
    attributes: ClassVar[tuple[str, ...]] = ()  # the attributes of samples that its batches carry, such as "group"
    needs_data: ClassVar[bool] = True  # False: it makes its own samples, so a document may choose no data set
    chooses_loss: ClassVar[bool] = False  # its option `loss` is one of trainers/objectives/losses.py

    # -- data -------------------------------------------------------------------------------------------------------

    @classmethod
    def learnable_tasks(cls) -> frozenset[str]:
        """The tasks of data sets that it learns; empty: any data set, it needs no targets."""
        return cls.tasks

    @property
    def balances_classes(self) -> bool:
        """Whether the loss weights classes so that rare ones count as much as common ones."""
        return False

    def loss_for(self, dataset: DataSet) -> Loss | None:
        """The loss that compares the network's output with the targets: checks, predictions and train.py go by it.

        None: this way of training has no such loss, and `check` says all there is to say about the document.
        OptionError: the document asks for one that does not exist.
        """
        return None

    @property
    def exports_script(self) -> bool:
        """Whether train.py can be written: a step compares the output for a batch with its targets, and no more."""
        return True

    def target(self, dataset: DataSet) -> Target:
        """What the network is to answer for one sample."""
        return Target.of(dataset)

    def signals(self, dataset: DataSet, network: str = "main") -> tuple[Signal | None, ...]:
        """What goes into each Input of a network, in the order of the nodes; None: whatever its node says."""
        return dataset.signals

    def scaling(self, dataset: DataSet) -> Scaling:
        """How samples are scaled before the network sees them."""
        return "standard"

    def batches(self, job: Job, prepared: Prepared, device: str) -> BatchSource:
        """Where the batches of a run come from: the training split, shuffled, unless a paradigm has its own (pairs of
        views, random subsets, games that are played)."""
        settings = job.settings
        return Batches(
            prepared.training,
            job.batch_size,
            settings.seed,
            device,
            job.augmentations,
            attributes=self.attributes,
            task=prepared.task,
        )

    def select_samples(self, prepared: Prepared) -> Prepared:
        """The prepared data as this way of training wants them: some samples left out, other targets."""
        return prepared

    # -- metrics ----------------------------------------------------------------------------------------------------

    def metric_to_keep(self, dataset: DataSet) -> KeptMetric | None:
        """By which validation metric the best weights are kept. None: no such metric says how good they are, so the
        last weights are kept and there is no early stopping."""
        return KeptMetric()

    def metrics(self, dataset: DataSet) -> tuple[ReportedMetric, ...]:
        """The scores that its learner tells, for charts, cards and tables; the first is the one to go by."""
        entries = metrics_for(self.target(dataset).task).values()
        return tuple(ReportedMetric(entry.name, entry.label, entry.higher_is_better, entry.costly) for entry in entries)

    # -- predictions ------------------------------------------------------------------------------------------------

    def as_evaluated(self, job: Job, split: Split) -> Split:
        """A part of the data as the network gets it when it is evaluated, such as with some tokens masked."""
        return split

    def answers(self, dataset: DataSet, outputs: Tensor, targets: Tensor) -> Answers | None:
        """What the outputs for some samples stand for, beside their targets, for the Inspect page.

        None: the outputs of this network are no predictions of the targets.
        """
        target, loss = self.target(dataset), self.loss_for(dataset)
        if loss is None:  # the outputs may be predictions all the same: then they have a usual shape
            usual = (kind() for kind in losses_for(target.task).values())
            loss = next((each for each in usual if tuple(outputs.shape[1:]) in each.shapes(target)), None)
            if loss is None:
                return None
        return Answers(outputs, targets, target, loss.expects, loss=loss)

    # -- networks ---------------------------------------------------------------------------------------------------

    def node_labels(self, document: Document) -> dict[str, str]:
        """A word for each node that has a part of its own in this way of training: {"conv1": "frozen"}."""
        return {}

    def modules(self, document: Document) -> dict[str, str]:
        """What a run keeps the weights of: for each of its learner's modules the network of the document it is one of.

        An ensemble has several of one network, an average of weights is one more.
        """
        return {network: network for network in self.networks}

    def assemble(self, modules: dict[str, nn.Module]) -> nn.Module:
        """The trained model that one predicts with, made of the run's modules."""
        return next(iter(modules.values()))

    def parts(self, document: Document) -> dict[str, Part]:
        """What can be taken home, by name; the first is the whole."""
        name = next(iter(self.modules(document)))
        return {"network": Part("Network", document, name)}

    # -- generated code and exports ---------------------------------------------------------------------------------

    def token_counts(self, dataset: DataSet) -> tuple[int, ...]:
        """How many different tokens each input may hold; 0 for an input that is no text."""
        return dataset.vocabulary_counts

    def masking_source(self, dataset: DataSet) -> str:
        """Source of a function `hide(inputs, generator=None)` that gives what the network sees of a batch, and the
        targets, where it is not trained on samples and targets as they are; train.py prints it. Empty: it is."""
        return ""

    def card_facts(self) -> dict[str, Any]:
        """What a user of the trained model must know of how it was trained, for its card."""
        return {}

    # -- running ----------------------------------------------------------------------------------------------------

    def prepare(self, job: Job, say: Callable[[str], None]) -> None:
        """Get ready what the learner begins with and what takes a while, such as weights to start from.

        `say` shows a sentence beside the run; it raises where somebody asked the run to stop, so call it often.
        """

    def learner(self, job: Job, prepared: Prepared, device: str, total_steps: int, steps_per_epoch: int) -> Learner:
        """Networks, loss and optimizers for one run. Called after the random state was seeded."""
        raise TypeError(f"{type(self).__name__} does not say how it learns.")

    def finish(self, learner: Learner, prepared: Prepared) -> None:
        """What follows the last step, with the best weights in the learner's networks, before they are tested and
        saved: prune them, round them, average them. What it leaves in the networks is the trained model."""
