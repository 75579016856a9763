"""Autoencoders: training and snapshots, noise, sparsity, anomaly detection, the code that is found, checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import builder
import trainers
from builder.analysis.infer import analyse
from builder.edits import apply_all
from tests.trainers.conftest import needs_mirror
from tests.trainers.latent import autoencoder
from trainers.data.batches import Batch
from trainers.events import Snapshot
from trainers.paradigms.autoencoder import bottleneck, projection
from trainers.paradigms.autoencoder.paradigm import Autoencoder
from trainers.paradigms.autoencoder.reconstructions import (
    decode,
    detect_anomalies,
    interpolate,
    reconstruct,
    samples_from_prior,
    widest_dimensions,
)
from trainers.paradigms.autoencoder.verdicts import diagnose
from trainers.runs.run import RunError

Train = Callable[..., trainers.Run]
FLAT: dict[str, Any] = {"shape": (4,), "data": "iris", "end": "", "code": 2}


def codes(document: builder.Document) -> dict[str, Any]:
    return {problem.code: problem for problem in trainers.check(document)}


def learner_of(document: builder.Document, **overrides: Any) -> Any:
    job = trainers.Job.from_document(document, device="cpu", **overrides)
    torch.manual_seed(0)
    return job.paradigm.learner(job, job.prepare(), "cpu", 10, 5)


def test_a_run_learns_and_has_snapshots(train: Train) -> None:
    run = train(autoencoder(epochs=8))
    assert run.state == "finished", run.progress().message
    assert 0.1 < run.scores()["explained_variance"] < 1
    shown = run.snapshot("reconstructions")
    assert shown is not None and shown.arrays["originals"].shape == (10, 1, 8, 8) and "noisy" not in shown.arrays
    space = run.snapshot("latent_space")
    assert space is not None and space.arrays["points"].shape == (len(space.arrays["classes"]), 2)
    found = reconstruct(run)
    assert found.codes is not None and found.codes.shape == (len(found.originals), 4) and found.kl_per_dimension is None
    held_out = run.metrics().query("split == 'validation' and metric == 'explained_variance'")["value"].max()
    assert found.explained_variance == pytest.approx(held_out, abs=0.02)
    assert (np.diff(found.errors[found.order]) <= 0).all() and found.originals.max() <= 1.0001
    # encoder and decoder together are the network, and an interpolation begins and ends at its samples
    steps = interpolate(run, found.codes[0], found.codes[1], 5)
    assert np.allclose(steps[[0, -1]], found.reconstructions[:2], atol=1e-5)
    samples = torch.from_numpy(found.originals[:3])
    assert torch.allclose(run.part("decoder")(run.part("encoder")(samples)), run.model()(samples), atol=1e-6)
    assert widest_dimensions(found.codes, 3).shape == (3,)
    with pytest.raises(RunError, match="variational"):
        samples_from_prior(run, 2)


@pytest.mark.parametrize("document", [autoencoder(**FLAT), autoencoder(shape=(2,), data="moons", end="", code=1)])
def test_tables_and_points_and_series_too(document: builder.Document, train: Train) -> None:
    run = train(document)
    assert run.state == "finished", run.progress().message
    found = reconstruct(run)
    assert decode(run, found.codes[:2]).shape == (2, *run.job.dataset.input_shape)  # type: ignore[index]
    assert run.snapshot("latent_space").arrays["points"].shape[1] == 2  # type: ignore[union-attr]


def test_a_paused_run_equals_one_without_a_pause() -> None:
    document = autoencoder(paradigm={"noise": "gaussian", "sparsity": "l1"})
    straight, first = learner_of(document), learner_of(document)
    batch = straight.prepared.training.inputs[0][:32], straight.prepared.training.targets[:32]
    torch.manual_seed(1)
    for _ in range(4):
        straight.step(Batch(batch[:1], batch[1]))
    torch.manual_seed(1)
    for _ in range(2):
        first.step(Batch(batch[:1], batch[1]))
    random, state = torch.get_rng_state(), first.state_dict()
    weights = {name: value.clone() for name, value in first.model.state_dict().items()}
    second = learner_of(document)
    second.model.load_state_dict(weights)
    second.load_state_dict(state)
    list(second.snapshots(2))  # snapshots use no random number of torch's own generator
    second.evaluate(second.prepared.validation)
    torch.set_rng_state(random)
    for _ in range(2):
        second.step(Batch(batch[:1], batch[1]))
    for name, value in straight.model.state_dict().items():
        assert torch.equal(value, second.model.state_dict()[name]), name


@pytest.mark.parametrize("noise", ["gaussian", "masking", "salt_and_pepper"])
def test_only_inputs_in_training_are_noisy(noise: Any) -> None:
    document = autoencoder(paradigm={"noise": noise, "noise_strength": 0.5})
    learner = learner_of(document)
    clean = learner.prepared.training.inputs[0][:200]
    before, random = clean.clone(), torch.get_rng_state()
    noisy = learner.paradigm.add_noise(clean)
    assert not torch.equal(random, torch.get_rng_state())  # torch's own generator: a checkpoint keeps its state
    assert torch.equal(clean, before)
    changed = float((noisy != clean).float().mean())
    assert {"gaussian": changed == 1, "masking": 0.1 < changed < 0.5}.get(noise, 0.2 < changed < 0.5)
    if noise == "masking":
        assert set(noisy[noisy != clean].tolist()) == {0.0}
    # the target is the clean sample, validation samples have the same noise every time, the trained model adds none
    random = torch.get_rng_state()
    one, two = (learner.evaluate(learner.prepared.validation) for _ in range(2))
    assert one == two and torch.equal(random, torch.get_rng_state())
    shown = next(event for event in learner.snapshots(1) if isinstance(event, Snapshot))
    assert not np.array_equal(shown.arrays["noisy"], shown.arrays["originals"])
    model = builder.compile(document).eval()
    assert torch.equal(model(clean), model(clean))


def test_an_excluded_class_is_detected_by_its_error(train: Train) -> None:
    document = autoencoder(code=6, epochs=6, paradigm={"anomaly_class": "0"}, data="digits")
    job = trainers.Job.from_document(document)
    prepared = job.prepare()
    assert not (prepared.training.targets == 0).any() and not (prepared.validation.targets == 0).any()
    assert (prepared.test.targets == 0).any() and "excluded" in prepared.notes[-1]
    run = train(document)
    assert run.scores()["auroc"] > 0.7
    found = detect_anomalies(reconstruct(run, "test"))
    assert found is not None and found.auroc == pytest.approx(run.scores()["auroc"], abs=1e-6)
    assert detect_anomalies(reconstruct(run)) is None
    assert "excluded" in " ".join(verdict.message for verdict in run.verdicts())


def test_sparsity_penalties() -> None:
    code = torch.rand(50, 8)
    for kind, rate in (("l1", 0.05), ("kl", 0.2)):
        learner = learner_of(autoencoder(end="", paradigm={"sparsity": "none"}))
        learner.paradigm = Autoencoder(sparsity=kind, sparsity_weight=2.0, target_rate=rate)
        if kind == "l1":
            wanted = 2 * code.abs().mean()
        else:
            bernoulli = torch.distributions.Bernoulli
            wanted = 2 * torch.distributions.kl_divergence(bernoulli(rate), bernoulli(code.mean(dim=0))).mean()
        assert torch.allclose(learner.sparsity_penalty(code), wanted, atol=1e-6)


def test_the_code_is_the_narrowest_node() -> None:
    def found(document: builder.Document) -> str | None:
        return bottleneck.find_code(analyse(document))

    assert found(autoencoder()) == "bottleneck"
    assert found(autoencoder(middle=(("bend", "Tanh", {}),))) == "bend"  # the last of equals
    assert found(autoencoder(middle=(("noise", "Dropout", {}),))) == "bottleneck"  # without noise on it
    assert found(autoencoder(middle=(("cube", "Reshape", {"shape": [4, 1, 1]}), ("flat", "Flatten", {})))) == "flat"
    assert Autoencoder(latent="bend1").code(autoencoder()) == "bend1"
    assert Autoencoder().node_labels(autoencoder()) == {"bottleneck": "latent"}
    assert list(Autoencoder().parts(autoencoder())) == ["network", "encoder", "decoder"]


@pytest.mark.parametrize(
    ("document", "code", "says"),
    [
        (autoencoder(paradigm={"latent": "gone"}), "T192", "no such node"),
        (autoencoder(paradigm={"latent": "sample"}), "T192", "not a layer"),
        (autoencoder(end="Softmax"), "T195", "add up to 1"),
        (autoencoder(end="ReLU", paradigm={"loss": "bce"}), "T195", "between 0 and 1"),
        (autoencoder(**{**FLAT, "end": "Tanh"}), "T195", "from -1 to 1"),
        (autoencoder(paradigm={"anomaly_class": "<b>"}), "T196", "is not a class"),
        (autoencoder(**FLAT, paradigm={"anomaly_class": "x"}), "T196", "is not a class"),
        (autoencoder(shape=(10,), data="diabetes", end="", paradigm={"anomaly_class": "x"}), "T196", "no classes"),
        (autoencoder(code=64, paradigm={"latent": "bottleneck"}), "T198", "can copy"),
        (autoencoder(paradigm={"sparsity": "kl"}), "T199", "not between 0 and 1"),
        (autoencoder(paradigm={"anomaly_class": "3"}, data={"name": "digits", "test": 0.0}), "T196", "no test split"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_checks_with_their_fixes(document: builder.Document, code: str, says: str) -> None:
    problem = codes(document)[code]
    assert says in problem.message and problem.fix, problem
    fixed = document
    for _ in range(4):  # one fix may uncover the next problem
        left = [found for found in trainers.check(fixed) if found.fix]
        if not left:
            break
        fixed = apply_all(fixed, left[0].fix or ())
    assert code not in codes(fixed)
    learner = learner_of(fixed)
    assert learner.step(Batch(tuple(part[:8] for part in learner.prepared.training.inputs), torch.zeros(8))).isfinite()


def without(document: builder.Document, *names: str, width: int | None = None) -> builder.Document:
    from builder.edits import Bypass, SetParams

    edits: list[Any] = [Bypass(name) for name in names]
    return apply_all(document, edits + ([SetParams("values", {"out_features": width})] if width else []))


@pytest.mark.parametrize(
    "document",
    [
        without(autoencoder(), "form"),
        without(autoencoder(), "form", width=50),
        autoencoder().changed(training={**autoencoder().training, "data": {"name": "iris"}}),
        without(autoencoder(**FLAT), "form", width=3),
    ],
)
def test_an_output_of_another_shape_is_fixed(document: builder.Document) -> None:
    assert "T194" in codes(document)
    for _ in range(4):
        left = [problem for problem in trainers.check(document) if problem.severity == "error" and problem.fix]
        if not left:
            break
        document = apply_all(document, left[0].fix or ())
    assert not [problem for problem in trainers.check(document) if problem.severity == "error"]


def test_a_connection_around_the_code_is_reported(make: Any) -> None:
    nodes = [
        ("sample", "Input", {"shape": [4]}),
        ("one", "Linear", {"out_features": 8}),
        ("bend", "ReLU"),
        ("narrow", "Linear", {"out_features": 2}),
        ("wide", "Linear", {"out_features": 8}),
        ("add", "Add"),
        ("last", "Linear", {"out_features": 4}),
        ("reconstruction", "Output"),
    ]
    around = "narrow > wide, wide > add, bend > add"
    edges = f"sample > one, one > bend, bend > narrow, {around}, add > last, last > reconstruction"
    training = {"data": {"name": "iris"}, "paradigm": {"name": "autoencoder", "latent": "narrow"}}
    document = make(*nodes, edges=edges, training=training)
    problem = codes(document)["T197"]
    assert problem.severity == "warning" and "add uses" in problem.message and problem.node == "narrow"
    assert "decoder" not in Autoencoder(latent="narrow").parts(document)
    learner = learner_of(document)
    with torch.no_grad():
        learner.model.get_submodule("wide").weight.zero_()
    learner.evaluate(learner.prepared.validation)
    assert "hardly used" in learner.diagnostics[-1].message and learner.diagnostics[-1].node == "narrow"
    unnamed = document.changed(training={**training, "paradigm": {"name": "autoencoder"}})
    assert "goes around it" in codes(unnamed)["T197"].message


def test_text_and_pairs_are_refused() -> None:
    for data in ({"name": "python_reference"}, {"name": "digit_pairs"}):
        document = autoencoder()
        found = codes(document.changed(training={**document.training, "data": data}))
        assert "reconstructs one input" in found["T190"].message


def test_a_network_without_weights_is_refused(make: Any) -> None:
    training = {"data": {"name": "iris"}, "paradigm": {"name": "autoencoder"}}
    document = make(("sample", "Input"), ("bend", "ReLU"), ("reconstruction", "Output"), training=training)
    assert "nothing to learn" in codes(document)["T198"].message


def test_diagnostics_of_codes_and_reconstructions() -> None:
    how, code = Autoencoder(), torch.randn(100, 4)
    assert not diagnose(code, "bottleneck", how)
    code[:, 1] = 3.0
    (dead,) = diagnose(code, "bottleneck", how)
    assert dead.message.startswith("1 of 4") and dead.severity == "info" and dead.node == "bottleneck"
    assert "same for every sample" in diagnose(torch.ones(10, 3), "bottleneck", how)[0].message


def test_projections_of_codes() -> None:
    random = np.random.default_rng(0)
    wide = random.normal(size=(60, 5)).astype(np.float32) * np.array([9, 4, 0.1, 0.1, 0.1], np.float32)
    points, explained = projection.project(wide, wide[:, 0], None)
    assert explained > 0.99 and points.shape == (60, 2)
    aligned, _ = projection.project(-wide, wide[:, 0], points)  # rotated back to where the points were
    assert np.abs(aligned - points).max() < 0.2
    assert np.array_equal(projection.project(wide[:, :2], wide[:, 0], None)[0], wide[:, :2])
    assert projection.project(wide[:, :1], wide[:, 1], None)[0].shape == (60, 2)
    for same in (np.ones((9, 3)), np.ones((1, 3)), np.ones((3, 3))):
        assert np.isfinite(projection.tsne(same)).all()
        assert np.isfinite(projection.principal_components(same)[0]).all()
    assert projection.tsne(wide[:20]).shape == (20, 2)


@pytest.mark.slow
@needs_mirror
def test_excluded_classes_are_detected_by_their_error(train: Train) -> None:
    areas = []
    for name in "048":
        run = train(builder.template("anomaly_detector"), epochs=10, paradigm={"anomaly_class": name})
        areas.append(run.scores()["auroc"])
    assert np.mean(areas) >= 0.85, areas
