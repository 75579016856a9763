"""The pages of transfer: its forms, the scratch baseline, labels of nodes on the canvas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from pages.parts.document import document_facts
from pages.parts.theme import theme
from tests.pages.trained import button, chain, has_button, look, page, store, text, train, widget, work
from trainers.paradigms.transfer import weight_files
from trainers.paradigms.transfer.weight_files import WeightsError

HALF = {"name": "digits", "keep_classes": ["0", "1"]}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NETLOOM_HOME", str(tmp_path))
    monkeypatch.setattr(theme, "kind", lambda: "light")
    return tmp_path


def digits(**options: Any) -> Any:
    document = chain(
        {"name": "digits", "keep_classes": ["2", "3"], "train_samples": 40, "batch_size": 10},
        flatten=("Flatten", {}),
        hidden=("Linear", {"out_features": 6}),
        relu=("ReLU", {}),
        head=("Linear", {"out_features": 2}),
    )
    paradigm = {"name": "transfer", "source": {"data": {**HALF, "batch_size": 32}, "epochs": 1}, **options}
    return document.changed(training={**document.training, "paradigm": paradigm})


def test_a_run_is_compared_with_its_scratch_baseline() -> None:
    document = digits(compare=True)
    store(document)
    train(document)
    shown = text(page("train"))
    assert "With and without transfer" in shown and "The same few samples" in shown and "nl-few" in shown
    assert "1 of 2 layers start with the weights of a first training on Digits" in shown
    test = page("inspect")
    shown = text(test)
    assert "With and without transfer" in shown and "from scratch" in shown
    for which in ("without", "both", "none"):
        control = next(item for item in test.get("button_group") if item.key == "scratch_baseline_which")
        control.set_value([which]) if isinstance(control.value, list) else control.set_value(which)
        look(test.run())


def test_a_run_without_a_baseline_says_how_to_get_one() -> None:
    document = digits()
    store(document)
    train(document)
    assert "Turn on compare" in text(page("train"))
    assert "With and without transfer" not in text(page("inspect"))


def test_the_first_training_has_its_own_form() -> None:
    store(digits())
    test = page("train")
    widget(test, "number_input", "train.source.epochs").set_value(3)
    look(test.run())
    source = work(test).document.training["paradigm"]["source"]
    assert source == {"data": {**HALF, "batch_size": 32}, "epochs": 3}
    widget(test, "multiselect", "train.source.digits.keep_classes").set_value(["0", "1", "7"])
    look(test.run())
    assert work(test).document.training["paradigm"]["source"]["data"]["keep_classes"] == ["0", "1", "7"]
    widget(test, "toggle", "train.source").set_value(False)
    look(test.run())
    assert "source" not in work(test).document.training["paradigm"]
    assert "No source of weights is chosen" in text(test) and has_button(test, "start")
    assert button(test, "start").disabled


def test_frozen_and_new_layers_are_labelled_on_the_canvas() -> None:
    labels = document_facts.facts_of(digits(freeze_up_to="hidden")).labels
    assert labels == {"flatten": "frozen", "hidden": "frozen", "head": "new head"}


def test_uploaded_files_can_be_chosen(home: Path) -> None:
    name = weight_files.add_file("mine.safetensors", save({"hidden.bias": np.zeros(6, np.float32)}))
    store(digits(source=None, weights=name))
    shown = text(page("train"))
    assert "No weights of mine.safetensors fit" in shown or "start with" in shown
    with pytest.raises(WeightsError):
        weight_files.add_file("other.safetensors", b"not weights at all")
