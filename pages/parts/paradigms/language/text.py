"""Language models: text that they generate, while they train and from a prompt, and the loss of each token."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from pages.parts.theme import charts
from pages.parts.theme.escaping import escape, escape_lines
from pages.parts.training.run_data import LiveRun
from pages.parts.views import card, panel
from trainers.data.tokens import MASK, TokenError, decode
from trainers.events import SplitName, Text
from trainers.paradigms.language import analysis
from trainers.paradigms.language.analysis import TokenLoss
from trainers.paradigms.language.decoding import Pieces, SamplingOptions, other_texts
from trainers.runs.predictions import encode_text, sample_inputs
from trainers.runs.run import Run, RunError

if TYPE_CHECKING:
    from torch import Tensor

SHOWN = 12  # sample texts on the Train page, the newest first
REDRAW = 0.12  # seconds between two updates of a text that is being generated
MOST_SECONDS = 20.0  # for one text
WAITING = "The first sample text appears with the first steps."


# -- while it trains --------------------------------------------------------------------------------------------------


@card
def generated_text(live: LiveRun) -> None:
    """The sample texts of a run, the newest first."""
    charts.heading("Generated text", "grey: given · the newest first")
    if not live.texts:
        return charts.empty(WAITING)
    # The newest, and of the others some that are evenly spaced over the run, so that the progress is seen.
    picked = np.unique(np.linspace(0, len(live.texts) - 1, min(SHOWN, len(live.texts))).round().astype(int))
    rows = "".join(_row(live.texts[place]) for place in picked[::-1])
    st.html(f'<div class="nl-texts">{rows}</div>')
    return None


def _row(text: Text) -> str:
    return f'<div><small>step {text.step:,}</small><p class="nl-text">{marked(text.pieces)}</p></div>'


def marked(pieces: Pieces) -> str:
    """Pieces of text as HTML, each in the colour of its mark. The text may come from anybody: it is escaped."""
    return "".join(f'<span class="nl-mark-{escape(mark)}">{escape_lines(text)}</span>' for text, mark in pieces)


# -- generated from a prompt ------------------------------------------------------------------------------------------


@panel("left")
def text_generation(run: Run, split: SplitName) -> None:
    """A prompt, the sampling options, and the text that the network generates."""
    paradigm = analysis.paradigm_of(run)
    with charts.card("text_generation"):
        if paradigm.masks_tokens:
            charts.heading("Predict masked tokens", f"write {MASK} in the place of each token to predict")
        else:
            charts.heading("Generate text", "the trained network continues your prompt")
        prompt = st.text_area(
            "Text" if paradigm.masks_tokens else "Prompt",
            paradigm.prompt or _example(run),
            key=f"prompt_{run.id}",
            height=80,
            max_chars=2000,
        )
        sample = _sample(run, split)
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="generation_options"):
            options = _sampling_options(run)
            length = 0
            if not paradigm.masks_tokens:
                length = int(st.number_input("Length", 1, 1000, 200, 50, key="generation_length", width=110))
            asked = st.button("Predict" if paradigm.masks_tokens else "Generate", type="primary", key="generate")
        place = st.empty()
        kept = f"generated_{run.id}"
        if asked:
            st.session_state.pop(kept, None)
            st.session_state[kept] = _generate(run, prompt or "", length, options, sample, place)
        _show(place, st.session_state.get(kept))


def _example(run: Run) -> str:
    """The text to begin with: for networks that predict masked tokens, a text of the run with masks in it."""
    paradigm, dataset = analysis.paradigm_of(run), run.job.dataset
    if not paradigm.masks_tokens:
        return ""
    sample = sample_inputs(run, "validation" if run.job.batching.validation else "training", 0)
    tokens = sample[dataset.text_input][0].tolist()
    tokens[2::6] = [paradigm.mask_token(dataset)] * len(tokens[2::6])
    return decode(tokens, dataset.target_vocabulary, dataset.tokens)


def _sample(run: Run, split: SplitName) -> tuple[Tensor, ...] | None:
    """Of networks with further inputs, such as a source sentence: a sample that gives them."""
    dataset = run.job.dataset
    if len(dataset.signals) == 1:
        return None
    number = int(st.number_input("Other inputs: sample", 0, 1_000_000, 0, 1, key=f"source_{run.id}", width=170))
    sample = sample_inputs(run, split, number)
    for text in other_texts(sample, dataset):
        st.html(f'<p class="nl-text nl-mark-given">{escape_lines(text)}</p>')
    return sample


def _sampling_options(run: Run) -> SamplingOptions:
    paradigm = analysis.paradigm_of(run)
    temperature = st.slider(
        "Temperature",
        0.0,
        2.0,
        float(min(paradigm.temperature, 2.0)),
        0.05,
        key=f"temperature_{run.id}",
        help="Below 1 probable tokens become more probable, above 1 less; 0 takes the most probable one always.",
        width=220,
    )
    top_k = st.number_input(
        "Top k",
        0,
        run.job.dataset.target_vocabulary_count,
        paradigm.top_k or 0,
        1,
        key=f"top_k_{run.id}",
        width=110,
        help="Sample among so many most probable tokens; 0: among all.",
    )
    return SamplingOptions(float(temperature), int(top_k) or None)


def _generate(
    run: Run, prompt: str, length: int, options: SamplingOptions, sample: tuple[Tensor, ...] | None, place: Any
) -> tuple[Pieces, str]:
    """The text, which is shown as it is generated, and a sentence about it; empty where there is nothing to say."""
    words = analysis.unknown_words(run, prompt)
    note = f"Not in the vocabulary, so replaced by <unk>: {', '.join(words[:8])}." if words else ""
    pieces: Pieces = ()
    try:
        if analysis.paradigm_of(run).masks_tokens:
            return analysis.predict_masked(run, prompt, options, sample), note
        start = shown = time.perf_counter()
        for pieces in analysis.generate_text(run, prompt, length, options, sample=sample):
            now = time.perf_counter()
            if now - shown > REDRAW:
                _show(place, (pieces, note))
                shown = now
            if now - start > MOST_SECONDS:
                return pieces, f"Stopped after {MOST_SECONDS:.0f} seconds. {note}"
    except (TokenError, RunError) as error:
        return (), str(error)
    return pieces, note


def _show(place: Any, found: tuple[Pieces, str] | None) -> None:
    if found is None:
        return
    pieces, note = found
    below = f'<div class="nl-note">{escape(note)}</div>' if note else ""
    text = f'<p class="nl-text nl-long">{marked(pieces)}</p>' if pieces else ""
    place.html(f"{text}{below}")


# -- the loss of each token -------------------------------------------------------------------------------------------


@panel("left")
def token_loss(run: Run, split: SplitName) -> None:
    """A text with its tokens coloured by their loss, and the most probable tokens at each position."""
    dataset = run.job.dataset
    with charts.card("token_loss"):
        charts.heading("Per-token loss", "the redder, the less probable · point at a token for the most probable ones")
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="token_loss_options"):
            number = int(st.number_input("Sample", 0, 1_000_000, 0, 1, key=f"token_loss_{run.id}", width=120))
            own = st.text_input("or your own text", key=f"token_loss_text_{run.id}", max_chars=2000)
        found: list[TokenLoss] = []
        try:
            sample = sample_inputs(run, split, number)
            tokens = encode_text(run, own) if own else sample[dataset.text_input][0].tolist()
            found = analysis.token_losses(run, tokens, sample) if len(tokens) > 1 else []
        except TokenError as error:
            st.html(f'<div class="nl-note">{escape(str(error))}</div>')
        losses = [each.loss for each in found if each.loss is not None]
        if losses:
            mean = sum(losses) / len(losses)
            choices = f"{math.exp(mean):.1f} equally probable tokens"
            words = f"{mean:.2f} nats per token: as uncertain as a choice between {choices}"
            apart = " " if dataset.tokens != "characters" else ""
            text = apart.join(_token(each) for each in found)
            st.html(f'<p class="nl-text nl-long">{text}</p><div class="nl-note">{words}</div>')


def _token(found: TokenLoss) -> str:
    """One token: the redder, the higher its loss; its title has its probability and the most probable tokens."""
    shown = "↵\n" if found.token == "\n" else escape_lines(found.token)
    if found.probability is None:
        return f'<span class="nl-mark-given">{shown}</span>'
    share = round(100 * min(1.0, -math.log10(max(found.probability, 1e-3)) / 3))
    probable = ", ".join(f"{token!r} {probability:.0%}" for token, probability in found.most_probable)
    title = escape(f"{found.token!r}: {found.probability:.1%}. Most probable: {probable}")
    return f'<span class="nl-token-loss" style="--share: {share}%" title="{title}">{shown}</span>'
