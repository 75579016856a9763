"""Paradigms in a real browser: what networks produce is shown while they train, and parts are exported."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

import builder
from tests.browser.canvas_page import TIMEOUT, store

pytestmark = pytest.mark.browser


def small_vae() -> dict[str, Any]:
    """A variational autoencoder with a code of two numbers, for digits of 8 × 8 pixels."""
    nodes: list[tuple[str, str, dict[str, Any]]] = [
        ("image", "Input", {}),
        ("flat", "Flatten", {}),
        ("encoder", "Linear", {"out_features": 64}),
        ("relu1", "ReLU", {}),
        ("mean", "Linear", {"out_features": 2}),
        ("log_variance", "Linear", {"out_features": 2}),
        ("latent", "Reparameterize", {}),
        ("decoder", "Linear", {"out_features": 64}),
        ("relu2", "ReLU", {}),
        ("pixels", "Linear", {"out_features": 64}),
        ("sigmoid", "Sigmoid", {}),
        ("square", "Reshape", {"shape": [1, 8, 8]}),
        ("reconstruction", "Output", {}),
    ]
    chain = [name for name, _, _ in nodes if name != "log_variance"]
    edges = [{"source": a, "target": b} for a, b in itertools.pairwise(chain)]
    edges += [{"source": "relu1", "target": "log_variance"}, {"source": "log_variance", "target": "latent"}]
    return {
        "name": "Small VAE",
        "nodes": [{"name": name, "type": kind, "params": params} for name, kind, params in nodes],
        "edges": edges,
        "training": {
            "data": {"name": "digits"},
            "paradigm": {"name": "variational"},
            "optimizer": {"name": "Adam", "lr": 0.003},
            "epochs": 12,
        },
    }


def test_an_autoencoder_is_inspected_and_its_decoder_exported(app: Any, open_page: Callable[..., Any]) -> None:
    document = store(app.home, small_vae())
    page = open_page()
    page.goto(f"{app.url}/train?document={document}")
    page.get_by_role("button", name="Start", exact=True).click(timeout=TIMEOUT)
    page.locator(".st-key-card_live_reconstructions img.nl-sheet").first.wait_for(timeout=60_000)
    page.locator(".st-key-card_live_latent_space .js-plotly-plot").wait_for(timeout=60_000)
    page.get_by_text("Finished").first.wait_for(timeout=60_000)

    page.get_by_role("link", name="Inspect").first.click()
    page.locator("[class*=st-key-card_latent_interpolation] img").first.wait_for(timeout=60_000)
    before = page.locator("[class*=st-key-card_decode_code] img").first.get_attribute("src", timeout=60_000)
    slider = page.locator("[class*=st-key-card_decode_code]").get_by_role("slider").first
    slider.focus()
    for _ in range(5):
        slider.press("ArrowRight")
    changed = "([selector, before]) => document.querySelector(selector)?.getAttribute('src') !== before"
    page.wait_for_function(changed, arg=["[class*=st-key-card_decode_code] img", before], timeout=30_000)

    page.get_by_role("link", name="Export").first.click()
    page.get_by_role("radio", name="Decoder").click(timeout=TIMEOUT)
    page.locator(".st-key-prepare_safetensors button").first.click()
    page.locator(".st-key-download_safetensors button").first.wait_for(timeout=60_000)
    page.get_by_text("def forward").first.wait_for()


def test_a_gan_trains_and_the_slider_shows_earlier_samples(app: Any, open_page: Callable[..., Any]) -> None:
    template = builder.template("gan_points")
    training = {**template.training, "epochs": 8}
    document = store(app.home, template.changed(training=training).model_dump(mode="json"))
    page = open_page()
    page.goto(f"{app.url}/train?document={document}")
    page.get_by_role("button", name="Start", exact=True).click(timeout=TIMEOUT)
    card = page.locator(".st-key-card_live_generated_samples")
    card.locator(".js-plotly-plot").wait_for(timeout=60_000)
    page.get_by_text("Finished").first.wait_for(timeout=90_000)
    figure = "document.querySelector('.st-key-card_live_generated_samples .js-plotly-plot .main-svg').innerHTML"
    before = page.evaluate(figure)
    slider = card.get_by_role("slider").last
    slider.focus()
    for _ in range(4):
        slider.press("ArrowLeft")
    page.wait_for_function(f"before => {figure} !== before", arg=before, timeout=30_000)
