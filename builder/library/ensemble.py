"""Several networks that answer together."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class Ensemble(nn.Module):
    """Networks of one kind, each trained by itself: their answer is the mean of what they say.

    answers: what each gives, "logits", "log_probabilities", "probabilities" or "values"; together they give the same.
    Of logits that is the logarithm of the mean probability, so that a softmax behind it gives the mean.
    """

    def __init__(self, members: list[nn.Module], answers: str = "logits") -> None:
        super().__init__()
        self.answers = answers
        self.members = nn.ModuleList(members)

    def each(self, *inputs: Tensor) -> Tensor:
        """What each member says: (members, batch, …)."""
        return torch.stack([member(*inputs) for member in self.members])

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.together(self.each(*inputs))

    def together(self, said: Tensor) -> Tensor:
        """The mean of several answers, (answers, batch, …)."""
        count = math.log(len(said))
        if self.answers in ("probabilities", "values"):
            return said.mean(dim=0)
        if self.answers == "log_probabilities":
            return said.logsumexp(dim=0) - count
        if said.dim() == 2 or said.shape[2] == 1:  # one number for two classes
            yes, no = (nn.functional.logsigmoid(sign * said).logsumexp(dim=0) for sign in (1, -1))
            return yes - no
        return said.log_softmax(dim=2).logsumexp(dim=0) - count
