"""A language model in a real browser: it generates text while it trains, and continues a prompt afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.canvas_page import TIMEOUT, store
from tests.trainers.written import CAUSAL, writer

pytestmark = pytest.mark.browser


def test_it_generates_text_while_it_trains_and_afterwards(app: Any, open_page: Callable[..., Any]) -> None:
    document = store(app.home, writer(CAUSAL, epochs=2).model_dump(mode="json"))
    page = open_page()
    page.goto(f"{app.url}/train?document={document}")
    page.get_by_role("button", name="Start", exact=True).click(timeout=TIMEOUT)
    page.locator(".nl-texts .nl-mark-new").first.wait_for(timeout=60_000)
    page.get_by_text("Test perplexity").first.wait_for(timeout=120_000)

    page.get_by_role("link", name="Inspect").first.click()
    prompt = page.get_by_label("Prompt", exact=True)
    prompt.fill("class ", timeout=TIMEOUT)
    prompt.press("Control+Enter")
    page.get_by_role("button", name="Generate", exact=True).click()
    page.locator(".st-key-card_text_generation .nl-mark-new").wait_for(timeout=60_000)
    assert page.locator(".st-key-card_text_generation .nl-mark-given").inner_text() == "class "
    page.locator(".st-key-card_attention .js-plotly-plot").wait_for(timeout=60_000)
    page.locator(".nl-token-loss").first.hover()
    assert "Most probable:" in (page.locator(".nl-token-loss").first.get_attribute("title") or "")
