"""What a paradigm decides, and what a learner does. The loop knows the learner only."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
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
    from builder.exports.companions import Script
    from builder.spec import Signal
    from trainers.data import DataSet
    from trainers.data.batches import Batch, BatchSource
    from trainers.data.scaling import Scaling
    from trainers.data.splits import Prepared, Split
    from trainers.events import Event, Verdict
    from trainers.job import Job
    from trainers.objectives.guess import Guess
    from trainers.objectives.losses import Loss


class ReportedMetric(NamedTuple):
    """A metric that pages show of a run: its stored name, its label, and whether higher is better."""

    name: str
    label: str
    higher_is_better: bool | None = True  # None: neither
    costly: bool = False  # not computed after every epoch
    split: SplitName = "validation"  # the split whose value pages show first


class Part(NamedTuple):
    """What can be exported of a run: a network or a piece of one, with the weights of one of its modules."""

    label: str
    document: Document  # of one network; the names of the nodes are those of the run's document
    module: str  # the module of the run with its weights; empty: what `Paradigm.assemble` returns
    takes_samples: bool = True  # its inputs are samples of the data set: model.py scales them
    gives_samples: bool = False  # its outputs are such samples: model.py reverts the scaling


class Learner(Protocol):
    """The networks and optimizers of one run, on one device."""

    modules: Mapping[str, nn.Module]  # by name: what probes watch and checkpoints hold
    eager: bool  # True: steps run without torch.compile, so that hooks are called
    diagnostics: tuple[Verdict, ...]  # of its last evaluation; shown when they hold for some epochs
    guesses: tuple[Guess, ...]  # of the split of its last evaluation: what predictions that ignore inputs would reach
    probed_forward: int | None  # which forward pass of a step the probes watch, from 0; None: the last one
    notes: tuple[str, ...]  # facts about the training, in words, shown with the run

    def step(self, batch: Batch) -> Tensor:
        """Take one training step. Returns the loss as a tensor on the device, and does not wait for the device."""

    def evaluate(self, split: Split, costly: bool = False) -> dict[str, float]:
        """Loss and metrics of a split, in evaluation mode; `costly` includes the costly metrics."""

    def snapshots(self, step: int) -> Iterable[Event]:
        """Further events to show, such as generated samples. Called between two steps, a few times a second: it limits
        its own cost, and uses no random numbers of torch's global generator."""

    def last_events(self) -> Iterable[Event]:
        """What `snapshots` has not returned yet when the last step is over, such as the end of a curve."""

    def epoch_end(self, validation_loss: float | None) -> None:
        """Called after each epoch: learning-rate schedules that go by epochs take a step."""

    def training_metrics(self) -> dict[str, float]:
        """Metrics of the training split at the end of an epoch, the learning rate and the norm of the gradient."""

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs besides the weights: a tree of tensors and plain values."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what `state_dict()` returned."""


Report = Callable[[Sequence["Event"]], None]


def report_nothing(events: Sequence[Event]) -> None:
    """Keep no events."""


class KeptMetric(NamedTuple):
    """The validation metric that decides which weights are the best and when early stopping ends a run."""

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
    loss_shows_progress: ClassVar[bool] = True  # False: networks compete, so a loss that rises or stays means nothing
    chooses_loss: ClassVar[bool] = False  # its option `loss` is one of trainers/objectives/losses.py

    # -- data -------------------------------------------------------------------------------------------------------

    @classmethod
    def learnable_tasks(cls) -> frozenset[str]:
        """The names of the tasks that it learns; empty: any data set, it needs no targets."""
        return cls.tasks

    @property
    def uses_weights(self) -> bool:
        """Whether the loss is weighted where samples have weights: they are among the attributes of its batches."""
        return "weight" in self.attributes

    @property
    def balances_classes(self) -> bool:
        """Whether the loss weights classes so that rare ones count as much as common ones."""
        return False

    def loss_for(self, dataset: DataSet) -> Loss | None:
        """The loss that compares the outputs with the targets: checks, predictions and train.py use it.

        None: the paradigm has no such loss, and its own checks say what is wrong with the document.
        OptionError: the document asks for one that does not exist.
        """
        return None

    @property
    def exports_script(self) -> bool:
        """Whether train.py can be written: a training step is `loss(model(inputs), targets)`."""
        return True

    def target(self, dataset: DataSet) -> Target:
        """What the network predicts for one sample."""
        return Target.of(dataset)

    def signals(self, dataset: DataSet, network: str = "main") -> tuple[Signal | None, ...]:
        """The signal of each Input of a network, in the order of the nodes; None: as its node says."""
        return dataset.signals

    def scaling(self, dataset: DataSet) -> Scaling:
        """How inputs are scaled."""
        return "standard"

    def batches(self, job: Job, prepared: Prepared, device: str) -> BatchSource:
        """Where the batches of a run come from: the shuffled training split, unless a paradigm has batches of its own
        (two views of each sample, random subsets, episodes that are played)."""
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
        """The prepared data with some samples removed or other targets, if the paradigm needs that."""
        return prepared

    # -- metrics ----------------------------------------------------------------------------------------------------

    def metric_to_keep(self, dataset: DataSet) -> KeptMetric | None:
        """The validation metric by which the best weights are kept. None: there is none, so the last weights are kept
        and early stopping is refused."""
        return KeptMetric()

    def metrics(self, dataset: DataSet) -> tuple[ReportedMetric, ...]:
        """The metrics of its learner that charts, cards and tables show, the most important one first."""
        entries = metrics_for(self.target(dataset).task).values()
        return tuple(ReportedMetric(entry.name, entry.label, entry.higher_is_better, entry.costly) for entry in entries)

    # -- predictions ------------------------------------------------------------------------------------------------

    def as_evaluated(self, job: Job, split: Split) -> Split:
        """A split as the network gets it for evaluation, for example with some tokens masked."""
        return split

    def answers(self, dataset: DataSet, outputs: Tensor, targets: Tensor) -> Answers | None:
        """The outputs for some samples as predictions of their targets, for the Inspect page.

        None: the outputs are no predictions of the targets.
        """
        target, loss = self.target(dataset), self.loss_for(dataset)
        if loss is None:  # the outputs may still be predictions: then a usual loss accepts their shape
            usual = (kind() for kind in losses_for(target.task).values())
            loss = next((each for each in usual if tuple(outputs.shape[1:]) in each.shapes(target)), None)
            if loss is None:
                return None
        return Answers(outputs, targets, target, loss.expects, loss=loss)

    # -- networks ---------------------------------------------------------------------------------------------------

    def node_labels(self, document: Document) -> dict[str, str]:
        """A word shown on some nodes of the canvas: {"conv1": "frozen"}."""
        return {}

    def modules(self, document: Document) -> dict[str, str]:
        """The modules whose weights a run saves: name of the module → network of the document.

        An ensemble has several modules of one network; a moving average of the weights is a further module.
        """
        return {network: network for network in self.networks}

    def assemble(self, modules: dict[str, nn.Module]) -> nn.Module:
        """The trained model, made of the modules of a run."""
        return next(iter(modules.values()))

    def parts(self, document: Document) -> dict[str, Part]:
        """What can be exported, by name; the first is the whole model."""
        name = next(iter(self.modules(document)))
        return {"network": Part("Network", document, name)}

    # -- generated code and exports ---------------------------------------------------------------------------------

    def token_counts(self, dataset: DataSet) -> tuple[int, ...]:
        """The size of the vocabulary of each input; 0 for an input that is no text."""
        return dataset.vocabulary_counts

    def masking_source(self, dataset: DataSet) -> str:
        """Source of a function `hide(inputs, generator=None)`, for train.py: it returns masked inputs and targets.
        Empty: training uses inputs and targets as they are."""
        return ""

    def predict_script(self, job: Job, model: nn.Module, title: str) -> Script | None:
        """predict.py for the zip where new samples are no files, such as a prompt; None: it reads files.

        `title`: what the data is called in its docstring. NetloomError: there can be none; the message says why.
        """
        return None

    def card_facts(self) -> dict[str, Any]:
        """What the card of the model says about this paradigm."""
        return {}

    # -- running ----------------------------------------------------------------------------------------------------

    def prepare(self, job: Job, say: Callable[[str], None], report: Report = report_nothing) -> None:
        """What takes a while before the learner is built, such as loading weights to start from.

        `say` shows a message with the run. It raises an exception if the run was asked to stop, so call it often.
        `report` stores events with the run, such as metrics of what comes before its first step, at steps below 0.
        """

    def learner(self, job: Job, prepared: Prepared, device: str, total_steps: int, steps_per_epoch: int) -> Learner:
        """The learner of one run. The random seed is set before it is called."""
        raise TypeError(f"{type(self).__name__} must define its learner.")

    def finish(self, learner: Learner, prepared: Prepared) -> None:
        """What follows the last step: pruning, rounding, averaging. The networks of the learner hold the best weights;
        what they hold afterwards is tested and saved."""
