"""Memory that ran out: recognised on a CPU and a GPU alike; the node, what it needed, and the batch that fits."""

from __future__ import annotations

import errno
import gc
import re
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from builder.analysis.infer import Analysis, analyse
from builder.analysis.memory import node_memory
from builder.analysis.summary import human
from builder.compile import layers
from builder.problems import NodeError
from trainers.engine.threads import threads
from trainers.memory import main_memory, memory_need

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainers.engine.session import TrainingSession
    from trainers.job import Job

# What torch, CUDA, cuBLAS, numpy and the C++ library say when there is no memory left, on all systems.
NO_MEMORY = re.compile(
    r"out of memory|not enough memory|can(?:'|no)t allocate memory|bad_alloc|unable to allocate|"
    r"ALLOC_FAILED|storage size calculation overflowed",
    re.IGNORECASE,
)
WANTED = re.compile(r"(?:tried to|unable to) allocate ([\d.]+) ?(bytes|[KMGTP]?i?B)", re.IGNORECASE)
UNITS = {"b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40, "p": 2**50}
OPTIMIZER, BACKWARD = "the optimizer's step", "the backward pass"


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


def explain_memory(error: Exception, session: TrainingSession) -> str:
    """Where memory ran out, how much was needed, and the batch that fits."""
    loop, job = session.loop, session.job
    wanted, place = wanted_bytes(error), _place(error)
    for each in _chain(error):
        traceback.clear_frames(each.__traceback__)  # they hold the activations of the step
    if place == BACKWARD:
        node = _node_of_backward(session)
        place = f"{node} in {BACKWARD}" if node else place
    free = free_bytes(session.device)
    amounts = [f"it needed {human(wanted, 'B')} more"] if wanted else []
    amounts += [f"{human(free, 'B')} {'are' if wanted else 'is'} free"] if free is not None else []
    needed = f": {', and '.join(amounts)}" if amounts else ""
    if loop is None and session.activity == "the loading of the data":
        data = f"the data set {job.dataset.name}"
        return f"Out of memory while {data} was loaded{needed}. Close other programs, or choose a smaller data set."
    analysis = analyse(job.document)
    if loop is None or place == OPTIMIZER:
        weights = memory_need(job, analysis).weights
        counts = {step.name: analysis.facts[step.name].parameters for step in analysis.plan.steps if step.owns}
        name = max(counts, key=lambda each: counts[each])
        where = place or "the preparation of the run"
        return (
            f"Out of memory in {where}{needed}. The network and its optimizer need about {human(weights, 'B')} for "
            f"weights, whatever the batch size; {name} has {human(counts[name])} of the weights. Make the network "
            "smaller."
        )
    step, evaluates = f"step {loop.position.step + 1:,}", session.activity.startswith("the evaluation")
    where = f"{session.activity} after {step}" if evaluates else step
    named = isinstance(error, NodeError) or " in " in place
    joint = " of " if place.endswith(BACKWARD) else " in "
    where = f"{place}{joint}{where}" if place else where
    at = "at" if named else "in"
    return f"Out of memory {at} {where}{needed}. {_smaller_batch(job, analysis, loop.batches.size, free)}"


def _place(error: Exception) -> str:
    """The node, or the part of the step, that ran out of memory."""
    if isinstance(error, NodeError):
        return error.node
    files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    if any("torch/optim" in Path(name).as_posix() for name in files):
        return OPTIMIZER
    return BACKWARD if any("torch/autograd" in Path(name).as_posix() for name in files) else ""


def _node_of_backward(session: TrainingSession) -> str:
    """The node whose gradients were computed when memory ran out: the step is taken again, and watched. Empty: it
    succeeds this time, or runs out of memory elsewhere."""
    loop = session.loop
    if loop is None:
        return ""
    learner, reached, handles = loop.learner, [""], []
    eager = learner.eager
    learner.eager = True  # a network compiled by torch.compile calls no hooks
    try:
        for module in learner.modules.values():
            for name, layer in layers(module).items():
                handles.append(layer.register_forward_hook(_notes(name, reached)))
        batch = next(iter(loop.batches.epoch(loop.position.epoch, loop.position.batch)), None)
        if batch is not None:
            with threads(session.threads):
                learner.step(batch)
    except Exception as again:
        found = reached[0] if is_out_of_memory(again) and _place(again) == BACKWARD else ""
        traceback.clear_frames(again.__traceback__)
        return found
    finally:
        learner.eager = eager
        for handle in handles:
            handle.remove()
    return ""


def _notes(name: str, reached: list[str]) -> Callable[..., None]:
    """A forward hook that notes in `reached` when the gradient of the node's output is known: its own come next."""

    def noted(gradient: torch.Tensor) -> None:
        reached[0] = name

    def hook(module: Any, inputs: Any, output: Any) -> None:
        if isinstance(output, torch.Tensor) and output.requires_grad:
            output.register_hook(noted)  # type: ignore[no-untyped-call]

    return hook


def _smaller_batch(job: Job, analysis: Analysis, batch: int, free: int | None) -> str:
    """What to do: the batch that fits, by the memory of a sample, or why none does."""
    nodes = node_memory(analysis, job.paradigm.networks)
    name = max(nodes, key=lambda each: nodes[each])
    most = f"{name} needs the most, {human(nodes[name], 'B')} a sample"
    fits = batch // 2 if free is None else min(batch // 2, memory_need(job, analysis).further_batch(free))
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
