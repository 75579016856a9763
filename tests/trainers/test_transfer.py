"""Transfer: what is taken, what is frozen and when it learns again, two rates under every schedule, the twin."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

import trainers
from builder.document import Document
from builder.edits import apply_all
from builder.problems import GraphError, Problem
from tests.conftest import make
from trainers.data.batches import Batches
from trainers.optim.optimisation import Optimisation, Slower
from trainers.optim.optimizers import OPTIMIZERS
from trainers.optim.schedules import SCHEDULES
from trainers.paradigms.base import ReportedMetric
from trainers.paradigms.transfer import first_training, source_weights
from trainers.paradigms.transfer.paradigm import Transfer, TransferLearner
from trainers.paradigms.transfer.scratch_baseline import compared, has_twin, negative, stuck
from trainers.paradigms.transfer.weight_files import WeightsError

HALF = {"name": "digits", "keep_classes": ["0", "1", "2", "3", "4"], "batch_size": 64}
OTHER = {"name": "digits", "keep_classes": ["5", "6", "7", "8", "9"], "batch_size": 16, "train_samples": 64}
FIRST = {"data": HALF, "epochs": 2}


def network(paradigm: dict[str, Any] | None = None, width: int = 5, **training: Any) -> Document:
    return make(
        ("image", "Input"),
        ("conv", "Conv2d", {"out_channels": 6, "kernel_size": 3}),
        ("norm", "BatchNorm2d"),
        ("bend", "ReLU"),
        ("flat", "Flatten"),
        ("hidden", "Linear", {"out_features": 16}),
        ("curve", "ReLU"),
        ("head", "Linear", {"out_features": width}),
        ("answer", "Output"),
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
    """A learner that is ready to step, its first training done."""
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


def mended(document: Document, code: str) -> Document:
    fix = problems(document)[code].fix
    assert fix
    return apply_all(document, fix)


# -- learning -------------------------------------------------------------------------------------------------------


def test_a_first_training_is_done_once_and_its_weights_are_taken() -> None:
    document, said = network(), []
    job = trainers.Job.from_document(document)
    job.paradigm.prepare(job, said.append)
    assert said[0] == "It first learns from Digits (8 x 8), 0, 1, 2, 3, 4 …" and any("epoch 1 of 2" in s for s in said)
    said.clear()
    job.paradigm.prepare(job, said.append)
    assert not said
    learner, _ = learner_of(document)
    assert isinstance(job.paradigm, Transfer)
    origin = first_training.origin(job, job.paradigm)
    assert origin.path is not None and origin.path.is_file()
    given = source_weights.taken(origin, source_weights.fitting(job.document, origin))
    own = learner.model.state_dict()
    assert {name.partition(".")[0] for name in given} == {"conv", "norm", "hidden"}
    assert all(torch.equal(own[name], tensor) for name, tensor in given.items())
    assert learner.notes[0].startswith("3 of 4 layers begin with the weights of a first training")
    longer = trainers.Job.from_document(network({"source": {**FIRST, "epochs": 3}}))
    assert first_training.place(first_training.job_of(longer, longer.paradigm)) != origin.path  # type: ignore[arg-type]


def test_a_first_training_can_be_stopped() -> None:
    class Enough(Exception):
        pass

    def say(sentence: str) -> None:
        if "epoch 1" in sentence:
            raise Enough

    job = trainers.Job.from_document(network())
    with pytest.raises(Enough):
        job.paradigm.prepare(job, say)
    assert not list((source_weights.home() / "first_trainings").glob("*"))


def test_frozen_weights_do_not_move_and_are_not_measured() -> None:
    learner, batches = learner_of(network({"source": FIRST, "freeze_up_to": "flat"}))
    before = weights(learner)
    for number in range(2):
        epoch(learner, batches, number)
    assert moved(before, weights(learner)) == {"hidden", "head"}  # and no running mean of the frozen norm
    assert learner.model.training and not learner.model.get_submodule("norm").training
    assert all(p.grad is None for p in learner.model.get_submodule("conv").parameters())
    assert len(learner.optimisation.parameters) == 4


@pytest.mark.parametrize("rate", [1.0, 0.1])
@pytest.mark.parametrize(("how", "expected"), [("all", [0, 0, 3, 3]), ("gradually", [0, 0, 1, 2])])
def test_layers_learn_again_when_they_are_to(how: str, expected: list[int], rate: float) -> None:
    options = {"source": FIRST, "freeze_up_to": "curve", "unfreeze_at": 2, "unfreeze": how, "backbone_lr_factor": rate}
    learner, batches = learner_of(network(options))
    for number, thawed in enumerate(expected):
        before = weights(learner)
        epoch(learner, batches, number)
        free = ["head", "hidden", "norm", "conv"][: thawed + 1]
        assert moved(before, weights(learner)) == set(free)
    assert learner.model.get_submodule("norm").training is (expected[-1] >= 2)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_two_rates_keep_their_ratio_under_every_schedule(schedule: str) -> None:
    options = {"min_lr": 0.0005} if schedule == "reduce_on_plateau" else {}
    options |= {"eta_min": 0.0005} if schedule == "cosine" else {}
    made = SCHEDULES[schedule](**options)
    for kind in ("SGD", "Adam", "RMSprop"):
        body, head, alone = (torch.nn.Linear(2, 2) for _ in range(3))
        two = Optimisation(
            head.parameters(), OPTIMIZERS[kind](), made, 12, 4, slower=Slower(list(body.parameters()), 0.1)
        )
        one = Optimisation(alone.parameters(), OPTIMIZERS[kind](), made, 12, 4)
        for step in range(12):
            two.step(lambda: head(body(torch.ones(1, 2))).square().mean())  # noqa: B023
            one.step(lambda: alone(torch.ones(1, 2)).square().mean())  # noqa: B023
            if step % 4 == 3:
                two.epoch_end(1.0)
                one.epoch_end(1.0)
            rates = [group["lr"] for group in two.optimizer.param_groups]
            assert rates[0] == one.learning_rate and math.isclose(rates[1], 0.1 * rates[0])


def test_a_slow_body_moves_less() -> None:
    moves = {}
    for rate in (1.0, 0.01):
        learner, batches = learner_of(network({"source": FIRST, "backbone_lr_factor": rate}))
        before = weights(learner)
        epoch(learner, batches, 0)
        after = weights(learner)
        moves[rate] = {name: float((after[name] - before[name]).norm()) for name in ("conv.weight", "head.weight")}
    assert moves[0.01]["conv.weight"] < 0.05 * moves[1.0]["conv.weight"]
    assert moves[0.01]["head.weight"] > 0.5 * moves[1.0]["head.weight"]


def test_the_twin_is_what_it_would_be_alone() -> None:
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
    assert "scratch_loss" in both.figures()


def test_a_run_that_waited_gives_the_same_numbers() -> None:
    options = {
        "source": FIRST,
        "freeze_up_to": "curve",
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
        path.unlink()  # what it began with is not needed any more
    job = trainers.Job(trainers.bind(document))
    again = job.paradigm.learner(job, part.prepared, "cpu", batches.count * 4, batches.count)
    assert isinstance(again, TransferLearner)
    with pytest.raises(WeightsError, match="not there any more"):
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


def test_a_run_from_a_run_keeps_what_only_one_gets_right(train: Any) -> None:
    first = train(network().changed(training={"data": HALF, "epochs": 2, "optimizer": {"name": "Adam", "lr": 0.01}}))
    document = network({"run": first.id, "compare": True, "freeze_up_to": "flat"})
    assert Transfer.model_validate({"run": first.id, "freeze_up_to": "flat"}).marks(document) == {
        "conv": "frozen", "norm": "frozen", "bend": "frozen", "flat": "frozen", "head": "new head",
    }  # fmt: skip
    run = train(document)
    assert run.state == "finished", run.progress().message
    assert has_twin(run) and set(run.networks()) == {"main", "scratch"} and list(run.parts()) == ["network", "scratch"]
    assert {"accuracy", "scratch_accuracy"} <= set(run.scores()) and run.snapshot_steps("scratch_baseline")
    found = compared(run, "test")
    counts = {name: len(found.places(name)) for name in ("with", "without", "both", "none")}
    assert sum(counts.values()) == len(found.predicted.targets)
    right = (counts["with"] + counts["both"]) / len(found.predicted.targets)
    assert right == pytest.approx(run.scores()["accuracy"], abs=1e-4)
    sources = [layer.weight for layer in (first.model().get_submodule("conv"), run.model().get_submodule("conv"))]
    torch.testing.assert_close(*sources)
    first.delete()
    assert problems(document)["T211"].message.startswith("The run ")


# -- verdicts -------------------------------------------------------------------------------------------------------


def test_verdicts_of_a_transfer_that_harms_or_is_frozen_too_hard() -> None:
    score = ReportedMetric("accuracy", "accuracy")
    worse = {"accuracy": 0.7, "scratch_accuracy": 0.8, "loss": 0.9, "scratch_loss": 0.5}
    assert "does harm" in negative(worse, score)[0].message
    assert not negative({**worse, "accuracy": 0.79}, score) and not negative({"accuracy": 0.5, "loss": 1.0}, score)
    assert stuck([0.3, 0.55, 0.56, 0.55, 0.56], score, "conv")[0].node == "conv"
    assert not stuck([0.3, 0.4, 0.5, 0.6], score, "conv") and not stuck([0.9] * 5, score, "conv")


# -- checks ---------------------------------------------------------------------------------------------------------


def test_nothing_to_begin_with_is_mended_by_a_run_that_fits(train: Any) -> None:
    nothing = network({})
    assert problems(nothing)["T210"].fix_label == "Train from nothing"
    run = train(network().changed(training={"data": HALF, "epochs": 1}))
    problem = problems(nothing)["T210"]
    assert problem.fix_label.startswith("Begin with") and problem.severity == "error"
    after = mended(nothing, "T210")
    assert after.training["paradigm"]["run"] == run.id and not problems(after)
    twice = problems(network({"run": run.id, "source": FIRST}))["T210"]
    assert "named more than once: run, source" in twice.message and twice.fix_label == "Keep run"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"run": "20200101-000000-00000000"}, "not there any more"),
        ({"run": "../../etc"}, "not there any more"),
        ({"weights": "nothing.safetensors"}, "There is no file nothing.safetensors"),
        ({"weights": "odd.safetensors"}, "odd.safetensors is no safetensors file"),
        ({"source": {"data": {"name": "nobody"}}}, "There is no data set called 'nobody'"),
        ({"source": {"data": {"name": "iris"}}}, "cannot learn from Iris"),
    ],
)
def test_what_cannot_be_had_is_said(options: dict[str, Any], says: str, home: Path) -> None:
    (home / "weights").mkdir(parents=True)
    (home / "weights" / "odd.safetensors").write_bytes(b"12345678 pickled")
    found = problems(network(options))
    assert says in found["T211"].message and found["T211"].fix, found
    with pytest.raises(GraphError):
        trainers.Job.from_document(network(options))


def test_paths_are_no_names_of_files() -> None:
    for name in ("../secret.safetensors", "/etc/passwd", "a.pt", ".hidden.safetensors"):
        assert "must be the name of a file" in trainers.check(network({"weights": name}))[0].message


def test_weights_that_do_not_fit_are_listed(home: Path) -> None:
    from safetensors.torch import save_file

    (home / "weights").mkdir(parents=True)
    save_file({"conv.weight": torch.zeros(6, 1, 5, 5), "conv.bias": torch.zeros(6)}, home / "weights" / "a.safetensors")
    problem = problems(network({"weights": "a.safetensors"}))["T212"]
    assert "conv is 6 × 1 × 5 × 5 in the source, 6 × 1 × 3 × 3 here" in problem.message and problem.fix
    save_file({"conv.weight": torch.zeros(6, 1, 3, 3), "conv.bias": torch.zeros(6)}, home / "weights" / "b.safetensors")
    partly = problems(network({"weights": "b.safetensors"}))
    assert partly["T213"].severity == "warning" and "norm has no weights in the source" in partly["T213"].message
    assert trainers.Job.from_document(network({"weights": "b.safetensors"}))
    frozen = network({"weights": "b.safetensors", "freeze_up_to": "bend"})
    assert problems(frozen)["T216"].node == "norm" and not problems(mended(frozen, "T216")).get("T216")


@pytest.mark.parametrize(
    ("options", "training", "code", "says"),
    [
        ({"freeze_up_to": "cnov"}, {}, "T214", "Did you mean conv?"),
        ({"freeze_up_to": "head"}, {}, "T215", "no layer is left that learns"),
        ({"freeze_up_to": "conv", "unfreeze_at": 4}, {}, "T217", "over after 4"),
        ({"unfreeze_at": 2}, {}, "T217", "none is frozen"),
        ({"backbone_lr_factor": 0.1}, {"optimizer": {"name": "LBFGS"}}, "T218", "L-BFGS can neither"),
    ],
)
def test_what_makes_no_sense_is_mended(options: dict[str, Any], training: dict[str, Any], code: str, says: str) -> None:
    document = network({"source": FIRST, **options}, **training)
    assert says in problems(document)[code].message
    assert code not in problems(mended(document, code))


def test_a_new_head_has_the_width_of_the_new_answers() -> None:
    document = network(width=10)
    wrong = [problem for problem in trainers.check(document) if problem.severity == "error"]
    assert wrong and wrong[0].fix and "5" in wrong[0].fix_label
    after = apply_all(document, wrong[0].fix)
    assert after.node("head").params["out_features"] == 5
    assert not [problem for problem in trainers.check(after) if problem.severity == "error"]


def test_marks_say_what_begins_at_random() -> None:
    way = Transfer(source=FIRST)
    document = network({"source": FIRST})
    assert way.node_labels(document) == {"head": "new head"}
    assert way.node_labels(network({"source": {"data": {"name": "nobody"}}})) == {"head": "new head"}
