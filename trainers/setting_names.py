"""Where a setting belongs that stands in the wrong place of `training`, or has the name that another tool gives it."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping

from pydantic import BaseModel

from trainers.entry import Entry, plain

# Names in Keras, PyTorch, Lightning, scikit-learn and Hugging Face → part of `training` and option. Options of an
# optimizer, a schedule or a paradigm have their other names in their own classes.
OTHER_NAMES: dict[str, str] = {
    "num_epochs": "epochs",
    "n_epochs": "epochs",
    "max_epochs": "epochs",
    "num_train_epochs": "epochs",
    "iterations": "max_steps",
    "max_iter": "max_steps",
    "num_steps": "max_steps",
    "random_state": "seed",
    "random_seed": "seed",
    "manual_seed": "seed",
    "accelerator": "device",
    "gpu": "device",
    "dtype": "precision",
    "mixed_precision": "precision",
    "amp": "precision",
    "fp16": "precision",
    "bf16": "precision",
    "clipnorm": "gradient_clip",
    "clip_norm": "gradient_clip",
    "grad_clip": "gradient_clip",
    "gradient_clipping": "gradient_clip",
    "max_grad_norm": "gradient_clip",
    "clip_grad_norm": "gradient_clip",
    "gradient_clip_val": "gradient_clip",
    "l1_penalty": "l1",
    "torch_compile": "compile",
    "early_stop": "early_stopping",
    "callbacks": "early_stopping",
    "dataset": "data",
    "batch": "data.batch_size",
    "bs": "data.batch_size",
    "minibatch_size": "data.batch_size",
    "train_batch_size": "data.batch_size",
    "per_device_train_batch_size": "data.batch_size",
    "validation_split": "data.validation",
    "val_split": "data.validation",
    "val_size": "data.validation",
    "validation_fraction": "data.validation",
    "test_split": "data.test",
    "test_size": "data.test",
    "augmentations": "data.augmentation",
    "transforms": "data.augmentation",
    "solver": "optimizer",
    "optim": "optimizer",
    "scheduler": "schedule",
    "lr_scheduler": "schedule",
    "lr_schedule": "schedule",
    "lr_scheduler_type": "schedule",
    "init": "initialisation",
    "initializer": "initialisation",
    "initialization": "initialisation",
    "kernel_initializer": "initialisation",
    "weight_init": "initialisation",
    "method": "paradigm",
    "algorithm": "paradigm",
    "criterion": "paradigm.loss",
    "loss_fn": "paradigm.loss",
    "loss_function": "paradigm.loss",
    "objective": "paradigm.loss",
    "class_weight": "paradigm.class_weights",
}

# Names of settings that other tools need and Netloom does not, and why.
NOT_NEEDED: dict[str, str] = {
    "metrics": "The task of the data set decides which metrics are measured: leave it out.",
    "task": "The data set decides what is predicted: leave it out.",
    "shuffle": "The training samples are shuffled in every epoch: leave it out.",
    "verbose": "Curves and numbers are always recorded: leave it out.",
    "num_workers": "Samples are read without worker processes: leave it out.",
    "drop_last": "The last batch of an epoch is kept: leave it out.",
    "steps_per_epoch": "It follows from the number of samples and the batch size: leave it out.",
}


class SettingNames:
    """Finds the place of a setting by its name. `parts`: for each part of `training` the classes with its options."""

    def __init__(self, settings: type[BaseModel], parts: Mapping[str, Iterable[type[BaseModel]]]) -> None:
        self._settings, self._parts = settings, {part: tuple(models) for part, models in parts.items()}

    def hint(self, name: str) -> str:
        """Where a setting of this name belongs, as a sentence; empty: it is known nowhere."""
        name = plain(name)
        if name in self._not_needed:
            return self._not_needed[name]
        place = self._places.get(name)
        if place is None:
            return ""
        part, _, option = place.partition(".")
        called = "It" if plain(option or part) == name else f"It is called {option or part}, and"
        if not option:
            return f"{called} belongs at the top of the training settings."
        return f'{called} belongs in {part}: {{"{part}": {{"{option}": …}}}}.'

    @functools.cached_property
    def _not_needed(self) -> dict[str, str]:
        return {plain(name): why for name, why in NOT_NEEDED.items()}

    @functools.cached_property
    def _places(self) -> dict[str, str]:
        """Part and option by every name that a setting may have; where two have one name, the first part's."""
        found: dict[str, str] = {}
        for name in (*self._settings.model_fields, *self._parts):
            found.setdefault(plain(name), name)
        for part, models in self._parts.items():
            for model in models:
                for option in model.model_fields:
                    found.setdefault(plain(option), f"{part}.{option}")
        for name, place in OTHER_NAMES.items():
            found.setdefault(plain(name), place)
        for part, models in self._parts.items():
            for model in models:
                others = model.option_synonyms if issubclass(model, Entry) else {}
                for other, option in others.items():
                    if option in model.model_fields:
                        found.setdefault(plain(other), f"{part}.{option}")
        return found
