"""predict.py of a language model: a prompt that the network continues, or a text whose masked tokens it predicts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from builder.exports.companions import Script, Trial
from builder.problems import ExportError
from trainers.data.tokens import TokenError, decode
from trainers.paradigms.language.decoding import (
    SamplingOptions,
    encode_masked,
    encode_prompt,
    fill_masks,
    generate_tokens,
)
from trainers.script.assembling import whole_script

if TYPE_CHECKING:
    from torch import nn

    from trainers.job import Job

USAGE = "`python predict.py PROMPT --length 200 --out continuation.txt` continues a text; without `--out` it prints it."
TRIED = 24  # tokens
PROMPT = 12  # tokens of a prompt from the test part
FILLS = '`python predict.py "a text with <mask> in it" --out filled.txt` predicts each; without `--out` it prints them.'
MASKED_EVERY = 5  # tokens of the text that is tried
IMPORTS = ("import argparse", "import torch", "from model import generate", "from pathlib import Path")
MAIN = '''
def main():
    """{DOES}, and print the text or write it to a file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
{ARGUMENTS}
    parser.add_argument("--seed", type=int, default=0, help="another one gives another text")
    parser.add_argument("--out", help="a file for the text")
    given = parser.parse_args()
    torch.manual_seed(given.seed)
    try:
        text = {CALL}
    except ValueError as error:
        parser.error(str(error))
    if given.out is None:
        print(text)
    else:
        Path(given.out).write_text(text, encoding="utf-8", newline="")


if __name__ == "__main__":
    main()
'''
PROMPTED = """    parser.add_argument("prompt", nargs="?", default="", help="the beginning of a text")
    parser.add_argument("--length", type=int, default=200, help="tokens to add")
    parser.add_argument("--temperature", type=float, default=0.8, help="0: always the most probable token")"""
GIVEN = """    parser.add_argument("text", help="a text with <mask> in the place of each token to predict")
    parser.add_argument("--temperature", type=float, default=0.0, help="0: always the most probable token")"""
CONTINUES = ("Continue the prompt", PROMPTED, "generate(given.prompt, given.length, given.temperature)")
PREDICTS = ("Predict the masked tokens", GIVEN, "filled(given.text, given.temperature)")
FILLED = '''
def filled(text, temperature):
    """The text with a prediction in the place of each <mask>. ValueError: none is there, or the text is too long."""
    count = sum(len(encode(part)) for part in text.split("<mask>")) + text.count("<mask>")
    if "<mask>" not in text or count > LENGTH:
        raise ValueError(f"Put <mask> in the place of each token to predict, in a text of at most {LENGTH} tokens.")
    return fill(text, temperature)

'''


def _main(does: str, arguments: str, call: str) -> str:
    return MAIN.replace("{DOES}", does).replace("{ARGUMENTS}", arguments).replace("{CALL}", call)


def continuing_script(job: Job, model: nn.Module, title: str) -> Script:
    """predict.py of a network that predicts the next token of one text."""
    about = [
        f"Continues a text with the network that was trained on {title}.",
        "",
        'python predict.py "the beginning of a text" --length 200',
    ]
    return Script(whole_script(about, [], _main(*CONTINUES), IMPORTS), USAGE, _trial(job, model))


def filling_script(job: Job, model: nn.Module, title: str, mask: int) -> Script:
    """predict.py of a network that predicts masked tokens of one text."""
    about = [
        f"Predicts masked tokens with the network that was trained on {title}.",
        "",
        'python predict.py "a text with <mask> in the place of each token to predict"',
    ]
    imports = (*IMPORTS[:2], "from model import LENGTH, encode, fill", *IMPORTS[3:])
    text = whole_script(about, [], FILLED + _main(*PREDICTS), imports)
    return Script(text, FILLS, _filling_trial(job, model, mask))


def _filling_trial(job: Job, model: nn.Module, mask: int) -> Trial:
    """Predict some tokens of a text of the test part, and compare them with what Netloom predicts."""
    expected: list[str] = []

    def prepare(folder: Path) -> list[str]:
        import torch

        sample, dataset = _sample(job), job.dataset
        some = [mask if place % MASKED_EVERY == 1 else token for place, token in enumerate(sample[:TRIED].tolist())]
        text = decode(some, dataset.target_vocabulary, dataset.tokens)
        try:
            tokens = encode_masked(text, dataset, mask)[: len(sample)]
        except TokenError as error:
            raise ExportError(f"It cannot be tried: {error}") from None
        padded = tokens + [0] * (len(sample) - len(tokens))
        found = fill_masks(model, padded, mask, SamplingOptions(0.0), torch.Generator())[: len(tokens)]
        expected.append(decode(found, dataset.target_vocabulary, dataset.tokens))
        return ["--out=filled.txt", "--", text]

    def check(folder: Path) -> None:
        written = (folder / "filled.txt").read_text(encoding="utf-8")
        if "".join(written.split()) != "".join(expected[0].split()):
            raise ExportError("It predicts other tokens than the network does.")

    return Trial(prepare, check)


def _sample(job: Job) -> NDArray[np.int64]:
    """The tokens of a sample of the test part, or else of another one."""
    prepared = job.prepare()
    part = next(each for each in (prepared.test, prepared.validation, prepared.training) if len(each))
    return np.asarray(part.inputs[job.dataset.text_input][0]).ravel()


def _trial(job: Job, model: nn.Module) -> Trial:
    """Continue a text of the test part by the most probable tokens, and compare it with what Netloom generates."""
    expected: list[str] = []

    def prepare(folder: Path) -> list[str]:
        sample, dataset = _sample(job), job.dataset
        prompt = decode(sample[:PROMPT].tolist(), dataset.target_vocabulary, dataset.tokens)
        try:
            start = encode_prompt(prompt, dataset)
        except TokenError as error:
            raise ExportError(f"It cannot be tried: {error}") from None
        expected.append(prompt + _continued(job, model, start, len(sample)))
        return [f"--length={TRIED}", "--temperature=0", "--out=continuation.txt", "--", prompt]

    def check(folder: Path) -> None:
        found = (folder / "continuation.txt").read_text(encoding="utf-8")
        if "".join(found.split()) != "".join(expected[0].split()):
            raise ExportError("It continues a text in another way than the network does.")

    return Trial(prepare, check)


def _continued(job: Job, model: nn.Module, start: list[int], context: int) -> str:
    import torch

    options, generator = SamplingOptions(0.0), torch.Generator()
    tokens = list(generate_tokens(model, start, TRIED, context, options, generator))
    return decode(tokens, job.dataset.target_vocabulary, job.dataset.tokens)
