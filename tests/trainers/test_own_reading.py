"""Text files as people bring them: encodings, delimiters, headers, notations, and files that are none."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import trainers
from trainers import DataError
from trainers.data.own.kinds.table.cell_values import dates_of, numbers_of
from trainers.data.own.kinds.table.looking.types import guess_column
from trainers.data.own.reading import read_table, reader_for
from trainers.data.own.reading.delimited import Delimited
from trainers.data.own.reading.encoding import find_encoding
from trainers.data.own.reading.table import RawTable

PLAIN = "name;size\nÅsa;1,5\nBob;2,25\n"


def read(tmp_path: Path, content: bytes | str, name: str = "table.csv") -> pd.DataFrame:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(path)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1", "utf-32"]
)
def test_encodings(tmp_path: Path, encoding: str) -> None:
    frame = read(tmp_path, PLAIN.encode(encoding))
    assert list(frame.columns) == ["name", "size"]
    assert frame["name"].tolist() == ["Åsa", "Bob"]
    column = guess_column("size", frame["size"], european=True)
    assert numbers_of(frame["size"], **column.notation.model_dump()).tolist() == [1.5, 2.25]


TOWNS = {
    "mac_roman": "Köln;Düsseldorf;Nürnberg;Lübeck;Großenhain;München;Görlitz",
    "cp850": "Köln;Düsseldorf;Nürnberg;Lübeck;Großenhain;München;Görlitz",
    "cp1252": "Orléans;Besançon;Nîmes;Angoulême;Évry;Sète;Épinal",
    "cp1250": "Łódź;Kraków;Gdańsk;Częstochowa;Świnoujście;Poznań",
    "cp1251": "Москва;Казань;Самара;Омск;Пермь;Тверь",
    "koi8_r": "Москва;Казань;Самара;Омск;Пермь;Тверь",
    "cp866": "Москва;Казань;Самара;Омск;Пермь;Тверь",
    "cp1253": "Αθήνα;Θεσσαλονίκη;Πάτρα;Λάρισα",
    "shift_jis": "東京;大阪;なごや;札幌;スズキ;神戸",
    "euc_jp": "東京;大阪;なごや;札幌;スズキ;神戸",
    "gb18030": "北京;上海;广州;成都;深圳;南京",
    "big5": "臺北;高雄;臺中;臺南;新竹;基隆",
    "euc_kr": "서울;부산;대구;인천;광주;대전",
}


@pytest.mark.parametrize("encoding", TOWNS)
def test_encodings_are_known_by_the_words_that_they_make(tmp_path: Path, encoding: str) -> None:
    names = TOWNS[encoding].split(";")
    content = "town,size\n" + "".join(f"{name},{size}\n" for size, name in enumerate(names))
    table = reader_for_bytes(tmp_path, content.encode(encoding))
    assert table.frame["town"].tolist() == names
    assert "words" in table.found["encoding"]


@pytest.mark.parametrize("word", ["Café", "3 °C", "£3", "Øre"])
def test_a_single_special_letter_is_of_windows(tmp_path: Path, word: str) -> None:
    content = f"name,size\n{word},1\n" + "water,2\n" * 50
    assert reader_for_bytes(tmp_path, content.encode("cp1252")).frame["name"][0] == word


MEGABYTE = "a,town\n" + "12345,abcdefghij klmnop\n" * 48_000


@pytest.mark.parametrize(("encoding", "word"), [("cp1252", "Köln"), ("utf-8", "Köln"), ("koi8_r", "Москва, Казань")])
def test_special_letters_behind_the_first_megabyte(tmp_path: Path, encoding: str, word: str) -> None:
    table = reader_for_bytes(tmp_path, (MEGABYTE + f'1,"{word}"\n').encode(encoding))
    assert table.frame["town"].iloc[-1] == word and "characters" not in table.found


def test_bytes_of_no_character_are_counted_with_the_line_of_the_first(tmp_path: Path) -> None:
    table = reader_for_bytes(tmp_path, (MEGABYTE + "1,Köln\n" * 9).encode() + b"1,K\xf6ln\n1,x\xffy\n")
    assert table.frame["town"].tolist()[-3:] == ["Köln", "K\ufffdln", "x\ufffdy"]
    assert "2 bytes stand for no character in utf-8 (the first is in line 48,011)" in table.found["characters"]
    (tmp_path / "small.csv").write_bytes("town,size\nKöln,1\nGüns,2\n".encode() * 9 + b"K\xf6ln,3\n")
    name = trainers.add_data(tmp_path / "small.csv")
    assert "D127" in {warning.code for warning in trainers.data_report(name).warnings}


@given(st.text(max_size=200), st.sampled_from(["utf-8", "utf-16", "utf-32", "utf-8-sig", "gb18030", "cp1251"]))
@settings(max_examples=30, deadline=None)
def test_what_is_lost_is_what_does_not_decode(text: str, encoding: str) -> None:
    content = text.encode(encoding, "ignore")
    try:
        found = find_encoding(content)
    except DataError:
        return
    kept = content.decode(found.name, "replace")
    own = 0 if found.name == "cp1252" else content.decode(found.name, "ignore").count("\ufffd")
    assert (kept.count("\ufffd") > own) == bool(found.lost)


def reader_for_bytes(tmp_path: Path, content: bytes) -> RawTable:
    (tmp_path / "table.csv").write_bytes(content)
    return reader_for(tmp_path / "table.csv").read(tmp_path / "table.csv")


@pytest.mark.parametrize(
    ("content", "names", "rows"),
    [
        ("a,b\n1,2\n3,4\n", ["a", "b"], [[1, 2], [3, 4]]),
        ("a,b\r\n1,2\r\n", ["a", "b"], [[1, 2]]),
        ("a,b\r1,2\r3,4\r", ["a", "b"], [[1, 2], [3, 4]]),
        ("1,2\n3,4\n", ["column_0", "column_1"], [[1, 2], [3, 4]]),
        ("a\tb\nx\ty\nz\tx\n", ["a", "b"], [["x", "y"], ["z", "x"]]),
        ("a|b\n1|2\n3|4\n", ["a", "b"], [[1, 2], [3, 4]]),
        ("sep=;\na;b\n1;2\n", ["a", "b"], [[1, 2]]),
        ("  1  2.5   3\n 4 5.5  6\n", ["column_0", "column_1", "column_2"], [["1", "2.5", "3"], ["4", "5.5", "6"]]),
        ("a,a,,b\n1,2,3,4\n5,6,7,8\n", ["a", "a_2", "column_2", "b"], [[1, 2, 3, 4], [5, 6, 7, 8]]),
        ("a,a,a_2\n1,2,3\n4,5,6\n", ["a", "a_3", "a_2"], [[1, 2, 3], [4, 5, 6]]),
        ('a,b\n1,"x, y\nz"\n2,"he said ""no"""\n', ["a", "b"], [[1, "x, y\nz"], [2, 'he said "no"']]),
        ("a,b\n'x,y',1\n'z,w',2\n'u,v',3\n", ["a", "b"], [["x,y", 1], ["z,w", 2], ["u,v", 3]]),
        ("size\n1\n2\n", ["size"], [["1"], ["2"]]),
        ("a,b\n1,2\n\n3,4\n\n", ["a", "b"], [[1, 2], [3, 4]]),
        ("# made by a machine\n# in 2024\na,b\n1,2\n3,4\n", ["a", "b"], [[1, 2], [3, 4]]),
        ("2019,2020\n1,2\n3,4\n", ["2019", "2020"], [[1, 2], [3, 4]]),
        ("a,b,\n1,2,\n3,4,\n", ["a", "b", "column_2"], [[1, 2, None], [3, 4, None]]),
    ],
)  # fmt: skip
def test_tables(tmp_path: Path, content: str, names: list[str], rows: list[list[Any]]) -> None:
    frame = read(tmp_path, content)
    assert list(frame.columns) == names
    found = [[None if pd.isna(cell) else cell for cell in row] for row in frame.astype("object").to_numpy().tolist()]
    assert found == rows


@pytest.mark.parametrize(("cell", "columns"), [("word", 1), ("2.5", 200)])
def test_lines_of_equally_many_words_are_prose_and_of_numbers_are_not(tmp_path: Path, cell: str, columns: int) -> None:
    frame = read(tmp_path, "\n".join(" ".join([cell] * 200) for _ in range(20)), "lines.txt")
    assert len(frame.columns) == columns


def test_short_rows_are_filled_and_long_ones_are_left_out_with_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "ragged.csv"
    path.write_text("a,b,c\n1,2,3\n4,5\n6,7,8,9\n10,11,12,\n", encoding="utf-8")
    table = Delimited().read(path)
    assert table.frame["a"].tolist() == ["1", "4", "10"] and table.frame["c"].isna().tolist() == [False, True, False]
    assert table.left_out_count == 1 and "has 4 cells, the others have 3" in table.left_out[0].reason


def test_a_word_far_down_makes_no_number_of_it(tmp_path: Path) -> None:
    frame = read(tmp_path, "a,b\n" + "1,2\n" * 3000 + "x,3\n")
    assert len(frame) == 3001 and str(frame["a"].iloc[-1]) == "x"


def test_ten_thousand_columns(tmp_path: Path) -> None:
    frame = read(tmp_path, ",".join(f"c{i}" for i in range(10_000)) + ("\n" + ",".join(["1"] * 10_000)) * 3 + "\n")
    assert frame.shape == (3, 10_000)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf\n\n", "empty"),
        (bytes(range(256)) * 20, "no text"),
        (b"a,b\x00\x00\x00,c\n1,2,3\n" * 3, "no text"),
    ],
)
def test_files_that_are_none_are_refused_in_a_sentence(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, content)


def test_unknown_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.xyz"
    path.write_bytes(b"a,b\n1,2\n")
    with pytest.raises(DataError, match=r"cannot be read. Files with these endings can"):
        reader_for(path)


@given(st.binary(max_size=400) | st.text(alphabet="ab12,;\t |\"'\n\r.-?é", max_size=300).map(str.encode))
@settings(max_examples=150)
def test_no_bytes_end_in_a_traceback(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "any.csv"
    path.write_bytes(content)
    try:
        frame = read_table(path)
    except DataError as error:
        assert str(error).endswith(".")
    else:
        assert frame.columns.is_unique
        for name in frame.columns:
            guess_column(str(name), frame[name])


@pytest.mark.parametrize(
    ("cells", "wanted"),
    [
        (["1,5", "2,25"], [1.5, 2.25]),
        (["1.234,5", "2.000,1"], [1234.5, 2000.1]),
        (["1,234.5", "2,000.1"], [1234.5, 2000.1]),
        (["1 000", "2 000 000"], [1000, 2_000_000]),
        (["1’000", "2’500"], [1000, 2500]),
        (["$1,200.50", "$3.00"], [1200.5, 3]),
        (["12 kg", "7kg"], [12, 7]),
        (["45%", "3%"], [45, 3]),
        (["EUR 5", "EUR 7"], [5, 7]),
        (["(5)", "3"], [-5, 3]),
        (["−3", "+4"], [-3, 4]),
        (["1e5", "2E-3"], [1e5, 2e-3]),
        (["0,123", "0,456"], [0.123, 0.456]),
        (["1.", ".5"], [1, 0.5]),
        (["3", "?", "4", "NA", "-", ""], [3, np.nan, 4, np.nan, np.nan, np.nan]),
    ],
)
def test_numbers_in_every_notation(cells: list[str], wanted: list[float]) -> None:
    given = pd.Series(cells, dtype="str")
    column = guess_column("x", given)
    assert column.type == "number"
    np.testing.assert_allclose(numbers_of(given, **column.notation.model_dump()), wanted)


@pytest.mark.parametrize(
    ("cells", "wanted"),
    [
        (["2020-01-31", "2021-12-01"], "2020-01-31"),
        (["2020-01-31T10:00:00Z", "2021-12-01T10:00:00+02:00"], "2020-01-31 10:00"),
        (["31/01/2020", "03/04/2021"], "2020-01-31"),
        (["01/31/2020", "03/04/2021"], "2020-01-31"),
        (["31.1.2020", "1.2.2021"], "2020-01-31"),
        (["31 Jan 2020", "1 Feb 2021"], "2020-01-31"),
        (["Jan 31, 2020", "Feb 1, 2021"], "2020-01-31"),
        (["31.01.2020 10:00", "01.02.2021 11:00"], "2020-01-31 10:00"),
    ],
)
def test_dates_in_every_notation(cells: list[str], wanted: str) -> None:
    given = pd.Series(cells, dtype="str")
    column = guess_column("x", given)
    assert column.type == "date"
    assert dates_of(given, column.date_format)[0] == pd.Timestamp(wanted)


@pytest.mark.parametrize(
    "words", [("yes", "No"), ("Y", "n"), ("TRUE", "false"), ("1", "0"), ("ja", "nein"), ("on", "off")]
)
def test_yes_and_no(words: tuple[str, str]) -> None:
    column = guess_column("x", pd.Series([*words, words[0], None], dtype="str"))
    assert column.type == "yes_no" and column.yes == (words[0],) and column.no == (words[1],)


def test_leading_zeros_are_codes() -> None:
    assert guess_column("zip", pd.Series(["01234", "10115", "01234"], dtype="str")).type == "category"


# -- files that know the types of their columns ------------------------------------------------------------------------

ROWS = pd.DataFrame(
    {"age": [30, 41, 5], "size": [1.5, None, 2.5], "who": ["Bo", "Åsa", None], "wild": [True, False, True]}
)


def test_parquet_whatever_it_is_called(tmp_path: Path) -> None:
    ROWS.assign(cells=[[1], [2], [3]], when=pd.to_datetime(["2024-01-01"] * 3)).to_parquet(tmp_path / "rows.csv")
    table = reader_for(tmp_path / "rows.csv").read(tmp_path / "rows.csv")
    assert [str(kind).partition("[")[0] for kind in table.frame.dtypes] == [
        "int64", "float64", "str", "bool", "datetime64"
    ]  # fmt: skip
    assert "cells" in table.found["nested"] and guess_column("when", table.frame["when"]).type == "date"
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "rows.csv").read_bytes()[:200])
    with pytest.raises(DataError, match="cut off or damaged"):
        read_table(tmp_path / "cut.parquet")


@pytest.mark.parametrize("lines", [True, False])
def test_json(tmp_path: Path, lines: bool) -> None:
    ROWS.to_json(tmp_path / "rows.json", orient="records", lines=lines)
    frame = read_table(tmp_path / "rows.json")
    assert frame["age"].tolist() == [30, 41, 5] and frame["size"].isna().tolist() == [False, True, False]
    assert guess_column("wild", frame["wild"]).type == "yes_no"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1}\n{"a": \n', "no JSON: .* in line 2"),
        ("[1, 2, 3]", "no records"),
        ("", "no records"),
        ("[" * 99_999, "JSON|nested"),
    ],
)
def test_json_that_is_none(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "rows.jsonl").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_table(tmp_path / "rows.jsonl")


def sheet(path: Path, rows: list[list[Any]], name: str = "Sheet1") -> None:
    """Write a workbook by hand, since nothing that writes one is installed: cells of text, numbers and yes/no."""
    from xml.sax.saxutils import escape

    def cell(value: Any, place: str) -> str:
        if value is None:
            return ""
        if isinstance(value, bool):
            return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
        if isinstance(value, int | float):
            return f'<c r="{place}"><v>{value}</v></c>'
        return f'<c r="{place}" t="inlineStr"><is><t>{escape(value)}</t></is></c>'

    body = "".join(
        f'<row r="{y}">{"".join(cell(value, f"{chr(65 + x)}{y}") for x, value in enumerate(row))}</row>'
        for y, row in enumerate(rows, 1)
    )
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    rels = "http://schemas.openxmlformats.org/package/2006/relationships"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    types = "http://schemas.openxmlformats.org/package/2006/content-types"
    with zipfile.ZipFile(path, "w") as book:
        book.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{types}"><Default Extension="xml" ContentType="application/xml"/><Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/></Types>',
        )
        link = (
            f'<Relationships xmlns="{rels}"><Relationship Id="r1" Type="{office}/{{}}" Target="{{}}"/></Relationships>'
        )
        book.writestr("_rels/.rels", link.format("officeDocument", "xl/workbook.xml"))
        book.writestr("xl/_rels/workbook.xml.rels", link.format("worksheet", "worksheets/sheet1.xml"))
        book.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets><sheet name="{name}" sheetId="1" r:id="r1"/>'
            "</sheets></workbook>",
        )
        book.writestr(
            "xl/worksheets/sheet1.xml", f'<worksheet xmlns="{main}"><sheetData>{body}</sheetData></worksheet>'
        )


def test_spreadsheets(tmp_path: Path) -> None:
    sheet(tmp_path / "rows.xlsx", [["age", "who", "wild"], [3, "Bo", True], [4.5, None, False], [5, "Åsa", True]])
    table = reader_for(tmp_path / "rows.xlsx").read(tmp_path / "rows.xlsx")
    assert list(table.frame.columns) == ["age", "who", "wild"] and table.frame["age"].tolist() == [3, 4.5, 5]
    assert guess_column("wild", table.frame["wild"]).type == "yes_no" and table.frame["who"].isna().tolist() == [
        False,
        True,
        False,
    ]


def test_a_title_above_the_table_of_a_sheet(tmp_path: Path) -> None:
    sheet(tmp_path / "rows.xlsx", [["Results of 2024"], [None], ["age", "who"], [3, "Bo"], [4, "Al"], [5, "Cy"]])
    frame = read_table(tmp_path / "rows.xlsx")
    assert list(frame.columns) == ["age", "who"] and frame["age"].tolist() == [3, 4, 5]


def test_a_zip_is_no_spreadsheet(tmp_path: Path) -> None:

    with zipfile.ZipFile(tmp_path / "rows.xlsx", "w") as archive:
        archive.writestr("a.txt", "hello")
    with pytest.raises(DataError, match="cannot be opened as a spreadsheet"):
        read_table(tmp_path / "rows.xlsx")


@pytest.mark.parametrize("rows", ['{n},"open {n},{n}', '{n},5" pipe,{n}', "{n},\"6' tall,{n}"])
def test_quotes_that_are_not_closed_do_not_join_rows(rows: str, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("\n".join(["a,t,y", *(rows.format(n=n) for n in range(60))]))
    frame = read_table(tmp_path / "rows.csv")
    assert frame["a"].astype(int).tolist() == frame["y"].astype(int).tolist() == list(range(60))


def test_line_breaks_within_quotes_stay(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(
        "\n".join(["a,t,y", *(f'{n},"two, lines\nand ""more"", so",{n}' for n in range(60))])
    )
    frame = read_table(tmp_path / "rows.csv")
    assert len(frame) == 60 and frame["t"][7] == 'two, lines\nand "more", so'


def test_a_preview_of_parquet_reads_its_first_rows_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from trainers.data.own.reading import parquet

    frame = pd.DataFrame({"number": range(1000), "word": ["a", "b"] * 500})
    frame.to_parquet(tmp_path / "large.parquet")
    frame.to_parquet(tmp_path / "groups.parquet", row_group_size=10)
    whole = reader_for(tmp_path / "large.parquet").read(tmp_path / "large.parquet").frame
    assert reader_for(tmp_path / "groups.parquet").preview(tmp_path / "groups.parquet", 30).equals(whole.head(30))
    monkeypatch.setattr(parquet, "read_rows", None)
    assert reader_for(tmp_path / "large.parquet").preview(tmp_path / "large.parquet", 30).equals(whole.head(30))


@pytest.mark.parametrize("groups", [True, False])
def test_two_rows_of_names_in_a_sheet_and_formulas_without_values(tmp_path: Path, groups: bool) -> None:
    above = ["Q1", None, "Q2", None] if groups else ["Sales of 2024", None, None, None]
    names = ["sales", "cost", "sales", "cost"] if groups else ["sales", "cost", "gain", "loss"]
    rows = [[number, 2 * number, 3 * number, "FORMULA"] for number in range(20)]
    sheet(tmp_path / "whole.xlsx", [above, names, *rows])
    with zipfile.ZipFile(tmp_path / "whole.xlsx") as whole, zipfile.ZipFile(tmp_path / "rows.xlsx", "w") as book:
        for member in whole.namelist():
            text = re.sub(r'<c r="(\w+)"[^>]*><is><t>FORMULA</t></is></c>', r'<c r="\1"><f>A1*2</f></c>',
                          whole.read(member).decode())  # fmt: skip
            book.writestr(member, text)
    table = reader_for(tmp_path / "rows.xlsx").read(tmp_path / "rows.xlsx")
    wanted = ["Q1 sales", "Q1 cost", "Q2 sales", "Q2 cost"] if groups else names
    assert list(table.frame.columns) == wanted
    assert table.frame.iloc[3, :3].tolist() == [3, 6, 9]
    assert table.frame.iloc[:, 3].isna().all() and table.found["formulas"].startswith("20 cells")
