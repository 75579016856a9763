"""Puts the weights of another run into a loop that has taken no step, and as much of its training as still fits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors.torch import load_file

import builder
from trainers import migrate
from trainers.engine import checkpoint
from trainers.engine.loop import Loop, TrainingPosition
from trainers.forks.source import BEST, FOLDER, ForkSource, read
from trainers.job import Job
from trainers.optim.optimisation import keeping_settings

if TYPE_CHECKING:
    from torch import Tensor

MOST_NAMED = 6  # nodes in a sentence
FREE_OF_OPTIMIZER = ("lr", "weight_decay")  # its state stays the same with others


@dataclass(frozen=True)
class Fitted:
    """Which weights were taken. Nodes by their names: with initial weights, and what the other run has besides."""

    taken: int
    new: tuple[str, ...]
    left: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether every weight of both networks has its counterpart."""
        return not self.new and not self.left


def first_loop(make_loop: Callable[[Any], Loop], folder: Path, job: Job, device: str) -> tuple[Loop, tuple[str, ...]]:
    """The loop of a run before its first step: with initial weights, or with those of the run that it continues, and
    then sentences on that.

    Parameters:
        make_loop: makes a loop; it gets the checkpoint whose number of threads it takes.
        folder: of the run.
        device: where it trains.
    """
    source = read(folder)
    if source is None:
        return make_loop(None), ()
    loop, sentences = _begin(make_loop, source, folder / FOLDER, job, device)
    return loop, (sentences,)


def _begin(
    make_loop: Callable[[Any], Loop], source: ForkSource, folder: Path, job: Job, device: str
) -> tuple[Loop, str]:
    """Of a checkpoint, the batches, random numbers and, where it fits, the state of the optimizer go on from there."""
    if source.step is None:
        loop = make_loop(None)
        return loop, _sentences(source, _fit(loop, _by_network(load_file(folder / BEST))))
    before = Job(migrate.document(builder.load(source.document)))
    state = migrate.checkpoint(checkpoint.load(folder, device))
    if job.dataset.name != before.dataset.name:  # its steps say nothing about other data
        loop = make_loop(None)
        fitted = _fit(loop, state["networks"])
        return loop, _sentences(source, fitted, "It begins at the first step, since it trains on other data.")
    loop = make_loop(state)
    fitted = _fit(loop, state["networks"])
    goes_on = fitted.complete and _same_optimizer(job, before)
    if goes_on:
        try:
            _load_learner(loop, state, job, before)
        except (KeyError, TypeError, ValueError, AttributeError):  # of another paradigm, or another option of it
            loop = make_loop(state)
            fitted = _fit(loop, state["networks"])
            goes_on = False
    loop.position = _position(state, job, before)
    if goes_on and job.paradigm == before.paradigm:
        _go_on(loop, state, device)
    else:
        loop.probes.start_late(loop.position.step)
    if hasattr(loop.batches, "blocks") and state.get("blocks"):
        loop.batches.blocks = tuple(state["blocks"])
    checkpoint.set_random_state(state["random"], device)
    return loop, _sentences(source, fitted, "" if goes_on else "The optimizer begins anew.")


def _go_on(loop: Loop, state: Mapping[str, Any], device: str) -> None:
    """The best weights so far, and what verdicts are based on."""
    stored = state["position"]
    loop.best = {name: tensor.to(device) for name, tensor in state["best"].items()}
    loop.position.best_value, loop.position.best_epoch = stored["best_value"], stored["best_epoch"]
    if "verdicts" in state:
        loop.probes.load_state_dict(state["verdicts"])


def _position(state: Mapping[str, Any], job: Job, before: Job) -> TrainingPosition:
    """Where the fork is: in the middle of the same epoch if it gets the same batches, else at its beginning."""
    position = TrainingPosition(**state["position"])
    position = replace(position, best_value=None, best_epoch=0, epochs_without_progress=0)
    same = job.document.training.get("data") == before.document.training.get("data")
    if same and job.settings.seed == before.settings.seed:
        return position
    return replace(position, batch=0, sum_loss=0.0, count_loss=0, epoch_sum_loss=0.0, epoch_count_loss=0)


def _same_optimizer(job: Job, before: Job) -> bool:
    """Whether the state of the one optimizer is one of the other."""
    one, other = (each.optimizer.model_dump(exclude=set(FREE_OF_OPTIMIZER)) for each in (job, before))
    return type(job.optimizer) is type(before.optimizer) and one == other


def _load_learner(loop: Loop, state: Mapping[str, Any], job: Job, before: Job) -> None:
    """The state of the optimizer and of whatever else the learner keeps, with the settings of this job.

    A schedule that runs over all steps goes on as if the run had had its number of steps from the beginning.
    """
    same = job.optimizer == before.optimizer and job.schedule == before.schedule
    if same and job.schedule.per != "step":
        loop.learner.load_state_dict(state["learner"])
        return
    with keeping_settings(state["position"]["step"], state["position"]["epoch"]):
        loop.learner.load_state_dict(state["learner"])


def _fit(loop: Loop, stored: Mapping[str, Mapping[str, Tensor]]) -> Fitted:
    """Load what has a counterpart of the same shape into the networks of the loop."""
    taken, new, left = 0, [], []
    for name, module in loop.learner.modules.items():
        own, theirs = module.state_dict(), stored.get(name, {})
        fits = {key: theirs[key] for key in own if key in theirs and theirs[key].shape == own[key].shape}
        taken += len(fits)
        new += [key for key in own if key not in fits]
        left += [key for key in theirs if key not in fits]
        module.load_state_dict(fits, strict=False)
    for name in stored.keys() - loop.learner.modules.keys():
        left += list(stored[name])
    return Fitted(taken, _nodes(new), _nodes(left))


def _by_network(weights: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """Weights by "network/key" as network → key → weights."""
    found: dict[str, dict[str, Tensor]] = {}
    for name, tensor in migrate.weights(dict(weights)).items():
        network, _, key = name.partition("/")
        found.setdefault(network, {})[key] = tensor
    return found


def _nodes(keys: list[str]) -> tuple[str, ...]:
    """The nodes that have these weights, each once."""
    return tuple(dict.fromkeys(key.rpartition(".")[0] or key for key in keys))


def _sentences(source: ForkSource, fitted: Fitted, more: str = "") -> str:
    where = "its best weights" if source.step is None else f"its weights at step {source.step:,}"
    parts = [f"It continues “{source.name[:60]}” (run {source.run}) from {where}."]
    if fitted.new:
        parts.append(f"With initial weights: {_listed(fitted.new)}.")
    if fitted.left:
        parts.append(f"Not taken, since nothing here has their shape: {_listed(fitted.left)}.")
    return " ".join([*parts, more]).strip()


def _listed(names: tuple[str, ...]) -> str:
    rest = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + rest
