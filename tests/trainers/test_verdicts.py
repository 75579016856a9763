"""Verdicts on the network: each names the node and the cause, and is withheld while the run does well."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import builder
import trainers
import trainers.paradigms
import trainers.verdicts
from builder.registry import discover
from tests.trainers.conftest import perceptron
from trainers.events import Probe, Verdict
from trainers.verdicts.advice import CLIP, DROPOUT, LARGER, NORMALISE, SKIP, advise
from trainers.verdicts.assessment import Assessment
from trainers.verdicts.circumstances import Circumstances
from trainers.verdicts.evidence import MIN_PROBES, POINTS, LossTrend
from trainers.verdicts.rules import VerdictRule, causes_first, explained, kinds, percent

Train = Callable[..., trainers.Run]
FLAT = [2.3] * 40


def verdicts_on(
    gradients: Any = None,
    activations: Any = None,
    specs: Any = None,
    weights: Any = None,
    losses: list[float] = FLAT,
    probes: int = MIN_PROBES,
) -> tuple[Verdict, ...]:
    """The verdicts at the end of a run with these statistics at each probe, and these losses."""
    specs = {name: builder.CATALOGUE[kind]() for name, kind in (specs or {}).items()}
    assessment = Assessment(Circumstances(specs=specs))
    for loss in losses:
        assessment.evidence.losses.add(loss)
    for step in range(probes):
        found = {"gradients": gradients or {}, "activations": activations or {}, "weights": weights or {}}
        assessment.evidence.probes.add(Probe(step, kind, values) for kind, values in found.items())  # type: ignore[arg-type]
    assessment.evidence.ended = probes >= MIN_PROBES
    return assessment.verdicts()


def sizes(*values: float, ratio: float = 1e-3) -> dict[str, dict[str, float]]:
    return {
        f"fc{number}": {"mean_abs": value, "norm": value, "update_ratio": ratio}
        for number, value in enumerate(values, 1)
    }


def test_a_healthy_network_has_no_verdicts() -> None:
    assert verdicts_on(sizes(1e-2, 2e-2, 3e-2)) == ()


@pytest.mark.parametrize(
    "gradients",
    [sizes(1e-9, 1e-3, 1e-1), sizes(1.0, 5e4, 1.0), sizes(1.0, 1.0, ratio=2612112.0), sizes(1.0, ratio=1e-7)],
)
def test_nothing_is_reported_while_the_loss_falls(gradients: Any) -> None:
    falling = [2.3 * 0.97**step for step in range(60)]
    assert verdicts_on(gradients, {"relu": {"dead_share": 0.9}}, {"relu": "ReLU"}, losses=falling) == ()


def test_a_single_probe_gives_no_verdict() -> None:
    assert verdicts_on(sizes(1e-9, 1e-3, 1e-1), probes=1) == ()


def test_vanishing_gradients_name_both_ends_how_far_apart_they_are_and_the_cause() -> None:
    specs = {"fc1": "Linear", "s1": "Sigmoid", "fc2": "Linear", "s2": "Sigmoid", "fc3": "Linear"}
    (verdict,) = verdicts_on(sizes(1e-6, 1e-4, 1.2e-2), specs=specs)
    assert (verdict.node, verdict.badge, verdict.severity) == ("fc1", "vanishing", "warning")
    assert "12,000 times smaller than those of fc3" in verdict.message
    assert "Sigmoid" in verdict.advice and "ReLU" in verdict.advice


def test_gradients_that_are_exactly_zero_have_vanished() -> None:
    (verdict,) = verdicts_on(sizes(0.0, 1e-4, 1e-2))
    assert verdict.badge == "vanishing" and "more than a billion times" in verdict.message


def test_one_node_with_small_gradients_is_no_vanishing() -> None:
    assert verdicts_on(sizes(1e-2, 1e-6, 1e-2, 1e-2, 1e-2, 1e-2, 1e-2, 1e-2, 1e-2)) == ()


def test_large_steps_name_the_learning_rate_only_where_the_loss_does_not_fall() -> None:
    (verdict,) = verdicts_on(sizes(1.0, 1.0, ratio=3.0))
    assert (verdict.badge, verdict.severity) == ("exploding", "error")
    assert "learning rate is too high" in verdict.message and "300 % of their size" in verdict.message
    (huge,) = verdicts_on(sizes(1.0, 1.0, ratio=2612112.0), losses=[2.0, *[9.0] * 40])
    assert "more than ten times" in huge.message and "%" not in huge.message


def test_gradients_that_explode_from_the_first_step_name_the_initial_weights() -> None:
    (verdict,) = verdicts_on(sizes(1.0, 5e4, 1.0, ratio=3.0))
    assert verdict.badge == "exploding" and "initial weights" in verdict.message


def test_equal_weights_are_the_cause_of_everything_else() -> None:
    weights = {name: {"norm": 0.0, "equal_units": 1.0} for name in ("fc1", "fc2")}
    (verdict,) = verdicts_on(sizes(0.0, 1e-9, 1e-2), weights=weights)
    assert verdict.kind == "EqualWeights" and "all zero" in verdict.message and "fc2" in verdict.message
    assert "learning rate" not in verdict.advice


@pytest.mark.parametrize(("share", "since"), [(0.7, "from the first step on"), (0.0, "")])
def test_dead_units_say_whether_they_were_dead_at_the_start(share: float, since: str) -> None:
    assessment = Assessment(Circumstances(specs={"relu": builder.CATALOGUE["ReLU"]()}))
    for loss in FLAT:
        assessment.evidence.losses.add(loss)
    for step, dead in enumerate([share, *[0.7] * 9]):
        assessment.evidence.probes.add([Probe(step, "activations", {"relu": {"dead_share": dead}})])
    assessment.evidence.ended = True
    (verdict,) = assessment.verdicts()
    assert verdict.badge == "dead" and since in verdict.message
    assert ("Lower the learning rate" in verdict.advice) == (not since)


def test_saturated_units() -> None:
    (verdict,) = verdicts_on(activations={"bend": {"saturated_share": 0.8}}, specs={"bend": "Tanh"})
    assert verdict.badge == "saturated" and "-1 and 1" in verdict.message


def test_steps_that_are_too_small() -> None:
    (verdict,) = verdicts_on(sizes(1e-2, 1e-2, 1e-2, ratio=1e-7))
    assert "too small" in verdict.message and "Raise" in verdict.advice


# -- which of several -------------------------------------------------------------------------------------------------


def every_rule() -> list[type[VerdictRule]]:
    found = [*discover(trainers.verdicts, VerdictRule, str).values()]
    return [
        rule for rule in [*found, *discover(trainers.paradigms, VerdictRule, str).values()] if hasattr(rule, "title")
    ]


def test_effects_are_verdicts_and_none_explains_itself() -> None:
    rules = every_rule()
    assert len(rules) > 20
    for rule in rules:
        unknown = set(rule.effects) - {other.__name__ for other in rules}
        assert not unknown, f"{rule.__name__} has effects that no verdict is called: {unknown}"
        assert rule.__name__ not in explained(rule.__name__), rule.__name__


def test_a_cause_withholds_its_effects_and_is_as_serious_as_what_came_of_it() -> None:
    effect = Verdict(None, "warning", "slow", "raise", "", "SlowUpdates")
    outcome = Verdict(None, "error", "guessing", "look", "", "NoBetterThanGuessing")
    cause = Verdict("fc1", "warning", "vanish", "skip", "vanishing", "VanishingGradients")
    other = Verdict(None, "warning", "unused", "remove", "", "UnusedCode")
    old = Verdict(None, "info", "of an earlier version", "")
    found = causes_first([old, effect, outcome, other, cause])
    assert [verdict.message for verdict in found] == ["vanish", "guessing", "unused", "of an earlier version"]
    assert found[0].severity == "error" and found[1].advice == "" and found[2].severity == "warning"
    assert causes_first([outcome])[0].advice == "look"
    assert kinds()["NoBetterThanGuessing"].outcome


# -- advice and names -------------------------------------------------------------------------------------------------


def circumstances(**training: Any) -> Circumstances:
    document = perceptron([1, 8, 8], 10, data={"name": "digits"}, **training)
    return Circumstances(trainers.Job.from_document(document), 100)


def test_no_advice_asks_for_what_is_on() -> None:
    assert advise(circumstances(gradient_clip=1.0), CLIP) == ""
    assert "from 5 to 1" in advise(circumstances(gradient_clip=5.0), CLIP)
    assert advise(circumstances(), CLIP, LARGER).startswith("Set gradient clipping to 1, or use more")
    template = Circumstances(trainers.Job.from_document(builder.template("unet")), 10)
    assert advise(template, NORMALISE, SKIP) == ""
    plain = Circumstances(trainers.Job.from_document(builder.template("vanishing_gradients")), 10)
    assert "skip" in advise(plain, SKIP) and "normalisation" in advise(plain, NORMALISE)
    assert advise(plain, DROPOUT) and not advise(
        Circumstances(trainers.Job.from_document(builder.template("vgg"))), DROPOUT
    )


def test_a_verdict_names_the_node_on_the_canvas_and_which_repeat() -> None:
    job = trainers.Job.from_document(builder.template("gpt_decoder"))
    run = Circumstances(job)
    name = next(step.name for step in run.steps if step.name.count(".") == 2 and ".1." in step.name)
    block, _, node = name.split(".")
    place = run.on_canvas(name)
    assert place.name == block and place.name in job.document.by_name
    assert place.words.startswith(f"{block} (repeat 2 of ") and place.words.endswith(f"{node})")
    assert run.on_canvas(next(iter(job.document.by_name))).words in job.document.by_name


@pytest.mark.parametrize("share", [0.0, 0.5, 9.99, 10.0, 10.01, 261211484264.0])
def test_no_percentage_above_a_thousand(share: float) -> None:
    number, _, sign = percent(share).partition(" %")
    assert percent(share) == "more than ten times" if share > 10 else (int(number) <= 1000 and not sign)


def test_the_trend_of_the_loss_does_not_depend_on_how_many_steps_there_are() -> None:
    for steps in (20, 500, 30_000):
        falling, rising, flat = LossTrend(), LossTrend(), LossTrend()
        for step in range(steps):
            falling.add(2.0 - step / steps)
            rising.add(2.0 + 3 * step / steps)
            flat.add(2.0 + 0.1 * (-1) ** step)
        assert falling.falls and not falling.grows and not falling.stays_high
        assert rising.grows and rising.stays_high and not rising.falls
        assert not flat.falls and not flat.grows and len(flat.means) < POINTS


# -- whole runs -------------------------------------------------------------------------------------------------------


def test_the_gradients_of_a_deep_sigmoid_network_vanish(train: Train) -> None:
    run = train(builder.template("vanishing_gradients"))
    first, second = run.verdicts()
    assert first.kind == "VanishingGradients" and second.kind == "NoBetterThanGuessing"
    assert {first.severity, second.severity} == {"error"} and "test accuracy" in second.message
    fixed = train(builder.template("deep_relu_batchnorm"))
    assert not fixed.verdicts()
    assert fixed.scores()["accuracy"] > run.scores()["accuracy"] + 0.5
