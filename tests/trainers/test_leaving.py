"""Ctrl-C on the command line: once pauses and saves, twice leaves at once; a device that is gone loses nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import builder
import trainers
from builder import Document
from trainers import __main__ as command_line
from trainers import early_interrupt
from trainers.engine import checkpoint


def test_ctrl_c_pauses_saves_and_says_how_to_resume(moons: Document, tmp_path: Path, home: Path) -> None:
    path = tmp_path / "long.json"
    path.write_text(builder.dump(moons.changed(training={**moons.training, "epochs": 100_000})))
    environment = {**os.environ, "NETLOOM_HOME": str(home)}
    command = [sys.executable, "-m", "trainers", "train", str(path)]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        while "epoch" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        printed = process.stderr.read()
        assert process.wait(60) == command_line.INTERRUPTED
    run = trainers.runs()[0]
    assert f"netloom resume {run.id}" in printed and "Traceback" not in printed
    assert run.state == "paused" and checkpoint.exists(run.store.run_folder(run.id))
    step = run.progress().step
    assert f"paused at step {step:,} and saved" in printed
    run.resume()
    deadline = time.monotonic() + 60
    while run.progress().step <= step:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    run.stop()
    assert run.wait(30) == "stopped"


class _Left(Exception):
    """Instead of the end of the process."""


def test_a_second_ctrl_c_leaves_at_once(
    moons: Document, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = trainers.start(trainers.Job.from_document(moons, epochs=100_000))

    def again(self: trainers.Run, timeout: float | None = None) -> str:
        raise KeyboardInterrupt

    def leave(code: int) -> None:
        raise _Left(code)

    with monkeypatch.context() as patch:
        patch.setattr(trainers.Run, "wait", again)
        patch.setattr(os, "_exit", leave)
        options = command_line._parser().parse_args(["resume", run.id])
        with pytest.raises(_Left, match="130"):
            command_line._leave(options, run)
    assert "left at once" in capsys.readouterr().err
    run.stop()
    assert run.wait(30) == "stopped"


def test_a_run_whose_device_or_data_are_gone_stays_paused_and_says_what_to_do(
    moons: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trainers.start(trainers.Job.from_document(moons, epochs=100_000))
    while run.progress().step < 5:
        time.sleep(0.02)
    run.pause()
    assert run.wait(10) == "paused"
    step = run.progress().step

    def as_in_another_process() -> None:
        from trainers.engine.worker import worker_of

        worker = worker_of(run.id)
        assert worker is not None
        worker.session.loop = worker._random = None

    as_in_another_process()
    found = trainers.open_run(run.id)
    found.document = found.document.changed(training={**found.document.training, "device": "xpu:7"})
    assert found.job.settings.device == "auto" and found.model() is not None
    with pytest.raises(trainers.RunError, match=r"no device 'xpu:7' here.*what it has learned is kept"):
        found.resume()

    def missing(self: trainers.Job) -> None:
        raise trainers.DataError("The data set moons cannot be read: the file is gone. Put it back.")

    deadline = time.monotonic() + 60
    with monkeypatch.context() as patch:
        patch.setattr(trainers.Job, "prepare", missing)
        run.resume()
        assert run.wait(30) == "paused" and "Put it back" in run.progress().message
    while run._worker() is not None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    run.resume()
    while run.progress().step <= step:
        assert time.monotonic() < deadline, run.progress()
        time.sleep(0.02)
    run.stop()
    assert run.wait(30) == "stopped"


@pytest.mark.parametrize(
    ("program", "arguments", "expected"),
    [
        ("/usr/bin/netloom", ["/usr/bin/python3", "/usr/bin/netloom", "runs"], True),
        ("netloom.exe", ["netloom.exe", "train", "x"], True),
        ("-m", ["python", "-X", "dev", "-m", "trainers", "runs"], True),
        ("-m", ["python", "-m", "pytest", "trainers"], False),
        ("-c", ["python", "-c", "import trainers"], False),
        ("notebook.py", ["python", "notebook.py"], False),
    ],
)
def test_only_the_command_line_ends_at_once(program: str, arguments: list[str], expected: bool) -> None:
    assert early_interrupt.is_command_line(program, arguments) == expected


def test_ctrl_c_during_the_imports_prints_nothing(home: Path) -> None:
    """`-X importtime` prints a line for each module, so the test knows that importing has begun."""
    command = [sys.executable, "-X", "importtime", "-m", "trainers", "runs"]
    with subprocess.Popen(command, env={**os.environ, "NETLOOM_HOME": str(home)}, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        while b"builder" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        printed = process.stderr.read()
        assert process.wait(60) == command_line.INTERRUPTED
    assert b"Traceback" not in printed and b"KeyboardInterrupt" not in printed


def test_ctrl_c_in_a_command_has_the_code_of_an_interruption(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command_line, "_document", interrupted)
    assert command_line.main(["check", "digits_cnn"]) == command_line.INTERRUPTED
    assert capsys.readouterr().err == "Interrupted.\n"
