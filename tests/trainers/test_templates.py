"""Every template is ready to train: no problem with its data and its way of training, and a step of it works.

The data are numbers drawn in the shape of the data set's samples, so that nothing has to be there to test it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

import builder
import trainers
from builder.document import Document
from tests.trainers.conftest import MIRROR
from trainers.data import DATASETS
from trainers.data.base import Arrays
from trainers.data.batches import Batch
from trainers.data.splits import Prepared, prepare
from trainers.tasks.target import Target

TEMPLATES = builder.templates()
SAMPLES = 60
EXPORTED = ("lstm_spoken_digits", "vision_transformer", "unet", "siamese", "forecast")


def available(document: Document) -> bool:
    """Whether what the checks ask of the data set is known here: the words of a text are in its file."""
    data = document.training["data"]
    return MIRROR is not None or not (DATASETS[data["name"]].downloaded and DATASETS[data["name"]].kind == "text")


@pytest.fixture(params=list(TEMPLATES))
def document(request: pytest.FixtureRequest) -> Document:
    found = TEMPLATES[request.param]
    if not available(found):
        pytest.skip("its words are in a file of the mirror (NETLOOM_DATA), which is not here")
    return found


def drawn(job: trainers.Job) -> Prepared:
    """Random samples in the place of the data set's own, standardised and divided as they would be."""
    dataset, random = job.dataset, np.random.default_rng(0)
    tokens = max(2, dataset.vocabulary_count)
    inputs = tuple(
        random.integers(0, tokens, (SAMPLES, *signal.shape))
        if signal.dtype == "int"
        else random.normal(size=(SAMPLES, *signal.shape)).astype(np.float32)
        for signal in dataset.signals
    )
    target = Target.of(dataset)
    if target.task == "multilabel":
        targets = random.integers(0, 2, (SAMPLES, *target.shape)).astype(np.float32)
    elif target.classes:
        targets = random.integers(0, target.classes, (SAMPLES, *target.shape))
        targets.flat[: target.classes] = np.arange(min(target.classes, targets.size))
    else:
        targets = random.normal(size=(SAMPLES, *target.shape)).astype(np.float32)
    arrays = Arrays(inputs, targets)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(dataset), "load", lambda self: arrays)
        return prepare(dataset, 0.2, 0.2, 0)


def test_nothing_is_wrong_with_it(document: Document) -> None:
    assert [problem.message for problem in trainers.check(document)] == []


def test_its_network_fits_its_data(document: Document) -> None:
    assert [node.spec.shape for node in trainers.bind(document).nodes if node.role == "input"] == [
        node.spec.shape for node in document.nodes if node.role == "input"
    ]


def trained(modules: Mapping[str, nn.Module]) -> Iterator[tuple[str, nn.Parameter]]:
    """Every weight that learns; those of an average follow others."""
    for module, network in modules.items():
        yield from ((f"{module}/{name}", weight) for name, weight in network.named_parameters() if weight.requires_grad)


def hurried(document: Document) -> Document:
    """With as short a first training as can be, where there is one."""
    way = document.training["paradigm"]
    if "source" not in way:
        return document
    source = {"data": {**way["source"]["data"], "train_samples": 100}, "epochs": 1}
    return document.changed(training={**document.training, "paradigm": {**way, "source": source}})


def test_a_step_trains_every_parameter(document: Document) -> None:
    job = trainers.Job.from_document(hurried(document), device="cpu")
    prepared = drawn(job)
    job.paradigm.prepare(job, lambda sentence: None)
    torch.manual_seed(0)
    learner = job.paradigm.learner(job, prepared, "cpu", 4, 2)
    weights = dict(trained(learner.modules))
    before = {name: weight.detach().clone() for name, weight in weights.items()}
    first = tuple(given[:8] for given in prepared.training.inputs)
    for _ in range(2):
        loss = learner.step(Batch(first, prepared.training.targets[:8]))
        assert loss.isfinite()
    still = [name for name, weight in weights.items() if torch.equal(weight, before[name])]
    assert still == []
    assert all(np.isfinite(value) for value in learner.evaluate(prepared.validation).values())


@pytest.mark.usefixtures("warm_converter")
@pytest.mark.parametrize("name", EXPORTED)
def test_it_is_exported_to_onnx(name: str, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    builder.export(builder.compile(TEMPLATES[name]).eval(), TEMPLATES[name], path, "onnx")
    onnx.checker.check_model(str(path))
