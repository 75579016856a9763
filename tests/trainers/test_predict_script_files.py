"""predict.py for images, masks and sounds: raw files as people have them, read as training reads them."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import builder
import trainers
from builder.exports import companions
from builder.problems import NetloomError
from tests.trainers.test_own_sound import tone, write
from tests.trainers.test_predict_script import execute, parts, predictions, same
from tests.trainers.written import ATTENTION, writer
from trainers import DataError
from trainers.data import dataset
from trainers.data.own.kinds.images import decoding
from trainers.paradigms.language.analysis import generate_text
from trainers.paradigms.language.decoding import SamplingOptions
from trainers.runs.run import Run
from trainers.script import predict_script

CODE = '"+__import__("os").remove("x")+"\'; import os; os.remove(1) #{x!r} """ %s FILE_COLUMN TARGET'
HOSTILE = 'cat\'s "{x!r}" """ \\ \n %s'


def trained(path: Path, **options: Any) -> Run:
    name = trainers.add_data(path, **options)
    run = trainers.start(trainers.Job.from_document(trainers.recommend(name), epochs=1, threads=1))
    assert run.wait() == "finished", run.error
    return run


def zipped(run: Run, folder: Path) -> str:
    """What the zip holds for predict.py, in folder/zip, after its trial."""
    text = predict_script.predict_files(run.document, run.model())["predict.py"]
    assert isinstance(text, companions.Script) and text.trial is not None, text
    parts(run, folder / "zip", text)
    given = [folder / "zip" / each for each in text.trial.prepare(folder / "zip")]
    predictions(folder, *given)
    text.trial.check(folder / "zip")
    return text


def alone(folder: Path, *files: Path) -> str:
    """What it says in a new process that knows neither this folder nor any path of Python."""
    given = ["predict.py", *map(str, files)]
    lines = ("import runpy, sys", "sys.path.insert(0, '.')", f"sys.argv = {given!r}")
    code = "\n".join([*lines, "runpy.run_path('predict.py', None, '__main__')"])
    command, place = [sys.executable, "-I", "-c", code], folder / "zip"
    done = subprocess.run(command, cwd=place, env={"PYTHONPATH": ""}, capture_output=True, text=True, check=True)
    return done.stderr


def imported(text: str) -> set[str]:
    """The packages that a script imports, beside the standard library."""
    names = {line.split()[1].split(".")[0] for line in text.splitlines() if line.startswith(("import ", "from "))}
    return names - set(sys.stdlib_module_names)


def files_below(root: Path, found: pd.DataFrame) -> pd.DataFrame:
    """The predictions by the names of the files in the folder."""
    return found.set_index(pd.Index([str(Path(name).relative_to(root)) for name in found["file"]]))


def pictures(root: Path) -> Path:
    """Photographs of two classes: other sizes, colour modes, depths, turned by their EXIF."""
    random = np.random.default_rng(0)
    modes = ("RGB", "L", "P", "RGBA", "CMYK", "I;16", "1", "LA")
    for label, shade in ((HOSTILE.replace("\n", "").replace("\\", ""), 60), ("light", 190)):
        (root / label).mkdir(parents=True)
        for number in range(12):
            noise = random.normal(shade, 30, (30 + number, 45, 3))
            image, mode = Image.fromarray(noise.clip(0, 255).astype("uint8")), modes[number % len(modes)]
            if mode == "I;16":
                image = Image.fromarray(np.asarray(image.convert("L")).astype("uint16") * 257)
            else:
                image = image.convert(mode)
            exif = Image.Exif()
            exif[0x0112] = 1 + number % 8
            ending = "jpg" if mode in ("RGB", "CMYK") else "png"
            image.save(root / label / f"photo {number}'s.{ending}", exif=exif)
    return root


@pytest.mark.parametrize("settings", [{"resize": "crop", "channels": 1}, {}])
def test_photographs_of_every_kind(settings: dict[str, Any], tmp_path: Path) -> None:
    root = pictures(tmp_path / "photos")
    run = trained(root, settings={**settings, "height": 20, "width": 28} if settings else {})
    text = zipped(run, tmp_path)
    assert imported(text) == {"model", "numpy", "pandas", "PIL", "torch"}
    if settings:
        return
    (root / "broken.png").write_bytes(b"\x89PNG and no more")
    assert "broken.png is left out: it is" in alone(tmp_path, root)
    found = files_below(root, pd.read_csv(tmp_path / "zip" / "predictions.csv", keep_default_na=False))
    expected = run.predict(root)
    assert len(found) == len(expected) == 24
    same(found.loc[expected.index], expected)


@pytest.mark.parametrize("target", [["turn 'left'"], ["turn 'left'", "speed {1}"]])
def test_numbers_of_images(target: list[str], tmp_path: Path) -> None:
    root = tmp_path / "frames"
    root.mkdir()
    for number in range(40):
        pixels = np.zeros((16, 20), "uint8")
        pixels[:, number // 2] = 255
        Image.fromarray(pixels).save(root / f"{number}.png")
    table = pd.DataFrame({"file": [f"{number}.png" for number in range(40)], "turn 'left'": np.linspace(-1, 1, 40)})
    table.assign(**{"speed {1}": np.arange(40) % 7 / 3}).to_csv(root / "table.csv", index=False)
    run = trained(root, roles=dict.fromkeys(target, "target"), split="random")
    zipped(run, tmp_path)
    found = pd.read_csv(tmp_path / "zip" / "predictions.csv")
    assert list(found.columns) == ["file", *(target if len(target) > 1 else ["prediction"])]


@pytest.mark.parametrize(
    ("values", "kind"),
    [((0, 100, 255), "uint8"), ((0, 1000, 60000), "uint16"), (((0, 0, 0), (128, 128, 128), (0, 255, 0)), "uint8")],
)
def test_masks_are_written_as_those_of_the_training(values: tuple[Any, ...], kind: str, tmp_path: Path) -> None:
    root = tmp_path / "pairs"
    for number in range(10):
        classes = np.zeros((24, 16), int)
        classes[number : number + 8, 2:8], classes[16:, 8:] = 1, 2 * (number % 2)
        for inner, pixels in (("images", np.array([40, 200, 120], "uint8")), ("masks", np.array(values, kind))):
            (root / inner).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels[classes]).save(root / inner / f"{number}.png")
    run = trained(root)
    zipped(run, tmp_path)
    assert sorted(np.bincount(np.asarray(run.job.dataset.load().targets).ravel())) == [320, 480, 3040]
    found = pd.read_csv(tmp_path / "zip" / "predictions.csv")
    assert np.allclose(found.filter(like="share of").sum(axis=1), 1) and len(found.columns) == 4
    again = sorted((root / "images").iterdir())
    (root / "masks" / "0.jpg").write_bytes(b"none")
    predictions(tmp_path, root / "images", root / "images" / "0.png")
    names = sorted(path.name for path in (tmp_path / "zip" / "maps").glob("?.png"))
    assert len(names) == len(again) and (tmp_path / "zip" / "maps" / "0_2.png").is_file()
    assert names == sorted(path.name for path in (tmp_path / "zip" / "maps" / "network").glob("?.png"))


@pytest.mark.parametrize("size", [(100, 40), (40, 100), (33, 61), (7, 5), (64, 48), (1000, 3)])
@pytest.mark.parametrize("resize", ["stretch", "fit", "crop"])
def test_masks_come_back_to_the_size_of_the_image(size: tuple[int, int], resize: str) -> None:
    (width, height), random = size, np.random.default_rng(0)
    blocks = random.integers(0, 2, (1 + height // 20, 1 + width // 20)).astype("uint8")
    mask = Image.fromarray(np.kron(blocks, np.ones((20, 20), "uint8"))[:height, :width])
    back = decoding.in_own_size(decoding.resized(mask, 48, 64, resize, smooth=False), width, height, resize)
    assert back.size == size
    same = np.asarray(back) == np.asarray(mask)
    if resize == "crop":  # what lies outside is not seen
        scale = min(width / 64, height / 48)
        left, top = int((width - 64 * scale) / 2), int((height - 48 * scale) / 2)
        same = same[top : height - top, left : width - left]
    assert same.mean() > 0.9 or size == (1000, 3)  # of which the network sees next to nothing


@pytest.mark.parametrize("form", ["spectrogram", "waveform"])
def test_recordings_of_every_kind(form: str, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    root = tmp_path / "tones"
    for label, frequency in (("low", 300), (HOSTILE.replace("\n", ""), 1500)):
        for number in range(12):
            rate = (8000, 11025, 22050)[number % 3]
            sound = tone(frequency, rate, 0.15 + 0.01 * number)
            sound = (sound + random.normal(0, 0.05, len(sound))) * 0.8
            stereo = np.stack([sound, sound / 2], axis=1)
            write(root / label / f"{number}.wav", stereo if number % 2 else sound, rate, (16, 24, 32)[number % 3])
    settings = {"form": form, "sample_rate": 6000, "silence": "after"} if form == "waveform" else {}
    run = trained(root, settings=settings)
    assert imported(zipped(run, tmp_path)) == {"model", "numpy", "pandas", "torch"}
    found, expected = files_below(root, predictions(tmp_path, root)), run.predict(root)
    same(found.loc[expected.index], expected)


def rows_named(root: Path, name: str, column: str, label: str) -> tuple[Path, dict[str, Any]]:
    """A table, a series, texts or images with a table, whose names are those of somebody who wants to break in."""
    root.mkdir()
    days = pd.date_range("2024-01-01", periods=60).strftime("%Y-%m-%d")
    if name == "sound":
        for number in range(24):
            write(root / (label if number % 2 else "other") / f"{number}.wav", tone(300 + 10 * number))
        return root, {}
    columns: dict[str, Any] = {
        "table": {column: np.arange(60) % 7, f"{column}2": [label, "b", "c"] * 20, "class": [label, "b"] * 30},
        "series": {column: days, f"{column}2": np.arange(60) % 7, f"{column}3": [label, "b", "c"] * 20},
        "texts": {"text": [f"a film with {number} people" for number in range(60)], column: [label, "other"] * 30},
        "images": {column: [f"{number}.png" for number in range(60)], "side": [label, "b"] * 30},
    }[name]
    for number in range(60 if name == "images" else 0):
        Image.fromarray(np.full((8, 8), number, "uint8")).save(root / f"{number}.png")
    path = root / ("FILE_COLUMN.csv" if name == "images" else "rows.csv")
    pd.DataFrame(columns).to_csv(path, index=False)
    options: dict[str, Any] = {"table": {"target": "class", "kind": "table"}, "series": {"kind": "series"}}.get(
        name, {}
    )
    return (root if name == "images" else path), options


@pytest.mark.parametrize("name", ["table", "series", "texts", "images", "sound"])
def test_names_cannot_bring_code_into_a_script(name: str, tmp_path: Path) -> None:
    """Every text of the user's is a value: the scripts are those that would be there without it."""
    scripts = []
    for place, (column, label) in enumerate((("plain", "a plain class"), (CODE, f"{CODE}, too"))):
        path, options = rows_named(tmp_path / str(place), name, column, label)
        data = dataset({"name": trainers.add_data(path, **options)})
        scripts.append((data.prediction_source(), data.source()))
    for plain, hostile in zip(*scripts, strict=True):
        shapes = [ast.dump(_without_values(ast.parse(each))) for each in (plain, hostile)]
        assert shapes[0] == shapes[1]
    assert "remove" in scripts[1][1]


def _without_values(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant):
            node.value = None
        elif isinstance(node, ast.Tuple | ast.List) and all(isinstance(each, ast.Constant) for each in node.elts):
            node.elts = []  # a header may be found, or not
    return tree


def test_data_without_files_says_why_there_is_none() -> None:
    job = trainers.Job.from_document(builder.template("digits_cnn"))
    with pytest.raises(DataError, match="are no files that it could read"):
        predict_script.predict_script(job, {"task": job.dataset.task, "inputs": [None]})
    found = predict_script.predict_files(job.document, torch.nn.Identity())["predict.py"]
    assert isinstance(found, companions.Absent) and found == "the network was not trained on data."


@pytest.mark.parametrize("known", [{}, {"holi'day": "known", 'the "weather"': "known"}])
def test_forecasts_from_raw_rows(known: dict[str, str], tmp_path: Path) -> None:
    """Rows in no order, with gaps and missing values, of which some columns are known in advance."""
    random = np.random.default_rng(0)
    days = np.arange(200)
    rows = pd.DataFrame(
        {
            "day": pd.date_range("2022-01-03", periods=200).strftime("%d.%m.%Y"),
            "visitors": random.integers(50, 100, 200),
            "holi'day": np.where(random.random(200) < 0.1, "yes", "no"),
            "sales {x}": np.round(20 + 10 * (days % 7) + random.normal(0, 2, 200), 1),
            'the "weather"': np.array(["sun", "rain", 'sn"ow', "rain", ""])[days % 5],
        }
    )
    rows.loc[[100, 130], "sales {x}"] = np.nan
    path, roles = tmp_path / "shop.csv", {"visitors": "target", "sales {x}": "target", **known}
    rows.drop(index=[50, 51, 160]).sample(frac=1, random_state=0).to_csv(path, index=False, sep=";", decimal=",")
    run = trained(path, kind="series", roles=roles, settings={"window": 9, "horizon": 4})
    assert imported(zipped(run, tmp_path)) == {"model", "numpy", "pandas", "torch"}
    found = pd.read_csv(tmp_path / "zip" / "predictions.csv")
    assert list(found.columns) == ["day", "file", "visitors", "sales {x}"] and len(found) == 5 * 4
    if known:
        rows.iloc[:9].to_csv(tmp_path / "few.csv", index=False, sep=";", decimal=",")
        with pytest.raises(SystemExit):
            predictions(tmp_path, tmp_path / "few.csv")
        return
    found, expected = predictions(tmp_path, path), run.predict(path)
    assert found["day"].tolist() == expected.index.tolist() == ["2022-07-22", "2022-07-23", "2022-07-24", "2022-07-25"]
    same(found, expected)


def sentences(random: np.random.Generator, place: int, count: int) -> str:
    words = (["good", "Great", "don't", "(nice)"], ["bad", "Awful", '"ugh"', "isn't"])[place]
    return " ".join(random.choice([*words, "the", "film", ",", "Ünïcode", "日本"], count))


@pytest.mark.parametrize("tokens", ["words", "characters"])
def test_texts_in_files(tokens: str, tmp_path: Path) -> None:
    random, root = np.random.default_rng(0), tmp_path / "texts"
    for place, label in enumerate(('ne"g', HOSTILE.replace("\n", ""))):
        (root / label).mkdir(parents=True)
        for number in range(15):
            encoding = ("utf-8", "utf-16", "cp1252")[number % 3]
            content = (sentences(random, place, 30) + "\r\nend").encode(encoding, "replace")
            (root / label / f"{number}.txt").write_bytes(content)
    run = trained(root, settings={"tokens": tokens, "lower": tokens == "words"})
    assert imported(zipped(run, tmp_path)) == {"model", "numpy", "pandas", "torch"}
    found, expected = files_below(root, predictions(tmp_path, root)), run.predict(root)
    same(found.loc[expected.index], expected)
    (tmp_path / "two.txt").write_text("Good film\n\nAwful film\n", encoding="utf-8")
    (tmp_path / "rows.csv").write_text('x\n"Good, film"\nAwful film\n', encoding="utf-8")
    found = predictions(tmp_path, Path("--lines"), tmp_path / "two.txt", tmp_path / "rows.csv")
    assert found["row"].tolist() == [1, 2, 1, 2, 3]


@pytest.mark.parametrize("options", [{}, {"sep": "\t", "encoding": "utf-16"}, {"sep": ";", "header": False}])
def test_texts_in_a_table(options: dict[str, Any], tmp_path: Path) -> None:
    random, path = np.random.default_rng(0), tmp_path / "reviews.csv"
    texts = [sentences(random, number % 2, 12) + "\nline" * (number % 7 == 0) for number in range(60)]
    rows = pd.DataFrame({'the "text"': texts, "label {x}": [("po's", 'ne"g')[number % 2] for number in range(60)]})
    rows.to_csv(path, index=False, **options)
    run = trained(path)
    zipped(run, tmp_path)
    found, expected = predictions(tmp_path, path), run.predict(path)
    assert found["row"].tolist() == list(range(1, 61)) and len(expected) == 60
    same(found, expected)


@pytest.mark.parametrize("settings", [{"tokens": "words", "lower": True}, {"tokens": "characters", "lower": False}])
def test_a_prompt_is_continued(settings: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "story.txt"
    story = "It was a dark night (or not). The cat, who didn't care, sat; and then: it ran!\n" * 40
    path.write_text(story, encoding="utf-8")
    run = trained(path, settings={**settings, "length": 20})
    text = predict_script.predict_files(run.document, run.model())["predict.py"]
    assert isinstance(text, companions.Script) and text.trial is not None and imported(text) == {"model", "torch"}
    parts(run, tmp_path / "zip", text)
    execute(tmp_path, *text.trial.prepare(tmp_path / "zip"))
    text.trial.check(tmp_path / "zip")
    capsys.readouterr()
    execute(tmp_path, "The cat", "--temperature=0", "--length=6")
    shown = "".join(piece for piece, _ in list(generate_text(run, "The cat", 6, SamplingOptions(0.0)))[-1])
    assert capsys.readouterr().out.rstrip("\n").lower() == shown.rstrip("\n").lower()


def test_masked_tokens_are_predicted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "story.txt"
    path.write_text("It was a dark night (or not). The cat, who didn't care, sat; and then: it ran!\n" * 40)
    name = trainers.add_data(path, settings={"length": 16})
    size = dataset({"name": name}).vocabulary_count
    document = writer(ATTENTION, vocabulary=size + 1, width=size, paradigm={"predicts": "masked_token"})
    document = document.changed(training={**document.training, "data": {"name": name}})
    run = trainers.start(trainers.Job.from_document(document, epochs=1, threads=1))
    assert run.wait() == "finished", run.progress().message
    text = predict_script.predict_files(run.document, run.model())["predict.py"]
    assert isinstance(text, companions.Script) and text.trial is not None and imported(text) == {"model", "torch"}
    parts(run, tmp_path / "zip", text)
    execute(tmp_path, *text.trial.prepare(tmp_path / "zip"))
    text.trial.check(tmp_path / "zip")
    (tmp_path / "zip" / "filled.txt").write_text("It is another one")
    with pytest.raises(NetloomError, match="other tokens"):
        text.trial.check(tmp_path / "zip")
    with pytest.raises(SystemExit):
        execute(tmp_path, "nothing is masked")
    assert "Put <mask> in the place" in capsys.readouterr().err
