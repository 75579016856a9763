"""What went wrong in a run, in words: where, why, and what to do."""

from __future__ import annotations

import errno
import gc
import itertools
import re
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import torch

import builder
from builder.analysis.summary import human
from builder.compile import layers
from builder.foreign_text import in_words
from builder.problems import NetloomError, NodeError
from trainers import disk
from trainers.data import DataError
from trainers.engine import checkpoint
from trainers.engine.cpu_load import LoadMeter
from trainers.engine.loop import Diverged
from trainers.engine.threads import threads
from trainers.memory import main_memory
from trainers.probes.nonfinite import NonFiniteProbe, Origin
from trainers.runs.store import StoreError
from trainers.verdicts.advice import CLIP
from trainers.verdicts.circumstances import Circumstances
from trainers.verdicts.divergence import LearningRateTooHigh
from trainers.verdicts.rules import explained

if TYPE_CHECKING:
    from torch import Tensor

    from trainers.data.batches import Batch
    from trainers.engine.loop import Loop
    from trainers.engine.session import TrainingSession
    from trainers.events import Event
    from trainers.job import Job

REPLAY_SECONDS = 60.0  # that a replay may take
SLOWER = 4  # times the time of a step, when it is watched
HUGE = 1e6  # numbers above it come from a training that diverges, hardly from data or from a healthy network
# What torch, CUDA, cuBLAS, numpy and the C++ library say when there is no memory left, on all systems.
NO_MEMORY = re.compile(
    r"out of memory|not enough memory|can(?:'|no)t allocate memory|bad_alloc|unable to allocate|"
    r"ALLOC_FAILED|storage size calculation overflowed",
    re.IGNORECASE,
)
WANTED = re.compile(r"(?:tried to|unable to) allocate ([\d.]+) ?(bytes|[KMGTP]?i?B)", re.IGNORECASE)
UNITS = {"b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40, "p": 2**50}
# Activations are kept for the backward pass, which needs their gradients and, in convolutions, copies of them.
BYTES_IN_A_STEP = 3
OPTIMIZER_COPIES = 4  # of the weights, at most: the weights, their gradients and two averages


def explain(error: Exception, session: TrainingSession) -> str:
    """An error as a message that names the node and the step where they are known, and what to try."""
    step = f"step {session.loop.position.step + 1:,}" if session.loop else "the preparation of the run"
    if is_out_of_memory(error):
        return _explain_memory(error, session)
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


# -- memory -----------------------------------------------------------------------------------------------------------


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether an error, or the error that caused it, means that memory could not be allocated: on a CPU or a GPU."""
    return any(
        isinstance(each, torch.OutOfMemoryError | MemoryError)
        or (isinstance(each, OSError) and each.errno == errno.ENOMEM)
        or (isinstance(each, RuntimeError | OSError) and NO_MEMORY.search(str(each)) is not None)
        for each in _chain(error)
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def wanted_bytes(error: BaseException) -> int | None:
    """How much memory was asked for when there was none left, from the message of torch or numpy."""
    for each in _chain(error):
        found = WANTED.search(str(each))
        if found:
            return int(float(found[1]) * UNITS[found[2][0].lower()])
    return None


def _explain_memory(error: Exception, session: TrainingSession) -> str:
    """Where memory ran out, how much was needed, and the batch that fits."""
    loop, job = session.loop, session.job
    wanted, place = wanted_bytes(error), _place(error)
    for each in _chain(error):
        traceback.clear_frames(each.__traceback__)  # they hold the activations of the step
    free = free_bytes(session.device)
    amounts = [f"it needed {human(wanted, 'B')} more"] if wanted else []
    amounts += [f"{human(free, 'B')} {'are' if wanted else 'is'} free"] if free is not None else []
    needed = f": {', and '.join(amounts)}" if amounts else ""
    if loop is None and session.activity == "the loading of the data":
        data = f"the data set {job.dataset.name}"
        return f"Out of memory while {data} was loaded{needed}. Close other programs, or choose a smaller data set."
    costs = builder.summary(job.document)
    weights = OPTIMIZER_COPIES * 4 * int(costs["parameters"].sum())
    if loop is None or place == "the optimizer's step":
        name, count = max(zip(costs["node"], costs["parameters"], strict=True), key=lambda pair: pair[1])
        own = f"{name} has {human(int(count))} of the weights"
        where = place or "the preparation of the run"
        return (
            f"Out of memory in {where}{needed}. The network and its optimizer need about {human(weights, 'B')} for "
            f"weights, whatever the batch size; {own}. Make the network smaller."
        )
    step, evaluates = f"step {loop.position.step + 1:,}", session.activity.startswith("the evaluation")
    where = f"{session.activity} after {step}" if evaluates else step
    where = f"{place} in {where}" if isinstance(error, NodeError) else f"{place} of {where}" if place else where
    at = "at" if isinstance(error, NodeError) else "in"
    return f"Out of memory {at} {where}{needed}. {_smaller_batch(job, loop.batches.size, free)}"


def _place(error: Exception) -> str:
    """The node, or the part of the step, that ran out of memory."""
    if isinstance(error, NodeError):
        return error.node
    files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    if any("torch/optim" in Path(name).as_posix() for name in files):
        return "the optimizer's step"
    return "the backward pass" if any("torch/autograd" in Path(name).as_posix() for name in files) else ""


def _smaller_batch(job: Job, batch: int, free: int | None) -> str:
    """What to do: the batch that fits, by the activations of a sample, or why none does."""
    costs = builder.summary(job.document)
    sample = BYTES_IN_A_STEP * int(costs["activation_bytes"].sum())
    name, size = max(zip(costs["node"], costs["activation_bytes"], strict=True), key=lambda pair: pair[1])
    most = f"the largest output is that of {name}, {human(int(size), 'B')} a sample"
    fits = min(batch // 2, batch if free is None else free // max(sample, 1))
    if fits < 1:
        return f"Not even a batch of one sample fits: {most}. Make the network or its input smaller."
    fits = 1 << (fits.bit_length() - 1)
    return f"A batch of {fits:,} should fit (it is {batch:,}): set batch_size to {fits}. Of the network, {most}."


def free_bytes(device: str) -> int | None:
    """The memory that this process can still get on a device. None: the system does not tell."""
    gc.collect()
    kind = torch.device(device).type
    if kind == "cuda":
        torch.cuda.empty_cache()
        free, total = torch.cuda.mem_get_info(device)
        share = torch.cuda.get_per_process_memory_fraction(device)
        return max(0, min(free, int(share * total) - torch.cuda.memory_reserved(device)))
    if kind != "cpu":
        return None
    memory = main_memory()
    return None if memory is None else memory[0]


def free_memory(session: TrainingSession) -> None:
    """Give back the memory of a run that failed, which errors and their tracebacks may still hold, to other runs."""
    session.loop = None
    gc.collect()
    if torch.device(session.device).type == "cuda":
        torch.cuda.empty_cache()


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


# -- the replay -------------------------------------------------------------------------------------------------------


class _Found(Exception):
    """The step in which NaN or infinity begins."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        super().__init__(origin)


def find_origin(session: TrainingSession, step: int) -> Origin | None:
    """Where the NaN that was noticed at `step` began. None: it does not come again, or the replay would take too long.

    The same numbers come again, since a checkpoint holds everything that they follow from. Of the checkpoints the
    newest one serves whose weights are still finite; without one the run is replayed from its start.
    """
    assert session.loop is not None
    failed, kept, each = session.loop, session._seconds, session.seconds / max(session.loop.position.step, 1)
    damage: list[str] = []
    until = time.monotonic() + REPLAY_SECONDS
    try:
        session.close()  # a checkpoint may still be written
        for state, _ in itertools.chain(checkpoint.readable(session.folder, damage), [(None, True)]):
            loop = session._new_loop(state, LoadMeter())
            if state is not None:
                session._restore(loop, state)
            steps = step - loop.position.step
            if steps * SLOWER * each > REPLAY_SECONDS:
                return None
            origin = _replay(session, loop, until)
            if state is None or (origin is not None and origin.kind != "weights"):
                return origin
    finally:
        session.loop, session._seconds = failed, kept
    return None


def _replay(session: TrainingSession, loop: Loop, until: float) -> Origin | None:
    """Train until a number is not finite."""

    def on_tick(events: list[Event]) -> bool:
        return time.monotonic() > until or session.asked()

    loop.on_tick = on_tick
    with _watched(loop, session.job.settings.precision != "float16"), threads(session.threads):
        try:
            loop.run()
        except _Found as found:
            return found.origin
    return None


@contextmanager
def _watched(loop: Loop, gradients: bool) -> Iterator[None]:
    """Inside, every step of the learner is watched; `_Found` is raised after the first in which NaN begins."""
    learner, step, first = loop.learner, loop.learner.step, loop.position.step + 1
    eager = learner.eager

    def watched(batch: Batch) -> Tensor:
        number = loop.position.step + 1
        with NonFiniteProbe(learner.modules, gradients, weights=number == first) as probe:
            loss = step(batch)
        origin = probe.origin(number, batch, loss)
        if origin is not None:
            raise _Found(origin)
        return loss

    learner.eager = True  # a network compiled by torch.compile calls no hooks
    learner.step = watched  # type: ignore[method-assign]
    try:
        yield
    finally:
        learner.eager = eager
        learner.step = step  # type: ignore[method-assign]
