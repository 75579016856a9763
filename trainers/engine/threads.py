"""How many threads a run computes with. More are not always faster, and the number changes how results are rounded.

A job may set the number. Otherwise it is measured: a copy of the network takes a few steps with each number of threads.
What was measured is remembered for this machine, network and batch size, unless other programs used the cores then; and
a run keeps its number, also in its checkpoints, so that it rounds alike when it is resumed (docs/decisions/016).
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import platform
import random
import statistics
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

import builder
from builder.analysis.infer import analyse
from trainers.engine.c_libraries import freed_memory_kept
from trainers.engine.cpu_load import LoadMeter, cores
from trainers.home import home
from trainers.runs.files import write_text

if TYPE_CHECKING:
    from pathlib import Path

    from trainers.data.batches import BatchSource
    from trainers.job import Job
    from trainers.paradigms.base import Learner

DEFAULT = torch.get_num_threads()  # of torch, before any run changed it: the number of cores, or what the user has set
TINY = 2_000_000  # floating-point operations of a forward pass over a batch, too few to share among threads
SECONDS = 0.3  # for the measurement, about
TURN = 0.01  # seconds for which one number of threads computes before the next one has its turn
WARM_UP = 2  # turns of each number that do not count: the first ones of a process find memory and caches cold
TURNS = 12  # of each number, at most
TRIES = 3  # steps of each number before the turns, of which the fastest counts: one alone may have been disturbed
SLOW_STEP = 0.02  # seconds; from there on a number of threads that is far behind in its tries has no turns
SLOWEST_STEP = 0.1  # seconds; from there on one step of each number must do
FAR_BEHIND = 1.3
GAIN = 0.985  # of the time with fewer threads, at most: for less, further threads are not taken from others
SPREAD = 1.3  # of the usual turn and the fastest one: above, something disturbed the measurement
REMEMBERED = 500  # measurements, the newest ones
SMALL_STEP = 300_000_000  # floating-point operations of a forward pass over a batch; see `threads_before_measuring`
# What in `training` changes neither the operations of a step nor their sizes.
NO_MATTER = ("epochs", "max_steps", "seed", "early_stopping", "schedule", "threads")


def choose_threads(
    job: Job, make_learner: Callable[[], Learner], batches: BatchSource, device: str, load: LoadMeter | None = None
) -> int | None:
    """The number of threads for a run: the job's own, or the one that is fastest on this machine.

    `make_learner` makes a learner that only the measurement uses; random states are afterwards as they were before.
    `load` has measured the other programs since the run began to load its data: on busy cores the number is measured
    again, and not remembered. None: torch's default, where an accelerator computes.
    """
    if job.settings.threads is not None:
        return job.settings.threads
    if torch.device(device).type != "cpu":
        return None
    if DEFAULT == 1 or _operations(job) * batches.size < TINY:
        return 1
    key = _key(job, batches.size)
    known = _remembered().get(key)
    busy = load is not None and load.busy
    if known is not None and not busy:
        return known
    now = LoadMeter()
    times = _measured(make_learner, batches)
    if not times:
        return known or DEFAULT  # the first step fails too, and says why
    chosen = fastest(times)
    if not busy and not now.busy and _is_steady(times):
        _remember(key, chosen)
    return chosen


def fastest(times: dict[int, list[float]]) -> int:
    """The number of threads with the shortest usual step; fewer threads, where more gain next to nothing.

    The turns of a round are compared with one another: a machine that becomes slower does so for all of them."""
    most = times[max(times)]
    usual = {
        count: statistics.median(one / other for one, other in zip(seconds, most, strict=False))
        for count, seconds in times.items()
    }
    best = min(usual.values())
    return min(count for count, seconds in usual.items() if best >= GAIN * seconds)


def _is_steady(times: dict[int, list[float]]) -> bool:
    """Whether the turns of each number of threads took about as long."""
    return all(statistics.median(seconds) <= SPREAD * min(seconds) for seconds in times.values())


# -- measuring --------------------------------------------------------------------------------------------------------


def _measured(make_learner: Callable[[], Learner], batches: BatchSource) -> dict[int, list[float]]:
    """Seconds for a step with each number of threads, one value for each of its turns. Empty: a step fails."""
    with _random_states_kept(), threads(None):
        try:
            learner = make_learner()
            learner.eager = True  # torch.compile would take a minute
            times = measure(_steps(learner, batches), candidates(DEFAULT))
            _free(learner)
            return times
        except Exception:  # of any layer, loss or data: the run itself reports it with the step
            return {}


def candidates(most: int) -> list[int]:
    """The numbers of threads that are tried: all, and the powers of two below, from the largest on."""
    return [most, *(1 << power for power in reversed(range(most.bit_length())) if 1 << power < most)]


def _steps(learner: Learner, batches: BatchSource) -> Callable[[], None]:
    """A function that takes the next batch and a step with it, as the loop of a run does."""
    endless = itertools.chain.from_iterable(batches.epoch(number) for number in itertools.count())

    def step() -> None:
        learner.step(next(endless))

    return step


def measure(step: Callable[[], object], counts: list[int]) -> dict[int, list[float]]:
    """Take steps with each of these numbers of threads in turn, and time them: seconds for a step, for each turn."""
    first: dict[int, float] = {}
    for count in counts:
        torch.set_num_threads(count)
        first[count] = _seconds(step, 1)  # with what torch does on a first call
        if first[count] < SLOWEST_STEP:
            first[count] = min(_seconds(step, 1) for _ in range(TRIES))
        if _is_behind(first, count):
            break  # still fewer threads are still further behind
    for count in [count for count in first if _is_behind(first, count) and first[count] < 2 * SLOWEST_STEP]:
        torch.set_num_threads(count)  # once more: another program may have taken a core just then
        step()
        first[count] = min(first[count], _seconds(step, 1))
    times: dict[int, list[float]] = {count: [first[count]] for count in first if not _is_behind(first, count)}
    if len(times) == 1 or min(first.values()) > SLOWEST_STEP:
        return times
    turns = {count: max(1, round(TURN / first[count])) for count in times}
    deadline = time.perf_counter() + SECONDS
    for turn in range(WARM_UP + TURNS):
        if turn > WARM_UP + 1 and time.perf_counter() > deadline:
            break
        for count in times if turn % 2 else reversed(times):
            torch.set_num_threads(count)
            step()  # wakes the threads up
            times[count].append(_seconds(step, turns[count]))
    return {count: seconds[1 + WARM_UP :] for count, seconds in times.items()}


def _is_behind(first: dict[int, float], count: int) -> bool:
    return first[count] > max(SLOW_STEP, FAR_BEHIND * min(first.values()))


def _seconds(step: Callable[[], object], steps: int) -> float:
    begun = time.perf_counter()
    for _ in range(steps):
        step()
    return (time.perf_counter() - begun) / steps


def _free(learner: Learner) -> None:
    """Give the memory of a learner back at once. Its modules refer to one another, so Python would do it much later."""
    for module in learner.modules.values():
        for tensor in (*module.parameters(), *module.buffers()):
            tensor.data, tensor.grad = tensor.new_empty(0), None
    vars(learner).clear()


@contextlib.contextmanager
def _random_states_kept() -> Iterator[None]:
    """Every generator of random numbers is after the `with` block as it was before."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


@contextlib.contextmanager
def threads(count: int | None) -> Iterator[None]:
    """Compute with `count` threads inside the `with` block (None: torch's default), and as before afterwards. What a
    step frees is kept meanwhile for the next one."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or DEFAULT)
    try:
        with freed_memory_kept():
            yield
    finally:
        torch.set_num_threads(before)


# -- remembering ------------------------------------------------------------------------------------------------------


def _key(job: Job, batch_size: int) -> str:
    """Names a machine, a network with its paradigm and optimizer, and a batch size."""
    training = {name: value for name, value in job.document.training.items() if name not in NO_MATTER}
    bare = job.document.changed(name="", description="", lesson="", layout={}, training=training)
    machine = [platform.node(), platform.machine(), len(cores()), DEFAULT, torch.__version__]
    text = json.dumps([machine, batch_size, builder.dump(bare)])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _path() -> Path:
    return home() / "threads.json"


def _remembered() -> dict[str, int]:
    """The numbers of threads by key. A file that is missing or damaged remembers nothing."""
    try:
        stored: Any = json.loads(_path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(stored, dict):
        return {}
    return {key: value for key, value in stored.items() if type(value) is int and 1 <= value <= DEFAULT}


def _remember(key: str, count: int) -> None:
    newest = [*((name, value) for name, value in _remembered().items() if name != key), (key, count)][-REMEMBERED:]
    with contextlib.suppress(OSError):  # the disk is full: it is measured again next time
        write_text(_path(), json.dumps(dict(newest)))


# -- counting operations ----------------------------------------------------------------------------------------------


def _operations(job: Job) -> int:
    """Operations of a forward pass with one sample, about: those of products, and one for each byte of a result."""
    return int(builder.summary(job.document)[["flops", "activation_bytes"]].to_numpy().sum())


def threads_before_measuring(job: Job, batch_size: int, device: str) -> int | None:
    """The rule of version 0.1.0, whose checkpoints do not say how many threads wrote them: one thread below 300 million
    operations, else torch's default. Of a recurrent network those of a single time step count."""
    if torch.device(device).type != "cpu":
        return None
    flops = builder.summary(job.document).set_index("node")["flops"]
    analysis = analyse(job.document)
    recurrent = [
        int(flops[step.name]) // analysis.facts[step.inputs[0]].signal.shape[0]
        for step in analysis.plan.steps
        if step.spec.family == "recurrent" and step.name in flops
    ]
    operations = max(recurrent) if recurrent else int(flops.sum())
    return 1 if operations * batch_size < SMALL_STEP else None
