"""The Build page without a browser: what it shows, and that every edit is saved and can be undone."""

from __future__ import annotations

import errno
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

import builder
from pages.parts.document import actions, workspace
from pages.parts.document import session as sessions
from trainers import __main__

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NETLOOM_HOME", str(tmp_path))
    import torch  # noqa: F401  (the page draws shapes at once when torch is there)

    return tmp_path


@pytest.fixture
def page() -> AppTest:
    test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    assert not test.exception
    return test


def work(test: AppTest) -> sessions.Session:
    return test.session_state["netloom"]


def button(test: AppTest, key: str) -> object:
    return next(item for item in test.button if item.key == key)


def test_a_new_user_finds_a_network_that_can_be_trained(page: AppTest) -> None:
    assert work(page).document.nodes == builder.template("digits_cnn").nodes
    assert not [problem for problem in work(page).document_facts.problems if problem.severity == "error"]
    assert page.query_params["document"] == work(page).id


def test_an_edit_is_saved_and_undone(page: AppTest) -> None:
    session = work(page)
    actions.add(session, "Sigmoid")
    assert "sigmoid" in {node.name for node in workspace.read(session.id).document.nodes}
    page.run()
    button(page, "undo").click().run()
    assert "sigmoid" not in work(page).document.by_name
    assert workspace.read(session.id).document == work(page).document


def test_the_form_of_a_node_changes_the_document(page: AppTest) -> None:
    session = work(page)
    session.select("conv1")
    page.run()
    field = next(item for item in page.number_input if item.label == "out_channels")
    field.set_value(24).run()
    assert session.document.node("conv1").params["out_channels"] == 24
    text = next(item for item in page.text_input if item.label == "kernel_size")
    text.set_value("big").run()
    assert session.document.node("conv1").params.get("kernel_size", 3) == 3
    assert any("must be" in item.value for item in page.markdown)


def test_undo_shows_the_old_value_in_the_form(page: AppTest) -> None:
    session = work(page)
    session.select("conv1")
    page.run()
    next(item for item in page.number_input if item.label == "out_channels").set_value(24).run()
    button(page, "undo").click().run()
    assert next(item for item in page.number_input if item.label == "out_channels").value == 16


LAYERS = [name for name, layer in builder.CATALOGUE.items() if layer.role != "block"]


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_has_an_inspector(page: AppTest, name: str) -> None:
    session = work(page)
    actions.add(session, name, (0.0, 900.0))
    page.run()
    assert not page.exception
    assert session.node is not None and session.document.node(session.node).type == name


def test_a_second_start_finds_the_document_that_was_saved_last(page: AppTest) -> None:
    session = work(page)
    actions.add(session, "Sigmoid")
    again = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    assert work(again).id == session.id
    assert "sigmoid" in work(again).document.by_name


def test_the_second_of_two_tabs_gets_a_message_and_keeps_its_work(page: AppTest) -> None:
    one = work(page)
    other = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    actions.add(one, "Sigmoid")
    actions.add(work(other), "Tanh")
    other.run()
    assert "another tab" in work(other).conflict and "saved as" in work(other).conflict
    assert work(other).id != one.id and work(other).document.name == f"{one.document.name} (copy)"
    actions.add(work(other), "GELU")  # later edits are kept as well, and can be undone
    work(other).undo()
    assert work(other).history.can_undo and work(other).history.can_redo
    work(other).redo()
    button(other, "keep_copy").click().run()
    assert not work(other).conflict and work(other).id in other.query_params["document"]
    assert "gelu" in {node.name for node in workspace.read(work(other).id).document.nodes}
    assert "tanh" in {node.name for node in workspace.read(work(other).id).document.nodes}
    assert "sigmoid" in {node.name for node in workspace.read(one.id).document.nodes}
    third = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    third.query_params["document"] = one.id
    third.run()
    actions.add(one, "ReLU")
    actions.add(work(third), "SiLU")
    assert work(third).document.name == f"{one.document.name} (copy 2)"
    third.run()
    button(third, "load_other_version").click().run()
    assert work(third).id == one.id and "silu" not in work(third).document.by_name


def test_a_full_disk_is_reported_and_the_next_edit_saves_again(page: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    session = work(page)

    def full(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(workspace, "_replace", full)
        actions.add(session, "Sigmoid")
        page.run()
        assert "No space left on device" in session.save_error
        assert any("Try again" in item.label for item in page.button)
        assert "sigmoid" in session.document.by_name
    button(page, "save_again").click().run()
    assert not session.save_error
    assert "sigmoid" in {node.name for node in workspace.read(session.id).document.nodes}


def test_a_broken_saved_document_is_renamed_and_reported(home: Path) -> None:
    folder = home / "documents"
    folder.mkdir()
    (folder / f"{'a' * 32}.json").write_text('{"format": "netloom/2", "nodes": [', encoding="utf-8")
    test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    assert not test.exception
    assert any("could not be read" in toast.value.replace("\\", "") for toast in test.toast)
    assert len(list(folder.glob("*.broken-*"))) == 1
    assert work(test).document.nodes


def test_a_document_is_never_saved_under_its_name(page: AppTest, home: Path) -> None:
    session = work(page)
    session.open(builder.Document(name="../../evil"))
    assert {path.parent for path in home.rglob("*.json")} == {home / "documents"}
    with pytest.raises(workspace.MissingError):
        workspace.read("../../etc/passwd")


def test_reruns_collect_no_garbage(monkeypatch: pytest.MonkeyPatch) -> None:
    """`netloom app` starts streamlit in the folder of the configuration, which turns the collection off."""
    started: dict[str, Path] = {}
    monkeypatch.setattr(__main__.threading, "Thread", lambda **options: SimpleNamespace(start=lambda: None))
    server = SimpleNamespace(wait=lambda: 0)
    monkeypatch.setattr(__main__.subprocess, "Popen", lambda command, cwd: started.update(cwd=cwd) or server)
    assert __main__.main(["app"]) == 0
    settings = tomllib.loads((started["cwd"] / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert settings["runner"]["postScriptGC"] is False
