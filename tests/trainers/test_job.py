"""Jobs and checks: every wrong setting has a message, every mismatch of network, data and loss has a fix."""

from __future__ import annotations

from typing import Any

import pytest

import builder
import trainers
from builder import Document, DocumentError, GraphError, Problem
from tests.trainers.conftest import perceptron
from trainers.checks.base import job_checks


def training(document: Document, **values: Any) -> Document:
    return document.changed(training={**document.training, **values})


def codes(document: Document) -> set[str]:
    return {problem.code for problem in trainers.check(document)}


def find(document: Document, code: str) -> Problem:
    found = [problem for problem in trainers.check(document) if problem.code == code]
    assert found, f"expected {code}, got {trainers.check(document)}"
    return found[0]


def fixed(document: Document, code: str) -> Document:
    problem = find(document, code)
    assert problem.fix and problem.fix_label
    after = builder.apply_all(document, problem.fix)
    assert code not in codes(after)
    return after


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"epochs": "5"}, "epochs must be a whole number"),
        ({"epochs": 0}, "epochs must be at least 1"),
        ({"epoch": 3}, "Did you mean epochs"),
        ({"optimizer": {"name": "Adm"}}, "Did you mean Adam"),
        ({"optimizer": {"name": "Adam", "lr": "0.1"}}, "lr"),
        ({"optimizer": {"name": "Adam", "lr": float("nan")}}, "lr"),
        ({"optimizer": {"name": "Adam", "lr": -1}}, "lr"),
        ({"schedule": {"name": "cosin"}}, "Did you mean cosine"),
        ({"initialisation": {"name": "xavier"}}, "initialisation"),
        ({"paradigm": {"name": "supervized"}}, "Did you mean supervised"),
        ({"data": {"name": "digit"}}, "Did you mean digits"),
        ({"data": {"name": "moons", "samples": "many"}}, "samples"),
        ({"data": {"name": "moons", "batch_size": 0}}, "batch_size"),
        ({"data": {"name": "moons", "batch_size": "all"}}, "batch_size"),
        ({"data": {"name": "moons", "validation": 0.7, "test": 0.7}}, "nothing to train on"),
        ({"data": "moons"}, "No data set is chosen"),
        ({"device": "abacus"}, "abacus"),
        ({"precision": "float8"}, "precision"),
        ({"early_stopping": {"patience": 0}}, "patience"),
        ({"l1": -0.1}, "l1"),
        ({"gradient_clip": 0}, "gradient_clip"),
    ],
)
def test_a_wrong_setting_is_named(moons: Document, wrong: dict[str, Any], words: str) -> None:
    document = training(moons, **wrong)
    with pytest.raises(DocumentError) as caught:
        trainers.Job.from_document(document)
    assert words in str(caught.value)
    assert any(words in problem.message for problem in trainers.check(document))


def test_several_wrong_settings_are_reported_at_once(moons: Document) -> None:
    document = training(moons, epochs=0, optimizer={"name": "Adm"}, schedule={"name": "sine"})
    with pytest.raises(DocumentError) as caught:
        trainers.Job.from_document(document)
    assert len(caught.value.problems) == 3


def test_overrides_are_merged_unless_another_entry_is_named(moons: Document) -> None:
    job = trainers.Job.from_document(moons, epochs=9, optimizer={"lr": 0.5}, data={"batch_size": 8})
    assert (job.settings.epochs, job.optimizer.lr, job.batch_size) == (9, 0.5, 8)
    assert job.document.training["data"]["samples"] == 300
    other = trainers.Job.from_document(moons, optimizer={"name": "SGD", "momentum": 0.9})
    assert other.optimizer.options() == {"name": "SGD", "momentum": 0.9}


def test_a_job_is_json_and_back(moons: Document) -> None:
    job = trainers.Job.from_document(moons, epochs=2)
    assert trainers.Job.from_json(job.to_json()).document == job.document


def test_inputs_without_a_shape_take_the_data_sets() -> None:
    document = perceptron([2], 2, data={"name": "digits"})
    open_input = builder.edits.SetParams("features", {}).apply(document)  # type: ignore[attr-defined]
    assert builder.check(open_input)
    assert builder.infer(trainers.bind(open_input))["features"] == (1, 8, 8)
    assert trainers.bind(training(open_input, data={"name": "nothing"})) == training(
        open_input, data={"name": "nothing"}
    )


def test_the_width_of_the_last_layer() -> None:
    document = perceptron([1, 8, 8], 3, data={"name": "digits"})
    problem = find(document, "T130")
    assert problem.node == "last" and "10" in problem.message
    after = fixed(document, "T130")
    assert after.node("last").params["out_features"] == 10
    assert trainers.check(after) == []


def test_a_softmax_before_cross_entropy_is_removed(moons: Document) -> None:
    from builder.edits import InsertBefore

    document = InsertBefore(builder.Node(name="softmax", type="Softmax"), "scores").apply(moons)
    problem = find(document, "T131")
    assert problem.severity == "warning" and problem.node == "softmax"
    assert "softmax" not in fixed(document, "T131").by_name
    trainers.Job.from_document(document)  # a warning does not stop a run


def test_logits_into_a_loss_on_probabilities(moons: Document) -> None:
    document = training(moons, paradigm={"name": "supervised", "loss": "binary_cross_entropy"})
    assert find(document, "T131").severity == "error"
    fixed(document, "T131")


def test_a_loss_for_numbers_on_classes(moons: Document) -> None:
    document = training(moons, paradigm={"name": "supervised", "loss": "mse"})
    after = fixed(document, "T110")
    assert after.training["paradigm"]["loss"] == "cross_entropy"


def test_an_unknown_loss(moons: Document) -> None:
    document = training(moons, paradigm={"name": "supervised", "loss": "cross_entrpy"})
    assert "Did you mean cross_entropy" in find(document, "T110").message


def test_the_input_shape_against_the_data_set(moons: Document) -> None:
    after = fixed(training(moons, data={"name": "iris"}), "T121")
    assert after.node("features").params["shape"] == [4]


def test_two_outputs_for_one_loss(moons: Document) -> None:
    from builder.edits import AddNode, Connect

    document = AddNode(builder.Node(name="more", type="Output")).apply(moons)
    document = Connect(builder.Edge(source="bend1", target="more")).apply(document)
    assert "2 outputs" in find(document, "T120").message


def test_a_batch_larger_than_the_data(moons: Document) -> None:
    document = training(moons, data={"name": "moons", "samples": 100, "batch_size": 500})
    assert "500" in find(document, "T140").message
    assert fixed(document, "T140").training["data"]["batch_size"] == "full"
    with pytest.raises(GraphError):
        trainers.Job.from_document(document)


def test_batch_normalisation_of_single_samples(moons: Document) -> None:
    from builder.edits import InsertBefore

    document = InsertBefore(builder.Node(name="norm", type="BatchNorm1d"), "bend1").apply(moons)
    document = training(document, data={**moons.training["data"], "batch_size": 1})
    assert find(document, "T141").node == "norm"
    fixed(document, "T141")


def pooled_norm(kind: str, **params: Any) -> Any:
    """A network on digits that pools globally and then normalises over the batch."""
    from tests.pages.trained import chain

    return chain(
        {"name": "digits"},
        conv=("Conv2d", {"out_channels": 4}),
        pool=("AdaptiveAvgPool2d", {}),
        norm=(kind, params),
        flat=("Flatten", {}),
        fc=("Linear", {"out_features": 10}),
    )


@pytest.mark.parametrize(
    ("data", "params", "words"),
    [
        ({"batch_size": 1}, {}, "batch size is 1"),
        ({"batch_size": "full", "train_samples": 1}, {}, "one training sample"),
        ({"batch_size": 8, "train_samples": 1}, {}, "one training sample"),
        ({"validation": 1 / 1797}, {"track_running_stats": False}, "validation"),
        ({"test": 1 / 1797}, {"track_running_stats": False}, "test"),
    ],
)
def test_a_single_value_of_each_channel_is_told_before_the_run(data: Any, params: Any, words: str) -> None:
    document = training(pooled_norm("BatchNorm2d", **params), data={"name": "digits", **data})
    problem = find(document, "T141")
    assert words in problem.message and "4 channels × 1 × 1" in problem.message
    left = {each.code for each in trainers.check(builder.apply_all(trainers.bind(document), problem.fix or ()))}
    assert problem.fix and "T141" not in left


@pytest.mark.parametrize(
    ("kind", "data", "params"),
    [
        ("BatchNorm2d", {"batch_size": 2}, {}),
        ("BatchNorm2d", {"batch_size": 63, "train_samples": 64}, {}),  # the last batch has one sample: it is left out
        ("BatchNorm2d", {"validation": 1 / 1797}, {}),
        ("GroupNorm", {"batch_size": 1}, {"num_groups": 2}),
    ],
)
def test_batches_that_can_be_normalised_are_no_problem(kind: str, data: Any, params: Any) -> None:
    document = training(pooled_norm(kind, **params), data={"name": "digits", **data})
    assert [str(each) for each in trainers.check(document) if each.severity == "error"] == []


@pytest.mark.parametrize("setting", [{"early_stopping": {"patience": 2}}, {"schedule": {"name": "reduce_on_plateau"}}])
def test_early_stopping_needs_a_validation_split(moons: Document, setting: dict[str, Any]) -> None:
    document = training(moons, **setting, data={**moons.training["data"], "validation": 0.0})
    fixed(document, "T142")


def test_every_check_has_a_number_of_its_own_and_says_why() -> None:
    checks = job_checks()
    assert len({check.code for check in checks}) == len(checks) > 5
    assert all(check.__doc__ for check in checks)


def test_torch_compile_without_a_compiler(moons: Document, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    document = training(moons, compile=True, device="cpu")
    assert "compile" not in fixed(document, "T150").training
