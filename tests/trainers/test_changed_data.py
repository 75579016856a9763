"""A data set that changed under a run is noticed on resume, on Inspect and on export, and said in a sentence."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import builder
import trainers
from builder import Document
from tests.trainers.conftest import perceptron
from trainers.data import fingerprint as fingerprints
from trainers.data.fingerprint import CHANGED, differences, fingerprint, fits
from trainers.data.sets.points import Moons
from trainers.engine import checkpoint, heartbeat
from trainers.engine.worker import worker_of
from trainers.runs import checkpoint_files, predictions
from trainers.runs.predictions import data_change

Train = Callable[..., trainers.Run]
Change = Callable[[Any, Any], Any]


def fewer(inputs: Any, targets: Any) -> Any:
    return inputs[:240], targets[:240]


def another_value(inputs: Any, targets: Any) -> Any:
    inputs = inputs.copy()
    inputs[7, 1] += 0.01
    return inputs, targets


def another_order(inputs: Any, targets: Any) -> Any:
    return inputs[::-1], targets[::-1]


def another_label(inputs: Any, targets: Any) -> Any:
    targets = targets.copy()
    targets[3] = 1 - targets[3]
    return inputs, targets


CHANGES = {
    fewer: "144 training samples instead of 180",
    another_value: "other values in its",
    another_order: "other values in its training and validation and test samples",
    another_label: "samples",
}


@pytest.fixture
def change(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Change], None]]:
    load = Moons.load_data

    def go(how: Change) -> None:
        def load_data(samples: int, noise: float, data_seed: int) -> Any:
            return how(*load(samples, noise, data_seed))

        monkeypatch.setattr(Moons, "load_data", staticmethod(load_data))
        predictions._data.results.clear()

    yield go
    predictions._data.results.clear()


def left(document: Document) -> trainers.Run:
    """A run that was paused, and whose process has ended."""
    run = trainers.start(trainers.Job.from_document(document, epochs=100_000))
    while run.progress().step < 30:
        run.wait(0.02)
    run.pause()
    assert run.wait(30) == "paused"
    worker = run._worker()
    assert worker is not None
    worker.abandon()
    return run


@pytest.mark.parametrize("how", CHANGES, ids=lambda how: how.__name__)
def test_a_run_is_not_resumed_over_other_data_without_consent(
    moons: Document, how: Change, change: Callable[[Change], None]
) -> None:
    run = left(moons)
    step = run.progress().step
    change(how)
    run.resume()
    assert run.wait(30) == "paused"
    message = run.progress().message
    assert message.startswith(CHANGED) and CHANGES[how] in message and "train the document again" in message
    assert run.waits_for_consent and run.progress().step == step
    run.resume(other_data=True)
    while run.progress().step <= step:
        assert run.wait(0.02) != "paused"
    run.stop()
    assert run.wait(30) == "stopped" and run.scores()
    notes = [verdict.message for verdict in run.verdicts()]
    assert any(note.startswith(f"Since step {step:,} it trains on other data") for note in notes), notes
    assert not data_change(run)  # what is saved now was trained on these data


def test_data_that_the_network_does_not_take_are_refused_whatever_one_agrees_to(
    moons: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = left(moons)
    monkeypatch.setattr(Moons, "classes", property(lambda self: ("one", "two", "three")))
    run.resume(other_data=True)
    assert run.wait(30) == "paused"
    message = run.progress().message
    assert "3 classes instead of 2" in message and "does not fit" in message and not run.waits_for_consent


@pytest.mark.parametrize("asks", ["stop", "resume"])
def test_a_request_while_a_refused_run_is_being_left_is_not_lost(
    moons: Document, monkeypatch: pytest.MonkeyPatch, asks: str
) -> None:
    run = left(moons)
    step = run.progress().step
    goes_on, stop = threading.Event(), heartbeat.stop
    with monkeypatch.context() as patch:
        patch.setattr(Moons, "classes", property(lambda self: ("one", "two", "three")))
        patch.setattr(heartbeat, "stop", lambda run: (goes_on.wait(20), stop(run)))
        run.resume()
        assert run.wait(30) == "paused" and worker_of(run.id) is not None  # its thread is about to end
    timer = threading.Timer(0.2, goes_on.set)
    timer.start()
    getattr(run, asks)()
    timer.join()
    if asks == "stop":
        assert run.wait(30) == "stopped"
        return
    while run.progress().step <= step:
        assert run.wait(0.02) != "paused"


def test_a_checkpoint_without_a_fingerprint_is_resumed(moons: Document, change: Callable[[Change], None]) -> None:
    run = left(moons)
    folder = run.store.run_folder(run.id)
    state, step = checkpoint.load(folder), run.progress().step
    del state["data"]
    for path in folder.glob("checkpoint*"):
        path.unlink()
    checkpoint.save(folder, step, state)
    change(another_value)
    run.resume()
    while run.progress().step <= step:
        assert run.wait(0.02) != "paused"


def test_predictions_and_exports_say_that_the_data_changed(
    moons: Document,
    train: Train,
    change: Callable[[Change], None],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from trainers.__main__ import main

    run = train(moons, epochs=2)
    assert data_change(run) == ""
    change(fewer)
    predictions._results.results.clear()
    text = data_change(run)
    assert text.startswith(CHANGED) and "144 training samples instead of 180" in text
    assert main(["export", run.id, "--format", "safetensors", "--output", str(tmp_path / "model.safetensors")]) == 0
    assert text in capsys.readouterr().err


def test_a_fingerprint_is_the_same_each_time_and_small() -> None:
    for data in ({"name": "digits"}, {"name": "two_patterns"}, {"name": "iris"}):
        if data["name"] not in trainers.datasets():
            continue
        job = trainers.Job(perceptron([2], 2, data=data))
        one, two = (fingerprint(job.dataset, job.prepare()) for _ in range(2))
        assert one == two and not differences(one, two) and fits(one, two)
        assert json.loads(json.dumps(one)) == one and len(json.dumps(one)) < 2000


def test_a_vocabulary_and_class_names_count() -> None:
    job = trainers.Job.from_document(builder.template("digits_cnn"))
    one = fingerprint(job.dataset, job.prepare())
    words = {"count": 3, "digest": "a"}
    old = {**one, "vocabulary": [words]}
    assert "other tokens" in differences(old, {**one, "vocabulary": [{"count": 3, "digest": "b"}]})[0]
    more = {**one, "vocabulary": [{"count": 4, "digest": "b"}]}
    assert "4 tokens in its vocabulary instead of 3" in differences(old, more)[0] and not fits(old, more)
    renamed = {**one, "classes": {**one["classes"], "digest": "c"}}
    assert differences(one, renamed) == ["other classes"] and fits(one, renamed)
    assert not differences(None, one)


def test_another_machine_may_round_differently_but_not_change_the_data(monkeypatch: pytest.MonkeyPatch) -> None:
    job = trainers.Job.from_document(builder.template("digits_cnn"))
    prepared = job.prepare()
    here = fingerprint(job.dataset, prepared)
    monkeypatch.setattr(fingerprints.platform, "node", lambda: "elsewhere")
    prepared.training.inputs[0][3, 0] *= 1 + 1e-6
    rounded = fingerprint(job.dataset, prepared)
    assert rounded["values"] != here["values"] and not differences(here, rounded)
    prepared.training.inputs[0][:] = prepared.training.inputs[0].flip(0).clone()
    assert differences(here, fingerprint(job.dataset, prepared)) == ["other values in its training samples"]
    prepared.training.inputs[0][:] += np.float32(0.1)
    assert differences(here, fingerprint(job.dataset, prepared))


def test_every_checkpoint_and_card_has_it(moons: Document, train: Train) -> None:
    run = train(moons)
    job = trainers.Job.from_document(moons)
    expected = fingerprint(job.dataset, job.prepare())
    assert run.model().card["data_fingerprint"] == expected
    kept = list(checkpoint_files.readable(run.store.run_folder(run.id), []))
    assert all(expected["machine"] in json.dumps(record) for _, record in kept)
