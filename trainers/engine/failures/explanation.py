"""An error of a run as a message: where it happened, why, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from builder.compile import layers
from builder.foreign_text import in_words
from builder.problems import NetloomError
from trainers import disk
from trainers.data import DataError
from trainers.engine.failures.out_of_memory import explain_memory, is_out_of_memory
from trainers.engine.loop import Diverged
from trainers.runs.store import StoreError
from trainers.verdicts.advice import CLIP
from trainers.verdicts.circumstances import Circumstances
from trainers.verdicts.divergence import LearningRateTooHigh
from trainers.verdicts.rules import explained

if TYPE_CHECKING:
    from trainers.engine.session import TrainingSession
    from trainers.job import Job
    from trainers.probes.nonfinite import Origin

HUGE = 1e6  # numbers above it come from a training that diverges, hardly from data or from a healthy network


def explain(error: Exception, session: TrainingSession) -> str:
    """An error as a message that names the node and the step where they are known, and what to try."""
    step = f"step {session.loop.position.step + 1:,}" if session.loop else "the preparation of the run"
    if is_out_of_memory(error):
        return explain_memory(error, session)
    if isinstance(error, Diverged):
        return _explain_divergence(error, session)
    if isinstance(error, DataError | StoreError) or (isinstance(error, NetloomError) and session.loop is None):
        return str(error)  # about the data, the disk or the job, not about a step
    if isinstance(error, NetloomError):
        return f"Error in {step}. {error}"
    if isinstance(error, OSError):
        if disk.may_pass(error):
            return disk.reason(error, session.folder)
        return f"The run could not continue: {error.strerror or error}."
    return f"Error in {step}: {in_words(error)} Details are in error.txt in the run's folder."


# -- divergence -------------------------------------------------------------------------------------------------------


def _explain_divergence(error: Diverged, session: TrainingSession) -> str:
    """The message of a loss that is NaN: where it began, and what to do."""
    lower = _cause(session) or _lower_rate(session.job)
    if session.loop is None:
        return f"{error} It is that of the first training, whose weights this run starts with. {lower}"
    if error.origin is not None:
        return f"{error} {_began(error.origin)} {_advice(error.origin, session.job, lower)}"
    nodes = (
        name
        for module in session.loop.learner.modules.values()
        for name, child in layers(module).items()
        if any(not torch.isfinite(parameter).all() for parameter in child.parameters())
    )
    node = next(nodes, None)
    where = f" The first node with weights that are NaN or infinite is {node}." if node else ""
    return f"{error}{where} {lower}"


def _cause(session: TrainingSession) -> str:
    """The verdict that explains the divergence, if it is something else than the learning rate."""
    found = () if session.loop is None else session.loop.probes.assessment.verdicts()
    verdict = next((each for each in found if each.severity == "error"), None)
    if verdict is None or LearningRateTooHigh.__name__ not in explained(verdict.kind):
        return ""
    return f"{verdict.message} {verdict.advice}"


def _lower_rate(job: Job) -> str:
    run = Circumstances(job)
    clip = CLIP.words(run)
    other = f", or {clip}" if clip else ""
    rate = run.highest_rate
    return f"The learning rate {rate:g} is probably too high: try {rate / 10:g}{other}."


def _began(origin: Origin) -> str:
    """Where NaN or infinity began, in a sentence."""
    node = f"{origin.node} ({origin.network})" if origin.network else origin.node
    upto = f" (up to {origin.largest:.3g})" if origin.largest else ""
    what = {
        "batch": f"in the data: the batch holds {_values(origin)}",
        "weights": f"before the step: the weights of {node} hold {_values(origin)}",
        "output": f"at {node}: its output is {origin.value}, while what it receives is finite{upto}",
        "loss": f"in the loss: it or its gradient is {origin.value}, while the network's output is finite{upto}",
        "gradient": f"in the backward pass at {node}: its gradient is {origin.value}, while its output is finite",
        "update": f"at {node}: the update made its weights {origin.value}, while outputs and gradients are finite",
    }[origin.kind]
    return f"It began at step {origin.step:,} {what}."


def _values(origin: Origin) -> str:
    return "NaN" if origin.value == "NaN" else "infinite numbers"


def _advice(origin: Origin, job: Job, lower: str) -> str:
    if origin.kind == "batch":
        return "Look at the samples of the data set and at its augmentation."
    if origin.kind == "weights" and origin.step == 1:
        return "Look at the initialisation, and at the weights that the run starts with."
    if job.settings.precision == "float16" and origin.kind in ("output", "loss"):
        return "float16 holds no number above 65,504: set precision to bfloat16 or float32."
    if origin.kind == "output" and origin.largest < HUGE:
        return (
            "Numbers of that size are no sign of a learning rate that is too high: look at the options of "
            f"{origin.node} and at what comes before it."
        )
    if origin.kind == "loss" and origin.largest < HUGE:
        return "Look at the targets, and at whether the loss takes what the last node gives. " + lower
    return lower
