"""The processes that are ready for an export do one job each, and never keep an export from being made."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import builder
from builder.exports import onnx_operators, ready, waiting
from builder.exports.export import get_ready
from builder.exports.interpreter import convert, run
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
    waiting.stop()


def started(one: waiting.Waiting) -> subprocess.Popen[str]:
    assert one.process is not None
    return one.process


def test_each_does_one_job(tmp_path: Path) -> None:
    get_ready(NETWORK)
    converter, interpreter = started(ready.CONVERTER), started(ready.INTERPRETER)
    get_ready(NETWORK)
    assert (ready.CONVERTER.process, ready.INTERPRETER.process) == (converter, interpreter)  # one of each is enough
    made = builder.export(builder.compile(NETWORK), NETWORK, tmp_path / "model.zip", "zip")
    assert converter.returncode == 0 and interpreter.returncode == 0
    assert ready.CONVERTER.process is None and ready.INTERPRETER.process is None
    assert made.difference < 1e-5 and made.size == (tmp_path / "model.zip").stat().st_size
    assert "model.onnx" in made.checked


def test_if_it_was_killed_or_has_ended_a_new_process_does_the_job(tmp_path: Path) -> None:
    assert ready.convert(tmp_path, *JOB) is None and ready.run("", tmp_path) is None
    get_ready(NETWORK)
    for one in (ready.CONVERTER, ready.INTERPRETER):
        started(one).kill()
    assert ready.convert(tmp_path, *JOB) is None and ready.run("", tmp_path) is None
    run("open('made', 'w').close()", tmp_path, "The code")
    assert (tmp_path / "made").exists()


def test_what_cannot_be_converted_is_refused_in_words(tmp_path: Path) -> None:
    get_ready(NETWORK)
    process = started(ready.CONVERTER)
    with pytest.raises(ExportError, match=r"The export failed: .*document\.json"):  # the folder is empty
        convert(tmp_path, *JOB, "The export")
    assert process.returncode == 1


@pytest.mark.parametrize("early", [True, False])
def test_generated_code_runs_alone(early: bool, tmp_path: Path) -> None:
    """The process that waited has what a new one has: torch's modules, and nothing of Netloom."""
    if early:
        ready.INTERPRETER.start()
    code = "import sys, torch\nopen('seen', 'w').write(' '.join([*sys.modules, *sys.path]) + ' ' + __name__)"
    run(code, tmp_path, "The code")
    seen = (tmp_path / "seen").read_text()
    assert "torch.nn" in seen and seen.endswith("__main__")
    assert not {"builder", "trainers", "onnxruntime", str(ready.ROOT), str(tmp_path), ""} & set(seen.split(" "))


def test_they_end_with_the_process_that_started_them() -> None:
    get_ready(NETWORK)
    for one in (ready.CONVERTER, ready.INTERPRETER):
        process = started(one)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(120) == 0


def test_a_table_of_operators_that_is_kept_converts_alike(tmp_path: Path) -> None:
    """Each conversion finds the table as torch makes it: what one adds is not seen by the next."""
    lines = (
        "import sys, torch",
        f"sys.path.insert(0, {str(ready.ROOT)!r})",
        "from torch.onnx._internal.exporter._registration import ONNXRegistry",
        "plain = ONNXRegistry.from_torchlib()",
        "from builder.exports import onnx_operators",
        "assert onnx_operators.keep()",
        "first = ONNXRegistry().from_torchlib(opset_version=plain.opset_version)",
        "first.register_op(torch.ops.aten.relu.default, lambda x: x)",
        "second = ONNXRegistry().from_torchlib(opset_version=plain.opset_version)",
        "assert len(first.functions['aten::relu']) == len(plain.functions['aten::relu']) + 1",
        "counts = [{n: [d.onnx_function for d in f] for n, f in r.functions.items()} for r in (plain, second)]",
        "assert counts[0] == counts[1] and second.opset_version == plain.opset_version",
    )
    done = subprocess.run(
        [sys.executable, "-I", "-W", "ignore", "-c", "\n".join(lines)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_without_the_table_torch_makes_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.onnx._internal.exporter._registration", None)  # as if it were missing
    assert not onnx_operators.keep.__wrapped__()
