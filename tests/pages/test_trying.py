"""“Try it”, permutation importance and raw rows on the Inspect page, without a browser."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

import trainers
from pages.parts.theme import theme
from pages.parts.theme.escaping import escape
from pages.parts.trying.trying import trials
from tests.pages.own_files import images, series, sounds
from tests.pages.own_files import texts as texts_of_classes
from tests.pages.trained import button, chain, look, page, perceptron, store, text, train, widget
from trainers.data import dataset
from trainers.data.own import library
from trainers.runs import predictions
from trainers.runs.predictions import prepared_data, reverted
from trainers.trying.importance import importance
from trainers.trying.nearest import nearest


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NETLOOM_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(theme, "kind", lambda: "light")
    return tmp_path


@pytest.fixture(name="own")
def own_fixture(tmp_path: Path) -> str:
    random = np.random.default_rng(0)
    kind, noise = random.integers(0, 2, 200), random.normal(size=200).round(3)
    rows = pd.DataFrame({"*size*": (kind + random.normal(0, 0.3, 200)).round(3), "noise": noise})
    rows["place"] = [f"place {number}" for number in random.integers(0, 20, 200)]
    rows["colour"] = np.array(["red", "blue", "white"])[random.integers(0, 3, 200)]
    rows["species"] = np.array(["rose", "lily"])[kind]
    rows.to_csv(tmp_path / "plants.csv", index=False)
    return trainers.add_data(tmp_path / "plants.csv", target="species")


def test_a_row_of_ones_own_table(own: str, tmp_path: Path) -> None:
    document = trainers.recommend(own)
    store(document)
    run = trainers.start(trainers.Job.from_document(document, epochs=10))
    run.wait()
    test = page("inspect")
    widget(test, "number_input", f"try_{run.id}_*size*").set_value(1.0)
    widget(test, "selectbox", f"try_{run.id}_colour").set_value("white")
    button(test, "try_row_predict").click()
    look(test.run())
    shares = next(each.value for each in test.dataframe if "probability" in each.value)
    near = next(each.value for each in test.dataframe if "distance" in each.value)
    values = {key: [test.session_state[f"try_{run.id}_{key}"]] for key in ("*size*", "noise", "place", "colour")}
    expected = run.predict(pd.DataFrame(values))
    assert shares["class"][0] == expected["prediction"][0] == "lily"
    np.testing.assert_allclose(shares["probability"][0], expected["probability of lily"][0], rtol=1e-6)
    raw = pd.read_csv(tmp_path / "plants.csv")
    for row in near.itertuples():  # the rows of the file that they say they are
        assert raw["noise"][row.row - 1] == row.noise and raw["species"][row.row - 1] == row.species
    assert "The nearest training samples" in text(test)
    shown = next(each.value for each in test.dataframe if "true class" in each.value and "confidence" in each.value)
    for row in shown.itertuples():  # the samples as they stand in the file
        assert raw["noise"][row.row - 1] == row.noise and raw["place"][row.row - 1] == row.place
    assert any("validation predictions" in each.label for each in test.get("download_button"))
    look(test.run())  # as after a switch of the theme, or the end of another run
    again = next(each.value for each in test.dataframe if "probability" in each.value)
    pd.testing.assert_frame_equal(again, shares)


def test_the_form_begins_with_a_usual_row(tmp_path: Path) -> None:
    """In the file's own units, also where the network gets the logarithm; choices are the most frequent ones."""
    random = np.random.default_rng(0)
    rows = pd.DataFrame({"price": np.exp(random.normal(4, 2, 150)).round(2), "size": random.normal(10, 2, 150)})
    rows["colour"] = np.array(["blue", "red", "white"])[random.choice(3, 150, p=[0.2, 0.6, 0.2])]
    rows["deck"] = np.where(random.random(150) < 0.7, None, np.array(["A", "B"])[random.integers(0, 2, 150)])
    rows["sold"] = np.array(["yes", "no"])[(random.random(150) < 0.8).astype(int)]
    rows["kind"] = np.array(["rose", "lily"])[(rows["price"] > 60).astype(int)]
    rows.to_csv(tmp_path / "shop.csv", index=False)
    name = trainers.add_data(tmp_path / "shop.csv", target="kind")
    stored = library.stored(name)
    price = stored.schema.column("price").model_copy(update={"encoding": "log"})
    library.change(name, stored.schema.changed([price]))
    document = trainers.recommend(name)
    store(document)
    run = trainers.start(trainers.Job.from_document(document, epochs=1))
    run.wait()
    test = page("inspect")
    shown = widget(test, "number_input", f"try_{run.id}_price").value
    assert rows["price"].quantile(0.35) < shown < rows["price"].quantile(0.65)
    chosen = [widget(test, "selectbox", f"try_{run.id}_{key}").value for key in ("colour", "deck", "sold")]
    assert chosen == ["red", None, "no"]


def test_a_choice_may_be_missing_and_rows_are_tried_without_their_file(own: str, tmp_path: Path) -> None:
    rows = pd.read_csv(tmp_path / "plants.csv")
    rows.loc[::9, "colour"] = None
    rows.to_csv(tmp_path / "gaps.csv", index=False)
    document = trainers.recommend(trainers.add_data(tmp_path / "gaps.csv", target="species"))
    store(document)
    run = trainers.start(trainers.Job.from_document(document, epochs=2))
    run.wait()
    (tmp_path / "gaps.csv").unlink()
    shutil.rmtree(tmp_path / "home" / "data" / "own" / "gaps" / "prepared")
    predictions.forget()
    test = page("inspect")
    field = widget(test, "selectbox", f"try_{run.id}_colour")
    assert field.options[-1] == "(missing)" and len(field.options) == 4
    field.select("(missing)")
    widget(test, "number_input", f"try_{run.id}_*size*").set_value(1.0)
    button(test, "try_row_predict").click()
    look(test.run())
    shares = next(each.value for each in test.dataframe if "probability" in each.value)
    values = {key: [test.session_state[f"try_{run.id}_{key}"]] for key in ("*size*", "noise", "place", "colour")}
    expected = run.predict(pd.DataFrame(values))
    assert values["colour"] == [None] and shares["class"][0] == expected["prediction"][0]
    assert "cannot be shown" in text(test) and "not there any more" in text(test)


def test_a_training_sample_is_nearest_to_itself() -> None:
    document = perceptron("iris")
    run = train(document)
    prepared = prepared_data(run)
    raw = reverted(prepared, prepared.training)[0][7:8]
    places, distances, compared, how = nearest(run, (raw,))
    assert compared == len(prepared.training) and "inputs" in how
    assert distances[0] < 1e-5 and (np.diff(distances) >= 0).all()
    np.testing.assert_allclose(reverted(prepared, prepared.training)[0][places[0]], raw[0], rtol=1e-5)


def test_the_column_that_decides_is_the_important_one(own: str) -> None:
    run = trainers.start(trainers.Job.from_document(trainers.recommend(own), epochs=10))
    run.wait()
    steps: list[float] = []
    found = importance(run, steps.append)
    assert found.columns[0] == "*size*" and set(found.columns) == {"*size*", "noise", "place", "colour"}
    assert found.mean[0] > 5 * max(map(abs, found.mean[1:])) and min(found.spread) >= 0
    assert steps == sorted(steps) and steps[-1] == 1 and len(steps) == 20


def test_a_shipped_table_has_a_form_too() -> None:
    document = perceptron("diabetes", 1)
    store(document)
    train(document)
    test = page("inspect")
    button(test, "try_row_predict").click()
    button(test, "measure_importance").click()
    look(test.run())
    table = next(each.value for each in test.dataframe if "loss grows by" in each.value)
    assert len(table) == 10 and (np.diff(table["loss grows by"]) <= 0).all()
    assert any("disease progression" in each.label or each.label == "prediction" for each in test.metric)


def test_a_training_sample_is_nearest_to_itself_by_activations(tmp_path: Path) -> None:
    name = trainers.add_data(images(tmp_path))
    run = trainers.start(trainers.Job.from_document(trainers.recommend(name), epochs=1))
    run.wait()
    prepared, data = prepared_data(run), run.job.dataset
    raw = reverted(prepared, prepared.training)[0][[3]]
    places, distances, _, how = nearest(run, (raw,))
    assert places[0] == 3 and distances[0] < 1e-3 < distances[1] and "activations" in how
    files = data.sample_names(prepared.training.indices)
    encoded = data.encode_files([tmp_path / "images" / files[3]])  # the file that it is called by
    np.testing.assert_allclose(encoded.inputs[0], raw, atol=1e-6)


@pytest.mark.parametrize(("data", "width", "can"), [("digits", 10, True), ("iris", 3, False)])
def test_images_can_be_drawn(data: str, width: int, can: bool) -> None:
    document = chain({"name": data}, flat=("Flatten", {}), last=("Linear", {"out_features": width}))
    store(document)
    train(document)
    assert ("Draw something at the left" in text(page("inspect"))) == can


@pytest.fixture(name="texts")
def texts_fixture(tmp_path: Path) -> str:
    random = np.random.default_rng(0)
    for name in ("good", "bad"):
        (tmp_path / "texts" / name).mkdir(parents=True)
        for number in range(40):
            words = random.choice(["film", "the", "was", "scene", name, name], 30)
            (tmp_path / "texts" / name / f"{number}.txt").write_text(" ".join(words))
    return trainers.add_data(tmp_path / "texts")


def test_a_text_of_ones_own_is_typed(texts: str, tmp_path: Path) -> None:
    document = trainers.recommend(texts)
    store(document)
    run = trainers.start(trainers.Job.from_document(document, epochs=8))
    run.wait()
    test = page("inspect")
    widget(test, "text_area", f"try_text_{run.id}").set_value("the film was bad bad bad")
    look(test.run())
    button(test, "try_text_predict").click()
    look(test.run())
    shares = next(each.value for each in test.dataframe if "probability" in each.value)
    (tmp_path / "typed.txt").write_text("the film was bad bad bad")
    expected = run.predict(tmp_path / "typed.txt")
    assert shares["class"][0] == expected["prediction"].iloc[0] == "bad"
    np.testing.assert_allclose(shares["probability"][0], expected["probability of bad"].iloc[0], rtol=1e-5)
    shown = text(test)
    assert "activations that enter the last layer" in shown and "As the network sees it" in shown
    near = re.findall(r"<b>(\w+)</b><small>(\w+)/\d+\.txt</small>", shown)  # what is true, beside the file
    assert len(near) == 5 and all(true == folder == "bad" for true, folder in near)
    look(test.run())  # as after a switch of the theme, or the end of another run
    assert any("probability" in each.value for each in test.dataframe)
    widget(test, "text_area", f"try_text_{run.id}").set_value("good")
    look(test.run())
    assert not any("probability" in each.value for each in test.dataframe)  # of another text than is seen


def several_files() -> None:
    """Files of samples, one of which is none and one a table of two, as a page."""
    import streamlit as st

    import trainers
    from pages.parts.trying.files import Brought, predict

    texts = {"b/../../one.txt": b"good " * 30, "two.txt": b"bad " * 30, "three.txt": bytes(range(256)) * 4}
    texts["four.csv"] = b"text,n\ngood good good,1\nbad bad bad,2\n"
    run = trainers.open_run(st.session_state["run"])
    predict(run, [Brought(name, text) for name, text in texts.items()], "try_files")


def test_several_files_are_predicted_and_those_left_out_are_named(texts: str) -> None:
    run = trainers.start(trainers.Job.from_document(trainers.recommend(texts), epochs=8))
    run.wait()
    test = AppTest.from_function(several_files, default_timeout=60)
    test.session_state["run"] = run.id
    look(test.run())
    table = test.dataframe[0].value
    assert list(table.index) == ["b/../../one.txt", "two.txt", "four.csv, row 1", "four.csv, row 2"]
    assert list(table["prediction"]) == ["good", "bad", "good", "bad"]
    assert "three.txt: It is no text" in "".join(element.proto.body for element in test.get("html"))


def test_what_has_an_answer_for_each_pixel_or_token_is_not_tried() -> None:
    assert not [kind for kind in trials() if kind().fits(dataset({"name": "tinyshakespeare"}))]
    assert next(kind.title for kind in trials() if kind().fits(dataset({"name": "iris"}))) == "Type a row"


@pytest.mark.parametrize("made", [images, series, sounds, texts_of_classes])
def test_inspect_shows_runs_of_every_kind_of_ones_own_data(made: Any, tmp_path: Path) -> None:
    document = trainers.recommend(trainers.add_data(made(tmp_path)))
    store(document)
    run = trainers.start(trainers.Job.from_document(document, epochs=1))
    assert run.wait() == "finished"
    shown = text(page("inspect"))
    assert "samples" in shown
    names = run.job.dataset.sample_names(prepared_data(run).validation.indices[:1])
    assert names is None or escape(names[0]) in shown
    assert not page("export").exception
