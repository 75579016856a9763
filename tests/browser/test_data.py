"""Data of one's own in a real browser: a file is dropped, its target changed, a network started, trained, inspected."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.browser.canvas_page import FRAME, TIMEOUT

pytestmark = pytest.mark.browser


@pytest.fixture
def flowers(tmp_path: Path) -> Path:
    """A table whose last column is guessed as the target, and whose class can be learned as well."""
    random = np.random.default_rng(0)
    kind = random.integers(0, 2, 300)
    rows = {
        "length": (kind + random.normal(0, 0.4, 300)).round(2),
        "colour": np.array(["red", "blue", "white"])[random.integers(0, 3, 300)],
        "flower": np.where(kind, "rose", "lily"),
        "weight": (3 * kind + random.normal(5, 1, 300)).round(2),
    }
    path = tmp_path / "flowers.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def predicted_row(page: Any) -> str:
    """What Inspect predicts for a row that is typed."""
    page.get_by_text("Try it: a sample of your own").click()
    form = page.locator(".st-key-try_it form, .st-key-try_it [data-testid=stForm]").first
    for name, value in (("length", "2.5"), ("weight", "9.5")):
        form.get_by_label(name, exact=True).fill(value)
    page.locator(".st-key-try_row_predict button").click()
    metric = page.locator(".st-key-try_it [data-testid=stMetricValue]").first
    metric.wait_for(timeout=TIMEOUT)
    return str(metric.inner_text()).strip()


def test_from_a_file_to_a_script_that_predicts(app: Any, open_page: Any, flowers: Path, tmp_path: Path) -> None:
    page = open_page()
    page.goto(f"{app.url}/data")
    page.locator(".st-key-drop_data_files input[type=file]").set_input_files(str(flowers))
    page.locator(".nl-data-title b", has_text="flowers.csv").wait_for(timeout=TIMEOUT)
    page.locator(".nl-chain").wait_for(timeout=TIMEOUT)

    # another target: the row opens, and its role is changed
    page.get_by_role("button", name="Change flower", exact=True).click()
    page.locator("[class*=st-key-column_editor_]").get_by_label("role").click()
    page.get_by_role("option", name="target: the network predicts it").click()
    page.locator(".nl-role-target").and_(page.get_by_text("target", exact=True)).first.wait_for()
    page.get_by_text("always the larger class").wait_for(timeout=TIMEOUT)

    page.get_by_role("button", name="Start a network", exact=True).click()
    page.frame_locator(FRAME).locator(".react-flow__node").first.wait_for(timeout=TIMEOUT)
    page.get_by_role("button", name="Train", exact=True).click()
    page.get_by_role("button", name="Start", exact=True).click(timeout=TIMEOUT)
    page.get_by_text("Test accuracy").first.wait_for(timeout=3 * TIMEOUT)
    page.get_by_role("link", name="Inspect").click()
    page.locator(".st-key-card_confusion .js-plotly-plot").wait_for(timeout=TIMEOUT)
    page.get_by_text("samples are correct").first.wait_for()
    shown = predicted_row(page)

    page.get_by_role("link", name="Export").click()
    page.locator(".st-key-prepare_zip button").first.click()
    with page.expect_download(timeout=120_000) as waiting:
        page.locator(".st-key-download_zip button").first.click(timeout=120_000)
    waiting.value.save_as(tmp_path / "all.zip")
    zipfile.ZipFile(tmp_path / "all.zip").extractall(tmp_path / "zip")
    pd.DataFrame({"length": [2.5], "colour": ["red"], "weight": [9.5]}).to_csv(tmp_path / "new.csv", index=False)
    command = [sys.executable, "predict.py", str(tmp_path / "new.csv")]
    done = subprocess.run(command, cwd=tmp_path / "zip", capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert pd.read_csv(tmp_path / "zip" / "predictions.csv")["prediction"].tolist() == [shown]
