"""The templates on the Learn page and in the dialog: one opens as a new document, and nothing is drawn that is left."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import builder
import trainers
from pages.parts.document.session import Session
from pages.parts.lessons import gallery
from trainers.data import DATASETS

ROOT = Path(__file__).parents[2]
NAMES = list(builder.templates())


@pytest.fixture
def drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the documents whose cards are drawn."""
    monkeypatch.setenv("NETLOOM_HOME", str(tmp_path))
    import torch  # noqa: F401  (the page draws shapes at once when torch is there)

    names: list[str] = []
    head = gallery.head
    monkeypatch.setattr(gallery, "head", lambda document, svg: (names.append(document.name), head(document, svg)))
    return names


def opened_dialog() -> None:
    """The dialog's inside as a page: a test without a browser runs no fragment by itself."""
    import streamlit as st

    from pages.parts.document import session
    from pages.parts.lessons import gallery

    work = session.start()
    st.session_state["ids"] = [*st.session_state.get("ids", []), work.id]
    gallery.dialog.__wrapped__(work)


def _button(test: AppTest, key: str) -> object:
    return next(item for item in test.button if item.key == key)


@pytest.mark.parametrize("name", [NAMES[0], NAMES[-1]])
def test_a_template_of_the_learn_page_opens_on_the_build_page(drawn: list[str], name: str) -> None:
    test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    before = test.session_state["netloom"].id
    test.switch_page("pages/learn.py").run()
    assert len(drawn) == len(NAMES) + 1  # and the lesson of the open document
    drawn.clear()
    _button(test, f"lesson_open_{name}").click().run()
    assert not test.exception
    work: Session = test.session_state["netloom"]
    assert work.document.nodes == builder.template(name).nodes
    assert work.id != before
    assert not drawn  # the page was left before its cards were drawn again
    assert _button(test, "fit")  # which only Build has


def test_a_template_of_the_dialog_is_opened_before_the_cards_are_drawn(
    drawn: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pages.parts.theme.entry_guard.through_app", lambda: None)
    test = AppTest.from_function(opened_dialog, default_timeout=60).run()
    assert len(drawn) == len(NAMES)
    drawn.clear()
    _button(test, f"template_open_{NAMES[1]}").click().run()
    assert not test.exception
    assert test.session_state["netloom"].document.nodes == builder.template(NAMES[1]).nodes
    assert len(set(test.session_state["ids"])) == 2  # it was opened once, not again by the run that follows
    assert len(drawn) == len(NAMES)  # by the run that follows alone, which on the Build page has no dialog


def test_templates_that_fit_the_users_own_data_are_marked(
    drawn: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pages.parts.theme.entry_guard.through_app", lambda: None)
    rows = ["size,price", *(f"{number % 17},{number % 17 * 2.5 + number % 3}" for number in range(60))]
    (tmp_path / "flats.csv").write_text("\n".join(rows))
    name = trainers.add_data(tmp_path / "flats.csv")
    work: Any = SimpleNamespace(document=builder.template(NAMES[0]))
    assert gallery.fitting(work) == {}
    work.document = trainers.recommend(name)
    fits = gallery.fitting(work)
    tasks = {DATASETS[document.training["data"]["name"]].task for document in fits.values()}
    assert len(fits) > 1 and tasks == {"regression"}
    test = AppTest.from_function(opened_dialog, default_timeout=60).run()
    assert not test.exception and not _marks(test)
    monkeypatch.setattr(gallery, "fitting", lambda _: fits)
    test.run()
    assert not test.exception and len(_marks(test)) == len(fits)


def _marks(test: AppTest) -> list[str]:
    return [element.value for element in test.markdown if gallery.FITS in element.value]
