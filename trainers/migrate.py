"""Reads what earlier versions wrote: training options, metric names, checkpoints. Each change is listed once.

`builder/document/migrate.py` does the same for the graph of a document. Old names are never used again with another
meaning, so every function here may be called on what is new already: it changes nothing then.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeVar

from builder.document import Document

Value = TypeVar("Value")

# Options: (part of `training`, name of the entry; "" for any) → old name → new name.
OPTIONS: dict[tuple[str, str], dict[str, str]] = {
    ("data", ""): {"only": "keep_classes"},
    ("data", "shapes_to_segment"): {"most": "max_shapes"},
    ("data", "shapes_present"): {"most": "max_shapes"},
    ("paradigm", "gan"): {"average": "ema_decay"},
    ("paradigm", "diffusion"): {"weight_average": "ema_decay"},
    ("paradigm", "transfer"): {"body_rate": "backbone_lr_factor"},
    ("paradigm", "autoencoder"): {"anomaly": "anomaly_class"},
    ("paradigm", "variational"): {"anomaly": "anomaly_class", "warm_up": "kl_warmup_epochs", "std": "output_std"},
    ("paradigm", "bayesian"): {"draws": "samples"},
}

# Values: (part of `training`, name of the entry, option) → old value → new value.
VALUES: dict[tuple[str, str, str], dict[str, str]] = {
    ("paradigm", "transfer", "unfreeze"): {"at once": "all"},
    ("paradigm", "autoencoder", "noise"): {"salt and pepper": "salt_and_pepper"},
    ("paradigm", "language", "predicts"): {"next token": "next_token", "masked token": "masked_token"},
}

# Metrics, as the store of a run and its card name them.
METRICS: dict[str, str] = {
    "told_real": "step_accuracy_real",
    "told_false": "step_accuracy_fake",
    "accuracy_on_real": "discriminator_accuracy_real",
    "accuracy_on_false": "discriminator_accuracy_fake",
    "explained": "explained_variance",
    "noise_explained": "explained_variance",
    "explained_at_little_noise": "explained_variance_low_noise",
    "distance": "sliced_wasserstein",
    "variety": "diversity",
    "classes_found": "mode_coverage",
    "bound": "negative_elbo",
    "axes": "active_units",
    "information": "mutual_information",
    "spread": "predictive_std",
}
METRIC_PREFIXES: dict[str, str] = {"alone_": "single_"}

# Snapshots: the kind under which the store keeps them, and the names of their arrays.
SNAPSHOTS: dict[str, str] = {
    "scene:growing": "snapshot:denoising",
    "scene:drawn": "snapshot:diffusion_samples",
    "scene:generated": "snapshot:generated_samples",
    "scene:latent": "snapshot:latent_space",
    "scene:latent_axes": "snapshot:latent_units",
    "scene:reconstructions": "snapshot:reconstructions",
    "scene:with_without": "snapshot:scratch_baseline",
}
ARRAYS: dict[str, str] = {"false": "fake", "kept": "explained_variance", "places": "points"}

# Checkpoints: keys of the learner's state, of the whole, and the names of modules.
POSITION_KEYS: dict[str, str] = {"best_loss": "best_value"}
STATE_KEYS: dict[str, str] = {
    "place": "position",
    "ledger": "step_metrics",
    "rivalry": "diagnostics",
    "drawing": "generator",
    "judging": "discriminator",
    "turn": "steps",
    "over": "epochs",
    "scored": "training_scores",
    "beside": "scratch_baseline",
}
OPTIMISATION_KEYS: dict[str, str] = {"pace": "schedule"}
MODULES: dict[str, str] = {"average": "ema"}


def document(old: Document) -> Document:
    """The document with today's names in its `training`; itself where nothing is old."""
    new = training(old.training)
    return old if new == old.training else old.changed(training=new)


def training(old: Mapping[str, Any]) -> dict[str, Any]:
    """`training` with today's names of options and values; also inside the first training of a transfer."""
    return {part: _entry(part, value) if isinstance(value, Mapping) else value for part, value in old.items()}


def _entry(part: str, old: Mapping[str, Any]) -> dict[str, Any]:
    name = old.get("name", "")
    keys = OPTIONS.get((part, ""), {}) | (OPTIONS.get((part, name), {}) if isinstance(name, str) else {})
    new: dict[str, Any] = {}
    for key, value in old.items():
        key = keys[key] if key in keys and keys[key] not in old else key
        values = VALUES.get((part, name, key), {}) if isinstance(name, str) else {}
        if isinstance(value, str):
            value = values.get(value, value)
        elif part == "paradigm" and isinstance(value, Mapping):
            value = training(value)  # what a transfer starts from has a `data` of its own
        new[key] = value
    return new


def metric(name: str) -> str:
    """A metric's name today; "test explained", as cards have it, too."""
    split, space, rest = name.rpartition(" ")
    for old, new in METRIC_PREFIXES.items():
        if rest.startswith(old):
            return f"{split}{space}{new}{metric(rest.removeprefix(old))}"
    return f"{split}{space}{METRICS.get(rest, rest)}"


def card(old: Mapping[str, Any]) -> dict[str, Any]:
    """A model's card with today's names of its scores, and of the options that it repeats."""
    new = dict(old)
    if old.get("scores"):
        new["scores"] = {metric(name): value for name, value in old["scores"].items()}
    if isinstance(old.get("predicts"), str):
        new["predicts"] = VALUES["paradigm", "language", "predicts"].get(old["predicts"], old["predicts"])
    if isinstance(old.get("uncertainty"), Mapping):
        new["uncertainty"] = _renamed(old["uncertainty"], OPTIONS["paradigm", "bayesian"])
    return new


def weights(old: Mapping[str, Value]) -> dict[str, Value]:
    """Tensors by "module/key" with today's names of the modules."""
    split = [(*key.partition("/"), value) for key, value in old.items()]
    return {f"{MODULES.get(module, module)}{slash}{rest}": value for module, slash, rest, value in split}


def checkpoint(old: Mapping[str, Any]) -> dict[str, Any]:
    """A checkpoint's tree with today's keys."""
    new = _renamed(old, STATE_KEYS)
    new["position"] = _renamed(new["position"], POSITION_KEYS)
    if new["position"].get("best_value") == math.inf:  # nothing was the best yet
        new["position"]["best_value"] = None
    new["learner"] = _optimisations(_renamed(new["learner"], STATE_KEYS))
    new["networks"] = _renamed(new["networks"], MODULES)
    new["best"] = weights(new["best"])
    return new


def _optimisations(state: Any) -> Any:
    """A learner's state with today's keys in the state of each of its optimizers, wherever that is."""
    if isinstance(state, list):
        return [_optimisations(item) for item in state]
    if not isinstance(state, Mapping):
        return state
    new = _renamed(state, OPTIMISATION_KEYS) if "optimizer" in state else state
    return {key: value if key == "optimizer" else _optimisations(value) for key, value in new.items()}


def arrays(old: Mapping[str, Value]) -> dict[str, Value]:
    """A snapshot's arrays by today's names."""
    return _renamed(old, ARRAYS)


def _renamed(values: Mapping[str, Value], names: Mapping[str, str]) -> dict[str, Value]:
    return {names.get(key, key): value for key, value in values.items()}
