"""Peak memory of a whole run against the same training written by hand, each in a process of its own.

Both have the same libraries loaded and hold the same data; both score the validation part after every epoch, keep a
copy of the best weights and save them. What differs is Netloom: its store, probes, metrics and checkpoints. One more
row tells what the libraries themselves take, against a script that loads torch alone.
"""

from __future__ import annotations

import copy
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.table import Row

ROUNDS, EPOCHS, SAMPLES, BATCH = 3, 2, 2000, 64
NETWORKS = ("CNN", "residual network")
BARE = "with torch alone"
SERVED = "pages"


def rows() -> Iterator[Row]:
    for name in NETWORKS:
        pairs = [(_measured(name, "Netloom"), _measured(name, "by hand")) for _ in range(ROUNDS)]
        yield _row(f"whole run, {name}: peak memory against the bare loop", pairs, 1.05)
    pairs = [(_measured("CNN", "Netloom"), _measured("CNN", BARE))]
    yield _row(f"whole run, CNN: peak memory against a script {BARE}", pairs, None)
    yield from _served()


def _served() -> Iterator[Row]:
    """Resident memory of a server, in which no collection follows a rerun: of 200 reruns of pages, then of 20 runs."""
    command = [sys.executable, "-m", "benchmarks.training.memory", SERVED]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    before, reruns, runs = map(float, done.stdout.split()[-3:])
    note = f"{before:,.0f}, {reruns:,.0f} and {runs:,.0f} MiB"
    yield Row("pages: resident memory after 200 reruns, against before", reruns / before, "at most", 1.1, note)
    yield Row("pages: resident memory after 20 runs more, against before", runs / before, "at most", 1.1, note)


def _row(what: str, pairs: list[tuple[float, float]], limit: float | None) -> Row:
    value = statistics.median(ours / theirs for ours, theirs in pairs)
    ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    return Row(what, value, "at most" if limit else "", limit or 0, f"{ours:,.0f} MiB against {theirs:,.0f} MiB")


def _measured(name: str, how: str) -> float:
    """Peak memory of a fresh process that trains, in MiB."""
    command = [sys.executable, "-m", "benchmarks.training.memory", name, how]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    return float(done.stdout.splitlines()[-1])


def _process(name: str, how: str) -> None:
    """What each of the processes does: prepare, train, and print its peak."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["NETLOOM_HOME"] = home
        train = _bare(name) if how == BARE else _ready(name, how, Path(home))
        train()
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def _ready(name: str, how: str, home: Path) -> Callable[[], Any]:
    """A run of Netloom, or the loop by hand, up to where training begins."""
    import numpy as np
    import torch

    from benchmarks.training.networks import PAIRS
    from trainers.data import DATASETS
    from trainers.data.base import Arrays
    from trainers.data.batches import Batches
    from trainers.engine.session import TrainingSession, warm_up
    from trainers.job import Job
    from trainers.runs.store import Store

    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(SAMPLES, 1, 28, 28)).astype(np.float32)
    arrays = Arrays((inputs,), generator.integers(0, 10, SAMPLES))
    DATASETS["mnist_10k"].load = lambda self: arrays  # type: ignore[method-assign]
    document, network = PAIRS[name]
    data = {"name": "mnist_10k", "batch_size": BATCH, "validation": 0.25, "test": 0.0}
    optimizer = {"name": "SGD", "lr": 0.01, "momentum": 0.9}
    job = Job.from_document(document(), data=data, optimizer=optimizer, epochs=EPOCHS)
    if how == "Netloom":
        store = Store()
        session = TrainingSession(store.create("benchmark", job.to_json(), 0, EPOCHS), job, store)
        session.prepare()
        return lambda: (session.train(), session.finish())
    warm_up()
    prepared = job.prepare()
    batches = Batches(prepared.training, BATCH, 0, "cpu")
    torch.manual_seed(0)

    def by_hand() -> None:
        _train(network(), lambda epoch: (batch[:2] for batch in batches.epoch(epoch)), prepared.validation, home)

    return by_hand


def _bare(name: str) -> Callable[[], Any]:
    """The loop by hand in a process that knows nothing of Netloom but its list of networks."""
    import torch

    inputs, targets = torch.randn(SAMPLES, 1, 28, 28), torch.randint(0, 10, (SAMPLES,))
    held_out = SAMPLES // 4

    def epoch(_: int) -> Iterator[Any]:
        for index in torch.randperm(SAMPLES - held_out).split(BATCH):
            yield (inputs[index + held_out],), targets[index + held_out]

    class Part:
        def __init__(self) -> None:
            self.inputs, self.targets = (inputs[:held_out],), targets[:held_out]

    from benchmarks.training.networks import PAIRS

    return lambda: _train(PAIRS[name][1](), epoch, Part(), Path(tempfile.gettempdir()))


def _train(model: Any, epoch_of: Callable[[int], Any], validation: Any, folder: Path) -> None:
    """Train, score after every epoch, keep the best weights, save them."""
    import torch
    from torch import nn

    loss = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    best, best_loss = copy.deepcopy(model.state_dict()), float("inf")
    for epoch in range(EPOCHS):
        model.train()
        for inputs, targets in epoch_of(epoch):
            optimizer.zero_grad()
            loss(model(*inputs), targets).backward()
            optimizer.step()
        model.eval()
        with torch.inference_mode():
            outputs = torch.cat([model(piece) for piece in validation.inputs[0].split(BATCH)])
            value = loss(outputs, validation.targets).item()
        if value < best_loss:
            best, best_loss = copy.deepcopy(model.state_dict()), value
    path = folder / "best.pt"
    torch.save(best, path)
    path.unlink()


def _serve() -> None:
    """Draw the Train and the Build page 100 times each, and train 20 runs; print the resident memory in MiB."""
    import trainers
    from pages.parts.theme import torch_import
    from tests.pages.trained import page, perceptron, store
    from trainers.engine.session import warm_up

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        os.environ["NETLOOM_HOME"] = home
        warm_up()
        torch_import.freeze()
        document = perceptron(epochs=3)
        store(document)
        trainers.start(trainers.Job.from_document(document)).wait()
        drawn = [page("train"), page("build")]
        found = []
        for reruns in (10, 100):  # the first ones fill caches
            for _ in range(reruns):
                for each in drawn:
                    each.run()
            found.append(_resident())
        for _ in range(20):
            trainers.start(trainers.Job.from_document(document)).wait()
        print(*found, _resident())


def _resident() -> float:
    """Resident memory of this process in MiB (Linux); elsewhere its peak."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    if sys.argv[1:] == [SERVED]:
        _serve()
    else:
        _process(*sys.argv[1:])
