"""The Data page without a browser: what was found, changes with undo, warnings with their clicks, a network from it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

import trainers
from pages.data_page.sections import base as sections
from pages.data_page.ways.base import taken, ways
from pages.parts.theme import theme
from tests.pages.own_files import series, sounds, texts
from tests.pages.trained import ROOT, look, text
from trainers.data import dataset
from trainers.data.own import library
from trainers.data.own.report import baseline

EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NETLOOM_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(theme, "kind", lambda: "light")
    import torch  # noqa: F401  (shapes and checks are there at once when torch is)

    return tmp_path


def table(folder: Path, rows: int = 120) -> Path:
    """A table with a column that repeats another, gaps, a group, and a class."""
    random = np.random.default_rng(0)
    kind = random.integers(0, 2, rows)
    size = (kind + random.normal(0, 0.5, rows)).round(3).astype(str)
    size[::9] = ""
    colour = np.array(["red", "green", "blue"])[random.integers(0, 3, rows)]
    path = folder / "plants.csv"
    frame = {"size": size, "colour": colour, "farbe": np.char.upper(colour), "garden": random.integers(0, 9, rows)}
    pd.DataFrame({**frame, "height": random.normal(5, 2, rows).round(2), "class": np.where(kind, "oak", "elm")}).to_csv(
        path, index=False
    )
    return path


def opened(name: str | None = None) -> AppTest:
    """The Data page, drawn until nothing is being computed any more."""
    test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    test.switch_page(str(ROOT / "pages" / "data.py"))
    if name:
        test.query_params["data"] = name
    return settled(test)


def settled(changed: Any) -> AppTest:
    """The page (or one of its widgets, just changed) drawn until nothing is being computed any more."""
    test: AppTest = look(changed.run())
    for _ in range(100):
        drawn = [str(item.proto.body) for item in test.get("html")]
        if not any("nl-waiting" in body for body in drawn if "<style" not in body):
            return test
        time.sleep(0.1)
        look(test.run())
    raise AssertionError("the page is not drawn in time")


def path_field(test: AppTest) -> Any:
    return next(field for field in test.text_input if field.label.startswith("A file or folder"))


def roles(name: str) -> dict[str, str]:
    return {column.name: column.role for column in library.stored(name).schema.columns}


def test_without_data_it_says_what_can_be_dropped() -> None:
    shown = text(opened())
    assert "Bring data of your own" in shown and "CSV" in shown and "None yet" in shown


def test_a_table_is_shown_with_columns_split_network_and_rows(tmp_path: Path) -> None:
    name = trainers.add_data(table(tmp_path))
    shown = text(opened(name))
    for words in ("plants.csv", "120 rows", "6 columns", "says the same as colour", "training 84", "test 12"):
        assert words in shown, words
    for words in ("A network that fits", "Linear 32 · ReLU", "as the network sees them", "the median"):
        assert words in shown, words


def test_a_warnings_click_changes_the_data_and_is_undone(tmp_path: Path) -> None:
    name = trainers.add_data(table(tmp_path))
    test = opened(name)
    button = next(button for button in test.button if button.label == "Ignore farbe")
    settled(button.click())
    assert roles(name)["farbe"] == "ignored" and library.stored(name).schema.version == 2
    assert "Ignore farbe" not in [button.label for button in test.button]
    settled(test.button(key="data_undo").click())
    assert roles(name)["farbe"] == "input" and library.stored(name).schema.version == 3
    settled(test.button(key="data_redo").click())
    assert roles(name)["farbe"] == "ignored"


def test_every_choice_of_a_column_acts_at_once(tmp_path: Path) -> None:
    name = trainers.add_data(table(tmp_path))
    test = opened(name)
    settled(test.button(key="column_toggle_4").click())  # height
    choice = {box.label: box for box in test.selectbox}
    settled(choice["used as"].select("log"))
    assert library.stored(name).schema.column("height").encoding == "log"
    settled({box.label: box for box in test.selectbox}["role"].select("target"))
    assert roles(name)["height"] == "target" and roles(name)["class"] == "input"
    assert library.stored(name).schema.task == "regression"
    settled({box.label: box for box in test.selectbox}["missing values"].select("zero"))
    assert library.stored(name).schema.column("height").missing == "zero"
    settled({box.label: box for box in test.selectbox}["type"].select("date"))  # refused, and said
    assert library.stored(name).schema.column("height").type == "number"
    assert "cannot be of the type date" in text(test)


def test_the_split_is_changed(tmp_path: Path) -> None:
    name = trainers.add_data(table(tmp_path))
    test = opened(name)
    split = next(box for box in test.selectbox if box.label == "Split")
    settled(split.select("group:garden"))
    assert roles(name)["garden"] == "group" and library.stored(name).schema.splitting.how == "group"
    assert "rows of one garden stay together" in text(test)


def test_a_network_is_started_as_a_document_of_its_own(tmp_path: Path) -> None:
    name = trainers.add_data(table(tmp_path))
    test = opened(name)
    test.button(key="data_start").click().run()
    session = test.session_state["netloom"]
    assert session.document.training["data"]["name"] == name
    assert not [problem for problem in trainers.check(session.document) if problem.severity == "error"]


def test_the_open_network_is_bound_and_says_what_must_change(tmp_path: Path) -> None:
    name = trainers.add_data(table(tmp_path))
    test = opened(name)
    settled(test.button(key="data_use").click())
    session = test.session_state["netloom"]
    assert session.document.training["data"]["name"] == name
    shown = text(test)
    assert "The open network" in shown and "must change before it can be trained" in shown
    settled(test.button(key="data_open_undo").click())
    assert session.document.training["data"]["name"] != name


def test_names_of_users_stay_text(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f'"{EVIL}",":red[b] **c**",class\n' + "1,2,x\n3,4,y\n1,2,y\n3,5,x\n" * 20)
    name = trainers.add_data(tmp_path / "a.csv", title=f"{EVIL}.csv")
    test = opened(name)
    assert "<img" not in text(test)
    settled(test.button(key="column_toggle_1").click())
    assert "<img" not in text(test)
    assert not any(":red[b]" in button.label for button in test.button)


def test_a_table_without_an_input_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("answer,class\n" + "1,x\n3,y\n" * 20)
    name = trainers.add_data(tmp_path / "a.csv", roles={"answer": "ignored"})
    test = opened(name)
    assert "Give a column the role input" in text(test) and test.button(key="data_start").disabled


def test_images_without_labels_are_shown_and_not_called_fine(tmp_path: Path) -> None:
    (tmp_path / "loose").mkdir()
    for number in range(3):
        Image.new("RGB", (12, 12), (80 * number, 0, 0)).save(tmp_path / "loose" / f"{number}.png")
    test = opened(trainers.add_data(tmp_path / "loose"))
    drawn = " ".join(str(item.proto.body) for item in test.get("html"))
    assert drawn.count("data:image/png") == 3 and "have no labels" in drawn and "Nothing looks wrong" not in drawn
    assert "3 images" in drawn and library.stored("own/loose").schema.counted(1) == "1 image"


def test_the_baseline_stands_beside_the_split_and_is_kept(tmp_path: Path) -> None:
    name = trainers.add_data(table(tmp_path))
    shown = text(opened(name))
    assert "Baseline (accuracy on the same 12 test samples): gradient boosting" in shown
    assert "always the larger class" in shown and "by chance" in shown
    found = baseline(library.stored(name))
    assert found is not None and found.trained_on == 84
    place = library.stored(name).folder / "baseline.json"
    place.write_text(place.read_text().replace(f'"score": {found.score}', '"score": 0.125'))
    again = baseline(library.stored(name))
    assert again is not None and again.score == 0.125  # from the file
    library.change(
        name,
        library.stored(name).schema.changed(
            [library.stored(name).schema.column("size").model_copy(update={"encoding": "log"})]
        ),
    )
    other = baseline(library.stored(name))
    assert other is not None and other.score != 0.125  # of another schema


def test_it_is_renamed_and_documents_find_it(tmp_path: Path) -> None:
    name = trainers.add_data(table(tmp_path))
    test = opened(name)
    field = next(field for field in test.text_input if field.label == "name")
    settled(field.set_value("Trees!"))
    assert "cannot be the name of a data set" in text(test) and library.names() == ["plants"]
    field = next(field for field in test.text_input if field.label == "name")
    settled(field.set_value("trees"))
    assert library.names() == ["trees"] and library.stored(name).name == "trees"
    assert dataset({"name": name}).samples == dataset({"name": "own/trees"}).samples == 120
    assert trainers.add_data(table(tmp_path)) == "own/plants_2"  # the old name stays its name
    library.rename("trees", "plants")
    assert library.names() == ["plants", "plants_2"] and library.stored("own/trees").name == "plants"


def test_a_changed_file_is_read_again_beside_the_version_before(tmp_path: Path) -> None:
    path = table(tmp_path)
    name = trainers.add_data(path, roles={"garden": "group"})
    before = dataset({"name": name}).load()
    frame = pd.read_csv(path)
    frame = frame.assign(leaf=np.arange(len(frame)) % 7 + 0.5).drop(columns="farbe").iloc[:100]
    frame["height"] = np.where(np.arange(100) % 2, "high", "low")
    frame.to_csv(path, index=False)
    test = opened(name)
    assert "has changed" in text(test)
    settled(test.button(key="data_again").click())
    shown = text(test)
    for words in ("20 rows fewer (100)", "1 new column: leaf", "1 column less: farbe", "height was number and is"):
        assert words in shown, words
    found = library.stored(name)
    assert found.schema.version == 2 and roles(name)["garden"] == "group" and roles(name)["class"] == "target"
    assert len(dataset({"name": name}).load().targets) == 100
    old = dataset({"name": f"{name}@1"}).load()
    assert np.array_equal(old.inputs[0], before.inputs[0], equal_nan=True)


@pytest.mark.parametrize("copy", [True, False])
def test_a_newer_copy_becomes_the_next_version(tmp_path: Path, copy: bool) -> None:
    path = table(tmp_path)
    name = trainers.add_data(path, roles={"garden": "group"}, copy=copy)
    before = dataset({"name": name}).load()
    newer = tmp_path / "newer" / path.name
    newer.parent.mkdir()
    pd.read_csv(path).iloc[:90].to_csv(newer, index=False)
    later = trainers.add_data(newer, copy=copy)
    assert not any(button.key == "data_take_version" for button in opened(name).button)  # the first one came first
    test = opened(later)
    assert "<b>plants</b> came from a file with the same name (plants.csv)." in text(test)
    settled(test.button(key="data_take_version").click())
    assert "30 rows fewer (90)" in text(test) and test.query_params["data"] in (name, [name])
    assert library.names() == ["plants"] and library.stored(later).name == "plants"
    found = library.stored(name)
    assert found.schema.version == 2 and roles(name)["garden"] == "group"
    assert len(dataset({"name": name}).load().targets) == 90
    assert np.array_equal(dataset({"name": f"{name}@1"}).load().inputs[0], before.inputs[0], equal_nan=True)


def test_it_is_removed_and_brought_back(tmp_path: Path) -> None:
    other = trainers.add_data(series(tmp_path))
    name = trainers.add_data(table(tmp_path))
    test = opened(name)
    test.session_state["netloom"].data.report = "plants.csv was read again."
    settled(test.button(key="data_remove").click())
    assert library.names() == [library.stored(other).name] and "is removed" in text(test)
    # what is offered now is about the data set that is shown now
    assert next(field for field in test.text_input if field.label == "name").value == library.stored(other).name
    assert "was read again" not in text(test)
    settled(test.button(key="data_restore").click())
    assert "plants" in library.names() and "plants.csv" in text(test)


def test_a_path_is_read_where_it_lies_and_a_wrong_one_is_refused(tmp_path: Path) -> None:
    path = table(tmp_path)
    test = opened()
    test.session_state["data_way"] = "path"
    settled(test)
    settled(path_field(test).set_value(str(tmp_path / "none.csv")))
    assert "There is no file or folder" in text(test)
    settled(path_field(test).set_value(str(path)))
    for _ in range(100):
        if library.names():
            break
        time.sleep(0.1)
    time.sleep(0.2)
    settled(test)
    assert library.stored("plants").source.path == str(path)
    assert "plants.csv" in text(settled(test))


def test_many_columns_are_shown_page_by_page(tmp_path: Path) -> None:
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 60)).round(2), columns=[f"c{n}" for n in range(60)])
    frame.to_csv(tmp_path / "wide.csv", index=False)
    name = trainers.add_data(tmp_path / "wide.csv")
    test = opened(name)
    assert len([button for button in test.button if button.label.startswith("Change c")]) == 25
    settled(test.text_input(key="columns_search").set_value("c5"))
    assert [b.label for b in test.button if b.label.startswith("Change c")][:2] == ["Change c5", "Change c50"]


def test_a_callback_that_comes_twice_adds_a_file_once() -> None:
    session = opened().session_state["netloom"]
    number = session.generations.get("data_files", 0)
    assert taken(session, "data_files", number) and not taken(session, "data_files", number)
    assert taken(session, "data_files", number + 1)  # the next file


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (sounds, ("Sounds by class", "high&lt;b&gt;</b> 12 recordings", "nl-spectrogram")),
        (texts, ("bad&lt;b&gt;</b> 12 texts", "&lt;script&gt;0&lt;/script&gt; it was", "Lengths", "at random, cl")),
        (series, ("Over time", "heat</b> forecast", "wind&lt;b&gt;</b>")),
    ],
)
def test_sounds_texts_and_series_are_shown(made: Any, said: tuple[str, ...], tmp_path: Path) -> None:
    html = "".join(element.proto.body for element in opened(trainers.add_data(made(tmp_path))).get("html"))
    assert not [words for words in said if words not in html]
    assert "<script>" not in html


def test_views_and_ways_are_found_by_themselves() -> None:
    assert "Columns" in sections.views()
    assert [way.name for way in ways()][:2] == ["files", "folder"]
