"""Shape inference: the output of every node, the cache, and the nodes behind a failure."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable

import pytest
import torch

import builder
from builder.analysis.infer import BATCH, analyse, layer_facts
from builder.document import Document
from builder.edits import SetParams
from builder.spec import ShapeError, Signal

Make = Callable[..., Document]


def test_shapes_are_without_the_batch_axis(make: Make) -> None:
    document = make(
        ("image", "Input", {"shape": [3, 8, 8]}),
        ("conv", "Conv2d", {"out_channels": 6}),
        ("pool", "MaxPool2d"),
        ("flat", "Flatten"),
        ("fc", "Linear", {"out_features": 5}),
        ("end", "Output"),
    )
    shapes = {"image": (3, 8, 8), "conv": (6, 6, 6), "pool": (6, 3, 3), "flat": (54,), "fc": (5,), "end": (5,)}
    assert builder.infer(document) == shapes


def test_nodes_that_fail_and_those_behind_them_are_absent_and_wait(make: Make) -> None:
    document = make(
        ("image", "Input", {"shape": [3, 8, 8]}),
        ("fc", "Linear"),
        ("act", "ReLU"),
        ("end", "Output"),
        ("add", "Add"),
        ("other", "Tanh"),
        edges="image > fc, fc > act, act > end, image > add, add > other",
    )
    analysis = analyse(document)
    assert list(builder.infer(document)) == ["image"]
    assert set(analysis.failures) == {"fc"} and set(analysis.plan.unbound) == {"add"}
    assert analysis.waiting == {"act": "fc", "end": "fc", "other": "add"}


def test_nodes_of_a_cycle_and_behind_it_wait_for_the_one_that_is_told(make: Make) -> None:
    nodes = [("image", "Input", {"shape": [2]}), ("add", "Add"), ("a", "ReLU"), ("end", "Output")]
    document = make(*nodes, edges="image > add, add > a, a > add, a > end")
    assert analyse(document).waiting == {"a": "add", "end": "add"}


def test_the_kind_of_number_flows_along(make: Make) -> None:
    document = make(("words", "Input", {"shape": [6], "dtype": "int"}), ("vectors", "Embedding"), ("end", "Output"))
    facts = analyse(document).facts
    assert [facts[name].signal.dtype for name in ("words", "vectors", "end")] == ["int", "float", "float"]
    assert facts["vectors"].signal.shape == (6, 64)


def test_only_what_an_edit_touches_is_measured_again(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib

    module = importlib.import_module("builder.analysis.infer")
    measured: list[str] = []
    original = module.measure

    def counting(spec: object, signals: object) -> object:
        measured.append(type(spec).__name__)
        return original(spec, signals)

    monkeypatch.setattr(module, "measure", counting)
    document = make(
        ("image", "Input", {"shape": [31]}),
        ("a", "Linear", {"out_features": 17}),
        ("b", "Tanh"),
        ("c", "Linear", {"out_features": 13}),
        ("end", "Output"),
    )
    builder.infer(document)
    assert sorted(measured) == ["Input", "Linear", "Linear", "Output", "Tanh"]
    measured.clear()
    builder.infer(document)
    assert measured == []
    builder.infer(SetParams("c", {"out_features": 14}).apply(document))
    assert measured == ["Linear", "Output"]


def test_a_failure_is_kept_but_holds_nothing_alive(make: Make) -> None:
    """The traceback of an exception that is raised again and again would keep references to every document."""
    document = make(("image", "Input", {"shape": [2, 9, 9]}), ("fc", "Linear"), ("end", "Output"))
    analysis = analyse(document)
    for _ in range(20):
        analysis = analyse(document)
    error = analysis.failures["fc"]
    assert error.__traceback__ is None and error.__context__ is None
    held = weakref.ref(document)
    del document, analysis
    gc.collect()
    assert held() is None and "expects a vector" in str(error)


@pytest.mark.parametrize(
    ("kind", "params", "shape"),
    [
        ("Reshape", {"shape": [BATCH]}, (BATCH,)),
        ("Flatten", {}, (BATCH, 2)),
        ("Permute", {"dims": [0, 2, 1]}, (2, BATCH)),
    ],
)
def test_sizes_that_happen_to_be_the_measuring_batch(
    kind: str, params: dict[str, object], shape: tuple[int, ...]
) -> None:
    facts = layer_facts(builder.CATALOGUE[kind].model_validate(params), (Signal(shape),))
    assert facts.signal.shape != () and facts.parameters == 0


def test_torch_has_the_last_word_in_one_line() -> None:
    with pytest.raises(ShapeError) as caught:
        layer_facts(builder.CATALOGUE["Conv2d"](), (Signal((3, 10**9, 10**9)),))
    assert "cannot take 3 × 1000000000 × 1000000000" in str(caught.value) and "\n" not in str(caught.value)


def test_inferring_draws_no_random_number(make: Make) -> None:
    document = make(
        ("image", "Input", {"shape": [29]}),
        ("a", "Linear", {"out_features": 7}),
        ("b", "Dropout"),
        ("c", "RReLU"),
        ("end", "Output"),
    )
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    builder.check(document)
    builder.summary(document)
    assert torch.equal(torch.rand(1), expected)
