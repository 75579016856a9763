"""A home of its own for every test, small documents, and no run left behind."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import builder
import trainers
from builder import Document


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("NETLOOM_HOME", str(tmp_path / "home"))
    if MIRROR is not None:
        monkeypatch.setenv("NETLOOM_DATA", str(MIRROR))
    yield tmp_path / "home"
    from trainers.engine.worker import _workers

    for worker in list(_workers.values()):
        if worker.is_ending:
            worker.join()
        else:
            worker.stop()
            worker.wait(30, ("finished", "stopped", "failed"))


def perceptron(shape: list[int], classes: int, hidden: str = "ReLU", depth: int = 1, **training: Any) -> Document:
    """A perceptron as a document: Flatten, `depth` hidden layers of 32, one output."""
    names = ["features", "flatten"]
    nodes: list[dict[str, Any]] = [
        {"name": "features", "type": "Input", "params": {"shape": shape}},
        {"name": "flatten", "type": "Flatten"},
    ]
    for number in range(1, depth + 1):
        nodes.append({"name": f"fc{number}", "type": "Linear", "params": {"out_features": 32}})
        nodes.append({"name": f"bend{number}", "type": hidden})
        names += [f"fc{number}", f"bend{number}"]
    nodes.append({"name": "last", "type": "Linear", "params": {"out_features": classes}})
    nodes.append({"name": "scores", "type": "Output"})
    names += ["last", "scores"]
    edges = [{"source": a, "target": b} for a, b in itertools.pairwise(names)]
    return builder.load({"format": "netloom/2", "name": "Test", "nodes": nodes, "edges": edges, "training": training})


@pytest.fixture
def moons() -> Document:
    """Two moons, quick to learn."""
    return perceptron(
        [2],
        2,
        data={"name": "moons", "samples": 300, "batch_size": 16, "validation": 0.2, "test": 0.2},
        paradigm={"name": "supervised", "loss": "cross_entropy"},
        optimizer={"name": "Adam", "lr": 0.01},
        epochs=4,
        seed=0,
    )


@pytest.fixture
def train() -> Callable[..., trainers.Run]:
    """Train a document to the end and return the run."""

    def go(document: Document, **overrides: Any) -> trainers.Run:
        run = trainers.start(trainers.Job.from_document(document, **overrides))
        run.wait(400)  # long tests run beside others and give way to them
        return run

    return go


def _mirror() -> Path | None:
    """Real data sets beside the checkout, or where NETLOOM_DATA says."""
    named = os.environ.get("NETLOOM_DATA")
    for folder in ([Path(named)] if named else []) + [Path(__file__).parents[3] / "shared" / "data"]:
        if (folder / "mnist").is_dir():
            return folder
    return None


MIRROR = _mirror()
needs_mirror = pytest.mark.skipif(MIRROR is None, reason="the mirror of real data sets (NETLOOM_DATA) is not here")
