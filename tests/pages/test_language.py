"""Language models on the pages: sample texts, prompts, per-token loss, attention, the gradient through time."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import plotly.graph_objects as go
import pytest

from pages.parts.paradigms.language import text as language_text
from pages.parts.predictions import attention
from pages.parts.theme import theme
from pages.parts.training import gradients
from pages.parts.training.run_data import ProbeTable
from tests.pages.trained import button, look, page, store, text, train, widget
from tests.trainers.written import ATTENTION, CAUSAL, writer
from trainers.events import Text
from trainers.paradigms.language.analysis import TokenLoss


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NETLOOM_HOME", str(tmp_path))
    monkeypatch.setattr(theme, "kind", lambda: "light")
    return tmp_path


def test_a_run_shows_generated_text_and_the_gradient_through_time() -> None:
    document = writer(epochs=2)
    store(document)
    train(document)
    shown = text(page("train"))
    assert "Generated text" in shown and "nl-mark-new" in shown
    assert "Gradient through time" in shown


def test_a_prompt_is_continued_and_unknown_characters_are_named() -> None:
    document = writer(CAUSAL)
    store(document)
    run = train(document)
    test = page("inspect")
    widget(test, "text_area", f"prompt_{run.id}").set_value("class <b>")
    widget(test, "number_input", "generation_length").set_value(20)
    button(test, "generate").click()
    shown = text(look(test.run()))
    assert '<span class="nl-mark-given">class &lt;b&gt;</span>' in shown and "nl-mark-new" in shown
    assert "Attention" in shown and "nats per token" in shown
    widget(test, "text_area", f"prompt_{run.id}").set_value("é")
    button(test, "generate").click()
    assert "does not have the characters" in text(look(test.run()))
    widget(test, "text_input", f"token_loss_text_{run.id}").set_value("ünd")
    widget(test, "text_input", f"attention_text_{run.id}").set_value("import")
    widget(test, "selectbox", f"attention_map_{run.id}").set_value(2)
    assert "does not have the characters" in text(look(test.run()))


def test_masked_tokens_are_predicted() -> None:
    document = writer(ATTENTION, vocabulary=98, paradigm={"predicts": "masked_token"})
    store(document)
    run = train(document)
    test = page("inspect")
    assert "Predict masked tokens" in text(test)
    button(test, "generate").click()
    assert "nl-mark-new" in text(look(test.run()))
    widget(test, "text_area", f"prompt_{run.id}").set_value("no mask")
    button(test, "generate").click()
    assert "in the place of each token" in text(look(test.run()))


@pytest.mark.parametrize("count", [1, 2, 11, 12, 40])
def test_of_many_samples_some_are_shown_the_newest_first(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr(language_text.st, "html", shown.append)
    texts = [Text(step, (("ROMEO:", "given"), ("ay", "new"))) for step in range(count)]
    language_text.generated_text(SimpleNamespace(texts=texts))  # type: ignore[arg-type]
    steps = [int(step) for step in re.findall(r"step (\d+)", shown[-1])]
    assert steps[0] == count - 1 and steps[-1] == 0 and len(steps) == min(count, language_text.SHOWN)
    assert steps == sorted(steps, reverse=True)


def test_text_is_escaped_everywhere() -> None:
    evil = "<img src=x onerror=alert(1)>"
    assert "<img" not in language_text.marked(((evil, "given"), (evil, "new")))
    assert "<img" not in language_text._token(TokenLoss(evil, 0.1, ((evil, 0.5),)))
    figure = attention.map_figure(np.full((2, 2), 0.5), (evil, "a"), (evil, "<pad>"), "state")
    assert "<img" not in figure.to_json() and np.asarray(figure.data[0].z).shape == (2, 1)


def test_the_curve_has_a_log_axis_and_keeps_zeros_off_it() -> None:
    values = {str(back): np.full((1, 12), 10.0**-back if back < 30 else 0.0) for back in range(40)}
    made = gradients.through_time_figure(ProbeTable(("memory",), np.arange(12), values), "state")
    figure = go.Figure(made["data"], made["layout"])
    assert figure.layout.yaxis.type == "log"
    assert all((np.asarray(trace.y) > 0).all() for trace in figure.data) and len(figure.data) == 2
