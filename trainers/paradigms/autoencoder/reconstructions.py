"""What a trained autoencoder computes: reconstructions with their errors, codes, and samples decoded from codes.

found = reconstruct(run)                           # the validation samples
found.order                                        # largest error first
interpolate(run, found.codes[3], found.codes[7])   # samples decoded along the line between two codes
samples_from_prior(run, 32)                        # new samples, of a variational autoencoder
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

import builder
from builder.analysis.infer import analyse
from trainers.engine.learner import evaluation_batch_size
from trainers.events import SplitName
from trainers.paradigms.autoencoder import bottleneck
from trainers.paradigms.autoencoder.base import ReconstructionParadigm, explained_variance
from trainers.paradigms.variational import kl_divergence
from trainers.runs.predictions import kept, prepared_data
from trainers.runs.run import Run, RunError

if TYPE_CHECKING:
    from torch import Tensor, nn

MOST = 4000  # samples of a split
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Reconstructions:
    """Samples of one split with their reconstructions, all in the data set's own unit.

    `errors` are the mean squared errors of the reconstructions, of numbers scaled as in training; `clean_errors` are
    those of reconstructions of the clean samples, where `noisy` is given. `codes` are (N, d), flattened.
    """

    split: SplitName
    originals: Floats  # (N, *shape)
    noisy: Floats | None  # the inputs with noise on them; None: the inputs are the originals
    reconstructions: Floats
    errors: Floats
    clean_errors: Floats
    codes: Floats | None
    labels: NDArray[np.int64] | None
    classes: tuple[str, ...]
    excluded_class: int | None  # the class that was excluded from training
    explained_variance: float  # of the variance around the mean training sample
    kl_per_dimension: Floats | None  # KL divergence of each latent dimension in nats, where the code is sampled

    @functools.cached_property
    def order(self) -> NDArray[np.int64]:
        """The largest error first."""
        return np.argsort(-self.errors, kind="stable")

    def class_name(self, index: int) -> str:
        """The class of a sample; empty where the data set has no classes."""
        return self.classes[int(self.labels[index])] if self.labels is not None else ""


@dataclass(frozen=True)
class AnomalyDetection:
    """How well the reconstruction error detects the class that was excluded from training."""

    false_positive_rate: Floats  # the share of normal samples above each threshold
    true_positive_rate: Floats  # the share of anomalous samples above it
    auroc: float
    normal_errors: Floats
    anomaly_errors: Floats


def paradigm_of(run: Run) -> ReconstructionParadigm:
    """The options of a run of an autoencoder. RunError: it was trained by another paradigm."""
    paradigm = run.job.paradigm
    if not isinstance(paradigm, ReconstructionParadigm):
        raise RunError(f"A run trained by “{paradigm.label}” has no reconstructions of its inputs.")
    return paradigm


def reconstruct(run: Run, split: SplitName = "validation") -> Reconstructions:
    """Reconstructions of one split by the run's best weights. RunError: no weights, or no samples in this split."""
    return kept(run, ("reconstructions", split), lambda: _reconstruct(run, split))


def _reconstruct(run: Run, split: SplitName) -> Reconstructions:
    import torch

    paradigm, prepared, document = paradigm_of(run), prepared_data(run), run.document
    part = getattr(prepared, split)
    if not len(part):
        raise RunError(f"This run has no samples in the {split} split. Give it a share of the data and train again.")
    clean, targets = part.inputs[0][:MOST], part.targets[:MOST].numpy()
    noisy = paradigm.add_noise(clean, torch.Generator().manual_seed(run.job.settings.seed))
    has_noise = noisy is not clean
    output, code = bottleneck.end_nodes(document, "output")[0], paradigm.code(document)
    pairs = [name for step in bottleneck.sampling_steps(analyse(document)) for name in step.inputs]
    model = _observing(run, tuple(dict.fromkeys([output, *([code] if code else []), *pairs])))
    size = evaluation_batch_size(run.job, 1)
    found = _forward(model, clean, size, output)
    shown = _forward(model, noisy, size, output) if has_noise else found
    scaling = prepared.standardisation[0]

    def in_data_unit(values: Tensor) -> Floats:
        array = values.numpy()
        return array if scaling is None else np.asarray(scaling.revert(array), np.float32)

    excluded = prepared.classes.index(paradigm.excluded_class) if paradigm.excluded_class in prepared.classes else None
    normal = targets != excluded if excluded is not None else np.ones(len(targets), bool)
    mean = prepared.training.inputs[0].mean(dim=0, keepdim=True).expand_as(clean)
    errors, variances = _squared_error(shown[output], clean), _squared_error(mean, clean)
    return Reconstructions(
        split=split,
        originals=in_data_unit(clean),
        noisy=in_data_unit(noisy) if has_noise else None,
        reconstructions=in_data_unit(shown[output]),
        errors=errors,
        clean_errors=_squared_error(found[output], clean),
        codes=found[code].flatten(1).numpy() if code else None,
        labels=targets.astype(np.int64) if prepared.task == "classification" else None,
        classes=prepared.classes,
        excluded_class=excluded,
        explained_variance=(
            explained_variance(float(errors[normal].mean()), float(variances[normal].mean())) if normal.any() else 0.0
        ),
        kl_per_dimension=_kl_per_dimension(found, pairs),
    )


def _observing(run: Run, nodes: tuple[str, ...]) -> nn.Module:
    """The trained network, with the values of these nodes as its outputs."""
    model = builder.compile(run.document, outputs=list(nodes))
    model.load_state_dict(run.model().state_dict())
    return model.eval()


def _forward(model: nn.Module, given: Tensor, size: int, output: str) -> dict[str, Tensor]:
    import torch

    found: dict[str, list[Tensor]] = {}
    with torch.inference_mode():
        for batch in given.split(size):  # type: ignore[no-untyped-call]
            values = model(batch)
            for name, value in (values if isinstance(values, dict) else {output: values}).items():
                found.setdefault(name, []).append(value.float())
    return {name: torch.cat(values) for name, values in found.items()}


def _squared_error(values: Tensor, clean: Tensor) -> Floats:
    """The mean squared error of each sample."""
    return cast(Floats, (values - clean).flatten(1).square().mean(dim=1).numpy())


def _kl_per_dimension(found: dict[str, Tensor], pairs: list[str]) -> Floats | None:
    if not pairs:
        return None
    means, log_variances = pairs[::2], pairs[1::2]
    every = zip(means, log_variances, strict=True)
    return np.concatenate(
        [kl_divergence(found[mean], found[log]).flatten(1).mean(dim=0).numpy() for mean, log in every]
    )


# -- decoded codes ----------------------------------------------------------------------------------------------------


def has_decoder(run: Run) -> bool:
    """Whether what is behind the code can run on its own."""
    return "decoder" in run.parts()


def decode(run: Run, codes: NDArray[Any]) -> Floats:
    """Samples (N, *shape), in the data set's own unit, for codes (N, d). RunError: there is no decoder."""
    import torch

    if not has_decoder(run):
        raise RunError("The decoder cannot run on its own: a connection reaches the output around the code.")
    module = kept(run, ("decoder",), lambda: run.part("decoder"))
    given = torch.from_numpy(np.ascontiguousarray(codes, np.float32)).reshape(len(codes), *code_shape(run))
    with torch.inference_mode():
        values = module(given).float().numpy()
    scaling = prepared_data(run).standardisation[0]
    return values if scaling is None else np.asarray(scaling.revert(values), np.float32)


def code_shape(run: Run) -> tuple[int, ...]:
    """The shape of one code."""
    name = paradigm_of(run).code(run.document)
    return analyse(run.document).shapes[name] if name is not None else ()


def interpolate(run: Run, start: NDArray[Any], end: NDArray[Any], steps: int = 11) -> Floats:
    """Samples decoded along the straight line from one code to another, both ends included."""
    share = np.linspace(0, 1, steps, dtype=np.float32)[:, None]
    return decode(run, (1 - share) * start[None] + share * end[None])


def samples_from_prior(run: Run, count: int, seed: int = 0, std: float = 1.0) -> Floats:
    """New samples: codes from a normal distribution, decoded. RunError: the code has no such prior."""
    if not bottleneck.sampling_steps(analyse(run.document)):
        raise RunError("Only the code of a variational autoencoder has a prior from which codes can be sampled.")
    codes = np.random.default_rng(seed).normal(scale=std, size=(count, math.prod(code_shape(run))))
    return decode(run, codes)


def widest_dimensions(codes: Floats, most: int = 8) -> NDArray[np.int64]:
    """The latent dimensions with the largest variance, the largest first."""
    return np.argsort(-codes.var(axis=0), kind="stable")[:most]


# -- anomalies --------------------------------------------------------------------------------------------------------


def detect_anomalies(found: Reconstructions) -> AnomalyDetection | None:
    """None: no class was excluded from training, or this split has only normal or only anomalous samples."""
    if found.excluded_class is None or found.labels is None:
        return None
    anomalous = found.labels == found.excluded_class
    if anomalous.all() or not anomalous.any():
        return None
    from sklearn.metrics import roc_auc_score, roc_curve

    false_positives, true_positives, _ = roc_curve(anomalous, found.clean_errors)
    return AnomalyDetection(
        false_positives.astype(np.float32),
        true_positives.astype(np.float32),
        float(roc_auc_score(anomalous, found.clean_errors)),
        found.clean_errors[~anomalous],
        found.clean_errors[anomalous],
    )
