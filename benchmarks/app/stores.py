"""Stores with many runs, made by the store's own functions: 10,000 runs, and one run of a million rows."""

from __future__ import annotations

import builder
import trainers
from trainers.events import Event, Metric, Progress
from trainers.runs.facts import facts
from trainers.runs.store import Store

EVENTS = 50_000  # in one transaction


def fill(store: Store, runs: int, template: str = "digits_cnn", epochs: int = 10) -> None:
    """Runs that are over, each with a training loss and the metrics of `epochs` epochs."""
    job = trainers.Job.from_document(builder.template(template))
    text, known = job.to_json(), facts(job)
    for number in range(runs):
        run = store.create(f"Run {number} of {job.document.name}", text, epochs, epochs, facts=known)
        events: list[Event] = []
        for epoch in range(1, epochs + 1):
            for split, name, value in (
                ("training", "loss", 2 / epoch), ("validation", "loss", 2.2 / epoch),
                ("validation", "accuracy", 1 - 1 / (epoch + number % 7)),
            ):  # fmt: skip
                events.append(Metric(epoch, epoch, split, name, value))  # type: ignore[arg-type]
        events.append(Metric(epochs, epochs, "test", "accuracy", 0.9))
        state = Progress("finished", epochs, epochs, epochs, epochs, 60.0, 0, 100.0, "cpu", "", 1.7e9 + number, 1.7e9)
        store.write(run, [*events, state])
    store.close()


def long_run(store: Store, document: builder.Document, rows: int = 1_000_000) -> str:
    """A run that is over and has `rows` rows of metrics; returns its id."""
    job = trainers.Job.from_document(document)
    run = store.create(job.document.name, job.to_json(), rows, 100, facts=facts(job))
    events: list[Event] = []
    for step in range(1, rows - 200 + 1):
        events.append(Metric(step, 1 + step * 100 // rows, "training", "loss", 2.0 / (1 + step % 1000) + 1000 / step))
        if len(events) == EVENTS:
            store.write(run, events)
            events = []
    for epoch in range(1, 101):
        step = epoch * (rows // 100)
        events.append(Metric(step, epoch, "validation", "loss", 2.0 / epoch))
        events.append(Metric(step, epoch, "validation", "accuracy", 1 - 1 / epoch))
    store.write(run, [*events, Progress("finished", 100, 100, rows, rows, 3600.0, 0, 100.0, "cpu", "", 1.7e9, 1.7e9)])
    store.close()
    return run
