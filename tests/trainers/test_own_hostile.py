"""Files as strange people and programs write them: used, or left out with a reason, or refused in a sentence."""

from __future__ import annotations

import json
import re
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
from trainers.data.own.kinds.images.decoding import open_image
from trainers.data.own.kinds.table import preparing
from trainers.data.own.kinds.table.cell_values import dates_of, numbers_of
from trainers.data.own.kinds.table.looking.types import guess_column
from trainers.data.own.kinds.text.tagged_words import tagged_words
from trainers.data.own.reading.delimited import Delimited

MOMENTS = pd.date_range("1996-02-05 07:31", "2024-07-30", periods=90).floor("min")
FORMS = (
    "%d/%m/%y", "%m-%d-%y", "%y-%m-%d", "%y/%m/%d", "%Y/%m/%d %H:%M:%S", "%A, %d %B %Y", "%a, %d %b %Y %H:%M:%S",
    "%d-%b-%Y %H:%M", "%d-%m-%Y %H:%M", "%d %b %Y %H:%M:%S",
)  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_dates_are_read_as_they_were_written(form: str) -> None:
    cells = pd.Series(MOMENTS.strftime(form), dtype="str")
    column = guess_column("when", cells)
    assert column.type == "date"
    found = dates_of(cells, column.date_format)
    wanted = pd.DatetimeIndex(pd.to_datetime(cells, format=form))
    assert (found == wanted).all() and ("1969 to 2068" in column.type_reason) == ("%y" in form)


@pytest.mark.parametrize(("yes", "no"), [("J", "N"), ("O", "N"), ("S", "N"), ("✓", "✗"), ("JA", "nein"), ("Sí", "NO")])
def test_answers_in_other_languages(yes: str, no: str) -> None:
    column = guess_column("flag", pd.Series([yes, no] * 20, dtype="str"))
    assert (column.type, column.yes, column.no) == ("yes_no", (yes,), (no,))


AMOUNTS = np.array([1234567.5, -1200.0, 12.0, 987654.25, -3.5, 4321000.0] * 6)
WRITTEN = {
    "thin spaces": lambda value: f"{value:,.2f}".replace(",", "\u2009").replace(".", ","),
    "apostrophes": lambda value: f"{value:,.2f}".replace(",", "’"),
    "accounting": lambda value: f"(${-value:,.2f})" if value < 0 else f"${value:,.2f}",
    "sign first": lambda value: f"{'-' if value < 0 else ''}€{abs(value):,.2f}",
}  # fmt: skip


@pytest.mark.parametrize("form", ["thin spaces", "apostrophes", "accounting", "sign first"])
def test_amounts_are_read_as_they_were_written(form: str) -> None:
    cells = pd.Series([WRITTEN[form](value) for value in AMOUNTS], dtype="str")
    column = guess_column("amount", cells)
    assert column.type == "number"
    np.testing.assert_allclose(numbers_of(cells, **column.notation.model_dump()), AMOUNTS)


def test_thousands_as_in_india() -> None:
    cells = pd.Series(["12,34,567", "1,23,456", "12,345", "1,23,45,678"] * 8, dtype="str")
    column = guess_column("rupees", cells)
    values = numbers_of(cells, **column.notation.model_dump())
    assert column.type == "number" and values[:4].tolist() == [1234567, 123456, 12345, 12345678]


def test_titles_above_a_table_are_skipped_and_said(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    body = "".join(f"{number},{number / 2},{'ab'[number % 2]}\n" for number in range(40))
    for titles in ("Report of 2024\nDepartment: A, B\n\n", "Report,,\n,,\nmade by X,,\n"):
        path.write_text(f"{titles}size,weight,kind\n{body}")
        table = Delimited().read(path)
        assert list(table.frame.columns) == ["size", "weight", "kind"] and len(table.frame) == 40
        assert "are skipped: Report" in table.found["titles"]
    for whole in (f"size,weight,kind\n{body}", "a,,b\nc,d,e\n" * 20, "1,,3\n4,5,6\n" * 20):
        path.write_text(whole)
        assert "titles" not in Delimited().read(path).found


def test_quotes_behind_backslashes_are_refused(tmp_path: Path) -> None:
    rows = "".join(f'{number},"say \\"hi\\", {number % 5}",a\n' for number in range(40))
    (tmp_path / "quotes.csv").write_text(f"x,said,y\n{rows}")
    with pytest.raises(DataError, match="Write them twice"):
        trainers.add_data(tmp_path / "quotes.csv")


@pytest.mark.parametrize("content", [{"a": [1, 2], "b": [3, 4]}, {"a": {"x": [1]}}, [{"a": [1.5]}, {"a": [2]}]])
def test_records_of_lists_alone_are_refused(tmp_path: Path, content: Any) -> None:
    (tmp_path / "lists.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"no column of single values\. Left out"):
        trainers.add_data(tmp_path / "lists.json")


SENTENCE = (("EU", "B-ORG"), ("rejects", "O"), ("German", "B-MISC"), ("call", "O"), (".", "O"))
TAGGED = {
    "conll.txt": "\n".join(f"{word} {tag}" for word, tag in SENTENCE),
    "conll.conll": "\n".join(f"{word}\tNNP\tB-NP\t{tag}" for word, tag in SENTENCE),
    "speech.tsv": "The\tDET\ndog\tNOUN\nbarks\tVERB",
    "tree.conllu": "# sent_id = 1\n1\tthe\tthe\tDET\tDT\t_\t2\tdet\t_\t_\n2\tdog\tdog\tNOUN\tNN\t_\t0\troot\t_\t_",
}  # fmt: skip


@pytest.mark.parametrize("name", TAGGED)
def test_tagged_words_are_named_and_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("-DOCSTART- -X- O\n\n" * (name == "conll.txt") + f"{TAGGED[name]}\n\n" * 30)
    with pytest.raises(DataError, match=r"words with tags \(.*\) in 30 sentences, as CoNLL files do"):
        trainers.add_data(tmp_path / name)


def test_other_files_with_blank_lines_hold_no_tagged_words(tmp_path: Path) -> None:
    assert tagged_words("It is a text.\nOf two lines.\n\nAnd more.\nOf it here.\n\n" * 9) is None
    assert tagged_words("1.0 2.0\n1.5 2.5\n\n" * 9) is None
    assert tagged_words("name\tcolour\n" + "Bo\tred\nEd\tblue\n" * 50) is None
    if (tmp_path / "conll.txt").write_text(TAGGED["conll.txt"] * 30):
        assert trainers.add_data(tmp_path / "conll.txt", kind="table") == "own/conll"


def _deep(folder: Path, most: int, count: int = 12) -> Path:
    random = np.random.default_rng(0)
    for label, low in (("dark", 0), ("light", most // 2)):
        (folder / label).mkdir(parents=True)
        for number in range(count):
            pixels = random.integers(low, low + most // 2, (16, 16)).astype(np.uint16)
            Image.fromarray(pixels).save(folder / label / f"{number}.{'png' if number % 2 else 'tif'}")
    return folder


@pytest.mark.parametrize(("most", "white"), [(4000, 4095), (65_000, 65_535), (900, 1023)])
def test_white_in_images_of_16_bit_is_found(tmp_path: Path, most: int, white: int, monkeypatch: Any) -> None:
    folder = _deep(tmp_path / "scans", most)
    name = trainers.add_data(folder)
    stored = library.stored(name)
    assert stored.schema.deep == white and "is above" in stored.schema.reasons.deep
    data = dataset({"name": name})
    images = data.load().inputs[0]
    assert images.max() > 200
    (setting,) = [each for each in trainers.data_report(name).settings if each.key == "deep"]
    assert setting.value == white and setting.reason
    again = data.encode_files([folder / "light"]).inputs[0]
    assert again.max() == pytest.approx(images[np.asarray(data.load().targets) == 1].max() / 255)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(compile(data.source(), "train.py", "exec"), names)
    assert np.allclose(np.sort(names["load_data"]()[0].ravel()), np.sort(np.asarray(images).ravel() / 255), atol=1e-6)
    if white == 4095:
        library.change(name, kind_of(stored).change(stored, "deep", 65_535))
        assert dataset({"name": name}).load().inputs[0].max() < 20
        with pytest.raises(ValueError, match="is taken for white"):
            open_image(folder / "light" / "0.tif", deep=100)


def test_copies_on_both_sides_are_counted(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    rows = pd.DataFrame(random.normal(size=(100, 4)).round(3), columns=list("abcy"))
    pd.concat([rows, rows.iloc[:60]]).to_csv(tmp_path / "rows.csv", index=False)
    name = trainers.add_data(tmp_path / "rows.csv", target="y")
    (warning,) = [each for each in trainers.data_report(name).warnings if each.code == "D121"]
    both = int(re.findall(r"test part (\d+) are in the training part", warning.message)[0])
    assert 0 < both < 60 and warning.message.startswith("60 rows")
    for number in range(40):
        (tmp_path / "images" / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number % 30).integers(0, 255, (8, 8), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "images" / "ab"[number % 2] / f"{number}.png")
    report = trainers.data_report(trainers.add_data(tmp_path / "images"))
    (warning,) = [each for each in report.warnings if each.code == "D203"]
    assert warning.message.startswith("10 images") and re.search(
        r"test part \d are in the training part", warning.message
    )


def test_a_table_is_read_once_for_all_choices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = pd.DataFrame({"x": np.arange(60.0) % 7, "code": np.arange(60) % 5, "y": np.arange(60) % 3})
    rows.to_csv(tmp_path / "rows.csv", index=False)
    name = trainers.add_data(tmp_path / "rows.csv", target="y")
    read: list[Path] = []
    whole = Delimited.read
    monkeypatch.setattr(
        Delimited, "read", lambda self, path, **given: (read.append(path), whole(self, path, **given))[1]
    )
    for kind in ("category", "number", "category"):
        stored = library.stored(name)
        library.change(name, kind_of(stored).change_part(stored, "code", "type", kind))
        trainers.data_report(name)
        dataset({"name": name}).load()
    assert len(read) == 1
    monkeypatch.setattr(preparing, "MOST_KEPT", 10)
    preparing._kept.clear()
    trainers.data_report(name)
    trainers.data_report(name)
    assert len(read) == 3
