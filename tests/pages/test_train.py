"""The Train page without a browser: settings are edits, runs are found again, and every ending is explained."""

from __future__ import annotations

from pathlib import Path

import pytest

import trainers
from pages.parts.document import workspace
from pages.parts.theme import run_page
from pages.parts.training import controls
from tests.pages.trained import button, has_button, look, page, perceptron, store, text, train, widget, work
from trainers.events import Progress
from trainers.runs.ownership import Owner
from trainers.runs.store import Store


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NETLOOM_HOME", str(tmp_path))
    import torch  # noqa: F401  (the page draws problems at once when torch is there)

    return tmp_path


def test_before_the_first_run_it_says_what_will_be_there() -> None:
    store(perceptron())
    test = page("train")
    assert "Not trained yet" in text(test)
    assert not button(test, "start").disabled


def test_a_document_with_errors_is_to_be_fixed_before_start() -> None:
    store(perceptron().changed(edges=()))
    test = page("train")
    assert button(test, "start").disabled
    assert "errors above, then press <b>Start</b>" in text(test)


def test_start_trains_and_the_page_finds_the_run_again() -> None:
    store(perceptron())
    test = page("train")
    button(test, "start").click()
    look(test.run())
    run = trainers.open_run(test.query_params["run"])
    run.wait(60)
    look(test.run())
    assert "Test accuracy" in text(test)
    assert len(test.get("bidi_component")) == 9
    again = page("train")  # another tab, without an address
    assert again.query_params["run"] == run.id
    addressed = page("train", run=run.id)
    assert "Test accuracy" in text(addressed)


def test_pause_resume_and_stop() -> None:
    store(perceptron(epochs=100_000))
    test = page("train")
    button(test, "start").click()
    look(test.run())
    run = trainers.open_run(test.query_params["run"])
    for _ in range(200):
        if run.progress().step > 10:
            break
        run.wait(0.05)
    look(test.run())
    button(test, "pause").click()
    look(test.run())
    assert run.state == "paused" and "paused · epoch" in text(test)
    assert has_button(test, "resume") and not has_button(test, "start")
    step = run.progress().step
    button(test, "resume").click()
    look(test.run())
    run.wait(0.3)
    assert run.state == "running" and run.progress().step > step
    look(test.run())
    button(test, "stop").click()
    look(test.run())
    assert run.wait(10) == "stopped"
    assert has_button(look(test.run()), "start")


def test_a_setting_is_an_edit_that_is_saved_and_undone() -> None:
    document = store(perceptron(optimizer={"name": "SGD", "lr": 0.1}))
    test = page("train")
    widget(test, "number_input", "train.epochs.epochs").set_value(7)
    look(test.run())
    widget(test, "selectbox", "train.optimizer").set_value("AdamW")
    look(test.run())
    assert work(test).document.training["epochs"] == 7
    assert workspace.read(document).document.training["optimizer"] == {"name": "AdamW"}
    button(test, "settings_undo").click()
    look(test.run())
    assert work(test).document.training["optimizer"] == {"name": "SGD", "lr": 0.1}
    assert widget(test, "selectbox", "train.optimizer").value == "SGD"
    assert widget(test, "number_input", "train.epochs.epochs").value == 7


def test_every_setting_has_a_widget_with_help() -> None:
    store(perceptron(early_stopping={"patience": 4}))
    test = page("train")
    for kind, keys in {
        "selectbox": ("data", "loss", "optimizer", "schedule", "initialisation", "device", "batches", "seed.precision"),
        "number_input": (
            "split.validation", "split.test", "optimizer.Adam.lr", "l2.Adam.weight_decay", "batch_size",
            "epochs.epochs", "epochs.max_steps", "l1.l1", "l1.gradient_clip", "seed.seed", "early.patience",
        ),
        "toggle": ("early_stopping", "seed.compile"),
    }.items():  # fmt: skip
        for key in keys:
            found = widget(test, kind, f"train.{key}")
            assert len(found.help) > 10, key


def test_batches_of_one_many_and_all() -> None:
    store(perceptron())
    test = page("train")
    for word, size in (("single", 1), ("full", "full"), ("mini", 64)):
        widget(test, "selectbox", "train.batches").set_value(word)
        look(test.run())
        assert work(test).document.training["data"]["batch_size"] == size
    widget(test, "number_input", "train.batch_size").set_value(20)
    look(test.run())
    assert work(test).document.training["data"]["batch_size"] == 20


def test_l2_and_early_stopping() -> None:
    store(perceptron(optimizer={"name": "AdamW", "lr": 0.01}))
    test = page("train")
    widget(test, "number_input", "train.l2.AdamW.weight_decay").set_value(0.2)
    look(test.run())
    widget(test, "toggle", "train.early_stopping").set_value(True)
    look(test.run())
    training = work(test).document.training
    assert training["optimizer"] == {"name": "AdamW", "lr": 0.01, "weight_decay": 0.2}
    assert training["early_stopping"] == {"patience": 5}
    widget(test, "selectbox", "train.optimizer").set_value("SGD")
    look(test.run())
    assert work(test).document.training["optimizer"] == {"name": "SGD", "weight_decay": 0.2}
    widget(test, "selectbox", "train.optimizer").set_value("LBFGS")
    look(test.run())
    assert "no weight_decay" in text(test)


def test_problems_stand_above_with_a_fix_and_keep_it_from_starting() -> None:
    store(perceptron("iris", width=5))
    test = page("train")
    assert button(test, "start").disabled and "Fix the error below" in button(test, "start").help
    fix = button(test, "fix_0")
    assert "3" in fix.label
    fix.click()
    look(test.run())
    assert not button(test, "start").disabled
    assert work(test).document.node("last").params["out_features"] == 3


def test_a_run_that_diverges_is_explained_and_keeps_its_charts() -> None:
    document = perceptron("diabetes", 1, optimizer={"name": "SGD", "lr": 100.0}, epochs=50)
    store(document)
    train(document, "failed")
    test = page("train")
    assert "This run failed." in text(test) and "The learning rate 100 is probably too high" in text(test)
    assert len(test.get("bidi_component")) >= 4


def test_a_run_that_never_reached_a_step_has_no_empty_charts() -> None:
    document = perceptron()
    document_id = store(document)
    run = Store().create(document.name, trainers.Job.from_document(document).to_json(), 0, 3, document_id)
    ended = Progress("stopped", epochs=3, message="Stopped before it started.")
    Store().write(run, [ended])
    test = page("train", run=run)
    shown = text(test)
    assert "Stopped before it started." in shown
    assert not test.get("bidi_component") and "arrive" not in shown and "after the first epoch" not in shown


def test_before_the_first_step_one_sentence_stands_for_the_charts() -> None:
    document = perceptron()
    document_id = store(document)
    owner = Owner.new()
    run = Store().create(document.name, trainers.Job.from_document(document).to_json(), 0, 3, document_id, owner)
    Store().write(run, [Progress("running", epochs=3, message="Loading the data …")])
    test = page("train", run=run)
    shown = text(test)
    assert shown.count("Waiting for the first step") == 1 and "Loading the data …" in shown
    assert not [each for each in test.get("bidi_component") if "chart_" in str(each)] and "after the first" not in shown


def test_a_run_without_validation_shows_training_metrics() -> None:
    document = perceptron({"name": "iris", "validation": 0.0})
    store(document)
    train(document)
    shown = text(page("train"))
    assert "training accuracy" in shown and "after the first epoch" not in shown and "validation accuracy" not in shown


def test_a_wrong_run_in_the_address_is_reported_and_removed() -> None:
    store(perceptron())
    for wrong in ("20200101-000000-00000000", "../../etc", "x" * 500):
        test = page("train", run=wrong)
        assert "Not trained yet" in text(test)
        assert "run" not in test.query_params


def test_a_run_of_another_document_says_so() -> None:
    run = train(perceptron(name="<b>Other</b>"))
    store(perceptron(name="Mine"))
    test = page("train", run=run.id)
    assert "&lt;b&gt;Other&lt;/b&gt;" in text(test) and "<b>Other</b>" not in text(test)
    button(test, "open_other_document").click()
    look(test.run())
    assert work(test).document.name == "<b>Other</b>"


def test_the_document_of_a_run_is_opened_itself() -> None:
    made = perceptron(name="Other")
    other = store(made)
    run = trainers.start(trainers.Job.from_document(made), origin=other)
    run.wait(60)
    store(perceptron(name="Mine"))
    test = page("train", run=run.id)
    button(test, "open_other_document").click()
    look(test.run())
    assert work(test).id == other and not has_button(test, "open_other_document")


def test_an_error_in_a_part_is_shown_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr(run_page, "show_error", shown.append)

    @run_page.shows_errors
    def part() -> None:
        raise ValueError("odd")

    part()
    assert shown == ["This part of the page could not be drawn (ValueError: odd). Reload the page."]


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        (Progress("queued"), "Queued: it starts"),
        (Progress("running", message="Loading the data …", device="cpu"), "Loading the data … · CPU"),
        (
            Progress("running", 5, 12, 50, 120, 4.0, 38.0, 41_800.0, "cpu"),
            "epoch 5 of 12 · 41,800 samples/s · 0:38 left · CPU",
        ),
        (
            Progress("paused", 5, 12, 50, 120, 64.0, device="cuda"),
            "paused · epoch 5 of 12 · 1:04 of training",
        ),
        (Progress("finished", 7, 12, 70, 120, 64.0), "stopped early after epoch 7"),
        (Progress("failed", 7, 12, 70, 120, 7300.0), "failed · epoch 7 of 12 · 2 h 01 min of training"),
    ],
)
def test_progress_in_words(progress: Progress, words: str) -> None:
    assert controls.describe(progress).startswith(words)
