"""The samples on the Build page: shown for every kind of data, loaded in the background, downloaded on request."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pooch
import pytest
from streamlit.testing.v1 import AppTest

import trainers
from pages.parts.data import data_loading, sample_images
from pages.parts.document import session as sessions
from trainers.data import DATASETS, dataset
from trainers.data.preview import take
from trainers.data.scaling import Standardisation

ROOT = Path(__file__).parents[2]
MIRROR = Path(os.environ.get("NETLOOM_DATA") or ROOT.parent / "shared" / "data")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NETLOOM_HOME", str(tmp_path))
    monkeypatch.setenv("NETLOOM_DATA", str(tmp_path / "mirror"))
    import torch  # noqa: F401  (the page draws shapes at once when torch is there)

    return tmp_path


def opened(home: Path, **data: Any) -> AppTest:
    """The Build page with a document that learns from a data set."""
    nodes = [{"name": "sample", "type": "Input", "params": {}}, {"name": "answer", "type": "Output", "params": {}}]
    document = {
        "format": "netloom/2", "name": "Preview", "nodes": nodes, "edges": [{"source": "sample", "target": "answer"}],
        "training": {"data": data, "paradigm": {"name": "supervised"}},
    }  # fmt: skip
    (home / "documents").mkdir(exist_ok=True)
    name = uuid.uuid4().hex
    (home / "documents" / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
    test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    test.query_params["document"] = name
    test.run()
    assert not test.exception
    return test


def until(test: AppTest, found: Callable[[], bool]) -> None:
    """Draw the page again until the samples are loaded."""
    deadline = time.monotonic() + 30
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.1)
        test.run()
        assert not test.exception


def page_html(test: AppTest) -> str:
    return " ".join(str(item.proto.body) for item in test.get("html"))


@pytest.mark.parametrize(
    ("data", "sign"),
    [
        ({"name": "digits"}, "nl-samples"),
        ({"name": "digit_pairs"}, "nl-wide"),
        ({"name": "shapes_to_segment", "samples": 30}, "triangle"),
        ({"name": "shapes_present", "samples": 30}, "nl-samples"),
        ({"name": "spiral"}, "nl-plot"),
        ({"name": "lorenz", "samples": 300}, "nl-plot"),
        ({"name": "symbol_memory"}, "nl-spectrogram"),
        ({"name": "adding"}, "nl-plot"),
        ({"name": "python_reference"}, "nl-tokens"),
    ],
)
def test_every_kind_of_data_is_drawn(home: Path, data: dict[str, Any], sign: str) -> None:
    test = opened(home, **data)
    until(test, lambda: sign in page_html(test))
    assert "licence: " in page_html(test)


def test_a_table_is_a_table(home: Path) -> None:
    test = opened(home, name="iris")
    until(test, lambda: len(test.dataframe) == 1)
    assert list(test.dataframe[0].value.columns)[:2] == ["class", "sepal length (cm)"]


def test_the_classes_of_a_table_of_ones_own_are_called_by_their_column(home: Path, tmp_path: Path) -> None:
    rows = pd.DataFrame({"size": range(40), "species": ["rose", "lily"] * 20})
    rows.to_csv(tmp_path / "plants.csv", index=False)
    test = opened(home, name=trainers.add_data(tmp_path / "plants.csv"))
    until(test, lambda: len(test.dataframe) == 1)
    assert list(test.dataframe[0].value.columns) == ["species", "size"]
    assert "licence: " not in page_html(test)


@pytest.mark.skipif(not (MIRROR / "fsdd").is_dir(), reason="no mirror: set NETLOOM_DATA to a folder with fsdd/")
@pytest.mark.parametrize("name", ["fsdd", "fsdd_waveform"])
def test_a_sound_can_be_heard(home: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETLOOM_DATA", str(MIRROR))
    test = opened(home, name=name)
    until(test, lambda: len(test.get("audio")) == 3)
    assert ("nl-spectrogram" if name == "fsdd" else "nl-plot") in page_html(test)


def test_a_missing_data_set_is_downloaded_on_request_and_an_error_is_reported(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(*_: Any, **__: Any) -> None:
        raise ConnectionError("Name or service not known")

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", no_network)
    monkeypatch.setattr(data_loading, "_downloads", {})
    test = opened(home, name="cifar10")
    (download,) = [item for item in test.button if item.key == "preview_download"]
    assert "170 MB" in download.label
    download.click().run()
    until(test, lambda: any("no connection to the server" in item.value for item in test.markdown))
    assert [item for item in test.button if item.key == "preview_download"]


def test_augmentation_is_added_changed_drawn_and_removed(home: Path) -> None:
    test = opened(home, name="digits")
    until(test, lambda: "nl-samples" in page_html(test))

    def listed() -> Any:
        session: sessions.Session = test.session_state["netloom"]
        return session.document.training["data"].get("augmentation")

    def adding() -> Any:
        return next(item for item in test.selectbox if "augment.add" in str(item.key))

    adding().select("RandomCrop").run()
    adding().select("AdditiveNoise").run()
    assert listed() == [{"name": "RandomCrop"}, {"name": "AdditiveNoise"}] and not test.exception
    padding = next(item for item in test.number_input if "augment.0.RandomCrop.padding" in str(item.key))
    padding.set_value(1).run()
    assert listed()[0] == {"name": "RandomCrop", "padding": 1}
    before = page_html(test)
    next(item for item in test.toggle if item.key == "preview_augmented").set_value(True).run()
    augmented = page_html(test)
    assert not test.exception and augmented != before
    next(item for item in test.button if item.key == "preview_next_version").click().run()
    assert not test.exception and page_html(test) not in (before, augmented)
    next(item for item in test.button if item.key == "build_unaugment_0").click().run()
    assert listed() == [{"name": "AdditiveNoise"}]


def test_a_wrong_augmentation_in_a_document_is_reported(home: Path) -> None:
    test = opened(home, name="digits", augmentation=["RandomCrap"])
    assert any("RandomCrap" in item.value for item in test.markdown)


def test_an_excerpt_has_every_class_first_and_keeps_little() -> None:
    found = take(dataset({"name": "digits"}), 24)
    assert list(found.targets[:10]) == list(range(10)) and len(found.indices) == 24
    assert found.inputs[0].base is None and found.inputs[0].shape == (24, 1, 8, 8)
    assert isinstance(found.figures[0], Standardisation)
    drive = take(dataset({"name": "lorenz", "samples": 200}), 5)
    assert list(drive.indices) == [0, 49, 99, 149, 199]


def test_the_text_of_others_is_never_markup() -> None:
    bad = '<img src=x onerror="alert(1)">'
    for made in (sample_images.figure([], bad), sample_images.legend([bad]), sample_images.text([bad], " ")):
        assert "<img" not in made and "&lt;img" in made
    assert sample_images.text(["a", "\n", " "], "") == '<div class="nl-tokens"><span>a</span><span>↵</span><span>&nbsp;</span></div>'  # fmt: skip  # noqa: E501


def test_an_image_without_contrast_is_drawn() -> None:
    address = sample_images.png(np.zeros((1, 4, 4)), 0.0, 0.0, np.eye(4, dtype=np.int64))
    assert address.startswith("data:image/png;base64,")
    assert sample_images.curves(np.zeros((5, 2)), np.zeros((2, 1)), [1]).startswith('<img class="nl-plot"')


def test_every_data_set_says_how_large_its_download_is_where_that_is_known() -> None:
    for name, entry in DATASETS.items():
        if entry.downloaded:
            assert data_loading.size(dataset({"name": name})) >= 0
    assert data_loading.size(dataset({"name": "cifar10"})) == 170_052_171
