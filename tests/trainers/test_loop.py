"""The loop, batches, probes and the loss curve, without a run around them."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import builder
from builder import Document
from trainers.data.batches import Batch, Batches
from trainers.data.splits import Split, prepare
from trainers.engine.loop import Diverged, Loop, bucket
from trainers.events import Metric, Probe
from trainers.job import EarlyStopping, Job
from trainers.probes.activations import ActivationProbe
from trainers.probes.clock import ProbeClock, only_activation_layers
from trainers.probes.weights import WeightProbe
from trainers.verdicts.circumstances import Circumstances
from trainers.verdicts.evidence import ProbeStatistics


def split(samples: int) -> Split:
    inputs = torch.arange(samples, dtype=torch.float32).reshape(-1, 1)
    return Split((inputs,), torch.zeros(samples, dtype=torch.int64), np.arange(samples))


@pytest.mark.parametrize(("samples", "size"), [(10, 3), (10, 5), (7, 10), (10, 1), (9, 4), (10, "full")])
def test_every_sample_comes_once_an_epoch_but_a_last_one_alone(samples: int, size: Any) -> None:
    batches = Batches(split(samples), size, 0, "cpu")
    epoch = list(batches.epoch(0))
    seen = torch.cat([batch.inputs[0] for batch in epoch]).flatten().tolist()
    assert len(epoch) == batches.count
    assert len(set(seen)) == len(seen)
    assert len(seen) == samples - batches.drops_last
    assert all(len(batch.targets) > 1 for batch in epoch) or batches.size == 1


def test_the_order_follows_from_seed_and_epoch_and_can_begin_anywhere() -> None:
    def order(seed: int, epoch: int, start: int = 0) -> list[list[float]]:
        torch.rand(3)  # random numbers of other code do not matter
        return [batch.inputs[0].flatten().tolist() for batch in Batches(split(50), 8, seed, "cpu").epoch(epoch, start)]

    assert order(0, 0) == order(0, 0)
    assert order(0, 0) != order(0, 1)
    assert order(0, 0) != order(1, 0)
    assert order(0, 3, start=2) == order(0, 3)[2:]


def test_buckets_grow_with_the_run_and_follow_from_the_step_alone() -> None:
    assert [bucket(step) for step in (1, 1000, 1001, 2000, 2001, 4001, 8001)] == [1, 1, 2, 2, 4, 8, 16]
    points = sum(1 for step in range(1, 1_000_001) if step % bucket(step) == 0)
    assert points < 12_000


class Counting:
    """A learner that learns nothing and counts what is asked of it."""

    eager = True
    probed_forward = None
    diagnostics = ()
    notes = ()

    def __init__(self, losses: Any = None, validation: Any = None) -> None:
        self.modules = {"main": nn.Linear(1, 1)}
        self.losses = iter(losses) if losses is not None else itertools.repeat(1.0)
        self.validation = iter(validation) if validation is not None else itertools.repeat(1.0)
        self.epochs = 0

    def step(self, batch: Batch) -> torch.Tensor:
        return torch.tensor(next(self.losses))

    def evaluate(self, part: Split, costly: bool = False) -> dict[str, float]:
        return {"loss": next(self.validation)}

    def snapshots(self, step: int) -> tuple[()]:
        return ()

    def last_events(self) -> tuple[()]:
        return ()

    def epoch_end(self, validation_loss: float | None) -> None:
        self.epochs += 1

    def training_metrics(self) -> dict[str, float]:
        return {}


def loop(
    learner: Any, epochs: int = 3, stopping: EarlyStopping | None = None, **options: Any
) -> tuple[Loop, list[Any]]:
    reported: list[Any] = []

    def on_tick(events: list[Any]) -> bool:
        reported.extend(events)
        return False

    made = Loop(
        learner,
        Batches(split(20), 5, 0, "cpu"),
        split(4),
        epochs,
        None,
        stopping,
        on_tick,
        ProbeClock(Circumstances(specs={})),
    )
    return made, reported


def test_the_loop_knows_nothing_of_what_it_runs() -> None:
    learner = Counting()
    made, reported = loop(learner)
    assert made.run()
    assert (learner.epochs, made.position.step) == (3, 12)
    losses = [event for event in reported if isinstance(event, Metric) and event.split == "training"]
    assert [event.step for event in losses] == list(range(1, 13))


def test_the_first_points_of_the_curve_do_not_wait_for_snapshots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a language model, the first generated text takes longer than the first steps."""
    monkeypatch.setattr("trainers.engine.loop.FLUSH_SECONDS", 0.0)  # every step is reported at once
    learner = Counting()
    made, reported = loop(learner)
    asked: list[tuple[int, int]] = []

    def snapshots(step: int) -> tuple[()]:
        asked.append((step, sum(isinstance(event, Metric) for event in reported)))
        return ()

    learner.snapshots = snapshots  # type: ignore[method-assign]
    assert made.run()
    assert asked[0] == (3, 3) and [step for step, _ in asked] == list(range(3, 13))


def test_a_loss_that_is_nan_ends_the_loop_at_its_step() -> None:
    made, _ = loop(Counting([1.0, 1.0, float("nan"), 1.0, 1.0, 1.0]))
    with pytest.raises(Diverged) as caught:
        made.run()
    assert caught.value.step == 3


def test_early_stopping_waits_for_its_patience() -> None:
    made, _ = loop(Counting(validation=[3, 2, 2.5, 2.6, 2.7, 1]), 6, EarlyStopping(patience=3))
    assert made.run()
    assert (made.position.epoch, made.position.best_epoch) == (5, 2)
    assert made.stopped_early


def test_probes_leave_no_hook_behind_even_when_the_step_fails(moons: Document) -> None:
    model = builder.compile(moons)
    specs = {node.name: node.spec for node in moons.nodes}
    with pytest.raises(RuntimeError), ActivationProbe({"main": model}, specs), WeightProbe({"main": model}):
        model(torch.zeros(2, 99))
    assert not any(child._forward_hooks for child in model.modules())


def test_probes_measure_what_is_there(moons: Document) -> None:
    torch.manual_seed(0)
    model = builder.compile(moons)
    specs = {node.name: node.spec for node in moons.nodes}
    activations, weights = ActivationProbe({"main": model}, specs), WeightProbe({"main": model})
    inputs = torch.randn(64, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    before = model.fc1.weight.detach().clone()
    with weights, activations:
        loss = model(inputs).square().mean()
        loss.backward()
        optimizer.step()
    found = {
        event.kind: event.values for event in [*activations.events(1), *weights.events(1)] if isinstance(event, Probe)
    }
    gradient = torch.cat([model.fc1.weight.grad.flatten(), model.fc1.bias.grad.flatten()])
    assert found["gradients"]["fc1"]["mean_abs"] == pytest.approx(float(gradient.abs().mean()), rel=1e-4)
    assert found["gradients"]["fc1"]["max_abs"] == pytest.approx(float(gradient.abs().max()), rel=1e-4)
    assert found["gradients"]["fc1"]["update_ratio"] > 0
    assert not torch.equal(before, model.fc1.weight)
    hidden = torch.relu(nn.functional.linear(inputs, before, None))
    assert 0.2 < found["activations"]["bend1"]["zero_share"] < 0.8
    assert found["activations"]["bend1"]["dead_share"] <= float((hidden == 0).float().mean())


@pytest.mark.parametrize("activation", [nn.ReLU(), nn.Sigmoid()], ids=["ReLU", "Sigmoid"])
def test_what_verdicts_need_is_the_same_with_and_without_charts(make: Any, activation: nn.Module) -> None:
    """A step that is measured for both gives the same evidence as one that is measured for verdicts alone."""
    document = make(
        ("image", "Input", {"shape": [3, 8, 8]}),
        ("conv", "Conv2d", {"out_channels": 4, "padding": 1}),
        ("norm", "BatchNorm2d"),
        ("bend", type(activation).__name__),
        ("flatten", "Flatten"),
        ("fc", "Linear", {"out_features": 2}),
        ("scores", "Output"),
        training={"data": {"name": "moons"}},
    )
    torch.manual_seed(0)
    model, specs = builder.compile(document), {node.name: node.spec for node in document.nodes}
    with torch.no_grad():
        model.norm.weight[0], model.norm.bias[0] = 0.0, -20.0  # a dead channel, or one that is saturated at 0
        model.fc.weight[1] = model.fc.weight[0]
    both = ActivationProbe({"main": model}, specs), WeightProbe({"main": model})
    alone = ActivationProbe({"main": model}, specs, None, True), WeightProbe({"main": model}, verdicts_only=True)
    with both[0], both[1], alone[0], alone[1]:
        output = model(torch.randn(32, 3, 8, 8))
        output.square().mean().backward()
        torch.optim.SGD(model.parameters(), lr=0.1).step()
    kept: list[list[Any]] = [[], []]
    for probes, statistics in zip((both, alone), kept, strict=True):
        evidence = ProbeStatistics()
        found = [event for probe in probes for event in probe.events(1)]
        evidence.add(only_activation_layers(found, specs))
        statistics += [evidence.activations, evidence.gradients, evidence.weights, evidence.largest_update]
    assert kept[0] == kept[1]
    activations, gradients, weights, _ = kept[0]
    values = torch.sigmoid if isinstance(activation, nn.Sigmoid) else torch.relu
    zero = values(torch.tensor(-20.0)) == 0
    assert activations["bend"]["dead_share"] == (0.25 if zero else 0.0)
    assert activations["bend"]["saturated_share"] == pytest.approx(0.0 if zero else 0.25, abs=0.05)
    assert activations["bend"]["zero_share"] >= (0.25 if zero else 0.0)
    assert (weights["conv"]["equal_units"], weights["norm"]["equal_units"]) == (0.0, 0.0)
    assert set(gradients["fc"]) == {"mean_abs", "norm", "update_ratio"}


def test_of_large_feature_maps_fewer_samples_are_measured() -> None:
    model = nn.Sequential(nn.Flatten(0, 0), nn.ReLU())
    for size, samples in ((8, 64), (100, 26), (400, 16)):
        probe = ActivationProbe({"main": model}, {})
        with probe:
            model(torch.ones(70, 1, size, size))
        assert len(probe.outputs["1"]) == samples


def test_prepare_and_job_agree_on_the_number_of_training_samples(moons: Document) -> None:
    from trainers.checks.base import training_samples

    job = Job.from_document(moons)
    prepared = prepare(job.dataset, job.batching.validation, job.batching.test, 0)
    assert training_samples(job) == len(prepared.training)
