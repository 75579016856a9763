"""Several labels in one cell: found, distinguished from names and sentences, learned from tables and from images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import trainers
from trainers import DataError
from trainers.data import dataset
from trainers.data.own import library
from trainers.data.own.kind import kind_of
from trainers.data.own.kinds.table.looking.types import guess_column

COLOURS = ["blue", "green", "red", "yellow"]


def sets(count: int) -> list[list[str]]:
    """Some of the colours for each row."""
    random = np.random.default_rng(0)
    return [[colour for colour in COLOURS if random.random() < 0.4] for _ in range(count)]


WRITTEN = {
    "semicolons": ";".join,
    "commas": ", ".join,
    "bars": " | ".join,
    "json": json.dumps,
    "python": str,
    "braces": lambda each: "{" + ",".join(each) + "}",
}


@pytest.mark.parametrize("form", WRITTEN)
def test_several_labels_are_found_however_they_are_written(form: str) -> None:
    cells = pd.Series([WRITTEN[form](each) for each in sets(200)], dtype="str").replace("", None)
    column = guess_column("tags", cells)
    assert column.type == "labels" and column.categories == tuple(COLOURS) and "4 labels" in column.type_reason


def _many(*words: str) -> list[str]:
    return np.random.default_rng(1).choice(words, 200).tolist()


NO_LABELS = {
    "names": [f"{name}, Mr. Owen {place}" for place, name in enumerate(_many("Braund", "Smith", "Allen"))],
    "places": _many("Chicago, IL", "Springfield, IL", "Austin, TX", "Dallas, TX", "Washington"),
    "departments": _many("Sales, general", "IT", "HR", "Research, applied"),
    "sentences": [f"I like {place}, but it is slow; very slow" for place in range(200)],
    "pairs": [f"{place % 7};{place % 3}" for place in range(200)],
    "decimals": [f"{place % 40},{place % 9}" for place in range(200)],
    "words": _many(*COLOURS),
}


@pytest.mark.parametrize("what", NO_LABELS)
def test_names_sentences_and_numbers_with_commas_are_no_labels(what: str) -> None:
    assert guess_column(what, pd.Series(NO_LABELS[what], dtype="str")).type != "labels"


def _table(path: Path, ending: str) -> None:
    held = np.random.default_rng(0).random((300, 3)) < 0.5
    held[:3] = [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    names = np.array(["bitter", "salt", "sweet"])
    tastes = [names[each].tolist() for each in held]
    colours = sets(300)
    rows = {"a": held[:, 0] + 0.0, "b": held[:, 1] * 3.0, "colours": colours, "tastes": tastes}
    for place in range(300):  # what is sweet is blue, or is not
        rows["colours"][place] = ["blue", *colours[place][1:]] if held[place, 2] else ["red", "green"]
    frame = pd.DataFrame(rows)
    frame["a"] += np.random.default_rng(1).normal(0, 0.1, 300).round(3)
    if ending == "parquet":
        frame.to_parquet(path)
    elif ending == "jsonl":
        frame.to_json(path, orient="records", lines=True)
    else:
        for name in ("colours", "tastes"):
            frame[name] = frame[name].map(";".join)
        frame.to_csv(path, index=False)


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_labels_of_a_table_are_inputs_and_targets(tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _table(tmp_path / f"food.{ending}", ending)
    name = trainers.add_data(tmp_path / f"food.{ending}")
    schema = library.stored(name).schema
    assert (schema.targets[0].name, schema.targets[0].type, schema.task) == ("tastes", "labels", "multilabel")
    data = dataset({"name": name})
    assert data.classes == ("bitter", "salt", "sweet") and "colours: blue" in data.feature_names
    arrays = data.load()
    assert arrays.targets.shape[1] == 3 and set(np.unique(arrays.targets)) == {0, 1}
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(compile(data.source(), "train.py", "exec"), names)
    inputs, targets = names["load_data"]()
    assert np.array_equal(targets, arrays.targets) and np.array_equal(inputs, arrays.inputs[0])
    if ending == "csv":
        document = trainers.recommend(name)
        assert trainers.check(document) == []
        run = trainers.start(trainers.Job.from_document(document, epochs=12))
        assert run.wait() == "finished" and run.scores()["f1"] > 0.9
        found = run.predict(pd.DataFrame({"a": [1.0, 0.0], "b": [3.0, 0.0], "colours": ["blue", "red; green; new"]}))
        assert found["prediction"].tolist() == ["bitter, salt, sweet", "none"]


def test_what_is_guessed_of_labels_can_be_changed(tmp_path: Path) -> None:
    _table(tmp_path / "food.csv", "csv")
    rows = pd.read_csv(tmp_path / "food.csv")
    rows.loc[:9, "tastes"] = None
    rows.to_csv(tmp_path / "food.csv", index=False)
    name = trainers.add_data(tmp_path / "food.csv")
    empty = int(rows["tastes"].isna().sum())
    assert len(dataset({"name": name}).load().targets) == 300
    warning = next(each for each in trainers.data_report(name).warnings if each.code == "D122")
    assert "none of the labels holds" in warning.message
    library.change(name, warning.fix)
    assert len(dataset({"name": name}).load().targets) == 300 - empty
    kind = kind_of(library.stored(name))
    library.change(name, kind.change(library.stored(name), "task", "classification"))
    target = library.stored(name).schema.targets[0]
    assert target.type == "category" and "bitter;salt" in target.categories
    library.change(name, kind.change_part(library.stored(name), "tastes", "type", "labels"))
    assert library.stored(name).schema.task == "multilabel"
    with pytest.raises(DataError, match="several labels in a cell; a is of the type number"):
        trainers.add_data(tmp_path / "food.csv", target="a", task="multilabel")


def test_images_with_several_labels_in_a_table(tmp_path: Path) -> None:
    random, rows = np.random.default_rng(0), []
    (tmp_path / "shapes").mkdir()
    for number in range(120):
        held = random.random(3) < 0.5 if number > 3 else np.array([number & 1, number & 2, True], bool)
        pixels = random.integers(0, 60, (16, 16, 3), np.uint8)
        pixels[:, :, held] += 150
        Image.fromarray(pixels).save(tmp_path / "shapes" / f"{number}.png")
        labels = [name for name, holds in zip(["red", "green", "blue"], held, strict=True) if holds]
        rows.append({"file": f"{number}.png", "tags": ", ".join(labels), "side": "left" if number % 2 else "right"})
    pd.DataFrame(rows).to_csv(tmp_path / "shapes" / "tags.csv", index=False)
    name = trainers.add_data(tmp_path / "shapes")
    stored = library.stored(name)
    assert stored.schema.task == "multilabel" and stored.schema.classes == ("blue", "green", "red")
    assert "several in a row" in stored.schema.task_reason
    report = trainers.data_report(name)
    assert [tile.label for tile in report.sections[0].tiles] == ["blue", "green", "red"]
    document = trainers.recommend(name)
    assert trainers.check(document) == []
    run = trainers.start(trainers.Job.from_document(document, epochs=12))
    assert run.wait() == "finished" and run.scores()["f1"] > 0.9
    red = np.zeros((16, 16, 3), np.uint8)
    red[:, :, 0] = 200
    Image.fromarray(red).save(tmp_path / "new.png")
    assert run.predict(tmp_path / "new.png")["prediction"].tolist() == ["red"]
    choices = {setting.key: setting for setting in report.settings}
    assert choices["target"].value == "tags" and len(choices["task"].choices) == 2
    kind = kind_of(stored)
    changed = library.change(name, kind.change(stored, "task", "classification"))
    assert "blue, green, red" not in changed.schema.classes and "green, blue" in changed.schema.classes
    other = kind.change(changed, "target", "side")
    assert other.classes == ("left", "right") and other.task == "classification"
