"""The size of uploads. One number decides: server.maxUploadSize in .streamlit/config.toml.

A form with a limit of its own above the server's would offer what the server refuses with an HTTP error.
"""

from __future__ import annotations

import streamlit as st


def most_megabytes() -> int:
    """The size of the largest file that the server takes, in MB."""
    return int(st.get_option("server.maxUploadSize"))
