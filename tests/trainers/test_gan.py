"""Two networks that play against each other: the games, whose turn it is, what is kept, what is noticed."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import builder
import trainers
from builder.document import Document
from builder.edits import RemoveNodes, SetParams, apply_all
from builder.exports.drawing import DrawingExtra
from builder.exports.subject import subject
from builder.problems import Problem
from tests.trainers.conftest import needs_mirror
from tests.trainers.rivals import rivals
from trainers.data.batches import Batch
from trainers.paradigms.gan import samples
from trainers.paradigms.gan.diagnostics import Diagnostics
from trainers.paradigms.gan.learner import AdversarialLearner
from trainers.paradigms.gan.losses import GAN_LOSSES, gradient_penalty
from trainers.paradigms.gan.metrics import classes_found, nearest_classes, sliced_distance, variety

Train = Callable[..., trainers.Run]
REAL, FALSE = torch.tensor([[2.0], [0.5]]), torch.tensor([[-1.0], [0.25]])


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def test_the_losses_are_those_of_the_papers() -> None:
    real, false = REAL.flatten().tolist(), FALSE.flatten().tolist()

    def mean(values: list[float]) -> float:
        return sum(values) / len(values)

    classic = -mean([math.log(sigmoid(x)) for x in real]) - mean([math.log(1 - sigmoid(x)) for x in false])
    smooth = -mean([0.9 * math.log(sigmoid(x)) + 0.1 * math.log(1 - sigmoid(x)) for x in real])
    smooth -= mean([math.log(1 - sigmoid(x)) for x in false])
    wanted = {
        "non_saturating": (classic, -mean([math.log(sigmoid(x)) for x in false])),
        "least_squares": (
            0.5 * mean([(x - 1) ** 2 for x in real]) + 0.5 * mean([x**2 for x in false]),
            0.5 * mean([(x - 1) ** 2 for x in false]),
        ),
        "hinge": (mean([max(0, 1 - x) for x in real]) + mean([max(0, 1 + x) for x in false]), -mean(false)),
        "wasserstein": (mean(false) - mean(real), -mean(false)),
    }
    assert wanted.keys() == GAN_LOSSES.keys()
    for name, (judged, drawn_) in wanted.items():
        assert float(GAN_LOSSES[name].discriminator(REAL, FALSE, 0.0)) == pytest.approx(judged, abs=1e-6)
        assert float(GAN_LOSSES[name].generator(FALSE)) == pytest.approx(drawn_, abs=1e-6)
    assert float(GAN_LOSSES["non_saturating"].discriminator(REAL, FALSE, 0.1)) == pytest.approx(smooth, abs=1e-6)


def test_the_penalty_is_the_distance_of_the_slope_from_one() -> None:
    weight = torch.tensor([[3.0, 4.0]], requires_grad=True)
    penalty = gradient_penalty(lambda points: points @ weight.T, torch.randn(6, 2), torch.randn(6, 2))
    assert penalty.item() == pytest.approx(16.0)
    penalty.backward()
    assert weight.grad is not None and weight.grad.norm() > 0


def test_likeness_of_samples_and_data() -> None:
    data = torch.randn(300, 2, generator=torch.Generator().manual_seed(0))
    assert variety(data, data) == pytest.approx(1.0) and variety(torch.ones(50, 2), data) == 0.0
    assert sliced_distance(data, data) == 0.0 and sliced_distance(data + 5, data) > 2.0
    targets = (data[:, 0] > 0).long()
    assert torch.equal(nearest_classes(data, data, targets), targets)
    assert classes_found(torch.tensor([0] * 60 + [1] * 3), 2) == [True, False]


def learner(document: Document) -> tuple[AdversarialLearner, Any]:
    job = trainers.Job.from_document(document, device="cpu")
    prepared = job.prepare()
    torch.manual_seed(0)
    made = job.paradigm.learner(job, prepared, "cpu", 40, 10)
    assert isinstance(made, AdversarialLearner)
    return made, prepared.training


def steps(made: AdversarialLearner, part: Any, count: int) -> list[float]:
    return [float(made.step(Batch((part.inputs[0][:32],), part.targets[:32]))) for _ in range(count)]


def test_the_generator_waits_for_its_turn_and_leaves_no_gradient_behind() -> None:
    made, part = learner(rivals(paradigm={"name": "gan", "discriminator_steps": 3}))
    before = {name: value.clone() for name, value in made.generator.state_dict().items()}
    first = steps(made, part, 1)
    after = {name: value.clone() for name, value in made.generator.state_dict().items()}
    assert any(not torch.equal(before[name], after[name]) for name in before)
    judge = {name: value.clone() for name, value in made.discriminator.state_dict().items()}
    assert steps(made, part, 2) == first * 2  # it was not its turn: the last loss is told again
    assert all(torch.equal(value, made.generator.state_dict()[name]) for name, value in after.items())
    assert any(not torch.equal(value, made.discriminator.state_dict()[name]) for name, value in judge.items())
    gradients = [parameter.grad.clone() for parameter in made.discriminator.parameters() if parameter.grad is not None]
    steps(made, part, 1)
    assert len(gradients) == 4 and all(parameter.requires_grad for parameter in made.discriminator.parameters())


@pytest.mark.parametrize("asked", [False, True])
@pytest.mark.parametrize("loss", GAN_LOSSES)
def test_a_learner_goes_on_from_its_state_with_the_same_numbers(loss: str, asked: bool) -> None:
    document = rivals(asked, paradigm={"name": "gan", "loss": loss, "discriminator_steps": 2, "ema_decay": 0.9})
    one, part = learner(document)
    steps(one, part, 5)
    one.figures()
    list(one.ledger.metrics())
    kept = {name: {k: v.clone() for k, v in net.state_dict().items()} for name, net in one.modules.items()}
    state, random = copy.deepcopy(one.state_dict()), torch.get_rng_state()
    wanted = steps(one, part, 4), one.evaluate(part), one.figures()
    other, _ = learner(document)
    for name, network in other.modules.items():
        network.load_state_dict(kept[name])
    other.load_state_dict(state)
    torch.set_rng_state(random)
    assert (steps(other, part, 4), other.evaluate(part), other.figures()) == wanted
    assert [metric.step for metric in other.ledger.metrics()][::4] == [6, 7, 8, 9]


def test_a_run_keeps_the_average_its_scenes_and_its_curves(train: Train) -> None:
    document = rivals()
    run = train(document)
    assert run.state == "finished", run.progress().message
    modules = run.networks()
    assert set(modules) == {"generator", "discriminator", "ema"}
    inputs = torch.randn(5, 4)
    assert torch.equal(run.model()(inputs), modules["ema"](inputs))
    assert not torch.equal(run.model()(inputs), modules["generator"](inputs))
    metrics = run.metrics()
    assert {"generator_loss", "discriminator_loss", "step_accuracy_real", "discriminator_accuracy_fake"} <= set(
        metrics.metric
    )
    assert "loss" not in set(metrics[metrics.split == "validation"].metric)
    assert {"sliced_wasserstein", "diversity", "mode_coverage", "discriminator_accuracy_real"} <= set(run.scores())
    scene = run.snapshot("generated_samples")
    assert scene is not None and scene.arrays["fake"].shape == scene.arrays["real"].shape == (144, 2)
    assert {probe.node for probe in run.probes("gradients").itertuples()} == {"fc1", "place", "fc2", "score"}


def test_what_a_trained_generator_draws(train: Train) -> None:
    run = train(rivals(asked=True, epochs=1))
    one, same = samples.samples(run, 20, seed=3), samples.samples(run, 20, seed=3)
    assert one.shape == (20, 2) and np.array_equal(one, same)
    assert np.std(samples.samples(run, 20, 3, temperature=0.0, wanted=1), axis=0).max() < 1e-6
    scores = samples.scores(run)
    assert {name: len(said) for name, said in scores.items()} == {"learned from": 144, "held out": 48, "drawn": 144}
    path = samples.walk(run, 1, 2, 7, wanted=1)
    assert len(path) == 7 and not np.array_equal(path[0], path[-1])
    ends = torch.tensor([3.0, 0.0]), torch.tensor([0.0, 3.0])
    assert samples.between(*ends, torch.linspace(0, 1, 5)).norm(dim=1) == pytest.approx(3.0)


def test_both_sides_are_taken_home(train: Train) -> None:
    run = train(rivals(epochs=1))
    parts = run.parts()
    assert list(parts) == ["generator", "discriminator"]
    generator, discriminator = run.part("generator"), run.part("discriminator")
    assert generator(torch.randn(3, 4)).shape == (3, 2) and discriminator(torch.randn(3, 2)).shape == (3, 1)
    assert generator.card["inputs"] == [None] and "targets" in generator.card
    assert torch.equal(generator.state_dict()["fc1.weight"], run.networks()["ema"].state_dict()["fc1.weight"])


def test_the_exported_generator_draws_by_itself(train: Train, tmp_path: Path) -> None:
    run = train(rivals(asked=True, epochs=1))
    path = tmp_path / "generator.py"
    model, document = run.part("generator"), run.part_document("generator")
    builder.export(model, document, path, "python")
    names: dict[str, Any] = {"__name__": "model", "__file__": str(path)}
    exec(compile(path.read_text(encoding="utf-8"), "model.py", "exec"), names)
    written = names["Generator"]()
    written.load_state_dict(model.state_dict())
    points = names["sample"](written.eval(), count=5, seed=3, wanted=1)
    assert np.allclose(points.numpy(), samples.samples(run, 5, seed=3, wanted=1), atol=1e-5)
    assert not DrawingExtra().fits(subject(run.part("discriminator"), run.part_document("discriminator")))


# -- checks -----------------------------------------------------------------------------------------------------------


def found(document: Document, code: str) -> Problem:
    problems = trainers.check(document)
    return next(problem for problem in problems if problem.code == code)


def mended(document: Document, code: str) -> Document:
    problem = found(document, code)
    assert problem.fix and problem.fix_label, str(problem)
    after = apply_all(trainers.bind(document), problem.fix)
    assert [str(left) for left in trainers.check(after)] == []
    return after


@pytest.mark.parametrize("data", [{"name": "moons"}, {"name": "digits"}])
@pytest.mark.parametrize("network", ["generator", "discriminator"])
def test_a_missing_side_is_added_to_fit_the_data(network: str, data: dict[str, Any]) -> None:
    lone = Document(training={**rivals().training, "data": data})
    other = "discriminator" if network == "generator" else "generator"
    first = apply_all(lone, next(p for p in trainers.check(lone) if p.code == "T180" and other in p.message).fix or ())
    assert f"no network called {network}" in found(first, "T180").message
    after = mended(first, "T180")
    assert {node.network for node in after.nodes} == {"generator", "discriminator"}


def test_sizes_that_do_not_meet_and_a_judge_without_one_number() -> None:
    document = rivals()
    wide = SetParams("place", {"out_features": 3}).apply(document)
    assert "do not meet" in found(wide, "T182").message
    mended(wide, "T182")
    mended(SetParams("score", {"out_features": 2}).apply(document), "T183")
    mended(SetParams("noise", {}).apply(document), "T181")
    pictures = RemoveNodes(("point", "fc2")).apply(
        document.changed(training={**document.training, "data": {"name": "digits"}})
    )
    assert found(pictures, "T182").fix_label == "Draw 64 numbers as 1 × 8 × 8"


def test_a_squashed_score_is_told_and_taken_out() -> None:
    document = rivals()
    squash = builder.document.Node(name="act2", type="Sigmoid", network="discriminator")
    nodes = tuple(squash if node.name == "act2" else node for node in document.nodes)
    wires = [("point", "fc2"), ("fc2", "score"), ("score", "act2"), ("act2", "real")]
    edges = [edge for edge in document.edges if document.node(edge.source).network == "generator"]
    edges += [type(edges[0])(source=one, target=other) for one, other in wires]
    assert "act2" not in mended(document.changed(nodes=nodes, edges=tuple(edges)), "T183").by_name


def test_two_networks_under_supervision_and_a_third_one() -> None:
    document = rivals()
    plain = document.changed(training={**document.training, "paradigm": {"name": "supervised"}})
    assert [problem.code for problem in trainers.check(plain)] == ["T184"]
    assert mended(plain, "T184").training["paradigm"] == {"name": "gan"}
    third = builder.document.Node(name="more", type="Input", params={"shape": [2]}, network="main")
    assert "main" in found(document.changed(nodes=(*document.nodes, third)), "T185").message


def test_data_and_classes_that_do_not_fit() -> None:
    asked = rivals(asked=True)
    assert trainers.check(asked) == []
    assert "has none" in found(asked.changed(training={**asked.training, "data": {"name": "diabetes"}}), "T187").message
    small = SetParams("generator_table", {"num_embeddings": 1, "embedding_dim": 3}).apply(asked)
    assert mended(small, "T187").node("generator_table").params["num_embeddings"] == 2
    mended(SetParams("generator_class", {"shape": [1]}).apply(asked), "T187")
    deaf = RemoveNodes(("discriminator_class", "discriminator_table", "discriminator_flat")).apply(asked)
    assert "does not hear it" in found(deaf, "T187").message
    text = rivals().changed(training={**rivals().training, "data": {"name": "python_reference"}})
    assert "tokens" in found(text, "T186").message
    pairs = rivals().changed(training={**rivals().training, "data": {"name": "digit_pairs"}})
    assert "2 parts" in found(pairs, "T186").message


# -- what is noticed --------------------------------------------------------------------------------------------------


def said(rivalry: Diagnostics, recent: dict[str, float], likeness: dict[str, float], drawn_: torch.Tensor) -> str:
    data = torch.randn(32, 2, generator=torch.Generator().manual_seed(1))
    return " ".join(verdict.message for verdict in rivalry.remarks(recent, likeness, drawn_, data, 8))


def test_collapse_a_sure_judge_and_a_chase_are_told() -> None:
    calm, varied = (
        {"discriminator_accuracy_real": 0.6, "discriminator_accuracy_fake": 0.6},
        {"diversity": 1.0, "mode_coverage": 8.0},
    )
    still = torch.zeros(32, 2)
    assert said(Diagnostics(), calm, varied, still) == ""
    assert "only 20% as varied" in said(Diagnostics(), calm, {"diversity": 0.2, "mode_coverage": 1.0}, still)
    assert "3 of 8 classes" in said(Diagnostics(), calm, {"diversity": 0.9, "mode_coverage": 3.0}, still)
    sure = {"discriminator_accuracy_real": 0.99, "discriminator_accuracy_fake": 1.0}
    assert "The discriminator wins" in said(Diagnostics(), sure, varied, still)
    assert said(Diagnostics(scored_freely=True), sure, varied, still) == ""
    restless = Diagnostics()
    told = [said(restless, calm, varied, torch.full((32, 2), float(epoch % 2) * 3)) for epoch in range(12)]
    assert told[3] == "" and "chase each other" in told[-1]


@needs_mirror
@pytest.mark.slow
def test_the_dcgan_draws_digits_that_a_judge_knows(train: Train) -> None:
    from tests.trainers.judge import opinion

    run = train(builder.template("dcgan"), epochs=2)
    said_of = opinion(torch.from_numpy(samples.samples(run, 400)).clamp(0, 1))
    assert said_of.confidence > 0.6 and said_of.classes >= 8


@pytest.mark.parametrize("asked", [{"early_stopping": {"patience": 3}}, {"schedule": "reduce_on_plateau"}])
def test_what_watches_a_validation_loss_is_refused(asked: dict[str, Any]) -> None:
    document = builder.template("gan_points")
    document = document.changed(training={**document.training, **asked})
    (problem,) = [problem for problem in trainers.check(document) if problem.code == "T142"]
    assert "has none" in problem.message and problem.fix
    for edit in problem.fix:
        document = edit.apply(document)
    assert not [problem for problem in trainers.check(document) if problem.severity == "error"]
