"""predict.py in the zip: it reads raw files as training did, needs nothing of Netloom, and gives what the run gives."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import trainers
from builder.exports import companions
from builder.exports.export import Exported, export
from builder.exports.formats.python import model_source
from builder.exports.formats.safetensors import write_weights
from builder.exports.subject import subject as prepared_subject
from builder.problems import ExportError
from tests.pages.trained import perceptron
from trainers.runs.run import Run
from trainers.script import predict_script

TABLES = Path(os.environ.get("NETLOOM_DATA") or "/nowhere") / "own" / "tables"
needs_tables = pytest.mark.skipif(not TABLES.is_dir(), reason="real tables are read from $NETLOOM_DATA/own")


def trained(name: str, epochs: int = 2) -> Run:
    run = trainers.start(trainers.Job.from_document(trainers.recommend(name), epochs=epochs, threads=1))
    assert run.wait() == "finished"
    return run


def unpacked(run: Run, folder: Path) -> Exported:
    found = export(run.model(), run.document, folder / "all.zip", "zip")
    zipfile.ZipFile(found.path).extractall(folder / "zip")
    return found


def predictions(folder: Path, *files: Path) -> pd.DataFrame:
    """What predict.py writes for these files."""
    execute(folder, *map(str, files))
    return pd.read_csv(folder / "zip" / "predictions.csv", keep_default_na=False)


def execute(folder: Path, *arguments: str) -> None:
    """Run predict.py in this process: `import model` finds the one beside it."""
    kept = sys.argv, Path.cwd(), sys.path[:]
    sys.modules.pop("model", None)
    os.chdir(folder / "zip")
    sys.argv, sys.path[:0] = ["predict.py", *arguments], [str(folder / "zip")]
    try:
        runpy.run_path("predict.py", run_name="__main__")
    finally:
        sys.argv, sys.path[:] = kept[0], kept[2]
        os.chdir(kept[1])
        sys.modules.pop("model", None)


def parts(run: Run, folder: Path, text: str) -> None:
    """model.py and its weights as the zip has them, and a script beside them."""
    folder.mkdir(exist_ok=True)
    subject = prepared_subject(run.model(), run.document)
    (folder / "model.py").write_text(model_source(subject), encoding="utf-8")
    write_weights(subject, folder / "model.safetensors")
    (folder / "predict.py").write_text(text, encoding="utf-8")


def same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    for name in expected:
        if pd.api.types.is_numeric_dtype(expected[name]):
            np.testing.assert_allclose(found[name].astype(float), expected[name], rtol=1e-5, atol=1e-6)
        else:
            assert found[name].astype(str).tolist() == expected[name].astype(str).tolist()


@needs_tables
@pytest.mark.parametrize(
    "file", ["titanic.csv", "penguins.csv", "mpg.csv", "horse-colic.csv", "sonar.csv", "housing.data", "german.csv"]
)
def test_it_gives_what_the_run_gives(file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the raw file itself, tried as the zip does: in this process, for the seven to be quick."""
    run = trained(trainers.add_data(TABLES / file), epochs=1)
    text = predict_script.predict_files(run.document, run.model())["predict.py"]
    assert isinstance(text, companions.Script) and text.trial is not None

    parts(run, tmp_path / "zip", text)
    same(predictions(tmp_path, TABLES / file), run.predict(TABLES / file))
    arguments = text.trial.prepare(tmp_path / "zip")
    predictions(tmp_path, *(tmp_path / "zip" / each for each in arguments))
    text.trial.check(tmp_path / "zip")


@pytest.fixture(name="flowers")
def flowers_fixture(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    kind = random.integers(0, 3, 120)
    length = np.round(kind + random.normal(0, 0.3, 120), 2).astype(str)
    length[::17] = "?"
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 700, 120), "D")
    rows = pd.DataFrame(
        {
            "length": length,
            "seen": days.strftime("%d.%m.%Y"),
            "place": [f"place {number}" for number in random.integers(0, 20, 120)],
            "wild": np.where(random.random(120) < 0.5, "yes", "no"),
            "species": np.array(["rose", "violet", "lily"])[kind],
        }
    )
    rows.to_csv(tmp_path / "flowers.csv", index=False, sep=";")
    return tmp_path / "flowers.csv"


@pytest.mark.usefixtures("warm_converter")
def test_the_zip_has_it_and_has_tried_it(flowers: Path, tmp_path: Path) -> None:
    run = trained(trainers.add_data(flowers))
    found = unpacked(run, tmp_path)
    assert "predict.py was run on test samples" in found.checked
    readme = (tmp_path / "zip" / "README.md").read_text(encoding="utf-8")
    assert "`python predict.py FILE --out predictions.csv` predicts new samples" in readme
    assert "pandas and torch" in readme
    new = pd.read_csv(flowers, sep=";").drop(columns="species").iloc[::-1, ::-1].reset_index(drop=True).assign(note="x")
    new.loc[0, "place"] = "nobody has been there"
    new.loc[1, ["length", "wild"]] = None
    new.to_parquet(tmp_path / "new.parquet")
    new.to_csv(tmp_path / "new.csv", index=False, sep=";")
    expected = run.predict(new)
    for file in ("new.csv", "new.parquet"):
        rows = predictions(tmp_path, tmp_path / file)
        assert rows["row"].tolist() == list(range(1, 121))
        same(rows, expected)
    both = predictions(tmp_path, tmp_path / "new.csv", tmp_path / "new.parquet")
    assert len(both) == 240 and set(both["file"]) == {str(tmp_path / "new.csv"), str(tmp_path / "new.parquet")}
    new.drop(columns="length").to_csv(tmp_path / "short.csv", index=False, sep=";")
    command = [sys.executable, "predict.py", str(tmp_path / "short.csv")]
    done = subprocess.run(command, cwd=tmp_path / "zip", capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "has no column 'length'" in done.stderr and "Traceback" not in done.stderr
    source = (tmp_path / "zip" / "predict.py").read_text(encoding="utf-8")
    imported = {line.split()[1].split(".")[0] for line in source.splitlines() if line.startswith(("import ", "from "))}
    assert imported - set(sys.stdlib_module_names) == {"model", "numpy", "pandas", "torch"}


def test_a_script_that_gives_something_else_is_left_out(flowers: Path, tmp_path: Path) -> None:
    run = trained(trainers.add_data(flowers), epochs=1)
    text = predict_script.predict_files(run.document, run.model())["predict.py"]
    assert isinstance(text, companions.Script)
    wrong = companions.Script(text.replace(".softmax(dim=1)", ".softmax(dim=0)"), trial=text.trial)
    parts(run, tmp_path / "in", wrong)
    failed = companions.failed_trials({"predict.py": wrong}, tmp_path / "in")
    assert "gives another 'p" in failed["predict.py"]
    with pytest.raises(ExportError, match="samples of"):
        pd.DataFrame({"prediction": [1]}).to_csv(tmp_path / "few.csv")
        predict_script._compare(pd.DataFrame({"prediction": [1, 2]}), tmp_path / "few.csv")


@pytest.mark.parametrize(("data", "outputs"), [("iris", 3), ("diabetes", 1), ({"name": "moons", "samples": 100}, 2)])
def test_shipped_tables_have_it_too(data: str | dict[str, object], outputs: int, tmp_path: Path) -> None:
    document = perceptron(data, outputs)
    run = trainers.start(trainers.Job.from_document(document, epochs=1))
    assert run.wait() == "finished"
    text = predict_script.predict_files(run.document, run.model())["predict.py"]
    assert isinstance(text, companions.Script) and text.trial is not None
    parts(run, tmp_path / "zip", text)
    predictions(tmp_path, *(tmp_path / "zip" / each for each in text.trial.prepare(tmp_path / "zip")))
    text.trial.check(tmp_path / "zip")
