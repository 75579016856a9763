"""Documents with settings of the wrong type are drawn: forms offer what there is, and a problem says what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pages.parts.forms.registry_choice import data_options, options_of
from tests.pages.trained import page, perceptron, store, text

PARTS = ("data", "paradigm", "optimizer", "schedule", "initialisation", "epochs", "device", "early_stopping", "seed")
NAMED = ("data", "paradigm", "optimizer", "schedule", "initialisation")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NETLOOM_HOME", str(tmp_path))
    import torch  # noqa: F401  (the page draws problems at once when torch is there)

    return tmp_path


@pytest.mark.parametrize(
    "wrong",
    [
        dict.fromkeys(PARTS, 7) | {"epochs": -7},
        {key: ["a"] for key in PARTS},
        dict.fromkeys(PARTS, True),
        {key: {"name": ["a"]} for key in NAMED} | {"early_stopping": {"patience": "x"}},
        {
            "optimizer": {"name": "Adam", "lr": "x", "betas": 3},
            "data": {"name": "moons", "batch_size": [1], "test": "x"},
        },
    ],
)
def test_pages_are_drawn_with_settings_of_the_wrong_type(wrong: dict[str, Any]) -> None:
    document = perceptron()
    store(document.changed(training={**document.training, **wrong}))
    assert "must be" in text(page("train")) or "There is no" in text(page("train"))
    page("build")


@pytest.mark.parametrize("value", [7, True, ["a"], {"name": 7}, {"name": ["a"], "lr": 1}, None, "", {}])
def test_a_choice_of_the_wrong_type_has_no_name_or_the_default(value: Any) -> None:
    assert options_of(value, "Adam")["name"] in (None, "Adam")
    assert "name" not in data_options(value)
    assert options_of("SGD", "Adam") == options_of({"name": "SGD"}, "Adam") == {"name": "SGD"}
