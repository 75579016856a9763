"""What fails is named as what it is: a file is damaged only if it is, and what damaged weights are for, too."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import trainers
from builder import Document
from builder.problems import GraphError
from tests.trainers.conftest import perceptron
from tests.trainers.test_checkpoint_files import flip_a_bit
from tests.trainers.test_data_files import read
from tests.trainers.test_transfer import FIRST, epoch, learner_of, network
from trainers.data import DATASETS, DataError
from trainers.engine.interruption import Interrupted
from trainers.paradigms.transfer import first_training, source_weights
from trainers.paradigms.transfer.weight_files import WeightsError

Train = Callable[..., trainers.Run]


# -- data sets --------------------------------------------------------------------------------------------------------


def raising(error: BaseException) -> Any:
    def read_files(*_: Any, **__: Any) -> Any:
        raise error

    return staticmethod(read_files)


@pytest.mark.parametrize("name", ["california_housing", "ett_h1"])
def test_a_lack_of_memory_is_no_damaged_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"whole")
    for error in (MemoryError("Unable to allocate 9 GiB"), OSError(errno.ENOMEM, "Cannot allocate memory")):
        monkeypatch.setattr(DATASETS[name], "read_files", raising(error))
        with pytest.raises(MemoryError):
            read(name, path)
    # a damaged file may claim to hold more than there is memory: then it is the file
    monkeypatch.setattr(DATASETS[name], "read_files", raising(MemoryError()))
    expected = DATASETS[name].files[0].name  # type: ignore[attr-defined]
    (tmp_path / expected).write_bytes(b"damaged")
    with pytest.raises(DataError, match="cut off or another one"):
        read(name, tmp_path / expected)


@pytest.mark.parametrize(
    ("error", "says", "not_said"),
    [
        (PermissionError(errno.EACCES, "Permission denied"), "Permission denied", "Replace the file"),
        (OSError(errno.EMFILE, "Too many open files"), "Too many open files", "Replace the file"),
        (ValueError("the header is wrong"), "the header is wrong. .*|Replace", "may be whole"),
    ],
)
def test_a_file_that_is_refused_is_not_to_be_replaced(
    error: Exception, says: str, not_said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DATASETS["ett_h1"], "read_files", raising(error))
    with pytest.raises(DataError, match=says) as caught:
        read("ett_h1", tmp_path / "file")
    assert not_said not in str(caught.value)


# -- weights ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error", [PermissionError(errno.EACCES, "Permission denied"), MemoryError(), OSError(errno.EMFILE, "Too many")]
)
def test_whole_weights_are_never_set_aside(
    error: BaseException, moons: Document, train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = train(moons, epochs=1)

    def fail(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr("trainers.engine.model_file.safe_open", fail)
    with pytest.raises((trainers.RunError, MemoryError)):
        run.model()
    monkeypatch.undo()


def test_weights_that_cannot_be_opened_stay_where_they_are(
    moons: Document, train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = train(moons, epochs=1)

    def fail(*_: Any, **__: Any) -> Any:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr("trainers.engine.model_file.safe_open", fail)
        with pytest.raises(trainers.RunError, match="Too many open files"):
            run.model()
    assert run.model() is not None and run.weights_path.exists()


def test_flipped_bits_are_noticed_by_whatever_takes_weights_over(train: Train) -> None:
    source = train(network({"source": FIRST}), epochs=1)
    document = network({"run": source.id})
    job = trainers.Job.from_document(document)
    flip_a_bit(source.weights_path)
    with pytest.raises(GraphError, match=r"was changed.*trains again"):
        trainers.Job.from_document(document)
    with pytest.raises(WeightsError, match="was changed"):
        source_weights.initial_weights(job, job.paradigm).load()  # type: ignore[arg-type]
    with pytest.raises(trainers.RunError, match="was changed"):
        source.model()


def test_a_damaged_first_training_is_trained_again() -> None:
    job = trainers.Job.from_document(network())
    job.paradigm.prepare(job, lambda sentence: None)
    path = source_weights.first_weights_path(source_weights.first_job(job, job.paradigm))  # type: ignore[arg-type]
    said: list[str] = []
    whole = source_weights.initial_weights(job, job.paradigm).load()  # type: ignore[arg-type]
    whole = {name: tensor.clone() for name, tensor in whole.items()}  # the file itself is changed below
    flip_a_bit(path)
    job.paradigm.prepare(job, said.append)
    again = source_weights.initial_weights(job, job.paradigm).load()  # type: ignore[arg-type]
    assert any("epoch 1 of 2" in sentence for sentence in said)
    assert all(torch.equal(whole[name], again[name]) for name in whole)


# -- a first training that is left, and a baseline that diverges ------------------------------------------------------


@pytest.mark.parametrize("stop_at", [1, 2])
def test_a_first_training_goes_on_where_it_was_left(stop_at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainers.engine.loop.FLUSH_SECONDS", 0.0)
    job = trainers.Job.from_document(network())
    straight: list[Any] = []
    job.paradigm.prepare(job, lambda sentence: None, straight.extend)
    path = source_weights.first_weights_path(source_weights.first_job(job, job.paradigm))  # type: ignore[arg-type]
    whole = source_weights.initial_weights(job, job.paradigm).load()  # type: ignore[arg-type]
    path.unlink()

    left = 0

    def say(sentence: str) -> None:
        nonlocal left
        if f"epoch {stop_at} of 2" in sentence:
            left += 1
            if left == 3:
                raise Interrupted

    with pytest.raises(Interrupted):
        job.paradigm.prepare(job, say)
    folder = path.with_suffix("")
    assert not path.exists() and list(folder.glob("checkpoint-*.json"))
    kept: list[Any] = []
    said: list[str] = []
    torch.rand(5)  # other code uses random numbers in between
    job.paradigm.prepare(job, said.append, kept.extend)
    assert f"epoch {stop_at} of 2" in next(each for each in said if "epoch" in each)
    again = source_weights.initial_weights(job, job.paradigm).load()  # type: ignore[arg-type]
    assert all(torch.equal(whole[name], again[name]) for name in whole)
    assert {(m.step, m.split, m.metric): m.value for m in kept} == {
        (m.step, m.split, m.metric): m.value for m in straight
    }
    assert path.exists() and not folder.exists()
    assert first_training._finished(path) is not None


def test_a_scratch_baseline_that_diverges_is_said_at_once_and_after_a_resume() -> None:
    learner, batches = learner_of(network({"source": FIRST, "compare": True}))
    epoch(learner, batches, 0)
    assert not any(each.kind == "BaselineDiverged" for each in learner.diagnostics)
    assert learner.scratch_baseline is not None
    with torch.no_grad():
        next(learner.scratch_baseline.model.parameters()).fill_(float("nan"))
    epoch(learner, batches, 1)
    found = next(each for each in learner.diagnostics if each.kind == "BaselineDiverged")
    assert "since epoch 2" in found.message and "learning rate" in found.advice
    other, _ = learner_of(network({"source": FIRST, "compare": True}))
    other.load_state_dict(learner.state_dict())
    epoch(other, batches, 2)
    assert any("since epoch 2" in each.message for each in other.diagnostics)


# -- stop -------------------------------------------------------------------------------------------------------------


def left_at_a_checkpoint(document: Document) -> trainers.Run:
    run = trainers.start(trainers.Job.from_document(document, epochs=100_000))
    while run.progress().step < 30:
        run.wait(0.02)
    run.pause()
    assert run.wait(30) == "paused"
    worker = run._worker()
    assert worker is not None
    worker.abandon()
    return run


def test_stop_of_a_run_whose_process_ended_evaluates_its_best_weights() -> None:
    run = left_at_a_checkpoint(perceptron([2], 2, data={"name": "moons", "samples": 300}))
    step = run.progress().step
    run.stop()
    assert run.wait(30) == "stopped" and run.progress().step == step
    assert run.scores() and run.progress().message == "Stopped."


def test_stop_says_why_there_are_no_test_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    run = left_at_a_checkpoint(perceptron([2], 2, data={"name": "moons", "samples": 300}))

    def gone(job: trainers.Job) -> Any:
        raise DataError("The data set moons is gone.")

    monkeypatch.setattr(trainers.Job, "prepare", gone)
    run.stop()
    assert run.wait(30) == "stopped"
    assert run.progress().message == "Stopped, without test metrics. The data set moons is gone."
