"""Language models on the pages: sample texts, a prompt of one's own, surprise, attention, the gradient through time."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pages.parts.paradigms.language import generated_text, token_loss
from pages.parts.predictions import attention
from pages.parts.theme import theme
from pages.parts.training import through_time
from pages.parts.training.run_data import Moments
from tests.pages.trained import button, look, page, store, text, train, widget
from tests.trainers.written import ATTENTION, CAUSAL, writer
from trainers.events import Text
from trainers.paradigms.language.analysis import Surprise


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NETLOOM_HOME", str(tmp_path))
    monkeypatch.setattr(theme, "kind", lambda: "light")
    return tmp_path


def test_a_run_shows_what_it_writes_and_how_it_remembers() -> None:
    document = writer(epochs=2)
    store(document)
    train(document)
    shown = text(page("train"))
    assert "What it writes" in shown and "nl-mark-new" in shown
    assert "Gradient through time" in shown


def test_a_prompt_is_continued_and_strange_characters_are_named() -> None:
    document = writer(CAUSAL)
    store(document)
    run = train(document)
    test = page("inspect")
    widget(test, "text_area", f"prompt_{run.id}").set_value("class <b>")
    widget(test, "number_input", "writing_length").set_value(20)
    button(test, "write").click()
    shown = text(look(test.run()))
    assert '<span class="nl-mark-given">class &lt;b&gt;</span>' in shown and "nl-mark-new" in shown
    assert "Attention" in shown and "nats a token" in shown
    widget(test, "text_area", f"prompt_{run.id}").set_value("é")
    button(test, "write").click()
    assert "never seen" in text(look(test.run()))
    widget(test, "text_input", f"surprise_text_{run.id}").set_value("ünd")
    widget(test, "text_input", f"attention_text_{run.id}").set_value("import")
    widget(test, "selectbox", f"attention_looks_{run.id}").set_value(2)
    assert "never seen" in text(look(test.run()))


def test_masks_are_guessed() -> None:
    document = writer(ATTENTION, vocabulary=98, paradigm={"predicts": "masked_token"})
    store(document)
    run = train(document)
    test = page("inspect")
    assert "Guess what is hidden" in text(test)
    button(test, "write").click()
    assert "nl-mark-new" in text(look(test.run()))
    widget(test, "text_area", f"prompt_{run.id}").set_value("no mask")
    button(test, "write").click()
    assert "where the network should guess" in text(look(test.run()))


@pytest.mark.parametrize("count", [1, 2, 11, 12, 40])
def test_of_many_samples_some_are_shown_the_newest_first(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []
    monkeypatch.setattr(generated_text.st, "html", drawn.append)
    texts = [Text(step, (("ROMEO:", "given"), ("ay", "new"))) for step in range(count)]
    generated_text.live(SimpleNamespace(texts=texts))  # type: ignore[arg-type]
    steps = [int(step) for step in re.findall(r"step (\d+)", drawn[-1])]
    assert steps[0] == count - 1 and steps[-1] == 0 and len(steps) == min(count, generated_text.SHOWN)
    assert steps == sorted(steps, reverse=True)


def test_text_is_escaped_everywhere() -> None:
    evil = "<img src=x onerror=alert(1)>"
    assert "<img" not in generated_text.marked(((evil, "given"), (evil, "new")))
    assert "<img" not in token_loss._token(Surprise(evil, 0.1, ((evil, 0.5),)))
    figure = attention.map_figure(np.full((2, 2), 0.5), (evil, "a"), (evil, "<pad>"), "state")
    assert "<img" not in figure.to_json() and np.asarray(figure.data[0].z).shape == (2, 1)


def test_the_curve_has_a_log_axis_and_keeps_zeros_off_it() -> None:
    values = {str(back): np.full((1, 12), 10.0**-back if back < 30 else 0.0) for back in range(40)}
    figure = through_time.figure(Moments(("memory",), np.arange(12), values), "state")
    assert figure.layout.yaxis.type == "log"
    assert all((np.asarray(trace.y) > 0).all() for trace in figure.data) and len(figure.data) == 2
