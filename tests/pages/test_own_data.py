"""Tables of one's own on the pages: chosen like any data set; names and cells of the file are users' text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import trainers
from pages.parts.theme import theme
from tests.pages.trained import page, store, text, train
from trainers.runs.run import Run

EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NETLOOM_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(theme, "kind", lambda: "light")
    return tmp_path


@pytest.fixture(name="name")
def name_fixture(tmp_path: Path) -> str:
    """A table with gaps, a category with many values, and a class and a column with markup in their names."""
    random = np.random.default_rng(0)
    kind = random.integers(0, 2, 120)
    size = (kind + random.normal(0, 0.2, 120)).round(3).astype(str)
    size[::9] = ""
    rows = {
        f"size {EVIL}": size,
        "place": [f"place {number}" for number in random.integers(0, 20, 120)],
        "class": np.array(["plain", EVIL])[kind],
    }
    path = tmp_path / "![x](http://evil).csv"
    pd.DataFrame(rows).to_csv(tmp_path / "plain.csv", index=False)
    (tmp_path / "plain.csv").rename(tmp_path / "evil.csv")
    return trainers.add_data(tmp_path / "evil.csv", title=path.name.replace("/", ""))


def test_it_is_on_every_page(name: str) -> None:
    document = trainers.recommend(name)
    store(document)
    for address in ("build", "train", "inspect", "export", "runs"):
        test = page(address)
        assert "![x]" not in text(test) and "<img" not in text(test)
    run = train(document)
    assert isinstance(run, Run) or run is None
    for address in ("build", "train", "inspect", "export", "runs"):
        test = page(address)
        assert not test.exception and "<img src=x" not in text(test)
    assert "samples are correct" in text(page("inspect"))
    assert "trains the network again, and predict.py" in text(page("export"))
    trainers.remove_data(name)
    assert "Also predict.py" in text(page("export"))  # train.py would have no data
