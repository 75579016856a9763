"""What a trained network makes of a text: how it goes on, how surprised it is by each token, and where it looks.

for piece in written(run, "ROMEO:", 200, Taste(0.8)): ...      # pieces of text, as they come
surprises(run, tokens)                                         # the probability of each token that was there
looks(run, "validation", 0)                                    # attention maps of one sample, with names for the axes
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from trainers.data.splits import Split
from trainers.data.tokens import MASK, encode, spelled, unknown
from trainers.events import SplitName
from trainers.paradigms.language.decoding import Taste, continued, filled
from trainers.paradigms.language.paradigm import Language
from trainers.paradigms.language.sample_text import Pieces, start_of, text_of
from trainers.runs.predictions import prepared_data
from trainers.runs.run import Run, RunError

if TYPE_CHECKING:
    from torch import Tensor

LIKELIEST = 5  # tokens that are named beside each one


@dataclass(frozen=True)
class Surprise:
    """One token of a text: how likely the network found it (None: it could not say), and what it found likeliest."""

    token: str
    probability: float | None
    likeliest: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Looks:
    """Attention maps of one sample: by layer (heads, steps that look, steps that are looked at)."""

    maps: dict[str, NDArray[np.float32]]
    names: dict[str, tuple[tuple[str, ...], tuple[str, ...]]]  # of the steps that look, and of those looked at


def language_of(run: Run) -> Language:
    """The options of a language model's run. RunError: it was trained in another way."""
    paradigm = run.job.paradigm
    if not isinstance(paradigm, Language):
        raise RunError(f"This network was trained as {paradigm.label.lower()}: it does not write text.")
    return paradigm


def strangers(run: Run, text: str) -> list[str]:
    """Words of a text that the run's vocabulary does not have; the network sees them as <unk>."""
    dataset = run.job.dataset
    return (
        [] if dataset.tokens == "characters" else unknown(text.replace(MASK, " "), dataset.vocabulary, dataset.tokens)
    )


def written(run: Run, prompt: str, length: int, taste: Taste, seed: int | None = None) -> Iterator[Pieces]:
    """The text so far, after every token. The run's best weights, on the CPU; the same seed gives the same text.

    Raises:
        RunError: there are no weights yet. TokenError: the prompt holds characters that the network has never seen.
    """
    import torch

    dataset = run.job.dataset
    language_of(run)
    start = start_of(prompt, dataset)
    model = run.model()
    generator = torch.Generator().manual_seed(seed) if seed is not None else torch.Generator()
    if seed is None:
        generator.seed()
    tokens: list[int] = []
    for token in continued(model, start, length, dataset.input_shape[0], taste, generator):
        tokens.append(token)
        yield text_of([(start, "given"), (tokens, "new")], dataset)


def guessed(run: Run, text: str, taste: Taste) -> Pieces:
    """The text with a guess in the place of each <mask>, for networks that were trained on masked tokens."""
    import torch

    paradigm, dataset = language_of(run), run.job.dataset
    mask = paradigm.token_count(dataset) - 1
    tokens: list[int] = []
    for number, part in enumerate(text.split(MASK)):
        tokens += ([mask] if number else []) + encode(part, dataset.vocabulary, dataset.tokens)
    context = dataset.input_shape[0]
    tokens = tokens[:context]
    if mask not in tokens:
        raise RunError(f"Put {MASK} where the network should guess, within the first {context} tokens.")
    padded = tokens + [0] * (context - len(tokens))
    guesses = filled(run.model(), padded, mask, taste, torch.Generator().manual_seed(0))[: len(tokens)]
    parts = [([guess], "new" if token == mask else "given") for token, guess in zip(tokens, guesses, strict=True)]
    return text_of(parts, dataset)


def sample_of(run: Run, split: SplitName, number: int) -> tuple[Tensor, ...]:
    """One sample of a part of the run's data as the network takes it, (1, …) for each input."""
    part: Split = getattr(prepared_data(run), split)
    if not len(part):
        raise RunError(f"This run held out no sample for {split}.")
    number %= len(part)
    return tuple(given[number : number + 1] for given in part.inputs)


def tokens_of(run: Run, text: str) -> list[int]:
    """The numbers of a text's tokens, as many as the network takes. TokenError: it has unknown characters."""
    dataset = run.job.dataset
    return encode(text, dataset.vocabulary, dataset.tokens)[: dataset.input_shape[0]]


def surprises(run: Run, tokens: Sequence[int]) -> list[Surprise]:
    """How likely each token was for the network: given those before it, or, for a masked one, given all others."""
    import torch

    paradigm, dataset = language_of(run), run.job.dataset
    model, context = run.model(), dataset.input_shape[0]
    given = torch.zeros(1, context, dtype=torch.int64)
    given[0, : len(tokens)] = torch.tensor(list(tokens))
    wanted = torch.tensor(list(tokens))
    with torch.inference_mode():
        if paradigm.masks:  # each token hidden in turn
            hidden = given.repeat(len(tokens), 1)
            hidden[torch.arange(len(tokens)), torch.arange(len(tokens))] = paradigm.token_count(dataset) - 1
            chances = model(hidden)[torch.arange(len(tokens)), torch.arange(len(tokens))].softmax(dim=-1)
            first = 0
        else:
            chances = model(given)[0, : len(tokens) - 1].softmax(dim=-1)
            first = 1
    best = chances.topk(min(LIKELIEST, chances.shape[-1]), dim=-1)
    found = [Surprise(spelled(int(token), dataset.vocabulary), None) for token in wanted[:first]]
    for place, token in enumerate(wanted[first:].tolist()):
        pairs = zip(best.indices[place].tolist(), best.values[place].tolist(), strict=True)
        likeliest = tuple((spelled(number, dataset.vocabulary), chance) for number, chance in pairs)
        found.append(Surprise(spelled(token, dataset.vocabulary), float(chances[place, token]), likeliest))
    return found


def can_look(run: Run) -> bool:
    """Whether the run's network has layers of attention, or attention that was drawn step by step."""
    import torch

    import builder
    from trainers.probes.attention import has_attention

    if _hand_made(run):
        return True
    with torch.device("meta"):
        return has_attention(builder.compile(run.document, run.job.paradigm.networks[0]))


def looks(run: Run, inputs: tuple[Tensor, ...]) -> Looks:
    """Where the network looks in one sample, layer by layer and head by head. RunError: no weights, no attention."""
    from trainers.probes.attention import attention_maps

    maps = attention_maps(run.model(), inputs, _hand_made(run))
    if not maps:
        raise RunError("This network has no attention to look at.")
    names = {layer: (_names(run, inputs, values.shape[1]), _names(run, inputs, values.shape[2]))
             for layer, values in maps.items()}  # fmt: skip
    return Looks(maps, names)


def _names(run: Run, inputs: tuple[Tensor, ...], steps: int) -> tuple[str, ...]:
    """What the steps of a sequence are called: tokens of the text, patches of the picture, or numbers."""
    dataset = run.job.dataset
    length = inputs[0].shape[1] if dataset.kind in ("text", "series") else 0
    extra = ("class",) if dataset.kind == "image" and round((steps - 1) ** 0.5) ** 2 == steps - 1 and steps > 2 else ()
    extra = ("class",) if length and steps == length + 1 else extra
    rest = steps - len(extra)
    if dataset.kind == "text" and rest == length:
        return (*extra, *(spelled(int(number), dataset.vocabulary) for number in inputs[0][0]))
    side = round(rest**0.5)
    if dataset.kind == "image" and side * side == rest:
        return (*extra, *(f"row {place // side + 1}, column {place % side + 1}" for place in range(rest)))
    return (*extra, *(str(place + 1) for place in range(rest)))


def _hand_made(run: Run) -> tuple[str, ...]:
    """Nodes that give probabilities over the steps of a sequence: attention drawn step by step."""
    from builder.analysis.infer import analyse

    analysis = analyse(run.document)
    found = []
    for step in analysis.plan.steps:
        shape = analysis.facts[step.name].signal.shape if step.name in analysis.facts else ()
        if step.spec.emits == "probabilities" and len(shape) in (2, 3) and shape[-1] == shape[-2] > 1:
            found.append(step.name)
    return tuple(found)
