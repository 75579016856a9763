"""A checkpoint that was cut off, emptied, removed or changed is noticed, and the one before it is used."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

import trainers
import trainers.engine.loop
from builder import Document
from trainers.engine import checkpoint
from trainers.engine.model_file import load_model, save_model
from trainers.engine.session import TrainingSession
from trainers.runs import files
from trainers.runs.checkpoint_files import DamagedError, checkpoint_files, resume_step
from trainers.runs.store import Store


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def remove(path: Path) -> None:
    path.unlink()


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-len(content) // 4] ^= 1
    path.write_bytes(content)


def overwrite(path: Path) -> None:
    path.write_bytes(os.urandom(path.stat().st_size))


DAMAGES = [cut, empty, remove, flip_a_bit, overwrite]
Damage = Callable[[Path], None]


def tree(step: int) -> dict[str, Any]:
    weight = torch.full((3, 5), float(step))
    return {"step": step, "weights": {"a": weight, "scalar": torch.tensor(step)}, "epochs": (1, None, [0.1, "x"])}


def same(one: Any, two: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, two)
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(same(one[key], two[key]) for key in one)
    return type(one) is type(two) and one == two


def test_the_last_two_checkpoints_are_kept(tmp_path: Path) -> None:
    assert not checkpoint.exists(tmp_path) and resume_step(tmp_path) is None
    (tmp_path / ".checkpoint-2.safetensors.deadbeef").write_bytes(b"left behind")
    for step in (5, 7, 7, 100, 100):
        checkpoint.save(tmp_path, step, tree(step))
        assert same(checkpoint.load(tmp_path), tree(step)) and resume_step(tmp_path) == step
    assert [found.step for found in checkpoint_files(tmp_path)] == [100, 7]
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("suffix", ["json", "safetensors"])
def test_a_damaged_checkpoint_is_noticed(tmp_path: Path, damage: Damage, suffix: str) -> None:
    for step in (10, 20):
        checkpoint.save(tmp_path, step, tree(step))
    damage(tmp_path / f"checkpoint-20.{suffix}")
    told: list[str] = []
    assert same(next(checkpoint.readable(tmp_path, told))[0], tree(10))
    assert len(told) == 1 and f"checkpoint-20.{suffix}" in told[0]
    damage(tmp_path / f"checkpoint-10.{suffix}")
    with pytest.raises(DamagedError, match=rf"checkpoint-20.{suffix} .*checkpoint-10.{suffix} "):
        checkpoint.load(tmp_path)
    checkpoint.save(tmp_path, 30, tree(30))  # an unreadable one does not stay in the way
    checkpoint.save(tmp_path, 40, tree(40))
    assert [found.step for found in checkpoint_files(tmp_path)] == [40, 30]


def test_any_flipped_bit_is_noticed(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, 1, tree(1))
    for path in sorted(tmp_path.iterdir()):
        content = path.read_bytes()
        for place in range(0, len(content), 7):
            changed = bytearray(content)
            changed[place] ^= 1 << place % 8
            path.write_bytes(changed)
            assert next(checkpoint.readable(tmp_path, []), None) is None, (path.name, place)
        path.write_bytes(content)
    assert same(checkpoint.load(tmp_path), tree(1))


def test_a_write_that_fails_leaves_the_checkpoints_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for step in (1, 2):
        checkpoint.save(tmp_path, step, tree(step))
    before = sorted(path.name for path in tmp_path.iterdir())
    for name in ("sync", "file_digest", "write_text"):

        def full(*_: Any) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(files, name, full)
            with pytest.raises(OSError, match="No space"):
                checkpoint.save(tmp_path, 3, tree(3))
        assert sorted(path.name for path in tmp_path.iterdir()) == before, name
    assert same(checkpoint.load(tmp_path), tree(2))


def test_training_goes_on_while_a_checkpoint_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written, may_write = checkpoint.save_weights, threading.Event()

    def slow(*arguments: Any) -> None:
        may_write.wait(20)
        written(*arguments)

    monkeypatch.setattr(checkpoint, "save_weights", slow)
    writer = checkpoint.CheckpointWriter(tmp_path)
    now = tree(5)
    writer.start(5, now)
    now["weights"]["a"] += 1  # the next step
    assert writer.is_busy and not checkpoint.exists(tmp_path)
    may_write.set()
    writer.wait()
    assert not writer.is_busy and same(checkpoint.load(tmp_path), tree(5))


def test_a_checkpoint_that_could_not_be_written_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a_file").write_text("and no folder")
    writer = checkpoint.CheckpointWriter(tmp_path / "a_file")
    writer.start(1, tree(1))
    with pytest.raises(OSError, match="a_file"):
        writer.wait()
    writer.wait()


def test_a_model_is_saved_with_its_card(tmp_path: Path) -> None:
    card = {"task": "classification", "classes": ["a"]}
    weights = {"main/a": torch.ones(3, dtype=torch.bfloat16), "main/b": torch.tensor(3), "main/c": torch.zeros(0, 2)}
    save_model(tmp_path, weights, card)
    (tmp_path / "card.json").write_text("damaged")
    found, kept = load_model(tmp_path)
    assert same(found, weights) and kept == card
    for damage in (cut, empty, flip_a_bit, overwrite):
        save_model(tmp_path, weights, card)
        damage(tmp_path / "best.safetensors")
        with pytest.raises(DamagedError, match=r"best.safetensors"):
            load_model(tmp_path)


# -- a run whose checkpoints are damaged ------------------------------------------------------------------------------


class KilledError(Exception):
    """Stands for the end of the process."""


def interrupted(document: Document, monkeypatch: pytest.MonkeyPatch, saves: tuple[int, ...], end: int) -> str:
    """The id of a run that wrote checkpoints after these steps, and whose process ended after step `end`."""
    job, store = trainers.Job.from_document(document), Store()
    run = store.create("one", job.to_json(), 0, job.settings.epochs)
    session = TrainingSession(run, job, store)
    session.prepare()
    loop = session.loop
    assert loop is not None
    write = loop.on_tick

    def on_tick(events: Any) -> bool:
        session._save_at = 0.0 if loop.position.step in saves else float("inf")
        write(events)
        session.writer.wait()
        if loop.position.step >= end:
            raise KilledError
        return False

    loop.on_tick = on_tick
    with monkeypatch.context() as patch:
        patch.setattr(trainers.engine.loop, "FLUSH_SECONDS", 0.0)  # a tick after every step
        with pytest.raises(KilledError):
            session.train()
    store.close()
    return run


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_run_whose_checkpoints_are_damaged_comes_to_the_same_end_and_says_so(
    moons: Document, train: Callable[..., trainers.Run], monkeypatch: pytest.MonkeyPatch, lost: int
) -> None:
    run = trainers.open_run(interrupted(moons, monkeypatch, (9, 21), 30))
    folder = run.store.run_folder(run.id)
    assert run.progress().interrupted and resume_step(folder) == 21
    for step in (21, 9)[:lost]:
        flip_a_bit(folder / f"checkpoint-{step}.safetensors")
    run.resume()
    assert run.wait(60) == "finished", run.progress().message
    straight = train(moons)
    columns = ["step", "epoch", "split", "metric"]
    pd.testing.assert_frame_equal(
        straight.metrics().sort_values(columns, ignore_index=True),
        run.metrics().sort_values(columns, ignore_index=True),
    )
    notes = " ".join(verdict.message for verdict in run.verdicts())
    assert ("checkpoint-21.safetensors is not as it was written" in notes) == (lost > 0)
    assert ("continued from step 9." in notes) == (lost == 1)
    assert ("started over" in notes) == (lost == 2)


def test_a_run_that_was_killed_before_its_first_checkpoint_starts_over_without_double_rows(
    moons: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trainers.open_run(interrupted(moons, monkeypatch, (), 15))
    assert len(run.metrics())
    run.resume()
    assert run.wait(60) == "finished"
    assert not run.metrics().duplicated(["step", "split", "metric"]).any()
    assert any("started over" in verdict.message for verdict in run.verdicts())


def test_damaged_weights_of_a_finished_run_are_trained_again(
    moons: Document, train: Callable[..., trainers.Run]
) -> None:
    run = train(moons)
    weights, scores = run.model().state_dict(), run.scores()
    flip_a_bit(run.weights_path)
    with pytest.raises(trainers.RunError, match=r"best.safetensors .*`netloom resume"):
        trainers.open_run(run.id).model()
    with pytest.raises(trainers.RunError, match="netloom resume"):
        run.model()
    run.resume()
    assert run.wait(60) == "finished"
    assert same(dict(run.model().state_dict()), dict(weights)) and run.scores() == scores
    assert not run.metrics().duplicated(["step", "split", "metric"]).any()


def test_the_interval_between_checkpoints_grows_with_what_they_cost(
    moons: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also with what another core does for them: 2 s of it may be spent at most once in 100 s of two cores."""
    monkeypatch.setattr("trainers.engine.session.os.cpu_count", lambda: 2)
    job = trainers.Job.from_document(moons)
    session = TrainingSession(Store().create("costly", job.to_json(), 0, 1), job, Store())
    session.prepare()
    now = [1000.0]
    monkeypatch.setattr("trainers.engine.session.time.perf_counter", lambda: now[0])
    written: list[float] = []

    def write() -> None:
        written.append(now[0])
        session.writer.seconds = 2.0

    monkeypatch.setattr(session, "_start_to_write", write)
    monkeypatch.setattr(session, "save_best", lambda: None)
    for _ in range(300):
        session._save_when_due()
        now[0] += 1.0
    assert written == [1000.0, 1110.0, 1220.0]


def test_a_folder_that_was_removed_under_a_run_is_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    checkpoint.save(folder, 3, tree(3))
    assert same(checkpoint.load(folder), tree(3))
    save_model(tmp_path / "other", {"main/a": torch.zeros(2)}, {"task": "none"})
    assert load_model(tmp_path / "other")[1] == {"task": "none"}
