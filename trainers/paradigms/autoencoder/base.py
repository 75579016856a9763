"""What ways of training have in common whose network gives back its own input: the held-out likenesses and codes that
are shown while it trains, how much of the samples is kept, and a class left out to be found by its error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

import builder
from builder.document import Document
from trainers.data.splits import Prepared, Split
from trainers.engine.learner import NetworkLearner, part
from trainers.engine.snapshot_schedule import Shutter
from trainers.events import Event, Snapshot, Verdict
from trainers.paradigms.autoencoder import bottleneck, projection
from trainers.paradigms.base import Paradigm, Part, ReportedMetric

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from trainers.data import DataSet
    from trainers.data.scaling import Scaling
    from trainers.job import Job

SHOWN = 10  # samples beside their likenesses
CLOUD = 200
MAPPED = 500  # codes in the scatter plot while it trains
TINY = 1e-12
IDLE = 1.05  # times the error with the code, below which the error without it says that it is not used


class Reconstruction(Paradigm):
    """Base of the ways of training in which the network's one Output is to be its one Input again."""

    def code(self, document: Document) -> str | None:
        """The node whose value is the code; None where there is none."""
        raise TypeError(f"{type(self).__name__} does not say where its code is.")

    @property
    def kept_out(self) -> str | None:
        """The class that it must not learn from, to be found by its error."""
        return None

    def spoilt(self, clean: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """What the network is shown of clean samples while it learns; without noise the very same tensor."""
        return clean

    def signals(self, dataset: DataSet, network: str = "main") -> tuple[Any, ...]:
        return dataset.signals[:1]  # a check says that one with several does not fit

    @property
    def exports_script(self) -> bool:
        return False

    def scaling(self, dataset: DataSet) -> Scaling:
        """Pictures from 0 to 1, as a sigmoid gives them and as they are drawn; other numbers around 0."""
        return "unit" if dataset.kind == "image" or getattr(self, "loss", "") == "bce" else "standard"

    def node_labels(self, document: Document) -> dict[str, str]:
        code = self.code(document)
        return {} if code is None else {code.partition(".")[0]: "latent"}

    def parts(self, document: Document) -> dict[str, Part]:
        return bottleneck.pieces(document, self.code(document))

    def card_facts(self) -> dict[str, Any]:
        return {"answers": "reconstruction"} | ({"left_out": self.kept_out} if self.kept_out else {})

    def select_samples(self, prepared: Prepared) -> Prepared:
        """Without the class that is kept out, but for the test part."""
        if self.kept_out not in prepared.classes:
            return prepared
        number = prepared.classes.index(self.kept_out)
        training, validation = (_without(split, number) for split in (prepared.training, prepared.validation))
        count = len(prepared.training) + len(prepared.validation) - len(training) - len(validation)
        note = f"Class {self.kept_out} is kept out of training: {count:,} samples. In the test part it is the anomaly."
        fields = {name: getattr(prepared, name) for name in prepared.__dataclass_fields__}
        return Prepared(**{**fields, "training": training, "validation": validation, "notes": (*prepared.notes, note)})

    def anomaly_scores(self) -> tuple[ReportedMetric, ...]:
        """Of the test part, where a class was kept out."""
        return (ReportedMetric("auroc", "AUROC of the error", costly=True, split="test"),) if self.kept_out else ()


def _without(split: Split, label: int) -> Split:
    kept = np.flatnonzero(split.targets.numpy() != label)
    return Split(tuple(given[kept] for given in split.inputs), split.targets[kept], split.indices[kept])


class ReconstructionLearner(NetworkLearner):
    """One network that is to give back its input; beside its output it tells what some nodes give, such as its code."""

    kept_batches: ClassVar[int] = 0

    def __init__(self, paradigm: Reconstruction, job: Job, prepared: Prepared, device: str, *steps: int) -> None:
        self.way = paradigm
        self.analysis = bottleneck.analyse(job.document)
        self.end = bottleneck.ends(job.document, "output")[0]
        self.code = paradigm.code(job.document)
        super().__init__(job, prepared, device, *steps)
        projection.warm_up()
        self.shutter = Shutter(steps[0])
        self.mean = prepared.training.inputs[0].mean(dim=0).to(device)  # what says nothing about any sample
        self._beheld: _Beheld | None = None
        self._placed: NDArray[np.float32] | None = None

    def watched(self) -> tuple[str, ...]:
        """The nodes whose values the loss and the views need, besides the output."""
        return (self.code,) if self.code is not None else ()

    def network(self, job: Job) -> nn.Module:
        return builder.compile(job.document, outputs=list(dict.fromkeys([self.end, *self.watched()])))

    def told(self, given: Tensor) -> dict[str, Tensor]:
        """The output and the watched values for a batch, by the names of their nodes, in single precision."""
        model = self.model if self.eager or self.compiled is None else self.compiled
        if self.precision is None:
            found = model(given)
            return found if isinstance(found, dict) else {self.end: found}
        with self.autocast():
            found = model(given)
        found = found if isinstance(found, dict) else {self.end: found}
        return {name: value.float() for name, value in found.items()}

    def passed_by(self, split: Split) -> tuple[Verdict, ...]:
        """Of a code that a connection goes around: whether the likenesses are as good without what it says. Asked in
        evaluation mode."""
        import torch

        if self.code not in self.analysis.steps or bottleneck.splits(self.job.document, self.code):
            return ()
        clean = split.inputs[0][:MAPPED]
        layer = self.model.get_submodule(self.analysis.steps[self.code].module)
        with torch.inference_mode():
            with_code = (self.told(clean)[self.end] - clean).square().mean()
            hook = layer.register_forward_hook(lambda _, __, value: value.mean(dim=0, keepdim=True).expand_as(value))
            try:
                without = (self.told(clean)[self.end] - clean).square().mean()
            finally:
                hook.remove()
        if without > IDLE * with_code:
            return ()
        text = (
            f"The code at {self.code} is hardly used: with the same mean code for every sample the likenesses are as "
        )
        advice = "A connection carries the sample around it: take it out."
        return (Verdict(self.code, "warning", text + "good.", advice),)

    # -- what is shown while it trains --------------------------------------------------------------------------------

    def seen(self, clean: Tensor) -> Tensor:
        """What the network is shown of held-out samples: the samples, or the same noise on them every time."""
        import torch

        return self.way.spoilt(clean, torch.Generator(self.device).manual_seed(self.job.settings.seed))

    def snapshots(self, step: int) -> Iterator[Event]:
        if not self.shutter.due(step):
            return
        import torch

        beheld = self._beheld = self._beheld or _behold(self.prepared, self.device)
        self.model.eval()
        try:
            with torch.inference_mode():
                given = self.seen(beheld.few)
                likeness = self.told(given)[self.end]
                found = self.told(beheld.many) if self.code is not None else {}
        finally:
            self.model.train()
        arrays = {"originals": beheld.few, "reconstructions": likeness}
        arrays |= {"noisy": given} if given is not beheld.few else {}
        yield Snapshot(step, "reconstructions", {name: value.cpu().numpy() for name, value in arrays.items()})
        if self.code is not None:
            yield Snapshot(step, "latent_space", self._map(found, beheld))
        yield from self.further(step, found)
        self.shutter.taken(step)

    def further(self, step: int, found: dict[str, Tensor]) -> Iterator[Event]:
        """What else there is to show of some hundred held-out samples."""
        return iter(())

    def _map(self, found: dict[str, Tensor], beheld: _Beheld) -> dict[str, NDArray[Any]]:
        """Codes in the plane: as they are, or by their two main axes, turned so that they lie as they lay before."""
        assert self.code is not None
        codes = found[self.code].flatten(1).cpu().numpy()
        off = (found[self.end] - beheld.many).flatten(1).square().mean(dim=1).cpu().numpy()
        places, kept = projection.plane(codes, off, self._placed)
        self._placed = places
        return {"places": places, "classes": beheld.classes, "kept": np.array([kept], np.float32)}


class _Beheld:
    """The held-out samples that are shown: a few beside their likenesses, many by their codes."""

    def __init__(self, split: Split, classes: int, device: torch.device) -> None:
        targets = split.targets.numpy()
        labelled = classes > 0 and targets.ndim == 1 and targets.dtype.kind == "i"
        self.classes = (targets if labelled else np.zeros(len(targets))).astype(np.int64)[:MAPPED]
        shown = CLOUD if split.inputs[0].shape[1:] == (2,) else SHOWN  # of points of the plane one sees the cloud
        few = [np.flatnonzero(targets == label)[:1] for label in range(min(classes, shown))] if labelled else []
        places = np.unique(np.concatenate([*few, np.arange(min(shown, len(split)))]))
        first = np.concatenate(few) if few else np.zeros(0, np.int64)
        places = np.concatenate([first, np.setdiff1d(places, first)])[:shown].astype(np.int64)
        self.few = split.inputs[0][places].to(device)
        self.many = split.inputs[0][:MAPPED].to(device)


def _behold(prepared: Prepared, device: torch.device) -> _Beheld:
    split = prepared.validation if len(prepared.validation) else prepared.training
    return _Beheld(split, len(prepared.classes), device)


def pieces_of(split: Split, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """The samples of a part of the data with their targets, as many at once as fit."""
    for start in range(0, len(split), size):
        inputs, targets = part(split, start, size)
        yield inputs[0], targets


def explained(off: float, spread: float) -> float:
    """The share of the samples' spread around the mean sample that is in their likenesses: 1 all, 0 none."""
    return 1 - off / max(spread, TINY)
