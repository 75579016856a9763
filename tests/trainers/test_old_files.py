"""Documents, runs and checkpoints of version 0.1.0 open, continue and export: tests/fixtures/netloom_1/README.md."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

import builder
import trainers
from builder.document import FORMAT
from trainers import migrate
from trainers.runs.run import Run

OLD = Path(__file__).parents[1] / "fixtures" / "netloom_1"
EXPECTED: dict[str, dict[str, Any]] = json.loads((OLD / "expected.json").read_text(encoding="utf-8"))
PAUSED = {run: facts for run, facts in EXPECTED.items() if "resumed" in facts}
FINISHED = {run: facts for run, facts in EXPECTED.items() if facts["state"] == "finished"}
OLD_METRICS = {*migrate.METRICS, *(f"{prefix}accuracy" for prefix in migrate.METRIC_PREFIXES)}
# Not the same after every pause in version 0.1.0, so nothing to compare with.
VARYING = {"gradient_norm", "scratch_loss"}

pytestmark = pytest.mark.filterwarnings("ignore:.*fused:UserWarning")


def label(run: str) -> str:
    return f"{EXPECTED[run]['document']} {EXPECTED[run]['state']}".replace(" ", "_")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("old") / "home"
    shutil.copytree(OLD / "home", folder)
    return folder


@pytest.fixture
def opened(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NETLOOM_HOME", str(home))
    return home


def option_names(training: Any) -> set[str]:
    """Every key and every value of a dictionary, at any depth."""
    if isinstance(training, dict):
        return set(training) | {name for value in training.values() for name in option_names(value)}
    return {training} if isinstance(training, str) else set()


@pytest.mark.parametrize("path", sorted((OLD / "templates").glob("*.json")), ids=lambda path: path.stem)
def test_templates_open_as_the_same_experiments(path: Path) -> None:
    document = migrate.document(builder.load(path))
    today = builder.template(path.stem)
    assert document.format == FORMAT
    assert document.training == today.training  # what was renamed since is renamed in both
    assert document.nodes == today.nodes and document.edges == today.edges
    assert [problem.code for problem in trainers.check(document)] == [problem.code for problem in trainers.check(today)]


@pytest.mark.parametrize("path", sorted((OLD / "documents").glob("*.json")), ids=lambda path: path.stem)
def test_documents_open_without_a_problem(path: Path) -> None:
    old = json.loads(path.read_text(encoding="utf-8"))
    document = migrate.document(builder.load(path))
    assert json.loads(builder.dump(document))["nodes"] == old["nodes"]
    if path.stem in ("words_that_stay", "no_training"):
        assert document.training == old.get("training", {})
        return
    assert not [problem for problem in trainers.check(document) if problem.code == "T100"]
    paradigm = old["training"].get("paradigm")
    if isinstance(paradigm, dict):
        entry = ("paradigm", paradigm["name"])
        renamed = set(migrate.OPTIONS.get(entry, {})) | set(migrate.OPTIONS["data", ""])
        values = {value for key, table in migrate.VALUES.items() if key[:2] == entry for value in table}
        assert not option_names(document.training) & (renamed | values)


def test_a_migrated_document_is_not_changed_again() -> None:
    for path in sorted((OLD / "documents").glob("*.json")):
        document = migrate.document(builder.load(path))
        assert migrate.document(document) is document


@pytest.mark.parametrize("run", sorted(EXPECTED), ids=label)
def test_runs_are_found_with_todays_names(run: str, opened: Path) -> None:
    found, facts = trainers.open_run(run), EXPECTED[run]
    assert found.state == facts["state"]
    names = set(found.metrics()["metric"])
    assert names == {migrate.metric(name) for name in facts["old_metric_names"]}
    assert not names & OLD_METRICS
    first, *_ = found.job.paradigm.metrics(found.job.dataset)
    assert first.costly or first.name in names  # the one that tables and cards show
    assert not [problem for problem in trainers.check(found.document) if problem.severity == "error"]
    assert list(found.parts()) == facts["parts"]


@pytest.mark.parametrize("run", sorted(FINISHED), ids=label)
def test_finished_runs_answer_as_before(run: str, opened: Path, tmp_path: Path) -> None:
    found, facts = trainers.open_run(run), FINISHED[run]
    assert found.scores() == {migrate.metric(name): value for name, value in facts["scores"].items()}
    same_output(found, facts["answer"])
    for name in facts["parts"]:
        made = builder.export(found.part(name), found.part_document(name), tmp_path / "model.py", "python")
        assert made.path.is_file()
    assert not re.search(rf"test ({'|'.join(migrate.METRICS)}):", (tmp_path / "model.py").read_text())


def same_output(run: Run, answer: dict[str, Any]) -> None:
    """The model's outputs for the stored inputs, to the stored six decimals."""
    inputs = [
        torch.tensor(given["values"], dtype=torch.int64 if given["dtype"] == "int" else torch.float32).reshape(
            given["shape"]
        )
        for given in answer["inputs"]
    ]
    with torch.no_grad():
        output = run.model()(*inputs)
    output = next(iter(output.values())) if isinstance(output, dict) else output
    expected = torch.tensor(answer["output"]).reshape(answer["output_shape"])
    assert torch.allclose(output.float(), expected, atol=2e-5, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("run", sorted(PAUSED), ids=label)
def test_paused_runs_continue_to_the_same_end(run: str, opened: Path) -> None:
    found, facts = trainers.open_run(run), PAUSED[run]
    same_output(found, facts["answer"])
    found.resume()
    assert found.wait(120) == "finished", found.progress().message
    wanted = facts["without_a_pause"] if "LBFGS" in facts["document"] else facts["resumed"]
    close = {"rel": 1e-4, "abs": 1e-6}
    scores = {migrate.metric(name): value for name, value in wanted["final_scores"].items()}
    assert {name: value for name, value in found.scores().items() if name not in VARYING} == pytest.approx(
        {name: value for name, value in scores.items() if name not in VARYING}, **close
    )
    table = found.metrics()
    losses = table[(table.split == "training") & (table.metric == "loss")]["value"].tolist()
    assert losses[-5:] == pytest.approx(wanted["training_losses"], **close)
    same_output(found, facts["resumed"]["answer"])
