"""Is there a source of weights, does it fit the network, and is something left to train?"""

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
from trainers.paradigms.transfer.source_weights import LayerMatch, SourceWeights
from trainers.paradigms.transfer.weight_files import WeightsError, refuse_unusable
from trainers.runs.run import runs

if TYPE_CHECKING:
    from trainers.job import Job
    from trainers.paradigms.transfer.paradigm import Transfer

SOURCES = ("run", "weights", "source")  # the options that name a source
NEWEST = 20  # runs that are tried to find one that fits
LISTED = 6  # layers in a message


class _TransferCheck(JobCheck):
    """What the checks of transfer share: they wait until the network has no errors of its own."""

    paradigms = ("transfer",)
    category = "transfer"

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        complete = all(step.name in analysis.facts for step in analysis.plan.steps)
        if complete and analysis.plan.steps and networks(job.document) == ("main",):
            yield from self.check(job, analysis, cast("Transfer", job.paradigm))

    def check(self, job: Job, analysis: Analysis, paradigm: Transfer) -> Iterator[Problem]:
        """The problems of this kind."""
        raise TypeError(f"{type(self).__name__} must define `check`.")


def _named(paradigm: Transfer) -> list[str]:
    """The options that name a source."""
    return [name for name in SOURCES if getattr(paradigm, name) is not None]


def _matched(job: Job, paradigm: Transfer) -> tuple[SourceWeights | None, tuple[LayerMatch, ...]] | None:
    """The source and which layers fit it; None: another check reports what is wrong with it."""
    try:
        source = source_weights.find_source(job, paradigm)
    except (NetloomError, OSError):
        return None
    return source, source_weights.match_layers(job.document, source, paradigm.head == "keep")


def _start_with(job: Job, **source: Any) -> SetTraining:
    """The edit that makes this the only source."""
    return with_paradigm(job, **{**dict.fromkeys(SOURCES), **source})


def _other_source(job: Job, paradigm: Transfer) -> tuple[list[Edit], str]:
    """The edit that uses the best of the newest runs or, if none fits, trains from scratch; and its label."""
    best: tuple[int, str, str] | None = None
    try:
        newest = runs(NEWEST)
    except NetloomError:
        newest = []
    for run in newest:
        try:
            source = source_weights.from_run(run.id)
            matches = source_weights.match_layers(job.document, source, paradigm.head == "keep")
            count = sum(match.fits for match in matches)
            if count and source.path is not None and (best is None or count > best[0]):
                refuse_unusable(source.path, source.label, source.remedy)
                best = (count, run.id, run.name)
        except (NetloomError, ValueError, OSError):
            continue
    if best is not None:
        return [_start_with(job, run=best[1])], f"Start with “{best[2][:30]}”"
    return [SetTraining({**job.document.training, "paradigm": {"name": "supervised"}})], "Train from scratch"


class OneSource(_TransferCheck):
    """The options name no source of weights, or several.

    Transfer starts with the weights of one run, one file or one first training.

    Example: run and source are both set.

    Fix: uses the newest run that fits; of several sources, keeps the first.
    """

    code = "T210"

    def check(self, job: Job, analysis: Analysis, paradigm: Transfer) -> Iterator[Problem]:
        named = _named(paradigm)
        if len(named) > 1:
            yield self.problem(
                None,
                f"More than one source of weights is chosen: {', '.join(named)}. Keep one of them.",
                [_start_with(job, **{named[0]: getattr(paradigm, named[0])})],
                f"Keep {named[0]}",
            )
        elif not named and not any(step.spec.pretrained() for step in analysis.plan.steps):
            yield self.problem(
                None,
                "No source of weights is chosen. Choose a run, a file of weights, or a first training.",
                *_other_source(job, paradigm),
            )


class SourceExists(_TransferCheck):
    """The source of weights does not exist, cannot be read, cannot be trained, or has weights that are NaN.

    Without its weights the run cannot start.

    Example: the run was deleted, or diverged.

    Fix: uses the newest run that fits, or trains from scratch.
    """

    code = "T211"

    def check(self, job: Job, analysis: Analysis, paradigm: Transfer) -> Iterator[Problem]:
        if len(_named(paradigm)) != 1:
            return
        try:
            source = source_weights.find_source(job, paradigm)
            if source is not None and source.path is not None and source.path.is_file():
                refuse_unusable(source.path, source.label, source.remedy)
        except WeightsError as error:
            yield self.problem(None, str(error), *_other_source(job, paradigm))
        except OSError as error:
            reason = error.strerror or "it is gone"
            yield self.problem(None, f"The weights cannot be read: {reason}.", *_other_source(job, paradigm))


class NothingFits(_TransferCheck):
    """No layer fits the weights of the source.

    Weights are matched by the names of the nodes and the shapes of their tensors.

    Example: the nodes have other names than in the network that was trained.

    Fix: uses the newest run that fits, or trains from scratch.
    """

    code = "T212"

    def check(self, job: Job, analysis: Analysis, paradigm: Transfer) -> Iterator[Problem]:
        found = _matched(job, paradigm) if len(_named(paradigm)) <= 1 else None
        if found is None or any(match.fits for match in found[1]):
            return
        source, matches = found
        if source is not None:
            reasons = source_weights.reasons(matches) or "the new head is the only layer with weights"
            yield self.problem(
                None,
                f"No weights of {source.label} fit this network: {reasons}. Choose a run of the same network, or give "
                "the nodes the names and sizes that they have in the source.",
                *_other_source(job, paradigm),
            )


class PartlyFits(_TransferCheck):
    """Layers before the head have no weights in the source, and start with random ones.

    Most often this is a mistake, such as a renamed node, and much of the transfer is lost.

    Example: a convolution has 8 channels here and 6 in the source.

    Fix: give the nodes the names and sizes that they have in the source.
    """

    code = "T213"
    severity = "warning"

    def check(self, job: Job, analysis: Analysis, paradigm: Transfer) -> Iterator[Problem]:
        found = _matched(job, paradigm) if len(_named(paradigm)) == 1 else None
        if found is None or not any(match.fits for match in found[1]):
            return
        source, matches = found
        others = [match for match in matches if not match.fits and match.reason != source_weights.NEW_HEAD]
        if source is not None and others:
            count = sum(match.fits for match in matches)
            more = f", like {len(others) - 1} more" if len(others) > 1 else ""
            yield self.problem(
                others[0].node.partition(".")[0],
                f"starts with random weights{more}. {count} of {len(matches)} layers start "
                f"with those of {source.label}: {source_weights.reasons(matches, LISTED)}.",
            )


class FrozenNodeExists(_TransferCheck):
    """freeze_up_to names no node of the network.

    This node and all nodes before it are to be frozen.

    Example: the node was renamed from conv to conv1.

    Fix: freezes nothing.
    """

    code = "T214"

    def check(self, job: Job, analysis: Analysis, paradigm: Transfer) -> Iterator[Problem]:
        name = paradigm.freeze_up_to
        if name is not None and name not in job.document.by_name:
            similar = did_you_mean(name, job.document.by_name)
            yield self.problem(
                None,
                f"freeze_up_to is {clip(name)}, but there is no such node.{similar}",
                [with_paradigm(job, freeze_up_to=None)],
                "Freeze nothing",
            )


class AllFrozen(_TransferCheck):
    """All layers with weights are frozen.

    At least one layer has to be trained, usually the head.

    Example: freeze_up_to is the last Linear layer.

    Fix: freezes up to the node before the head.
    """

    code = "T215"

    def check(self, job: Job, analysis: Analysis, paradigm: Transfer) -> Iterator[Problem]:
        name = paradigm.freeze_up_to
        if name not in job.document.by_name:
            return
        frozen = {step.module for step in source_weights.frozen_steps(job.document, name)}
        layers = list(source_weights.layers_with_weights(job.document))
        if all(node in frozen for node in layers):
            last = next(iter(source_weights.heads(job.document)), layers[-1] if layers else "").partition(".")[0]
            previous = next((edge.source for edge in job.document.edges if edge.target == last), None)
            usable = previous is not None and job.document.node(previous).role in ("layer", "block")
            yield self.problem(
                name,
                "is the last frozen node, and no layer after it has weights to train. Freeze fewer layers.",
                [with_paradigm(job, freeze_up_to=previous if usable else None)],
                f"Freeze up to {previous}" if usable else "Freeze nothing",
            )


class FrozenAtRandom(_TransferCheck):
    """A frozen layer has no weights in the source.

    It keeps its random initial weights during the whole training.

    Example: a normalisation layer was added between frozen convolutions.

    Fix: freezes nothing.
    """

    code = "T216"
    severity = "warning"
    hinders = True

    def check(self, job: Job, analysis: Analysis, paradigm: Transfer) -> Iterator[Problem]:
        found = _matched(job, paradigm)
        if found is None or paradigm.freeze_up_to not in job.document.by_name:
            return
        frozen = {step.module for step in source_weights.frozen_steps(job.document, paradigm.freeze_up_to)}
        random = [match.node for match in found[1] if not match.fits and match.node in frozen]
        if random and len(frozen & set(source_weights.layers_with_weights(job.document))) < len(found[1]):
            yield self.problem(
                random[0].partition(".")[0],
                "is frozen, but has no weights in the source: it would keep its random initial weights.",
                [with_paradigm(job, freeze_up_to=None)],
                "Freeze nothing",
            )


class UnfreezesNothing(_TransferCheck):
    """unfreeze_at has no effect: nothing is frozen, or the training ends before.

    Example: unfreeze_at is 10, and the training has 5 epochs.

    Fix: unfreezes after half of the epochs, or never.
    """

    code = "T217"
    severity = "warning"

    def check(self, job: Job, analysis: Analysis, paradigm: Transfer) -> Iterator[Problem]:
        at, epochs = paradigm.unfreeze_at, job.settings.epochs
        if at is None:
            return
        if paradigm.freeze_up_to is None:
            yield self.problem(
                None,
                "unfreeze_at is set, but no layer is frozen. Choose a node in freeze_up_to.",
                [with_paradigm(job, unfreeze_at=None, unfreeze=None)],
                "Unfreeze nothing",
            )
        elif at >= epochs:
            half = max(1, epochs // 2)
            yield self.problem(
                None,
                f"Frozen layers are to be trained after {at:,} epochs, but the training ends after {epochs:,}.",
                [with_paradigm(job, unfreeze_at=half if half < epochs else None)],
                f"Unfreeze after {half:,}" if half < epochs else "Unfreeze nothing",
            )


class OptimizerGroups(_TransferCheck):
    """The optimizer supports neither two learning rates nor parameters that are added later.

    Both backbone_lr_factor and unfreeze_at need that.

    Example: L-BFGS with a backbone_lr_factor of 0.1.

    Fix: uses Adam.
    """

    code = "T218"

    def check(self, job: Job, analysis: Analysis, paradigm: Transfer) -> Iterator[Problem]:
        if job.optimizer.needs_closure and (paradigm.backbone_lr_factor != 1 or paradigm.unfreeze_at is not None):
            yield self.problem(
                None,
                f"{job.optimizer.label} supports neither two learning rates nor unfreezing. Use another optimizer, "
                "such as Adam, or set backbone_lr_factor to 1 and unfreeze nothing.",
                [SetTraining({**job.document.training, "optimizer": {"name": "Adam"}})],
                "Use Adam",
            )
