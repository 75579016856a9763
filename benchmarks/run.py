"""A whole run, with store, charts' data and probes on, against loops written by hand.

All of them see the same batches, score the same validation part after every epoch, and compute with as many threads as
Netloom chooses for the job; what differs is Netloom.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.networks import PAIRS
from benchmarks.table import Row
from benchmarks.timing import ratio
from trainers.data import DATASETS
from trainers.data.base import Arrays
from trainers.data.batches import Batches
from trainers.data.splits import Prepared, prepare
from trainers.engine.session import TrainingSession
from trainers.engine.threads import thread_count, threads
from trainers.job import Job
from trainers.runs.store import Store

SAMPLES, ROUNDS, BATCH = 10_000, 5, 64


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as home:
        os.environ["NETLOOM_HOME"] = home
        for name, epochs in (("perceptron", 24), ("CNN", 4), ("residual network", 4)):
            document, hand_written = PAIRS[name]
            job = _job(document(), epochs)
            data = _data(job)
            count = thread_count(job, BATCH, "cpu")
            ours, by_hand = _netloom(job, data), _by_hand(hand_written, data, epochs, _same_batches, count)
            value, _, _ = ratio(by_hand, ours, ROUNDS)
            note = f"threads: {count or torch.get_num_threads()}"
            yield Row(f"whole run, {name}: throughput against the bare loop", value, "at least", 0.97, note)
            if name == "perceptron":
                loader = _by_hand(hand_written, data, epochs, _data_loader, count)
                value, _, _ = ratio(loader, ours, ROUNDS)
                yield Row(f"whole run, {name}: throughput against a DataLoader", value, "at least", 1.3, note)
                default = _by_hand(hand_written, data, epochs, _same_batches, None)
                value, _, _ = ratio(default, ours, ROUNDS)
                note = f"one thread against torch's {torch.get_num_threads()}: what small runs give for steadiness"
                yield Row(f"whole run, {name}: throughput against every thread", value, "", 0, note)


def _job(document: Any, epochs: int) -> Job:
    training = {
        "data": {"name": "mnist_10k", "batch_size": BATCH, "validation": 0.1, "test": 0.0},
        "optimizer": {"name": "SGD", "lr": 0.01, "momentum": 0.9},
        "epochs": epochs,
    }
    return Job.from_document(document, **training)


def _data(job: Job) -> Prepared:
    """Numbers in the shape of the 10,000 MNIST digits, so that nothing has to be downloaded to measure."""
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(SAMPLES, 1, 28, 28)).astype(np.float32)
    arrays = Arrays((inputs,), generator.integers(0, 10, SAMPLES))
    kind = DATASETS[job.dataset.name]
    kind.load = lambda self: arrays  # type: ignore[method-assign]
    return prepare(job.dataset, job.batching.validation, job.batching.test, 0)


def _netloom(job: Job, data: Prepared) -> Callable[[], float]:
    store = Store()

    def run() -> float:
        session = TrainingSession(store.create("benchmark", job.to_json(), 0, job.settings.epochs), job, store)
        session.prepare()
        return _timed(session.train)

    return run


def _timed(action: Callable[[], object]) -> float:
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


def _same_batches(data: Prepared) -> Callable[[int], Any]:
    batches = Batches(data.training, BATCH, 0, "cpu")
    return lambda epoch: ((batch.inputs, batch.targets) for batch in batches.epoch(epoch))


def _data_loader(data: Prepared) -> Callable[[int], Any]:
    loader = DataLoader(TensorDataset(*data.training.inputs, data.training.targets), batch_size=BATCH, shuffle=True)
    return lambda epoch: (((inputs,), targets) for inputs, targets in loader)


def _by_hand(
    network: type[nn.Module],
    data: Prepared,
    epochs: int,
    batches_of: Callable[[Prepared], Callable[[int], Any]],
    count: int | None,
) -> Callable[[], float]:
    def train() -> float:
        torch.manual_seed(0)
        model, loss = network(), nn.CrossEntropyLoss()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, fused=True)
        batches = batches_of(data)

        def loop() -> None:
            for epoch in range(epochs):
                model.train()
                for inputs, targets in batches(epoch):
                    value = loss(model(*inputs), targets)
                    optimizer.zero_grad(set_to_none=True)
                    value.backward()
                    optimizer.step()
                model.eval()
                with torch.inference_mode():
                    outputs = model(*data.validation.inputs)
                    loss(outputs, data.validation.targets).item()
                    (outputs.argmax(1) == data.validation.targets).float().mean().item()

        with threads(count):
            return _timed(loop)

    return train
