"""Checks of language models: a network must not see what it predicts, and must know the characters of the prompt."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING

import builder
from builder.analysis.infer import Analysis
from builder.edits import Edit
from builder.problems import NetloomError, Problem
from trainers.checks.base import JobCheck
from trainers.checks.objectives import with_paradigm
from trainers.checks.output_fixes import set_params
from trainers.data import DataError
from trainers.data.tokens import TokenError
from trainers.paradigms.language.decoding import encode_prompt

if TYPE_CHECKING:
    from torch import Tensor, nn

    from builder.analysis.plan import Step
    from trainers.job import Job

MOST_FLOPS, MOST_PARAMETERS = 3 * 10**9, 30_000_000  # larger networks are judged by their settings alone
SEES_LATER = {"causal": False, "bidirectional": True}  # settings with which a layer sees later tokens


class SeesLaterTokens(JobCheck):
    """A network that predicts the next token and sees it.

    It would learn to copy that token, reach a loss near zero, and generate nonsense. The check runs the network on two
    texts that differ in their last token alone: no output at an earlier position may change.

    Example: a TransformerEncoderLayer with `causal` false, or a bidirectional LSTM.

    Fix: set `causal` to true or `bidirectional` to false, or train on masked tokens instead.
    """

    code = "T170"
    category = "output"
    paradigms = ("language",)

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        if job.paradigm.masking_source(job.dataset):
            return
        suspects = [step for step in analysis.plan.steps if _hiding_settings(step)]
        if not _is_sound(job, analysis):
            yield from self._by_settings(suspects, analysis)
            return
        table = builder.summary(job.document)
        small = table["flops"].sum() <= MOST_FLOPS and table["parameters"].sum() <= MOST_PARAMETERS
        if not (_sees_later_tokens(_structure(job), job.dataset.text_input) if small else suspects):
            return
        edits = _hiding_edits(suspects, analysis)
        node = suspects[0].name if suspects else next(s.name for s in analysis.plan.steps if s.spec.role == "output")
        how = "Hide later tokens, or train on masked tokens instead."
        if not suspects:
            how = "Some layer mixes the positions of the text: remove it, or let it see earlier positions only."
        yield self.problem(
            node,
            "sees the tokens that the network is to predict: the output at one position changes with a later token, so "
            f"the network would learn to copy it. {how}",
            edits,
            "Hide later tokens" if edits else "",
        )

    def _by_settings(self, suspects: list[Step], analysis: Analysis) -> Iterator[Problem]:
        """For a network that does not run yet: each of its layers whose settings let it see later tokens."""
        for step in suspects:
            setting = ", ".join(f"{key} {str(value).lower()}" for key, value in _hiding_settings(step).items())
            yield self.problem(
                step.name,
                "sees the tokens that the network is to predict, because it reads the whole text at once: a network "
                f"that generates text may only see earlier tokens. Set {setting}, or train on masked tokens instead.",
                _hiding_edits([step], analysis),
                "Hide later tokens",
            )


def _hiding_edits(suspects: list[Step], analysis: Analysis) -> list[Edit]:
    """The settings that hide later tokens, as edits; one edit of a block fixes all of its uses."""
    edits: list[Edit] = []
    for step in suspects:
        edit = set_params(analysis, step.name, _hiding_settings(step))
        edits += [] if edit in edits else [edit]
    return edits


class UnknownPrompt(JobCheck):
    """A prompt with characters that are not in the vocabulary.

    Sample texts begin with the prompt, and the network has no number for a character that the text does not have.

    Example: the prompt “Où est” for a text in English.

    Fix: change the prompt, or leave it empty.
    """

    code = "T171"
    category = "paradigm"
    paradigms = ("language",)

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        prompt = job.paradigm.options().get("prompt", "")
        if not prompt or not job.dataset.ready():
            return
        try:
            encode_prompt(prompt, job.dataset)
        except TokenError as error:
            yield self.problem(None, f"The prompt: {error}", [with_paradigm(job, prompt=None)], "Use no prompt")
        except DataError:
            return  # the data set reports it itself


def _hiding_settings(step: Step) -> dict[str, bool]:
    """The settings that would keep a layer from seeing later tokens; empty where it sees none."""
    fields = type(step.spec).model_fields
    return {key: not bad for key, bad in SEES_LATER.items() if key in fields and getattr(step.spec, key) is bad}


def _is_sound(job: Job, analysis: Analysis) -> bool:
    """Whether the network runs and outputs scores for every position; other checks report it where it does not."""
    wanted = job.paradigm.target(job.dataset)
    outputs = [step.name for step in analysis.plan.steps if step.spec.role == "output"]
    inputs = [step.name for step in analysis.plan.steps if step.spec.role == "input"]
    return (
        len(outputs) == 1
        and len(inputs) == len(job.dataset.signals)
        and not analysis.failures
        and outputs[0] in analysis.facts
        and analysis.facts[outputs[0]].signal.shape == wanted.per_class(wanted.classes)
    )


def _structure(job: Job) -> str:
    """The document without what does not change the network."""
    return builder.dump(job.document.changed(training={}, layout={}, name="", description="", lesson=""))


@functools.lru_cache(maxsize=64)
def _sees_later_tokens(structure: str, text_input: int) -> bool:
    """Whether an output at an earlier position changes with the last token of the text."""
    import torch

    from trainers.engine.threads import threads

    document = builder.load(structure)
    try:
        model = _random_weights(document)
        first, second = (_sample(document, text_input, last) for last in (0, 1))
        with threads(1), torch.inference_mode():  # small steps: more threads would wait for each other
            one, other = (model(*inputs)[0, :-1] for inputs in (first, second))
    except (NetloomError, RuntimeError):
        return False  # another check reports what keeps it from running
    return not torch.allclose(one, other, rtol=1e-5, atol=1e-7)


def _sample(document: builder.Document, text_input: int, last: int) -> list[Tensor]:
    """Zeros for every Input; the text ends with the token `last`."""
    import torch

    inputs = []
    for node in document.nodes:
        if node.role == "input":
            spec = node.spec
            dtype = torch.int64 if spec.dtype == "int" else torch.float32  # type: ignore[attr-defined]
            inputs.append(torch.zeros(1, *spec.shape, dtype=dtype))  # type: ignore[attr-defined]
    inputs[text_input][0, -1] = last
    return inputs


def _random_weights(document: builder.Document) -> nn.Module:
    """The network with random weights, without torch's own generator, which a running training may be using."""
    import torch

    with torch.device("meta"):
        model = builder.compile(document)
    model = model.to_empty(device="cpu").eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in model.parameters():
            weight.uniform_(-0.3, 0.3, generator=generator)
        for buffer in model.buffers():
            if buffer.is_floating_point():
                buffer.uniform_(0.5, 1.0, generator=generator)
            else:
                buffer.zero_()
    return model
