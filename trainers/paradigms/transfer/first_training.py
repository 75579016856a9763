"""A first training: the same network learns from another data set, so that it need not begin from nothing.

It is done once and kept in a file named by everything that decides it: the network, the data, the settings.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import builder
from builder.analysis.infer import analyse
from builder.document import Document
from builder.edits import apply_all
from trainers.home import home
from trainers.paradigms.transfer.source_weights import Origin, own_shapes
from trainers.paradigms.transfer.weight_files import WeightsError, shapes

if TYPE_CHECKING:
    from trainers.events import Event
    from trainers.job import Job
    from trainers.paradigms.transfer.paradigm import Transfer

Say = Callable[[str], None]
KEPT_SETTINGS = ("optimizer", "schedule", "initialisation", "seed", "device", "precision", "gradient_clip", "l1")


def job_of(job: Job, way: Transfer) -> Job:
    """The job of the first training: this network, with a head for the other data. WeightsError: it cannot be."""
    from trainers.binding import bind
    from trainers.checks import problems_of
    from trainers.job import Job

    source = way.first
    assert source is not None
    own = job.document.training
    loss = {"loss": way.loss} if way.loss is not None else {}
    training: dict[str, Any] = {name: own[name] for name in KEPT_SETTINGS if name in own}
    training |= {"data": dict(source.data), "epochs": source.epochs, "paradigm": {"name": "supervised", **loss}}
    try:
        made = Job(bind(with_head(job.document.changed(training=training))))
    except ValueError as error:
        raise WeightsError(f"The first training cannot be made: {error}") from None
    except builder.DocumentError as error:
        raise WeightsError(f"The first training cannot be made: {error.problems[0]}") from None
    wrong = next((problem for problem in problems_of(made) if problem.severity == "error"), None)
    if wrong is not None:
        raise WeightsError(f"The network cannot learn from {made.dataset.title} first: {wrong}")
    return made


def with_head(document: Document) -> Document:
    """The document with as many outputs as its data set has classes or numbers, where the last layer decides that."""
    from trainers.checks.base import fitting_loss, outputs
    from trainers.checks.output_fixes import mend
    from trainers.job import Job

    job, analysis = Job(document), analyse(document)
    loss = fitting_loss(job)
    for output in outputs(analysis) if loss is not None else ():
        wanted = loss.shapes(job.paradigm.target(job.dataset)) if loss is not None else ()
        if analysis.facts[output].signal.shape not in wanted:
            mending = mend(analysis, output, wanted)
            return apply_all(document, mending.edits) if mending is not None else document
    return document


def origin(job: Job, way: Transfer) -> Origin:
    """The weights of the first training: where they are or will be, and their shapes."""
    first = job_of(job, way)
    path = place(first)
    label = f"a first training on {described(first)}"
    if path.is_file():
        found = shapes(path)
        return Origin(label, path, "main/", {name.removeprefix("main/"): shape for name, shape in found.items()})
    return Origin(label, path, "main/", own_shapes(first.document))


def described(first: Job) -> str:
    """The data of a first training in a few words: of chosen classes, which."""
    classes = first.dataset.options().get("keep_classes")
    return first.dataset.title + (f", {', '.join(map(str, classes))}" if classes else "")


def place(first: Job) -> Path:
    """The file for the weights of a first training, named by everything that decides them."""
    bare = first.document.changed(name="", description="", lesson="", layout={})
    text = json.dumps([builder.dump(bare), first.dataset.options()], sort_keys=True)
    return home() / "first_trainings" / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.safetensors"


def ensure(job: Job, way: Transfer, say: Say) -> Path:
    """Train, unless it was done before. What `say` raises ends it; then nothing is kept."""
    first = job_of(job, way)
    path = place(first)
    if not path.is_file():
        learn(first, path, say)
    return path


def learn(first: Job, path: Path, say: Say) -> None:
    """Train a job from its first step to its last, and keep its best weights in a file."""
    import torch

    from builder.analysis.plan import make_plan
    from trainers.data.batches import Batches
    from trainers.engine import checkpoint
    from trainers.engine.device import resolve_device
    from trainers.engine.loop import Loop
    from trainers.engine.threads import thread_count, threads
    from trainers.probes import ProbeClock

    title, settings = described(first), first.settings
    say(f"It first learns from {title} …")
    prepared, device = first.prepare(), resolve_device(settings.device)
    torch.manual_seed(settings.seed)
    batches = Batches(prepared.training, first.batch_size, settings.seed, device, first.augmentations)
    total = batches.count * settings.epochs
    learner = first.paradigm.learner(first, prepared, device, total, batches.count)
    specs = {step.name: step.spec for step in make_plan(first.document).steps}

    def told(events: list[Event]) -> bool:
        epoch = min(loop.position.epoch + 1, settings.epochs)
        say(f"It first learns from {title}: epoch {epoch:,} of {settings.epochs:,} …")
        return False

    loop = Loop(
        learner, batches, prepared.validation.to(device), settings.epochs, None, None, told, ProbeClock(specs)
    )  # fmt: skip
    with threads(thread_count(first, batches.size, device)):
        loop.run()
    path.parent.mkdir(parents=True, exist_ok=True)
    checkpoint.save_weights(path, loop.best)
