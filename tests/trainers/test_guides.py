"""docs/adding_a_paradigm.md works as it stands: its files are saved beside ours, and a run is trained with them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import pages.parts.paradigms
import trainers
import trainers.paradigms
from builder import Document
from builder.registry import discover
from pages.parts import views
from tests import guides
from trainers.paradigms import PARADIGMS, Paradigm


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The files of the guide, in folders that the packages look through too."""
    for path, source in guides.files("adding_a_paradigm.md").items():
        place = tmp_path / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(source, encoding="utf-8")
    for package in (trainers.paradigms, pages.parts.paradigms):
        folder = str(tmp_path / package.__name__.replace(".", "/"))
        monkeypatch.setattr(package, "__path__", [*package.__path__, folder])
    found = discover(trainers.paradigms, Paradigm, lambda entry: entry.name, within_folders="paradigm")
    new = {name: entry for name, entry in found.items() if name not in PARADIGMS}
    assert set(new) == {"mixup"}
    for name, entry in new.items():
        monkeypatch.setitem(PARADIGMS, name, entry)
    views.all_views.cache_clear()
    yield
    views.all_views.cache_clear()


def test_the_paradigm_of_the_guide_trains(saved: None, moons: Document) -> None:
    document = moons.changed(training={**moons.training, "paradigm": {"name": "mixup", "alpha": 0.4}, "epochs": 12})
    assert not [problem for problem in trainers.check(document) if problem.severity == "error"]
    run = trainers.start(trainers.Job.from_document(document))
    assert run.wait(60) == "finished", run.progress().message
    assert run.scores()["accuracy"] > 0.8
    steps = run.snapshot_steps("mixed_samples")
    assert steps
    snapshot = run.snapshot("mixed_samples", steps[-1])
    assert snapshot is not None
    rows, width = snapshot.arrays["samples"].shape
    assert 1 <= rows <= 16 and width == 2, "up to sixteen samples of the batch: an epoch's last batch may hold fewer"


def test_its_views_are_found(saved: None) -> None:
    mixup = PARADIGMS["mixup"]
    assert [view.name for view in views.chosen("card", mixup.cards)] == ["mixed_samples"]
    assert [view.name for view in views.chosen("panel", mixup.panels)] == list(mixup.panels)


def test_a_wrong_option_is_refused_in_words(saved: None, moons: Document) -> None:
    document = moons.changed(training={**moons.training, "paradigm": {"name": "mixup", "alpha": 0}})
    (problem,) = [problem for problem in trainers.check(document) if problem.code == "T100"]
    assert "alpha" in problem.message and "more than 0" in problem.message
