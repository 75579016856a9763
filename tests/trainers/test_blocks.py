"""Training networks with blocks and shared weights: probes, resumed runs, the script."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import builder
import trainers
from builder.document import Document
from builder.exports.formats.python import model_source
from builder.exports.subject import subject
from tests.builder.folded import data, graph, node
from trainers.engine.session import TrainingSession
from trainers.optim.initialisation import INITIALISATIONS
from trainers.runs.store import Store
from trainers.script.train_script import train_script

Train = Callable[..., trainers.Run]


@pytest.fixture(name="folded")
def folded_fixture() -> Document:
    """Two moons through three repeats of a block, and two layers of other kinds with the same weights."""
    inner = graph(
        "x > fc > bend > add > y, x > add",
        node("x", "Input"),
        node("fc", "Linear", out_features=8),
        node("bend", "Sigmoid"),
        node("add", "Add"),
        node("y", "Output"),
    )
    return builder.load(
        data(
            "point > wide > stack > as_row > one > two > as_vector > fc > scores",
            node("point", "Input", shape=[2]),
            node("wide", "Linear", out_features=8),
            node("stack", "Block", block="residual", repeat=3),
            node("as_row", "Reshape", shape=[1, 8]),
            node("one", "Conv1d", out_channels=1, padding=1),
            node("two", "Conv1d", "one", out_channels=1, padding=2, dilation=2),
            node("as_vector", "Flatten"),
            node("fc", "Linear", out_features=2),
            node("scores", "Output"),
            blocks={"residual": inner},
            name="Folded",
            training={
                "data": {"name": "moons", "samples": 200, "batch_size": 16, "validation": 0.2, "test": 0.2},
                "paradigm": {"name": "supervised", "loss": "cross_entropy"},
                "optimizer": {"name": "Adam", "lr": 0.01},
                "epochs": 3,
                "seed": 0,
            },
        )
    )


def test_probes_measure_every_repeat(folded: Document, train: Train) -> None:
    assert builder.check(folded) == []
    run = train(folded)
    assert run.state == "finished"
    gradients, activations = run.probes("gradients"), run.probes("activations")
    for number in range(3):
        assert f"stack.{number}.fc" in set(gradients["node"]) and f"stack.{number}.bend" in set(activations["node"])
    saturated = activations[activations["statistic"] == "saturated_share"]
    assert set(saturated["node"]) >= {"stack.0.bend", "wide"}
    model: Any = run.model()
    assert model.two.weight is model.one.weight and len(model.stack) == 3
    assert model(torch.zeros(4, 2)).shape == (4, 2)


def test_a_paused_run_equals_an_uninterrupted_one(folded: Document, train: Train) -> None:
    straight: Any = train(folded).model()
    job = trainers.Job.from_document(folded)
    store = Store()
    run = store.create("paused", job.to_json(), 0, 3)
    for _ in range(40):
        session = TrainingSession(run, job, store)
        session.prepare()
        loop = session.loop
        assert loop is not None
        loop.on_tick = lambda events, s=session, n=loop.position.step: _leave(s, n)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(trainers.engine.loop, "FLUSH_SECONDS", 0.0)
            state = session.train()
        session.save()
        if state == "finished":
            session.finish()
            break
    resumed: Any = trainers.open_run(run).model()
    assert resumed.two.weight is resumed.one.weight
    for name, value in straight.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def _leave(session: TrainingSession, begun: int) -> bool:
    loop = session.loop
    assert loop is not None
    if loop.position.step >= begun + 7 and loop.position.epoch < 3:
        session.request = "pause"
        return True
    return False


@pytest.mark.parametrize("name", INITIALISATIONS)
def test_weights_inside_blocks_are_filled_and_shared_ones_once(name: str, folded: Document) -> None:
    model: Any = builder.compile(folded)
    INITIALISATIONS[name]().apply(model)
    assert model.two.weight is model.one.weight
    if name == "zeros":
        assert not any(parameter.any() for parameter in model.parameters() if parameter.ndim > 1)


def test_the_script_trains_it(folded: Document, train: Train, tmp_path: Path) -> None:
    """Alone in a folder with model.py, in an interpreter of its own."""
    model = train(folded).model()
    (tmp_path / "model.py").write_text(model_source(subject(model, folded)), encoding="utf-8")
    (tmp_path / "train.py").write_text(train_script(folded), encoding="utf-8")
    for command in (["format", "--line-length", "120", "--diff"], ["check"]):
        subprocess.run([sys.executable, "-m", "ruff", *command, "--isolated", "."], cwd=tmp_path, check=True)
    done = subprocess.run([sys.executable, "train.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    weights = load_file(tmp_path / "model.safetensors")
    assert set(weights) == set(model.state_dict()) and torch.equal(weights["one.weight"], weights["two.weight"])
    assert math.isfinite(float(weights["stack.2.fc.weight"].sum()))
