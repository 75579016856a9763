"""Weights to start from: files that cannot be trusted, what fits a network and what does not, and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

import builder
from builder.document import Document
from tests.conftest import make
from trainers.paradigms.transfer import source_weights, weight_files
from trainers.paradigms.transfer.weight_files import WeightsError


def layers(width: int = 8, last: int = 3, **names: str) -> Document:
    return make(
        ("given", "Input", {"shape": [4]}),
        (names.get("first", "first"), "Linear", {"out_features": width}),
        ("norm", "BatchNorm1d"),
        ("bend", "ReLU"),
        ("last", "Linear", {"out_features": last}),
        ("answer", "Output"),
    )


def kept(document: Document, path: Path, prefix: str = "") -> Path:
    tensors = {prefix + name: tensor.clone() for name, tensor in builder.compile(document).state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path)
    return path


def raw(header: Any, numbers: int = 0, length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + bytes(numbers)


def entry(shape: list[Any], first: int, last: int, kind: str = "F32") -> dict[str, Any]:
    return {"dtype": kind, "shape": shape, "data_offsets": [first, last]}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "longer than the file"),
        (b"PK\x03\x04 a zip, or a pickle", "longer than the file"),
        (raw({}, length=2**62), "longer than the file"),
        (raw(b" " * (weight_files.MOST_HEADER + 1)), "a header of"),
        (raw(b"not json at all"), "not JSON"),
        (raw(b"[" * 100_000), "not JSON"),
        (raw([1, 2]), "a table of at most"),
        (raw({f"t{n}": {} for n in range(weight_files.MOST_TENSORS + 1)}), "a table of at most"),
        (raw({"a": 3}), "no tensor"),
        (raw({"a" * 400: entry([1], 0, 4)}, 4), "no tensor"),
        (raw({"a": entry([1], 0, 4, "OBJECT")}, 4), "not read here"),
        (raw({"a": entry([-1], 0, 4)}, 4), "no whole numbers"),
        (raw({"a": entry([True], 0, 4)}, 4), "no whole numbers"),
        (raw({"a": entry([2**60], 0, 4)}, 4), "no whole numbers"),
        (raw({"a": entry([1] * 9, 0, 4)}, 4), "no whole numbers"),
        (raw({"a": entry([2], 0, 4)}, 8), "does not fill its place"),
        (raw({"a": entry([2**40], 0, 2**42)}, 8), "one after the other"),
        (raw({"a": entry([1], 0, 4), "b": entry([1], 0, 4)}, 8), "one after the other"),
        (raw({"a": entry([1], 4, 8)}, 8), "one after the other"),
    ],
)
def test_files_that_cannot_be_trusted_end_in_words(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=says) as refused:
        weight_files.shapes(path)
    assert "odd.safetensors" in str(refused.value) and len(str(refused.value)) < 300


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        found = weight_files.described(Path("any.safetensors"), content, 8)
    except WeightsError:
        return
    assert all(isinstance(shape, tuple) for shape in found.values())


def test_a_sound_file_is_read_as_torch_reads_it(tmp_path: Path) -> None:
    path = kept(layers(), tmp_path / "net.safetensors", "main/")
    found = weight_files.shapes(path)
    assert found["main/first.weight"] == (8, 4) and found["main/norm.num_batches_tracked"] == ()
    assert weight_files.prefix_of(found) == "main/"
    assert set(weight_files.load(path, {"w": "main/last.bias"})) == {"w"}
    with pytest.raises(WeightsError, match="cannot be read"):
        weight_files.load(path, {"w": "main/nothing"})
    with pytest.raises(WeightsError, match="cannot be read"):
        weight_files.shapes(tmp_path / "gone.safetensors")


def test_an_upload_gets_a_plain_name_and_is_kept_once(home: Path) -> None:
    content = raw({"a": entry([1], 0, 4)}, 4)
    assert weight_files.put("../../etc/my net (2).safetensors", content) == "my_net_2.safetensors"
    assert weight_files.put("my net (2).safetensors", content) == "my_net_2.safetensors"
    other = raw({"b": entry([1], 0, 4)}, 4)
    assert weight_files.put("my_net_2.safetensors", other) == "my_net_2_2.safetensors"
    with pytest.raises(WeightsError, match="bad"):
        weight_files.put("bad.safetensors", b"12345678abc")
    names = sorted(path.name for path in (home / "weights").iterdir())
    assert names == ["my_net_2.safetensors", "my_net_2_2.safetensors"]


def test_layers_take_weights_by_name_and_shape(tmp_path: Path) -> None:
    origin = source_weights.of_file(kept(layers(), tmp_path / "net.safetensors"), "net.safetensors")
    same = source_weights.fitting(layers(), origin)
    assert [(item.node, item.fits, item.head) for item in same] == [
        ("first", True, False), ("norm", True, False), ("last", False, True),
    ]  # fmt: skip
    assert all(item.fits for item in source_weights.fitting(layers(), origin, keep_head=True))
    wide = {item.node: item.reason for item in source_weights.fitting(layers(width=9), origin, keep_head=True)}
    assert wide["first"] == "is 8 × 4 in the source, 9 × 4 here" and "8 in the source, 9 here" in wide["norm"]
    renamed = source_weights.fitting(layers(first="other"), origin)
    assert renamed[0].reason == "has no weights in the source under this name"
    assert source_weights.reasons(renamed) == "other has no weights in the source under this name"


def test_weights_arrive_where_they_fit_and_nowhere_else(tmp_path: Path) -> None:
    origin = source_weights.of_file(kept(layers(), tmp_path / "net.safetensors", "main/"), "net")
    document = layers(last=5)
    model = builder.compile(document)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    given = source_weights.taken(origin, source_weights.fitting(document, origin))
    source_weights.give(model, given)
    after = model.state_dict()
    assert {name.partition(".")[0] for name in given} == {"first", "norm"} and "norm.running_mean" in given
    for name, tensor in after.items():
        torch.testing.assert_close(tensor, given.get(name, before[name]))


def test_blocks_are_matched_node_by_node(tmp_path: Path) -> None:
    document = builder.template("residual_cnn")
    origin = source_weights.of_file(kept(document, tmp_path / "net.safetensors"), "net")
    items = source_weights.fitting(document, origin)
    assert [item for item in items if not item.fits] == [item for item in items if item.head]
    assert any("." in item.node for item in items) or not document.blocks


def test_what_is_frozen_is_everything_before_a_node() -> None:
    document = layers()
    assert [step.name for step in source_weights.frozen_steps(document, "norm")] == ["given", "first", "norm"]
    assert source_weights.frozen_steps(document, None) == [] and source_weights.frozen_steps(document, "nobody") == []
    assert source_weights.heads(document) == {"last"}
