"""Language modelling: a token at each position of a text, the next one or one that was masked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from builder.shapes import Shape
from trainers.objectives import losses, metrics
from trainers.objectives.guess import Guess
from trainers.sampling import evenly_spaced
from trainers.tasks.base import Names
from trainers.tasks.kinds import ClassTask
from trainers.tasks.target import plural

if TYPE_CHECKING:
    from torch import Tensor

    from trainers.data import DataSet
    from trainers.objectives.losses import Loss
    from trainers.objectives.metrics import Metric
    from trainers.runs.predictions import Predictions
    from trainers.script.data_lines import Plan
    from trainers.tasks.target import Target

MARGIN = 0.02  # of the guess


class LanguageModelling(ClassTask):
    """Which token is at each position of a text. Targets: int64 (N, length), a negative number where none is asked."""

    name: ClassVar[str] = "language"
    label: ClassVar[str] = "Language modelling"
    continues: ClassVar[Literal["", "series", "text"]] = "text"
    losses: ClassVar[tuple[type[Loss], ...]] = (losses.CrossEntropy, losses.NegativeLogLikelihood)
    metrics: ClassVar[tuple[type[Metric], ...]] = (metrics.Perplexity, metrics.TokenAccuracy)
    supervised: ClassVar[bool] = False  # a masked token is chosen anew in each step
    least_classes: ClassVar[int] = 0
    class_axis: ClassVar[int] = -1  # as transformers and recurrent layers give them
    compact: ClassVar[bool] = True
    sample_view: ClassVar[str] = "tokens"
    prediction_views: ClassVar[tuple[str, ...]] = ("token_losses",)
    script_metric: ClassVar[str] = "perplexity"

    def class_count(self, dataset: DataSet) -> int:
        return dataset.target_vocabulary_count

    def per_class(self, target: Target, numbers: int) -> Shape:
        return (*target.shape, numbers)

    def describe(self, target: Target) -> str:
        places = plural(target.size, "position", "positions")
        return f"{plural(target.classes, 'token', 'tokens')} at each of {places}"

    def examples(self, targets: NDArray[Any], count: int) -> NDArray[np.int64]:
        return evenly_spaced(len(targets), count)

    def guesses(self, training: Tensor, targets: Tensor, target: Target) -> tuple[Guess, ...]:
        """Each token by its frequency in the training split, at every position."""
        counts = training.reshape(-1)[training.reshape(-1) >= 0].bincount(minlength=target.classes).double() + 1
        asked = targets.reshape(-1)[targets.reshape(-1) >= 0].cpu()
        token_loss = -(counts / counts.sum()).log().cpu()[asked].mean() if len(asked) else counts.new_zeros(())
        value, words = float(token_loss.exp()), "predicting each token by its frequency"
        return (Guess("perplexity", "perplexity", value, words, MARGIN * value, 1.0, logarithmic=True, reachable=0.5),)

    def error(self, found: Predictions) -> NDArray[Any]:
        """The mean loss of a sample's tokens: the negative logarithm of the probability of each true token."""
        if found.target_probabilities is None:
            return np.zeros(len(found.targets))
        asked = found.targets >= 0
        each = -np.log(np.where(asked, found.target_probabilities, 1.0).clip(min=1e-30))
        return np.asarray(each.sum(axis=1) / np.maximum(asked.sum(axis=1), 1))

    def words(self, value: NDArray[Any], names: Names) -> str:
        return ""

    def caption(self, found: Predictions, index: int) -> tuple[str, str]:
        asked = found.targets[index] >= 0
        correct = int((found.predicted[index] == found.targets[index])[asked].sum())
        return f"{correct:,} of {int(asked.sum()):,} tokens are correct", f"mean loss {found.error[index]:.3f}"

    def summary(self, found: Predictions) -> str:
        asked = found.targets >= 0
        share = float((found.predicted == found.targets)[asked].mean()) if asked.any() else 0.0
        return f"{share:.1%} of {int(asked.sum()):,} tokens in {len(found.targets):,} {found.split} samples are correct"

    def script_score(self, plan: Plan) -> list[str]:
        return ["        score = loss.exp()"]
