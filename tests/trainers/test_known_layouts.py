"""Files in the layouts in which well-known data sets are given out: what is found in them without a choice."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import trainers
from trainers import DataError
from trainers.data.own import library


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETLOOM_HOME", str(tmp_path / "home"))


def picture(path: Path, colour: int = 0, mask: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((12, 12) if mask else (12, 12, 3), colour, np.uint8)
    pixels[2:6, 2:6] = 1 if mask else 200
    Image.fromarray(pixels).save(path)


def found(path: Path, **options: Any) -> Any:
    return library.stored(trainers.add_data(path, **options)).schema


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_names_of_files_say_the_classes(tmp_path: Path) -> None:
    for number in range(1, 7):
        picture(tmp_path / "set" / "train" / f"cat.{number}.png", number)
        picture(tmp_path / "set" / "train" / f"great_dane_{number}.png", 99 + number)
        picture(tmp_path / "set" / "test" / f"{number}.png", number)
        picture(tmp_path / "camera" / f"IMG_{number}.png", number)
        picture(tmp_path / "camera" / f"DSC_{number}.png", number)
    schema = found(tmp_path / "set")
    assert (schema.labels, schema.classes, schema.parts_folder) == ("folders", ("cat", "great_dane"), False)
    assert found(tmp_path / "camera").labels == "none"
    run = trainers.start(trainers.Job.from_document(trainers.recommend("own/set"), epochs=1))
    run.wait()
    assert set(run.predict(tmp_path / "set" / "test")["prediction"]) <= {"cat", "great_dane"}


def test_folders_around_classes_and_parts(tmp_path: Path) -> None:
    for number in range(12):
        for label in ("sick", "well"):
            picture(tmp_path / "a" / "categories" / label / f"{number}.png", number)
            for part in ("train", "test"):
                picture(tmp_path / "b" / "scans" / part / label / f"{number}.png", number)
    rows = [f"{n + 1} categories/{'sick' if n < 12 else 'well'}/{n % 12}.png" for n in range(24)]
    written(tmp_path / "a" / "images.txt", "\n".join(rows))
    schema = found(tmp_path / "a")
    assert (schema.labels, schema.classes) == ("folders", ("sick", "well"))
    assert not any(warning.code == "D207" for warning in trainers.data_report("own/a").warnings)
    schema = found(tmp_path / "b")
    assert (schema.classes, schema.splitting.how) == (("sick", "well"), "given")


@pytest.mark.parametrize(
    ("images", "masks", "ending"),
    [
        ("train", "train_masks", "_mask"),
        ("train", "trainannot", ""),
        ("images", "labels", "_P"),
        ("", "", "_L"),
        ("JPEGImages", "SegmentationClass", ""),
    ],
)
def test_masks_beside_images(tmp_path: Path, images: str, masks: str, ending: str) -> None:
    for number in range(4):
        picture(tmp_path / "set" / images / f"0001_{number}.png", 10 * number)
        picture(tmp_path / "set" / masks / f"0001_{number}{ending}.png", mask=True)
    schema = found(tmp_path / "set")
    assert (schema.labels, schema.mask_values) == ("masks", (0, 1))
    assert library.stored("own/set").source.rows == 4


def test_masks_of_parts(tmp_path: Path) -> None:
    for part, count in (("train", 6), ("val", 2), ("test", 2)):
        for number in range(count):
            picture(tmp_path / "set" / part / f"{number}.png", 10 * number)
            picture(tmp_path / "set" / f"{part}_labels" / f"{number}_L.png", mask=True)
    schema = found(tmp_path / "set")
    assert (schema.labels, schema.splitting.how) == ("masks", "given")


def test_tables_name_images_by_numbers_and_say_several_labels(tmp_path: Path) -> None:
    rows = ["id,smiling,young"]
    for number in range(1, 13):
        picture(tmp_path / "faces" / "img" / f"{number}.png", number)
        picture(tmp_path / "things" / f"{number}.png", number)
        rows.append(f"{number},{1 if number % 2 else -1},{1 if number % 3 else -1}")
    written(tmp_path / "faces" / "attributes.csv", "\n".join(rows))
    written(tmp_path / "things" / "labels.csv", "id,label\n" + "".join(f"{n},{'ab'[n % 2]}\n" for n in range(1, 13)))
    schema = found(tmp_path / "faces")
    assert (schema.task, schema.classes) == ("multilabel", ("smiling", "young"))
    schema = found(tmp_path / "things")
    assert (schema.labels, schema.file_column, schema.classes) == ("table", "id", ("a", "b"))


SENTENCE = "the film was long and the actors were tired of it, number"


@pytest.mark.parametrize(
    ("lines", "text", "label"),
    [
        (["v1,v2,,,", *(f'{"ham" if n % 2 else "spam"},"{SENTENCE} {n}",,,' for n in range(40))], "v2", "v1"),
        ([f'"{n % 4 + 1}","Title {n}","{SENTENCE} {n} &lt;b&gt;"' for n in range(40)], "column_2", "column_0"),
        (
            ["id,keyword,place,text,target"]
            + [f"{n},{'fire' if n % 3 else ''},{'ab'[n % 2]},{SENTENCE[:40]} {n},{n % 2}" for n in range(40)],
            "text",
            "target",
        ),
    ],
)
def test_tables_of_texts(tmp_path: Path, lines: list[str], text: str, label: str) -> None:
    schema = found(written(tmp_path / "texts.csv", "\n".join(lines) + "\n"))
    assert (schema.kind, schema.text_column, schema.label_column) == ("text", text, label)


def test_texts_without_an_ending(tmp_path: Path) -> None:
    for label in ("rec.autos", "sci.space"):
        for number in range(4):
            written(tmp_path / "news" / label / f"{51060 + number}", f"From: a@b.c\n\n{SENTENCE} {label} {number}")
    schema = found(tmp_path / "news")
    assert (schema.kind, schema.classes) == ("text", ("rec.autos", "sci.space"))


def test_the_last_of_several_usual_names_is_the_target(tmp_path: Path) -> None:
    rows = [f"{20 + n % 40};{'no' if n % 7 else 'yes'};{100 * n};{'yes' if n % 3 else 'no'}" for n in range(60)]
    schema = found(written(tmp_path / "bank.csv", "\n".join(["age;default;balance;y", *rows])))
    assert [column.name for column in schema.targets] == ["y"]


@pytest.mark.parametrize("archive", [True, False])
def test_a_table_to_train_on_beside_those_to_predict(archive: bool, tmp_path: Path) -> None:
    rows = "".join(f"{n},{n * 7 % 50},{n % 2}\n" for n in range(40))
    files = {
        "set/train.csv": f"Id,age,survived\n{rows}",
        "set/test.csv": "Id,age\n41,3\n",
        "set/gender_submission.csv": "Id,survived\n41,0\n",
        "set/data_description.txt": "age: in years",
    }
    for name, text in files.items():
        written(tmp_path / name, text)
    given = tmp_path / "set"
    if archive:
        given = tmp_path / "set.zip"
        with zipfile.ZipFile(given, "w") as made:
            for name in files:
                made.write(tmp_path / name, name)
    schema = found(given)
    assert [column.name for column in schema.targets] == ["survived"]
    report = trainers.data_report("own/set")
    assert (report.rows, len(report.left_out)) == (40, 3)


def test_records_in_a_field_of_json(tmp_path: Path) -> None:
    records = [{"id": n, "user": {"age": 20 + n % 9}, "churn": bool(n % 3)} for n in range(30)]
    path = written(tmp_path / "answer.json", json.dumps({"status": "ok", "results": records}))
    schema = found(path)
    assert [column.name for column in schema.columns] == ["id", "churn", "user.age"]
    assert [column.name for column in schema.targets] == ["churn"]


def test_several_series_below_one_another_are_named(tmp_path: Path) -> None:
    days = [str(day) for day in np.arange("2024-01-01", "2024-04-10", dtype="datetime64[D]")]
    rows = [f"{day},{place},{n * k + n % 3}" for k, place in enumerate("abc", 1) for n, day in enumerate(days)]
    name = trainers.add_data(written(tmp_path / "cases.csv", "\n".join(["date,place,cases", *rows])))
    said = [str(each) for each in trainers.data_report(name).warnings if each.code == "D303"]
    assert "Each of the 3 values of place is a series of its own" in said[0]


def test_folders_of_recordings_that_are_no_classes(tmp_path: Path) -> None:
    for number in range(4):
        path = tmp_path / "set" / "audio" / f"fold{number % 2}" / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"RIFF")
    written(tmp_path / "set" / "metadata" / "set.csv", "file,fold,class\n0.wav,0,dog\n")
    with pytest.raises(DataError, match=r"Classes from a table such as metadata/set\.csv are not read"):
        trainers.add_data(tmp_path / "set")
