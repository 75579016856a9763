"""Language models: predict the next token of a text, or masked tokens, and generate text while they train."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from builder.problems import ExportError
from trainers.engine.learner import NetworkLearner
from trainers.engine.snapshot_schedule import SnapshotSchedule
from trainers.entry import choose
from trainers.events import Event, Text
from trainers.objectives.registry import all_losses, default_loss
from trainers.paradigms.base import Paradigm
from trainers.paradigms.language.decoding import (
    Pieces,
    SamplingOptions,
    compared_pieces,
    encode_prompt,
    generate_tokens,
    other_texts,
    pieces_of,
    sample_tokens,
)
from trainers.paradigms.language.script import continuing_script, filling_script
from trainers.script.sources import print_functions

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from builder.exports.companions import Script
    from trainers.data import DataSet
    from trainers.data.batches import Batch
    from trainers.data.splits import Prepared, Split
    from trainers.job import Job
    from trainers.objectives.losses import Loss

IGNORED = -100  # the target that torch's losses ignore
MOST_SECONDS = 1.5  # for one sample text: generation stops after that


class Language(Paradigm):
    """Learns to predict tokens: the next one, or those that are masked. No labels are needed.

    One input is the text. Further ones, such as a source sentence, are passed to the network as they are.
    """

    name: ClassVar[str] = "language"
    label: ClassVar[str] = "Language model"
    synonyms: ClassVar[tuple[str, ...]] = ("lm", "next_token", "masked_lm", "causal_lm", "self_supervised")
    tasks: ClassVar[frozenset[str]] = frozenset({"language"})
    chooses_loss: ClassVar[bool] = True
    cards: ClassVar[tuple[str, ...]] = ("generated_text",)
    panels: ClassVar[tuple[str, ...]] = ("text_generation", "token_loss", "attention")

    predicts: Literal["next_token", "masked_token"] = Field(
        "next_token",
        description="next_token: the following token, as in GPT; masked_token: masked ones, as in BERT.",
    )
    mask_share: float = Field(0.15, gt=0, le=0.9, description="masked_token: the share of the tokens that is masked.")
    loss: str | dict[str, Any] | None = Field(None, description="The loss that is minimised; empty: cross-entropy.")
    prompt: str = Field("", max_length=2000, description="The beginning of each sample text.")
    sample_length: int = Field(
        160, ge=0, le=2000, description="Tokens of a sample text; 0: none is generated during training."
    )
    temperature: float = Field(
        0.8,
        ge=0,
        le=5,
        description="Below 1 probable tokens become more probable, above 1 less; 0 takes the most probable one.",
    )
    top_k: int | None = Field(
        None, ge=1, le=100_000, description="Sample among so many most probable tokens. Empty: among all."
    )

    @property
    def masks_tokens(self) -> bool:
        """Whether tokens are masked and predicted, instead of the next one."""
        return self.predicts == "masked_token"

    def mask_token(self, dataset: DataSet) -> int:
        """The number of the mask: the one behind the last token of the vocabulary."""
        return dataset.target_vocabulary_count

    @property
    def sampling(self) -> SamplingOptions:
        """How the tokens of sample texts are sampled."""
        return SamplingOptions(self.temperature, self.top_k)

    def loss_for(self, dataset: DataSet) -> Loss:
        return default_loss(dataset.task) if self.loss is None else choose(all_losses(), self.loss, "loss")

    def token_counts(self, dataset: DataSet) -> tuple[int, ...]:
        counts = list(super().token_counts(dataset))
        counts[dataset.text_input] += self.masks_tokens
        return tuple(counts)

    def masking_source(self, dataset: DataSet) -> str:
        if not self.masks_tokens:
            return ""
        options = {"mask": str(self.mask_token(dataset)), "share": repr(self.mask_share)}
        return print_functions((hide, {**options, "generator": "None", "whole": "False"}))

    def as_evaluated(self, job: Job, split: Split) -> Split:
        """The same tokens are masked every time, so that epochs can be compared."""
        if not self.masks_tokens:
            return split
        import torch

        place = job.dataset.text_input
        generator = torch.Generator(split.inputs[place].device).manual_seed(job.settings.seed)
        given, targets = hide(split.inputs[place], self.mask_token(job.dataset), self.mask_share, generator)
        return dataclasses.replace(split, inputs=replaced(split.inputs, place, given), targets=targets)

    def predict_script(self, job: Job, model: nn.Module, title: str) -> Script:
        if len(job.dataset.signals) != 1:
            raise ExportError("the network has further inputs than the text that it continues.")
        if self.masks_tokens:
            return filling_script(job, model, title, self.mask_token(job.dataset))
        return continuing_script(job, model, title)

    def card_facts(self) -> dict[str, Any]:
        return {"predicts": self.predicts}

    def learner(
        self, job: Job, prepared: Prepared, device: str, total_steps: int, steps_per_epoch: int
    ) -> LanguageLearner:
        return LanguageLearner(self, job, prepared, device, total_steps, steps_per_epoch)


class LanguageLearner(NetworkLearner):
    """One network that outputs a score for every token of the vocabulary, at every position of a text."""

    def __init__(self, paradigm: Language, job: Job, prepared: Prepared, device: str, *steps: int) -> None:
        import torch

        super().__init__(job, prepared, device, *steps)
        self.paradigm = paradigm
        self.criterion = paradigm.loss_for(job.dataset).build(target=paradigm.target(job.dataset))
        self.text_input = job.dataset.text_input
        self.mask = paradigm.mask_token(job.dataset)
        self.generator = torch.Generator().manual_seed(job.settings.seed)  # of the sample texts, and of nothing else
        self.snapshot_schedule = SnapshotSchedule(steps[0])

    def step(self, batch: Batch) -> Tensor:
        if not self.paradigm.masks_tokens:
            return super().step(batch)
        text = batch.inputs[self.text_input]
        given, targets = hide(text, self.mask, self.paradigm.mask_share)  # by torch's own generator
        return super().step(batch._replace(inputs=replaced(batch.inputs, self.text_input, given), targets=targets))

    def loss(self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        return self.criterion(outputs, targets)

    def reduce_outputs(self, outputs: Tensor) -> Tensor:
        return outputs.argmax(dim=-1)

    def metrics(self, outputs: Tensor, targets: Tensor, split: Split | None, costly: bool) -> dict[str, float]:
        counts = targets != IGNORED
        return {"token_accuracy": float((outputs == targets)[counts].float().mean())}

    def evaluate(self, split: Split, costly: bool = False) -> dict[str, float]:
        split = self.paradigm.as_evaluated(self.job, split)
        target = self.paradigm.target(self.job.dataset)
        self.guesses = target.entry.guesses(self.prepared.training.targets, split.targets, target)
        found = super().evaluate(split, costly)
        return {"loss": found["loss"], "perplexity": math.exp(min(found["loss"], 700.0))} | found

    # -- sample texts -------------------------------------------------------------------------------------------------

    def snapshots(self, step: int) -> Iterator[Event]:
        """A sample text now and then: asked between two steps, a few times a second."""
        if not self.paradigm.sample_length or not self.snapshot_schedule.due(step):
            return
        self.model.eval()
        try:
            pieces = self._predicted_masks() if self.paradigm.masks_tokens else self._generated()
        finally:
            self.model.train()
        yield Text(step, pieces)
        self.snapshot_schedule.taken(step)

    def _generated(self) -> Pieces:
        """Text that continues the prompt; with further inputs, such as a source sentence, those of a random sample."""
        dataset, paradigm = self.job.dataset, self.paradigm
        prompt = encode_prompt(paradigm.prompt, dataset)
        source, inputs = "", (None,)
        if len(dataset.signals) > 1:
            sample = self._random_sample()
            source = "\n".join([*other_texts(sample, dataset), ""])
            inputs = replaced(sample, self.text_input, None)
        tokens: list[int] = []
        start = time.perf_counter()
        context = dataset.signals[self.text_input].shape[0]
        options = paradigm.sampling
        for token in generate_tokens(
            self.model, prompt, paradigm.sample_length, context, options, self.generator, inputs
        ):
            tokens.append(token)
            if time.perf_counter() - start > MOST_SECONDS:
                break
        pieces = pieces_of([(prompt, "given"), (tokens, "new")], dataset)
        return ((source, "given"), *pieces) if source else pieces

    def _predicted_masks(self) -> Pieces:
        """A random validation sample with predictions for its masked tokens."""
        import torch

        sample = self._random_sample()
        tokens = sample[self.text_input]
        given, truth = hide(tokens, self.mask, self.paradigm.mask_share, self.generator, whole=True)
        inputs = replaced(sample, self.text_input, given)
        with torch.inference_mode():
            outputs = self.model(*(each.to(self.device) for each in inputs))
            predicted = sample_tokens(outputs, self.paradigm.sampling, self.generator)
        masked = (truth[0] != IGNORED).tolist()
        return compared_pieces(tokens[0].tolist(), predicted[0].tolist(), masked, self.job.dataset)

    def _random_sample(self) -> tuple[Tensor, ...]:
        """The inputs of one validation sample, (1, …) each, on the CPU."""
        import torch

        split = self.prepared.validation if len(self.prepared.validation) else self.prepared.training
        number = int(torch.randint(len(split), (1,), generator=self.generator))
        return tuple(given[number : number + 1].cpu() for given in split.inputs)


def replaced(inputs: tuple[Any, ...], place: int, value: Any) -> tuple[Any, ...]:
    """The inputs with another value in one place."""
    return (*inputs[:place], value, *inputs[place + 1 :])


def hide(
    inputs: Tensor, mask: int, share: float, generator: torch.Generator | None = None, whole: bool = False
) -> tuple[Tensor, Tensor]:
    """Tokens (N, T) with a share of them masked, and the targets: -100 at every token that is not to be predicted.

    At least one token of each sample is chosen. Of the chosen ones 80 % become the mask, 10 % another token, and 10 %
    stay as they are (whole: all become the mask), as in Devlin et al., BERT, 2019.
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
