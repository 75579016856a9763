"""Everything that decides how a loop goes on, as a tree for a checkpoint, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from trainers import migrate
from trainers.engine import checkpoint
from trainers.engine.loop import Loop, TrainingPosition

if TYPE_CHECKING:
    from torch import Tensor


def capture(loop: Loop, device: str, random: dict[str, Tensor] | None = None) -> dict[str, Any]:
    """The state of a loop between two steps. Its tensors are the loop's own: they are copied when they are written.

    `random`: the state of the random generators, if it is not that of now.
    """
    return {
        "position": asdict(loop.position),
        "networks": {name: dict(module.state_dict()) for name, module in loop.learner.modules.items()},
        "learner": loop.learner.state_dict(),
        "best": loop.best,
        "verdicts": loop.probes.state_dict(),
        "random": random or checkpoint.random_state(device),
        "blocks": list(blocks) if (blocks := getattr(loop.batches, "blocks", None)) else None,
    }


def restore(loop: Loop, stored: Mapping[str, Any], device: str) -> None:
    """Let a loop that has taken no step go on from a state, which an earlier version may have written.

    KeyError, TypeError, ValueError, AttributeError: it is not the state of such a loop.
    """
    state = migrate.checkpoint(stored)
    loop.position = TrainingPosition(**state["position"])
    for name, module in loop.learner.modules.items():
        module.load_state_dict(state["networks"][name])
    loop.learner.load_state_dict(state["learner"])
    if hasattr(loop.batches, "blocks"):  # earlier versions mixed all samples, whatever their size
        blocks = state.get("blocks")
        loop.batches.blocks = None if blocks is None else tuple(blocks)
    loop.best = {name: tensor.to(device) for name, tensor in state["best"].items()}
    if "verdicts" in state:
        loop.probes.load_state_dict(state["verdicts"])
    else:  # a checkpoint of an earlier version
        loop.probes.start_late(loop.position.step)
    checkpoint.set_random_state(state["random"], device)


def recovery(step: int, damage: list[str], starts_over: bool, lost_metrics: bool) -> tuple[str, ...]:
    """What became of an interrupted run that goes on from `step`, as a note, if it is not what everybody expects.

    Parameters:
        damage: what is wrong with its checkpoints, in sentences.
        lost_metrics: whether metrics of it were deleted, which were measured after the checkpoint.
    """
    if starts_over and damage:
        return (f"{' '.join(damage)} No checkpoint can be read, so the run started over.",)
    if starts_over and lost_metrics:
        return ("The run had no checkpoint, so it started over.",)
    if damage:
        found = f"The checkpoint before it is used: the run continued from step {step:,}."
        return (f"{' '.join(damage)} {found}",)
    return ()
