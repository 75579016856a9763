"""The pages of a diffusion network: samples while it trains, new ones on the Inspect page."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from pages.parts.paradigms import diffusion
from pages.parts.theme import theme
from tests.pages.trained import button, look, page, store, text, train, widget
from tests.trainers.small_diffusion import small_diffusion
from trainers.paradigms.diffusion.sampling import Samples


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NETLOOM_HOME", str(tmp_path))
    monkeypatch.setattr(theme, "kind", lambda: "light")
    return tmp_path


def test_a_run_shows_its_samples_and_generates_new_ones() -> None:
    document = small_diffusion()
    store(document)
    run = train(document)
    shown = text(page("train"))
    assert "Denoising steps" in shown and "Generated samples" in shown and shown.count("nl-sheet") >= 2
    assert "explained variance" in shown

    test = page("inspect")
    shown = text(test)
    titles = ("Generated samples", "Nearest training samples", "Explained variance by time step")
    assert all(title in shown for title in titles)
    first = set(re.findall(r'<img class="nl-sheet" src="([^"]+)"', shown))
    button(test, "next_seed").click()
    again = text(look(test.run()))
    assert widget(test, "number_input", f"diffusion_seed_{run.id}").value == 1
    second = set(re.findall(r'<img class="nl-sheet" src="([^"]+)"', again))
    assert len(first) == len(second) == 3 and not first & second
    widget(test, "slider", f"diffusion_steps_{run.id}").set_value(1)
    assert "nl-sheet" in text(look(test.run()))


def test_copies_are_counted() -> None:
    images = np.zeros((3, 1, 2, 2), np.float32)
    some = Samples(images[None], images, np.array([0.0, 0.4, 0.6], np.float32))
    assert diffusion.distances(some) == "1 of 3 are copies"
    none = Samples(images[None], images, np.array([0.2, 0.4, 0.6], np.float32))
    assert diffusion.distances(none).startswith("mean distance 0.40")


def test_points_and_curves_are_rendered_too() -> None:
    points = np.random.default_rng(0).normal(size=(20, 5, 2)).astype(np.float32)
    assert diffusion.rows(points).count("<svg") == 5 or diffusion.rows(points).count("nl-plot") == 5
    assert diffusion.grid(points[:, -1], 9)
    curves = np.random.default_rng(0).normal(size=(4, 30)).astype(np.float32)
    assert diffusion.grid(curves, 9) and diffusion.compared({"generated": curves, "nearest": curves})
