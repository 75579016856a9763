"""What autoencoders share: a network that reconstructs its own input, with validation samples and their codes shown
while it trains, the variance that it explains, and a class excluded from training to be detected as anomalous."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

import builder
from builder.analysis.infer import analyse
from builder.document import Document
from trainers.data.splits import Prepared, Split
from trainers.engine.learner import NetworkLearner, part
from trainers.engine.snapshot_schedule import SnapshotSchedule
from trainers.events import Event, Snapshot, Verdict
from trainers.paradigms.autoencoder import bottleneck, projection
from trainers.paradigms.autoencoder.verdicts import UnusedCode
from trainers.paradigms.base import Paradigm, Part, ReportedMetric

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from trainers.data import DataSet
    from trainers.data.scaling import Scaling
    from trainers.job import Job

SHOWN = 10  # samples beside their reconstructions
SHOWN_POINTS = 200  # of samples that are points of the plane
PROJECTED = 500  # codes in the scatter plot while it trains
EPSILON = 1e-12
UNUSED = 1.05  # if the error without the code is less than this times the error with it, the code is unused


class ReconstructionParadigm(Paradigm):
    """Base of the paradigms in which the network's one Output reconstructs its one Input."""

    def code(self, document: Document) -> str | None:
        """The node whose value is the code; None where there is none."""
        raise TypeError(f"{type(self).__name__} does not define which node is its code.")

    @property
    def excluded_class(self) -> str | None:
        """The class that is excluded from training, to be detected as anomalous by its reconstruction error."""
        return None

    def add_noise(self, clean: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """The inputs of the network in training, for clean samples; without noise the same tensor."""
        return clean

    def signals(self, dataset: DataSet, network: str = "main") -> tuple[Any, ...]:
        return dataset.signals[:1]  # a check refuses data sets with several inputs

    @property
    def exports_script(self) -> bool:
        return False

    def scaling(self, dataset: DataSet) -> Scaling:
        """Images from 0 to 1, the range of a sigmoid and of a displayed image; other numbers standardised."""
        return "unit" if dataset.kind == "image" or getattr(self, "loss", "") == "bce" else "standard"

    def node_labels(self, document: Document) -> dict[str, str]:
        code = self.code(document)
        return {} if code is None else {code.partition(".")[0]: "latent"}

    def parts(self, document: Document) -> dict[str, Part]:
        return bottleneck.parts(document, self.code(document))

    def card_facts(self) -> dict[str, Any]:
        return {"answers": "reconstruction"} | ({"left_out": self.excluded_class} if self.excluded_class else {})

    def select_samples(self, prepared: Prepared) -> Prepared:
        """Training and validation samples without the excluded class; the test split keeps it."""
        if self.excluded_class not in prepared.classes:
            return prepared
        number = prepared.classes.index(self.excluded_class)
        training, validation = (_without(split, number) for split in (prepared.training, prepared.validation))
        count = len(prepared.training) + len(prepared.validation) - len(training) - len(validation)
        note = (
            f"Class {self.excluded_class} is excluded from training and validation: {count:,} samples. "
            "In the test split it is the anomaly."
        )
        fields = {name: getattr(prepared, name) for name in prepared.__dataclass_fields__}
        return Prepared(**{**fields, "training": training, "validation": validation, "notes": (*prepared.notes, note)})

    def anomaly_metrics(self) -> tuple[ReportedMetric, ...]:
        """The metric of the test split, where a class is excluded."""
        auroc = ReportedMetric("auroc", "AUROC of the reconstruction error", costly=True, split="test")
        return (auroc,) if self.excluded_class else ()


def _without(split: Split, label: int) -> Split:
    kept = np.flatnonzero(split.targets.numpy() != label)
    return Split(tuple(given[kept] for given in split.inputs), split.targets[kept], split.indices[kept])


class ReconstructionLearner(NetworkLearner):
    """One network that reconstructs its input. `forward` returns the output and further values, such as the code."""

    kept_batches: ClassVar[int] = 0

    def __init__(
        self, paradigm: ReconstructionParadigm, job: Job, prepared: Prepared, device: str, *steps: int
    ) -> None:
        self.paradigm = paradigm
        self.analysis = analyse(job.document)
        self.output = bottleneck.end_nodes(job.document, "output")[0]
        self.code = paradigm.code(job.document)
        super().__init__(job, prepared, device, *steps)
        projection.preload()
        self.snapshot_schedule = SnapshotSchedule(steps[0])
        self.mean = prepared.training.inputs[0].mean(dim=0).to(device)  # the best constant reconstruction
        self._shown: ShownSamples | None = None
        self._previous_points: NDArray[np.float32] | None = None

    def observed_nodes(self) -> tuple[str, ...]:
        """The nodes whose values the loss and the views need, besides the output."""
        return (self.code,) if self.code is not None else ()

    def network(self, job: Job) -> nn.Module:
        return builder.compile(job.document, outputs=list(dict.fromkeys([self.output, *self.observed_nodes()])))

    def forward(self, given: Tensor) -> dict[str, Tensor]:
        """The output and the observed values for a batch, by the names of their nodes, in single precision."""
        model = self.model if self.eager or self.compiled is None else self.compiled
        if self.precision is None:
            found = model(given)
            return found if isinstance(found, dict) else {self.output: found}
        with self.autocast():
            found = model(given)
        found = found if isinstance(found, dict) else {self.output: found}
        return {name: value.float() for name, value in found.items()}

    def unused_code(self, split: Split) -> tuple[Verdict, ...]:
        """Of a code with a connection around it: whether the reconstructions are as good without it. Call it in
        evaluation mode."""
        import torch

        if self.code not in self.analysis.steps or bottleneck.splits_network(self.job.document, self.code):
            return ()
        clean = split.inputs[0][:PROJECTED]
        layer = self.model.get_submodule(self.analysis.steps[self.code].module)
        with torch.inference_mode():
            with_code = (self.forward(clean)[self.output] - clean).square().mean()
            hook = layer.register_forward_hook(lambda _, __, value: value.mean(dim=0, keepdim=True).expand_as(value))
            try:
                without = (self.forward(clean)[self.output] - clean).square().mean()
            finally:
                hook.remove()
        if without > UNUSED * with_code:
            return ()
        return (UnusedCode().find(self.circumstances, self.code),)

    # -- snapshots ----------------------------------------------------------------------------------------------------

    def with_fixed_noise(self, clean: Tensor) -> Tensor:
        """The inputs of the network for validation samples: the samples, or with the same noise every time."""
        import torch

        return self.paradigm.add_noise(clean, torch.Generator(self.device).manual_seed(self.job.settings.seed))

    def snapshots(self, step: int) -> Iterator[Event]:
        if not self.snapshot_schedule.due(step):
            return
        import torch

        shown = self._shown = self._shown or _shown_samples(self.prepared, self.device)
        self.model.eval()
        try:
            with torch.inference_mode():
                given = self.with_fixed_noise(shown.few)
                reconstructed = self.forward(given)[self.output]
                found = self.forward(shown.many) if self.code is not None else {}
        finally:
            self.model.train()
        arrays = {"originals": shown.few, "reconstructions": reconstructed}
        arrays |= {"noisy": given} if given is not shown.few else {}
        yield Snapshot(step, "reconstructions", {name: value.cpu().numpy() for name, value in arrays.items()})
        if self.code is not None:
            yield Snapshot(step, "latent_space", self._latent_space(found, shown))
        yield from self.code_snapshots(step, found)
        self.snapshot_schedule.taken(step)

    def code_snapshots(self, step: int, found: dict[str, Tensor]) -> Iterator[Event]:
        """Further snapshots, of the observed values for some hundred validation samples."""
        return iter(())

    def _latent_space(self, found: dict[str, Tensor], shown: ShownSamples) -> dict[str, NDArray[Any]]:
        """Codes in the plane: as they are, or their two principal components, aligned with the previous snapshot."""
        assert self.code is not None
        codes = found[self.code].flatten(1).cpu().numpy()
        errors = (found[self.output] - shown.many).flatten(1).square().mean(dim=1).cpu().numpy()
        points, explained = projection.project(codes, errors, self._previous_points)
        self._previous_points = points
        return {"points": points, "classes": shown.classes, "explained_variance": np.array([explained], np.float32)}


class ShownSamples:
    """The validation samples that snapshots show: a few beside their reconstructions, many by their codes."""

    def __init__(self, split: Split, classes: int, device: torch.device) -> None:
        targets = split.targets.numpy()
        labelled = classes > 0 and targets.ndim == 1 and targets.dtype.kind == "i"
        self.classes = (targets if labelled else np.zeros(len(targets))).astype(np.int64)[:PROJECTED]
        count = SHOWN_POINTS if split.inputs[0].shape[1:] == (2,) else SHOWN
        few = [np.flatnonzero(targets == label)[:1] for label in range(min(classes, count))] if labelled else []
        places = np.unique(np.concatenate([*few, np.arange(min(count, len(split)))]))
        first = np.concatenate(few) if few else np.zeros(0, np.int64)  # one of each class comes first
        places = np.concatenate([first, np.setdiff1d(places, first)])[:count].astype(np.int64)
        self.few = split.inputs[0][places].to(device)
        self.many = split.inputs[0][:PROJECTED].to(device)


def _shown_samples(prepared: Prepared, device: torch.device) -> ShownSamples:
    split = prepared.validation if len(prepared.validation) else prepared.training
    return ShownSamples(split, len(prepared.classes), device)


def evaluation_batches(split: Split, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """The samples of a split with their targets, `size` at once."""
    for start in range(0, len(split), size):
        inputs, targets = part(split, start, size)
        yield inputs[0], targets


def explained_variance(error: float, variance: float) -> float:
    """The share of the variance around the mean sample that the reconstructions explain: 1 all, 0 none."""
    return 1 - error / max(variance, EPSILON)
