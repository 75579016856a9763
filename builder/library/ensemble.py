"""An ensemble: several networks whose predictions are averaged."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class Ensemble(nn.Module):
    """Networks of the same architecture, each trained separately: the output is the mean of their predictions.

    answers: the kind of output, "logits", "log_probabilities", "probabilities" or "values". The mean of logits is the
    logarithm of the mean probability, so that a softmax of it is the mean of the members' softmax.
    """

    def __init__(self, members: list[nn.Module], answers: str = "logits") -> None:
        super().__init__()
        self.answers = answers
        self.members = nn.ModuleList(members)

    def each(self, *inputs: Tensor) -> Tensor:
        """The output of each member: (members, batch, …)."""
        return torch.stack([member(*inputs) for member in self.members])

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.together(self.each(*inputs))

    def together(self, outputs: Tensor) -> Tensor:
        """The mean of several outputs, (members, batch, …)."""
        count = math.log(len(outputs))
        if self.answers in ("probabilities", "values"):
            return outputs.mean(dim=0)
        if self.answers == "log_probabilities":
            return outputs.logsumexp(dim=0) - count
        if outputs.dim() == 2 or outputs.shape[2] == 1:  # one logit for two classes
            yes, no = (nn.functional.logsigmoid(sign * outputs).logsumexp(dim=0) for sign in (1, -1))
            return yes - no
        return outputs.log_softmax(dim=2).logsumexp(dim=0) - count
