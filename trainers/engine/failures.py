"""What went wrong in a run, in words: where, why, and what to do."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import torch

from builder.compile import layers
from builder.foreign_text import in_words
from builder.problems import NetloomError, NodeError
from trainers.data import DataError
from trainers.engine.loop import Diverged
from trainers.runs.store import StoreError

if TYPE_CHECKING:
    from trainers.engine.session import TrainingSession


def explain(error: Exception, session: TrainingSession) -> str:
    """An error as a message that names the node and the step where they are known, and what to try."""
    step = f"step {session.loop.position.step + 1:,}" if session.loop else "the preparation of the run"
    cause = error.__cause__ if isinstance(error, NodeError) else error
    if isinstance(cause, torch.OutOfMemoryError) or "not enough memory" in str(cause):
        where = f" at {error.node}" if isinstance(error, NodeError) else ""
        return f"Out of memory{where} in {step}. Use a smaller batch size or a smaller network."
    if isinstance(error, Diverged):
        return _explain_divergence(error, session)
    if isinstance(error, DataError | StoreError) or (isinstance(error, NetloomError) and session.loop is None):
        return str(error)  # about the data, the disk or the job, not about a step
    if isinstance(error, NetloomError):
        return f"Error in {step}. {error}"
    if isinstance(error, OSError):
        return f"The run could not continue: {error.strerror or error}."
    return f"Error in {step}: {in_words(error)} Details are in error.txt in the run's folder."


def _explain_divergence(error: Diverged, session: TrainingSession) -> str:
    """The message of a loss that is NaN, with the first node whose weights are NaN or infinite."""
    assert session.loop is not None
    nodes = (
        name
        for module in session.loop.learner.modules.values()
        for name, child in layers(module).items()
        if any(not torch.isfinite(parameter).all() for parameter in child.parameters())
    )
    node = next(nodes, None)
    where = f" The first node with weights that are NaN or infinite is {node}." if node else ""
    rate = session.job.optimizer.lr
    return (
        f"{error}{where} The learning rate {rate:g} is probably too high: try {rate / 10:g}, or set gradient clipping "
        "to 1."
    )


def free_memory(session: TrainingSession) -> None:
    """Give back the memory of a run that failed, which errors and their tracebacks may still hold, to other runs."""
    session.loop = None
    gc.collect()
    if torch.device(session.device).type == "cuda":
        torch.cuda.empty_cache()
