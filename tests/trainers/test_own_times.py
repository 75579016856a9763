"""What says when a row of a series was: dates in many forms, several columns together, numbers that are called so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import trainers
from trainers.data import dataset
from trainers.data.own.kinds.series.steps import moments_of_rows
from trainers.data.own.kinds.table.cell_values import dates_of
from trainers.data.own.kinds.table.looking.types import guess_column

HOURS = pd.date_range("2010-12-30", periods=150, freq="h")
DAYS = pd.date_range("2019-12-01", periods=150)
MONTHS = pd.date_range("1949-01", periods=150, freq="MS")
OPEN = pd.bdate_range("2019-12-02", periods=150)
HOURLY = (HOURS, "seconds", 3600.0)
TIMES: dict[str, tuple[dict[str, Any], pd.DatetimeIndex, str, float]] = {  # columns, what they say, unit and length
    "date and clock": ({"Date": HOURS.strftime("%d/%m/%Y"), "Time": HOURS.strftime("%H:%M:%S")}, *HOURLY),
    "clock with points": ({"Time": HOURS.strftime("%H.%M.%S"), "Date": HOURS.strftime("%d/%m/%Y")}, *HOURLY),
    "date and hour": ({"dteday": HOURS.strftime("%Y-%m-%d"), "hr": HOURS.hour}, *HOURLY),
    "four parts": ({"year": HOURS.year, "month": HOURS.month, "day": HOURS.day, "hour": HOURS.hour}, *HOURLY),
    "slashes": ({"date": HOURS.strftime("%Y/%m/%d %H:%M")}, *HOURLY),
    "since 1970": ({"timestamp": (HOURS - pd.Timestamp(0)) // pd.Timedelta("1s")}, *HOURLY),
    "thousandths": ({"ts": (HOURS - pd.Timestamp(0)) // pd.Timedelta("1ms")}, *HOURLY),
    "month names first": ({"day": DAYS.strftime("%b %d %Y")}, DAYS, "seconds", 86_400),
    "year and month": ({"Year": MONTHS.year, "Month": MONTHS.strftime("%B")}, MONTHS, "months", 1),
    "year and quarter": ({"year": MONTHS[::3].year, "quarter": MONTHS[::3].quarter}, MONTHS[::3], "months", 3),
    "fractions of years": ({"time": (MONTHS.year + (MONTHS.month - 1) / 12).map("{:.3f}".format)}, MONTHS, "months", 1),
    "month behind year": ({"Month": MONTHS.strftime("%Y %b")}, MONTHS, "months", 1),
    "first of a month": ({"DATE": MONTHS.strftime("%b-%-d-%Y")}, MONTHS, "months", 1),
    "open days": ({"Date": OPEN[::-1].strftime("%b %d, %Y")}, OPEN[::-1], "rows", 1),
}  # fmt: skip


def _file(folder: Path, columns: dict[str, Any], rows: int) -> Path:
    path = folder / "series.csv"
    values = {"reading": np.random.default_rng(0).normal(size=rows).round(3)}
    pd.DataFrame({**columns, **values}).to_csv(path, index=False)
    return path


@pytest.mark.parametrize("named", TIMES)
def test_times_are_read(named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    columns, times, unit, length = TIMES[named]
    path = _file(tmp_path, columns, len(times))
    name = trainers.add_data(path)
    report = trainers.data_report(name)
    schema = report.schema
    assert report.kind == "series"
    assert {c.name: c.role for c in schema.columns} == dict.fromkeys(columns, "time") | {"reading": "target"}
    assert (schema.step_unit, schema.step) == (unit, pytest.approx(length))
    moments = moments_of_rows(pd.read_csv(path), [c.model_dump() for c in schema.columns], unit)
    seconds = (times - pd.Timestamp(0)) / pd.Timedelta("1s")
    np.testing.assert_array_equal(moments, times.year * 12 + times.month - 1 if unit == "months" else seconds)

    monkeypatch.chdir(tmp_path)
    printed: dict[str, Any] = {}
    exec(compile(dataset({"name": name}).source(), "train.py", "exec"), printed)
    np.testing.assert_array_equal(printed["load_data"]()[1], dataset({"name": name}).load().targets)


def test_numbers_called_like_a_time_say_it_where_all_else_is_numbers(tmp_path: Path) -> None:
    years = {"": range(1, 101), "year": range(1871, 1971)}
    name = trainers.add_data(_file(tmp_path, years, 100), "nile")
    schema = trainers.data_report(name).schema
    assert (schema.kind, schema.step_unit, schema.step) == ("series", "numbers", 1)
    assert {c.name: c.role for c in schema.columns} == {"column_0": "ignored", "year": "time", "reading": "target"}
    for other in (
        {"year": range(1871, 1971), "river": ["Nile"] * 50 + ["Rhine"] * 50},  # no series of numbers alone
        {"time": np.random.default_rng(0).integers(1, 500, 100)},  # how long something took
        {"x": range(100)},
        {"year": range(1951, 2051), "status": [0, 1] * 50},  # what each row is
    ):
        path = _file(tmp_path, other, 100)
        if "status" in other:
            pd.read_csv(path)[["year", "reading", "status"]].to_csv(path, index=False)
        assert trainers.data_report(trainers.add_data(path)).kind == "table"


def test_two_columns_cannot_both_be_the_date(tmp_path: Path) -> None:
    columns = {"date": DAYS.strftime("%Y-%m-%d"), "shipped": DAYS.strftime("%Y-%m-%d")}
    path = _file(tmp_path, columns, len(DAYS))
    with pytest.raises(trainers.DataError, match="Only one column can say the time"):
        trainers.add_data(path, roles={"date": "time", "shipped": "time"})


def test_a_row_of_names_has_nothing_above_the_names_of_rows(tmp_path: Path) -> None:
    words = tmp_path / "words.csv"
    rows = [f'"{n}","1st","{"man" if n % 3 else "woman"}","{"yes" if n % 2 else "no"}"' for n in range(1, 61)]
    words.write_text("\n".join(['"","class","sex","survived"', *rows]))
    schema = trainers.data_report(trainers.add_data(words)).schema
    assert [c.name for c in schema.columns] == ["column_0", "class", "sex", "survived"]
    assert {c.name for c in schema.columns if c.role == "target"} == {"survived"}
    ages = tmp_path / "counts.csv"
    ages.write_text(",1940,1945,1950\nFood,22.2,44.5,59.6\nTobacco,10.5,15.5,29\nMedical,3.53,5.76,9.71\nOther,1,2,3\n")
    assert [c.name for c in trainers.data_report(trainers.add_data(ages)).schema.columns][1:] == [
        "1940",
        "1945",
        "1950",
    ]


def test_amounts_are_no_identifiers_and_row_numbers_are_no_inputs(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    path = tmp_path / "salaries.csv"
    salary = random.permutation(np.arange(30_000, 120_000, 900))
    pd.DataFrame(
        {
            "": np.cumsum(random.integers(1, 5, 100)),
            "account": random.permutation(np.arange(10_000, 10_100)),
            "YearsExperience": random.random(100).round(2),
            "JobType": random.choice(["a", "b"], 100),
            "AnnualSalary": salary,
        }
    ).to_csv(path, index=False)
    roles = {c.name: c.role for c in trainers.data_report(trainers.add_data(path)).schema.columns}
    inputs = {"YearsExperience": "input", "JobType": "input"}
    assert roles == {"column_0": "ignored", "account": "ignored", **inputs, "AnnualSalary": "target"}


MONTHS = {
    "German": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "French": "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.",
    "Spanish": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "Italian": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "Portuguese": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "Dutch": "jan feb mrt apr mei jun jul aug sep okt nov dec",
}


@pytest.mark.parametrize("language", MONTHS)
@pytest.mark.parametrize("form", ["{d} {m} {y}", "{d}. {m} {y}", "{d} de {m} de {y}", "{m} {y}"])
def test_months_in_other_languages(language: str, form: str) -> None:
    days = pd.date_range("2023-01-15", periods=24, freq="29D")
    names = MONTHS[language].split()
    cells = pd.Series([form.format(d=day.day, m=names[day.month - 1], y=day.year) for day in days])
    column = guess_column("day", cells)
    assert column.type == "date"
    assert dates_of(cells, column.date_format).month.tolist() == days.month.tolist()
