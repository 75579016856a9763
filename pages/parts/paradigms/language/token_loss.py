"""How surprised a language model is by each token of a text: the paler, the likelier it found what was there."""

from __future__ import annotations

import math

import streamlit as st

from pages.parts.theme import charts
from pages.parts.theme.escaping import escape, escape_lines
from pages.parts.views import panel
from trainers.data.tokens import TokenError
from trainers.events import SplitName
from trainers.runs.run import Run


@panel("left")
def token_loss(run: Run, part: SplitName) -> None:
    """A text, its tokens coloured by surprise, and what the network expected instead at each."""
    from trainers.paradigms.language.analysis import Surprise, sample_of, surprises, tokens_of

    with charts.card("surprise"):
        charts.heading("Surprise", "red: it did not expect this · point at a token to see what it expected")
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="surprise_options"):
            number = int(st.number_input("Sample", 0, 1_000_000, 0, 1, key=f"surprise_{run.id}", width=120))
            own = st.text_input("or a text of yours", key=f"surprise_text_{run.id}", max_chars=2000)
        found: list[Surprise] = []
        try:
            tokens = tokens_of(run, own) if own else sample_of(run, part, number)[0][0].tolist()
            found = surprises(run, tokens) if len(tokens) > 1 else []
        except TokenError as error:
            st.html(f'<div class="nl-note">{escape(str(error))}</div>')
        known = [each.probability for each in found if each.probability is not None]
        if known:
            nats = -sum(math.log(max(chance, 1e-30)) for chance in known) / len(known)
            words = f"{nats:.2f} nats a token: as unsure as among {math.exp(nats):.1f} equally likely ones"
            apart = " " if run.job.dataset.tokens != "characters" else ""
            text = apart.join(_token(each) for each in found)
            st.html(f'<p class="nl-text nl-long">{text}</p><div class="nl-note">{words}</div>')


def _token(each: object) -> str:
    """One token: its ground is red as far as it was unexpected, and its title tells what was expected."""
    from trainers.paradigms.language.analysis import Surprise

    assert isinstance(each, Surprise)
    shown = escape_lines(each.token)
    if each.token == "\n":
        shown = "↵\n"
    if each.probability is None:
        return f'<span class="nl-mark-given">{shown}</span>'
    share = round(100 * min(1.0, -math.log10(max(each.probability, 1e-3)) / 3))
    expected = ", ".join(f"{token!r} {chance:.0%}" for token, chance in each.likeliest)
    title = escape(f"{each.token!r}: {each.probability:.1%}. Expected: {expected}")
    return f'<span class="nl-surprise" style="--share: {share}%" title="{title}">{shown}</span>'
