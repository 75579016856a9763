"""Text that a language model writes: samples while it trains, and from the trained model with a prompt of one's own."""

from __future__ import annotations

import time

import numpy as np
import streamlit as st

from pages.parts.theme import charts
from pages.parts.theme.escaping import escape, escape_lines
from pages.parts.training.run_data import Live
from pages.parts.views import card, panel
from trainers.data.tokens import MASK, TokenError
from trainers.events import SplitName, Text
from trainers.paradigms.language.decoding import Taste
from trainers.paradigms.language.sample_text import Pieces
from trainers.runs.run import Run, RunError

SHOWN = 12  # sample texts on the Train page, the newest first
REDRAW = 0.12  # seconds between two looks of a text that is being written
LONGEST = 20.0  # seconds for a text that somebody asked for
WAITING = "The first sample text comes with the first steps."


@card
def generated_text(live: Live) -> None:
    """The sample texts of a run, the newest first: from noise to words."""
    charts.heading("What it writes", "grey: given · the newest first")
    if not live.texts:
        return charts.nothing(WAITING)
    # the newest, and of the others some that are spread over the run: how far it has come is what one wants to see
    picked = np.unique(np.linspace(0, len(live.texts) - 1, min(SHOWN, len(live.texts))).round().astype(int))
    rows = "".join(_row(live.texts[place]) for place in picked[::-1])
    st.html(f'<div class="nl-texts">{rows}</div>')
    return None


def _row(text: Text) -> str:
    return f'<div><small>step {text.step:,}</small><p class="nl-text">{marked(text.pieces)}</p></div>'


def marked(pieces: Pieces) -> str:
    """Pieces of text as HTML, each in the colour of its mark. The text is anybody's: it is escaped."""
    return "".join(f'<span class="nl-mark-{escape(mark)}">{escape_lines(text)}</span>' for text, mark in pieces)


@panel("left")
def text_generation(run: Run, part: SplitName) -> None:
    """A prompt, how boldly to go on from it, and the text that comes."""
    from trainers.paradigms.language.analysis import language_of

    paradigm = language_of(run)
    with charts.card("writing"):
        if paradigm.masks:
            charts.heading("Guess what is hidden", f"write {MASK} where the network should guess")
        else:
            charts.heading("Go on writing", "from a prompt of yours; the trained network writes")
        prompt = st.text_area(
            "Text" if paradigm.masks else "Prompt", paradigm.prompt or _example(run), key=f"prompt_{run.id}", height=80,
            max_chars=2000,
        )  # fmt: skip
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="writing_options"):
            taste = _taste(run)
            length = 0
            if not paradigm.masks:
                length = int(st.number_input("Length", 1, 1000, 200, 50, key="writing_length", width=110))
            asked = st.button("Guess" if paradigm.masks else "Write", type="primary", key="write")
        place = st.empty()
        kept = f"written_{run.id}"
        if asked:
            st.session_state.pop(kept, None)
            st.session_state[kept] = _write(run, prompt or "", length, taste, place)
        _show(place, st.session_state.get(kept))


def _example(run: Run) -> str:
    """Something to begin with: a line of the run's own text, for networks that guess."""
    from trainers.data.tokens import decode
    from trainers.paradigms.language.analysis import language_of, sample_of

    paradigm, dataset = language_of(run), run.job.dataset
    if not paradigm.masks:
        return ""
    tokens = sample_of(run, "validation" if run.job.batching.validation else "training", 0)[0][0].tolist()
    tokens[2::6] = [paradigm.token_count(dataset) - 1] * len(tokens[2::6])
    return decode(tokens, dataset.vocabulary, dataset.tokens)


def _taste(run: Run) -> Taste:
    from trainers.paradigms.language.analysis import language_of

    paradigm = language_of(run)
    temperature = st.slider(
        "Temperature", 0.0, 2.0, float(min(paradigm.temperature, 2.0)), 0.05, key=f"temperature_{run.id}",
        help="Below 1 it keeps to what is likely, above 1 it dares more; 0 takes the likeliest always.", width=220,
    )  # fmt: skip
    top_k = st.number_input(
        "Top k", 0, run.job.dataset.vocabulary_count, paradigm.top_k or 0, 1, key=f"top_k_{run.id}", width=110,
        help="Draw among so many likeliest tokens; 0: among all.",
    )  # fmt: skip
    return Taste(float(temperature), int(top_k) or None)


def _write(run: Run, prompt: str, length: int, taste: Taste, place: object) -> tuple[Pieces, str]:
    """Write, showing the text as it comes; what goes wrong is a sentence. Returns the text and what to say of it."""
    from trainers.paradigms.language.analysis import guessed, language_of, strangers, written

    strange = strangers(run, prompt)
    said = f"Not in its vocabulary, so it sees <unk>: {', '.join(strange[:8])}." if strange else ""
    pieces: Pieces = ()
    try:
        if language_of(run).masks:
            return guessed(run, prompt, taste), said
        begun = drawn = time.perf_counter()
        for pieces in written(run, prompt, length, taste):
            now = time.perf_counter()
            if now - drawn > REDRAW:
                _show(place, (pieces, said))
                drawn = now
            if now - begun > LONGEST:
                return pieces, f"Stopped after {LONGEST:.0f} seconds. {said}"
    except (TokenError, RunError) as error:
        return (), str(error)
    return pieces, said


def _show(place: object, found: tuple[Pieces, str] | None) -> None:
    if found is None:
        return
    pieces, said = found
    note = f'<div class="nl-note">{escape(said)}</div>' if said else ""
    text = f'<p class="nl-text nl-long">{marked(pieces)}</p>' if pieces else ""
    place.html(f"{text}{note}")  # type: ignore[attr-defined]
