"""The predictions of a whole part as a table; what cannot be read of new samples is said."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import trainers
from tests.pages.own_files import images, series
from tests.pages.trained import perceptron
from trainers.__main__ import main
from trainers.data.base import DataError
from trainers.data.own import library
from trainers.data.own.kind import kind_of
from trainers.data.own.predicting import predict_rows
from trainers.job import Job
from trainers.runs.run import Run, RunError
from trainers.trying import part_predictions
from trainers.trying.part_predictions import as_csv, table


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETLOOM_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(part_predictions, "BLOCK", 7)  # so that there are several


def rows(path: Path, number: int = 60) -> pd.DataFrame:
    random = np.random.default_rng(0)
    kind = random.integers(0, 2, number)
    frame = pd.DataFrame({"size": (kind + random.normal(0, 0.9, number)).round(3)})
    frame["target"] = np.array(["red, pale", "blue"])[random.integers(0, 2, number)]  # an input, whatever it is called
    frame["weight"] = (frame["size"] * 3 + 1).round(3)
    frame["species"] = np.array(["rose", "lily"])[kind]
    frame.to_csv(path, index=False)
    return frame


def trained(name: str, **options: object) -> Run:
    run = trainers.start(trainers.Job.from_document(trainers.recommend(name), epochs=1, **options))
    assert run.wait(60) == "finished"
    return run


def test_rows_of_a_part_with_their_columns_as_in_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw = rows(tmp_path / "plants.csv")
    run = trained(trainers.add_data(tmp_path / "plants.csv", target="species"))
    found = table(part_predictions.part_predictions(run, "training"))
    there = raw.iloc[found["row"] - 1].reset_index(drop=True)
    assert len(found) > 14 and set(found["row"]) <= set(range(1, 61)) and found["row"].is_unique
    for name in ("size", "weight", "species"):
        assert found[name].tolist() == there[name].tolist()
    assert found["target (in the file)"].tolist() == there["target"].tolist()
    assert found["target"].tolist() == there["species"].tolist()
    again = run.predict(there)  # what is predicted for the same rows as new ones
    assert found["prediction"].tolist() == again["prediction"].tolist()
    np.testing.assert_allclose(found["probability of rose"], again["probability of rose"], rtol=1e-5)
    assert main(["predict", run.id, "--part", "training", "--out", str(tmp_path / "all.csv")]) == 0
    assert f"{len(found)} predictions are in" in capsys.readouterr().out
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "all.csv"), found, check_dtype=False)
    first = pd.read_csv(io.BytesIO(as_csv(run, "training", 9)))
    pd.testing.assert_frame_equal(first, found[:9], check_dtype=False)


def test_several_numbers_have_a_column_each(tmp_path: Path) -> None:
    rows(tmp_path / "plants.csv")
    name = trainers.add_data(tmp_path / "plants.csv", roles={"size": "target", "weight": "target", "species": "input"})
    run = trained(name)
    found = table(part_predictions.part_predictions(run, "test"))
    raw = pd.read_csv(tmp_path / "plants.csv").iloc[found["row"] - 1].reset_index(drop=True)
    np.testing.assert_allclose(found["target of weight"], raw["weight"], rtol=1e-4)
    np.testing.assert_allclose(found["prediction of size"], run.predict(raw)["size"], rtol=1e-3, atol=1e-5)


def test_steps_of_a_series_have_a_column_each(tmp_path: Path) -> None:
    run = trained(trainers.add_data(series(tmp_path)))
    found = table(part_predictions.part_predictions(run, "validation", most=10))
    horizon = run.job.dataset.target_shape[0]
    assert len(found) == 10 and f"prediction of heat, step {horizon}" in found
    heat = pd.read_csv(tmp_path / "weather.csv")["heat"]
    first = found["target of heat, step 1"].to_numpy()
    assert any(np.allclose(first, heat[start : start + 10], atol=1e-4) for start in range(len(heat)))


def test_images_are_named_by_their_files(tmp_path: Path) -> None:
    run = trained(trainers.add_data(images(tmp_path)))
    found = table(part_predictions.part_predictions(run, "training"))
    assert found["sample"].is_unique
    assert all(file.startswith(f"{true}/") for file, true in zip(found["sample"], found["target"], strict=True))


def test_a_shipped_table_and_what_has_no_table() -> None:
    run = trainers.start(trainers.Job.from_document(perceptron("iris")))
    run.wait(60)
    found = table(part_predictions.part_predictions(run, "validation"))
    assert found.columns[0] == "sample" and "petal length (cm)" in found and len(found) == 30
    with pytest.raises(RunError, match="no test samples"):
        empty = trainers.start(trainers.Job.from_document(perceptron({"name": "iris", "test": 0.0})))
        empty.wait(60)
        as_csv(empty, "test", 5)


def test_what_cannot_be_read_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = trained(trainers.add_data(images(tmp_path)))
    new = tmp_path / "new"
    new.mkdir()
    (new / "one.png").write_bytes((tmp_path / "images" / "blue" / "1.png").read_bytes())
    (new / "cut.png").write_bytes((tmp_path / "images" / "blue" / "2.png").read_bytes()[:200])
    (new / "notes.txt").write_text("not an image")
    assert main(["predict", run.id, str(new), "--out", str(tmp_path / "out.csv")]) == 3
    printed = capsys.readouterr()
    assert "1 rows are in" in printed.out
    assert "cut.png: It is " in printed.err and "notes.txt: It is no image." in printed.err
    assert pd.read_csv(tmp_path / "out.csv")["file"].tolist() == ["one.png"]
    assert [name for name, _ in run.predict(new).attrs["left_out"]] == ["notes.txt", "cut.png"]
    assert main(["predict", run.id, str(new / "one.png")]) == 0 and not capsys.readouterr().err
    assert main(["predict", run.id, str(new / "cut.png")]) == 1 and "cut.png" in capsys.readouterr().err


def test_lines_that_cannot_be_read_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw = rows(tmp_path / "plants.csv")
    run = trained(trainers.add_data(tmp_path / "plants.csv", target="species"))
    lines = raw.head(4).to_csv(index=False).splitlines()
    (tmp_path / "new.csv").write_text("\n".join([*lines[:3], lines[3] + ",too,many", lines[4]]))
    assert main(["predict", run.id, str(tmp_path / "new.csv"), "--json"]) == 3
    printed = capsys.readouterr()
    assert '"left_out": [{"file": "new.csv, line 4", "reason": "It has 6 cells' in printed.out
    assert "new.csv, line 4" in printed.err


def test_either_new_samples_or_a_part(capsys: pytest.CaptureFixture[str]) -> None:
    run = trainers.start(trainers.Job.from_document(perceptron("iris")))
    run.wait(60)
    assert main(["predict", run.id]) == main(["predict", run.id, "x.csv", "--part", "test"]) == 1
    assert "--part test" in capsys.readouterr().err


def test_a_run_keeps_the_version_of_its_data(tmp_path: Path) -> None:
    """Another schema, another name, another file: the network still gets what it was trained on."""
    raw = rows(tmp_path / "plants.csv")
    name = trainers.add_data(tmp_path / "plants.csv", target="species")
    run = trained(name)
    assert run.document.training["data"]["name"] == f"{name}@1"
    before = run.predict(raw)
    stored = library.stored(name)
    library.change(name, kind_of(stored).change_part(stored, "weight", "role", "ignored"))
    assert len(trained(name).job.dataset.feature_names) < len(run.job.dataset.feature_names)
    library.rename(name, "flowers")
    (tmp_path / "plants.csv").unlink()
    pd.testing.assert_frame_equal(run.predict(raw), before)
    library.remove("flowers")
    pd.testing.assert_frame_equal(trainers.open_run(run.id).predict(raw), before)  # the run keeps what it needs
    library.restore()
    pd.testing.assert_frame_equal(trainers.open_run(run.id).predict(raw), before)


def test_a_network_that_does_not_fit_changed_data_is_not_used(tmp_path: Path) -> None:
    """As runs of earlier versions may be, which name no version of their data."""
    raw = rows(tmp_path / "plants.csv")
    name = trainers.add_data(tmp_path / "plants.csv", target="species")
    run = trained(name)
    unversioned = run.document.changed(training={**run.document.training, "data": {"name": name}})
    stored = library.stored(name)
    library.change(name, kind_of(stored).change_part(stored, "weight", "role", "ignored"))
    with pytest.raises(DataError, match="was changed since this run was trained"):
        predict_rows(Job(unversioned), run.model(), raw)
