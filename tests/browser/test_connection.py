"""The connection between the browser and the server: every message is whole, and a lost connection comes back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.browser.canvas_page import TIMEOUT, BuildPage, chain, store

pytestmark = pytest.mark.browser

NETWORK = chain(("image", "Input", {"shape": [64]}), ("fc", "Linear", {"out_features": 10}), ("scores", "Output", {}))
LARGE = 10_000  # bytes, from which on streamlit would have the browser keep a message


def test_every_message_is_sent_whole(app: Any, open_page: Callable[..., Any]) -> None:
    """A reference to a message that the browser has dropped in the meantime ends the page."""
    frames: list[bytes] = []
    page = open_page()
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(frame)))
    build = BuildPage(page, app.url, store(app.home, NETWORK))
    build.ready()
    for name in ("Runs", "Build", "Runs", "Build"):  # the messages of each page are sent twice
        page.get_by_role("link", name=name, exact=True).click()
        page.wait_for_timeout(100)  # the page before is still being drawn: a user in a hurry, a machine that is busy
    build.ready()
    messages = [ForwardMsg.FromString(frame) for frame in frames if isinstance(frame, bytes)]
    large = [message.hash for message in messages if message.ByteSize() > LARGE and message.HasField("delta")]
    assert len(large) > len(set(large)), "no large message was sent again, so this test shows nothing"
    assert not [message for message in messages if message.HasField("ref_hash") or message.metadata.cacheable]


def test_a_lost_connection_comes_back(app: Any, open_page: Callable[..., Any]) -> None:
    sockets: list[Any] = []

    def route(socket: Any) -> None:
        socket.connect_to_server()
        sockets.append(socket)

    page = open_page()
    page.route_web_socket("**/_stcore/stream", route)
    build = BuildPage(page, app.url, store(app.home, NETWORK))
    build.ready()
    for number, name in enumerate(("fc", "image"), start=1):
        sockets[-1].close(code=3001, reason="lost")
        page.wait_for_timeout(200)
        page.wait_for_function("() => document.querySelector('[data-testid=stApp]') !== null")
        build.rest()
        for _ in range(int(TIMEOUT / 100)):
            if len(sockets) > number:
                break
            page.wait_for_timeout(100)
        build.select(name)
        assert len(sockets) == number + 1
    assert page.locator('[data-testid="stDialog"]').count() == 0
