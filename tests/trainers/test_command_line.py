"""The command line: exit codes, JSON, messages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import builder
from builder import Document
from trainers.__main__ import main


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(arguments)
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    code, out, _ = call(capsys, *arguments, "--json")
    return code, json.loads(out)


@pytest.fixture
def file(moons: Document, tmp_path: Path) -> str:
    path = tmp_path / "moons.json"
    path.write_text(builder.dump(moons))
    return str(path)


def test_check_of_a_valid_document(capsys: pytest.CaptureFixture[str], file: str) -> None:
    assert call(capsys, "check", file)[:2] == (0, "No problems.\n")
    assert as_json(capsys, "check", "digits_cnn") == (0, {"problems": []})


def test_check_lists_the_problems(capsys: pytest.CaptureFixture[str], moons: Document, tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text(builder.dump(moons.changed(edges=moons.edges[:-1])))
    code, result = as_json(capsys, "check", str(broken))
    assert code == 1
    assert any(problem["node"] == "scores" for problem in result["problems"])
    broken.write_text(broken.read_text()[:200])
    code, _, error = call(capsys, "check", str(broken))
    assert code == 1 and "cut off" in error


def test_train_runs_export(capsys: pytest.CaptureFixture[str], file: str, tmp_path: Path) -> None:
    code, result = as_json(capsys, "train", file, "--epochs", "3", "--batch-size", "full", "--lr", "0.1", "--seed", "2")
    assert code == 0 and result["state"] == "finished"
    assert 0 <= result["test"]["accuracy"] <= 1
    code, runs = as_json(capsys, "runs")
    assert [run["run"] for run in runs["runs"]] == [result["run"]]
    assert runs["runs"][0]["steps"] == 3
    target = tmp_path / "weights.safetensors"
    code, exported = as_json(capsys, "export", "last", "--format", "safetensors", "--output", str(target))
    assert code == 0 and target.exists() and exported["difference"] <= 1e-6


def test_a_wrong_command_or_setting_gives_a_message_and_an_exit_code(
    capsys: pytest.CaptureFixture[str], file: str
) -> None:
    assert call(capsys, "train", file, "--batch-size", "many")[0] == 1
    code, _, error = call(capsys, "train", file, "--data", "moon")
    assert code == 1 and "Did you mean moons" in error
    code, _, error = call(capsys, "export", "last")
    assert code == 1 and "no run yet" in error
    with pytest.raises(SystemExit) as caught:
        main(["paint"])
    assert caught.value.code == 2


def test_datasets(capsys: pytest.CaptureFixture[str]) -> None:
    code, result = as_json(capsys, "datasets")
    assert code == 0 and {"digits", "iris", "mnist_10k", "spiral"} <= set(result["datasets"])
