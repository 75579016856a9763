"""What a task is: what a network predicts for one sample, how that is scored, and how it is shown.

A task is one class in one file of this folder, found by itself; see docs/adding_a_task.md. General code never names a
task. It asks the entry: `TASKS[dataset.task]`, or `target.entry` of a `Target`.

What pages ask of a task (the names of views are the names of functions in pages/parts, see pages/parts/views.py):

- `sample_view`: how the target and the prediction of one sample are drawn. "caption": in words below the sample (from
  `caption`); "mask": over the image; "forecast": as curves over what was seen; "tokens": beside the text, each token
  with the probability that the network gave it.
- `prediction_views`: what is drawn of the predictions of a whole part of the data, in this order. "decision_surface"
  (draws nothing where samples are not points), "confusion_matrix", "label_scores", "class_overlap",
  "predicted_against_true", "forecast_errors", "token_losses".
- `words(value, names)`: one target or one prediction in words; `columns(values, names)`: several as columns of a table.
- `caption(found, index)`: what is below a sample: the prediction, and what is true where that is something else.
- `summary(found)`: one sentence about the predictions of a whole part of the data.
- `has_wrong_samples`: whether a sample is right or wrong as a whole, so that pages offer the wrong ones alone.
- `describe(target)`: the target in words: "3 classes", "24 steps of 7 columns to forecast".

All texts are plain text: pages escape them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from builder.shapes import Shape

if TYPE_CHECKING:
    from torch import Tensor

    from trainers.data import DataSet
    from trainers.data.splits import Prepared, Split
    from trainers.events import Verdict
    from trainers.objectives.guess import Guess
    from trainers.objectives.losses import Expects, Loss
    from trainers.objectives.metrics import Metric
    from trainers.objectives.model_outputs import Answers
    from trainers.runs.predictions import Predictions
    from trainers.script.data_lines import Plan
    from trainers.tasks.target import Target
    from trainers.verdicts.circumstances import Circumstances


class Names(NamedTuple):
    """What the numbers of a target are called."""

    classes: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()  # of numbers to predict
    tokens: tuple[str, ...] = ()  # the vocabulary of the targets

    def class_name(self, number: int) -> str:
        """The name of a class; its number where it has none."""
        return self.classes[number] if 0 <= number < len(self.classes) else str(number)


class Task:
    """What a network predicts for one sample. A subclass is one file of trainers/tasks.

    Most tasks derive from `ClassTask` (one of several classes) or `NumberTask` (numbers) in trainers/tasks/kinds.py,
    which give most of the members below.
    """

    name: ClassVar[str]  # what a data set's `task` says
    label: ClassVar[str]  # for people

    losses: ClassVar[tuple[type[Loss], ...]] = ()  # that suit it, the usual one first
    metrics: ClassVar[tuple[type[Metric], ...]] = ()  # the one to go by first
    expects: ClassVar[Expects] = "values"  # what outputs are where a paradigm has no loss that says so
    # the type of column of a table that it predicts; "yes_no": several of them at once
    of_columns: ClassVar[Literal["", "category", "number", "yes_no"]] = ""
    continues: ClassVar[Literal["", "series", "text"]] = ""  # what it predicts the next step of
    supervised: ClassVar[bool] = True  # a step compares the output for a sample with the target as it is

    # -- targets ----------------------------------------------------------------------------------------------------

    dtype: ClassVar[Literal["int64", "float32"]] = "float32"  # the type of targets
    standardised: ClassVar[bool] = False  # targets have zero mean and unit variance in training
    class_kind: ClassVar[Literal["none", "exclusive", "independent"]] = "none"  # one class holds, or any number of them
    least_classes: ClassVar[int] = 0  # fewer than that leave nothing to learn
    splits_by_class: ClassVar[bool] = False  # a sample has one class, and parts of the data keep their proportions
    class_axis: ClassVar[int] = 1  # where a batch of outputs has its classes

    def target_shape(self, dataset: DataSet) -> Shape:
        """The shape of one sample's target, where the data set does not say it."""
        return (dataset.target_size,)

    def class_count(self, dataset: DataSet) -> int:
        """How many classes there are; 0 for measurements."""
        return len(dataset.classes)

    def per_class(self, target: Target, numbers: int) -> Shape:
        """The shape of one sample's output with so many numbers at every place of the target."""
        return (numbers, *target.shape)

    def describe(self, target: Target) -> str:
        """The target in words, for messages: "3 classes", "2 numbers to predict"."""
        raise TypeError(f"The task {self.name} does not describe its targets.")

    def as_targets(self, values: NDArray[Any]) -> NDArray[Any]:
        """What a data set gives as targets, as an array of the task's type and shape."""
        return values.astype(self.dtype)

    def strata(self, targets: NDArray[Any]) -> NDArray[np.int64]:
        """A group for each sample: a random split keeps the proportions of the groups in every part of the data."""
        return np.zeros(len(targets), np.int64)

    def examples(self, targets: NDArray[Any], count: int) -> NDArray[np.int64]:
        """Which samples to show of a data set: `count` of them, at random, the same ones each time."""
        return np.random.default_rng(0).permutation(len(targets))[:count]

    # -- augmentation: targets that say something of each pixel move along with the image -----------------------------

    follows_images: ClassVar[bool] = False  # targets say where something is, so they change when an image is flipped

    def pixel_map(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Whole numbers for each pixel (N, height, width) that augmentations move along with the images.

        For masks these are the targets. Boxes would give the number of each pixel's position.
        """
        raise TypeError(f"The task {self.name} does not say how its targets follow an image.")

    def from_pixel_map(self, targets: Tensor, moved: Tensor) -> Tensor:
        """The targets after augmentation, from the moved map."""
        return moved

    # -- outputs ----------------------------------------------------------------------------------------------------

    compact: ClassVar[bool] = False  # outputs are too large to keep: of a whole part only what is predicted is kept

    def predicted(self, outputs: Tensor, expects: Expects, target: Target) -> Tensor:
        """What outputs stand for, like targets: the number of a class, 0 or 1 for a label, numbers."""
        raise TypeError(f"The task {self.name} does not say what outputs stand for.")

    def probabilities(self, outputs: Tensor, expects: Expects, target: Target) -> Tensor | None:
        """The probability of each class, in the place of the outputs; None where there are no classes."""
        return None

    def target_probabilities(self, outputs: Tensor, expects: Expects, targets: Tensor, target: Target) -> Tensor | None:
        """The probability of what is true, at each place of the targets; None where there are no classes."""
        return None

    def class_counts(self, targets: NDArray[Any], target: Target) -> tuple[NDArray[Any], int]:
        """How often each class is a target, and how many targets there are: balanced class weights are made of it."""
        raise TypeError(f"The task {self.name} has no classes that could be weighted.")

    def naive(self, dataset: DataSet, prepared: Prepared, split: Split) -> Tensor | None:
        """Predictions made without a network, in the data set's unit; None: there are none for this task."""
        return None

    def guesses(self, training: Tensor, targets: Tensor, target: Target) -> tuple[Guess, ...]:
        """What the metrics of `targets` are for predictions that know the training targets and no inputs."""
        return ()

    def diagnostics(
        self, answers: Answers, classes: tuple[str, ...], circumstances: Circumstances
    ) -> tuple[Verdict, ...]:
        """What looks wrong in the answers for a part of the data; reported when it stays for some epochs."""
        return ()

    # -- predictions of a trained network -----------------------------------------------------------------------------

    sample_view: ClassVar[str] = "caption"
    prediction_views: ClassVar[tuple[str, ...]] = ()
    has_wrong_samples: ClassVar[bool] = False

    def wrong(self, found: Predictions) -> NDArray[np.bool_]:
        """Which samples are wrong as a whole; none where `has_wrong_samples` is False."""
        if not self.has_wrong_samples:
            return np.zeros(len(found.targets), dtype=bool)
        unequal = np.asarray(found.predicted != found.targets)
        return np.asarray(unequal.reshape(len(unequal), -1).any(axis=1))

    def error(self, found: Predictions) -> NDArray[Any]:
        """How large the error of each sample is: samples with large ones are shown first."""
        unequal = np.asarray(found.predicted != found.targets)
        return np.asarray(unequal.reshape(len(unequal), -1).mean(axis=1))

    def confidence(self, found: Predictions) -> NDArray[np.float32] | None:
        """The probability of what is predicted for each sample; None where a sample has no single class."""
        return None

    def words(self, value: NDArray[Any], names: Names) -> str:
        """One target, or one prediction, in words; empty where it is drawn."""
        return ""

    def columns(self, values: NDArray[Any], names: Names) -> dict[str, Any]:
        """Targets, or predictions, of several samples as columns of a table, by their headings."""
        return {"target": [self.words(value, names) for value in values]}

    def caption(self, found: Predictions, index: int) -> tuple[str, str]:
        """What is below a sample: what is predicted, and what is true or how probable the prediction is."""
        predicted, true = (self.words(values[index], found.names) for values in (found.predicted, found.targets))
        return predicted, f"true: {true}"

    def summary(self, found: Predictions) -> str:
        """One sentence about the predictions for a part of the data."""
        return f"{len(found.targets):,} {found.split} samples"

    # what the exported predict.py makes of outputs: a function of trainers/script/answers.py; None: it has none
    answer_columns: ClassVar[Callable[..., dict[str, Any]] | None] = None
    # another one: the class at each place of a sample, which predict.py writes as an image; None: there is none
    answer_maps: ClassVar[Callable[..., NDArray[Any]] | None] = None

    # -- the exported train.py, whose lines are Python code ---------------------------------------------------------

    script_metric: ClassVar[str] = "error"  # what train.py prints after each epoch
    script_unit: ClassVar[str] = ""  # after the metric in a docstring: ", in standard deviations of the targets"

    def script_targets(self, plan: Plan) -> list[str]:
        """Lines of `main` that make a tensor of `targets`, an array."""
        return [f"    targets = torch.from_numpy(targets).to(device).{'long' if self.dtype == 'int64' else 'float'}()"]

    def script_counts(self, target: Target) -> tuple[str, list[str]]:
        """Code for the number of training targets, and lines that count each class among them as `counts`."""
        raise TypeError(f"The task {self.name} has no classes that could be weighted.")

    def script_score(self, plan: Plan) -> list[str]:
        """Lines of `evaluate` that make `score`, a tensor, from `output`, `targets` and `loss`."""
        return ["        score = loss"]
