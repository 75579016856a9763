"""Measures of uncertainty against torch's distributions, torchmetrics, scikit-learn and values computed by hand; and
stochastic passes that do not change torch's random state."""

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
from trainers.paradigms.bayesian import evaluation
from trainers.paradigms.bayesian.stochastic_passes import (
    OwnGenerator,
    stochastic_mode,
    stochastic_nodes,
    stochastic_passes,
)

random = np.random.default_rng(0)


def random_probabilities(*shape: int) -> Any:
    raw = random.random(shape) ** 3
    return raw / raw.sum(axis=-1, keepdims=True)


def test_entropy_and_mutual_information_are_those_of_torch_distributions() -> None:
    every = random_probabilities(7, 20, 4)
    found = evaluation.predictive_distribution(every)
    each, mean = (torch.distributions.Categorical(torch.from_numpy(p)) for p in (every, every.mean(axis=0)))
    np.testing.assert_allclose(found.entropy, mean.entropy().numpy(), rtol=1e-6)
    np.testing.assert_allclose(
        found.mutual_information, (mean.entropy() - each.entropy().mean(dim=0)).numpy(), atol=1e-9
    )
    np.testing.assert_allclose(found.mean, every.mean(axis=0))
    predicted = every.mean(axis=0).argmax(axis=1)
    np.testing.assert_allclose(found.std, every[:, range(20), predicted].std(axis=0))


def test_mutual_information_is_zero_for_equal_predictions_and_the_entropy_for_contradictory_ones() -> None:
    equal = evaluation.predictive_distribution(np.tile([[0.5, 0.5]], (3, 1, 1)))
    assert equal.entropy == pytest.approx([math.log(2)])
    assert equal.mutual_information == pytest.approx([0.0])
    contradictory = evaluation.predictive_distribution(np.array([[[1.0, 0.0]], [[0.0, 1.0]]]))
    assert contradictory.mutual_information == pytest.approx([math.log(2)], abs=1e-6)
    assert contradictory.std == pytest.approx([0.5])


def test_calibration_by_hand() -> None:
    probabilities = np.array([[0.95, 0.05]] * 4 + [[0.65, 0.35]] * 4)
    truth = np.array([0, 0, 0, 1, 0, 0, 1, 1])  # accuracy 75 % at a confidence of 95 %, 50 % at 65 %
    found = evaluation.calibration(probabilities, truth)
    assert found.error == pytest.approx(0.5 * 0.2 + 0.5 * 0.15, abs=1e-6)
    assert found.confidence == pytest.approx([0.65, 0.95])
    assert found.accuracy == pytest.approx([0.5, 0.75])
    assert list(found.count) == [4, 4]
    own = float((np.abs(found.confidence - found.accuracy) * found.count).sum() / 8)
    assert own == pytest.approx(found.error, abs=1e-6)


def test_the_fitted_temperature_reverts_sharper_probabilities() -> None:
    honest = random_probabilities(4000, 3)
    truth = np.array([random.choice(3, p=row) for row in honest])
    sharp = evaluation.apply_temperature(honest, 0.5)
    temperature = evaluation.fit_temperature(sharp, truth)
    assert temperature == pytest.approx(2.0, rel=0.1)
    calm = evaluation.apply_temperature(sharp, temperature)
    assert evaluation.calibration_error(calm, truth) < evaluation.calibration_error(sharp, truth) / 2
    assert (calm.argmax(axis=1) == sharp.argmax(axis=1)).all()
    wanted = torch.nn.functional.cross_entropy(torch.from_numpy(np.log(honest)), torch.from_numpy(truth))
    assert evaluation.negative_log_likelihood(honest, truth) == pytest.approx(float(wanted), rel=1e-9)


def test_rejection_removes_the_most_uncertain_first() -> None:
    shares, accuracy = evaluation.rejection(np.array([0.1, 0.9, 0.2, 0.8]), np.array([True, False, True, True]))
    assert shares == pytest.approx([0.0, 0.25, 0.5, 0.75])
    assert accuracy == pytest.approx([0.75, 1.0, 1.0, 1.0])


def test_intervals_contain_the_truth_as_often_as_stated() -> None:
    std = np.full((20_000, 1), 1.5)
    mean = random.normal(0, 1, (20_000, 1))
    truth = mean + random.normal(0, 2.5, (20_000, 1))  # 1.5 of the predictions and 2 of the noise: 3-4-5 over 2
    noise = evaluation.noise_std(mean, std, truth)
    assert noise == pytest.approx([2.0], rel=0.03)
    total = np.sqrt(std**2 + noise**2)
    for level in (0.5, 0.9, 0.99):
        assert evaluation.coverage(mean, total, truth, level) == pytest.approx(level, abs=0.01)
    wanted = -torch.distributions.Normal(torch.from_numpy(mean), torch.from_numpy(total)).log_prob(
        torch.from_numpy(truth)
    )
    assert evaluation.normal_log_loss(mean, total, truth) == pytest.approx(float(wanted.mean()))


def test_out_of_distribution_scores_are_those_of_scikit_learn() -> None:
    own, other = random.normal(0, 1, 400), random.normal(2, 1, 300)
    found = evaluation.out_of_distribution_scores(own, other)
    truth = np.r_[np.zeros(400), np.ones(300)]
    assert found.auroc == pytest.approx(roc_auc_score(truth, np.r_[own, other]))
    assert (own > found.threshold).mean() == pytest.approx(0.05, abs=0.01)
    assert found.flagged.mean() == pytest.approx((other > found.threshold).mean())


@pytest.mark.parametrize("expects", ["logits", "log_probabilities", "probabilities", "values"])
def test_an_ensemble_outputs_the_mean_prediction(expects: str) -> None:
    members = [torch.nn.Linear(3, 4) for _ in range(3)]
    x = torch.randn(5, 3)
    outputs = torch.stack([member(x) for member in members])
    if expects == "log_probabilities":
        members = [torch.nn.Sequential(member, torch.nn.LogSoftmax(dim=1)) for member in members]
    together = Ensemble(members, expects)(x)
    if expects in ("probabilities", "values"):
        torch.testing.assert_close(together, outputs.mean(dim=0))
    else:
        torch.testing.assert_close(together.softmax(dim=1), outputs.softmax(dim=2).mean(dim=0))
        torch.testing.assert_close(together.exp().sum(dim=1), torch.ones(5))


def test_an_ensemble_of_one_number_for_two_classes() -> None:
    members = [torch.nn.Linear(3, 1) for _ in range(3)]
    x = torch.randn(5, 3)
    wanted = torch.stack([member(x).sigmoid() for member in members]).mean(dim=0)
    torch.testing.assert_close(Ensemble(members)(x).sigmoid(), wanted)


@pytest.mark.parametrize("name", [name for name, kind in CATALOGUE.items() if kind.stochastic])
def test_every_stochastic_layer_uses_the_given_generator(name: str) -> None:
    kind = CATALOGUE[name]
    module = kind().call(*kind.example).build().train()
    given = [torch.randn(6, *shape) for shape in kind.example]
    before = torch.get_rng_state()
    with torch.no_grad():
        first, again, other = (_outputs(module, given, seed) for seed in (1, 1, 2))
        one = [sample[:1].expand_as(sample).contiguous() for sample in given]
        with OwnGenerator(1, shared=True):
            shared = module(*one)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    torch.testing.assert_close(shared, shared[:1].expand_as(shared))
    assert torch.equal(before, torch.get_rng_state())


def _outputs(module: torch.nn.Module, given: list[torch.Tensor], seed: int) -> torch.Tensor:
    with OwnGenerator(seed):
        outputs: torch.Tensor = module(*given)
    return outputs


def test_unsupported_random_operations_are_refused() -> None:
    with pytest.raises(RuntimeError, match="multinomial"), torch.no_grad(), OwnGenerator(0):
        torch.multinomial(torch.ones(3), 1)


def test_only_stochastic_layers_are_in_training_mode(make: Any) -> None:
    document = make(
        ("x", "Input", {"shape": [8]}),
        ("norm", "BatchNorm1d"),
        ("drop", "Dropout", {"p": 0.5}),
        ("fc", "Linear", {"out_features": 3}),
        ("y", "Output"),
    )
    model = builder.compile(document)
    model.train()
    assert stochastic_nodes(document) == ("drop",)
    with stochastic_mode(model, document):
        assert [name for name, child in model.named_children() if child.training] == ["drop"]
    assert all(child.training for child in model.children())
    x = torch.randn(50, 8)
    mean, state = model.norm.running_mean.clone(), torch.get_rng_state()
    found = stochastic_passes(model, document, (x,), 40, seed=3, batch_size=16)
    assert found.shape == (40, 50, 3)
    assert float(found.std(dim=0).min()) > 0
    assert torch.equal(mean, model.norm.running_mean)
    assert torch.equal(state, torch.get_rng_state())


def test_what_comes_before_stochastic_layers_is_computed_once_with_the_same_result(make: Any) -> None:
    document = make(
        ("x", "Input", {"shape": [8]}),
        ("fc1", "Linear", {"out_features": 6}),
        ("drop", "Dropout", {"p": 0.5}),
        ("fc2", "Linear", {"out_features": 3}),
        ("both", "Add"),
        ("y", "Output"),
        ("side", "Linear", {"out_features": 3}),
        edges="x > fc1, fc1 > drop, drop > fc2, fc2 > both, fc1 > side, side > both, both > y",
    )
    model = builder.compile(document).eval()
    x, calls = torch.randn(10, 8), []
    for name in ("fc1", "side", "fc2"):
        model.get_submodule(name).register_forward_hook(lambda *_, name=name: calls.append(name))
    found = stochastic_passes(model, document, (x,), 5, seed=2)
    assert sorted(calls) == ["fc1", *["fc2"] * 5, "side"]
    with torch.no_grad(), stochastic_mode(model, document), OwnGenerator(2):
        torch.testing.assert_close(found, torch.stack([model(x) for _ in range(5)]))


def test_dropout_has_the_right_mean_and_variance() -> None:
    values = torch.full((400, 500), 2.0)
    with torch.no_grad(), OwnGenerator(0):
        found = torch.nn.functional.dropout(values, 0.25)
    assert float(found.mean()) == pytest.approx(2.0, abs=0.01)
    assert float(found.var()) == pytest.approx(4 * 0.25 / 0.75, abs=0.02)
