"""predict.py of a language model: a prompt, and the text that the network goes on with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from builder.exports.companions import Script, Trial
from builder.problems import ExportError
from trainers.data.tokens import TokenError, decode
from trainers.paradigms.language.decoding import SamplingOptions, encode_prompt, generate_tokens
from trainers.script.assembling import whole_script

if TYPE_CHECKING:
    from torch import nn

    from trainers.job import Job

USAGE = "`python predict.py PROMPT --length 200 --out continuation.txt` continues a text; without `--out` it prints it."
TRIED = 24  # tokens
PROMPT = 12  # tokens of a prompt from the test part
IMPORTS = ("import argparse", "import torch", "from model import generate", "from pathlib import Path")
MAIN = '''
def main():
    """Continue the prompt, and print the text or write it to a file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("prompt", nargs="?", default="", help="the beginning of a text")
    parser.add_argument("--length", type=int, default=200, help="tokens to add")
    parser.add_argument("--temperature", type=float, default=0.8, help="0: always the most probable token")
    parser.add_argument("--seed", type=int, default=0, help="another one gives another text")
    parser.add_argument("--out", help="a file for the text")
    given = parser.parse_args()
    torch.manual_seed(given.seed)
    try:
        text = generate(given.prompt, given.length, given.temperature)
    except ValueError as error:
        parser.error(str(error))
    if given.out is None:
        print(text)
    else:
        Path(given.out).write_text(text, encoding="utf-8", newline="")


if __name__ == "__main__":
    main()
'''


def continuing_script(job: Job, model: nn.Module, title: str) -> Script:
    """predict.py of a network that predicts the next token of one text."""
    about = [
        f"Continues a text with the network that was trained on {title}.",
        "",
        'python predict.py "the beginning of a text" --length 200',
    ]
    return Script(whole_script(about, [], MAIN, IMPORTS), USAGE, _trial(job, model))


def _trial(job: Job, model: nn.Module) -> Trial:
    """Continue a text of the test part by the most probable tokens, and compare it with what Netloom generates."""
    expected: list[str] = []

    def prepare(folder: Path) -> list[str]:
        dataset, prepared = job.dataset, job.prepare()
        part = next(each for each in (prepared.test, prepared.validation, prepared.training) if len(each))
        sample = np.asarray(part.inputs[dataset.text_input][0]).ravel()
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
