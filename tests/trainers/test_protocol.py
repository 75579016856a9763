"""The protocol carries other paradigms than Netloom's own: each hook is used by a small paradigm defined here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

import builder
import trainers
from builder import Document
from tests.trainers.conftest import perceptron
from trainers.data.batches import Batch, Batches
from trainers.data.splits import Prepared, Split
from trainers.engine.learner import NetworkLearner
from trainers.job import Job
from trainers.paradigms import PARADIGMS
from trainers.paradigms.base import KeptMetric, Learner, Paradigm, ReportedMetric

Train = Callable[..., trainers.Run]


class PlainLearner(NetworkLearner):
    """Cross-entropy and nothing else."""

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return nn.functional.cross_entropy(outputs, targets)

    def metrics(self, outputs: Tensor, targets: Tensor, split: Split | None, costly: bool) -> dict[str, float]:
        return {"accuracy": float((outputs.argmax(dim=1) == targets).float().mean())}


class Toy(Paradigm):
    """A paradigm whose learner a test chooses."""

    name: ClassVar[str] = "toy"
    label: ClassVar[str] = "Toy"
    learner_class: ClassVar[type[NetworkLearner]] = PlainLearner

    def metrics(self, dataset: Any) -> tuple[ReportedMetric, ...]:
        return (ReportedMetric("accuracy", "accuracy"),)

    def learner(self, job: Job, prepared: Prepared, device: str, total_steps: int, steps_per_epoch: int) -> Learner:
        return self.learner_class(job, prepared, device, total_steps, steps_per_epoch)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Callable[..., type[Toy]]:
    """Registers a paradigm "toy" with some members of its own."""

    def register(**members: Any) -> type[Toy]:
        made = type("MadeToy", (Toy,), {"__module__": __name__, **members})
        monkeypatch.setitem(PARADIGMS, "toy", made)
        return made

    return register


@pytest.fixture
def points(moons: Document) -> Document:
    training = {**moons.training, "paradigm": {"name": "toy"}, "epochs": 3}
    return moons.changed(training=training)


def test_a_paradigm_has_batches_of_its_own(points: Document, toy: Any, train: Train) -> None:
    """Random batches with replacement, whose sample positions reach every step."""
    seen: list[Tensor] = []

    class Bootstrap:
        count, size = 5, 8

        def __init__(self, split: Split) -> None:
            self.split = split

        def epoch(self, number: int, start: int = 0) -> Iterator[Batch]:
            for place in range(start, self.count):
                generator = torch.Generator().manual_seed(100 * number + place)
                chosen = torch.randint(len(self.split), (self.size,), generator=generator)
                yield Batch(tuple(x[chosen] for x in self.split.inputs), self.split.targets[chosen], chosen)

    class Remembering(PlainLearner):
        def step(self, batch: Batch) -> Tensor:
            assert batch.positions is not None
            seen.append(batch.positions)
            return super().step(batch)

    toy(learner_class=Remembering, batches=lambda self, job, prepared, device: Bootstrap(prepared.training))
    run = train(points)
    assert run.state == "finished", run.progress().message
    assert run.progress().step == len(seen) == 15
    assert all(len(batch) == 8 for batch in seen)


def test_positions_and_groups_of_samples_reach_the_step(toy: Any) -> None:
    """The usual batches say which samples they hold, and carry the attributes that the paradigm asks for."""
    inputs, groups = torch.arange(10.0).reshape(10, 1), torch.arange(10) // 2
    split = Split((inputs,), torch.zeros(10, dtype=torch.int64), torch.arange(10).numpy(), {"group": groups})
    for batch in Batches(split, 4, 0, "cpu", attributes=("group",)).epoch(0):
        assert batch.positions is not None
        assert torch.equal(batch.inputs[0], inputs[batch.positions])
        assert torch.equal(batch.attributes["group"], groups[batch.positions])
    whole = next(Batches(split, "full", 0, "cpu", attributes=("group",)).epoch(0))
    assert whole.positions is None and torch.equal(whole.attributes["group"], groups)
    assert not next(Batches(split, 4, 0, "cpu").epoch(0)).attributes  # nobody asked for them


def test_the_best_weights_are_those_of_the_metric_that_the_paradigm_names(
    points: Document, toy: Any, train: Train
) -> None:
    """A metric that falls while the loss falls too, to be as high as possible: the first epoch is the best."""

    class Falling(PlainLearner):
        evaluated = 0

        def evaluate(self, split: Split, costly: bool = False) -> dict[str, float]:
            self.evaluated += 1
            return super().evaluate(split, costly) | {"margin": -float(self.evaluated)}

    toy(learner_class=Falling, metric_to_keep=lambda self, dataset: KeptMetric("margin", higher_is_better=True))
    first = train(points, epochs=1).model().state_dict()
    best = train(points, early_stopping={"patience": 2}, epochs=6)
    assert best.progress().epoch == 3  # one good epoch, then two without a better one
    assert all(torch.equal(value, first[key]) for key, value in best.model().state_dict().items())
    toy(learner_class=Falling, metric_to_keep=lambda self, dataset: None)
    last = train(points, epochs=2).model().state_dict()
    assert any(not torch.equal(value, first[key]) for key, value in last.items())


def test_a_learner_says_which_forward_pass_is_probed(points: Document, toy: Any, train: Train) -> None:
    """Two forward passes in a step, the second one of zeros: the first is asked for, and it is not all the same."""

    class TwoPasses(PlainLearner):
        probed_forward = 0

        def step(self, batch: Batch) -> Tensor:
            def loss() -> Tensor:
                outputs = self.model(*batch.inputs)
                return self.loss(outputs, batch.targets) + 0 * self.model(torch.zeros_like(batch.inputs[0])).sum()

            return self.optimisation.step(loss)

    class LastPass(TwoPasses):
        probed_forward = None

    def deviation() -> float:
        table = train(points).probes("activations")
        return float(table[(table.node == "flatten") & (table.statistic == "std")]["value"].iloc[0])

    toy(learner_class=TwoPasses)
    assert deviation() > 0.1
    toy(learner_class=LastPass)
    assert deviation() == 0.0


def test_probes_work_beside_torch_func(points: Document, toy: Any, train: Train) -> None:
    """A gradient for every sample by vmap and grad, as in differentially private training: clipped, then averaged."""

    class PerSample(PlainLearner):
        def step(self, batch: Batch) -> Tensor:
            parameters = {name: value.detach() for name, value in self.model.named_parameters()}

            def one(weights: dict[str, Tensor], sample: Tensor, target: Tensor) -> Tensor:
                outputs = torch.func.functional_call(self.model, weights, (sample[None],))
                return self.loss(outputs, target[None])

            each = torch.func.vmap(torch.func.grad_and_value(one), in_dims=(None, 0, 0))
            gradients, losses = each(parameters, batch.inputs[0], batch.targets)

            def assign() -> Tensor:
                return losses.mean() + sum((value * 0).sum() for value in self.model.parameters())

            loss = self.optimisation.step(assign)
            with torch.no_grad():
                for name, value in self.model.named_parameters():
                    value -= 0.05 * gradients[name].clamp(-1, 1).mean(dim=0)
            return loss

    toy(learner_class=PerSample)
    run = train(points, epochs=12)
    assert run.state == "finished", run.progress().message
    assert run.scores()["accuracy"] > 0.8


def test_something_may_follow_the_last_step(points: Document, toy: Any, train: Train, tmp_path: Any) -> None:
    """Magnitude pruning: half of the weights of each layer become zero, before the test and in what is saved."""

    def prune(self: Toy, learner: Learner, prepared: Prepared) -> None:
        with torch.no_grad():
            for module in learner.modules.values():
                for value in module.parameters():
                    value[value.abs() < value.abs().median()] = 0.0

    toy(finish=prune)
    run = train(points)
    model = run.model()
    shares = [float((value == 0).float().mean()) for value in model.parameters() if value.numel() > 2]
    assert shares and all(0.3 < share < 0.7 for share in shares)
    split = run.job.prepare().test
    with torch.no_grad():
        right = (model(*split.inputs).argmax(dim=1) == split.targets).float().mean()
    assert run.scores()["accuracy"] == pytest.approx(float(right))  # tested after pruning
    builder.export(model, run.document, tmp_path / "pruned.safetensors", "safetensors")


def test_a_paused_run_continues_with_batches_of_its_own(points: Document, toy: Any) -> None:
    """What a paradigm yields follows from epoch and batch alone, so a run in two halves equals the unbroken one."""
    toy()
    whole = trainers.start(Job.from_document(points))
    whole.wait(60)
    halves = trainers.start(Job.from_document(points))
    halves.pause()
    while halves.wait(60) == "paused":
        halves.resume()
    both = [run.model().state_dict() for run in (whole, halves)]
    assert all(torch.equal(value, both[1][key]) for key, value in both[0].items())


def test_a_paradigm_may_need_no_data_at_all(toy: Any, train: Train) -> None:
    """A network learns to give zero for random numbers that it draws itself, and says how well it does so."""

    class SelfMade(PlainLearner):
        def step(self, batch: Batch) -> Tensor:
            assert batch.inputs == ()
            return self.optimisation.step(lambda: self.model(torch.randn(16, 2)).square().mean())

        def evaluate(self, split: Split, costly: bool = False) -> dict[str, float]:
            with torch.no_grad():
                return {"loss": float(self.model(torch.ones(4, 2)).square().mean())}

        def training_metrics(self) -> dict[str, float]:
            return {"learning_rate": self.optimisation.learning_rate}

    class Endless:
        count, size = 20, 16

        def epoch(self, number: int, start: int = 0) -> Iterator[Batch]:
            return iter([Batch((), torch.zeros(0))] * (self.count - start))

    toy(
        learner_class=SelfMade,
        needs_data=False,
        batches=lambda self, job, prepared, device: Endless(),
        metrics=lambda self, dataset: (ReportedMetric("loss", "loss", False),),
    )
    document = perceptron([2], 2, paradigm={"name": "toy"}, epochs=10, seed=0)
    assert not trainers.check(document)
    run = train(document)
    assert run.state == "finished", run.progress().message
    assert run.scores()["loss"] < 0.05
    table = run.metrics()
    assert len(table[(table.split == "validation") & (table.metric == "loss")]) == 10
    with pytest.raises(builder.DocumentError, match="No data set"):
        trainers.Job.from_document(perceptron([2], 2, paradigm={"name": "supervised"}))


def test_scaling_may_be_left_out(points: Document, toy: Any) -> None:
    toy(scaling=lambda self, dataset: "none")
    job = Job.from_document(points)
    prepared = job.prepare()
    raw = job.dataset.load().inputs[0]
    assert prepared.standardisation == (None,)
    assert torch.equal(prepared.training.inputs[0], torch.from_numpy(raw[prepared.training.indices]))


def test_the_toy_network_is_what_the_tests_think(points: Document) -> None:
    assert perceptron([2], 2).nodes[1].name == "flatten" and points.training["paradigm"] == {"name": "toy"}
