"""Diffusion: noise schedules, training, sampling, resumed runs, checks and fixes, model.py."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import builder
import trainers
from builder.document import Edge
from builder.edits import Connect, apply_all
from builder.exports.formats.archive import readme
from builder.exports.subject import subject
from builder.library.diffusion import denoise, signal_share
from tests.builder.generated_code import tidy
from tests.trainers.small_diffusion import NODES, small_diffusion
from trainers.data.batches import Batch
from trainers.engine import checkpoint
from trainers.engine.snapshot_schedule import SnapshotSchedule
from trainers.paradigms.diffusion.paradigm import DiffusionLearner
from trainers.paradigms.diffusion.sampling import explained_variance_by_time, generate
from trainers.runs.predictions import prepared_data

Train = Callable[..., trainers.Run]


def codes(document: builder.Document) -> dict[str, Any]:
    return {problem.code: problem for problem in trainers.check(document)}


def without(*names: str, **changed: tuple[str, dict[str, Any]]) -> list[Any]:
    """The small network without some nodes, or with others in their place."""
    return [(name, *changed.get(name, (kind, params))) for name, kind, params in NODES if name not in names]


def test_schedules_match_the_formulas_of_the_papers() -> None:
    linear = signal_share("linear", 1000)
    product = 1.0
    for step in range(1000):
        product *= 1 - (1e-4 + (0.02 - 1e-4) * step / 999)
        if step in (0, 10, 500, 999):
            assert float(linear[step]) == pytest.approx(product, rel=1e-4)
    cosine = signal_share("cosine", 100)

    def curve(time: float) -> float:
        return math.cos((time + 0.008) / 1.008 * math.pi / 2) ** 2

    for step in (0, 10, 50, 90):
        assert float(cosine[step]) == pytest.approx(curve((step + 1) / 100) / curve(0), rel=1e-4)
    for shares in (linear, cosine, signal_share("linear", 2), signal_share("cosine", 2)):
        assert (shares.diff() < 0).all() and 0 < shares[-1] < shares[0] < 1


def test_a_perfect_prediction_of_the_noise_gives_the_image_back() -> None:
    """In any number of steps."""
    image, share = torch.rand(3, 1, 4, 4) * 1.6 - 0.8, signal_share("cosine", 50)

    def perfect(x: Tensor, time: Tensor) -> Tensor:
        now = share[time].reshape(-1, 1, 1, 1)
        return (x - now.sqrt() * image) / (1 - now).sqrt()

    for steps in (1, 7, 50):
        stages = list(denoise(perfect, torch.randn(3, 1, 4, 4), share, steps))
        assert len(stages) == steps
        torch.testing.assert_close(stages[-1], image, atol=1e-3, rtol=0)


def test_a_run_predicts_noise_and_generates_samples(train: Train) -> None:
    run = train(small_diffusion(epochs=6))
    assert run.state == "finished", run.progress().message
    metrics = run.metrics()
    validation = metrics[metrics["split"] == "validation"].set_index(["epoch", "metric"])["value"]
    assert validation[6, "loss"] < validation[1, "loss"]
    assert validation[6, "explained_variance"] == pytest.approx(1 - validation[6, "loss"])
    assert validation[6, "loss"] < 0.5
    assert set(run.scores()) == {"loss", "explained_variance", "explained_variance_low_noise"}
    denoising = run.snapshot("denoising")
    assert denoising is not None and denoising.arrays["stages"].shape == (4, 5, 1, 8, 8)
    final = run.snapshot("diffusion_samples")
    assert final is not None and final.arrays["samples"].shape == (36, 1, 8, 8)
    np.testing.assert_allclose(final.arrays["samples"][:4], denoising.arrays["stages"][:, -1], atol=1e-3)
    assert np.abs(final.arrays["samples"]).max() <= 1.001
    found = generate(run, seed=1, count=3, steps=4)
    assert found.stages.shape == (5, 3, 1, 8, 8) and found.nearest.shape == (3, 1, 8, 8)
    assert np.array_equal(found.stages, generate(run, seed=1, count=3, steps=4).stages)
    assert not np.array_equal(found.stages, generate(run, seed=2, count=3, steps=4).stages)
    times, explained = explained_variance_by_time(run)
    assert times[0] == 0 and times[-1] == 39 and explained[-1] > explained[0]
    average, plain = run.networks()["ema"], run.networks()["main"]
    assert all(torch.equal(a, b) for a, b in zip(run.model().parameters(), average.parameters(), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(average.parameters(), plain.parameters(), strict=True))


def learner(document: builder.Document, steps: int = 100) -> DiffusionLearner:
    job = trainers.Job.from_document(document)
    torch.manual_seed(0)
    made = job.paradigm.learner(job, job.prepare(), "cpu", steps, 10)
    assert isinstance(made, DiffusionLearner)
    return made


def test_a_resumed_run_gives_the_same_numbers(tmp_path: Path) -> None:
    document = small_diffusion()
    whole = learner(document)
    batches = whole.prepared.training.inputs[0][:512].split(64)  # type: ignore[no-untyped-call]
    for batch in batches[:4]:
        whole.step(Batch((batch,), batch))
    state = {
        "networks": {name: dict(module.state_dict()) for name, module in whole.modules.items()},
        "learner": whole.state_dict(),
        "random": checkpoint.random_state("cpu"),
    }
    checkpoint.save(tmp_path, 1, state)
    expected = [float(whole.step(Batch((batch,), batch))) for batch in batches[4:]]
    again, state = learner(document), checkpoint.load(tmp_path)
    for name, module in again.modules.items():
        module.load_state_dict(state["networks"][name])
    again.load_state_dict(state["learner"])
    checkpoint.set_random_state(state["random"], "cpu")
    assert [float(again.step(Batch((batch,), batch))) for batch in batches[4:]] == expected
    for one, other in zip(whole.ema.parameters(), again.ema.parameters(), strict=True):
        assert torch.equal(one, other)


def test_snapshots_and_evaluations_use_the_same_noise_and_change_nothing() -> None:
    made = learner(small_diffusion())
    before = torch.get_rng_state()
    assert [event.view for event in made.snapshots(1)] == ["denoising", "diffusion_samples"]  # type: ignore[attr-defined]
    first, second = (made.evaluate(made.prepared.validation) for _ in range(2))
    assert first == second and torch.equal(before, torch.get_rng_state())
    assert made.model.training and not list(made.snapshots(2)), "the next snapshot is not due at once"


def test_useless_predictions_and_equal_samples_are_reported() -> None:
    made = learner(small_diffusion())
    for parameter in made.ema.parameters():
        parameter.zero_()
    scores = made.evaluate(made.prepared.validation)
    (guess,) = made.guesses
    assert not guess.beaten_by(scores["explained_variance"]) and guess.beaten_by(0.5)
    made._relative_deviation, made.epochs = 0.1, made.job.settings.epochs  # it is not measured again
    made.evaluate(made.prepared.validation)
    assert "almost the same" in made.diagnostics[0].message


@pytest.mark.parametrize(
    ("nodes", "code", "says"),
    [
        (without("time", "embed", "shift", "as_channels", "add"), "T220", "how much noise there is"),
        (without("embed", time=("Input", {"shape": [3]}), shift=("Linear", {"out_features": 8})), "T221", "3 (float)"),
        (without(last=("Conv2d", {"out_channels": 4, "padding": 1})), "T222", "4 × 8 × 8"),
        (without(noise=("Output", {}), silu=("SiLU", {}), last=("ReLU", {})), "T223", "above and below zero"),
    ],
)
def test_networks_that_cannot_predict_noise_are_refused(nodes: list[Any], code: str, says: str) -> None:
    problem = codes(small_diffusion(nodes=nodes))[code]
    assert problem.severity == "error" and says in problem.message
    if code != "T223":
        after = codes(apply_all(small_diffusion(nodes=nodes), problem.fix))
        assert code not in after


def test_the_fixes_leave_a_network_that_trains() -> None:
    assert not trainers.check(small_diffusion())
    wide = small_diffusion(nodes=without(last=("Conv2d", {"out_channels": 4, "padding": 1})))
    assert not trainers.check(apply_all(wide, codes(wide)["T222"].fix))
    many = small_diffusion({"sampling_steps": 60})
    assert codes(many)["T224"].fix_label == "Set sampling_steps to 40"
    assert not trainers.check(apply_all(many, codes(many)["T224"].fix))
    third = small_diffusion(nodes=[*NODES[:2], ("other", "Input", {"shape": [2]}), *NODES[2:]])
    assert "one of 3 Inputs" in codes(third)["T220"].message
    words = small_diffusion(data={"name": "python_reference", "context": 16, "limit": 6000})
    assert "represent words" in codes(words)["T225"].message


def test_model_py_generates_the_samples_of_the_run(train: Train, tmp_path: Path) -> None:
    run = train(small_diffusion(epochs=1))
    for name, kind in (("model.py", "python"), ("model.safetensors", "safetensors")):
        builder.export(run.model(), run.document, tmp_path / name, kind)
    words = readme(subject(run.model(), run.document), ["model.py"])
    assert "sample(count=16, seed=1)" in words and "model(preprocess(image), time)" in words
    tidy((tmp_path / "model.py").read_text(encoding="utf-8"))
    code = "import model, torch; torch.save(model.sample(count=5, seed=3), 'samples.pt')"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    written = torch.load(tmp_path / "samples.pt", weights_only=True)
    scale = prepared_data(run).standardisation[0]
    assert scale is not None
    ours = scale.revert(generate(run, seed=3, count=5, steps=4).stages[-1])
    torch.testing.assert_close(written, torch.from_numpy(ours), atol=1e-4, rtol=0)


def test_points_of_the_plane_are_generated_too(train: Train) -> None:
    nodes = [
        ("image", "Input", {}),
        ("time", "Input", {"shape": [1], "dtype": "int"}),
        ("embed", "TimestepEmbedding", {"embedding_dim": 8}),
        ("conv", "Concat", {}),
        ("silu", "Linear", {"out_features": 16}),
        ("last", "Linear", {"out_features": 2}),
        ("noise", "Output", {}),
    ]
    document = small_diffusion(nodes=nodes, data={"name": "moons", "samples": 200, "batch_size": 50}, epochs=1)
    wired = [Connect(Edge(source=a, target=b)) for a, b in (("embed", "conv"), ("conv", "silu"))]
    document = apply_all(document, wired)
    run = train(document)
    assert run.state == "finished", run.progress().message
    denoising = run.snapshot("denoising")
    assert denoising is not None and denoising.arrays["stages"].shape == (300, 5, 2)


@pytest.mark.slow
def test_a_classifier_recognises_the_digits_of_the_template(train: Train) -> None:
    """A fifth of the template's training: a classifier of real digits is confident about most generated ones."""
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.model_selection import train_test_split
    from sklearn.svm import SVC

    run = train(builder.template("diffusion"), epochs=20)
    assert run.state == "finished", run.progress().message
    assert run.scores()["explained_variance"] > 0.82
    whole = prepared_data(run)
    digits = torch.cat([whole.training.inputs[0], whole.validation.inputs[0]]).flatten(1).numpy()
    labels = torch.cat([whole.training.targets, whole.validation.targets]).numpy()
    inputs, held_out, targets, expected = train_test_split(digits, labels, test_size=0.3, random_state=0)
    classifier = CalibratedClassifierCV(SVC(gamma=0.06, C=10), ensemble=False).fit(inputs, targets)
    assert classifier.score(held_out, expected) > 0.97
    probabilities = classifier.predict_proba(generate(run, seed=1, count=200, steps=25).stages[-1].reshape(200, -1))
    assert probabilities.max(axis=1).mean() > 0.6 and len(np.unique(probabilities.argmax(axis=1))) >= 8


@pytest.mark.parametrize(("steps", "cost"), [(4500, 0.09), (200, 0.05), (100_000, 2.0)])
def test_snapshots_come_early_and_cost_little(steps: int, cost: float) -> None:
    """With steps of 0.012 seconds."""
    clock = [0.0]
    schedule, taken = SnapshotSchedule(steps, now=lambda: clock[0]), []
    for step in range(1, steps + 1):
        clock[0] += 0.012
        if schedule.due(step):
            clock[0] += cost * (1 if taken else 3)  # the first one is slow
            schedule.taken(step)
            taken.append(step)
    assert len(taken) <= 2 or len(taken) * cost <= 0.025 * 0.012 * steps  # at least the first and the last
    if len(taken) > 4:
        assert taken[0] == 1 and taken[2] < steps / 10 and taken[-1] > 0.8 * steps
        assert len(taken) <= 52
