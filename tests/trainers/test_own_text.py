"""Texts of one's own: in folders, in a table, in one file; looked at, trained, exported, predicted."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import trainers
from trainers import DataError
from trainers.data import dataset
from trainers.data.own.kinds.text.reading import text_in
from trainers.data.own.kinds.text.warnings import text_checks

REVIEWS = Path(os.environ.get("NETLOOM_DATA") or "/nowhere") / "own" / "texts" / "review_polarity.tar.gz"
GOOD, BAD, PLAIN = "fine lovely great sunny", "dull awful broken grey", "the a film was it and of with"


def _sentence(random: np.random.Generator, words: str) -> str:
    return " ".join([*random.choice(words.split(), 2), *random.choice(PLAIN.split(), 8)]).capitalize() + "."


@pytest.fixture(name="folder")
def folder_fixture(tmp_path: Path) -> Path:
    """Sixty texts in two folders."""
    random = np.random.default_rng(0)
    for label, words in (("good", GOOD), ("bad", BAD)):
        (tmp_path / "films" / label).mkdir(parents=True)
        for number in range(30):
            (tmp_path / "films" / label / f"{number}.txt").write_text(_sentence(random, words), encoding="utf-8")
    return tmp_path / "films"


@pytest.fixture(name="table")
def table_fixture(tmp_path: Path) -> Path:
    random = np.random.default_rng(1)
    labels = np.array(["good", "bad"])[np.arange(200) % 2]
    texts = [f"{_sentence(random, GOOD if label == 'good' else BAD)} {number}" for number, label in enumerate(labels)]
    path = tmp_path / "films.csv"
    pd.DataFrame({"id": np.arange(200), "review": texts, "label": labels}).to_csv(path, index=False)
    return path


@pytest.fixture(name="story")
def story_fixture(tmp_path: Path) -> Path:
    random = np.random.default_rng(2)
    path = tmp_path / "story.txt"
    path.write_text("\n".join(_sentence(random, GOOD) for _ in range(200)), encoding="utf-16")
    return path


def test_what_is_found(folder: Path, table: Path, story: Path) -> None:
    reports = [trainers.data_report(trainers.add_data(path)) for path in (folder, table, story)]
    assert [(report.kind, report.schema.form) for report in reports] == [
        ("text", "folders"),
        ("text", "table"),
        ("text", "running"),
    ]
    assert reports[0].schema.classes == reports[1].schema.classes == ("bad", "good")
    assert (reports[1].schema.text_column, reports[1].schema.label_column) == ("review", "label")
    assert reports[2].found["encoding"] == "utf-16" and reports[2].schema.tokens == "characters"
    section = reports[0].sections[0]
    assert [(each.label, each.count) for each in section.classes] == [("bad", 30), ("good", 30)]
    assert sum(count for _, _, count in section.lengths) == 60 and "good: 30 texts" in str(reports[0])
    assert trainers.data_report(trainers.add_data(table, "as_table", kind="table")).kind == "table"


def test_the_vocabulary_is_that_of_the_training_part(folder: Path) -> None:
    name = trainers.add_data(folder)
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.txt"))
    parts = dataset({"name": name}).load().parts
    assert parts is not None and set(parts.tolist()) == {0, 1, 2}
    for place, file in enumerate(files):  # a word of its own in each file, twice, so that it would be frequent enough
        (folder / file).write_text(f"own{'abc'[parts[place]]}x{chr(97 + place % 26)} " * 2 + "film", encoding="utf-8")
    data = dataset({"name": trainers.add_data(folder, settings={"vocabulary_size": 1000})})
    words = set(data.vocabulary)
    assert {word[3] for word in words if word.startswith("own")} == {"a"} and "film" in words
    # the same parts are used in training
    prepared = trainers.Job.from_document(trainers.recommend(data.name)).prepare()
    np.testing.assert_array_equal(np.sort(prepared.training.indices), np.flatnonzero(parts == 0))
    np.testing.assert_array_equal(np.sort(prepared.test.indices), np.flatnonzero(parts == 2))


def test_it_trains_and_predicts_sentences_and_files(table: Path) -> None:
    document = trainers.recommend(trainers.add_data(table))
    assert trainers.check(document) == []
    run = trainers.start(trainers.Job.from_document(document, epochs=8))
    assert run.wait() == "finished" and run.scores()["accuracy"] > 0.8
    found = run.predict(pd.DataFrame({"review": ["It was lovely and sunny.", "a dull grey film, awful"]}))
    assert found["prediction"].tolist() == ["good", "bad"]
    with pytest.raises(DataError, match="no column 'review'"):
        run.predict(pd.DataFrame({"comment": ["fine"], "number": [1]}))


def test_new_files_are_encoded_as_in_training(folder: Path, tmp_path: Path) -> None:
    data = dataset({"name": trainers.add_data(folder)})
    (tmp_path / "broken.txt").write_bytes(bytes(range(256)) * 4)
    inputs, names, left_out = data.encode_files([folder, tmp_path / "broken.txt"])
    order = [sorted(names).index(name) for name in names]
    np.testing.assert_array_equal(inputs[0], np.asarray(data.load().inputs[0])[order])
    assert [name for name, _ in left_out] == ["broken.txt"]
    with pytest.raises(DataError, match="no text to predict"):
        data.encode_files([tmp_path / "broken.txt"])


def test_a_table_of_texts_is_a_batch_where_the_training_read_files(folder: Path, tmp_path: Path) -> None:
    data, new = dataset({"name": trainers.add_data(folder)}), tmp_path / "new"
    new.mkdir()
    sentences = ["good film", "bad, bad film", "the scene was good"]
    pd.DataFrame({"number": [1, 2, 3], "text": sentences}).to_csv(new / "a.csv", index=False)
    pd.DataFrame({"comment": sentences[:2]}).to_json(new / "b.jsonl", orient="records", lines=True)
    pd.DataFrame({"x": sentences, "y": sentences}).to_csv(new / "c.csv", index=False)
    (new / "d.txt").write_text(sentences[2])
    inputs, names, left_out = data.encode_files([new])
    assert names == ["a.csv, row 1", "a.csv, row 2", "a.csv, row 3", "b.jsonl, row 1", "b.jsonl, row 2", "d.txt"]
    np.testing.assert_array_equal(inputs[0], data.encode_texts([*sentences, *sentences[:2], sentences[2]])[0])
    assert [name for name, _ in left_out] == ["c.csv"] and "its columns are x, y" in left_out[0][1]


def test_a_language_model_of_ones_own(story: Path) -> None:
    data = dataset({"name": trainers.add_data(story)})
    arrays = data.load()
    text = story.read_text(encoding="utf-16")
    assert "".join(data.vocabulary[number] for number in arrays.inputs[0][0]) == text[: data.described.length]
    np.testing.assert_array_equal(arrays.inputs[0][0][1:], arrays.targets[0][:-1])
    assert np.shares_memory(arrays.inputs[0], np.asarray(arrays.inputs[0][:1]))
    document = trainers.recommend(data.name)
    assert trainers.check(document) == []
    run = trainers.start(trainers.Job.from_document(document, epochs=1))
    assert run.wait() == "finished" and run.scores()["perplexity"] < len(data.vocabulary)


@pytest.mark.parametrize("form", ["folder", "table", "story", "without copies"])
def test_the_script_reads_the_same_texts(
    form: str, folder: Path, table: Path, story: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "good" / "copy.txt").write_text((folder / "good" / "1.txt").read_text("utf-8").upper(), encoding="utf-8")
    (folder / "good" / "empty.txt").touch()
    path = {"table": table, "story": story}.get(form, folder)
    settings = {"copies": False} if form == "without copies" else {}
    data = dataset({"name": trainers.add_data(path, settings=settings)})
    beside = tmp_path / "elsewhere"
    beside.mkdir()
    (shutil.copytree if path.is_dir() else shutil.copy)(path, beside / path.name)
    monkeypatch.chdir(beside)
    names: dict[str, Any] = {}
    exec(compile(data.source(), "train.py", "exec"), names)
    arrays, (inputs, targets) = data.load(), names["load_data"]()
    np.testing.assert_array_equal(arrays.inputs[0], inputs)
    np.testing.assert_array_equal(arrays.targets, targets)
    np.testing.assert_array_equal(arrays.parts, names["load_parts"]())
    assert len(targets) == {"table": 200, "folder": 61, "without copies": 60}.get(form, len(targets))


def test_hostile_files_are_left_out_with_a_reason(folder: Path) -> None:
    (folder / "good" / "empty.txt").touch()
    (folder / "bad" / "picture.txt").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(200))
    (folder / "bad" / "latin.txt").write_bytes("Grün und weiß: ein Café".encode("cp1252"))
    (folder / "bad" / "sixteen.txt").write_text("the film was dull", encoding="utf-16-le")
    (folder / "bad" / "long.txt").write_text("x" * 100_000, encoding="utf-8")
    (folder / ".DS_Store").write_bytes(b"\0\1")
    (folder / "bad" / "._1.txt").write_bytes(b"\0\1")
    report = trainers.data_report(trainers.add_data(folder))
    assert {each.what for each in report.left_out} == {"good/empty.txt", "bad/picture.txt"}
    assert report.rows == 63 and "D405" in {warning.code for warning in report.warnings}


RUSSIAN = ("Москва столица России", "Казань стоит на Волге", "Погода сегодня хорошая", "Завтра будет дождь")


def test_texts_in_another_encoding_are_read_as_their_letters_say(folder: Path, tmp_path: Path) -> None:
    for number, text in enumerate(RUSSIAN):
        (folder / "good" / f"ru{number}.txt").write_bytes(f"{text}, {number}".encode("cp1251"))
    (folder / "bad" / "damaged.txt").write_bytes("Schön, für Größe und Güte\n".encode() + b"a\nK\xf6ln")
    name = trainers.add_data(folder)
    data: Any = dataset({"name": name})
    report = trainers.data_report(name)
    place = data.sample_names(np.arange(data.samples)).index("good/ru0.txt")
    new = data.encode_files([folder / "good" / "ru0.txt"])
    assert text_in(folder / "good" / "ru0.txt", data.described)[0] == "Москва столица России, 0"
    np.testing.assert_array_equal(new.inputs[0][0], data.load().inputs[0][place])
    said = next(str(warning) for warning in report.warnings if warning.code == "D407")
    assert "1 text (1 time, first in line 3 of bad/damaged.txt)" in said
    story = tmp_path / "story.txt"
    story.write_bytes((". ".join(RUSSIAN) + ".\n").encode("koi8_r") * 50)
    assert {"М", "о", "с", "к"} <= set(dataset({"name": trainers.add_data(story)}).vocabulary)


def test_warnings_and_their_fixes(folder: Path) -> None:
    for number in range(30, 360):
        (folder / "good" / f"{number}.txt").write_text("the same fine film again", encoding="utf-8")
    name = trainers.add_data(folder)
    warnings = {warning.code: warning for warning in trainers.data_report(name).warnings}
    assert set(warnings) == {"D402", "D403"} and "329 texts are the same" in warnings["D403"].message
    data = dataset({"name": name})
    parts, names = np.asarray(data.load().parts), data.sample_names(np.arange(390)) or []
    copies = np.array([each.startswith("good/") and int(each[5:-4]) >= 30 for each in names])
    both = int((copies & (parts > 0)).sum())
    said = f"Of the validation and the test part {both} are in the training part"
    assert both > 60 and said in warnings["D403"].message
    trainers.data.own.library.change(name, warnings["D403"].fix)
    assert {warning.code for warning in trainers.data_report(name).warnings} == set()
    assert len(dataset({"name": name}).load().targets) == 61


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a/1.txt": "one folder only", "a/2.txt": "and no other"}, "at least two folders"),
        ({"a/1.txt": "", "b/1.txt": ""}, "no text in it"),
        ({"story.txt": "ab"}, "too few for windows|too short|make the length"),
    ],
)
def test_too_little_is_refused_in_a_sentence(tmp_path: Path, files: dict[str, str], message: str) -> None:
    root = tmp_path / "texts"
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        name = trainers.add_data(root / "story.txt" if "story.txt" in files else root, kind="text")
        trainers.data.dataset({"name": name}).load()


def test_every_check_says_what_and_why() -> None:
    assert [check.code for check in text_checks()] == [f"D40{number}" for number in range(1, 8)]
    assert all(len(type(check).__doc__ or "") > 60 for check in text_checks())


@pytest.mark.slow
@pytest.mark.skipif(not REVIEWS.is_file(), reason="film reviews are read from $NETLOOM_DATA/own")
def test_the_floor_of_film_reviews() -> None:
    document = trainers.recommend(trainers.add_data(REVIEWS))
    scores = []
    for seed in range(2):
        run = trainers.start(trainers.Job.from_document(document, seed=seed))
        assert run.wait() == "finished"
        scores.append(run.scores()["accuracy"])
    assert np.mean(scores) >= 0.78
