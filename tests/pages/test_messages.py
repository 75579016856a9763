"""What streamlit is told in .streamlit/config.toml means what we think it means."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit import config
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_cache import populate_hash_if_needed

ROOT = Path(__file__).parents[2]


def message(size: int) -> ForwardMsg:
    """A message that draws an element of this many bytes."""
    made = ForwardMsg()
    made.delta.new_element.html.body = "x" * size
    populate_hash_if_needed(made)
    return made


@pytest.fixture
def own_config() -> Iterator[None]:
    """The options of our own file; the other ones have their defaults."""
    with (ROOT / ".streamlit" / "config.toml").open("rb") as file:
        wanted = {f"global.{name}": value for name, value in tomllib.load(file)["global"].items()}
    before = {name: config.get_option(name) for name in wanted}
    for name, value in wanted.items():
        config.set_option(name, value)
    yield
    for name, value in before.items():
        config.set_option(name, value)


@pytest.mark.usefixtures("own_config")
@pytest.mark.parametrize("size", [20_000, 5_000_000])
def test_the_browser_keeps_no_message(size: int) -> None:
    """A message that is not kept is never sent as a reference, which the browser might have dropped."""
    assert message(size).hash and not message(size).metadata.cacheable


def test_by_default_the_browser_would_keep_it() -> None:
    name, before = "global.minCachedMessageSize", config.get_option("global.minCachedMessageSize")
    config.set_option(name, config.get_config_options()[name].default_val)
    try:
        assert message(20_000).metadata.cacheable
    finally:
        config.set_option(name, before)


def test_the_options_hold_from_any_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(config, "_main_script_path", str(ROOT / "app.py"))
    assert str(ROOT / ".streamlit" / "config.toml") in config.get_config_files("config.toml")
