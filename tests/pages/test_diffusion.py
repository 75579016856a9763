"""Diffusion on the pages: pictures growing while it trains, new ones on the Inspect page, its export."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from pages.parts.paradigms import diffusion
from pages.parts.theme import theme
from tests.pages.trained import button, look, page, store, text, train, widget
from tests.trainers.denoised import denoiser
from trainers.paradigms.diffusion.sampling import Drawn


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NETLOOM_HOME", str(tmp_path))
    monkeypatch.setattr(theme, "kind", lambda: "light")
    return tmp_path


def test_a_run_shows_what_it_draws_and_draws_anew() -> None:
    document = denoiser()
    store(document)
    run = train(document)
    shown = text(page("train"))
    assert "Out of noise" in shown and "What it draws" in shown and shown.count("nl-sheet") >= 2
    assert "noise explained" in shown

    test = page("inspect")
    shown = text(test)
    assert "Draw new pictures" in shown and "Does it copy?" in shown and "How much of the noise it tells" in shown
    first = set(re.findall(r'<img class="nl-sheet" src="([^"]+)"', shown))
    button(test, "draw").click()
    again = text(look(test.run()))
    assert widget(test, "number_input", f"diffusion_seed_{run.id}").value == 1
    second = set(re.findall(r'<img class="nl-sheet" src="([^"]+)"', again))
    assert len(first) == len(second) == 3 and not first & second
    widget(test, "slider", f"diffusion_steps_{run.id}").set_value(1)
    assert "nl-sheet" in text(look(test.run()))


def test_copies_are_counted() -> None:
    pictures = np.zeros((3, 1, 2, 2), np.float32)
    some = Drawn(pictures[None], pictures, np.array([0.0, 0.4, 0.6], np.float32))
    assert diffusion.closeness(some) == "1 of 3 are copies"
    none = Drawn(pictures[None], pictures, np.array([0.2, 0.4, 0.6], np.float32))
    assert diffusion.closeness(none).startswith("mean distance 0.40")


def test_samples_that_are_no_pictures_are_drawn_too() -> None:
    points = np.random.default_rng(0).normal(size=(20, 5, 2)).astype(np.float32)
    assert diffusion.rows(points).count("<svg") == 5 or diffusion.rows(points).count("nl-plot") == 5
    assert diffusion.sheet(points[:, -1], 9)
    curves = np.random.default_rng(0).normal(size=(4, 30)).astype(np.float32)
    assert diffusion.sheet(curves, 9) and diffusion.compared({"drawn": curves, "like": curves})
