"""Where NaN began is named: the step, and the node, or whether it was the data or the loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

import builder
import trainers
import trainers.engine.session
from builder import Document
from builder.compile import layers
from tests.trainers.conftest import perceptron
from tests.trainers.small_gan import small_gan
from trainers.data.batches import Batch, Batches
from trainers.engine.learner import NetworkLearner
from trainers.optim.initialisation import Default
from trainers.probes.nonfinite import NonFiniteProbe

Train = Callable[..., trainers.Run]


def failed(run: trainers.Run) -> str:
    progress = run.progress()
    assert progress.state == "failed", progress
    assert progress.message.startswith("The loss is NaN or infinite at step")
    return progress.message


def regression(**training: Any) -> Document:
    return perceptron([10], 1, data={"name": "diabetes", "batch_size": 32}, **training)


def test_a_learning_rate_that_is_too_high_is_traced_to_a_node_and_a_step(train: Train) -> None:
    message = failed(train(regression(optimizer={"name": "SGD", "lr": 50.0}, epochs=50)))
    assert "It began at step" in message and "try 5" in message
    assert any(node in message for node in ("at fc1", "at bend1", "at last", "in the loss"))


@pytest.mark.parametrize("save_seconds", [0.0, 1000.0], ids=["from a checkpoint", "from the start"])
def test_data_that_turn_into_nan_are_named_with_their_step(
    train: Train, monkeypatch: pytest.MonkeyPatch, save_seconds: float, moons: Document
) -> None:
    plain = Batches._plain

    def broken(self: Batches, number: int, start: int = 0) -> Iterator[Batch]:
        for place, batch in enumerate(plain(self, number, start), start):
            bad = number == 2 and place == 3
            yield batch._replace(inputs=tuple(given / 0 * 0 for given in batch.inputs)) if bad else batch

    monkeypatch.setattr(Batches, "_plain", broken)
    monkeypatch.setattr(trainers.engine.session, "FIRST_SAVE_SECONDS", save_seconds)
    monkeypatch.setattr(trainers.engine.session, "SAVE_SECONDS", save_seconds)
    message = failed(train(moons))
    assert "It began at step 28 in the data: the batch holds NaN." in message
    assert "learning rate" not in message


def test_weights_that_start_as_nan_are_named(train: Train, moons: Document, monkeypatch: pytest.MonkeyPatch) -> None:
    apply = Default.apply

    def broken(self: Any, network: torch.nn.Module) -> None:
        apply(self, network)
        with torch.no_grad():
            layers(network)["last"].weight[0, 0] = torch.inf  # type: ignore[index]

    monkeypatch.setattr(Default, "apply", broken)
    message = failed(train(moons))
    assert "at step 1 before the step: the weights of last hold infinite numbers" in message
    assert "initialisation" in message


class _Broken(torch.autograd.Function):
    """Its output is finite, its gradient is not."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor) -> torch.Tensor:
        return values.clone()

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        return gradient * torch.nan


@pytest.mark.parametrize(
    ("forward", "words"),
    [
        (lambda values: values * torch.nan, "at bend1: its output is NaN, while what it receives is finite"),
        (_Broken.apply, "in the backward pass at bend1: its gradient is NaN, while its output is finite"),
    ],
    ids=["output", "gradient"],
)
def test_a_node_that_makes_nan_of_ordinary_numbers_is_named(
    train: Train, moons: Document, monkeypatch: pytest.MonkeyPatch, forward: Any, words: str
) -> None:
    monkeypatch.setattr(torch.nn.ReLU, "forward", lambda self, values: forward(values))
    assert f"It began at step 1 {words}" in failed(train(moons))


def test_a_loss_that_overflows_while_the_outputs_are_finite_is_named(
    train: Train, moons: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    loss = NetworkLearner._forward
    seen: list[float] = []

    def overflowing(self: NetworkLearner, inputs: Any, targets: Any, weights: Any) -> torch.Tensor:
        found = loss(self, inputs, targets, weights)
        seen.append(float(inputs[0].sum()))
        return found * torch.inf if len(seen) > 7 and seen[-1] == seen[7] else found

    monkeypatch.setattr(NetworkLearner, "_forward", overflowing)
    message = failed(train(moons, epochs=1))
    assert "at step 8 in the loss: it or its gradient is" in message and "the network's output is finite" in message


def test_a_discriminator_that_diverges_is_named(train: Train) -> None:
    document = small_gan()
    training = {**document.training, "optimizer": {"name": "SGD", "lr": 1e-3}, "epochs": 20}
    training["paradigm"] = {**training["paradigm"], "discriminator_lr": 100.0, "loss": "wasserstein"}
    run = train(document.changed(training=training))
    message = failed(run)
    discriminator = {node.name for node in document.nodes if node.network == "discriminator"}
    assert any(f"at {name}" in message for name in discriminator), message


@pytest.mark.parametrize("method", ["ensemble"])
def test_the_member_of_an_ensemble_is_named(train: Train, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    paradigm = {"name": "bayesian", "method": method, "members": 2}
    run = train(regression(paradigm=paradigm, optimizer={"name": "SGD", "lr": 50.0}, epochs=50))
    assert "(member" in failed(run) or "in the loss" in failed(run)


def test_a_first_training_that_diverges_says_so(train: Train) -> None:
    source = {"data": {"name": "diabetes", "batch_size": 32}, "epochs": 50}
    document = regression(
        paradigm={"name": "transfer", "source": source, "head": "keep"}, optimizer={"name": "SGD", "lr": 50.0}, epochs=1
    )
    message = failed(train(document))
    assert "first training" in message and "try 5" in message


def test_float16_that_overflows_is_told_apart_from_a_learning_rate(
    train: Train, moons: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.nn.ReLU, "forward", lambda self, values: values.half() * 60_000)
    message = failed(train(moons, precision="float16"))
    assert "at bend1: its output is infinite" in message and "bfloat16" in message


def test_watching_a_step_changes_no_number(moons: Document) -> None:
    def step(watched: bool) -> list[torch.Tensor]:
        torch.manual_seed(0)
        network = builder.compile(moons)
        batch = Batch((torch.randn(8, 2),), torch.zeros(8, dtype=torch.int64))
        probe = NonFiniteProbe({"main": network})
        if watched:
            probe.__enter__()
        loss = torch.nn.functional.cross_entropy(network(*batch.inputs), batch.targets)
        loss.backward()
        if watched:
            probe.__exit__(None, None, None)
            assert probe.origin(1, batch, loss) is None
            assert not any(module._forward_hooks for module in network.modules())
        return [loss.detach(), *(parameter.grad for parameter in network.parameters() if parameter.grad is not None)]

    assert all(torch.equal(one, two) for one, two in zip(step(True), step(False), strict=True))
