"""Verdicts on the network: each names the node and says what to try."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import builder
import trainers
from builder import Document
from tests.trainers.conftest import perceptron
from trainers.events import Probe, Verdict
from trainers.verdicts.assessment import Assessment
from trainers.verdicts.circumstances import Circumstances
from trainers.verdicts.evidence import MIN_PROBES

Train = Callable[..., trainers.Run]


def verdicts_on(
    gradients: Any = None, activations: Any = None, specs: Any = None, probes: int = MIN_PROBES
) -> tuple[Verdict, ...]:
    specs = {name: builder.CATALOGUE[kind]() for name, kind in (specs or {}).items()}
    assessment = Assessment(Circumstances(specs=specs))
    for step in range(probes):
        assessment.evidence.probes.add(
            [Probe(step, "gradients", gradients or {}), Probe(step, "activations", activations or {})]
        )
    return assessment.verdicts()


def sizes(*values: float, ratio: float = 1e-3) -> dict[str, dict[str, float]]:
    return {
        f"fc{number}": {"mean_abs": value, "max_abs": value, "norm": value, "update_ratio": ratio}
        for number, value in enumerate(values, 1)
    }


def test_a_healthy_network_has_no_verdicts() -> None:
    assert verdicts_on(sizes(1e-2, 2e-2, 3e-2)) == ()


def test_a_single_probe_gives_no_verdict() -> None:
    assert verdicts_on(sizes(1e-9, 1e-3, 1e-1), probes=1) == ()


def test_vanishing_gradients_name_both_ends_how_far_apart_they_are_and_the_cause() -> None:
    specs = {"fc1": "Linear", "s1": "Sigmoid", "fc2": "Linear", "s2": "Sigmoid", "fc3": "Linear"}
    (verdict,) = verdicts_on(sizes(1e-6, 1e-4, 1.2e-2), specs=specs)
    assert (verdict.node, verdict.badge, verdict.severity) == ("fc1", "vanishing", "warning")
    assert "12,000 times smaller than at fc3" in verdict.message
    assert "Sigmoid" in verdict.advice and "ReLU" in verdict.advice


def test_gradients_that_are_exactly_zero_have_vanished() -> None:
    (verdict,) = verdicts_on(sizes(0.0, 1e-4, 1e-2))
    assert verdict.badge == "vanishing"


@pytest.mark.parametrize("figures", [sizes(1.0, 5e4, 1.0), sizes(1.0, 1.0, ratio=3.0)])
def test_exploding_gradients(figures: Any) -> None:
    verdict = verdicts_on(figures)[0]
    assert (verdict.badge, verdict.severity) == ("exploding", "error")
    assert "clipping" in verdict.advice


def test_dead_units_and_saturated_ones() -> None:
    specs = {"relu": "ReLU", "bend": "Tanh"}
    activations = {"relu": {"dead_share": 0.7}, "bend": {"saturated_share": 0.8}}
    verdicts = {verdict.node: verdict for verdict in verdicts_on(activations=activations, specs=specs)}
    assert verdicts["relu"].badge == "dead" and "70%" in verdicts["relu"].message
    assert verdicts["bend"].badge == "saturated" and "-1 and 1" in verdicts["bend"].message


@pytest.mark.parametrize(("ratio", "advice"), [(1e-7, "Raise"), (0.1, "Lower")])
def test_the_size_of_steps(ratio: float, advice: str) -> None:
    (verdict,) = verdicts_on(sizes(1e-2, 1e-2, 1e-2, ratio=ratio))
    assert verdict.severity == "info" and advice in verdict.advice


def test_the_gradients_of_a_deep_sigmoid_network_vanish(train: Train) -> None:
    run = train(builder.template("vanishing_gradients"))
    assert "vanishing" in {verdict.badge for verdict in run.verdicts()}
    fixed = train(builder.template("deep_relu_batchnorm"))
    assert "vanishing" not in {verdict.badge for verdict in fixed.verdicts()}
    assert fixed.scores()["accuracy"] > run.scores()["accuracy"] + 0.5


def dying(**training: Any) -> Document:
    return perceptron(
        [1, 8, 8], 10, depth=2, data={"name": "digits"}, optimizer={"name": "SGD", "lr": 8.0}, epochs=12, **training
    )


def test_units_killed_by_a_large_step_are_seen(train: Train) -> None:
    badges = {verdict.badge for verdict in train(dying()).verdicts()}
    assert badges & {"dead", "exploding"}
