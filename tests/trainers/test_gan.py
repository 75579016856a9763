"""GANs: losses, metrics, whose step it is, checkpoints, what a run keeps, checks with their fixes, verdicts."""

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
from builder.exports.extras.generator import GeneratorExtra
from builder.exports.subject import subject
from builder.problems import Problem
from tests.trainers.conftest import needs_mirror
from tests.trainers.small_gan import small_gan
from trainers.data.batches import Batch
from trainers.paradigms.gan import samples
from trainers.paradigms.gan.learner import GanLearner
from trainers.paradigms.gan.losses import GAN_LOSSES, gradient_penalty
from trainers.paradigms.gan.metrics import (
    covered_classes,
    diversity,
    nearest_classes,
    sliced_wasserstein,
)
from trainers.paradigms.gan.verdicts import Diagnostics

Train = Callable[..., trainers.Run]
REAL, FAKE = torch.tensor([[2.0], [0.5]]), torch.tensor([[-1.0], [0.25]])


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


# -- losses and metrics -----------------------------------------------------------------------------------------------


def test_losses_match_the_formulas_of_the_papers() -> None:
    real, fake = REAL.flatten().tolist(), FAKE.flatten().tolist()

    def mean(values: list[float]) -> float:
        return sum(values) / len(values)

    cross_entropy = -mean([math.log(sigmoid(x)) for x in real]) - mean([math.log(1 - sigmoid(x)) for x in fake])
    smoothed = -mean([0.9 * math.log(sigmoid(x)) + 0.1 * math.log(1 - sigmoid(x)) for x in real])
    smoothed -= mean([math.log(1 - sigmoid(x)) for x in fake])
    expected = {
        "non_saturating": (cross_entropy, -mean([math.log(sigmoid(x)) for x in fake])),
        "least_squares": (
            0.5 * mean([(x - 1) ** 2 for x in real]) + 0.5 * mean([x**2 for x in fake]),
            0.5 * mean([(x - 1) ** 2 for x in fake]),
        ),
        "hinge": (mean([max(0, 1 - x) for x in real]) + mean([max(0, 1 + x) for x in fake]), -mean(fake)),
        "wasserstein": (mean(fake) - mean(real), -mean(fake)),
    }
    assert expected.keys() == GAN_LOSSES.keys()
    for name, (discriminator, generator) in expected.items():
        assert float(GAN_LOSSES[name].discriminator(REAL, FAKE, 0.0)) == pytest.approx(discriminator, abs=1e-6)
        assert float(GAN_LOSSES[name].generator(FAKE)) == pytest.approx(generator, abs=1e-6)
    assert float(GAN_LOSSES["non_saturating"].discriminator(REAL, FAKE, 0.1)) == pytest.approx(smoothed, abs=1e-6)


def test_the_gradient_penalty_is_the_squared_distance_of_the_norm_from_one() -> None:
    weight = torch.tensor([[3.0, 4.0]], requires_grad=True)
    penalty = gradient_penalty(lambda points: points @ weight.T, torch.randn(6, 2), torch.randn(6, 2))
    assert penalty.item() == pytest.approx(16.0)
    penalty.backward()
    assert weight.grad is not None and weight.grad.norm() > 0


def test_similarity_of_samples_and_data() -> None:
    data = torch.randn(300, 2, generator=torch.Generator().manual_seed(0))
    assert diversity(data, data) == pytest.approx(1.0) and diversity(torch.ones(50, 2), data) == 0.0
    assert sliced_wasserstein(data, data) == 0.0 and sliced_wasserstein(data + 5, data) > 2.0
    targets = (data[:, 0] > 0).long()
    assert torch.equal(nearest_classes(data, data, targets), targets)
    assert covered_classes(torch.tensor([0] * 60 + [1] * 3), 2) == [True, False]


# -- training ---------------------------------------------------------------------------------------------------------


def learner(document: Document) -> tuple[GanLearner, Any]:
    job = trainers.Job.from_document(document, device="cpu")
    prepared = job.prepare()
    torch.manual_seed(0)
    made = job.paradigm.learner(job, prepared, "cpu", 40, 10)
    assert isinstance(made, GanLearner)
    return made, prepared.training


def steps(made: GanLearner, part: Any, count: int) -> list[float]:
    return [float(made.step(Batch((part.inputs[0][:32],), part.targets[:32]))) for _ in range(count)]


def copied(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def test_the_generator_is_trained_every_few_steps_and_leaves_no_gradient_in_the_discriminator() -> None:
    made, part = learner(small_gan(paradigm={"name": "gan", "discriminator_steps": 3}))
    before = copied(made.generator)
    first = steps(made, part, 1)
    after, discriminator = copied(made.generator), copied(made.discriminator)
    assert any(not torch.equal(before[name], after[name]) for name in before)
    assert steps(made, part, 2) == first * 2  # steps of the discriminator alone return the last loss again
    assert all(torch.equal(value, made.generator.state_dict()[name]) for name, value in after.items())
    assert any(not torch.equal(value, made.discriminator.state_dict()[name]) for name, value in discriminator.items())
    gradients = [parameter.grad.clone() for parameter in made.discriminator.parameters() if parameter.grad is not None]
    steps(made, part, 1)
    assert len(gradients) == 4 and all(parameter.requires_grad for parameter in made.discriminator.parameters())


def test_probes_watch_the_discriminator_on_the_real_batch() -> None:
    made, part = learner(small_gan(paradigm={"name": "gan", "loss": "wasserstein"}))
    seen: list[torch.Tensor] = []
    made.discriminator.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].detach().clone()))
    steps(made, part, 1)
    assert len(seen) == 4  # real, fake, the points of the gradient penalty, and the generator's step
    assert made.probed_forward == 0 and torch.equal(seen[0], part.inputs[0][:32])


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("loss", GAN_LOSSES)
def test_a_resumed_learner_gives_the_same_numbers(loss: str, conditional: bool) -> None:
    document = small_gan(
        conditional, paradigm={"name": "gan", "loss": loss, "discriminator_steps": 2, "ema_decay": 0.9}
    )
    one, part = learner(document)
    steps(one, part, 5)
    one.training_metrics()
    list(one.step_metrics.new_points())
    kept = {name: copied(network) for name, network in one.modules.items()}
    state, random = copy.deepcopy(one.state_dict()), torch.get_rng_state()
    expected = steps(one, part, 4), one.evaluate(part), one.training_metrics()
    other, _ = learner(document)
    for name, network in other.modules.items():
        network.load_state_dict(kept[name])
    other.load_state_dict(state)
    torch.set_rng_state(random)
    assert (steps(other, part, 4), other.evaluate(part), other.training_metrics()) == expected
    assert [metric.step for metric in other.step_metrics.new_points()][::4] == [6, 7, 8, 9]


def test_a_run_keeps_the_moving_average_its_snapshots_and_its_curves(train: Train) -> None:
    document = small_gan()
    run = train(document)
    assert run.state == "finished", run.progress().message
    modules = run.networks()
    assert set(modules) == {"generator", "discriminator", "ema"}
    inputs = torch.randn(5, 4)
    assert torch.equal(run.model()(inputs), modules["ema"](inputs))
    assert not torch.equal(run.model()(inputs), modules["generator"](inputs))
    metrics = run.metrics()
    expected = {"generator_loss", "discriminator_loss", "step_accuracy_real", "discriminator_accuracy_fake"}
    assert expected <= set(metrics.metric)
    assert "loss" not in set(metrics[metrics.split == "validation"].metric)
    assert {"sliced_wasserstein", "diversity", "mode_coverage", "discriminator_accuracy_real"} <= set(run.scores())
    snapshot = run.snapshot("generated_samples")
    assert snapshot is not None and snapshot.arrays["fake"].shape == snapshot.arrays["real"].shape == (144, 2)
    assert {probe.node for probe in run.probes("gradients").itertuples()} == {"fc1", "point", "fc2", "score"}


# -- after training ---------------------------------------------------------------------------------------------------


def test_samples_of_a_trained_generator(train: Train) -> None:
    run = train(small_gan(conditional=True, epochs=1))
    one, same = samples.samples(run, 20, seed=3), samples.samples(run, 20, seed=3)
    assert one.shape == (20, 2) and np.array_equal(one, same)
    assert np.std(samples.samples(run, 20, 3, temperature=0.0, label=1), axis=0).max() < 1e-6
    scores = samples.scores(run)
    assert {name: len(found) for name, found in scores.items()} == {
        "training": 144,
        "validation": 48,
        "generated": 144,
    }
    path = samples.interpolate(run, 1, 2, 7, label=1)
    assert len(path) == 7 and not np.array_equal(path[0], path[-1])
    ends = torch.tensor([3.0, 0.0]), torch.tensor([0.0, 3.0])
    points = samples.spherical_interpolation(*ends, torch.linspace(0, 1, 5))
    assert points.norm(dim=1) == pytest.approx(3.0)


def test_both_networks_are_parts_of_a_run(train: Train) -> None:
    run = train(small_gan(epochs=1))
    assert list(run.parts()) == ["generator", "discriminator"]
    generator, discriminator = run.part("generator"), run.part("discriminator")
    assert generator(torch.randn(3, 4)).shape == (3, 2) and discriminator(torch.randn(3, 2)).shape == (3, 1)
    assert generator.card["inputs"] == [None] and "targets" in generator.card
    assert torch.equal(generator.state_dict()["fc1.weight"], run.networks()["ema"].state_dict()["fc1.weight"])


def test_the_exported_generator_gives_the_same_samples(train: Train, tmp_path: Path) -> None:
    run = train(small_gan(conditional=True, epochs=1))
    path = tmp_path / "generator.py"
    model, document = run.part("generator"), run.part_document("generator")
    builder.export(model, document, path, "python")
    names: dict[str, Any] = {"__name__": "model", "__file__": str(path)}
    exec(compile(path.read_text(encoding="utf-8"), "model.py", "exec"), names)
    written = names["Generator"]()
    written.load_state_dict(model.state_dict())
    points = names["sample"](written.eval(), count=5, seed=3, label=1)
    assert np.allclose(points.numpy(), samples.samples(run, 5, seed=3, label=1), atol=1e-5)
    assert not GeneratorExtra().fits(subject(run.part("discriminator"), run.part_document("discriminator")))


@needs_mirror
@pytest.mark.slow
def test_a_classifier_recognises_the_digits_of_the_dcgan(train: Train) -> None:
    from tests.trainers.digit_classifier import classify

    run = train(builder.template("dcgan"), epochs=2)
    found = classify(torch.from_numpy(samples.samples(run, 400)).clamp(0, 1))
    assert found.confidence > 0.6 and found.classes >= 8


# -- checks -----------------------------------------------------------------------------------------------------------


def problem_of(document: Document, code: str) -> Problem:
    return next(problem for problem in trainers.check(document) if problem.code == code)


def fixed(document: Document, code: str) -> Document:
    """The document after the fix of a problem, which leaves no other problem."""
    problem = problem_of(document, code)
    assert problem.fix and problem.fix_label, str(problem)
    after = apply_all(trainers.bind(document), problem.fix)
    assert [str(left) for left in trainers.check(after)] == []
    return after


@pytest.mark.parametrize("data", [{"name": "moons"}, {"name": "digits"}])
@pytest.mark.parametrize("network", ["generator", "discriminator"])
def test_a_missing_network_is_added_to_fit_the_data(network: str, data: dict[str, Any]) -> None:
    empty = Document(training={**small_gan().training, "data": data})
    other = "discriminator" if network == "generator" else "generator"
    missing = [problem for problem in trainers.check(empty) if problem.code == "T180" and other in problem.message]
    first = apply_all(empty, missing[0].fix or ())
    assert f"no network called {network}" in problem_of(first, "T180").message
    after = fixed(first, "T180")
    assert {node.network for node in after.nodes} == {"generator", "discriminator"}


def test_output_shapes_of_both_networks() -> None:
    document = small_gan()
    wide = SetParams("point", {"out_features": 3}).apply(document)
    assert "do not match" in problem_of(wide, "T182").message
    fixed(wide, "T182")
    fixed(SetParams("score", {"out_features": 2}).apply(document), "T183")
    fixed(SetParams("noise", {}).apply(document), "T181")
    digits = document.changed(training={**document.training, "data": {"name": "digits"}})
    images = RemoveNodes(("sample", "fc2")).apply(digits)
    assert problem_of(images, "T182").fix_label == "Generate 64 numbers and reshape them to 1 × 8 × 8"


def test_a_sigmoid_before_the_score_is_removed() -> None:
    document = small_gan()
    sigmoid_node = builder.document.Node(name="act2", type="Sigmoid", network="discriminator")
    nodes = tuple(sigmoid_node if node.name == "act2" else node for node in document.nodes)
    wires = [("sample", "fc2"), ("fc2", "score"), ("score", "act2"), ("act2", "realness")]
    edges = [edge for edge in document.edges if document.node(edge.source).network == "generator"]
    edges += [type(edges[0])(source=one, target=other) for one, other in wires]
    assert "act2" not in fixed(document.changed(nodes=nodes, edges=tuple(edges)), "T183").by_name


def test_two_networks_need_this_paradigm_and_a_third_is_refused() -> None:
    document = small_gan()
    plain = document.changed(training={**document.training, "paradigm": {"name": "supervised"}})
    assert [problem.code for problem in trainers.check(plain)] == ["T184"]
    assert fixed(plain, "T184").training["paradigm"] == {"name": "gan"}
    third = builder.document.Node(name="more", type="Input", params={"shape": [2]}, network="main")
    assert "main" in problem_of(document.changed(nodes=(*document.nodes, third)), "T185").message


def test_unsuitable_data_and_classes() -> None:
    conditional = small_gan(conditional=True)
    assert trainers.check(conditional) == []
    diabetes = conditional.changed(training={**conditional.training, "data": {"name": "diabetes"}})
    assert "has none" in problem_of(diabetes, "T187").message
    embedding = {"num_embeddings": 1, "embedding_dim": 3}
    small = SetParams("generator_embedding", embedding).apply(conditional)
    assert fixed(small, "T187").node("generator_embedding").params["num_embeddings"] == 2
    fixed(SetParams("generator_class", {"shape": [1]}).apply(conditional), "T187")
    branch = ("discriminator_class", "discriminator_embedding", "discriminator_flat")
    assert "does not receive it" in problem_of(RemoveNodes(branch).apply(conditional), "T187").message
    text = small_gan().changed(training={**small_gan().training, "data": {"name": "python_reference"}})
    assert "tokens" in problem_of(text, "T186").message
    pairs = small_gan().changed(training={**small_gan().training, "data": {"name": "digit_pairs"}})
    assert "2 parts" in problem_of(pairs, "T186").message


@pytest.mark.parametrize("watching", [{"early_stopping": {"patience": 3}}, {"schedule": "reduce_on_plateau"}])
def test_what_needs_a_validation_loss_is_refused(watching: dict[str, Any]) -> None:
    document = builder.template("gan_points")
    document = document.changed(training={**document.training, **watching})
    (problem,) = [problem for problem in trainers.check(document) if problem.code == "T142"]
    assert "has none" in problem.message and problem.fix
    for edit in problem.fix:
        document = edit.apply(document)
    assert not [problem for problem in trainers.check(document) if problem.severity == "error"]


# -- verdicts ---------------------------------------------------------------------------------------------------------

BALANCED = {"discriminator_accuracy_real": 0.6, "discriminator_accuracy_fake": 0.6}
DIVERSE = {"diversity": 1.0, "mode_coverage": 8.0}
CONSTANT = torch.zeros(32, 2)


def messages(
    diagnostics: Diagnostics,
    recent: dict[str, float] = BALANCED,
    similarity: dict[str, float] = DIVERSE,
    generated: torch.Tensor = CONSTANT,
    classes: int = 8,
) -> str:
    data = torch.randn(32, 2, generator=torch.Generator().manual_seed(1))
    verdicts = diagnostics.verdicts(recent, similarity, generated, data, classes)
    return " ".join(verdict.message for verdict in verdicts)


def test_mode_collapse_is_reported() -> None:
    assert messages(Diagnostics()) == ""
    low = messages(Diagnostics(), similarity={"diversity": 0.2, "mode_coverage": 1.0})
    assert low.startswith("Mode collapse") and "20% of the data's, 1 of 8 classes" in low
    assert "3 of 8 classes" in messages(Diagnostics(), similarity={"diversity": 0.9, "mode_coverage": 3.0})
    without_classes = {"diversity": 0.9}
    assert messages(Diagnostics(), similarity=without_classes, classes=0) == ""
    assert "50% of the data's" in messages(Diagnostics(), similarity={"diversity": 0.5}, classes=0)


def test_a_discriminator_that_is_always_right_is_reported() -> None:
    confident = {"discriminator_accuracy_real": 0.99, "discriminator_accuracy_fake": 1.0}
    assert "The discriminator wins" in messages(Diagnostics(), confident)
    assert messages(Diagnostics(relative_scores=True), confident) == ""


def test_oscillation_is_reported_after_the_first_epochs() -> None:
    diagnostics = Diagnostics()
    found = [messages(diagnostics, generated=torch.full((32, 2), float(epoch % 2) * 3)) for epoch in range(12)]
    assert found[3] == "" and found[-1].startswith("Oscillation")
