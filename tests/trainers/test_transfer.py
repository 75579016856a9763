"""Transfer: first training, freezing, two learning rates, the scratch baseline, checks with their fixes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

import builder
import trainers
from builder.document import Document
from builder.edits import apply_all
from builder.problems import GraphError, Problem
from tests.conftest import make
from trainers.data.batches import Batches
from trainers.optim.optimisation import Optimisation, ParameterGroup
from trainers.optim.optimizers import OPTIMIZERS
from trainers.optim.schedules import SCHEDULES
from trainers.paradigms.base import ReportedMetric
from trainers.paradigms.transfer import source_weights
from trainers.paradigms.transfer.comparison import compare, has_baseline
from trainers.paradigms.transfer.learner import TransferLearner
from trainers.paradigms.transfer.paradigm import Transfer
from trainers.paradigms.transfer.scratch_baseline import SCRATCH_PREFIX
from trainers.paradigms.transfer.verdicts import FrozenUnderfits, NegativeTransfer
from trainers.paradigms.transfer.weight_files import WeightsError

HALF = {"name": "digits", "keep_classes": ["0", "1", "2", "3", "4"], "batch_size": 64}
OTHER = {"name": "digits", "keep_classes": ["5", "6", "7", "8", "9"], "batch_size": 16, "train_samples": 64}
FIRST = {"data": HALF, "epochs": 2}


def network(paradigm: dict[str, Any] | None = None, width: int = 5, **training: Any) -> Document:
    return make(
        ("image", "Input"),
        ("conv", "Conv2d", {"out_channels": 6, "kernel_size": 3}),
        ("norm", "BatchNorm2d"),
        ("relu1", "ReLU"),
        ("flatten", "Flatten"),
        ("hidden", "Linear", {"out_features": 16}),
        ("relu2", "ReLU"),
        ("head", "Linear", {"out_features": width}),
        ("scores", "Output"),
        name="Digits",
        training={
            "data": OTHER,
            "paradigm": {"name": "transfer", **(paradigm if paradigm is not None else {"source": FIRST})},
            "optimizer": {"name": "Adam", "lr": 0.01},
            "epochs": 4,
            **training,
        },
    )


def learner_of(document: Document) -> tuple[TransferLearner, Batches]:
    """A learner after its first training."""
    job = trainers.Job.from_document(document)
    job.paradigm.prepare(job, lambda sentence: None)
    prepared = job.prepare()
    torch.manual_seed(0)
    batches = Batches(prepared.training, job.batch_size, 0, "cpu")
    made = job.paradigm.learner(job, prepared, "cpu", batches.count * job.settings.epochs, batches.count)
    assert isinstance(made, TransferLearner)
    return made, batches


def epoch(learner: TransferLearner, batches: Batches, number: int) -> None:
    for batch in batches.epoch(number, 0):
        learner.step(batch)
    learner.evaluate(learner.prepared.validation)
    learner.training_metrics()
    learner.epoch_end(1.0)


def weights(learner: TransferLearner) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in learner.model.state_dict().items()}


def moved(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> set[str]:
    return {name.partition(".")[0] for name in before if not torch.equal(before[name], after[name])}


def problems(document: Document) -> dict[str, Problem]:
    return {problem.code: problem for problem in trainers.check(document) if problem.code.startswith("T21")}


def fixed(document: Document, code: str) -> Document:
    fix = problems(document)[code].fix
    assert fix
    return apply_all(document, fix)


# -- training -------------------------------------------------------------------------------------------------------


def test_a_first_training_runs_once_and_its_weights_are_used() -> None:
    document, said = network(), []
    job = trainers.Job.from_document(document)
    job.paradigm.prepare(job, said.append)
    assert said[0] == "Loading the data of the first training, Digits (8 x 8), 0, 1, 2, 3, 4 …"
    assert any("epoch 1 of 2" in sentence for sentence in said)
    said.clear()
    job.paradigm.prepare(job, said.append)
    assert not said
    learner, _ = learner_of(document)
    assert isinstance(job.paradigm, Transfer)
    initial = source_weights.initial_weights(job, job.paradigm)
    assert initial.source is not None and initial.source.path is not None and initial.source.path.is_file()
    given = initial.load()
    own = learner.model.state_dict()
    assert {name.partition(".")[0] for name in given} == {"conv", "norm", "hidden"}
    assert all(torch.equal(own[name], tensor) for name, tensor in given.items())
    assert learner.notes[0].startswith("3 of 4 layers start with the weights of a first training")
    longer = trainers.Job.from_document(network({"source": {**FIRST, "epochs": 3}}))
    assert isinstance(longer.paradigm, Transfer)
    first = source_weights.first_job(longer, longer.paradigm)
    assert source_weights.first_weights_path(first) != initial.source.path


def test_the_first_training_is_reported_as_it_goes(train: Any) -> None:
    """Its curves belong to the run, end before its first step, and stay when the run goes back to a checkpoint."""
    run = train(network(epochs=1))
    rows = run.metrics()
    before, own = rows[rows["step"] < 0], rows[rows["step"] > 0]
    assert all(before["metric"].str.startswith("source_")) and not any(own["metric"].str.startswith("source_"))
    losses = before[(before["metric"] == "source_loss") & (before["split"] == "training")]
    assert len(losses) > 5 and losses["step"].is_monotonic_increasing and losses["step"].is_unique
    assert list(before[before["split"] == "validation"]["epoch"].unique()) == [1, 2]
    assert before["step"].max() == -1
    run.store.delete_after(run.id, -1)
    pd.testing.assert_frame_equal(run.metrics(), before.reset_index(drop=True))
    again = train(network(epochs=1))  # its first training ran earlier
    pd.testing.assert_frame_equal(again.metrics(), rows)


def test_a_first_training_can_be_stopped() -> None:
    class Stopped(Exception):
        pass

    def say(sentence: str) -> None:
        if "epoch 1" in sentence:
            raise Stopped

    job = trainers.Job.from_document(network())
    with pytest.raises(Stopped):
        job.paradigm.prepare(job, say)
    assert not list((source_weights.home() / "first_trainings").glob("*.safetensors"))


def test_frozen_weights_and_statistics_do_not_change() -> None:
    learner, batches = learner_of(network({"source": FIRST, "freeze_up_to": "flatten"}))
    before = weights(learner)
    for number in range(2):
        epoch(learner, batches, number)
    assert moved(before, weights(learner)) == {"hidden", "head"}  # not even the running mean of the frozen norm
    assert learner.model.training and not learner.model.get_submodule("norm").training
    assert all(p.grad is None for p in learner.model.get_submodule("conv").parameters())
    assert len(learner.optimisation.parameters) == 4


@pytest.mark.parametrize("rate", [1.0, 0.1])
@pytest.mark.parametrize(("how", "expected"), [("all", [0, 0, 3, 3]), ("gradually", [0, 0, 1, 2])])
def test_layers_are_unfrozen_at_their_epoch(how: str, expected: list[int], rate: float) -> None:
    options = {"source": FIRST, "freeze_up_to": "relu2", "unfreeze_at": 2, "unfreeze": how, "backbone_lr_factor": rate}
    learner, batches = learner_of(network(options))
    for number, unfrozen in enumerate(expected):
        before = weights(learner)
        epoch(learner, batches, number)
        trained = ["head", "hidden", "norm", "conv"][: unfrozen + 1]
        assert moved(before, weights(learner)) == set(trained)
    assert learner.model.get_submodule("norm").training is (expected[-1] >= 2)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_two_learning_rates_keep_their_ratio_under_every_schedule(schedule: str) -> None:
    options = {"min_lr": 0.0005} if schedule == "reduce_on_plateau" else {}
    options |= {"eta_min": 0.0005} if schedule == "cosine" else {}
    made = SCHEDULES[schedule](**options)
    for kind in ("SGD", "Adam", "RMSprop"):
        backbone, head, single = (torch.nn.Linear(2, 2) for _ in range(3))
        second_group = ParameterGroup(list(backbone.parameters()), 0.1)
        two = Optimisation(head.parameters(), OPTIMIZERS[kind](), made, 12, 4, second_group=second_group)
        one = Optimisation(single.parameters(), OPTIMIZERS[kind](), made, 12, 4)
        for step in range(12):
            two.step(lambda: head(backbone(torch.ones(1, 2))).square().mean())  # noqa: B023
            one.step(lambda: single(torch.ones(1, 2)).square().mean())  # noqa: B023
            if step % 4 == 3:
                two.epoch_end(1.0)
                one.epoch_end(1.0)
            rates = [group["lr"] for group in two.optimizer.param_groups]
            assert rates[0] == one.learning_rate and math.isclose(rates[1], 0.1 * rates[0])


def test_a_low_learning_rate_changes_the_backbone_less() -> None:
    changes = {}
    for rate in (1.0, 0.01):
        learner, batches = learner_of(network({"source": FIRST, "backbone_lr_factor": rate}))
        before = weights(learner)
        epoch(learner, batches, 0)
        after = weights(learner)
        changes[rate] = {name: float((after[name] - before[name]).norm()) for name in ("conv.weight", "head.weight")}
    assert changes[0.01]["conv.weight"] < 0.05 * changes[1.0]["conv.weight"]
    assert changes[0.01]["head.weight"] > 0.5 * changes[1.0]["head.weight"]


def test_the_scratch_baseline_equals_a_run_of_its_own() -> None:
    both, batches = learner_of(network({"source": FIRST, "compare": True}))
    alone, _ = learner_of(network({"source": FIRST}))
    plain = trainers.Job.from_document(network(), paradigm={"name": "supervised"})
    torch.manual_seed(0)
    scratch = plain.paradigm.learner(plain, plain.prepare(), "cpu", batches.count * 4, batches.count)
    for learner in (both, alone, scratch):
        for batch in batches.epoch(0, 0):
            learner.step(batch)
    found = both.evaluate(both.prepared.validation)
    for name, value in alone.evaluate(both.prepared.validation).items():
        assert found[name] == value
    for name, value in scratch.evaluate(both.prepared.validation).items():
        assert found[f"scratch_{name}"] == pytest.approx(value)
    assert "scratch_loss" in both.training_metrics()


def test_a_resumed_learner_gives_the_same_numbers_without_its_source() -> None:
    options = {
        "source": FIRST,
        "freeze_up_to": "relu2",
        "unfreeze_at": 1,
        "unfreeze": "gradually",
        "backbone_lr_factor": 0.3,
    }
    document = network({**options, "compare": True}, schedule="cosine")
    whole, batches = learner_of(document)
    part, _ = learner_of(document)
    for number in range(4):
        epoch(whole, batches, number)
    for number in range(2):
        epoch(part, batches, number)
    state, modules = part.state_dict(), {name: module.state_dict() for name, module in part.modules.items()}
    for path in (source_weights.home() / "first_trainings").glob("*"):
        path.unlink()  # its weights are in the checkpoint
    job = trainers.Job(trainers.bind(document))
    again = job.paradigm.learner(job, part.prepared, "cpu", batches.count * 4, batches.count)
    assert isinstance(again, TransferLearner)
    with pytest.raises(WeightsError, match="do not exist any more"):
        again.step(next(iter(batches.epoch(0, 0))))
    for name, module in again.modules.items():
        module.load_state_dict(modules[name])
    again.load_state_dict(state)
    for number in (2, 3):
        epoch(again, batches, number)
    assert all(
        torch.equal(one, other) for one, other in zip(weights(whole).values(), weights(again).values(), strict=True)
    )
    assert whole.optimisation.learning_rate == again.optimisation.learning_rate


def test_a_run_that_starts_from_a_run_is_compared_with_its_baseline(train: Any) -> None:
    first = train(network().changed(training={"data": HALF, "epochs": 2, "optimizer": {"name": "Adam", "lr": 0.01}}))
    document = network({"run": first.id, "compare": True, "freeze_up_to": "flatten"})
    frozen = dict.fromkeys(("conv", "norm", "relu1", "flatten"), "frozen")
    paradigm = Transfer(run=first.id, freeze_up_to="flatten")
    assert paradigm.node_labels(trainers.bind(document)) == {**frozen, "head": "new head"}
    run = train(document)
    assert run.state == "finished", run.progress().message
    assert has_baseline(run) and set(run.networks()) == {"main", "scratch"}
    assert list(run.parts()) == ["network", "scratch"]
    assert {"accuracy", "scratch_accuracy"} <= set(run.scores()) and run.snapshot_steps("scratch_baseline")
    found = compare(run, "test")
    counts = {name: len(found.samples(name)) for name in ("with", "without", "both", "none")}
    assert sum(counts.values()) == len(found.predicted.targets)
    right = (counts["with"] + counts["both"]) / len(found.predicted.targets)
    assert right == pytest.approx(run.scores()["accuracy"], abs=1e-4)
    sources = [layer.weight for layer in (first.model().get_submodule("conv"), run.model().get_submodule("conv"))]
    torch.testing.assert_close(*sources)
    first.delete()
    assert problems(document)["T211"].message.startswith("The run ")


# -- verdicts -------------------------------------------------------------------------------------------------------


def test_negative_transfer_and_frozen_features_that_underfit_are_reported() -> None:
    accuracy = ReportedMetric("accuracy", "accuracy")
    worse = {"accuracy": 0.7, "scratch_accuracy": 0.8, "loss": 0.9, "scratch_loss": 0.5}
    assert (
        "0.700 with transfer, 0.800 from scratch" in NegativeTransfer().find(worse, accuracy, SCRATCH_PREFIX)[0].message
    )
    assert not NegativeTransfer().find({**worse, "accuracy": 0.79}, accuracy, SCRATCH_PREFIX)
    assert not NegativeTransfer().find({"accuracy": 0.5, "loss": 1.0}, accuracy, SCRATCH_PREFIX)
    assert FrozenUnderfits().find([0.3, 0.55, 0.56, 0.55, 0.56], accuracy, "conv")[0].node == "conv"
    assert not FrozenUnderfits().find([0.3, 0.4, 0.5, 0.6], accuracy, "conv")
    assert not FrozenUnderfits().find([0.9] * 5, accuracy, "conv")


# -- checks ---------------------------------------------------------------------------------------------------------


def test_a_missing_source_is_fixed_by_a_run_that_fits(train: Any) -> None:
    nothing = network({})
    assert problems(nothing)["T210"].fix_label == "Train from scratch"
    run = train(network().changed(training={"data": HALF, "epochs": 1}))
    problem = problems(nothing)["T210"]
    assert problem.fix_label.startswith("Start with") and problem.severity == "error"
    after = fixed(nothing, "T210")
    assert after.training["paradigm"]["run"] == run.id and not problems(after)
    twice = problems(network({"run": run.id, "source": FIRST}))["T210"]
    assert "More than one source of weights is chosen: run, source" in twice.message and twice.fix_label == "Keep run"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"run": "20200101-000000-00000000"}, "does not exist"),
        ({"run": "../../etc"}, "does not exist"),
        ({"weights": "nothing.safetensors"}, "There is no file nothing.safetensors"),
        ({"weights": "odd.safetensors"}, "odd.safetensors is not a safetensors file"),
        ({"source": {"data": {"name": "nobody"}}}, "There is no data set called 'nobody'"),
        ({"source": {"data": {"name": "iris"}}}, "cannot be trained on Iris"),
    ],
)
def test_a_source_that_cannot_be_used_is_reported(options: dict[str, Any], says: str, home: Path) -> None:
    (home / "weights").mkdir(parents=True)
    (home / "weights" / "odd.safetensors").write_bytes(b"12345678 pickled")
    found = problems(network(options))
    assert says in found["T211"].message and found["T211"].fix, found
    with pytest.raises(GraphError):
        trainers.Job.from_document(network(options))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused_before_training(value: float, home: Path) -> None:
    document = trainers.bind(network({"weights": "trained.safetensors"}))
    state = builder.compile(document).state_dict()
    path = home / "weights" / "trained.safetensors"
    path.parent.mkdir(parents=True)
    save_file(state, path)
    assert "T211" not in problems(document)
    state["conv.weight"][0, 0, 0, 0] = state["norm.running_var"][1] = value
    save_file(state, path)
    problem = problems(document)["T211"]
    assert problem.severity == "error" and problem.fix
    assert "conv.weight has values that are NaN or infinite, and so do 1 more" in problem.message
    with pytest.raises(builder.GraphError):
        trainers.Job.from_document(document)
    job = trainers.Job(document)
    with pytest.raises(WeightsError, match="NaN or infinite"):
        source_weights.initial_weights(job, job.paradigm).load()  # type: ignore[arg-type]


def test_only_names_of_files_are_accepted() -> None:
    for name in ("../secret.safetensors", "/etc/passwd", "a.pt", ".hidden.safetensors"):
        assert "must be the name of a file" in trainers.check(network({"weights": name}))[0].message


def test_layers_that_do_not_fit_are_listed(home: Path) -> None:
    from safetensors.torch import save_file

    (home / "weights").mkdir(parents=True)
    save_file({"conv.weight": torch.zeros(6, 1, 5, 5), "conv.bias": torch.zeros(6)}, home / "weights" / "a.safetensors")
    problem = problems(network({"weights": "a.safetensors"}))["T212"]
    assert "conv is 6 × 1 × 5 × 5 in the source and 6 × 1 × 3 × 3 here" in problem.message and problem.fix
    save_file({"conv.weight": torch.zeros(6, 1, 3, 3), "conv.bias": torch.zeros(6)}, home / "weights" / "b.safetensors")
    partly = problems(network({"weights": "b.safetensors"}))
    assert partly["T213"].severity == "warning"
    assert "norm has no weights of this name in the source" in partly["T213"].message
    assert trainers.Job.from_document(network({"weights": "b.safetensors"}))
    frozen = network({"weights": "b.safetensors", "freeze_up_to": "relu1"})
    assert problems(frozen)["T216"].node == "norm" and not problems(fixed(frozen, "T216")).get("T216")


@pytest.mark.parametrize(
    ("options", "training", "code", "says"),
    [
        ({"freeze_up_to": "cnov"}, {}, "T214", "Did you mean conv?"),
        ({"freeze_up_to": "head"}, {}, "T215", "no layer after it has weights to train"),
        ({"freeze_up_to": "conv", "unfreeze_at": 4}, {}, "T217", "ends after 4"),
        ({"unfreeze_at": 2}, {}, "T217", "no layer is frozen"),
        ({"backbone_lr_factor": 0.1}, {"optimizer": {"name": "LBFGS"}}, "T218", "L-BFGS supports neither"),
    ],
)
def test_wrong_options_are_fixed(options: dict[str, Any], training: dict[str, Any], code: str, says: str) -> None:
    document = network({"source": FIRST, **options}, **training)
    assert says in problems(document)[code].message
    assert code not in problems(fixed(document, code))


def test_a_new_head_gets_one_output_for_each_class() -> None:
    document = network(width=10)
    wrong = [problem for problem in trainers.check(document) if problem.severity == "error"]
    assert wrong and wrong[0].fix and "5" in wrong[0].fix_label
    after = apply_all(document, wrong[0].fix)
    assert after.node("head").params["out_features"] == 5
    assert not [problem for problem in trainers.check(after) if problem.severity == "error"]


def test_nodes_without_transferred_weights_are_labelled(home: Path) -> None:
    from safetensors.torch import save_file

    document = trainers.bind(network({"source": FIRST}))
    assert Transfer(source=FIRST).node_labels(document) == {"head": "new head"}
    assert Transfer(source=FIRST, head="keep").node_labels(document) == {}
    assert Transfer(run="20200101-000000-00000000", freeze_up_to="conv").node_labels(document) == {"conv": "frozen"}
    (home / "weights").mkdir(parents=True)
    save_file({"conv.weight": torch.zeros(6, 1, 3, 3), "conv.bias": torch.zeros(6)}, home / "weights" / "a.safetensors")
    labels = Transfer(weights="a.safetensors").node_labels(document)
    assert labels == {"norm": "from scratch", "hidden": "from scratch", "head": "new head"}
