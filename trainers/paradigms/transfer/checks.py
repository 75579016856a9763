"""Is there something to begin with, does it fit the network, and does what is frozen make sense?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from builder.analysis.infer import Analysis
from builder.document.graph import networks
from builder.edits import Edit, SetTraining
from builder.problems import NetloomError, Problem
from builder.registry import did_you_mean
from builder.validation_messages import clip
from trainers.checks.base import JobCheck
from trainers.checks.objectives import with_paradigm
from trainers.paradigms.transfer import source_weights
from trainers.paradigms.transfer.weight_files import WeightsError

if TYPE_CHECKING:
    from trainers.job import Job
    from trainers.paradigms.transfer.paradigm import Transfer

ORIGINS = ("run", "weights", "source")
LOOKED_AT = 20  # runs that are tried when another one is to be found
LISTED = 6


class _TransferCheck(JobCheck):
    """Base of the checks of this way of training; they wait until the network itself is in order."""

    paradigms = ("transfer",)
    category = "transfer"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        whole = all(step.name in analysis.facts for step in analysis.plan.steps)
        if whole and analysis.plan.steps and networks(job.document) == ("main",):
            yield from self.look(job, analysis, cast("Transfer", job.paradigm))

    def look(self, job: Job, analysis: Analysis, way: Transfer) -> Iterator[Problem]:
        """The problems of this kind."""
        raise TypeError(f"{type(self).__name__} must say what it looks for.")


def named(way: Transfer) -> list[str]:
    """The options that say what to begin with."""
    return [name for name in ORIGINS if getattr(way, name) is not None]


def begun(job: Job, way: Transfer) -> tuple[source_weights.Origin | None, tuple[source_weights.Item, ...]] | None:
    """What there is to begin with, and what of it fits; None: another check says what is wrong."""
    try:
        origin = source_weights.origin_of(job, way)
    except (NetloomError, OSError):
        return None
    return origin, source_weights.fitting(job.document, origin, way.head == "keep")


def other_run(job: Job, way: Transfer) -> tuple[list[Edit], str]:
    """The edit that begins with the newest run whose weights fit, and what to write on its button."""
    import trainers

    found: tuple[int, str, str] | None = None
    try:
        runs = trainers.runs()[:LOOKED_AT]
    except NetloomError:
        runs = []
    for run in runs:
        try:
            items = source_weights.fitting(job.document, source_weights.of_run(run.id), way.head == "keep")
            count = sum(item.fits for item in items)
            if count and (found is None or count > found[0]):
                found = (count, run.id, run.name)
        except (NetloomError, ValueError, OSError):
            continue
    if found is None:
        return [], ""
    return [_beginning(job, run=found[1])], f"Begin with “{found[2][:30]}”"


def _beginning(job: Job, **values: Any) -> SetTraining:
    return with_paradigm(job, **{**dict.fromkeys(ORIGINS), **values})


def otherwise(job: Job, way: Transfer) -> tuple[list[Edit], str]:
    """Another run to begin with, or, where none fits, to train from nothing."""
    edits, label = other_run(job, way)
    if edits:
        return edits, label
    return [SetTraining({**job.document.training, "paradigm": {"name": "supervised"}})], "Train from nothing"


class NothingToBeginWith(_TransferCheck):
    """Transfer needs one source of weights. Mended by the newest run that fits; of several, the first is kept."""

    code = "T210"

    def look(self, job: Job, analysis: Analysis, way: Transfer) -> Iterator[Problem]:
        given = named(way)
        if len(given) > 1:
            yield self.problem(
                None,
                f"The weights to begin with are named more than once: {', '.join(given)}. Keep one of them.",
                [_beginning(job, **{given[0]: getattr(way, given[0])})],
                f"Keep {given[0]}",
            )
        elif not given and not any(step.spec.pretrained() for step in analysis.plan.steps):
            yield self.problem(
                None,
                "Nothing is named to begin with. Choose a run, a file of weights, or a data set to learn from first.",
                *otherwise(job, way),
            )


class CannotBeHad(_TransferCheck):
    """What is named must be there and readable. Mended by a run that fits."""

    code = "T211"

    def look(self, job: Job, analysis: Analysis, way: Transfer) -> Iterator[Problem]:
        if len(named(way)) != 1:
            return
        try:
            source_weights.origin_of(job, way)
        except (WeightsError, OSError) as error:
            yield self.problem(None, str(error), *otherwise(job, way))


class NothingFits(_TransferCheck):
    """Of the weights to begin with some must fit the network, by name and shape. Mended by a run whose weights do."""

    code = "T212"

    def look(self, job: Job, analysis: Analysis, way: Transfer) -> Iterator[Problem]:
        found = begun(job, way) if len(named(way)) <= 1 else None
        if found is None or any(item.fits for item in found[1]):
            return
        origin, items = found
        if origin is not None:
            why = (
                source_weights.reasons(items)
                or "but for the last layer, which is to be fresh, the network has no weights"
            )
            yield self.problem(
                None,
                f"None of the weights of {origin.label} fit this network: {why}. Begin with a run of the same "
                "network, or give its nodes the names and sizes that they have there.",
                *otherwise(job, way),
            )


class FitsInPart(_TransferCheck):
    """Layers before the head that find no weights in the source begin with random ones: most often a mistake."""

    code = "T213"
    severity = "warning"

    def look(self, job: Job, analysis: Analysis, way: Transfer) -> Iterator[Problem]:
        found = begun(job, way) if len(named(way)) == 1 else None
        if found is None or not any(item.fits for item in found[1]):
            return
        origin, items = found
        left = [item for item in items if not item.fits and item.reason != source_weights.NEW_HEAD]
        if origin is not None and left:
            count = sum(item.fits for item in items)
            yield self.problem(
                left[0].node.partition(".")[0],
                f"begins with random weights{f', as do {len(left) - 1} more' if len(left) > 1 else ''}; {count} of "
                f"{len(items)} layers begin with those of {origin.label}: "
                f"{source_weights.reasons(items, LISTED)}.",
            )


class FreezesNoNode(_TransferCheck):
    """What is frozen must be a node of the network. Mended by freezing nothing."""

    code = "T214"

    def look(self, job: Job, analysis: Analysis, way: Transfer) -> Iterator[Problem]:
        name = way.freeze_up_to
        if name is not None and name not in job.document.by_name:
            near = did_you_mean(name, job.document.by_name)
            yield self.problem(
                None,
                f"Everything up to {clip(name)} is to be frozen, but there is no such node.{near}",
                [with_paradigm(job, freeze_up_to=None)],
                "Freeze nothing",
            )


class NothingLearns(_TransferCheck):
    """Something must be left to learn. Mended by freezing up to the node before the last layer with weights."""

    code = "T215"

    def look(self, job: Job, analysis: Analysis, way: Transfer) -> Iterator[Problem]:
        name = way.freeze_up_to
        if name not in job.document.by_name:
            return
        frozen = {step.module for step in source_weights.frozen_steps(job.document, name)}
        layers = list(source_weights.weighted(job.document))
        if all(node in frozen for node in layers):
            last = next(iter(source_weights.heads(job.document)), layers[-1] if layers else "").partition(".")[0]
            before = next((edge.source for edge in job.document.edges if edge.target == last), None)
            known = before is not None and job.document.node(before).role in ("layer", "block")
            yield self.problem(
                name,
                "is the last layer that is frozen, and then no layer is left that learns. Freeze less.",
                [with_paradigm(job, freeze_up_to=before if known else None)],
                f"Freeze up to {before}" if known else "Freeze nothing",
            )


class FrozenAtRandom(_TransferCheck):
    """A frozen layer that begins with random weights stays random. Mended by freezing less."""

    code = "T216"
    severity = "warning"

    def look(self, job: Job, analysis: Analysis, way: Transfer) -> Iterator[Problem]:
        found = begun(job, way)
        if found is None or way.freeze_up_to not in job.document.by_name:
            return
        frozen = {step.module for step in source_weights.frozen_steps(job.document, way.freeze_up_to)}
        fresh = [item.node for item in found[1] if not item.fits and item.node in frozen]
        if fresh and len(frozen & set(source_weights.weighted(job.document))) < len(found[1]):
            yield self.problem(
                fresh[0].partition(".")[0],
                "is frozen, but its weights come from nowhere: it would stay as random as it begins.",
                [with_paradigm(job, freeze_up_to=None)],
                "Freeze nothing",
            )


class UnfreezesInVain(_TransferCheck):
    """Unfreezing needs something frozen, and an epoch after it. Mended by half of the epochs, or by leaving it out."""

    code = "T217"
    severity = "warning"

    def look(self, job: Job, analysis: Analysis, way: Transfer) -> Iterator[Problem]:
        at, epochs = way.unfreeze_at, job.settings.epochs
        if at is None:
            return
        if way.freeze_up_to is None:
            yield self.problem(
                None,
                "Layers are to be unfrozen, but none is frozen: name one in freeze_up_to.",
                [with_paradigm(job, unfreeze_at=None, unfreeze=None)],
                "Unfreeze nothing",
            )
        elif at >= epochs:
            half = max(1, epochs // 2)
            yield self.problem(
                None,
                f"Frozen layers are to learn after {at:,} epochs, but the training is over after {epochs:,}.",
                [with_paradigm(job, unfreeze_at=half if half < epochs else None)],
                f"Unfreeze after {half:,}" if half < epochs else "Unfreeze nothing",
            )


class OneRateOnly(_TransferCheck):
    """Some optimizers know one group of weights that never changes. Mended by Adam."""

    code = "T218"

    def look(self, job: Job, analysis: Analysis, way: Transfer) -> Iterator[Problem]:
        if job.optimizer.needs_closure and (way.backbone_lr_factor != 1 or way.unfreeze_at is not None):
            yield self.problem(
                None,
                f"{job.optimizer.label} can neither take two learning rates nor weights that join later. Use another "
                "optimizer, such as Adam, or one rate and no unfreezing.",
                [SetTraining({**job.document.training, "optimizer": {"name": "Adam"}})],
                "Use Adam",
            )
