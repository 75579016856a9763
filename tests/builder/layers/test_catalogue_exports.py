"""Every layer as code, as an ONNX file and as a torch.export file: the same keys and outputs.

Converting one layer takes seconds, so one network of all of them is converted once for each format.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import builder
from builder.document import Document
from builder.problems import ExportError
from builder.spec import Signal
from tests.builder.generated_code import tidy
from tests.builder.variants import CASES, DEFAULTS, Case, together


def of_three_steps(case: Case) -> Case:
    """Torch's converters write each step of a recurrent layer out: three show how one follows another."""
    if case.spec not in RECURRENT:
        return case
    return case._replace(signals=tuple(Signal((3, *each.shape[1:]), each.dtype) for each in case.signals))


RECURRENT = {builder.CATALOGUE[name] for name in ("RNN", "LSTM", "GRU")}
IN_ONNX = [of_three_steps(case) for case in CASES if not case.layer.not_in_onnx()]
NOT_IN_ONNX = [case for case in CASES if case.layer.not_in_onnx()]
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported")


def test_code_of_every_layer_is_its_module_and_needs_no_formatter() -> None:
    """Executed, it has the same weights and names and the same outputs, also in training mode."""
    document = together(CASES)
    source = builder.to_python(document)
    namespace: dict[str, Any] = {"__name__": "model"}
    exec(compile(source, "model.py", "exec"), namespace)
    torch.manual_seed(0)
    compiled = builder.compile(document)
    torch.manual_seed(0)
    written = namespace["UntitledNetwork"]()
    assert list(written.state_dict()) == list(compiled.state_dict())
    for name, value in written.state_dict().items():
        torch.testing.assert_close(value, compiled.state_dict()[name], rtol=0, atol=0, msg=f"{name} starts otherwise")
    given = [item for case in CASES for item in case.tensors(3)]
    for training in (False, True):
        torch.manual_seed(1)
        expected = compiled.train(training)(*given)
        torch.manual_seed(1)
        got = written.train(training)(*given)
        assert list(got) == list(expected)
        for case, value, other in zip(CASES, expected.values(), got.values(), strict=True):
            torch.testing.assert_close(other, value, rtol=1e-6, atol=1e-6, equal_nan=True, msg=case.label)
    tidy(source)


def test_long_names_break_a_line_where_the_formatter_would() -> None:
    """Layers that are called by a template, under the longest names."""
    called = together(case for case in CASES if case.layer.call(*case.shapes).template).model_dump(mode="json")
    for node in called["nodes"]:
        node["name"] = node["name"].ljust(64, "x")
    for edge in called["edges"]:
        edge["source"], edge["target"] = edge["source"].ljust(64, "x"), edge["target"].ljust(64, "x")
    tidy(builder.to_python(Document.model_validate(called)))


@pytest.mark.usefixtures("warm_converter")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "cases"), [("onnx", IN_ONNX), ("pt2", [*DEFAULTS, *NOT_IN_ONNX])], ids=["onnx", "pt2"]
)
def test_every_layer_can_be_exported(kind: str, cases: list[Case], tmp_path: Path) -> None:
    """`export` itself compares the file's outputs with the model's, with another batch size than the traced one.

    An ONNX file is made from torch.export's program, so that is tested with every case, too.
    """
    document = together(cases)
    model = builder.compile(document).eval()
    assert builder.export(model, document, tmp_path / f"all.{kind}", kind).difference < 1e-4


@pytest.mark.usefixtures("warm_converter")
@pytest.mark.parametrize("case", NOT_IN_ONNX, ids=lambda case: case.label)
def test_what_cannot_be_exported_says_why(case: Case, tmp_path: Path) -> None:
    document = together([case])
    with pytest.raises(ExportError, match=r"layer0 cannot be exported to ONNX: .*Export as pt2"):
        builder.export(builder.compile(document).eval(), document, tmp_path / "model.onnx", "onnx")
    assert not list(tmp_path.iterdir())
