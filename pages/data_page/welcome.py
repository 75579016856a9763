"""What the page says before there is any data of one's own."""

from __future__ import annotations

import streamlit as st

from trainers.data.own.kind import kinds


def show() -> None:
    """What can be dropped, and what happens then."""
    takes = "".join(f"<li>{kind.takes}</li>" for kind in kinds().values() if kind.takes)
    st.html(
        '<div class="nl-welcome"><h2>Bring data of your own</h2>'
        f"<p>Drop it at the left. It stays on this machine.</p><ul>{takes}</ul>"
        "<p>Netloom looks through it, says what it found and what looks wrong, and suggests a network that learns "
        "from it. Everything that is guessed can be changed here.</p></div>"
    )
