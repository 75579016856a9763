"""Weights of a source: files that are not valid, which layers they fit, which layers are frozen."""

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
        ("features", "Input", {"shape": [4]}),
        (names.get("first", "first"), "Linear", {"out_features": width}),
        ("norm", "BatchNorm1d"),
        ("relu", "ReLU"),
        ("last", "Linear", {"out_features": last}),
        ("scores", "Output"),
    )


def saved(document: Document, path: Path, prefix: str = "") -> Path:
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
        (raw([1, 2]), "a table of up to"),
        (raw({f"t{n}": {} for n in range(weight_files.MOST_TENSORS + 1)}), "a table of up to"),
        (raw({"a": 3}), "is not a tensor"),
        (raw({"a" * 400: entry([1], 0, 4)}, 4), "is not a tensor"),
        (raw({"a": entry([1], 0, 4, "OBJECT")}, 4), "not supported"),
        (raw({"a": entry([-1], 0, 4)}, 4), "are not whole numbers"),
        (raw({"a": entry([True], 0, 4)}, 4), "are not whole numbers"),
        (raw({"a": entry([2**60], 0, 4)}, 4), "are not whole numbers"),
        (raw({"a": entry([1] * 9, 0, 4)}, 4), "are not whole numbers"),
        (raw({"a": entry([2], 0, 4)}, 8), "does not match its size"),
        (raw({"a": entry([2**40], 0, 2**42)}, 8), "do not follow one another"),
        (raw({"a": entry([1], 0, 4), "b": entry([1], 0, 4)}, 8), "do not follow one another"),
        (raw({"a": entry([1], 4, 8)}, 8), "do not follow one another"),
    ],
)
def test_files_that_are_not_valid_are_refused(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=says) as refused:
        weight_files.read_shapes(path)
    assert "odd.safetensors" in str(refused.value) and len(str(refused.value)) < 300


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        found = weight_files.parse_header(Path("any.safetensors"), content, 8)
    except WeightsError:
        return
    assert all(isinstance(shape, tuple) for shape in found.values())


def test_a_valid_file_is_read_as_torch_reads_it(tmp_path: Path) -> None:
    path = saved(layers(), tmp_path / "net.safetensors", "main/")
    found = weight_files.read_shapes(path)
    assert found["main/first.weight"] == (8, 4) and found["main/norm.num_batches_tracked"] == ()
    assert weight_files.find_prefix(found) == "main/"
    assert set(weight_files.load_tensors(path, {"w": "main/last.bias"})) == {"w"}
    with pytest.raises(WeightsError, match="cannot be read"):
        weight_files.load_tensors(path, {"w": "main/nothing"})
    with pytest.raises(WeightsError, match="cannot be read"):
        weight_files.read_shapes(tmp_path / "gone.safetensors")


def test_an_uploaded_file_gets_a_plain_name_and_is_saved_once(home: Path) -> None:
    content = raw({"a": entry([1], 0, 4)}, 4)
    assert weight_files.add_file("../../etc/my net (2).safetensors", content) == "my_net_2.safetensors"
    assert weight_files.add_file("my net (2).safetensors", content) == "my_net_2.safetensors"
    other = raw({"b": entry([1], 0, 4)}, 4)
    assert weight_files.add_file("my_net_2.safetensors", other) == "my_net_2_2.safetensors"
    with pytest.raises(WeightsError, match="bad"):
        weight_files.add_file("bad.safetensors", b"12345678abc")
    names = sorted(path.name for path in (home / "weights").iterdir())
    assert names == ["my_net_2.safetensors", "my_net_2_2.safetensors"]


def test_layers_are_matched_by_name_and_shape(tmp_path: Path) -> None:
    source = source_weights.from_file(saved(layers(), tmp_path / "net.safetensors"), "net.safetensors")
    same = source_weights.match_layers(layers(), source)
    assert [(match.node, match.fits, match.head) for match in same] == [
        ("first", True, False),
        ("norm", True, False),
        ("last", False, True),
    ]
    assert all(match.fits for match in source_weights.match_layers(layers(), source, keep_head=True))
    wide = {match.node: match.reason for match in source_weights.match_layers(layers(width=9), source, keep_head=True)}
    assert wide["first"] == "is 8 × 4 in the source and 9 × 4 here" and "8 in the source and 9 here" in wide["norm"]
    renamed = source_weights.match_layers(layers(first="other"), source)
    assert renamed[0].reason == "has no weights of this name in the source"
    assert source_weights.reasons(renamed) == "other has no weights of this name in the source"


def test_weights_are_copied_only_where_they_fit(tmp_path: Path) -> None:
    source = source_weights.from_file(saved(layers(), tmp_path / "net.safetensors", "main/"), "net")
    document = layers(last=5)
    model = builder.compile(document)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    matches = source_weights.match_layers(document, source)
    given = source_weights.InitialWeights(source, matches).load()
    source_weights.copy_weights(model, given)
    after = model.state_dict()
    assert {name.partition(".")[0] for name in given} == {"first", "norm"} and "norm.running_mean" in given
    for name, tensor in after.items():
        torch.testing.assert_close(tensor, given.get(name, before[name]))


def test_blocks_are_matched_node_by_node(tmp_path: Path) -> None:
    document = builder.template("residual_cnn")
    source = source_weights.from_file(saved(document, tmp_path / "net.safetensors"), "net")
    matches = source_weights.match_layers(document, source)
    assert [match for match in matches if not match.fits] == [match for match in matches if match.head]
    assert any("." in match.node for match in matches) or not document.blocks


def test_the_prefix_of_a_network_is_found() -> None:
    assert weight_files.find_prefix({"first.weight": (2,)}) == ""
    several = {"discriminator/a.bias": (1,), "ema/b.bias": (1,), "generator/b.bias": (1,)}
    assert weight_files.find_prefix(several) == "discriminator/"
    assert weight_files.find_prefix(several, ("generator", "discriminator")) == "generator/"
    assert weight_files.find_prefix({**several, "main/c.bias": (1,)}, ("generator",)) == "main/"


def test_a_node_and_everything_before_it_are_frozen() -> None:
    document = layers()
    assert [step.name for step in source_weights.frozen_steps(document, "norm")] == ["features", "first", "norm"]
    assert source_weights.frozen_steps(document, None) == [] and source_weights.frozen_steps(document, "nobody") == []
    assert source_weights.heads(document) == {"last"}
