"""Text from a language model: what comes next, token by token, and what stands behind a mask.

for token in continued(model, prompt, 200, context=64, vocabulary=65): ...     # numbers of tokens, as they come
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

LONGEST = 5000  # tokens that are generated at once


class Taste(NamedTuple):
    """How a token is drawn from what the network expects.

    `temperature`: below 1 it keeps to what is likely, above 1 it dares more, 0 takes the likeliest always.
    `top_k`: only among so many likeliest; None: among all.
    """

    temperature: float = 0.8
    top_k: int | None = None


def drawn(logits: Tensor, taste: Taste, generator: torch.Generator) -> Tensor:
    """One token for each row of logits (…, V), int64 (…), drawn on the CPU so that every device gives the same."""
    import torch

    scores = logits.detach().float().cpu()
    if taste.temperature == 0:
        return scores.argmax(dim=-1)
    scores = scores / taste.temperature
    if taste.top_k is not None and taste.top_k < scores.shape[-1]:
        least = scores.topk(taste.top_k, dim=-1).values[..., -1:]
        scores = scores.masked_fill(scores < least, -torch.inf)
    flat = scores.softmax(dim=-1).reshape(-1, scores.shape[-1])
    return torch.multinomial(flat, 1, generator=generator).reshape(scores.shape[:-1])


def continued(
    model: nn.Module, prompt: Sequence[int], length: int, context: int, taste: Taste, generator: torch.Generator
) -> Iterator[int]:
    """Up to `length` tokens that go on from the prompt, one after the other.

    The network is to be in evaluation mode. It sees the last `context` tokens. Where there are fewer, they stand first
    and what is behind them counts for nothing, since a network that predicts what comes next does not look ahead.
    """
    import torch

    device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    seen = list(prompt)[-context:] or [0]
    for _ in range(min(length, LONGEST)):
        window = torch.zeros(1, context, dtype=torch.int64)
        window[0, : len(seen)] = torch.tensor(seen)
        with torch.inference_mode():
            logits = model(window.to(device))[0, len(seen) - 1]
        token = int(drawn(logits, taste, generator))
        yield token
        seen = [*seen, token][-context:]


def filled(model: nn.Module, tokens: Sequence[int], mask: int, taste: Taste, generator: torch.Generator) -> list[int]:
    """The same tokens with a guess in the place of each mask, all guessed at once."""
    import torch

    device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    given = torch.tensor(tokens)
    with torch.inference_mode():
        logits = model(given[None].to(device))[0]
    guesses = drawn(logits, taste, generator)
    return [int(token) for token in torch.where(given == mask, guesses, given)]
