"""Runs that outlive their data set: what each keeps of it is enough to predict new samples."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import trainers
from builder.exports.companions import Absent
from tests.pages.own_files import images, series, texts
from trainers import DataError
from trainers.data.own import library
from trainers.data.own.data_set import OwnData
from trainers.data.own.run_copies import FILE
from trainers.runs.predictions import prepared_data
from trainers.runs.run import Run
from trainers.script.train_script import companion_files


def rows(count: int = 60, shift: float = 0.0) -> pd.DataFrame:
    random = np.random.default_rng(0)
    size, colour = random.normal(size=count).round(3) + shift, random.choice(["red", "green", "blue"], count)
    return pd.DataFrame({"size": size, "colour": colour, "kind": np.where(size > shift, "large", "small")})


def table(folder: Path) -> Path:
    rows().to_csv(folder / "things.csv", index=False)
    return folder / "things.csv"


def texts_in_a_table(folder: Path) -> Path:
    random = np.random.default_rng(0)
    cells = [" ".join(random.choice(["the", "film", "was", ("good", "bad")[n % 2]], 30)) for n in range(60)]
    pd.DataFrame({"review": cells, "label": ["yes", "no"] * 30}).to_csv(folder / "films.csv", sep=";", index=False)
    return folder / "films.csv"


def trained(name: str, **options: Any) -> Run:
    run = trainers.start(trainers.Job.from_document(trainers.recommend(name), epochs=1, threads=1, **options))
    assert run.wait() == "finished", run.progress().message
    return trainers.open_run(run.id)


@pytest.mark.parametrize("made", [table, texts_in_a_table, texts, series, images])
def test_a_run_predicts_when_its_data_were_removed(made: Callable[[Path], Path], tmp_path: Path) -> None:
    given = made(tmp_path)
    name = trainers.add_data(given, copy=True)  # as an upload
    run = trained(name)
    before, script = run.predict(given), companion_files(run.document, run.model())["predict.py"]
    trainers.remove_data(name)
    shutil.rmtree(library.library() / ".removed")  # so that nothing can be read by mistake
    again = trainers.open_run(run.id)
    pd.testing.assert_frame_equal(again.predict(given), before)
    after = companion_files(again.document, again.model())
    assert after["predict.py"] == script and "was not tried" in after["predict.py"].usage  # type: ignore[attr-defined]
    assert isinstance(after["train.py"], Absent) and "was removed" in after["train.py"]
    with pytest.raises(DataError, match="was removed, or is damaged"):
        prepared_data(again)


def test_another_data_set_of_the_same_name_does_not_change_what_is_predicted(tmp_path: Path) -> None:
    name = trainers.add_data(table(tmp_path), name="things")
    run = trained(name)
    before = run.predict(rows())
    trainers.remove_data(name)
    rows()[["colour", "size", "kind"]].assign(size=lambda frame: -frame["size"]).to_csv(tmp_path / "other.csv")
    assert trainers.add_data(tmp_path / "other.csv", name="things") == name
    again = trainers.open_run(run.id)
    pd.testing.assert_frame_equal(again.predict(rows()), before)
    with pytest.raises(DataError, match="is another one now"):
        prepared_data(again)


def test_versions_names_and_restored_data(tmp_path: Path) -> None:
    name = trainers.add_data(table(tmp_path), name="things")
    first = trained(name)
    found = library.stored(name)
    columns = [c.model_copy(update={"role": "ignored"}) if c.name == "colour" else c for c in found.schema.columns]
    library.change(name, found.schema.with_fields(columns=tuple(columns)))
    second, before = trained(name), first.predict(rows())
    assert len(second.predict(rows()[["size"]])) == 60
    library.rename(name, "goods")
    for run in (first, second):
        again = trainers.open_run(run.id)
        assert len(prepared_data(again).training) and not again.job.dataset.gone
    trainers.remove_data("own/goods")
    assert trainers.open_run(second.id).job.dataset.gone
    pd.testing.assert_frame_equal(trainers.open_run(first.id).predict(rows()), before)
    library.restore()
    again = trainers.open_run(first.id)
    assert not again.job.dataset.gone and len(prepared_data(again).training)
    pd.testing.assert_frame_equal(again.predict(rows()), before)


def test_a_damaged_copy_is_not_used(tmp_path: Path) -> None:
    run = trained(trainers.add_data(table(tmp_path), name="things"))
    path, changes = run.store.run_folder(run.id) / FILE, list[Callable[[dict[str, Any]], object]]()
    whole = path.read_text()
    changes.append(lambda copy: copy.update(format="netloom-run-data/9"))
    changes.append(lambda copy: copy.update(name="own/other@1"))
    changes.append(lambda copy: copy["schema"].update(columns=[{"name": 1}]))
    changes.append(lambda copy: copy["source"].update(path=["x"]))
    changes.append(lambda copy: copy.update(facts={"samples": None}))
    changes.append(lambda copy: copy.clear())
    for change in changes:
        copy = json.loads(whole)
        change(copy)
        path.write_text(json.dumps(copy))
        data = trainers.open_run(run.id).job.dataset
        assert isinstance(data, OwnData) and not data.stored.run
    path.write_text(whole)
    data = trainers.open_run(run.id).job.dataset
    assert isinstance(data, OwnData) and data.stored.run


def test_runs_of_earlier_versions_say_where_they_are_not_sure(tmp_path: Path) -> None:
    name = trainers.add_data(table(tmp_path), name="things")
    run = trained(name)
    assert run.predict(rows()).attrs["warning"] == ""
    (run.store.run_folder(run.id) / FILE).unlink()
    assert trainers.open_run(run.id).predict(rows()).attrs["warning"] == ""  # the version is there as it was
    trainers.remove_data(name)
    trainers.add_data(tmp_path / "things.csv", name="things")
    assert "was added or read again after it" in trainers.open_run(run.id).predict(rows()).attrs["warning"]
