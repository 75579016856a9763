"""Tables of one's own from the file to the prediction: found by looking, trained, exported, predicted, removed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import builder
import trainers
from trainers import DataError
from trainers.__main__ import main
from trainers.data import DATASETS, dataset
from trainers.data.own import library
from trainers.data.own.kinds.table.guessing import with_roles
from trainers.data.own.kinds.table.preparing import encode, prepared
from trainers.data.own.kinds.table.warnings import data_checks
from trainers.data.splits import figures_of

MIRROR = os.environ.get("NETLOOM_DATA")
TABLES = Path(MIRROR or "/nowhere") / "own" / "tables"
needs_tables = pytest.mark.skipif(
    not TABLES.is_dir(), reason="real tables are read from $NETLOOM_DATA/own, which is absent"
)


@pytest.fixture(name="flowers")
def flowers_fixture(tmp_path: Path) -> Path:
    """150 flowers of three kinds: two numbers with gaps, a colour, a yes/no, a place of many, an identifier."""
    random = np.random.default_rng(0)
    kind = random.integers(0, 3, 150)
    length = np.round(kind + random.normal(0, 0.3, 150), 2).astype(str)
    length[::17] = "?"
    rows = pd.DataFrame(
        {
            "id": np.arange(150) + 7,
            "length": length,
            "width": np.round(random.normal(0, 1, 150), 2),
            "colour": np.array(["red", "blue", "white"])[(kind + (random.random(150) < 0.2)) % 3],
            "wild": np.where(random.random(150) < 0.5, "yes", "no"),
            "place": [f"place {number}" for number in random.integers(0, 20, 150)],
            "species": np.array(["rose", "violet", "lily"])[kind],
        }
    )
    path = tmp_path / "flowers.csv"
    rows.to_csv(path, index=False)
    return path


def test_what_is_found(flowers: Path) -> None:
    report = trainers.data_report(trainers.add_data(flowers))
    roles = {column.name: (column.type, column.role) for column in report.schema.columns}
    assert roles == {
        "id": ("number", "ignored"),
        "length": ("number", "input"),
        "width": ("number", "input"),
        "colour": ("category", "input"),
        "wild": ("yes_no", "input"),
        "place": ("category", "input"),
        "species": ("category", "target"),
    }
    assert (report.kind, report.rows, report.schema.task) == ("table", 150, "classification")
    assert report.schema.column("place").encoding == "embedding"
    assert next(column.missing for column in report.columns if column.name == "length") == 9
    assert all(column.type_reason for column in report.schema.columns)


@pytest.mark.usefixtures("warm_converter")
def test_it_trains_predicts_and_goes_home(flowers: Path, tmp_path: Path) -> None:
    name = trainers.add_data(flowers)
    document = trainers.recommend(name)
    assert trainers.check(document) == []
    run = trainers.start(trainers.Job.from_document(document, epochs=15))
    assert run.wait() == "finished" and run.scores()["accuracy"] > 0.7

    new = pd.read_csv(flowers).drop(columns=["species", "id"]).iloc[:20, ::-1].assign(note="x")
    new.loc[3, "place"] = "nobody has been there"
    new.loc[4, "colour"] = None
    found = run.predict(new)
    assert list(found.columns) == ["prediction", *(f"probability of {kind}" for kind in ("lily", "rose", "violet"))]
    np.testing.assert_allclose(found.iloc[:, 1:].sum(axis=1), 1, rtol=1e-5)
    assert (found["prediction"] == pd.read_csv(flowers)["species"][:20]).mean() > 0.7
    with pytest.raises(DataError, match="no column 'width'"):
        run.predict(new.drop(columns="width"))

    assert main(["export", run.id, "--output", str(tmp_path / "out.zip")]) == 0
    zipfile.ZipFile(tmp_path / "out.zip").extractall(tmp_path / "out")
    shutil.copy(flowers, tmp_path / "out")
    done = subprocess.run(
        [sys.executable, "train.py"], cwd=tmp_path / "out", capture_output=True, text=True, check=True
    )
    assert "test: loss" in done.stdout


@needs_tables
@pytest.mark.parametrize(
    "file", ["titanic.csv", "penguins.csv", "mpg.csv", "horse-colic.csv", "sonar.csv", "housing.data", "german.csv"]
)
def test_the_script_reads_the_same_rows(file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = dataset({"name": trainers.add_data(TABLES / file)})
    arrays = data.load()
    shutil.copy(TABLES / file, tmp_path)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(compile(data.source(), "train.py", "exec"), names)
    inputs, targets = names["load_data"]()
    inputs = inputs if isinstance(inputs, list) else [inputs]
    for ours, theirs in zip(arrays.inputs, inputs, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_allclose(arrays.targets, targets.astype(arrays.targets.dtype))


@pytest.mark.parametrize("ending", ["parquet", "jsonl", "json", "tsv"])
def test_other_formats_are_read_by_the_script_too(flowers: Path, ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, path = pd.read_csv(flowers, na_values="?"), flowers.with_suffix(f".{ending}")
    if ending == "parquet":
        rows.to_parquet(path)
    elif ending == "tsv":
        rows.to_csv(path, sep="\t", index=False)
    else:
        rows.to_json(path, orient="records", lines=ending == "jsonl")
    data = dataset({"name": trainers.add_data(path)})
    arrays = data.load()
    monkeypatch.chdir(path.parent)
    names: dict[str, Any] = {}
    exec(compile(data.source(), "train.py", "exec"), names)
    inputs, targets = names["load_data"]()
    for ours, theirs in zip(arrays.inputs, inputs, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(arrays.targets, targets)
    assert len(arrays.targets) == 150 and data.classes == ("lily", "rose", "violet")


@needs_tables
@pytest.mark.parametrize(
    ("file", "target", "ignored"),
    [
        ("titanic.csv", "survived", {"alive"}),
        ("penguins.csv", "species", set()),
        ("mpg.csv", "mpg", {"name"}),
        ("horse-colic.csv", "column_27", {"column_2"}),
        ("sonar.csv", "column_60", set()),
        ("housing.data", "column_13", set()),
        ("german.csv", "column_20", set()),
    ],
)
def test_targets_of_real_tables(file: str, target: str, ignored: set[str]) -> None:
    schema = trainers.data_report(trainers.add_data(TABLES / file)).schema
    assert [column.name for column in schema.targets] == [target]
    assert {column.name for column in schema.of_role("ignored")} == ignored


@needs_tables
@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "target", "metric", "floor"),
    [
        ("titanic.csv", None, "accuracy", 0.80),
        ("penguins.csv", None, "accuracy", 0.97),
        ("mpg.csv", None, "r2", 0.84),
        ("housing.data", None, "r2", 0.82),
        ("sonar.csv", None, "accuracy", 0.76),
        ("german.csv", None, "accuracy", 0.73),
        ("horse-colic.csv", "column_0", "accuracy", 0.72),
    ],
)
def test_floors(file: str, target: str | None, metric: str, floor: float) -> None:
    """The mean of several seeds on a fifth of the rows, with the guessed schema and the recommended network."""
    name = trainers.add_data(TABLES / file, target=target)
    document, seeds = trainers.recommend(name), 10 if dataset({"name": name}).samples < 500 else 5
    scores = []
    for seed in range(seeds):
        run = trainers.start(trainers.Job.from_document(document, seed=seed, data={"test": 0.2}, threads=1))
        assert run.wait() == "finished"
        scores.append(run.scores()[metric])
    assert np.mean(scores) >= floor, scores


HOUSES = Path(os.environ.get("NETLOOM_DATA") or "/nowhere") / "california_housing" / "housing.csv"


@pytest.mark.slow
@pytest.mark.skipif(not HOUSES.is_file(), reason="the table is read from $NETLOOM_DATA/california_housing")
def test_the_floor_of_california_housing() -> None:
    run = trainers.start(trainers.Job.from_document(trainers.recommend(trainers.add_data(HOUSES)), data={"test": 0.2}))
    assert run.wait() == "finished" and run.scores()["r2"] >= 0.75


def test_several_answers_of_yes_and_no_are_learned_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(400, 2))
    tags = {"warm": np.where(x[:, 0] > 0, "yes", "no"), "wet": np.where(x[:, 1] > 0.5, "ja", "nein")}
    rows = pd.DataFrame({"a": x[:, 0].round(3), "b": x[:, 1].round(3), **tags})
    rows.loc[7, "wet"] = "?"
    rows.to_csv(tmp_path / "weather.csv", index=False)
    name = trainers.add_data(tmp_path / "weather.csv", roles={"warm": "target", "wet": "target"})
    schema = library.stored(name).schema
    assert schema.task == "multilabel" and "yes or no" in schema.task_reason
    arrays = dataset({"name": name}).load()
    assert arrays.targets.shape == (399, 2) and set(np.unique(arrays.targets)) == {0, 1}
    run = trainers.start(trainers.Job.from_document(trainers.recommend(name), epochs=20))
    assert run.wait() == "finished" and run.scores()["f1"] > 0.9
    found = run.predict(pd.DataFrame({"a": [2.0, -2.0], "b": [2.0, -2.0]}))
    assert found["prediction"].tolist() == ["warm, wet", "none"] and found["probability of wet"][0] > 0.5
    names: dict[str, Any] = {}
    monkeypatch.chdir(tmp_path)
    exec(compile(dataset({"name": name}).source(), "train.py", "exec"), names)
    assert np.array_equal(names["load_data"]()[1], arrays.targets)
    with pytest.raises(DataError, match="all are numbers, or all are yes or no"):
        trainers.add_data(tmp_path / "weather.csv", "mixed", roles={"warm": "target", "a": "target"})


def test_missing_values_are_filled_by_the_training_part_alone(tmp_path: Path) -> None:
    path = tmp_path / "gaps.csv"
    rows = pd.DataFrame({"x": np.arange(100.0), "y": np.arange(100) * 2.0 + np.arange(100) % 3})
    rows.loc[::4, "x"] = np.nan
    rows.to_csv(path, index=False)
    name = trainers.add_data(path, target="y")
    job = trainers.Job.from_document(trainers.recommend(name))
    prepared, raw = job.prepare(), job.dataset.load().inputs[0]
    known = raw[prepared.training.indices, 0]
    figures = prepared.standardisation[0]
    assert figures is not None and figures.fill is not None
    assert figures.fill[0] == np.median(known[np.isfinite(known)])
    assert not any(part.inputs[0].isnan().any() for part in (prepared.training, prepared.validation, prepared.test))


def test_groups_stay_together(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    pd.DataFrame({"person": np.arange(200) // 10, "x": np.arange(200) % 7, "y": np.arange(200) % 2}).to_csv(
        path, index=False
    )
    name = trainers.add_data(path, target="y", roles={"person": "group"})
    prepared = trainers.Job.from_document(trainers.recommend(name)).prepare()
    parts = [set((part.indices // 10).tolist()) for part in (prepared.training, prepared.validation, prepared.test)]
    assert not parts[0] & parts[1] and not parts[0] & parts[2] and not parts[1] & parts[2]


def test_the_last_rows_in_time_are_for_testing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    days = pd.date_range("2024-01-01", periods=100).strftime("%d.%m.%Y").to_numpy()
    order = np.random.default_rng(0).permutation(100)
    path = tmp_path / "days.csv"
    pd.DataFrame({"day": days[order], "x": order, "y": order * 2.0 + 1}).to_csv(path, index=False)
    name = trainers.add_data(path, target="y", roles={"day": "time"})
    job = trainers.Job.from_document(trainers.recommend(name))
    prepared, arrays = job.prepare(), job.dataset.load()
    assert arrays.inputs[0][:, 0].tolist() == list(range(100))
    assert prepared.training.indices.max() < prepared.validation.indices.min()
    assert prepared.validation.indices.max() < prepared.test.indices.min()
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(compile(job.dataset.source(), "train.py", "exec"), names)
    np.testing.assert_array_equal(names["load_data"]()[0], arrays.inputs[0])
    with pytest.raises(DataError, match="must hold dates or numbers"):
        trainers.add_data(path, target="y", roles={"day": "time"}, types={"day": "category"})


def test_targets_keep_their_unit(tmp_path: Path) -> None:
    path = tmp_path / "due.csv"
    days = pd.date_range("2024-01-01", periods=60)
    pd.DataFrame({"x": np.arange(60) % 7, "due": days.strftime("%Y-%m-%d")}).to_csv(path, index=False)
    targets = dataset({"name": trainers.add_data(path, target="due")}).load().targets[:, 0]
    np.testing.assert_allclose(targets - targets[0], np.arange(60))  # days, and no sine of a month
    name = trainers.add_data(path, target="x", task="regression", name="sizes")
    schema = library.stored(name).schema
    library.change(name, schema.changed([schema.column("x").model_copy(update={"encoding": "log"})]))
    np.testing.assert_array_equal(dataset({"name": name}).load().targets[:, 0], np.arange(60) % 7)


# -- the library -------------------------------------------------------------------------------------------------------


def test_names_are_no_paths(flowers: Path) -> None:
    for wrong in ("../evil", "a/b", "CON", "", ".hidden", "x" * 200, "con"):
        with pytest.raises(DataError, match="cannot be the name"):
            trainers.add_data(flowers, name=wrong)
    evil = flowers.with_name("..%2f..  Ünïcode (final).csv")
    shutil.copy(flowers, evil)
    assert trainers.add_data(evil) == "own/2f_unicode_final"
    assert trainers.add_data(flowers) == "own/flowers" and trainers.add_data(flowers) == "own/flowers_2"
    with pytest.raises(DataError, match="already"):
        trainers.add_data(flowers, name="flowers")


def test_wrong_arguments_are_answered(flowers: Path) -> None:
    for arguments, message in (
        ({"target": "specie"}, "Did you mean species"),
        ({"roles": {"width": "imput"}}, "The roles are: input"),
        ({"types": {"width": "float"}}, "The types are: number"),
        ({"types": {"colour": "number"}}, "colour cannot be of the type number"),
        ({"split": "group"}, "give a column the role 'group'"),
        ({"task": "regresion"}, "The tasks are"),
    ):
        with pytest.raises(DataError, match=message):
            trainers.add_data(flowers, **arguments)  # type: ignore[arg-type]
    assert library.names() == []
    with pytest.raises(DataError, match="There is no file"):
        trainers.add_data(flowers.with_name("nothing.csv"))
    with pytest.raises(DataError, match="no data set called 'flower'"):
        trainers.data_report("own/flower")


def test_a_file_that_changed_is_noticed(flowers: Path) -> None:
    name = trainers.add_data(flowers)
    dataset({"name": name}).load()
    flowers.write_text("a,b\n1,2\n", encoding="utf-8")
    os.utime(flowers, (1, 1))
    dataset({"name": name}).load()  # what was prepared is still there
    shutil.rmtree(library.stored(name).folder / "prepared")
    with pytest.raises(DataError, match="has changed"):
        dataset({"name": name}).load()
    flowers.unlink()
    with pytest.raises(DataError, match="not there any more"):
        dataset({"name": name}).load()


def test_a_copy_needs_the_file_no_more(flowers: Path) -> None:
    name = trainers.add_data(flowers, copy=True)
    flowers.unlink()
    assert len(dataset({"name": name}).load().targets) == 150


def test_versions_stay_for_the_runs_that_used_them(flowers: Path) -> None:
    name = trainers.add_data(flowers)
    schema = library.stored(name).schema
    library.change(name, schema.changed([schema.column("wild").model_copy(update={"role": "ignored"})]))
    assert library.stored(name).schema.version == 2
    assert len(dataset({"name": f"{name}@1"}).feature_names) == len(dataset({"name": name}).feature_names) + 1
    with pytest.raises(DataError, match="no version 7"):
        library.stored(f"{name}@7")


def test_removing_can_be_undone(flowers: Path) -> None:
    name = trainers.add_data(flowers)
    assert name in DATASETS
    trainers.remove_data(name)
    assert library.names() == [] and name not in DATASETS
    assert library.restore() == "flowers" and name in DATASETS
    document = trainers.recommend(name)
    trainers.remove_data(name)
    assert any("no data set called 'flowers'" in str(problem) for problem in trainers.check(document))


@pytest.mark.parametrize(
    "damage", ["", "{", '{"format": "netloom-data/9"}', "[]", '{"format": "netloom-data/1", "columns": []}']
)
def test_a_damaged_schema_is_said_in_a_sentence(flowers: Path, damage: str) -> None:
    name = trainers.add_data(flowers)
    (library.stored(name).folder / "schema.json").write_text(damage, encoding="utf-8")
    with pytest.raises(DataError, match="damaged"):
        dataset({"name": name})


def test_damaged_arrays_are_made_again(flowers: Path) -> None:
    name = trainers.add_data(flowers)
    before = np.array(dataset({"name": name}).load().inputs[0])  # a copy: no file is mapped while it is damaged
    folder = library.stored(name).folder / "prepared"
    for file in ("numbers.npy", "about.json"):
        (folder / file).write_bytes(b"nonsense")
        np.testing.assert_array_equal(dataset({"name": name}).load().inputs[0], before)


def test_arrays_that_cannot_be_kept_are_used_all_the_same(flowers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = trainers.add_data(flowers)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("trainers.data.own.kinds.table.preparing.make_folder", full)
    assert len(dataset({"name": name}).load().targets) == 150
    assert not (library.stored(name).folder / "prepared").exists()


# -- warnings ----------------------------------------------------------------------------------------------------------


def table(tmp_path: Path, **columns: Any) -> str:
    path = tmp_path / "table.csv"
    pd.DataFrame(columns).to_csv(path, index=False)
    return trainers.add_data(path, target="y")


def test_warnings_and_their_fixes(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    y = np.array(["a", "b"])[(random.random(300) < 0.05).astype(int)]
    size = np.append(np.round(random.random(299), 3), 9e6)
    name = table(
        tmp_path,
        code=random.choice([1, 2, 5, 9], 300),
        same=random.integers(0, 5, 300),
        size=size,
        day=[f"{1 + n % 12:02}/{1 + n % 11:02}/2024" for n in range(300)],
        y=y,
    )
    report = trainers.data_report(name)
    found = {warning.code: warning for warning in report.warnings}
    assert {"D104", "D106", "D107", "D124"} <= set(found)
    for code in ("D104", "D106", "D107"):
        fix = found[code].fix
        assert fix is not None and found[code].fix_label
        library.change(name, fix)
        assert code not in {
            warning.code for warning in trainers.data_report(name).warnings if warning.column == found[code].column
        }
    assert trainers.recommend(name).training["paradigm"]["class_weights"] == "balanced"


def test_what_gives_the_answer_away_is_left_out_and_said(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    y = random.normal(size=200).round(3)
    name = table(tmp_path, x=random.normal(size=200), twice=2 * y + 1, y=y)
    column = library.stored(name).schema.column("twice")
    assert column.role == "ignored" and "alone says what y is" in column.role_reason
    schema = library.stored(name).schema
    library.change(name, schema.changed([column.model_copy(update={"role": "input"})]))
    warning = next(w for w in trainers.data_report(name).warnings if w.code == "D101")
    assert warning.column == "twice" and warning.fix is not None


def test_another_target_has_other_leaks(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x, z = random.normal(size=(2, 200)).round(3)
    rows = pd.DataFrame({"x": x, "double": 2 * x, "z": z, "triple": 3 * z, "id": np.arange(200), "note": 7, "y": x})
    rows.to_csv(tmp_path / "rows.csv", index=False)
    one = trainers.add_data(tmp_path / "rows.csv", target="x", roles={"z": "ignored"})
    roles = {column.name: column.role for column in library.stored(one).schema.columns}
    assert roles["double"] == roles["y"] == roles["z"] == "ignored" and roles["triple"] == "input"
    schema = with_roles(library.stored(one).schema, rows, {"triple": "target"})
    roles = {column.name: column.role for column in schema.columns}
    assert roles == dict.fromkeys(("x", "double", "y"), "input") | dict.fromkeys(("z", "id", "note"), "ignored") | {
        "triple": "target"
    }


def lines(head: str, row: Callable[[int], str], count: int = 60) -> str:
    return "\n".join([head, *map(row, range(count))])


STRANGE: dict[str, tuple[str, str]] = {
    "one column": (lines("y", lambda n: str(n % 3)), "no column of it is an input"),
    "one row": ("a,b,y\n1,2,3\n", "it has no target yet"),
    "names only": (lines("name,y", lambda n: f"n{n},{n % 2}"), "one is ignored, with the reason beside it"),
    "a count is the only input": (lines("x,y", lambda n: f"{n},{n * 1.7}"), ""),
    "numbers beyond float32": (lines("a,b,y", lambda n: f"{'inf' if n == 3 else n * 1.5},{n}e300,{n % 2}"), ""),
    "numbers that float64 cannot tell apart": (lines("a,b,y", lambda n: f"{10**25 + n},{n * n},{n % 2}"), ""),
    "more columns than rows": (
        lines(",".join(f"c{n}" for n in range(300)), lambda n: ",".join(str(n * k % 7) for k in range(300)), 30),
        "",
    ),
    "times of day": (lines("t,y", lambda n: f"{n % 24:02}:{n:02},{n * 1.1}"), ""),
    "only gaps": (lines("a,b,y", lambda n: f"?,{n * n},{n % 2}"), ""),
}


@pytest.mark.parametrize("what", STRANGE)
def test_strange_tables_are_learned_from_or_refused_in_a_sentence(what: str, tmp_path: Path) -> None:
    text, refusal = STRANGE[what]
    (tmp_path / "strange.csv").write_text(text)
    name = trainers.add_data(tmp_path / "strange.csv")
    assert str(trainers.data_report(name))
    if refusal:
        with pytest.raises(DataError, match=refusal):
            trainers.recommend(name)
        return
    arrays = trainers.Job.from_document(trainers.recommend(name)).dataset.load()
    assert len(arrays.targets) and not any(np.isinf(array).any() for array in arrays.inputs)


def test_numbers_in_several_units_and_dates_read_two_ways_are_said(tmp_path: Path) -> None:
    day = [f"{1 + n % 12:02}/{1 + n % 11:02}/2024" for n in range(60)]  # the first one is the same either way
    weight = [f"{n % 20} {'kg' if n % 2 else 'lb'}" for n in range(60)]
    same = [f"{1 + n % 12:02}/{1 + n % 12:02}/2024" for n in range(60)]
    name = table(tmp_path, weight=weight, day=day, same=same, y=np.arange(60) * 1.7)
    found = {(w.code, w.column): w.message for w in trainers.data_report(name).warnings}
    assert "kg, lb" in found["D109", "weight"] and ("D106", "same") not in found
    assert "12/01/2024 is taken for 12 January 2024, and may be 01 December 2024" in found["D106", "day"]


def test_every_check_says_what_and_why() -> None:
    for check in data_checks():
        assert len((type(check).__doc__ or "").split()) >= 10, check.code


# -- the command line --------------------------------------------------------------------------------------------------


def test_commands(flowers: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "list"]) == 0 and "not added any data" in capsys.readouterr().out
    assert main(["data", "add", str(flowers), "--ignore", "wild", "--type", "width=number"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("own/flowers\n150 rows, 7 columns") and "wild: yes_no, ignored" in out
    assert main(["data", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["name"] == "own/flowers"
    assert main(["data", "show", "own/flowers", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["schema"]["task"] == "classification"
    document = tmp_path / "network.json"
    document.write_text(builder.dump(trainers.recommend("own/flowers")), encoding="utf-8")
    assert main(["train", str(document), "--epochs", "2"]) == 0
    assert main(["predict", "last", str(flowers), "--out", str(tmp_path / "predictions.csv")]) == 0
    assert len(pd.read_csv(tmp_path / "predictions.csv")) == 150
    assert main(["data", "remove", "own/flowers"]) == 0
    assert main(["data", "show", "own/flowers"]) == 1


def test_options_of_another_kind_are_refused_and_a_kind_can_be_chosen(flowers: Path) -> None:
    with pytest.raises(DataError, match=r"has no settings to choose\. It has: target, task"):
        trainers.add_data(flowers, settings={"size": 64})
    with pytest.raises(DataError, match="Did you mean table"):
        trainers.add_data(flowers, kind="tabel")
    assert main(["data", "add", str(flowers), "--kind", "table", "--name", "chosen"]) == 0
    assert library.stored("chosen").source.kind_reason == "You chose it."


# -- very large tables -------------------------------------------------------------------------------------------------


@pytest.fixture(name="large")
def large_fixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Parquet table that is taken for a very large one: 3,000 rows, prepared in pieces of 400."""
    for limit, value in {"LARGE": 1000, "LOOKED_AT": 300, "CHUNK": 400, "GROUPS": 3}.items():
        monkeypatch.setattr(f"trainers.data.own.reading.parquet.{limit}", value)
    random = np.random.default_rng(0)
    x = random.normal(size=3000).round(4)
    rows = pd.DataFrame(
        {
            "x": np.where(random.random(3000) < 0.1, np.nan, x),
            "kind": random.choice(list("abc"), 3000),
            "town": random.choice([f"t{number}" for number in range(40)], 3000),
            "y": np.where(random.random(3000) < 0.05, np.nan, 2 * x),
        }
    )
    rows.loc[2999, "kind"] = "only here"
    rows.to_parquet(tmp_path / "large.parquet", row_group_size=500)
    return tmp_path / "large.parquet"


def test_a_very_large_table_is_looked_at_in_part_and_prepared_in_pieces(
    large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = pd.read_parquet(large)
    name = trainers.add_data(large)
    report = trainers.data_report(name)
    assert report.rows == library.stored(name).source.rows == 3000 and "of 3,000 rows" in report.found["sample"]
    assert [column.missing for column in report.columns] == rows.isna().sum().tolist()
    assert report.schema.column("kind").categories == ("a", "b", "c", "only here")
    found = dataset({"name": name}).load()
    monkeypatch.setattr("trainers.data.own.reading.parquet.LARGE", 10_000)
    whole = encode(rows, report.schema)
    assert np.array_equal(found.inputs[0], whole.numbers, equal_nan=True) and found.inputs[0].filename
    assert np.array_equal(found.inputs[1], whole.embedded[0]) and np.allclose(found.targets, whole.targets)
    assert np.array_equal(prepared(library.stored(name)).rows, whole.rows)


@pytest.mark.parametrize("odd", ["", "number", "row"])
def test_a_very_large_table_of_text_is_never_read_whole(
    large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, odd: str
) -> None:
    """`odd`: far behind the rows by which types are expected, a cell is no number, or a row has too many cells."""
    rows = pd.read_parquet(large)
    path = tmp_path / "large.csv"
    lines = rows.to_csv(index=False).splitlines()
    if odd == "number":
        lines[2500] = lines[2500].replace(lines[2500].split(",")[0], "broken", 1)
        rows = rows.astype({"x": "str"}).mask(rows.isna())
        rows.loc[2499, "x"] = "broken"
    if odd == "row":
        lines.insert(2501, "1,a,t1,2,3,4")
    path.write_text("\n".join(lines))
    small = trainers.data_report(trainers.add_data(path, name="small"))
    monkeypatch.setattr("trainers.data.own.kinds.table.preparing._kept", {})  # the small one
    monkeypatch.setattr("trainers.data.own.reading.large_text.LARGE", 1000)
    monkeypatch.setattr("trainers.data.own.reading.large_text.GROUP", 500)
    monkeypatch.setattr("trainers.data.own.reading.delimited.Delimited.read", None)
    name = trainers.add_data(path)
    report = trainers.data_report(name)
    assert report.rows == 3000 and "of 3,000 rows" in report.found["sample"]
    assert report.schema.column("kind").categories == ("a", "b", "c", "only here")
    assert report.found.items() >= small.found.items()
    found = dataset({"name": name}).load()
    whole = encode(rows, report.schema)
    assert np.array_equal(found.inputs[0], whole.numbers, equal_nan=True)
    assert np.array_equal(found.inputs[1], whole.embedded[0]) and np.allclose(found.targets, whole.targets)
    assert [f"{each.what} {each.reason}" for each in report.left_out] == (
        ["line 2502 has 6 cells, the others have 4"] if odd == "row" else []
    )
    assert not list((library.library().parent / "large").glob("*.parquet*.*"))


def test_preparing_goes_on_after_it_was_stopped(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = trainers.add_data(large)
    pieces: list[int] = []

    def counted(frame: pd.DataFrame, schema: Any) -> Any:
        pieces.append(len(frame))
        if len(pieces) == 4:
            stored = library.stored(name)
            (half,) = stored.folder.glob(".preparing-*/numbers.npy")
            with half.open("ab") as file:
                file.write(b"half a piece")
            raise KeyboardInterrupt
        return encode(frame, schema)

    monkeypatch.setattr("trainers.data.own.kinds.table.preparing.encode", counted)
    with pytest.raises(KeyboardInterrupt):
        dataset({"name": name}).load()
    found = dataset({"name": name}).load()
    assert pieces == [400, 400, 400, 400, 400, 400, 400, 400, 200]
    assert np.array_equal(
        found.inputs[0], encode(pd.read_parquet(large), library.stored(name).schema).numbers, equal_nan=True
    )
    assert not list(library.stored(name).folder.glob(".preparing-*/*"))


@pytest.mark.parametrize("scaling", ["standard", "unit", "none"])
def test_columns_of_a_very_large_table_are_scaled_as_those_of_a_small_one(
    scaling: Any, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = dataset({"name": trainers.add_data(large)})
    arrays, training = data.load(), np.random.default_rng(0).permutation(2500)
    whole = figures_of(data, arrays, training, scaling)[0]
    monkeypatch.setattr("trainers.data.splits.MANY", 100)
    found = figures_of(data, arrays, training, scaling)[0]
    assert found is not None and whole is not None and found.fill is not None and whole.fill is not None
    for one, other in ((found.mean, whole.mean), (found.std, whole.std), (found.fill, whole.fill)):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7)
