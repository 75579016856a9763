"""Figures of uncertainty against torch's distributions, torchmetrics, scikit-learn and values worked out by hand; and
draws that move nobody's random numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

import builder
from builder import CATALOGUE
from builder.library.ensemble import Ensemble
from trainers.paradigms.bayesian import uncertainty
from trainers.paradigms.bayesian.stochastic_passes import OwnNumbers, draws, restless, stochastic

random = np.random.default_rng(0)


def chances(*shape: int) -> Any:
    raw = random.random(shape) ** 3
    return raw / raw.sum(axis=-1, keepdims=True)


def test_entropy_and_mutual_information_are_those_of_torch_distributions() -> None:
    drawn = chances(7, 20, 4)
    found = uncertainty.of_classes(drawn)
    each, mean = (torch.distributions.Categorical(torch.from_numpy(p)) for p in (drawn, drawn.mean(axis=0)))
    np.testing.assert_allclose(found.entropy, mean.entropy().numpy(), rtol=1e-6)
    np.testing.assert_allclose(found.information, (mean.entropy() - each.entropy().mean(dim=0)).numpy(), atol=1e-9)
    np.testing.assert_allclose(found.mean, drawn.mean(axis=0))
    named = drawn.mean(axis=0).argmax(axis=1)
    np.testing.assert_allclose(found.spread, drawn[:, range(20), named].std(axis=0))


def test_draws_that_agree_know_nothing_and_draws_that_contradict_each_other_know_all() -> None:
    agreed = uncertainty.of_classes(np.tile([[0.5, 0.5]], (3, 1, 1)))
    assert agreed.entropy == pytest.approx([math.log(2)])
    assert agreed.information == pytest.approx([0.0])
    torn = uncertainty.of_classes(np.array([[[1.0, 0.0]], [[0.0, 1.0]]]))
    assert torn.information == pytest.approx([math.log(2)], abs=1e-6)
    assert torn.spread == pytest.approx([0.5])


def test_calibration_by_hand() -> None:
    sure = np.array([[0.95, 0.05]] * 4 + [[0.65, 0.35]] * 4)
    truth = np.array([0, 0, 0, 1, 0, 0, 1, 1])  # 75 % where it is 95 % sure, 50 % where it is 65 % sure
    found = uncertainty.calibration(sure, truth)
    assert found.error == pytest.approx(0.5 * 0.2 + 0.5 * 0.15, abs=1e-6)
    assert found.confidence == pytest.approx([0.65, 0.95])
    assert found.accuracy == pytest.approx([0.5, 0.75])
    assert list(found.count) == [4, 4]
    own = float((np.abs(found.confidence - found.accuracy) * found.count).sum() / 8)
    assert own == pytest.approx(found.error, abs=1e-6)


def test_temperature_undoes_what_sharpened() -> None:
    honest = chances(4000, 3)
    truth = np.array([random.choice(3, p=row) for row in honest])
    sharp = uncertainty.tempered(honest, 0.5)
    degree = uncertainty.temperature(sharp, truth)
    assert degree == pytest.approx(2.0, rel=0.1)
    calm = uncertainty.tempered(sharp, degree)
    assert uncertainty.calibration_error(calm, truth) < uncertainty.calibration_error(sharp, truth) / 2
    assert (calm.argmax(axis=1) == sharp.argmax(axis=1)).all()
    wanted = torch.nn.functional.cross_entropy(torch.from_numpy(np.log(honest)), torch.from_numpy(truth))
    assert uncertainty.surprise(honest, truth) == pytest.approx(float(wanted), rel=1e-9)


def test_rejection_leaves_the_doubtful_out_first() -> None:
    shares, accuracy = uncertainty.rejection(np.array([0.1, 0.9, 0.2, 0.8]), np.array([True, False, True, True]))
    assert shares == pytest.approx([0.0, 0.25, 0.5, 0.75])
    assert accuracy == pytest.approx([0.75, 1.0, 1.0, 1.0])


def test_intervals_cover_what_they_promise() -> None:
    spread = np.full((20_000, 1), 1.5)
    mean = random.normal(0, 1, (20_000, 1))
    truth = mean + random.normal(0, 2.5, (20_000, 1))  # 1.5 of the draws and 2 of the data: 3-4-5 over 2
    scatter = uncertainty.noise(mean, spread, truth)
    assert scatter == pytest.approx([2.0], rel=0.03)
    total = np.sqrt(spread**2 + scatter**2)
    for level in (0.5, 0.9, 0.99):
        assert uncertainty.coverage(mean, total, truth, level) == pytest.approx(level, abs=0.01)
    wanted = -torch.distributions.Normal(torch.from_numpy(mean), torch.from_numpy(total)).log_prob(
        torch.from_numpy(truth)
    )
    assert uncertainty.surprise_of_numbers(mean, total, truth) == pytest.approx(float(wanted.mean()))


def test_strangers_are_told_as_scikit_learn_tells_them() -> None:
    own, other = random.normal(0, 1, 400), random.normal(2, 1, 300)
    found = uncertainty.separation(own, other)
    truth = np.r_[np.zeros(400), np.ones(300)]
    assert found.auroc == pytest.approx(roc_auc_score(truth, np.r_[own, other]))
    assert (own > found.border).mean() == pytest.approx(0.05, abs=0.01)
    assert found.flagged.mean() == pytest.approx((other > found.border).mean())


@pytest.mark.parametrize("answers", ["logits", "log_probabilities", "probabilities", "values"])
def test_an_ensemble_answers_with_the_mean(answers: str) -> None:
    members = [torch.nn.Linear(3, 4) for _ in range(3)]
    x = torch.randn(5, 3)
    said = torch.stack([member(x) for member in members])
    if answers == "log_probabilities":
        members = [torch.nn.Sequential(member, torch.nn.LogSoftmax(dim=1)) for member in members]
    together = Ensemble(members, answers)(x)
    if answers in ("probabilities", "values"):
        torch.testing.assert_close(together, said.mean(dim=0))
    else:
        torch.testing.assert_close(together.softmax(dim=1), said.softmax(dim=2).mean(dim=0))
        torch.testing.assert_close(together.exp().sum(dim=1), torch.ones(5))


def test_an_ensemble_of_one_number_for_two_classes() -> None:
    members = [torch.nn.Linear(3, 1) for _ in range(3)]
    x = torch.randn(5, 3)
    wanted = torch.stack([member(x).sigmoid() for member in members]).mean(dim=0)
    torch.testing.assert_close(Ensemble(members)(x).sigmoid(), wanted)


@pytest.mark.parametrize("name", [name for name, kind in CATALOGUE.items() if kind.stochastic])
def test_every_layer_that_draws_takes_numbers_of_our_own(name: str) -> None:
    kind = CATALOGUE[name]
    module = kind().call(*kind.example).build().train()
    given = [torch.randn(6, *shape) for shape in kind.example]
    before = torch.get_rng_state()
    with torch.no_grad():
        first, again, other = (_said(module, given, seed) for seed in (1, 1, 2))
        one = [sample[:1].expand_as(sample).contiguous() for sample in given]
        with OwnNumbers(1, alike=True):
            alike = module(*one)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    torch.testing.assert_close(alike, alike[:1].expand_as(alike))
    assert torch.equal(before, torch.get_rng_state())


def _said(module: torch.nn.Module, given: list[torch.Tensor], seed: int) -> torch.Tensor:
    with OwnNumbers(seed):
        said: torch.Tensor = module(*given)
    return said


def test_what_draws_in_an_unknown_way_is_refused() -> None:
    with pytest.raises(RuntimeError, match="multinomial"), torch.no_grad(), OwnNumbers(0):
        torch.multinomial(torch.ones(3), 1)


def test_only_what_is_stochastic_draws_and_batch_norm_predicts(make: Any) -> None:
    document = make(
        ("x", "Input", {"shape": [8]}), ("norm", "BatchNorm1d"), ("drop", "Dropout", {"p": 0.5}),
        ("fc", "Linear", {"out_features": 3}), ("y", "Output"),
    )  # fmt: skip
    model = builder.compile(document)
    model.train()
    assert stochastic(document) == ("drop",)
    with restless(model, document):
        assert [name for name, child in model.named_children() if child.training] == ["drop"]
    assert all(child.training for child in model.children())
    x = torch.randn(50, 8)
    mean, state = model.norm.running_mean.clone(), torch.get_rng_state()
    found = draws(model, document, (x,), 40, seed=3, piece=16)
    assert found.shape == (40, 50, 3)
    assert float(found.std(dim=0).min()) > 0
    assert torch.equal(mean, model.norm.running_mean)
    assert torch.equal(state, torch.get_rng_state())


def test_what_does_not_draw_is_worked_out_once_and_the_numbers_are_the_same(make: Any) -> None:
    document = make(
        ("x", "Input", {"shape": [8]}), ("fc1", "Linear", {"out_features": 6}), ("drop", "Dropout", {"p": 0.5}),
        ("fc2", "Linear", {"out_features": 3}), ("both", "Add"), ("y", "Output"),
        ("side", "Linear", {"out_features": 3}),
        edges="x > fc1, fc1 > drop, drop > fc2, fc2 > both, fc1 > side, side > both, both > y",
    )  # fmt: skip
    model = builder.compile(document).eval()
    x, calls = torch.randn(10, 8), []
    for name in ("fc1", "side", "fc2"):
        model.get_submodule(name).register_forward_hook(lambda *_, name=name: calls.append(name))
    found = draws(model, document, (x,), 5, seed=2)
    assert sorted(calls) == ["fc1", *["fc2"] * 5, "side"]
    with torch.no_grad(), restless(model, document), OwnNumbers(2):
        torch.testing.assert_close(found, torch.stack([model(x) for _ in range(5)]))


def test_dropout_draws_have_the_mean_and_the_variance_that_they_should() -> None:
    values = torch.full((400, 500), 2.0)
    with torch.no_grad(), OwnNumbers(0):
        found = torch.nn.functional.dropout(values, 0.25)
    assert float(found.mean()) == pytest.approx(2.0, abs=0.01)
    assert float(found.var()) == pytest.approx(4 * 0.25 / 0.75, abs=0.02)
