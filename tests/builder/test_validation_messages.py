"""Messages: pydantic's errors, similar names, shapes and JSON values as short sentences."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import builder
from builder.document.json_values import MAX_DEPTH, json_value
from builder.registry import did_you_mean
from builder.shapes import count, show
from builder.validation_messages import clip, sentences


def messages_for(kind: str, **params: Any) -> dict[str, str]:
    layer = builder.CATALOGUE[kind]
    with pytest.raises(ValidationError) as caught:
        layer.model_validate(params)
    return sentences(caught.value, layer.model_fields)


@pytest.mark.parametrize(
    ("kind", "params", "expected"),
    [
        ("Linear", {"out_features": "10"}, {"out_features": "out_features must be a whole number, got '10'."}),
        ("Linear", {"out_features": 0}, {"out_features": "out_features must be at least 1, got 0."}),
        ("Linear", {"bias": "yes"}, {"bias": "bias must be true or false, got 'yes'."}),
        ("Linear", {"bais": True}, {"bais": "There is no 'bais' here. Did you mean bias?"}),
        ("Dropout", {"p": "0.5"}, {"p": "p must be a number, got '0.5'."}),
        ("Dropout", {"p": float("inf")}, {"p": "p must be a finite number, got inf."}),
        ("Softplus", {"beta": 0.0}, {"beta": "beta must be more than 0.0, got 0.0."}),
        ("GELU", {"approximate": "fast"}, {"approximate": "approximate must be one of 'none' or 'tanh', got 'fast'."}),
        (
            "GELU",
            {"approximate": "TANH"},
            {"approximate": "approximate must be one of 'none' or 'tanh', got 'TANH'. Did you mean 'tanh'?"},
        ),
        ("Linear", {"out_features": (3,)}, {"out_features": "out_features must be a whole number, got [3]."}),
        ("Hardtanh", {"min_val": 2.0}, {"": "min_val (2.0) must be below max_val (1.0)."}),
    ],
)
def test_one_sentence_for_each_field(kind: str, params: dict[str, Any], expected: dict[str, str]) -> None:
    assert messages_for(kind, **params) == expected


def test_several_fields_each_have_their_own() -> None:
    assert list(messages_for("Conv2d", out_channels=0, kernel_size="3", groups=1.5)) == [
        "out_channels",
        "kernel_size",
        "groups",
    ]


def test_a_union_of_types_is_one_sentence() -> None:
    sentence = messages_for("Conv2d", padding=-1)["padding"]
    assert (
        sentence.startswith("padding must be at least 0 or a list of numbers or one of") and sentence.count("got") == 1
    )
    assert sentence.endswith("got -1.")


@pytest.mark.timeout(60)  # linear code takes seconds
def test_thousands_of_mistakes_are_cut_short() -> None:
    assert len(messages_for("Linear", **{f"out{number}": 1 for number in range(30_000)})) <= 100


def test_near_names() -> None:
    names = ["Conv1d", "Conv2d", "Linear", "ReLU"]
    assert did_you_mean("Conv3d", names) in (" Did you mean Conv2d or Conv1d?", " Did you mean Conv1d or Conv2d?")
    assert did_you_mean("relu", names) == " Did you mean ReLU?"
    assert did_you_mean("zzz", names) == did_you_mean("", names) == did_you_mean("x" * 10**6, names) == ""


def test_shapes_and_counts() -> None:
    assert show((16, 14, 14)) == "16 × 14 × 14" and show(()) == "a single number" and show((3,)) == "3"
    assert count(1, "input") == "1 input" and count(2, "input") == "2 inputs" and count(0, "input") == "0 inputs"


DEEP: list[Any] = []
for _ in range(5000):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    "value", ["x" * 10**6, list(range(10**6)), DEEP, 10**4000, {str(n): n for n in range(10**5)}, "<b>"]
)
def test_a_value_is_shown_short_whatever_it_is(value: Any) -> None:
    assert 0 < len(clip(value)) <= 60


def nested(depth: int) -> Any:
    return 1 if depth == 0 else [nested(depth - 1)]


def test_plain_values_are_those_that_json_gives_back() -> None:
    good = {"a": [1, 2.5, None, True, "ü"], "b": {"c": (1, 2)}}
    assert json_value(good) is good and json_value(nested(MAX_DEPTH)) == nested(MAX_DEPTH)
    wrong: list[tuple[Any, str]] = [
        ({"lr": float("nan")}, "lr must be a finite number, got nan."),
        ({"a": {"b": [1, float("-inf")]}}, "a.b.1 must be a finite number, got -inf."),
        ({"a": object()}, "a: a value of type object cannot be stored"),
        ({1: 2}, "names must be text."),
        ({"\ud800": 2}, "names must be text."),
        ({"a": "\ud800"}, "half of a character"),
        ({"a": 10**400}, "integer of that size"),
        (nested(MAX_DEPTH + 1), "nested deeper than 8"),
        (DEEP, "nested deeper than 8"),
    ]
    for value, words in wrong:
        with pytest.raises(ValueError) as caught:
            json_value(value)
        assert words in str(caught.value) and str(caught.value)[-1] == "."


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.none() | st.floats() | st.text(max_size=4) | st.integers() | st.binary(max_size=2),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    )
)
def test_what_is_plain_survives_a_file(value: Any) -> None:
    try:
        document = builder.Document.model_validate({"training": {"value": value}})
    except ValidationError:
        return
    again = builder.load(builder.dump(document))
    assert again.training == document.training
