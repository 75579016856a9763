"""The process that is ready for a conversion does one job, and never keeps an export from being made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import builder
from builder.exports import ready
from builder.exports.export import get_ready
from builder.exports.interpreter import convert
from builder.problems import ExportError
from tests.builder.codegen.test_codegen import document, node

NETWORK = document(
    [node("x", "Input", shape=[4]), node("fc", "Linear", out_features=3), node("y", "Output")],
    [("x", "fc"), ("fc", "y")],
)
JOB = ("main", "builder.exports.formats.onnx", "Onnx")


@pytest.fixture(autouse=True)
def none_left() -> Iterator[None]:
    yield
    ready.stop()


def test_it_converts_once(tmp_path: Path) -> None:
    get_ready(NETWORK)
    process = ready._waiting[0]
    get_ready(NETWORK)
    assert ready._waiting == [process]  # one is enough
    made = builder.export(builder.compile(NETWORK), NETWORK, tmp_path / "model.onnx", "onnx")
    assert process.returncode == 0 and not ready._waiting
    assert made.difference < 1e-5 and made.size == (tmp_path / "model.onnx").stat().st_size


def test_if_it_was_killed_or_has_ended_a_new_process_converts(tmp_path: Path) -> None:
    assert ready.convert(tmp_path, *JOB) is None
    get_ready(NETWORK)
    ready._waiting[0].kill()
    assert ready.convert(tmp_path, *JOB) is None


def test_what_cannot_be_converted_is_refused_in_words(tmp_path: Path) -> None:
    get_ready(NETWORK)
    process = ready._waiting[0]
    with pytest.raises(ExportError, match=r"The export failed: .*document\.json"):  # the folder is empty
        convert(tmp_path, *JOB, "The export")
    assert process.returncode == 1


def test_it_ends_with_the_process_that_started_it() -> None:
    get_ready(NETWORK)
    process = ready._waiting[0]
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(120) == 0
