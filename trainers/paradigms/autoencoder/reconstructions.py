"""What a trained autoencoder makes of samples: their likenesses, how far off they are, their codes, and new samples.

found = reconstruct(run)           # the validation samples
found.order                             # worst first
walk(run, found.codes[3], found.codes[7])   # samples along the line between two codes
drawn(run, 32)                          # new samples from the prior, of a variational autoencoder
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

import builder
from trainers.engine.learner import evaluation_piece
from trainers.events import SplitName
from trainers.paradigms.autoencoder import bottleneck
from trainers.runs.predictions import kept, prepared_data
from trainers.runs.run import Run, RunError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from trainers.paradigms.autoencoder.base import Reconstruction

MOST = 4000  # samples of one part that are looked at
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Reconstructions:
    """Samples of one part of the data with what the network makes of them, all in the data set's own unit.

    `off` is the mean squared error of each likeness, as training prepares the numbers; `errors` is that of the likeness
    of the clean sample, where `given` has noise on it. `codes` are (N, d), d numbers of the code in a row.
    """

    split: SplitName
    originals: Floats  # (N, *shape)
    given: Floats | None  # with noise on them; None: the originals are given
    likenesses: Floats
    off: Floats
    errors: Floats
    codes: Floats | None
    labels: NDArray[np.int64] | None
    classes: tuple[str, ...]
    kept_out: int | None  # the class that was not learned from
    share: float  # of the spread around the mean sample of training that is given back
    axes: Floats | None  # KL of each axis of the code in nats, where it is drawn

    @functools.cached_property
    def order(self) -> NDArray[np.int64]:
        """The worst first."""
        return np.argsort(-self.off, kind="stable")

    def name(self, index: int) -> str:
        """What a sample is; empty where the data set has no classes."""
        return self.classes[int(self.labels[index])] if self.labels is not None else ""


@dataclass(frozen=True)
class Detection:
    """How well the error of a likeness gives away the class that was not learned from."""

    false_alarms: Floats  # the share of normal samples above each threshold
    found: Floats  # the share of the others above it
    area: float
    normal: Floats  # the errors of both kinds
    odd: Floats


def way_of(run: Run) -> Reconstruction:
    """The run's way of training. RunError: it gives back no input."""
    from trainers.paradigms.autoencoder.base import Reconstruction

    way = run.job.paradigm
    if not isinstance(way, Reconstruction):
        raise RunError(f"A run trained by “{way.label}” gives back no input.")
    return way


def reconstruct(run: Run, split: SplitName = "validation") -> Reconstructions:
    """What the run's best weights make of one part of its data. RunError: no weights, or no samples in this part."""
    return kept(run, ("reconstructions", split), lambda: _reconstructions(run, split))


def _reconstructions(run: Run, split: SplitName) -> Reconstructions:
    import torch

    way, prepared, document = way_of(run), prepared_data(run), run.document
    part = getattr(prepared, split)
    if not len(part):
        raise RunError(f"This run held out no sample for {split}. Give {split} a share of the data and train again.")
    clean, targets = part.inputs[0][:MOST], part.targets[:MOST].numpy()
    given = way.spoilt(clean, torch.Generator().manual_seed(run.job.settings.seed))
    analysis = bottleneck.analyse(document)
    end, code = bottleneck.ends(document, "output")[0], way.code(document)
    pairs = [name for step in bottleneck.draws(analysis) for name in step.inputs]
    watching = _watching(run, tuple(dict.fromkeys([end, *([code] if code else []), *pairs])))
    told = _told(watching, clean, evaluation_piece(run.job, 1), end)
    shown = told if given is clean else _told(watching, given, evaluation_piece(run.job, 1), end)
    figures = prepared.standardisation[0]

    def own(values: Tensor) -> Floats:
        array = values.numpy()
        return array if figures is None else np.asarray(figures.revert(array), np.float32)

    labelled = prepared.task == "classification"
    out = prepared.classes.index(way.kept_out) if way.kept_out in prepared.classes else None
    away = _error(prepared.training.inputs[0].mean(dim=0, keepdim=True).expand_as(clean), clean)
    off = _error(shown[end], clean)
    normal = targets != out if out is not None else np.ones(len(targets), bool)
    share = 1 - float(off[normal].mean()) / max(float(away[normal].mean()), 1e-12) if normal.any() else 0.0
    return Reconstructions(
        split, own(clean), None if given is clean else own(given), own(shown[end]), off,
        _error(told[end], clean), told[code].flatten(1).numpy() if code else None,
        targets.astype(np.int64) if labelled else None, prepared.classes, out, share, _axes(told, pairs),
    )  # fmt: skip


def _watching(run: Run, nodes: tuple[str, ...]) -> nn.Module:
    model = builder.compile(run.document, outputs=list(nodes))
    model.load_state_dict(run.model().state_dict())
    return model.eval()


def _told(model: nn.Module, given: Tensor, piece: int, end: str) -> dict[str, Tensor]:
    import torch

    found: dict[str, list[Tensor]] = {}
    with torch.inference_mode():
        for some in given.split(piece):  # type: ignore[no-untyped-call]
            values = model(some)
            for name, value in (values if isinstance(values, dict) else {end: values}).items():
                found.setdefault(name, []).append(value.float())
    return {name: torch.cat(values) for name, values in found.items()}


def _error(likeness: Tensor, clean: Tensor) -> Floats:
    return cast(Floats, (likeness - clean).flatten(1).square().mean(dim=1).numpy())


def _axes(told: dict[str, Tensor], pairs: list[str]) -> Floats | None:
    from trainers.paradigms.variational import divergence

    if not pairs:
        return None
    parts = [divergence(told[pairs[at]], told[pairs[at + 1]]).flatten(1).mean(dim=0) for at in range(0, len(pairs), 2)]
    return np.concatenate([part.numpy() for part in parts])


# -- samples out of codes ---------------------------------------------------------------------------------------------


def has_decoder(run: Run) -> bool:
    """Whether what is behind the code can run by itself."""
    return "decoder" in run.parts()


def decoded(run: Run, codes: NDArray[Any]) -> Floats:
    """Samples (N, *shape), in the data set's own unit, for codes (N, d). RunError: there is no decoder."""
    import torch

    if not has_decoder(run):
        raise RunError("The decoder cannot run by itself: something reaches the output past the code.")
    module = kept(run, ("decoder",), lambda: run.part("decoder"))
    given = torch.from_numpy(np.ascontiguousarray(codes, np.float32)).reshape(len(codes), *code_shape(run))
    with torch.inference_mode():
        values = module(given).float().numpy()
    figures = prepared_data(run).standardisation[0]
    return values if figures is None else np.asarray(figures.revert(values), np.float32)


def code_shape(run: Run) -> tuple[int, ...]:
    """The shape of one code."""
    name = way_of(run).code(run.document)
    return bottleneck.analyse(run.document).shapes[name] if name is not None else ()


def walk(run: Run, start: NDArray[Any], end: NDArray[Any], steps: int = 11) -> Floats:
    """Samples along the straight line from one code to another, both ends included."""
    way = np.linspace(0, 1, steps, dtype=np.float32)[:, None]
    return decoded(run, (1 - way) * start[None] + way * end[None])


def drawn(run: Run, count: int, seed: int = 0, spread: float = 1.0) -> Floats:
    """New samples: codes from the standard normal distribution, decoded. RunError: the code has no such prior."""
    if not bottleneck.draws(bottleneck.analyse(run.document)):
        raise RunError("Only the code of a variational autoencoder has a distribution that can be drawn from.")
    codes = np.random.default_rng(seed).normal(scale=spread, size=(count, math.prod(code_shape(run))))
    return decoded(run, codes)


def liveliest(codes: Floats, most: int = 8) -> NDArray[np.int64]:
    """The axes of the code that differ most between samples, the first first."""
    return np.argsort(-codes.var(axis=0), kind="stable")[:most]


# -- errors that give away what was not learned -----------------------------------------------------------------------


def detection(found: Reconstructions) -> Detection | None:
    """None: no class was kept out, or this part of the data holds samples of one kind alone."""
    if found.kept_out is None or found.labels is None:
        return None
    odd = found.labels == found.kept_out
    if odd.all() or not odd.any():
        return None
    from sklearn.metrics import roc_auc_score, roc_curve

    false_alarms, hits, _ = roc_curve(odd, found.errors)
    area = float(roc_auc_score(odd, found.errors))
    return Detection(
        false_alarms.astype(np.float32), hits.astype(np.float32), area, found.errors[~odd], found.errors[odd]
    )
