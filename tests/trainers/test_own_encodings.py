"""An encoding that was guessed wrongly and is changed by hand: everything that reads the file reads it so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import trainers
from trainers import DataError
from trainers.data import dataset
from trainers.data.own import library
from trainers.data.own.kind import kind_of

# cp1251 that is guessed as cp1252: one special letter says little
TABLE = "ген,size,answer\n" + "".join(f"{'яa' if n % 3 else 'b'}{n % 2},{n},{n % 5 > 1}\n" for n in range(60))


def chosen(name: str, encoding: str) -> None:
    found = library.stored(name.removeprefix("own/"))
    library.change(found.name, kind_of(found).change(found, "encoding", encoding))


def setting(name: str) -> Any:
    return next(each for each in trainers.data_report(name).settings if each.key == "encoding")


def test_a_table(tmp_path: Path) -> None:
    path = tmp_path / "genes.csv"
    path.write_bytes(TABLE.encode("cp1251"))
    name = trainers.add_data(path, target="answer", roles={"size": "ignored"})
    chosen(name, "cp1252")
    assert setting(name).value == "cp1252" and trainers.data_report(name).columns[0].name == "ãåí"
    chosen(name, "cp1251")
    report: Any = trainers.data_report(name)
    assert [column.name for column in report.columns] == ["ген", "size", "answer"]
    assert [column.role for column in report.columns] == ["input", "ignored", "target"]
    assert report.schema.columns[0].categories == ("b0", "b1", "яa0", "яa1")
    assert report.found["encoding"] == "cp1251: you chose it" and setting(name).choices[0][0] == ""
    data: Any = dataset({"name": name})
    arrays, train, predict = data.load(), {}, {}
    exec(compile(data.source().replace('"genes.csv"', repr(str(path))), "train.py", "exec"), train)
    np.testing.assert_array_equal(train["load_data"]()[0], arrays.inputs[0])
    exec(compile(data.prediction_source(), "predict.py", "exec"), predict)
    np.testing.assert_array_equal(predict["read_samples"]([str(path)])[1][0], arrays.inputs[0])
    files, rows = data.write_samples(np.arange(60), tmp_path)
    assert "яa1" in files[0].read_text("cp1251") and next(iter(rows.columns)) == "ген"


def test_what_breaks_reading_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "genes.csv"
    path.write_bytes(TABLE.encode("cp1251"))
    name = trainers.add_data(path, target="answer")
    before = library.stored(name.removeprefix("own/")).schema
    with pytest.raises(
        DataError, match=r"cannot be read as UTF-8: .* stand for no character there, the first in line 1"
    ):
        chosen(name, "utf-8-sig")
    with pytest.raises(DataError, match="instead of 60 and 3"):
        chosen(name, "utf-16-le")
    with pytest.raises(DataError, match="There is no encoding 'rot13'"):
        chosen(name, "rot13")
    assert library.stored(name.removeprefix("own/")).schema == before


def test_a_series(tmp_path: Path) -> None:
    days = [f"2023-{1 + n // 28:02d}-{1 + n % 28:02d}" for n in range(200)]
    path = tmp_path / "river.csv"
    path.write_bytes(("день,уровень\n" + "".join(f"{day},{n % 7}.5\n" for n, day in enumerate(days))).encode("cp1251"))
    name = trainers.add_data(path, kind="series")
    chosen(name, "cp1252")
    chosen(name, "cp1251")
    assert [column.name for column in trainers.data_report(name).schema.columns] == ["день", "уровень"]
    assert setting(name).value == "cp1251"


@pytest.mark.parametrize("form", ["folders", "table", "running"])
def test_texts(form: str, tmp_path: Path) -> None:
    texts = ["the red яблоко is good today", "a green груша is bad today"]
    path = tmp_path / ("texts" if form == "folders" else f"texts.{'csv' if form == 'table' else 'txt'}")
    if form == "folders":
        for number in range(20):
            (path / f"c{number % 2}").mkdir(parents=True, exist_ok=True)
            (path / f"c{number % 2}" / f"{number}.txt").write_bytes(f"{texts[number % 2]} {number}".encode("koi8_r"))
    elif form == "table":
        rows = "".join(f"{texts[n % 2]} number {n} of all of them,{'да' if n % 2 else 'no'}\n" for n in range(60))
        path.write_bytes(("text,label\n" + rows).encode("koi8_r"))
    else:
        path.write_bytes((". ".join(texts) + ".\n").encode("koi8_r") * 60)
    name = trainers.add_data(path, kind="text")
    chosen(name, "cp1252")
    assert "яблоко" not in _words(name)
    chosen(name, "koi8_r")
    assert {"яблоко", "груша"} <= _words(name) and setting(name).value == "koi8_r"
    assert form != "table" or set(library.stored(name.removeprefix("own/")).schema.classes) == {"no", "да"}
    data: Any = dataset({"name": name})
    names: dict[str, Any] = {}
    plain = replace(data.stored.source, title=str(path))
    source = type(data).source.__globals__["text_source"](replace(data.stored, source=plain))
    exec(compile(source, "train.py", "exec"), names)
    np.testing.assert_array_equal(names["load_data"]()[0], data.load().inputs[0])
    with pytest.raises(DataError, match="ead as UTF-8"):
        chosen(name, "utf-8-sig")


def _words(name: str) -> set[str]:
    data: Any = dataset({"name": name})
    if data.tokens == "words":
        return set(data.vocabulary)
    (text,) = type(data).load.__globals__["used_texts"](data.stored).texts
    return set(text.replace(".", " ").split())
