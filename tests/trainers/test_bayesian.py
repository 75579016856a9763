"""Training by Monte Carlo dropout, as an ensemble and with weights that are distributions; what is refused, and what a
trained run believes."""

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
from trainers.checks import check
from trainers.events import Verdict
from trainers.job import Job
from trainers.paradigms.bayesian.predictions import believed, doubts, others, strangers
from trainers.runs.run import RunError

Train = Callable[..., trainers.Run]
METHODS = ("dropout", "ensemble", "weights")


def document(make: Any, method: str, data: str = "moons", size: int = 2, outputs: int = 2, **training: Any) -> Document:
    """A small network for one of the methods."""
    kind = "BayesianLinear" if method == "weights" else "Linear"
    middle = [("drop", "Dropout", {"p": 0.2})] if method == "dropout" else []
    return make(
        ("x", "Input", {"shape": [size]}), ("fc1", kind, {"out_features": 24}), ("bend", "ReLU"), *middle,
        ("fc2", kind, {"out_features": outputs}), ("y", "Output"), name="Test",
        training={
            "data": {"name": data, "batch_size": 32, "validation": 0.2, "test": 0.2},
            "paradigm": {"name": "bayesian", "method": method, "members": 3, "draws": 12, "kl_weight": 0.1},
            "optimizer": {"name": "Adam", "lr": 0.01}, "epochs": 4, "seed": 0, **training,
        },
    )  # fmt: skip


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
    found = believed(run, "test")
    assert found.beliefs is not None
    assert float((found.beliefs.named == found.found.targets).mean()) == pytest.approx(scores["accuracy"])
    assert float(found.beliefs.information.max()) > 0


@pytest.mark.parametrize("method", METHODS)
def test_numbers(make: Any, train: Train, method: str) -> None:
    run = train(document(make, method, "diabetes", 10, 1))
    assert run.state == "finished", run.progress().message
    scores = run.scores()
    assert 0.5 < scores["coverage"] <= 1
    assert {"nll", "single_nll", "single_coverage", "predictive_std", "r2"} <= set(scores)
    found = believed(run, "test")
    assert found.spread is not None
    assert float(found.spread.mean()) > 0
    assert (found.total > found.spread).all()
    off = np.abs(found.found.predicted - found.found.targets).mean()
    assert off == pytest.approx(scores["mae"], rel=1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_a_resumed_run_is_the_same(make: Any, train: Train, method: str) -> None:
    long = document(make, method, epochs=40)
    alone = train(long)
    paused = trainers.start(Job.from_document(long))
    while paused.progress().step < 40:
        time.sleep(0.01)
    paused.pause()
    assert paused.wait(20) == "paused"
    from trainers.engine.worker import _workers

    _workers.pop(paused.id)  # as if the process had ended: it goes on from its files alone
    torch.rand(3)
    again = trainers.open_run(paused.id)
    again.resume()
    assert again.wait(60) == "finished"
    pd.testing.assert_frame_equal(_told(alone), _told(again))


def _told(run: trainers.Run) -> pd.DataFrame:
    """All but the norm of the last gradients, which nobody keeps when a run is paused between two epochs."""
    found = run.metrics().query("metric != 'gradient_norm'")
    return found.sort_values(["step", "split", "metric"], ignore_index=True)


def test_the_members_differ_and_answer_with_their_mean(make: Any, train: Train) -> None:
    run = train(document(make, "ensemble"))
    model, parts = run.model(), run.parts()
    assert list(parts) == ["network", "member1"]
    x = torch.randn(6, 2)
    with torch.no_grad():
        each = torch.stack([member(x).softmax(dim=1) for member in run.networks().values()])
        torch.testing.assert_close(run.part("member1")(x).softmax(dim=1), each[0])
        torch.testing.assert_close(model(x).softmax(dim=1), each.mean(dim=0))
    assert float(each.std(dim=0).min()) > 0


def test_what_draws_is_marked(make: Any) -> None:
    for method, marked in (("dropout", ["drop"]), ("weights", ["fc1", "fc2"]), ("ensemble", [])):
        given = document(make, method)
        assert list(Job(given).paradigm.node_labels(given)) == marked


def test_the_first_member_begins_as_a_network_alone(make: Any) -> None:
    job = Job.from_document(document(make, "ensemble"))
    alone = Job.from_document(document(make, "ensemble"), paradigm={"name": "supervised"})
    weights = []
    for each in (job, alone):
        torch.manual_seed(0)
        learner = each.paradigm.learner(each, each.prepare(), "cpu", 10, 5)
        weights.append({name: module.state_dict()["fc1.weight"] for name, module in learner.modules.items()})
    assert torch.equal(weights[0]["member1"], weights[1]["main"])
    assert not torch.equal(weights[0]["member1"], weights[0]["member2"])


def test_the_loss_has_the_divergence_in_it(make: Any) -> None:
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


def test_what_a_run_believes_of_the_plane_and_of_strangers(make: Any, train: Train) -> None:
    run = train(document(make, "weights"))
    before = torch.get_rng_state()
    found = doubts(run, 30)
    assert found.figures["entropy"].shape == (30, 30)
    assert list(others(run))[-1] == "noise"
    assert "circles" in others(run)
    told = strangers(run, "circles")
    assert len(told.inputs) == len(told.beliefs.entropy)
    assert 0 <= told.by_entropy.auroc <= 1
    assert torch.equal(before, torch.get_rng_state())
    with pytest.raises(RunError, match="do not fit"):
        strangers(run, "digits")


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
def test_what_cannot_be_is_said_and_mended(make: Any, code: str, built: str, paradigm: dict[str, Any]) -> None:
    wrong = changed(document(make, built), **paradigm)
    problem = next(problem for problem in check(wrong) if problem.code == code)
    assert problem.severity == ("warning" if code in ("T203", "T204") else "error")
    assert problem.fix
    assert problem.fix_label
    after = check(apply_all(wrong, problem.fix))
    assert not [each for each in after if each.code == code or each.severity == "error"]


def test_a_dropout_that_drops_nothing_draws_nothing(make: Any) -> None:
    given = document(make, "dropout")
    quiet = apply_all(given, [builder.edits.SetParams("drop", {"p": 0.0})])
    problem = next(problem for problem in check(quiet) if problem.code == "T200")
    assert problem.node == "drop"
    assert not check(apply_all(quiet, problem.fix or ()))


def test_a_layer_in_place_of_another_keeps_its_name_and_wires(make: Any) -> None:
    wrong = changed(document(make, "dropout"), method="weights")
    problem = next(problem for problem in check(wrong) if problem.code == "T201")
    mended = apply_all(wrong, problem.fix or ())
    assert mended.by_name["fc2"].type == "BayesianLinear"
    assert set(mended.edges) == set(wrong.edges)


def test_an_unsuitable_task(make: Any) -> None:
    given = document(make, "dropout")
    wrong = given.changed(training={**given.training, "data": {"name": "sines"}})
    assert "T105" in [problem.code for problem in check(wrong)]


def _remarks(make: Any, method: str, outputs: torch.Tensor, **paradigm: Any) -> tuple[Verdict, ...]:
    """What is noticed of a learner whose network says `outputs` to everything, as all its draws do."""
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
    sure = _remarks(make, "dropout", torch.tensor([4.0, 0.0]))
    assert any("overconfident" in verdict.message for verdict in sure)
    torn = torch.tensor([0.1, 0.0])
    assert any("members agree" in verdict.message for verdict in _remarks(make, "ensemble", torn))
    assert any("dropout rate is too small" in verdict.message for verdict in _remarks(make, "dropout", torn))
    ruled = _remarks(make, "weights", torn, kl_weight=100.0)
    assert any("prior rules" in verdict.message for verdict in ruled)
