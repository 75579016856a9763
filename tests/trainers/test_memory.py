"""Out of memory: recognised on CPU and GPU alike, with the node, what it needed, and a batch that fits."""

from __future__ import annotations

import errno
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import builder
import trainers
from builder import Document
from builder.problems import NodeError
from tests.trainers.conftest import perceptron
from trainers.engine.failures import explain
from trainers.engine.failures import out_of_memory as failures
from trainers.engine.failures.out_of_memory import is_out_of_memory, wanted_bytes
from trainers.engine.session import TrainingSession
from trainers.runs.store import Store

LINUX = (
    "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate "
    "4096000000 bytes. Error code 12 (Cannot allocate memory)"
)
WINDOWS = "[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: not enough memory: you tried to allocate 512 bytes."
CUDA = "CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has a total capacity of 79 GiB of which 1.2 GiB is free."


@pytest.mark.parametrize(
    ("error", "wanted"),
    [
        (RuntimeError(LINUX), 4_096_000_000),
        (RuntimeError(WINDOWS), 512),
        (torch.OutOfMemoryError(CUDA), int(2.5 * 2**30)),
        (
            MemoryError("Unable to allocate 7.45 GiB for an array with shape (1000000000,) and data type float64"),
            7999376588,
        ),
        (RuntimeError("std::bad_alloc"), None),
        (MemoryError(), None),
        (RuntimeError("CUDA error: out of memory"), None),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), None),
        (RuntimeError("MPS backend out of memory (MPS allocated: 5 GB). Tried to allocate 256 bytes on pool."), 256),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), None),
    ],
    ids=lambda value: str(value)[:20],
)
def test_errors_of_memory_are_recognised_on_every_system(error: Exception, wanted: int | None) -> None:
    wrapped = NodeError("conv1", "conv1 (Conv2d) failed")
    wrapped.__cause__ = error
    assert is_out_of_memory(error) and is_out_of_memory(wrapped)
    assert wanted_bytes(error) == wanted_bytes(wrapped) == (pytest.approx(wanted, rel=1e-3) if wanted else None)


@pytest.mark.parametrize(
    "error",
    [RuntimeError("mat1 and mat2 shapes cannot be multiplied"), ValueError("out of memory"), OSError("full"), None],
)
def test_other_errors_are_none_of_memory(error: Exception | None) -> None:
    assert not is_out_of_memory(error)


def _session(document: Document, **training: Any) -> TrainingSession:
    job = trainers.Job.from_document(document, **training)
    return TrainingSession(Store().create("memory", job.to_json(), 0, 1), job, Store())


def test_the_node_the_need_and_the_batch_are_named(moons: Document, monkeypatch: pytest.MonkeyPatch) -> None:
    session = _session(moons, data={"batch_size": 128})
    monkeypatch.setattr(
        failures, "free_bytes", lambda device: 20_000
    )  # a sample needs 276, and a third more for a while
    assert "while the data set moons was loaded" in _loading(session)
    session.prepare()
    session.activity = ""
    error = NodeError("fc1", "fc1 failed")
    error.__cause__ = RuntimeError(LINUX)
    message = explain(error, session)
    assert message.startswith("Out of memory at fc1 in step 1: it needed 4.1 GB more, and 20 kB are free.")
    assert "A batch of 32 should fit (it is 128): set batch_size to 32." in message
    monkeypatch.setattr(failures, "free_bytes", lambda device: 100)
    assert "Not even a batch of one sample fits" in explain(error, session) and "fc1" in explain(error, session)
    monkeypatch.setattr(failures, "free_bytes", lambda device: None)
    assert "A batch of 64 should fit" in explain(error, session)
    session.activity = "the evaluation"
    assert "at fc1 in the evaluation after step 1" in explain(error, session)


def _loading(session: TrainingSession) -> str:
    session.activity = "the loading of the data"
    return explain(MemoryError("Unable to allocate 7.45 GiB for an array"), session)


def test_memory_that_runs_out_in_the_optimizer_is_told_apart(moons: Document, monkeypatch: pytest.MonkeyPatch) -> None:
    session = _session(moons)
    session.prepare()
    assert session.loop is not None
    learner: Any = session.loop.learner

    def out_of_memory(*_: Any) -> None:
        raise RuntimeError(LINUX)

    learner.optimisation.step(lambda: learner.model(torch.zeros(4, 2)).sum())
    monkeypatch.setattr(torch.optim.Adam, "_init_group", out_of_memory)
    with pytest.raises(RuntimeError) as caught:
        learner.optimisation.step(lambda: learner.model(torch.zeros(4, 2)).sum())
    message = explain(caught.value, session)
    assert message.startswith("Out of memory in the optimizer's step") and "whatever the batch size" in message


class Large(torch.autograd.Function):
    """A layer whose gradient needs more memory than there is."""

    @staticmethod
    def forward(context: Any, given: torch.Tensor) -> torch.Tensor:
        return given.clone()

    @staticmethod
    def backward(context: Any, *gradients: torch.Tensor) -> torch.Tensor:
        raise RuntimeError(LINUX)


@pytest.mark.parametrize("node", ["fc1", "bend2", "last"])
def test_memory_that_runs_out_in_the_backward_pass_names_the_node(node: str) -> None:
    document = perceptron([2], 2, depth=3, data={"name": "moons"}, epochs=1)
    session = _session(document)
    session.prepare()
    assert session.loop is not None
    module: Any = dict(session.loop.learner.modules["main"].named_children())[node]
    forward = module.forward
    module.forward = lambda given: Large.apply(forward(given))
    with pytest.raises(RuntimeError) as caught:
        session.train()
    session.activity = ""
    message = explain(caught.value, session)
    assert message.startswith(f"Out of memory at {node} in the backward pass of step 1: it needed 4.1 GB more"), message
    assert "set batch_size to" in message


LIMITED = """
import json, resource, sys
import builder, trainers
from trainers.memory import kibibytes
from trainers.engine.device import warm_up
from pathlib import Path
document = builder.load(sys.argv[1])
warm_up()
small = trainers.start(trainers.Job.from_document(document, data={"batch_size": 2}, max_steps=1))
small.wait(60)  # what torch allocates once
limit = kibibytes(Path("/proc/self/status"), "VmSize") + 450 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
told = []
for batch in (512, None):
    size = batch or int(told[0].partition("set batch_size to ")[2].partition(".")[0])
    run = trainers.start(trainers.Job.from_document(document, data={"batch_size": size}, max_steps=2))
    told.append(run.wait(60) + ": " + run.progress().message)
print(json.dumps(told))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the memory of a process in this way")
def test_a_process_without_memory_goes_on_and_trains_with_the_advised_batch(home: Path, tmp_path: Path) -> None:
    nodes = [
        {"name": "image", "type": "Input", "params": {"shape": [1, 8, 8]}},
        {"name": "large", "type": "Upsample", "params": {"scale_factor": 8}},
        {"name": "conv", "type": "Conv2d", "params": {"out_channels": 16, "kernel_size": 3}},
        {"name": "bend", "type": "ReLU"},
        {"name": "pool", "type": "AdaptiveAvgPool2d", "params": {"output_size": 1}},
        {"name": "flat", "type": "Flatten"},
        {"name": "last", "type": "Linear", "params": {"out_features": 10}},
        {"name": "scores", "type": "Output"},
    ]
    names = [node["name"] for node in nodes]
    edges = [{"source": one, "target": two} for one, two in itertools.pairwise(names)]
    training = {"data": {"name": "digits"}, "epochs": 1}
    path = tmp_path / "memory.json"
    path.write_text(json.dumps({"format": "netloom/2", "nodes": nodes, "edges": edges, "training": training}))
    builder.load(path)
    environment = {**os.environ, "NETLOOM_HOME": str(home), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", LIMITED, str(path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    first, second = json.loads(done.stdout)
    assert first.startswith("failed: Out of memory") and "step 1" in first, first
    assert any(node in first for node in ("conv", "bend", "the backward pass"))
    assert second.startswith("finished"), (first, second)
