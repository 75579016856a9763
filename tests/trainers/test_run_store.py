"""The store: finding runs of a document, reading new metrics only, and stores of older versions."""

from __future__ import annotations

from pathlib import Path

import torch

import trainers
from builder import Document
from trainers.engine import checkpoint
from trainers.events import Metric
from trainers.runs.run import Run
from trainers.runs.store import Store


def test_the_newest_run_of_a_document_is_found_by_the_id_of_the_document(moons: Document) -> None:
    store = Store()
    job = trainers.Job.from_document(moons)
    for origin in ("one", "two", ""):
        store.create("Same name", job.to_json(), 0, 1, origin)
    one = trainers.newest("one", "Same name")
    assert one is not None and one.origin == "one"
    other = trainers.newest("three", "Same name")
    assert other is not None and other.origin == ""
    assert trainers.newest("three", "Another name") is None


def test_metrics_are_read_once_and_again_after_a_step_back(moons: Document) -> None:
    store = Store()
    run = Run(store.create("one", trainers.Job.from_document(moons).to_json(), 0, 1), store)
    assert run.metrics_after(0, 0) == []
    store.write(run.id, [Metric(step, 1, "training", "loss", float(step)) for step in (1, 2, 3)])
    first = run.metrics_after(0, 0)
    assert first is not None and [row["step"] for row in first] == [1, 2, 3]
    assert run.metrics_after(first[-1]["row_id"], 3) == []
    store.write(run.id, [Metric(4, 1, "training", "loss", 4.0)])
    more = run.metrics_after(first[-1]["row_id"], 3)
    assert more is not None and [row["step"] for row in more] == [4]
    store.delete_after(run.id, 2)
    assert run.metrics_after(more[-1]["row_id"], 4) is None


def test_tensors_of_a_checkpoint_are_aligned_like_new_ones(tmp_path: Path) -> None:
    """Else dot products with them may be rounded differently, and a resumed run would have other results."""
    tree = {"state": [torch.arange(size, dtype=torch.float32) for size in (1, 3, 7, 130)], "step": torch.tensor(3.0)}
    checkpoint.save(tmp_path, 1, tree)
    loaded = checkpoint.load(tmp_path)
    for old, new in zip([*tree["state"], tree["step"]], [*loaded["state"], loaded["step"]], strict=True):
        assert torch.equal(old, new)
        assert new.data_ptr() % 64 == 0
