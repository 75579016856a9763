"""What a trained language model makes of a text: how it continues it, and the probability of each token.

for pieces in generate_text(run, "ROMEO:", 200, SamplingOptions(0.8)): ...     # the text so far, after every token
token_losses(run, tokens)                                                      # the probability of each true token
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainers.data.tokens import MASK, spelled, unknown
from trainers.paradigms.language.decoding import (
    Pieces,
    SamplingOptions,
    encode_masked,
    encode_prompt,
    fill_masks,
    generate_tokens,
    pieces_of,
)
from trainers.paradigms.language.paradigm import Language, replaced
from trainers.runs.predictions import sample_inputs
from trainers.runs.run import Run, RunError

if TYPE_CHECKING:
    from torch import Tensor

MOST_PROBABLE = 5  # tokens that are listed for each position


@dataclass(frozen=True)
class TokenLoss:
    """One token of a text: its probability for the network (None: not predicted), and the most probable tokens."""

    token: str
    probability: float | None
    most_probable: tuple[tuple[str, float], ...] = ()

    @property
    def loss(self) -> float | None:
        """The negative log-likelihood in nats."""
        return None if self.probability is None else -math.log(max(self.probability, 1e-30))


def paradigm_of(run: Run) -> Language:
    """The options of a language model's run. RunError: it was trained by another paradigm."""
    paradigm = run.job.paradigm
    if not isinstance(paradigm, Language):
        raise RunError(f"This network was trained as {paradigm.label.lower()}: it does not generate text.")
    return paradigm


def context_of(run: Run) -> int:
    """How many tokens of a text the network takes at once."""
    dataset = run.job.dataset
    return dataset.signals[dataset.text_input].shape[0]


def unknown_words(run: Run, text: str) -> list[str]:
    """Words of a text that are not in the vocabulary; the network sees them as <unk>."""
    dataset = run.job.dataset
    if dataset.tokens == "characters":
        return []
    text = text.lower() if dataset.lower else text
    return unknown(text.replace(MASK.lower(), " "), dataset.target_vocabulary, dataset.tokens)


def generate_text(
    run: Run,
    prompt: str,
    length: int,
    options: SamplingOptions,
    seed: int | None = None,
    sample: tuple[Tensor, ...] | None = None,
) -> Iterator[Pieces]:
    """The text so far, after every token. The run's best weights, on the CPU; the same seed gives the same text.

    `sample`: the inputs of a sample, for networks with more inputs than the text, such as a source sentence.

    Raises:
        RunError: there are no weights yet. TokenError: the prompt has characters that are not in the vocabulary.
    """
    import torch

    dataset = run.job.dataset
    paradigm_of(run)
    start = encode_prompt(prompt, dataset)
    model = run.model()
    generator = torch.Generator().manual_seed(seed) if seed is not None else torch.Generator()
    if seed is None:
        generator.seed()
    tokens: list[int] = []
    inputs = _inputs(run, sample, None)
    for token in generate_tokens(model, start, length, context_of(run), options, generator, inputs):
        tokens.append(token)
        yield pieces_of([(start, "given"), (tokens, "new")], dataset)


def predict_masked(run: Run, text: str, options: SamplingOptions, sample: tuple[Tensor, ...] | None = None) -> Pieces:
    """The text with a prediction in the place of each <mask>, for networks that were trained on masked tokens."""
    import torch

    paradigm, dataset = paradigm_of(run), run.job.dataset
    mask = paradigm.mask_token(dataset)
    context = context_of(run)
    tokens = encode_masked(text, dataset, mask)[:context]
    if mask not in tokens or not paradigm.masks_tokens:
        raise RunError(f"Put {MASK} in the place of each token to predict, within the first {context} tokens.")
    padded = tokens + [0] * (context - len(tokens))
    generator = torch.Generator().manual_seed(0)
    predicted = fill_masks(run.model(), padded, mask, options, generator, _inputs(run, sample, None))[: len(tokens)]
    parts = [([guess], "new" if token == mask else "given") for token, guess in zip(tokens, predicted, strict=True)]
    return pieces_of(parts, dataset)


def token_losses(run: Run, tokens: Sequence[int], sample: tuple[Tensor, ...] | None = None) -> list[TokenLoss]:
    """The probability of each token, given those before it, or, for a network trained on masked tokens, all others."""
    import torch

    paradigm, dataset = paradigm_of(run), run.job.dataset
    model, vocabulary, count = run.model(), dataset.target_vocabulary, len(tokens)
    given = torch.zeros(1, context_of(run), dtype=torch.int64)
    given[0, :count] = torch.tensor(list(tokens))
    with torch.inference_mode():
        if paradigm.masks_tokens:  # each token masked in turn
            places, first = torch.arange(count), 0
            masked = given.repeat(count, 1)
            masked[places, places] = paradigm.mask_token(dataset)
            probabilities = model(*_inputs(run, sample, masked))[places, places].softmax(dim=-1)
        else:
            first = 1
            probabilities = model(*_inputs(run, sample, given))[0, : count - 1].softmax(dim=-1)
    best = probabilities.topk(min(MOST_PROBABLE, probabilities.shape[-1]), dim=-1)
    found = [TokenLoss(spelled(int(token), vocabulary), None) for token in tokens[:first]]
    for place, token in enumerate(tokens[first:]):
        pairs = zip(best.indices[place].tolist(), best.values[place].tolist(), strict=True)
        most_probable = tuple((spelled(number, vocabulary), probability) for number, probability in pairs)
        found.append(TokenLoss(spelled(token, vocabulary), float(probabilities[place, token]), most_probable))
    return found


def _inputs(run: Run, sample: tuple[Tensor, ...] | None, text: Tensor | None) -> tuple[Tensor | None, ...]:
    """The inputs of a sample, with another text: by default those of the first training sample."""
    dataset = run.job.dataset
    if len(dataset.signals) == 1:
        return (text,)
    sample = sample or sample_inputs(run, "training", 0)
    rows = 1 if text is None else len(text)
    return replaced(tuple(given.expand(rows, *given.shape[1:]) for given in sample), dataset.text_input, text)
