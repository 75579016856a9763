"""Variational autoencoders: the ELBO in nats, the sampled code, KL warm-up, samples from the prior, checks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.distributions import Bernoulli, Normal
from torch.distributions import kl_divergence as kl_of

import builder
import trainers
from builder.edits import Bypass, apply_all
from tests.trainers.conftest import needs_mirror
from tests.trainers.digit_classifier import classify
from tests.trainers.latent import autoencoder
from trainers.data.batches import Batch
from trainers.events import Snapshot
from trainers.paradigms.autoencoder.reconstructions import decode, reconstruct, samples_from_prior
from trainers.paradigms.variational import Variational, diagnose, kl_divergence

Train = Callable[..., trainers.Run]


def codes(document: builder.Document) -> dict[str, Any]:
    return {problem.code: problem for problem in trainers.check(document)}


def learner_of(document: builder.Document, steps: int = 4) -> Any:
    job = trainers.Job.from_document(document, device="cpu")
    torch.manual_seed(0)
    return job.paradigm.learner(job, job.prepare(), "cpu", 10, steps)


def batch_of(learner: Any, count: int = 32) -> Any:
    return learner.prepared.training.inputs[0][:count]


def test_kl_divergence_is_that_of_torch() -> None:
    mean, log_variance = torch.randn(50, 3), torch.randn(50, 3)
    wanted = kl_of(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0))
    assert torch.allclose(kl_divergence(mean, log_variance), wanted, atol=1e-5)


@pytest.mark.parametrize("loss", ["bce", "mse"])
def test_the_loss_is_the_negative_elbo_in_nats_per_sample(loss: Any) -> None:
    learner = learner_of(autoencoder(draw=True, paradigm={"loss": loss, "beta": 3.0, "output_std": 0.5}))
    clean = batch_of(learner)
    torch.manual_seed(5)
    found = learner.forward(clean)
    output, mean = found["reconstruction"], found["mean"]
    if loss == "bce":
        log_likelihood = Bernoulli(output, validate_args=False).log_prob(clean)
    else:  # without the constant
        log_likelihood = Normal(output, 0.5).log_prob(clean) - Normal(0.0, 0.5).log_prob(torch.zeros(()))
    divergences = kl_of(Normal(mean, (found["log_variance"] / 2).exp()), Normal(0.0, 1.0))
    wanted = -log_likelihood.flatten(1).sum(dim=1).mean() + 3 * divergences.sum(dim=1).mean()
    torch.manual_seed(5)
    assert torch.allclose(learner.step(Batch((clean,), torch.zeros(32))), wanted, rtol=1e-4)


def test_samples_outside_of_the_range_of_the_training_split_are_clipped() -> None:
    for draw in (True, False):
        learner = learner_of(autoencoder(draw=draw, paradigm={"loss": "bce"}))
        clean = batch_of(learner) * 1.5 - 0.2
        assert learner.step(Batch((clean,), torch.zeros(32))).isfinite()


def test_beta_rises_during_warm_up_and_validation_uses_the_full_beta() -> None:
    learner = learner_of(autoencoder(draw=True, paradigm={"beta": 2.0, "kl_warmup_epochs": 2}))
    seen = []
    for _ in range(10):
        seen.append(learner.beta)
        learner.step(Batch((batch_of(learner),), torch.zeros(32)))
    assert seen == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.0, 2.0])
    found = learner.evaluate(learner.prepared.validation)
    assert found["loss"] == pytest.approx(found["reconstruction"] + 2 * found["kl"])
    assert found["negative_elbo"] == pytest.approx(found["reconstruction"] + found["kl"])
    found = learner.training_metrics()
    assert found["beta"] == 2.0 and found["negative_elbo"] == pytest.approx(found["reconstruction"] + found["kl"])
    assert "kl" not in learner.training_metrics()  # it is of the steps since then


def test_evaluation_samples_the_same_codes_every_time_and_keeps_the_random_state() -> None:
    learner = learner_of(autoencoder(draw=True))
    random = torch.get_rng_state()
    one, two = (learner.evaluate(learner.prepared.validation) for _ in range(2))
    shown = [event for event in learner.snapshots(1) if isinstance(event, Snapshot)]
    assert one == two and torch.equal(random, torch.get_rng_state()) and learner.model.training
    assert [event.view for event in shown] == ["reconstructions", "latent_space", "latent_units"]
    clean = batch_of(learner)
    learner.model.eval()
    assert torch.equal(learner.forward(clean)["draw"], learner.forward(clean)["mean"])


def test_a_paused_run_equals_one_without_a_pause() -> None:
    document = autoencoder(draw=True, paradigm={"kl_warmup_epochs": 1})
    straight, first = learner_of(document), learner_of(document)
    clean = batch_of(straight)
    torch.manual_seed(1)
    for _ in range(6):
        straight.step(Batch((clean,), torch.zeros(32)))
    torch.manual_seed(1)
    for _ in range(3):
        first.step(Batch((clean,), torch.zeros(32)))
    random, state = torch.get_rng_state(), first.state_dict()
    weights = {name: value.clone() for name, value in first.model.state_dict().items()}
    second = learner_of(document)
    second.model.load_state_dict(weights)
    second.load_state_dict(state)
    torch.set_rng_state(random)
    for _ in range(3):
        second.step(Batch((clean,), torch.zeros(32)))
    for name, value in straight.model.state_dict().items():
        assert torch.equal(value, second.model.state_dict()[name]), name
    assert straight.training_metrics() == second.training_metrics()


@pytest.mark.usefixtures("warm_converter")
def test_a_run_learns_and_new_samples_are_decoded(train: Train, tmp_path: Path) -> None:
    run = train(autoencoder(draw=True, epochs=6))
    assert run.state == "finished", run.progress().message
    metrics = run.metrics()
    held_out = metrics[(metrics["split"] == "validation") & (metrics["metric"] == "negative_elbo")]["value"]
    assert held_out.iloc[-1] < held_out.iloc[0] < 64
    assert run.snapshot("latent_units").arrays["kl"].shape == (4,)  # type: ignore[union-attr]
    samples = samples_from_prior(run, 5, seed=3)
    assert samples.shape == (5, 1, 8, 8) and np.array_equal(samples, samples_from_prior(run, 5, seed=3))
    found = reconstruct(run)
    assert found.codes is not None and found.kl_per_dimension is not None
    assert found.codes.shape[1] == 4 and found.kl_per_dimension.shape == (4,)
    assert np.allclose(decode(run, found.codes[:3]), found.reconstructions[:3], atol=1e-5)
    assert run.part("encoder")(torch.from_numpy(found.originals[:2])).shape == (2, 4)
    assert run.model().card["prior"] == "standard normal"
    for name, format in (("encoder", "python"), ("decoder", "python"), ("decoder", "onnx")):
        made = builder.export(run.part(name), run.part_document(name), tmp_path / f"{name}.{format}", format)
        assert made.path.exists()  # every export is run and compared before it is kept
    names: dict[str, Any] = {}
    source = (tmp_path / "decoder.python").read_text()
    exec(compile(source, "model.py", "exec"), names)
    model = names[run.part_document("decoder").name.title().replace(",", "").replace(" ", "")]()
    model.load_state_dict(run.part("decoder").state_dict())
    assert names["sample"](model, 3, seed=1).shape == (3, 1, 8, 8)
    assert "def sample(" not in (tmp_path / "encoder.python").read_text()


def test_a_network_without_a_sampled_code_is_fixed() -> None:
    plain = autoencoder(code=6, paradigm={"name": "variational"})
    plain = plain.changed(training={**plain.training, "paradigm": {"name": "variational"}})
    problem = codes(plain)["T191"]
    assert problem.node == "bottleneck" and "mean and a log variance" in problem.message and problem.fix
    fixed = apply_all(plain, problem.fix)
    assert not trainers.check(fixed)
    learner = learner_of(fixed)
    assert (
        learner.step(Batch((batch_of(learner),), torch.zeros(32))).isfinite() and learner.observed_nodes()[0] == "draw"
    )
    assert list(learner.paradigm.parts(fixed)) == ["network", "encoder", "decoder"]
    assert learner.paradigm.node_labels(fixed) == {"draw": "latent"}


def test_checks_with_their_fixes() -> None:
    tables = autoencoder(shape=(4,), code=2, data="iris", draw=True, end="Sigmoid", paradigm={"loss": "mse"})
    assert codes(tables)["T195"].severity == "warning"
    plain_numbers = codes(autoencoder(draw=True, end=""))["T195"]
    assert plain_numbers.severity == "error"
    assert not trainers.check(apply_all(autoencoder(draw=True, end=""), plain_numbers.fix))
    without_form = Bypass("form").apply(autoencoder(draw=True))
    assert not trainers.check(apply_all(without_form, codes(without_form)["T194"].fix))


def test_a_connection_around_the_sampled_code_is_reported(make: Any) -> None:
    nodes = [
        ("sample", "Input", {"shape": [4]}),
        ("one", "Linear", {"out_features": 8}),
        ("mean", "Linear", {"out_features": 2}),
        ("log_variance", "Linear", {"out_features": 2}),
        ("draw", "Reparameterize"),
        ("wide", "Linear", {"out_features": 8}),
        ("add", "Add"),
        ("last", "Linear", {"out_features": 4}),
        ("reconstruction", "Output"),
    ]
    edges = (
        "sample > one, one > mean, one > log_variance, mean > draw:mean, log_variance > draw:log_variance, draw > wide,"
        "wide > add, one > add, add > last, last > reconstruction"
    )
    training = {"data": {"name": "iris"}, "paradigm": {"name": "variational", "loss": "mse"}}
    document = make(*nodes, edges=edges, training=training)
    assert "add uses one, which bypasses draw" in codes(document)["T197"].message
    assert list(Variational().parts(document)) == ["network", "encoder"]
    learner = learner_of(document)  # it learns all the same
    assert learner.step(Batch((batch_of(learner),), torch.zeros(32))).isfinite()
    with torch.no_grad():
        learner.model.get_submodule("wide").weight.zero_()
    assert np.isfinite(list(learner.evaluate(learner.prepared.validation).values())).all()
    assert "hardly used" in learner.diagnostics[-1].message and learner.model.training


def test_a_block_that_samples_is_the_code(make: Any) -> None:
    inside = [
        ("x", "Input"),
        ("mean", "Linear", {"out_features": 3}),
        ("log_variance", "Linear", {"out_features": 3}),
        ("draw", "Reparameterize"),
        ("y", "Output"),
    ]
    wires = "x > mean, x > log_variance, mean > draw:mean, log_variance > draw:log_variance, draw > y"
    block = make(*inside, edges=wires, load=False)
    nodes = [
        ("sample", "Input", {"shape": [4]}),
        ("one", "Linear", {"out_features": 8}),
        ("core", "Block", {"block": "drawing"}),
        ("last", "Linear", {"out_features": 4}),
        ("reconstruction", "Output"),
    ]
    training = {"data": {"name": "iris"}, "paradigm": {"name": "variational", "loss": "mse"}}
    blocks = {
        "drawing": {
            "nodes": [node.model_dump() for node in block.nodes],
            "edges": [edge.model_dump() for edge in block.edges],
        }
    }
    document = make(*nodes, training=training, blocks=blocks)
    assert not trainers.check(document)
    assert Variational().code(document) == "core" and "decoder" in Variational().parts(document)
    learner = learner_of(document)
    assert learner.step(Batch((batch_of(learner),), torch.zeros(32))).isfinite()


def test_posterior_collapse_is_reported() -> None:
    assert not diagnose(torch.tensor([1.0, 0.5]), "draw", Variational())
    (some,) = diagnose(torch.tensor([1.0, 0.5, 0.001]), "draw", Variational())
    assert some.severity == "info" and "1 of 3" in some.message
    (many,) = diagnose(torch.tensor([1.0, 0.0, 0.001]), "draw", Variational())
    assert many.severity == "warning" and "Posterior collapse" in many.advice
    (whole,) = diagnose(torch.zeros(3), "draw", Variational(loss="mse"))
    assert "ignores it" in whole.message and "std" in whole.advice


@pytest.mark.slow
@needs_mirror
def test_a_classifier_recognises_sampled_digits(train: Train) -> None:
    run = train(builder.template("convolutional_vae"), epochs=6, optimizer={"lr": 0.003})
    found = classify(torch.from_numpy(samples_from_prior(run, 500)))
    assert found.confidence > 0.6 and found.classes >= 8, found
