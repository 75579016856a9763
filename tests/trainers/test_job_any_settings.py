"""Whatever stands in `training` or in overrides: a sentence in a Problem, and no exception of another library."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import builder
import trainers
from builder import Document, DocumentError, GraphError
from trainers.__main__ import main
from trainers.data import DATASETS
from trainers.entry import OptionError, choose
from trainers.job import DEFAULTS, Batching, Settings
from trainers.optim.initialisation import INITIALISATIONS
from trainers.optim.optimizers import OPTIMIZERS
from trainers.optim.schedules import SCHEDULES
from trainers.paradigms import PARADIGMS
from trainers.setting_names import OTHER_NAMES

TEMPLATES = (
    "spiral_perceptron",
    "gan_points",
    "sparse_autoencoder",
    "ensemble",
    "transfer_digits",
    "convolutional_vae",
)
OWN = {
    option
    for registry in (PARADIGMS, OPTIMIZERS, SCHEDULES, DATASETS)
    for kind in registry.values()
    for option in kind.model_fields
}
NAMES = [*sorted(OWN), "name", "loss", "lr", "batch_size", "validation", "augmentation", "patience", "data", "epochs"]

odd = st.sampled_from(
    [None, True, 7, -1, 0, 0.5, 10**40, 1e308, float("nan"), float("inf"), "", "x", "adam", "cpu:x", "cuda:7", "\ud800"]
)
values = st.recursive(
    odd | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=3), inner, max_size=3)
        | st.dictionaries(st.integers() | st.none(), inner, max_size=1)
    ),
    max_leaves=5,
)
PARTS = [
    *Settings.model_fields,
    *("data", "paradigm", "optimizer", "schedule", "initialisation", "metrics", "batch_size"),
]


@functools.cache
def template(name: str) -> Document:
    return builder.template(name)


def outcome(document: Document, **overrides: Any) -> list[str]:
    """What a job is refused for: only problems come out, and each is a sentence."""
    try:
        trainers.Job.from_document(document, **overrides)
    except (DocumentError, GraphError) as error:
        assert error.problems
        for problem in error.problems:
            assert problem.code and problem.message.rstrip().endswith((".", "?")), problem
        return [problem.message for problem in error.problems]
    return []


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.sampled_from(TEMPLATES), st.sampled_from(PARTS), values, st.sampled_from(NAMES), st.booleans())
def test_any_value_anywhere_gives_problems(name: str, part: str, value: Any, option: str, inside: bool) -> None:
    document = template(name)
    old = document.training.get(part)
    new = {**old, option: value} if inside and isinstance(old, dict) else value
    changed = document.changed(training={**document.training, part: new})
    assert all(problem.code and problem.message for problem in trainers.check(changed))
    outcome(changed)
    outcome(document, **{part: {option: value} if inside else value})


@pytest.mark.parametrize("wrong", [7, None, True, 0.5, [], ["Adam"], {}, {"name": 7}, {"name": None}, {"name": ["x"]}])
@pytest.mark.parametrize("key", ["data", "paradigm", "optimizer", "schedule", "initialisation"])
def test_a_choice_of_the_wrong_type_names_itself(key: str, wrong: Any) -> None:
    document = template("spiral_perceptron")
    changed = document.changed(training={**document.training, key: wrong})
    codes = {problem.code for problem in trainers.check(changed) if problem.severity == "error"}
    assert codes == {"T100"}
    words = {"data": "data set"}.get(key, key)
    assert any(words in message for message in outcome(changed)), outcome(changed)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"optimizer": {"name": "adam"}}, "Did you mean Adam?"),
        ({"optimizer": "sgd"}, "Did you mean SGD?"),
        ({"optimizer": {"name": "RMSProp"}}, "Did you mean RMSprop?"),
        ({"optimizer": {"learning_rate": 0.1}}, "called lr"),
        ({"optimizer": {"name": "RMSprop", "rho": 0.9}}, "called alpha"),
        ({"optimizer": {"name": "Adam", "beta_1": 0.9}}, "called betas"),
        ({"optimizer": {"batch_size": 8}}, 'belongs in data: {"data": {"batch_size": …}}'),
        ({"schedule": "ReduceLROnPlateau"}, "called reduce_on_plateau here"),
        ({"schedule": {"name": "CosineAnnealingLR"}}, "called cosine here"),
        ({"initialisation": "he_normal"}, "called kaiming_normal here"),
        ({"initialisation": {"name": "GlorotUniform"}}, "called xavier_uniform here"),
        ({"paradigm": {"loss": "categorical_crossentropy"}}, "called cross_entropy here"),
        ({"paradigm": {"loss": "sparse_categorical_crossentropy"}}, "called cross_entropy here"),
        ({"paradigm": {"loss": "binary_crossentropy"}}, "Did you mean binary_cross_entropy?"),
        ({"paradigm": {"loss": "BCEWithLogitsLoss"}}, "called binary_cross_entropy_with_logits here"),
        ({"paradigm": {"loss": "MeanSquaredError"}}, "called mse here"),
        ({"paradigm": "vae"}, "called variational here"),
        ({"learning_rate": 0.1}, 'called lr, and belongs in optimizer: {"optimizer": {"lr": …}}'),
        ({"lr": 0.1}, "It belongs in optimizer"),
        ({"batch_size": 8}, "It belongs in data"),
        ({"loss": "mse"}, "It belongs in paradigm"),
        ({"patience": 3}, "It belongs in early_stopping"),
        ({"validation_split": 0.2}, "called validation, and belongs in data"),
        ({"data": {"epochs": 3}}, "It belongs at the top"),
        ({"metrics": ["accuracy"]}, "leave it out"),
        ({"max_epochs": 3}, "called epochs"),
        ({"clipnorm": 1.0}, "called gradient_clip"),
        ({"device": "cpu:x"}, "number of a device"),
        ({"device": "cpu:7"}, "number of a device"),
        ({"device": "cuda:x:1"}, "There is no device"),
        ({"device": "tpu:7"}, "There is no device"),
        ({"epochs": float("inf")}, "finite"),
        ({"epochs": 10**400}, "cannot be stored"),
        ({"seed": {1}}, "cannot be stored"),
        ({"epochs": True}, "whole number"),
        ({"l1": True}, "number"),
        ({"optimizer": {"lr": "0.1"}}, "must be a number"),
        ({"early_stopping": {"patience": "5"}}, "early_stopping: patience must be a whole number"),
    ],
)
def test_a_wrong_name_or_value_leads_to_the_right_one(overrides: dict[str, Any], words: str) -> None:
    found = outcome(template("spiral_perceptron"), **overrides)
    assert any(words in message for message in found), found


def test_every_other_name_leads_to_an_entry_and_an_option_that_exist() -> None:
    for registry, kind in ((OPTIMIZERS, "optimizer"), (SCHEDULES, "schedule"), (INITIALISATIONS, "initialisation")):
        for name, entry in registry.items():
            assert not set(vars(entry).get("synonyms", ())) & set(registry)
            for other in vars(entry).get("synonyms", ()):
                with pytest.raises(OptionError, match=f"It is called {name} here|Did you mean {name}"):
                    choose(registry, other, kind)  # type: ignore[type-var]
    for place in OTHER_NAMES.values():
        part, _, option = place.partition(".")
        assert part in {*Settings.model_fields, *DEFAULTS, "data"}
        known = {
            "data": {*Batching.model_fields, "augmentation"},
            "paradigm": set(PARADIGMS[DEFAULTS["paradigm"]].model_fields),
        }
        assert not option or option in known[part]


def test_an_override_that_names_an_entry_takes_the_defaults_of_the_entry() -> None:
    document = template("spiral_perceptron")
    document = document.changed(
        training={
            **document.training,
            "optimizer": {"name": "SGD", "lr": 0.3, "momentum": 0.9},
            "schedule": {"name": "step", "gamma": 0.5},
            "data": {"name": "spiral", "noise": 0.5, "batch_size": 7, "validation": 0.3},
        }
    )
    same = trainers.Job.from_document(
        document, optimizer={"name": "SGD"}, schedule={"name": "step"}, data={"name": "spiral"}
    )
    assert same.optimizer.options() == {"name": "SGD"} and same.schedule.options() == {"name": "step"}
    assert same.dataset.options() == {"name": "spiral"}
    assert (same.batch_size, same.batching.validation) == (7, 0.3)  # they belong to no data set
    rate = trainers.Job.from_document(document, optimizer={"lr": 0.1})
    assert rate.optimizer.options() == {"name": "SGD", "lr": 0.1, "momentum": 0.9}
    written = document.changed(training={**document.training, "optimizer": "SGD", "schedule": "step"})
    other = trainers.Job.from_document(written, optimizer={"lr": 0.2}, initialisation={"name": "normal"})
    assert other.optimizer.options() == {"name": "SGD", "lr": 0.2}


def test_the_command_line_refuses_in_words(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    document = template("spiral_perceptron")
    file = tmp_path / "odd.json"
    file.write_text(builder.dump(document.changed(training={**document.training, "optimizer": 7, "data": []})))
    for arguments in (
        ["check"],
        ["train", "--lr", "0.1"],
        ["train", "--batch-size", "²"],
        ["train", "--device", "cpu:x"],
    ):
        assert main([arguments[0], str(file), *arguments[1:]]) == 1
        told = capsys.readouterr()
        assert "Traceback" not in told.out + told.err and told.out + told.err
    assert main(["train", "spiral_perceptron", "--device", "cpu:x"]) == 1
    assert "number of a device" in capsys.readouterr().err
    assert main(["train", "spiral_perceptron", "--lr", "nan"]) == 1
    assert "finite" in capsys.readouterr().err
