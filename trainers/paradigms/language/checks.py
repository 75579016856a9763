"""Can the network learn to write? It must not see what it is to predict, and must know the prompt's characters."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

import builder
from builder.analysis.infer import Analysis
from builder.edits import Edit, SetTraining
from builder.problems import NetloomError, Problem
from trainers.checks.base import JobCheck
from trainers.checks.output_fixes import setting
from trainers.data import DataError
from trainers.data.tokens import TokenError
from trainers.paradigms.language.paradigm import Language
from trainers.paradigms.language.sample_text import start_of

if TYPE_CHECKING:
    from torch import nn

    from builder.analysis.plan import Step
    from trainers.job import Job

MOST_FLOPS, MOST_PARAMETERS = 3 * 10**9, 30_000_000  # larger networks are judged by their settings alone
PEEKING = {"causal": False, "bidirectional": True}  # settings that let a layer see what comes later


class LooksAhead(JobCheck):
    """A network that is to predict the next token must not see it: it would copy it and learn nothing. Found by running
    the network on two texts that differ in their last token alone. Mended by hiding what comes later."""

    code = "T170"
    category = "output"
    paradigms = ("language",)

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        if cast(Language, job.paradigm).masks or not _is_sound(job, analysis):
            return
        peeking = [step for step in analysis.plan.steps if _peeks(step)]
        table = builder.summary(job.document)
        small = table["flops"].sum() <= MOST_FLOPS and table["parameters"].sum() <= MOST_PARAMETERS
        if not (_looks_ahead(_structure(job)) if small else peeking):
            return
        edits: list[Edit] = []
        for step in peeking:  # all uses of a block are mended by one edit of it
            edit = setting(analysis, step.name, _peeks(step))
            edits += [] if edit in edits else [edit]
        where = peeking[0].name if peeking else next(s.name for s in analysis.plan.steps if s.spec.role == "output")
        how = "Hide what comes later, or train on masked tokens instead."
        if not peeking:
            how = "Some layer mixes the places of the text: take it out, or let it see earlier places only."
        yield self.problem(
            where,
            "sees the tokens that the network is to predict: the output at one place changes with a later token, so it "
            f"would learn to copy. {how}",
            edits,
            "Hide later tokens" if edits else "",
        )


class UnknownPrompt(JobCheck):
    """Sample texts begin with a prompt, whose characters the network must know. Mended by an empty prompt."""

    code = "T171"
    category = "paradigm"
    paradigms = ("language",)

    def find(self, job: Job, analysis: Analysis) -> Iterator[Problem]:
        prompt = cast(Language, job.paradigm).prompt
        if not prompt or not job.dataset.ready():
            return
        try:
            start_of(prompt, job.dataset)
        except TokenError as error:
            training = job.document.training
            paradigm = {key: value for key, value in dict(training["paradigm"]).items() if key != "prompt"}
            yield self.problem(
                None, f"The prompt: {error}", [SetTraining({**training, "paradigm": paradigm})], "Use no prompt"
            )
        except DataError:
            return  # the data set says so itself


def _peeks(step: Step) -> dict[str, bool]:
    """The settings that would keep a layer from seeing what comes later; empty where it does not."""
    fields = type(step.spec).model_fields
    return {key: not bad for key, bad in PEEKING.items() if key in fields and getattr(step.spec, key) is bad}


def _is_sound(job: Job, analysis: Analysis) -> bool:
    """Whether the network runs and gives scores for every place; other checks say it where it does not."""
    wanted = job.paradigm.target(job.dataset)
    outputs = [step.name for step in analysis.plan.steps if step.spec.role == "output"]
    return (
        len(outputs) == 1
        and not analysis.failures
        and outputs[0] in analysis.facts
        and analysis.facts[outputs[0]].signal.shape == wanted.per_class(wanted.classes)
    )


def _structure(job: Job) -> str:
    """The document without what does not change the network."""
    return builder.dump(job.document.changed(training={}, layout={}, name="", description="", lesson=""))


@functools.lru_cache(maxsize=64)
def _looks_ahead(structure: str) -> bool:
    """Whether an output at an earlier place changes with the last token."""
    import torch

    from trainers.engine.threads import threads

    document = builder.load(structure)
    try:
        model = _random(document)
        length = next(node.spec.shape for node in document.nodes if node.spec.role == "input")[0]  # type: ignore[attr-defined]
        texts = torch.zeros(2, length, dtype=torch.int64)
        texts[1, -1] = 1
        with threads(1), torch.inference_mode():  # small steps: more threads would wait for each other
            first, second = (model(text[None])[0, :-1] for text in texts)
    except (NetloomError, RuntimeError):
        return False  # another check says what keeps it from running
    return not torch.allclose(first, second, rtol=1e-5, atol=1e-7)


def _random(document: builder.Document) -> nn.Module:
    """The network with weights that are drawn without torch's own generator, which a running training may be using."""
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
