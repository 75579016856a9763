"""One number limits uploads: the server's. No form offers more than the server takes."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import streamlit as st

from pages.parts.forms.uploads import most_megabytes

ROOT = Path(__file__).parents[2]


def test_the_limit_is_the_servers_and_stands_in_one_place() -> None:
    with (ROOT / ".streamlit" / "config.toml").open("rb") as file:
        limit = tomllib.load(file)["server"]["maxUploadSize"]
    assert st.get_option("server.maxUploadSize") == most_megabytes() == limit
    for path in (ROOT / "pages").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "max_upload_size" not in text, path
        if "file_uploader(" in text:
            label = re.search(r"file_uploader\(\s*(f?\".*?\")", text)
            assert label is not None and "at most {" in label[1], f"{path}: the label names the limit"
