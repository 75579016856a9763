"""Language models: learn what comes next in a text, or what stands behind a mask, and write text while they learn."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from trainers.data.base import Task, print_functions
from trainers.engine.learner import NetworkLearner
from trainers.engine.snapshot_schedule import Shutter
from trainers.entry import choose
from trainers.events import Event, Text
from trainers.objectives.losses import LOSSES, Loss, default_loss
from trainers.paradigms.base import Paradigm
from trainers.paradigms.language.decoding import Taste, continued, drawn

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from trainers.data import DataSet
    from trainers.data.batches import Batch
    from trainers.data.splits import Prepared, Split
    from trainers.job import Job

IGNORED = -100  # what torch's losses take for a target that does not count
LONGEST = 1.5  # seconds for one sample text; what is not written by then stays unwritten


class Language(Paradigm):
    """Learns to write: which token comes next, or which one was hidden. Nobody has to label anything."""

    name: ClassVar[str] = "language"
    label: ClassVar[str] = "Language model"
    tasks: ClassVar[frozenset[Task]] = frozenset({"language"})
    chooses_loss: ClassVar[bool] = True
    cards: ClassVar[tuple[str, ...]] = ("generated_text",)
    panels: ClassVar[tuple[str, ...]] = ("text_generation", "token_loss", "attention")

    predicts: Literal["next_token", "masked_token"] = Field(
        "next_token", description="next token: what follows, as GPT; masked token: what was hidden, as BERT."
    )
    mask_share: float = Field(0.15, gt=0, le=0.9, description="Masked token: the share of the tokens that is hidden.")
    loss: str | dict[str, Any] | None = Field(None, description="What training makes small; empty: cross-entropy.")
    prompt: str = Field("", max_length=2000, description="What the sample texts begin with.")
    sample_length: int = Field(160, ge=0, le=2000, description="Tokens in a sample text; 0: none while it trains.")
    temperature: float = Field(
        0.8, ge=0, le=5, description="Below 1 samples keep to what is likely, above 1 they dare more; 0: the likeliest."
    )
    top_k: int | None = Field(None, ge=1, le=100_000, description="Draw among so many likeliest tokens. Empty: all.")

    @property
    def masks(self) -> bool:
        """Whether tokens are hidden and guessed, instead of the next one predicted."""
        return self.predicts == "masked_token"

    @property
    def taste(self) -> Taste:
        """How sample texts are drawn."""
        return Taste(self.temperature, self.top_k)

    def loss_for(self, dataset: DataSet) -> Loss:
        return default_loss("language") if self.loss is None else choose(LOSSES, self.loss, "loss")

    def token_count(self, dataset: DataSet) -> int:
        return dataset.vocabulary_count + self.masks  # the mask is the number behind the last token

    def masking_source(self, dataset: DataSet) -> str:
        if not self.masks:
            return ""
        options = {"mask": str(dataset.vocabulary_count), "share": repr(self.mask_share)}
        return print_functions((hide, {**options, "generator": "None", "whole": "False"}))

    def card_facts(self) -> dict[str, Any]:
        return {"predicts": self.predicts}

    def learner(
        self, job: Job, prepared: Prepared, device: str, total_steps: int, steps_per_epoch: int
    ) -> LanguageLearner:
        return LanguageLearner(self, job, prepared, device, total_steps, steps_per_epoch)


class LanguageLearner(NetworkLearner):
    """One network that gives a score for every token of the vocabulary, at every place of a text."""

    def __init__(self, paradigm: Language, job: Job, prepared: Prepared, device: str, *steps: int) -> None:
        import torch

        super().__init__(job, prepared, device, *steps)
        self.paradigm = paradigm
        self.criterion = paradigm.loss_for(job.dataset).build()
        self.mask = job.dataset.vocabulary_count
        self.generator = torch.Generator().manual_seed(job.settings.seed)  # of the sample texts, and of nothing else
        self.shutter = Shutter(steps[0])

    def step(self, batch: Batch) -> Tensor:
        inputs, targets = batch.inputs, batch.targets
        if self.paradigm.masks:
            given, targets = hide(inputs[0], self.mask, self.paradigm.mask_share)  # torch's own random numbers
            return super().step(batch._replace(inputs=(given,), targets=targets))
        return super().step(batch)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        loss: Tensor = self.criterion(outputs, targets)
        return loss

    def digest(self, outputs: Tensor) -> Tensor:
        return outputs.argmax(dim=-1)

    def metrics(self, outputs: Tensor, targets: Tensor, split: Split | None, costly: bool) -> dict[str, float]:
        counts = targets != IGNORED
        return {"token_accuracy": float((outputs == targets)[counts].float().mean())}

    def evaluate(self, split: Split, costly: bool = False) -> dict[str, float]:
        import torch

        if self.paradigm.masks:  # the same tokens are hidden every time, or no two epochs could be compared
            generator = torch.Generator(self.device).manual_seed(self.job.settings.seed)
            given, targets = hide(split.inputs[0], self.mask, self.paradigm.mask_share, generator)
            split = type(split)((given,), targets, split.indices)
        scores = super().evaluate(split, costly)
        return {"loss": scores["loss"], "perplexity": math.exp(min(scores["loss"], 700.0))} | scores

    # -- sample texts -------------------------------------------------------------------------------------------------

    def snapshots(self, step: int) -> Iterator[Event]:
        """A sample text now and then: asked between two steps, a few times a second."""
        if not self.paradigm.sample_length or not self.shutter.due(step):
            return
        self.model.eval()
        try:
            pieces = self._filled() if self.paradigm.masks else self._written()
        finally:
            self.model.train()
        yield Text(step, pieces)
        self.shutter.taken(step)

    def _written(self) -> tuple[tuple[str, str], ...]:
        from trainers.paradigms.language.sample_text import start_of, text_of

        dataset, paradigm = self.job.dataset, self.paradigm
        prompt = start_of(paradigm.prompt, dataset)
        tokens: list[int] = []
        begun = time.perf_counter()
        context = dataset.input_shape[0]
        for token in continued(self.model, prompt, paradigm.sample_length, context, paradigm.taste, self.generator):
            tokens.append(token)
            if time.perf_counter() - begun > LONGEST:
                break
        return text_of([(prompt, "given"), (tokens, "new")], dataset)

    def _filled(self) -> tuple[tuple[str, str], ...]:
        """A sample that was held out, with its hidden tokens guessed."""
        import torch

        from trainers.paradigms.language.sample_text import compared

        split = self.prepared.validation if len(self.prepared.validation) else self.prepared.training
        number = int(torch.randint(len(split), (1,), generator=self.generator))
        tokens = split.inputs[0][number : number + 1].cpu()
        given, truth = hide(tokens, self.mask, self.paradigm.mask_share, self.generator, whole=True)
        with torch.inference_mode():
            guesses = drawn(self.model(given.to(self.device)), self.paradigm.taste, self.generator)
        return compared(tokens[0].tolist(), guesses[0].tolist(), (truth[0] != IGNORED).tolist(), self.job.dataset)


def hide(
    inputs: Tensor, mask: int, share: float, generator: torch.Generator | None = None, whole: bool = False
) -> tuple[Tensor, Tensor]:
    """Tokens (N, T) with a share of them hidden, and the targets: -100 wherever a token is not to be guessed.

    One place of every sample is hidden at least. Of the hidden ones 80 % are masked, 10 % are another token and 10 %
    stay what they are (whole: all are masked), as in Devlin et al., BERT, 2019.
    """
    import torch

    def random() -> Tensor:
        return torch.rand(inputs.shape, generator=generator, device=inputs.device)

    noise = random()
    chosen = noise <= noise.amin(dim=1, keepdim=True).clamp(min=share)
    how = random()
    other = (random() * mask).long()
    changed = torch.where(how < 0.8, torch.full_like(inputs, mask), inputs)
    changed = torch.where((how >= 0.8) & (how < 0.9), other, changed)
    changed = torch.full_like(inputs, mask) if whole else changed
    return torch.where(chosen, changed, inputs), inputs.masked_fill(~chosen, -100)
