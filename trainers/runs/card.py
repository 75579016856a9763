"""The card of a model: what somebody who uses it has to know of its data. Nothing here imports torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainers.data.splits import Prepared
    from trainers.job import Job

if TYPE_CHECKING:
    from trainers.paradigms.base import Part

MOST_BYTES = 64 * 2**20  # of a header
TARGET_FACTS = ("targets", "target_shape", "classes")  # the keys of a card that are about the targets


def card(
    job: Job, prepared: Prepared, scores: dict[str, float], run: str, data: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The card of a model: how its inputs are scaled, what its outputs mean, its test metrics. `data`: the fingerprint
    of the data that it was trained on."""
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
        made["tokens"], made["lower"] = job.dataset.tokens, job.dataset.lower
    if prepared.target_standardisation is not None:
        made["targets"] = prepared.target_standardisation.as_dict()
        made["target_shape"] = list(job.dataset.target_shape)
    if data is not None:
        made["data_fingerprint"] = dict(data)
    return made


def part_card(card: dict[str, Any], part: Part, job: Job) -> dict[str, Any]:
    """The card of a part of a network: that of the whole model, without the facts that do not hold for the part."""
    facts = dict(card)
    inputs = facts["inputs"]
    if not part.takes_samples:
        facts["inputs"] = [None for node in part.document.nodes if node.role == "input"]
    if part.gives_samples or part.document.by_name.keys() != job.document.by_name.keys():
        facts = {key: value for key, value in facts.items() if key not in TARGET_FACTS}
    if part.gives_samples and inputs and inputs[0]:
        facts |= {"targets": inputs[0], "target_shape": list(job.dataset.input_shape)}
    return facts


def read_card(folder: Path) -> dict[str, Any] | None:
    """The card in a run's folder: inside the weights, or in card.json. None: neither can be read."""
    for read in (_from_weights, _from_file):
        try:
            card = json.loads(read(folder))
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if isinstance(card, dict) and "task" in card:
            return card
    return None


def _from_weights(folder: Path) -> str:
    with (folder / "best.safetensors").open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        if size > MOST_BYTES:
            raise ValueError
        return str(json.loads(file.read(size))["__metadata__"]["card"])


def _from_file(folder: Path) -> str:
    return (folder / "card.json").read_text(encoding="utf-8")
