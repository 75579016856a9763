"""A column that says how much each row counts: in the loss, in train.py, and in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import trainers
from trainers import DataError
from trainers.data import dataset
from trainers.data.own import library
from trainers.data.own.kind import kind_of
from trainers.data.splits import prepare
from trainers.objectives.losses import Loss
from trainers.objectives.registry import all_losses
from trainers.script.train_script import train_script

BATCHES = {  # of each loss an output and a target for five samples
    "cross_entropy": (torch.randn(5, 3), torch.tensor([0, 1, 2, 1, 0])),
    "nll": (torch.randn(5, 3).log_softmax(1), torch.tensor([0, 1, 2, 1, 0])),
    "binary_cross_entropy_with_logits": (torch.randn(5, 1), torch.tensor([0, 1, 1, 1, 0])),
    "binary_cross_entropy": (torch.rand(5, 2), torch.rand(5, 2).round()),
    "multilabel_soft_margin": (torch.randn(5, 4), torch.rand(5, 4).round()),
    "mse": (torch.randn(5), torch.randn(5, 1)),
    "l1": (torch.randn(5, 2), torch.randn(5, 2)),
    "huber": (torch.randn(5, 2), torch.randn(5, 2)),
    "poisson": (torch.randn(5, 1), torch.rand(5, 1)),
    "hinge": (torch.randn(5, 3), torch.tensor([0, 1, 2, 1, 0])),
}


def survey(path: Path, name: str = "fnlwgt", rows: int = 200) -> pd.DataFrame:
    """Rows of two kinds that contradict each other; those of the second kind count nine times as much."""
    random = np.random.default_rng(0)
    x, heavy = random.normal(size=rows), np.arange(rows) % 2
    answer = np.where((x > 0) == (heavy == 1), "yes", "no")
    frame = pd.DataFrame({"x": x.round(3), "z": random.normal(size=rows).round(3), name: 1 + 8 * heavy, "y": answer})
    frame.to_csv(path, index=False)
    return frame


def test_every_loss_of_torch_gives_a_loss_for_each_sample() -> None:
    losses: dict[str, type[Loss]] = all_losses()
    assert set(BATCHES) == {name for name, loss in losses.items() if loss.torch_name}
    for name, (output, target) in BATCHES.items():
        each = losses[name]().build(reduction="none")(output, target).reshape(5, -1).mean(1)
        assert each.shape == (5,) and torch.allclose(each.mean(), losses[name]().build()(output, target)), name


def test_rows_that_count_more_win(tmp_path: Path) -> None:
    survey(tmp_path / "survey.csv")
    name = trainers.add_data(tmp_path / "survey.csv")
    schema = library.stored(name).schema
    (column,) = schema.of_role("weight")
    assert column.name == "fnlwgt" and "metrics count all alike" in column.role_reason
    assert "fnlwgt" not in dataset({"name": name}).feature_names
    run = trainers.start(trainers.Job.from_document(trainers.recommend(name), epochs=15))
    assert run.wait() == "finished"
    found = run.predict(pd.DataFrame({"x": [2.0, -2.0], "z": [0.0, 0.0]}))  # new rows need no weight
    assert found["prediction"].tolist() == ["yes", "no"]
    assert 0.7 < found["probability of yes"][0] < 0.99
    assert run.scores()["accuracy"] < 0.8  # the rows that hardly count are counted by the accuracy


def test_a_weight_of_two_is_the_same_row_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the loss of a part, and in the loss of train.py."""
    survey(tmp_path / "survey.csv", rows=60)
    name = trainers.add_data(tmp_path / "survey.csv")
    job = trainers.Job.from_document(trainers.recommend(name), data={"batch_size": "full"})
    prepared = prepare(job.dataset, 0.2, 0.1, seed=0)
    learner = job.paradigm.learner(job, prepared, "cpu", 10, 1)
    part = prepared.training
    weights = part.attributes["weight"]
    assert weights.mean().item() == pytest.approx(1) and any(
        "Metrics count all samples alike" in n for n in learner.notes
    )
    learner.model.eval()
    output = learner.model(*part.inputs).detach()
    times = (weights / weights.min()).round().long()
    again = torch.repeat_interleave(torch.arange(len(part)), times)
    twice = torch.nn.functional.cross_entropy(output[again], part.targets[again])
    assert learner.evaluate(part)["loss"] == pytest.approx(float(twice), rel=1e-5)
    names: dict[str, Any] = {"model": learner.model}
    source = train_script(trainers.recommend(name).changed(training=job.document.training))
    monkeypatch.chdir(tmp_path)
    exec(compile(source.replace("from model import", "# "), "train.py", "exec"), names)
    raw = names["load_weights"]()
    assert len(raw) == 60 and set(raw) == {1, 9}
    criterion = torch.nn.CrossEntropyLoss(reduction="none")
    loss, _ = names["evaluate"](learner.model, criterion, part.inputs[0], part.targets, weights)
    assert loss == pytest.approx(float(twice), rel=1e-5)
    assert "weights[training])" in source and 'reduction="none"' in source


def test_the_role_is_chosen_and_checked(tmp_path: Path) -> None:
    frame = survey(tmp_path / "survey.csv", "times").astype({"times": float})
    frame.loc[:3, "times"] = [-1, np.nan, 0, 5]
    frame.to_csv(tmp_path / "survey.csv", index=False)
    name = trainers.add_data(tmp_path / "survey.csv")
    assert not library.stored(name).schema.of_role("weight")
    kind = kind_of(library.stored(name))
    library.change(name, kind.change_part(library.stored(name), "times", "role", "weight"))
    assert len(dataset({"name": name}).load().targets) == 198
    warnings = [each.message for each in trainers.data_report(name).warnings if each.code == "D126"]
    assert "in 2 rows" in warnings[0] and "is 0 in 1 row" in warnings[1]
    moved = kind.change_part(library.stored(name), "x", "role", "weight")
    assert [column.name for column in moved.of_role("weight")] == ["x"] and moved.column("times").role == "ignored"
    with pytest.raises(DataError, match="must hold numbers"):
        trainers.add_data(tmp_path / "survey.csv", roles={"y": "weight"}, target="x")
    with pytest.raises(DataError, match="Only one column"):
        trainers.add_data(tmp_path / "survey.csv", roles={"x": "weight", "z": "weight"})
    document = trainers.recommend(name)
    document = document.changed(training={**document.training, "paradigm": {"name": "supervised", "loss": "focal"}})
    assert any("focal loss cannot weigh samples" in problem.message for problem in trainers.check(document))
    zero = pd.read_csv(tmp_path / "survey.csv").assign(times=0)
    zero.to_csv(tmp_path / "zero.csv", index=False)
    none = dataset({"name": trainers.add_data(tmp_path / "zero.csv", roles={"times": "weight"})})
    with pytest.raises(DataError, match="weight above 0"):
        prepare(none, 0.2, 0.1, seed=0)


def test_a_paradigm_that_has_no_use_for_weights_says_so_before_it_trains(tmp_path: Path) -> None:
    survey(tmp_path / "survey.csv")
    document = trainers.recommend(trainers.add_data(tmp_path / "survey.csv"))
    for name, kind in trainers.PARADIGMS.items():
        training = {**document.training, "paradigm": {"name": name}}
        found = [each for each in trainers.check(document.changed(training=training)) if each.code == "T112"]
        assert bool(found) != kind().uses_weights, name
        assert all(each.severity == "warning" and "all samples count alike" in each.message for each in found)
    assert not trainers.PARADIGMS["autoencoder"]().uses_weights and trainers.PARADIGMS["transfer"]().uses_weights
