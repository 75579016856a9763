"""train.py: the training of a document as a plain PyTorch script that a person would have written.

It goes into the zip beside model.py, and needs torch, numpy, scikit-learn and safetensors, and nothing of Netloom.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from builder.analysis.infer import infer
from builder.codegen.classes import class_names
from builder.codegen.expressions import expression, statement
from builder.document import Document
from builder.exports.companions import Absent
from builder.problems import NetloomError
from trainers.binding import bind
from trainers.checks.base import training_samples
from trainers.data.augmentation import source
from trainers.data.own.run_copies import data_of_run, folder_of_run
from trainers.job import Job
from trainers.script.data_lines import Plan, preparation, split, standardiser
from trainers.script.functions import ending, epochs, evaluate, initialise_call, training_functions
from trainers.script.predict_script import predict_files

if TYPE_CHECKING:
    from torch import nn


USED = {  # imports that only some scripts need, by the word that needs them
    "copy.": "import copy",
    "functools.": "import functools",
    "math.": "import math",
    "train_test_split(": "from sklearn.model_selection import train_test_split",
}


def companion_files(document: Document, model: nn.Module) -> Mapping[str, str]:
    """train.py and predict.py for the zip; of each that cannot be written, an `Absent` says why."""
    if not document.training:
        return {}
    with data_of_run(folder_of_run((getattr(model, "card", None) or {}).get("run")), document.training):
        try:
            text = train_script(document)
        except NetloomError as error:
            text = Absent(f"{str(error).rstrip('.')}.")
        return {"train.py": text, **predict_files(document, model)}


def train_script(document: Document) -> str:
    """The text of train.py.

    Raises:
        NetloomError: the document cannot be trained as it is, or it is not trained on samples with targets.
    """
    plan = _plan(document)
    imports, functions = _parts(plan.job.dataset.source())
    more, augmentation = _parts(
        source(plan.job.augmentations, plan.target.entry.follows_images, len(plan.job.dataset.signals))
    )
    also, hiding = _parts(plan.hiding)
    for_loss, loss = _parts(plan.loss.source())
    for_start, start = _parts(plan.initialise_source)
    data = [functions, augmentation, hiding, split(plan), standardiser(plan)]
    body = [*data, loss, evaluate(plan), start, *training_functions(plan), _main(plan)]
    text = "\n\n\n".join("\n".join(part) for part in body if part)
    head = "\n".join(_head(plan, imports | more | also | for_loss | for_start, text))
    return f'{head}\n\n\n{text}\n\n\nif __name__ == "__main__":\n    main()\n'


def _plan(document: Document) -> Plan:
    job = Job(bind(document))
    if job.dataset.gone:
        raise NetloomError("the data set that the network was trained on was removed, or is another one now")
    ends = [node for node in job.document.nodes if node.spec.role == "output"]
    entries = [node for node in job.document.nodes if node.spec.role == "input"]
    loss = job.paradigm.loss_for(job.dataset)
    if loss is None or not job.paradigm.exports_script:
        raise NetloomError(
            f"“{job.paradigm.label}” does more in a step than to compare outputs with targets, which is all that the "
            "script can print"
        )
    if len(ends) != 1 or len(entries) != len(job.dataset.signals):
        raise NetloomError("the script is written for networks with one output and an Input for each input of the data")
    shape = infer(job.document).get(ends[0].name, ())
    training = training_samples(job)
    size = training if job.batch_size == "full" else job.batch_size
    steps = job.settings.epochs * -(-training // size)
    steps = min(steps, job.settings.max_steps or steps)
    name = next(iter(class_names(job.document).values()))
    return Plan(job, name, loss, job.paradigm.target(job.dataset), shape, steps)


def _parts(text: str) -> tuple[set[str], list[str]]:
    """The imports at the head of a source, and its functions."""
    head, _, body = text.partition("\n\n\n")
    return set(head.splitlines()), body.strip("\n").splitlines()


def _head(plan: Plan, imports: set[str], body: str) -> list[str]:
    """Docstring, imports in their usual order, and the settings that one may want to change."""
    settings = plan.job.settings
    wanted = {*imports, "import argparse", "import numpy as np", "import torch"}
    wanted |= {"from safetensors.torch import save_file"}
    wanted |= {line for word, line in USED.items() if word in body}
    tensors = [name for name, word in (("Tensor", "Tensor"), ("nn", "nn.")) if word in body]
    wanted -= {"from torch import Tensor", "from torch import nn"}
    wanted |= {f"from torch import {', '.join(tensors)}"} if tensors else set()
    standard = [line for line in wanted if line.split()[1].split(".")[0] in sys.stdlib_module_names]
    others = [line for line in wanted if line and line not in standard]
    by_name = [sorted(lines, key=lambda line: (line.startswith("from "), line)) for lines in (standard, others)]
    lines = [
        f'"""Trains {plan.class_name} on {plan.job.dataset.name} and saves its weights to model.safetensors.',
        "",
        "Network, data and method are those of Netloom; the random numbers differ, so the metrics differ a little.",
        "For a first try: python train.py --epochs 1",
        '"""',
        "",
        *by_name[0],
        "",
        *by_name[1],
        "",
        f"from model import {plan.class_name}",
        "",
        f"SEED = {settings.seed}",
        f"EPOCHS = {settings.epochs}",
    ]
    if settings.max_steps:
        lines.append(f"MAX_STEPS = {settings.max_steps}")
    if plan.job.batch_size != "full":
        lines.append(f"BATCH_SIZE = {plan.job.batch_size}")
    return lines


def _main(plan: Plan) -> list[str]:
    """The function that does everything, in order."""
    settings = plan.job.settings
    device = '"cuda" if torch.cuda.is_available() else "cpu"' if settings.device == "auto" else f'"{settings.device}"'
    lines = [
        "def main():",
        '    """Load, split, train, test, save."""',
        "    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)",
        '    parser.add_argument("--epochs", type=int, default=EPOCHS)',
        "    epochs = parser.parse_args().epochs",
        "",
        *([f"    torch.set_num_threads({settings.threads})"] if settings.threads else []),
        "    torch.manual_seed(SEED)",
        f"    device = {device}",
        *preparation(plan),
        "",
        f"    model = {plan.class_name}().to(device)",
    ]
    lines += initialise_call(plan)
    if settings.compile:
        lines.append("    model.compile()")
    criterion = plan.loss.render("class_weights" if plan.weighted else "", "none" if plan.by_sample else "mean")
    lines += statement("criterion = ", expression(criterion), 4)
    lines += statement("optimizer = ", expression(plan.job.optimizer.render()), 4)
    if plan.schedule:
        lines += statement("scheduler = ", expression(plan.schedule), 4)
    return [*lines, *epochs(plan), *ending(plan)]
