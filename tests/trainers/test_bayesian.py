"""Monte Carlo dropout, ensembles and weights that are distributions: training, checks, and predictions of a trained run
with their uncertainty."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import builder
import trainers
from builder import Document
from builder.edits import apply_all
from trainers.events import Verdict
from trainers.job import Job, check
from trainers.paradigms.bayesian.predictions import (
    other_data_sets,
    out_of_distribution,
    predict_with_uncertainty,
    uncertainty_surface,
)
from trainers.runs.run import RunError

Train = Callable[..., trainers.Run]
METHODS = ("dropout", "ensemble", "weights")


def document(make: Any, method: str, data: str = "moons", size: int = 2, outputs: int = 2, **training: Any) -> Document:
    """A small network for one of the methods."""
    kind = "BayesianLinear" if method == "weights" else "Linear"
    middle = [("drop", "Dropout", {"p": 0.2})] if method == "dropout" else []
    return make(
        ("x", "Input", {"shape": [size]}),
        ("fc1", kind, {"out_features": 24}),
        ("bend", "ReLU"),
        *middle,
        ("fc2", kind, {"out_features": outputs}),
        ("y", "Output"),
        name="Test",
        training={
            "data": {"name": data, "batch_size": 32, "validation": 0.2, "test": 0.2},
            "paradigm": {"name": "bayesian", "method": method, "members": 3, "samples": 12, "kl_weight": 0.1},
            "optimizer": {"name": "Adam", "lr": 0.01},
            "epochs": 4,
            "seed": 0,
            **training,
        },
    )


@pytest.mark.parametrize("method", METHODS)
def test_classes(make: Any, train: Train, method: str) -> None:
    run = train(document(make, method))
    assert run.state == "finished", run.progress().message
    scores = run.scores()
    known = {score.name for score in run.job.paradigm.metrics(run.job.dataset)}
    assert {"accuracy", "nll", "calibration_error", "single_accuracy", "single_nll", "single_calibration_error"} <= set(
        scores
    )
    assert set(scores) <= known | {"loss"}
    assert scores["accuracy"] > 0.8
    assert scores["nll"] == pytest.approx(scores["loss"], abs=1e-4)
    each_epoch = run.metrics().query("split == 'validation' and metric == 'calibration_error'")
    assert len(each_epoch) == 4
    assert list(run.networks()) == (["member1", "member2", "member3"] if method == "ensemble" else ["main"])
    found = predict_with_uncertainty(run, "test")
    assert found.distribution is not None
    correct = found.distribution.predicted == found.predictions.targets
    assert float(correct.mean()) == pytest.approx(scores["accuracy"])
    assert float(found.distribution.mutual_information.max()) > 0


@pytest.mark.parametrize("method", METHODS)
def test_numbers(make: Any, train: Train, method: str) -> None:
    run = train(document(make, method, "diabetes", 10, 1))
    assert run.state == "finished", run.progress().message
    scores = run.scores()
    assert 0.5 < scores["coverage"] <= 1
    assert {"nll", "single_nll", "single_coverage", "predictive_std", "r2"} <= set(scores)
    found = predict_with_uncertainty(run, "test")
    assert found.std is not None
    assert float(found.std.mean()) > 0
    assert (found.total_std > found.std).all()
    error = np.abs(found.predictions.predicted - found.predictions.targets).mean()
    assert error == pytest.approx(scores["mae"], rel=1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_a_resumed_run_is_the_same(make: Any, train: Train, method: str) -> None:
    long = document(make, method, epochs=40)
    straight = train(long)
    paused = trainers.start(Job.from_document(long))
    while paused.progress().step < 40:
        time.sleep(0.01)
    paused.pause()
    assert paused.wait(20) == "paused"
    from trainers.engine.worker import _workers

    _workers.pop(paused.id).abandon()  # its thread ends: the run is resumed from its files
    torch.rand(3)
    again = trainers.open_run(paused.id)
    again.resume()
    assert again.wait(60) == "finished"
    pd.testing.assert_frame_equal(_metrics(straight), _metrics(again))


def _metrics(run: trainers.Run) -> pd.DataFrame:
    """All but the norm of the last gradients, which is not kept when a run is paused between two epochs."""
    found = run.metrics().query("metric != 'gradient_norm'")
    return found.sort_values(["step", "split", "metric"], ignore_index=True)


def test_the_members_differ_and_the_ensemble_predicts_their_mean(make: Any, train: Train) -> None:
    run = train(document(make, "ensemble"))
    model, parts = run.model(), run.parts()
    assert list(parts) == ["network", "member1"]
    x = torch.randn(6, 2)
    with torch.no_grad():
        each = torch.stack([member(x).softmax(dim=1) for member in run.networks().values()])
        torch.testing.assert_close(run.part("member1")(x).softmax(dim=1), each[0])
        torch.testing.assert_close(model(x).softmax(dim=1), each.mean(dim=0))
    assert float(each.std(dim=0).min()) > 0


def test_stochastic_layers_are_labelled(make: Any) -> None:
    for method, labelled in (("dropout", ["drop"]), ("weights", ["fc1", "fc2"]), ("ensemble", [])):
        given = document(make, method)
        assert list(Job(given).paradigm.node_labels(given)) == labelled


def test_the_first_member_starts_with_the_weights_of_a_single_network(make: Any) -> None:
    job = Job.from_document(document(make, "ensemble"))
    single = Job.from_document(document(make, "ensemble"), paradigm={"name": "supervised"})
    weights = []
    for each in (job, single):
        torch.manual_seed(0)
        learner = each.paradigm.learner(each, each.prepare(), "cpu", 10, 5)
        weights.append({name: module.state_dict()["fc1.weight"] for name, module in learner.modules.items()})
    assert torch.equal(weights[0]["member1"], weights[1]["main"])
    assert not torch.equal(weights[0]["member1"], weights[0]["member2"])


def test_the_loss_includes_the_kl_divergence(make: Any) -> None:
    job = Job.from_document(document(make, "weights"))
    torch.manual_seed(0)
    prepared = job.prepare()
    learner: Any = job.paradigm.learner(job, prepared, "cpu", 10, 5)
    outputs, targets = torch.randn(5, 2), torch.tensor([0, 1, 0, 1, 1])
    plain = torch.nn.functional.cross_entropy(outputs, targets)
    total = sum(module.kl_divergence() for module in (learner.model.fc1, learner.model.fc2))
    wanted = plain + 0.1 * total / len(prepared.training)
    torch.testing.assert_close(learner.loss(outputs, targets), wanted)
    learner.model.eval()
    torch.testing.assert_close(learner.loss(outputs, targets), plain)


def test_uncertainty_over_the_plane_and_of_out_of_distribution_samples(make: Any, train: Train) -> None:
    run = train(document(make, "weights"))
    before = torch.get_rng_state()
    found = uncertainty_surface(run, 30)
    assert found.measures["entropy"].shape == (30, 30)
    assert list(other_data_sets(run))[-1] == "noise"
    assert "circles" in other_data_sets(run)
    other = out_of_distribution(run, "circles")
    assert len(other.inputs) == len(other.distribution.entropy)
    assert 0 <= other.by_entropy.auroc <= 1
    assert torch.equal(before, torch.get_rng_state())
    with pytest.raises(RunError, match="do not fit"):
        out_of_distribution(run, "digits")


def changed(given: Document, **paradigm: Any) -> Document:
    training = copy.deepcopy(given.training)
    training["paradigm"] |= paradigm
    return given.changed(training=training)


@pytest.mark.parametrize(
    ("code", "built", "paradigm"),
    [
        ("T200", "ensemble", {"method": "dropout"}),
        ("T201", "dropout", {"method": "weights"}),
        ("T202", "ensemble", {"members": 1}),
        ("T203", "weights", {"method": "ensemble"}),
        ("T204", "dropout", {"loss": "hinge"}),
    ],
)
def test_checks_with_their_fixes(make: Any, code: str, built: str, paradigm: dict[str, Any]) -> None:
    wrong = changed(document(make, built), **paradigm)
    problem = next(problem for problem in check(wrong) if problem.code == code)
    assert problem.severity == ("warning" if code in ("T203", "T204") else "error")
    assert problem.fix
    assert problem.fix_label
    after = check(apply_all(wrong, problem.fix))
    assert not [each for each in after if each.code == code or each.severity == "error"]


def test_a_dropout_with_rate_0_is_reported(make: Any) -> None:
    given = document(make, "dropout")
    inactive = apply_all(given, [builder.edits.SetParams("drop", {"p": 0.0})])
    problem = next(problem for problem in check(inactive) if problem.code == "T200")
    assert problem.node == "drop"
    assert not check(apply_all(inactive, problem.fix or ()))


def test_a_replaced_layer_keeps_its_name_and_edges(make: Any) -> None:
    wrong = changed(document(make, "dropout"), method="weights")
    problem = next(problem for problem in check(wrong) if problem.code == "T201")
    fixed = apply_all(wrong, problem.fix or ())
    assert fixed.by_name["fc2"].type == "BayesianLinear"
    assert set(fixed.edges) == set(wrong.edges)


def test_an_unsuitable_task(make: Any) -> None:
    given = document(make, "dropout")
    wrong = given.changed(training={**given.training, "data": {"name": "sines"}})
    assert "T105" in [problem.code for problem in check(wrong)]


def _diagnostics(make: Any, method: str, outputs: torch.Tensor, **paradigm: Any) -> tuple[Verdict, ...]:
    """The verdicts of a learner whose network outputs `outputs` for every sample, in all passes."""
    job = Job.from_document(changed(document(make, method), **paradigm))
    torch.manual_seed(0)
    prepared = job.prepare()
    learner: Any = job.paradigm.learner(job, prepared, "cpu", 10, 5)
    with torch.no_grad():
        for module in learner.modules.values():
            for name, parameter in module.named_parameters():
                if not name.endswith("_rho"):
                    parameter.zero_()
                if name.startswith("fc2.bias") and not name.endswith("_rho"):
                    parameter.copy_(outputs)
    learner.evaluate(prepared.validation)
    return tuple(learner.diagnostics)


def test_verdicts(make: Any) -> None:
    confident = _diagnostics(make, "dropout", torch.tensor([4.0, 0.0]))
    assert any("overconfident" in verdict.message for verdict in confident)
    uncertain = torch.tensor([0.1, 0.0])
    for method, words in (("ensemble", "members of the ensemble agree"), ("dropout", "dropout rate is too small")):
        assert any(words in verdict.message for verdict in _diagnostics(make, method, uncertain))
    strong_prior = _diagnostics(make, "weights", uncertain, kl_weight=100.0)
    assert any("prior dominates" in verdict.message for verdict in strong_prior)
