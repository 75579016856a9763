"""Additions to model.py: which functions a model's card asks for, as code that needs no formatter."""

from __future__ import annotations

from typing import Any

import pytest

import builder
from builder.document.graph import networks
from builder.document.subnetworks import only
from builder.exports.extras import EXTRAS, extras
from builder.exports.formats.python import model_source
from builder.exports.subject import subject
from tests.builder.generated_code import tidy

STANDARDISED = {"mean": [[[0.5]]], "std": [[[0.2]]]}
SCHEDULE = {"sampling_steps": 20, "schedule": "cosine", "timesteps": 100}
BAYESIAN = {"method": "weights", "samples": 30, "expects": {"classification": "logits"}}
OLD_BAYESIAN = {"method": "weights", "draws": 30, "expects": {"classification": "logits"}}  # as in version 0.1.0
# Template, card, and the functions that model.py has with it.
CASES: list[tuple[str, dict[str, Any], list[str]]] = [
    ("dcgan", {"generator": "generator", "inputs": [None]}, ["sample(model: Generator | None = None"]),
    ("dcgan", {"draws": "generator", "inputs": [None]}, ["sample("]),  # the key of version 0.1.0
    (
        "conditional_gan",
        {"generator": "generator", "inputs": [None, None], "targets": STANDARDISED, "target_shape": [1, 28, 28]},
        ["label: int = 0", "postprocess(y: Tensor)"],
    ),
    ("char_gru", {"vocabulary": ["a", "b"], "tokens": "characters", "predicts": "next_token"}, ["generate("]),
    ("masked_encoder", {"vocabulary": ["a", "b"], "tokens": "words", "predicts": "masked_token"}, ["fill(", "encode("]),
    ("text_cnn", {"vocabulary": ["a", "b"], "tokens": "separated"}, ["read(text: str)", "vocabulary("]),
    ("diffusion", {"diffusion": SCHEDULE, "inputs": [STANDARDISED]}, ["denoise(", "signal_share(", "sample("]),
    ("bayesian_perceptron", {"task": "classification", "uncertainty": BAYESIAN}, ["predict_with_uncertainty("]),
    ("bayesian_perceptron", {"task": "classification", "uncertainty": OLD_BAYESIAN}, ["passes("]),
    ("digits_cnn", {}, []),
]


@pytest.mark.parametrize(("template", "card", "functions"), CASES, ids=[case[0] for case in CASES])
def test_the_card_decides_which_functions_there_are(template: str, card: dict[str, Any], functions: list[str]) -> None:
    document = builder.template(template)
    document = only(document, networks(document)[0])
    model: Any = builder.compile(document)
    model.card = card
    prepared = subject(model, document)
    source = model_source(prepared)
    tidy(source)
    for function in functions:
        assert function in source
    assert bool(extras(prepared)) == bool(functions)


def test_extras_are_found() -> None:
    assert set(EXTRAS) == {"DiffusionExtra", "GeneratorExtra", "TextExtra", "UncertaintyExtra"}
