"""The card of a model: what somebody who uses it has to know of its data."""

from __future__ import annotations

from typing import Any

from trainers.data.splits import Prepared
from trainers.job import Job


def card(job: Job, prepared: Prepared, scores: dict[str, float], run: str) -> dict[str, Any]:
    """The card of a model: how its inputs are scaled, what its outputs mean, its test metrics."""
    made: dict[str, Any] = {
        "inputs": [figures and figures.as_dict() for figures in prepared.standardisation],
        "classes": list(prepared.classes),
        "task": prepared.task,
        "data": job.dataset.name,
        "data_title": job.dataset.title,
        "features": list(job.dataset.feature_names),
        "scores": {f"test {name}": value for name, value in scores.items()},
        "run": run,
        **job.paradigm.card_facts(),
    }
    if job.dataset.vocabulary:
        made["vocabulary"] = list(job.dataset.vocabulary)
        made["tokens"] = job.dataset.tokens
    if prepared.target_standardisation is not None:
        made["targets"] = prepared.target_standardisation.as_dict()
        made["target_shape"] = list(job.dataset.target_shape)
    return made
