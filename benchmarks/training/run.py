"""A whole run, with store, charts' data and probes on, against the same training written by hand.

Each side has a process of its own: Netloom with its settings of OpenMP and the number of threads that it chooses for
the job (the choice is not timed), the loop by hand without any of Netloom's code, with torch's own number of threads
and the fastest of torch's implementations of the optimizer. The sides train in turn; the median of the ratios counts.
Both have the same data on the device, shuffle it by index, and score the validation part after every epoch.

    python -m benchmarks run                     on the CPU
    python -m benchmarks run --device cuda       on a GPU; of Netloom it needs builder, trainers and benchmarks only
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.table import Row

SAMPLES, VALIDATION, ROUNDS, SHORT = 10_000, 1000, 5, 50
LR, MOMENTUM = 0.01, 0.9
OURS, BY_HAND, DATA_LOADER = "Netloom", "by hand", "with a DataLoader"
SET_BY_NETLOOM = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "NETLOOM_HOME")


class Case(NamedTuple):
    """One training: a network of benchmarks/training/networks.py, samples in a batch, epochs, and the most steps."""

    network: str
    batch: int
    epochs: int
    steps: int | None = None


CASES = [
    Case(name, batch, n) for name, n in (("perceptron", 12), ("CNN", 2), ("residual network", 2)) for batch in (64, 128)
]


def rows(device: str = "cpu", rounds: int = ROUNDS) -> Iterator[Row]:
    with ExitStack() as stack:
        sides = [stack.enter_context(_Side(how, device)) for how in (OURS, BY_HAND, DATA_LOADER)]
        for side in sides:
            side.wait_until_ready()
        ours, by_hand, loader = sides
        for case in CASES:
            what = f"whole run, {case.network}, batch {case.batch}: throughput against by hand"
            yield _row(what, ours, by_hand, case, rounds, 1.0)
        for batch in (64, 128):
            case = Case("CNN", batch, 1, SHORT)
            what = f"{SHORT} steps of the CNN, batch {batch}: throughput against by hand"
            yield _row(what, ours, by_hand, case, 2 * rounds, 0.9)
        what = "whole run, perceptron, batch 64: throughput against a DataLoader"
        yield _row(what, ours, loader, CASES[0], rounds, 1.3)


def _row(what: str, ours: _Side, theirs: _Side, case: Case, rounds: int, limit: float) -> Row:
    ours.train(case), theirs.train(case)
    found: list[dict[str, Any]] = []
    for number in range(rounds):
        order = (ours, theirs) if number % 2 else (theirs, ours)
        found.append({side.how: side.train(case) for side in order})
    spread = [pair[theirs.how]["seconds"] / pair[ours.how]["seconds"] for pair in found]
    threads = [found[0][side.how]["threads"] for side in (ours, theirs)]
    value = statistics.median(spread)
    note = f"{min(spread):.2f} to {max(spread):.2f}; threads: {threads[0]} against {threads[1]}"
    return Row(what, value, "at least", limit, note)


class _Side:
    """A process that trains when it is told to, and says how long it took."""

    def __init__(self, how: str, device: str) -> None:
        self.how, self.device = how, device

    def __enter__(self) -> _Side:
        environment = {name: value for name, value in os.environ.items() if name not in SET_BY_NETLOOM}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.training.run", self.how, self.device],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        return self

    def wait_until_ready(self) -> None:
        """Wait until the process has imported everything, so that it does not disturb another one that measures."""
        assert self.process.stdout is not None
        self.process.stdout.readline()

    def train(self, case: Case) -> dict[str, Any]:
        """Seconds of one training, and the number of threads."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(case) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"The side {self.how} ended with {self.process.wait()}.")
        found: dict[str, Any] = json.loads(answer)
        return found

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


# -- in the process of a side -----------------------------------------------------------------------------------------


def _serve(how: str, device: str) -> None:
    with tempfile.TemporaryDirectory() as home:
        os.environ["NETLOOM_HOME"] = home
        train = _netloom(device) if how == OURS else _by_hand(how, device)
        print("ready", flush=True)
        for line in sys.stdin:
            seconds, threads = train(Case(*json.loads(line)))
            print(json.dumps({"seconds": seconds, "threads": threads}), flush=True)


def _samples() -> tuple[Any, Any]:
    """Numbers in the shape of the 10,000 MNIST digits, so that nothing has to be downloaded to measure."""
    import numpy as np

    generator = np.random.default_rng(0)
    return generator.normal(size=(SAMPLES, 1, 28, 28)).astype(np.float32), generator.integers(0, 10, SAMPLES)


def _netloom(device: str) -> Any:
    """A run from its first step until its weights are saved and tested. Data and learner are made before."""
    from benchmarks.training.networks import PAIRS
    from trainers.data import DATASETS
    from trainers.data.base import Arrays
    from trainers.engine.session import TrainingSession, warm_up
    from trainers.job import Job
    from trainers.runs.store import Store

    warm_up()
    images, classes = _samples()
    arrays = Arrays((images,), classes)
    DATASETS["mnist_10k"].load = lambda self: arrays  # type: ignore[method-assign]
    store = Store()

    def train(case: Case) -> tuple[float, int | None]:
        training = {
            "data": {"name": "mnist_10k", "batch_size": case.batch, "validation": VALIDATION / SAMPLES, "test": 0.0},
            "optimizer": {"name": "SGD", "lr": LR, "momentum": MOMENTUM},
            "epochs": case.epochs,
            "max_steps": case.steps,
            "device": device,
        }
        job = Job.from_document(PAIRS[case.network][0](), **training)
        session = TrainingSession(store.create("benchmark", job.to_json(), 0, case.epochs), job, store)
        session.prepare()
        begun = time.perf_counter()
        session.train()
        session.finish()
        return time.perf_counter() - begun, session.threads

    return train


def _by_hand(how: str, device: str) -> Any:
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    from benchmarks.training.networks import PAIRS

    images, classes = (torch.from_numpy(given).to(device) for given in _samples())
    images = (images - images[VALIDATION:].mean()) / images[VALIDATION:].std()
    training = images[VALIDATION:], classes[VALIDATION:]
    fastest: dict[str, dict[str, bool]] = {}

    def batches(size: int) -> Iterator[Any]:
        if how == DATA_LOADER:
            yield from DataLoader(TensorDataset(*training), batch_size=size, shuffle=True)
            return
        for index in torch.randperm(len(training[0]), device=device).split(size):
            yield training[0][index], training[1][index]

    def train(case: Case) -> tuple[float, int]:
        made = PAIRS[case.network][1]
        if case.network not in fastest:
            choices: list[dict[str, bool]] = [{"fused": True}, {"foreach": True}, {"foreach": False}]
            trial = next(batches(case.batch))
            fastest[case.network] = min(choices, key=lambda flags: _seconds_of_steps(made().to(device), trial, flags))
        torch.manual_seed(0)
        model = made().to(device)
        begun = time.perf_counter()
        _train(
            model, case, lambda: batches(case.batch), (images[:VALIDATION], classes[:VALIDATION]), fastest[case.network]
        )
        return time.perf_counter() - begun, torch.get_num_threads()

    return train


def _train(model: Any, case: Case, batches: Any, validation: Any, flags: dict[str, bool]) -> None:
    """The loop as one writes it: train, score after every epoch, keep the best weights."""
    import torch
    from torch import nn

    loss, best, kept = nn.CrossEntropyLoss(), float("inf"), {}
    optimizer = torch.optim.SGD(model.parameters(), lr=LR, momentum=MOMENTUM, **flags)
    steps = 0
    for _ in range(case.epochs):
        model.train()
        for inputs, targets in batches():
            value = loss(model(inputs), targets)
            optimizer.zero_grad(set_to_none=True)
            value.backward()
            optimizer.step()
            steps += 1
            if steps == case.steps:
                break
        model.eval()
        with torch.inference_mode():
            outputs = model(validation[0])
            value = loss(outputs, validation[1]).item()
            (outputs.argmax(1) == validation[1]).float().mean().item()
        if value < best:
            best, kept = value, {name: tensor.clone() for name, tensor in model.state_dict().items()}
    assert kept


def _seconds_of_steps(model: Any, batch: Any, flags: dict[str, bool], steps: int = 20) -> float:
    """How long some steps take with one of the optimizer's implementations."""
    import torch
    from torch import nn

    loss = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=LR, momentum=MOMENTUM, **flags)

    def take(count: int) -> None:
        for _ in range(count):
            value = loss(model(batch[0]), batch[1])
            optimizer.zero_grad(set_to_none=True)
            value.backward()
            optimizer.step()
        value.item()  # waits for a GPU

    take(steps)
    begun = time.perf_counter()
    take(steps)
    return time.perf_counter() - begun


if __name__ == "__main__":
    _serve(*sys.argv[1:])
