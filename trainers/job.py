"""A job: a document with its `training` validated: everything that a run needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

import builder
from builder.analysis.infer import analyse
from builder.checks.base import run
from builder.document import Document
from builder.document.json_values import json_value
from builder.problems import DocumentError, GraphError, Problem
from builder.registry import did_you_mean
from builder.validation_messages import clip, sentences
from trainers import migrate
from trainers.binding import bind
from trainers.checks.base import errors_first, problems_of
from trainers.data import DATASETS, DataError, DataSet, dataset, of_this_version
from trainers.data.augmentation import AUGMENTATIONS, Augmentation
from trainers.data.augmentation import read as read_augmentations
from trainers.data.no_data import NO_DATA, no_samples
from trainers.data.splits import Prepared, check_shares, prepare
from trainers.engine.device import device_complaint
from trainers.entry import OptionError, choose
from trainers.optim.initialisation import INITIALISATIONS, Initialisation
from trainers.optim.optimizers import OPTIMIZERS, Optimizer
from trainers.optim.schedules import SCHEDULES, Schedule
from trainers.paradigms import DEFAULT_PARADIGM, PARADIGMS, Paradigm
from trainers.setting_names import SettingNames


class _Options(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class EarlyStopping(_Options):
    """Stops a run when its validation metric no longer improves."""

    patience: int = Field(5, ge=1, le=100_000, description="Epochs without improvement before the run stops.")
    min_delta: float = Field(0.0, ge=0, le=1e6, description="The smallest change that counts as an improvement.")


class Settings(_Options):
    """The plain settings of `training`. What is chosen from a registry is in `Job`."""

    epochs: int = Field(10, ge=1, le=1_000_000, description="Passes over the training samples.")
    max_steps: int | None = Field(
        None, ge=1, le=10**12, description="Stop after this number of steps, even within an epoch. Empty: no limit."
    )
    seed: int = Field(
        0, ge=0, le=2**31 - 1, description="The same seed gives the same split, initial weights and batches."
    )
    device: str = Field("auto", max_length=20, description="auto: the GPU if there is one, else the CPU.")
    precision: Literal["float32", "bfloat16", "float16"] = Field(
        "float32", description="bfloat16 and float16 are faster on a GPU and less precise."
    )
    gradient_clip: float | None = Field(
        None, gt=0, le=1e6, description="Clip the norm of all gradients to this value. Empty: no clipping."
    )
    l1: float = Field(0.0, ge=0, le=10, description="L1 penalty on the weights: many of them become zero.")
    early_stopping: EarlyStopping | None = Field(
        None, description="Stop when the validation metric has not improved for some epochs. Empty: never."
    )
    compile: bool = Field(False, description="Use torch.compile: slow to start, fast for long runs.")
    threads: int | None = Field(
        None, ge=1, le=1024, description="CPU threads. Empty: the number that is fastest here, by a short measurement."
    )


class Batching(_Options):
    """The settings of `training.data` that are not options of the data set."""

    batch_size: int | Literal["full"] = Field(
        64, description="Samples per step. full: all training samples in one batch."
    )
    validation: float = Field(0.2, ge=0, lt=1, description="Share of the samples in the validation split.")
    test: float = Field(0.1, ge=0, lt=1, description="Share of the samples in the test split.")
    train_samples: int | None = Field(
        None,
        ge=1,
        le=10**9,
        description="Train on this number of samples only, with the same share of each class.",
    )


DEFAULTS = {"paradigm": DEFAULT_PARADIGM, "optimizer": "Adam", "schedule": "constant", "initialisation": "default"}
NAMES = SettingNames(
    Settings,
    {
        "data": (Batching, *DATASETS.values()),
        "early_stopping": (EarlyStopping,),
        "paradigm": PARADIGMS.values(),
        "optimizer": OPTIMIZERS.values(),
        "schedule": SCHEDULES.values(),
        "initialisation": INITIALISATIONS.values(),
    },
)


class Job:
    """A document that can be trained, with its settings as objects. Made by `Job.from_document`."""

    KEYS: ClassVar[tuple[str, ...]] = ("data", "paradigm", "optimizer", "schedule", "initialisation")

    def __init__(self, document: Document) -> None:
        """Read `document.training`. DocumentError: `.problems` lists every wrong setting."""
        refuse_unstorable(document.training)
        self.document = document = migrate.document(document)
        problems: list[Problem] = []
        training = document.training

        def attempt(make: Any, *arguments: Any) -> Any:
            try:
                return make(*arguments)
            except (OptionError, ValueError) as error:
                problems.append(_problem(str(error)))

        def chosen(registry: Any, key: str) -> Any:
            return attempt(choose, registry, training.get(key, DEFAULTS[key]), key, NAMES.hint)

        self.paradigm: Paradigm = chosen(PARADIGMS, "paradigm")
        makes_samples = self.paradigm is not None and not self.paradigm.needs_data
        self.dataset: DataSet = NO_DATA if makes_samples and "data" not in training else attempt(_dataset, training)
        self.batching: Batching = attempt(_batching, training)
        self.augmentations: tuple[Augmentation, ...] = attempt(_augmentations, training)
        self.settings: Settings = attempt(_settings, training)
        self.optimizer: Optimizer = chosen(OPTIMIZERS, "optimizer")
        self.schedule: Schedule = chosen(SCHEDULES, "schedule")
        self.initialisation: Initialisation = chosen(INITIALISATIONS, "initialisation")
        if problems:
            raise DocumentError(problems)

    @property
    def batch_size(self) -> int | Literal["full"]:
        return self.batching.batch_size

    @property
    def can_augment(self) -> bool:
        """Whether there is an augmentation for samples of the data set."""
        return any(kind().unsuited(self.dataset) is None for kind in AUGMENTATIONS.values())

    @classmethod
    def from_document(cls, document: Document, **overrides: Any) -> Job:
        """Bind and check a document and make its job.

        `overrides` replace parts of `training`: epochs=3, optimizer={"lr": 0.1} (changes the rate alone),
        optimizer={"name": "Adam"} (Adam with its own defaults), data={"name": "iris"}.

        Raises:
            DocumentError: a setting is wrong; GraphError: the network has errors, or does not fit the data or the loss.
        """
        training = of_this_version(merged(document.training, overrides))
        refuse_unstorable(training)
        job = cls(bind(document.changed(training=training)))
        errors = [problem for problem in problems_of(job) if problem.severity == "error"]
        if errors:
            raise GraphError(errors)
        return job

    def hindrances(self) -> tuple[Problem, ...]:
        """What checks warn of that may keep a network from learning. It leaves torch's random state as it is."""
        import torch

        with torch.random.fork_rng(devices=[]):
            return tuple(each for each in problems_of(self) if each.severity == "warning" and each.hinders)

    def prepare(self) -> Prepared:
        """Load, split and scale the data: the same every time. DataError: that is not possible."""
        if self.dataset is NO_DATA:
            return no_samples()
        batching, objective = self.batching, self.paradigm.loss_for(self.dataset)
        raw = objective is not None and objective.raw_targets
        scaling = self.paradigm.scaling(self.dataset)
        shares = batching.validation, batching.test
        prepared = prepare(self.dataset, *shares, self.settings.seed, raw, scaling, batching.train_samples)
        if raw and any(float(part.targets.min()) < 0 for part in (prepared.training, prepared.validation) if len(part)):
            raise DataError(f"{self.dataset.title} has negative targets, so they are not counts: choose another loss.")
        return self.paradigm.select_samples(prepared)

    def to_json(self) -> str:
        """The job as a document in JSON; `from_json` reads it back."""
        return builder.dump(self.document)

    @classmethod
    def from_json(cls, text: str) -> Job:
        return cls(builder.load(text))


def check(document: Document, machine: bool = True) -> list[Problem]:
    """Everything wrong with the document, its data set and its training, one list of problems, errors first.

    `machine`: also what this machine lacks for the job, for which torch looks for the devices.
    """
    bound = document
    try:
        refuse_unstorable(document.training)
        bound = bind(document)
        job = Job(bound)
    except DocumentError as error:
        return errors_first([*run(analyse(bound)), *error.problems])
    return problems_of(job, machine)


def merged(training: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """`training` with overrides.

    An object without a name changes these options of what is chosen. One that names an entry means that entry with its
    own defaults, even if it is chosen already. Batch size and splits belong to no data set, so they stay; so does the
    augmentation where the data set is the same.
    """
    result = dict(training)
    for key, value in overrides.items():
        if not isinstance(value, Mapping):
            result[key] = value
            continue
        old = result.get(key, DEFAULTS.get(key))
        old = {"name": old} if isinstance(old, str) else old if isinstance(old, Mapping) else {}
        if "name" not in value:
            result[key] = {**old, **value}
            continue
        kept = [*Batching.model_fields] if key == "data" else []
        kept += ["augmentation"] if key == "data" and value["name"] == old.get("name") else []
        result[key] = {**{name: old[name] for name in kept if name in old}, **value}
    return result


def refuse_unstorable(training: Any) -> None:
    """DocumentError: a setting is no value of JSON (NaN, a huge number, an object), so no run could store it."""
    try:
        json_value(training)
    except ValueError as error:
        raise DocumentError([_problem(str(error))]) from None


def _problem(message: str) -> Problem:
    return Problem("T100", "error", None, message, category="training")


def _dataset(training: Mapping[str, Any]) -> DataSet:
    data = training.get("data")
    if data is None:
        raise ValueError("No data set is chosen. Choose one, such as digits.")
    if not isinstance(data, Mapping):
        raise ValueError(
            f'No data set is chosen: data must be an object such as {{"name": "digits"}}, got {clip(data)}.'
        )
    return dataset(data, NAMES.hint)


def _augmentations(training: Mapping[str, Any]) -> tuple[Augmentation, ...]:
    data = training.get("data")
    return read_augmentations(data.get("augmentation")) if isinstance(data, Mapping) else ()


def _read(model: type[Any], values: Mapping[str, Any], prefix: str = "") -> Any:
    """The settings as a model. ValueError lists every mistake, and where an unknown setting belongs."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        texts = sentences(error, model.model_fields)
        for name in texts.keys() - model.model_fields.keys() - {""}:
            hint = NAMES.hint(name)
            similar = f" {hint}" if hint else did_you_mean(name, model.model_fields)
            texts[name] = f"There is no {clip(name)} here.{similar}"
        raise ValueError(" ".join(f"{prefix}{text}" for text in texts.values())) from None


def _batching(training: Mapping[str, Any]) -> Batching:
    data = training.get("data")
    values = {name: data[name] for name in Batching.model_fields if name in data} if isinstance(data, Mapping) else {}
    batching: Batching = _read(Batching, values)
    if isinstance(batching.batch_size, int) and batching.batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batching.batch_size}.")
    check_shares(batching.validation, batching.test)
    return batching


def _settings(training: Mapping[str, Any]) -> Settings:
    values = {name: value for name, value in training.items() if name not in Job.KEYS}
    if isinstance(values.get("early_stopping"), Mapping):
        values["early_stopping"] = _read(EarlyStopping, values["early_stopping"], "early_stopping: ")
    settings: Settings = _read(Settings, values)
    complaint = device_complaint(settings.device)
    if complaint:
        raise ValueError(complaint)
    return settings
