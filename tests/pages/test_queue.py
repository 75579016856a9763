"""The queue on the pages: how many train and wait, reordering, cancelling; starting another run; continuing one."""

from __future__ import annotations

from pathlib import Path

import pytest

import trainers
from pages.parts.theme import theme
from pages.parts.training import curves, forking, run_data
from tests.pages.trained import button, has_button, look, page, perceptron, store, text, train
from trainers.runs.queue import settings
from trainers.runs.queue.supervisor import Supervisor
from trainers.runs.queue.waiting import Queue
from trainers.runs.run import Run


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NETLOOM_HOME", str(tmp_path))
    monkeypatch.setattr(theme, "kind", lambda: "light")
    monkeypatch.setattr(Supervisor, "wake", lambda self: None)  # nothing takes what waits
    import torch  # noqa: F401  (the pages draw problems at once when torch is there)

    return tmp_path


def waiting(*names: str) -> list[Run]:
    jobs = [trainers.Job.from_document(perceptron(name=name)) for name in names]
    return [trainers.start(job, on="process") for job in jobs]


def order() -> list[str]:
    return [each.name for each in Queue().waiting()]


def test_the_queue_is_shown_reordered_and_left() -> None:
    first, second, third = waiting("One", "Two", "Three")
    test = page("runs")
    assert "No run trains, 3 wait." in text(test)
    assert list(test.dataframe[0].value["state"]) == ["3rd in the queue", "2nd in the queue", "next in the queue"]
    button(test, f"first_{third.id}").click()
    look(test.run())
    assert order() == ["Three", "One", "Two"]
    assert button(test, f"up_{third.id}").disabled and button(test, f"down_{second.id}").disabled
    button(test, f"down_{third.id}").click()
    look(test.run())
    assert order() == ["One", "Three", "Two"]
    button(test, f"cancel_{first.id}").click()
    look(test.run())
    assert order() == ["Three", "Two"] and first.state == "stopped"


def test_a_click_on_a_run_that_has_left_the_queue_is_answered() -> None:
    (run,) = waiting("One")
    test = page("runs")
    Queue().leave(run.id, "paused", "")
    button(test, f"cancel_{run.id}").click()
    look(test.run())
    assert run.state == "stopped"


def test_the_number_of_worker_processes_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NETLOOM_WORKERS")
    store(perceptron())
    train(perceptron())
    test = page("runs")
    assert "Nothing trains now." in text(test)
    test.toggle(key="workers_automatic").set_value(False)
    look(test.run())
    test.number_input(key="workers_count").set_value(3)
    look(test.run())
    assert settings.settings().workers == 3
    look(page("runs")).toggle(key="workers_automatic").set_value(True).run()
    assert settings.settings().workers is None


def test_while_a_run_waits_another_one_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETLOOM_WORKERS", "1")
    document = store(perceptron())
    run = trainers.start(trainers.Job.from_document(perceptron()), document, on="process")
    test = page("train", run=run.id)
    assert "Next in the queue." in text(test) and not has_button(test, "start")
    button(test, "start_another").click()
    look(test.run())
    assert len(Queue().waiting()) == 2
    assert test.query_params["run"] != run.id and "2nd in the queue." in text(test)


def test_a_run_that_is_over_is_continued() -> None:
    document = store(perceptron())
    run = trainers.start(trainers.Job.from_document(perceptron()), document)
    run.wait(60)
    test = page("train")
    test.number_input(key=f"fork_epochs_{run.id}").set_value(2)
    look(test.run())
    button(test, "fork").click()
    look(test.run())
    fork = trainers.open_run(test.query_params["run"])
    assert fork.id != run.id and fork.wait(60) == "finished"
    assert fork.progress().epoch == 5
    look(test.run())
    assert f"It continues “Small” (run {run.id}) from its weights at step" in text(test)
    assert "What differs" in text(test) and "5 instead of 3" in text(test)
    before = forking.curves_before(fork)
    assert before["training", "loss"].step[-1] < run_data.read(fork).curves["training", "loss"].step[0]
    figure = curves.loss_figure(None, None, 0.6, True, "", before)
    assert [trace["name"] for trace in figure["data"]] == ["training, run before", "validation, run before"]
    assert not forking.curves_before(run)
