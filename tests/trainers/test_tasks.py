"""Tasks are entries of a registry: what every one says, and tasks and data sets that a test or a guide adds."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor

import builder
import trainers
import trainers.data.sets
import trainers.tasks
from builder.registry import discover
from builder.spec import Signal
from tests import guides
from trainers.data import DATASETS, DataSet, dataset
from trainers.data.augmentation import AUGMENTATIONS, augment
from trainers.data.base import Kind, Loaded
from trainers.data.batches import Batches
from trainers.data.splits import prepare
from trainers.objectives.losses import Expects, Loss
from trainers.objectives.metrics import Metric
from trainers.objectives.model_outputs import Answers
from trainers.objectives.registry import all_losses, default_loss, losses_for, metrics_for
from trainers.paradigms import PARADIGMS
from trainers.runs.predictions import predict
from trainers.script.train_script import train_script
from trainers.tasks import TASKS, Task
from trainers.tasks.base import Names
from trainers.tasks.kinds import NumberTask
from trainers.tasks.target import Target

Layer = tuple[str, dict[str, Any]]


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETLOOM_HOME", str(tmp_path / "home"))


def chain(data: dict[str, Any], *layers: Layer, **training: Any) -> builder.Document:
    """A document of layers in a row."""
    steps = [("Input", {}), *layers, ("Output", {})]
    nodes = [{"name": f"node{place}", "type": kind, "params": params} for place, (kind, params) in enumerate(steps)]
    edges = [{"source": a["name"], "target": b["name"]} for a, b in itertools.pairwise(nodes)]
    training = {"data": data, "epochs": 5, "optimizer": {"name": "Adam", "lr": 0.02}, **training}
    return builder.load({"format": "netloom/2", "name": "Test", "nodes": nodes, "edges": edges, "training": training})


def finished(document: builder.Document) -> trainers.Run:
    assert not [problem for problem in trainers.check(document) if problem.severity == "error"]
    run = trainers.start(trainers.Job.from_document(document))
    assert run.wait(120) == "finished", run.progress().message
    return run


def run_script(document: builder.Document, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the exported train.py for one epoch, as a user would."""
    (folder / "model.py").write_text(builder.to_python(trainers.bind(document)), encoding="utf-8")
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "model", raising=False)
    monkeypatch.setattr(sys, "argv", ["train.py", "--epochs", "1"])
    exec(compile(train_script(document), "train.py", "exec"), {"__name__": "__main__"})
    monkeypatch.delitem(sys.modules, "model", raising=False)
    assert (folder / "model.safetensors").is_file()


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The files of both guides, in folders that the packages look through too."""
    for page in ("adding_a_task.md", "adding_a_data_set.md"):
        for path, source in guides.files(page).items():
            place = tmp_path / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(source, encoding="utf-8")
    known = set(sys.modules)
    for package in (trainers.tasks, trainers.data.sets):
        folder = str(tmp_path / package.__name__.replace(".", "/"))
        monkeypatch.setattr(package, "__path__", [*package.__path__, folder])
    tasks = discover(trainers.tasks, Task, lambda entry: entry.name)
    sets = discover(trainers.data.sets, DataSet, lambda entry: entry.name)
    assert set(tasks) - set(TASKS) == {"ordinal"} and set(sets) - set(DATASETS) == {"ratings", "rings", "machines"}
    monkeypatch.setitem(TASKS, "ordinal", tasks["ordinal"]())
    for name in ("ratings", "rings", "machines"):
        monkeypatch.setitem(DATASETS, name, sets[name])
    yield
    for name in set(sys.modules) - known:
        if name.startswith(("trainers.tasks.", "trainers.data.sets.")):
            del sys.modules[name]


# -- every task -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in TASKS if losses_for(name)])
def test_a_task_has_losses_metrics_and_texts(name: str) -> None:
    task = TASKS[name]
    assert task.name == name and task.label and (type(task).__doc__ or "").strip()
    loss = default_loss(name)
    assert loss.name in losses_for(name) and loss.expects == task.expects and set(losses_for(name)) <= set(all_losses())
    assert metrics_for(name) and task.script_metric and task.prediction_views
    entry = next(kind() for kind in DATASETS.values() if kind.task == name)
    target = Target.of(entry)
    assert target.describe() and target.entry is task and loss.shapes(target)
    assert any(name in paradigm.learnable_tasks() for paradigm in PARADIGMS.values())


def test_targets_and_predictions_in_words() -> None:
    names = Names(("cat", "dog", "cow"), ("height", "weight"))
    assert TASKS["classification"].words(np.array(1), names) == "dog"
    assert TASKS["classification"].words(np.array(1), Names()) == "1"
    assert TASKS["multilabel"].words(np.array([1.0, 0.0, 1.0]), names) == "cat, cow"
    assert TASKS["multilabel"].words(np.zeros(3), names) == "none"
    assert TASKS["regression"].words(np.array([1.5, 2.0]), names) == "height 1.5, weight 2"
    assert list(TASKS["regression"].columns(np.ones((4, 2)), names)) == ["height", "weight"]
    assert list(TASKS["regression"].columns(np.ones((4, 1)), Names())) == ["value 1"]
    assert TASKS["segmentation"].words(np.zeros((3, 3)), names) == ""
    assert Target("forecasting", 0, (24, 1)).describe() == "24 steps of 1 column to forecast"


# -- a task of a test -------------------------------------------------------------------------------------------------


def cosine_loss(output: Tensor, target: Tensor) -> Tensor:
    """One minus the cosine of the angle between two vectors (N, 2)."""
    from torch import nn

    return (1 - nn.functional.cosine_similarity(output.float(), target, dim=1)).mean()


class CosineLoss(Loss):
    """One minus the cosine of the angle between prediction and target."""

    name: ClassVar[str] = "cosine"
    label: ClassVar[str] = "cosine distance"
    expects: ClassVar[Expects] = "values"
    compute: ClassVar[Callable[..., Tensor]] = cosine_loss

    def shapes(self, target: Target) -> tuple[tuple[int, ...], ...]:
        return (target.shape,)


class AngleError(Metric):
    """The mean angle between prediction and target, in degrees."""

    name, label, higher_is_better = "angle_error", "angle error", False

    def compute(self, answers: Answers) -> Tensor:
        cosine = torch.nn.functional.cosine_similarity(answers.predicted, answers.targets, dim=1)
        return torch.rad2deg(cosine.clamp(-1, 1).arccos()).mean()


class Direction(NumberTask):
    """A direction in the plane. Targets: float32 (N, 2), vectors of length 1."""

    name: ClassVar[str] = "direction"
    label: ClassVar[str] = "Direction"
    losses: ClassVar[tuple[type[Loss], ...]] = (CosineLoss,)
    metrics: ClassVar[tuple[type[Metric], ...]] = (AngleError,)
    standardised: ClassVar[bool] = False
    prediction_views: ClassVar[tuple[str, ...]] = ("predicted_against_true",)
    script_metric: ClassVar[str] = "cosine"

    def target_shape(self, dataset: DataSet) -> tuple[int, ...]:
        return (2,)

    def describe(self, target: Target) -> str:
        return "a direction in the plane"

    def script_targets(self, plan: Any) -> list[str]:
        return ["    targets = torch.from_numpy(targets).to(device).float()"]

    def script_score(self, plan: Any) -> list[str]:
        return ["        score = nn.functional.cosine_similarity(output, targets, dim=1).mean()"]


class Wind(DataSet):
    """Two readings of a vane, and the direction of the wind."""

    name: ClassVar[str] = "wind"
    title: ClassVar[str] = "Wind"
    task: ClassVar[str] = "direction"
    kind: ClassVar[Kind] = "table"
    origin: ClassVar[str] = "computed by a test"
    licence: ClassVar[str] = "MIT"
    samples: int = 400

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (2,)

    @property
    def target_names(self) -> tuple[str, ...]:
        return ("east", "north")

    @staticmethod
    def load_data(samples: int) -> Loaded:
        """Readings (N, 2) and directions (N, 2)."""
        import numpy as np

        angle = np.random.default_rng(0).uniform(0, 2 * np.pi, samples)
        targets = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        return (2 * targets[:, ::-1] + 1).astype("float32"), targets.astype("float32")


@pytest.fixture
def wind(monkeypatch: pytest.MonkeyPatch) -> builder.Document:
    monkeypatch.setitem(TASKS, "direction", Direction())
    monkeypatch.setitem(DATASETS, "wind", Wind)
    hidden: list[Layer] = [("Linear", {"out_features": 16}), ("Tanh", {}), ("Linear", {"out_features": 2})]
    return chain({"name": "wind", "batch_size": 32}, *hidden, epochs=15)


def test_a_task_of_a_test_is_trained_with_its_own_loss_and_metric_and_predicted(wind: builder.Document) -> None:
    run = finished(wind)
    assert set(run.scores()) == {"loss", "angle_error"} and run.scores()["angle_error"] < 15
    found = predict(run)
    assert found.predicted.shape == found.targets.shape and found.losses is not None
    assert found.entry.words(found.targets[0], found.names) == "" and found.error.shape == (len(found.targets),)
    assert [metric.name for metric in run.job.paradigm.metrics(run.job.dataset)] == ["angle_error"]


def test_its_loss_is_the_only_one_that_suits_it(wind: builder.Document) -> None:
    assert list(losses_for("direction")) == ["cosine"] and "cosine" in all_losses()
    wrong = wind.changed(training={**wind.training, "paradigm": {"name": "supervised", "loss": "mse"}})
    (problem,) = [problem for problem in trainers.check(wrong) if problem.code == "T110"]
    assert "a direction in the plane" in problem.message and "cosine" in problem.fix_label


def test_its_exported_script_runs(wind: builder.Document, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_script(wind, tmp_path, monkeypatch)


# -- the guides -------------------------------------------------------------------------------------------------------


def test_the_task_of_the_guide_trains(saved: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = chain({"name": "ratings", "batch_size": 32}, ("Linear", {"out_features": 5}), epochs=15)
    run = finished(document)
    assert run.scores()["class_distance"] < 0.6 and {"accuracy", "loss"} <= set(run.scores())
    found = predict(run)
    np.testing.assert_array_equal(found.error, np.abs(found.predicted - found.targets))
    assert found.entry.words(found.targets[0], found.names).endswith(("star", "stars"))
    assert found.confusion.sum() == len(found.targets)
    run_script(document, tmp_path, monkeypatch)


def test_the_data_sets_of_the_guide_train(saved: None) -> None:
    hidden: list[Layer] = [("Linear", {"out_features": 32}), ("ReLU", {}), ("Linear", {"out_features": 3})]
    assert finished(chain({"name": "rings", "samples": 600}, *hidden, epochs=20)).scores()["accuracy"] > 0.7
    assert finished(chain({"name": "machines"}, ("Linear", {"out_features": 2}))).state == "finished"


def test_groups_and_attributes_reach_splits_batches_and_predictions(saved: None) -> None:
    data = dataset({"name": "machines", "machines": 20})
    prepared = prepare(data, 0.2, 0.2, seed=1)
    for split in (prepared.training, prepared.validation, prepared.test):
        np.testing.assert_array_equal(split.attributes["hour"], split.indices % 10)
        np.testing.assert_array_equal(split.attributes["group"], split.indices // 10)
    (batch, *_) = Batches(prepared.training, 16, 0, "cpu", attributes=("hour",)).epoch(0)
    assert batch.positions is not None and set(batch.attributes) == {"hour"}
    assert torch.equal(batch.attributes["hour"], prepared.training.attributes["hour"][batch.positions])
    found = predict(finished(chain({"name": "machines", "machines": 20}, ("Linear", {"out_features": 2}), epochs=1)))
    np.testing.assert_array_equal(found.attributes["hour"], found.indices % 10)
    few = found.only(np.array([2, 0]))
    np.testing.assert_array_equal(few.attributes["group"], found.attributes["group"][[2, 0]])


# -- several inputs, one of them text ---------------------------------------------------------------------------------


class Ciphers(DataSet):
    """Words and, shifted by a number, the same words in another alphabet: the text to continue is the second input."""

    name: ClassVar[str] = "ciphers"
    title: ClassVar[str] = "Ciphers"
    task: ClassVar[str] = "language"
    kind: ClassVar[Kind] = "text"
    origin: ClassVar[str] = "computed by a test"
    licence: ClassVar[str] = "MIT"
    samples: int = 300
    tokens: ClassVar[Any] = "characters"

    @property
    def signals(self) -> tuple[Signal, ...]:
        return (Signal((6,), "int"), Signal((1,)), Signal((5,), "int"))

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (6,)

    @property
    def target_shape(self) -> tuple[int, ...]:
        return (5,)

    @property
    def vocabularies(self) -> tuple[tuple[str, ...], ...]:
        return (tuple("abcdefgh"), (), tuple("\nABCD"))

    @property
    def vocabulary_counts(self) -> tuple[int, ...]:
        return (8, 0, 5)

    @property
    def target_vocabulary(self) -> tuple[str, ...]:
        return tuple("\nABCD")

    @property
    def target_vocabulary_count(self) -> int:
        return 5

    @staticmethod
    def load_data(samples: int) -> Loaded:
        """(Words (N, 6), a number (N, 1), the tokens so far (N, 5)), and the tokens that follow (N, 5)."""
        import numpy as np

        random = np.random.default_rng(0)
        words = random.integers(0, 8, (samples, 6))
        shift = random.integers(0, 2, (samples, 1))
        text = (words + shift) % 4 + 1
        start = np.zeros((samples, 1), "int64")
        return (words, shift.astype("float32"), np.concatenate([start, text[:, :4]], axis=1)), text[:, :5]


def translator(rows: tuple[int, int] = (8, 6), **training: Any) -> builder.Document:
    """Embeddings of both texts, added over the positions; the network sees the whole first input."""
    nodes: list[dict[str, Any]] = [
        {"name": "source", "type": "Input"},
        {"name": "shift", "type": "Input"},
        {"name": "text", "type": "Input"},
        {"name": "source_vectors", "type": "Embedding", "params": {"num_embeddings": rows[0], "embedding_dim": 8}},
        {"name": "text_vectors", "type": "Embedding", "params": {"num_embeddings": rows[1], "embedding_dim": 8}},
        {"name": "same_length", "type": "Slice", "params": {"dim": 1, "start": 0, "end": 5}},
        {"name": "shift_vector", "type": "Linear", "params": {"out_features": 8}},
        {"name": "one_step", "type": "Unsqueeze", "params": {"dim": 1}},
        {"name": "both", "type": "Add"},
        {"name": "mixed", "type": "Linear", "params": {"out_features": 16}},
        {"name": "bend", "type": "ReLU"},
        {"name": "scores", "type": "Linear", "params": {"out_features": 5}},
        {"name": "out", "type": "Output"},
    ]
    pairs = [
        "source source_vectors same_length both",
        "text text_vectors both",
        "shift shift_vector one_step both",
        "both mixed bend scores out",
    ]
    edges = [{"source": a, "target": b} for line in pairs for a, b in itertools.pairwise(line.split())]
    settings = {"data": {"name": "ciphers", "batch_size": 32}, "paradigm": {"name": "language"}, "epochs": 4}
    settings |= {"optimizer": {"name": "Adam", "lr": 0.02}, **training}
    return builder.load({"format": "netloom/2", "name": "Test", "nodes": nodes, "edges": edges, "training": settings})


@pytest.fixture
def ciphers(monkeypatch: pytest.MonkeyPatch) -> DataSet:
    monkeypatch.setitem(DATASETS, "ciphers", Ciphers)
    return dataset({"name": "ciphers"})


@pytest.mark.parametrize("predicts", ["next_token", "masked_token"])
def test_a_language_model_with_further_inputs_trains_and_predicts(
    ciphers: DataSet, predicts: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ciphers.text_input == 2
    document = translator(paradigm={"name": "language", "predicts": predicts, "sample_length": 5})
    run = finished(document)
    assert run.scores()["token_accuracy"] > (0.6 if predicts == "next_token" else 0.3)
    found = predict(run)
    assert found.vocabularies[0][0] == "a" and found.target_vocabulary[1] == "A" and len(found.inputs) == 3
    assert found.predicted.shape == (len(found.targets), 5) and found.target_probabilities is not None
    run_script(document, tmp_path, monkeypatch)


def test_each_input_has_its_own_vocabulary(ciphers: DataSet) -> None:
    problems = {problem.node: problem for problem in trainers.check(translator((7, 4))) if problem.code == "T123"}
    assert set(problems) == {"source_vectors", "text_vectors"}
    masked = translator((8, 5), paradigm={"name": "language", "predicts": "masked_token"})
    (problem,) = [problem for problem in trainers.check(masked) if problem.code == "T123"]
    assert problem.node == "text_vectors" and "6" in problem.message
    assert not [problem for problem in trainers.check(translator((8, 5))) if problem.code == "T123"]


def test_a_second_input_that_the_data_set_does_not_have_is_a_problem_in_words() -> None:
    data = {"name": "python_reference", "context": 5, "limit": 1000}
    codes = {problem.code for problem in trainers.check(translator(data=data))}
    assert "T122" in codes


# -- augmentation -----------------------------------------------------------------------------------------------------


class Boxes(NumberTask):
    """A box (left, top, right, bottom) in pixels, found again by the positions of its pixels after augmentation."""

    name: ClassVar[str] = "boxes"
    label: ClassVar[str] = "Boxes"
    follows_images: ClassVar[bool] = True

    def pixel_map(self, inputs: Tensor, targets: Tensor) -> Tensor:
        rows, columns = torch.arange(inputs.shape[2]), torch.arange(inputs.shape[3])
        left, top, right, bottom = (targets[:, place, None] for place in range(4))
        inside = ((rows >= top) & (rows < bottom))[:, :, None] & ((columns >= left) & (columns < right))[:, None, :]
        return inside.long()

    def from_pixel_map(self, targets: Tensor, moved: Tensor) -> Tensor:
        made = []
        for inside in moved.bool():
            rows, columns = inside.any(dim=1).nonzero().flatten(), inside.any(dim=0).nonzero().flatten()
            made.append(torch.stack([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]))
        return torch.stack(made).to(targets.dtype)


def test_boxes_follow_a_mirrored_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TASKS, "boxes", Boxes())
    boxes = torch.tensor([[1.0, 2.0, 4.0, 7.0], [0.0, 0.0, 3.0, 3.0]])
    images = torch.zeros(2, 1, 8, 10)
    flip = AUGMENTATIONS["RandomHorizontalFlip"](p=1.0)  # type: ignore[call-arg]
    _, moved = augment([flip], (images,), boxes, 0, 0, 0, "boxes")
    assert moved.tolist() == [[6.0, 2.0, 9.0, 7.0], [7.0, 0.0, 10.0, 3.0]]
    assert torch.equal(augment([flip], (images,), boxes, 0, 0, 0)[1], boxes)  # without the task they stay
    erasing = AUGMENTATIONS["RandomErasing"]()
    given: Any = SimpleNamespace(kind="image", task="boxes", title="Boxes", input_shape=(1, 8, 10))
    assert "mask" in str(erasing.unsuited(given))
