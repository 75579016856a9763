"""Data that are being added: how far it is, and that nothing is left of what was cancelled, at whichever moment."""

from __future__ import annotations

import io
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pages.data_page.adding import Adding
from pages.parts.theme import theme
from tests.pages.own_files import sounds
from tests.pages.test_data_page import opened, path_field, settled
from tests.pages.trained import text
from trainers.data.own import library
from trainers.data.own.bringing.uploads import Upload
from trainers.data.own.kinds.images import preparing
from trainers.data.own.reading.delimited import Delimited
from trainers.stages import Cancelled, Stage, heard_by, say


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NETLOOM_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(preparing, "BLOCK", 4)
    import torch  # noqa: F401  (the page imports it in the background otherwise)

    return tmp_path


def images(folder: Path, count: int = 20) -> Path:
    for name, colour in {"red": (220, 30, 40), "green": (30, 200, 60)}.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            noise = np.random.default_rng(number).integers(-25, 26, (12, 12, 3))
            Image.fromarray((np.array(colour) + noise).astype("uint8")).save(folder / name / f"{number}.png")
    return folder


def archive(folder: Path) -> Path:
    with zipfile.ZipFile(folder.with_suffix(".zip"), "w") as packed:
        for path in folder.rglob("*.png"):
            packed.write(path, path.relative_to(folder.parent))
    return folder.with_suffix(".zip")


class Watched(Adding):
    """Notes each stage, and cancels at the first of a name, in the middle of it where it has one."""

    def __init__(self, cancels: str = "") -> None:
        super().__init__("watched")
        self.stages: list[Stage] = []
        self.cancels = cancels

    def _hear(self, stage: Stage) -> None:
        self.stages.append(stage)
        if stage.what == self.cancels and (stage.done or stage.what != "Decoding images"):
            self.cancel()
        super()._hear(stage)

    def waited(self) -> Watched:
        for _ in range(600):
            if not self.running:
                return self
            time.sleep(0.05)
        raise AssertionError(f"it does not end: {self.stage}")


def uploaded(path: Path, adding: Watched) -> Watched:
    files = path.rglob("*.png") if path.is_dir() else [path]
    uploads = [Upload(str(p.relative_to(path.parent)), io.BytesIO(p.read_bytes()), p.stat().st_size) for p in files]
    adding.uploads(uploads)
    return adding.waited()


def left_behind() -> list[str]:
    return [str(path.relative_to(library.library())) for path in library.library().rglob("*")]


FOLDER, ARCHIVE, UPLOAD, TABLE, RAGGED = "a folder", "an archive", "an upload", "a table", "ragged lines"


def rows(path: Path, ragged: bool = False) -> Path:
    """A table; `ragged`: with a line that Arrow cannot read, so that it is read line by line."""
    lines = [f"{number},{number % 7},{'left' if number % 2 else 'right'}" for number in range(2000)]
    lines[1500] += ",too,many" if ragged else ""
    path.write_text("\n".join(["number,day,side", *lines]))
    return path


@pytest.mark.parametrize(
    ("what", "stage"),
    [
        (FOLDER, "Looking through it"),
        (FOLDER, "Keeping it"),
        (FOLDER, "Decoding images"),
        (FOLDER, "Looking for mistakes"),
        (ARCHIVE, "Unpacking"),
        (ARCHIVE, "Copying files"),
        (ARCHIVE, "Decoding images"),
        (UPLOAD, "Copying"),
        (TABLE, "Reading"),
        (RAGGED, "Reading"),
        (TABLE, "Checking the file"),
    ],
)
def test_a_cancelled_adding_leaves_nothing(what: str, stage: str, tmp_path: Path) -> None:
    path = rows(tmp_path / "colours.csv", what == RAGGED) if what in (TABLE, RAGGED) else images(tmp_path / "colours")
    adding = Watched(stage)
    if what == UPLOAD:
        uploaded(path, adding)
    else:
        adding.path(archive(path) if what == ARCHIVE else path)
        adding.waited()
    assert adding.stages[-1].what == stage and adding.cancelled
    assert not adding.names and not adding.errors and not library.names() and not left_behind()
    again = Watched()
    again.path(path)
    assert again.waited().names == ["own/colours"]


@pytest.mark.parametrize("ragged", [False, True])
def test_a_large_table_can_be_left_in_the_middle(ragged: bool, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a,b,c\n" + "1,2,3\n" * 2000 + ("1,2,3,4\n" if ragged else "") + "1,2,3\n" * 3_000_000)
    heard: list[int] = []

    def leave(stage: Stage) -> None:
        heard.append(stage.done)
        if stage.done >= (2 if ragged else 9):
            raise Cancelled

    with pytest.raises(Cancelled), heard_by(leave):
        Delimited().read(path)
    assert max(heard) < 17  # of 17 MB


@pytest.mark.parametrize("made", [images, sounds])
def test_what_is_added_is_prepared_and_says_how_far_it_is(made: Callable[[Path], Path], tmp_path: Path) -> None:
    adding = Watched()
    adding.path(made(tmp_path / "files"))
    assert adding.waited().names and not adding.errors
    decoded = [stage for stage in adding.stages if stage.what.startswith("Decoding")]
    assert decoded[0].done == 0 and decoded[-1].done == decoded[-1].total == library.stored(adding.names[0]).source.rows
    assert (library.stored(adding.names[0]).folder / "prepared" / "about.json").is_file()


def test_time_left_is_that_of_what_is_done_now(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    heard: list[Stage] = []
    with heard_by(heard.append):
        for done in (5000, 6000, 7000):  # 5,000 were done before
            say("Decoding images", done, 10_000)
            now[0] += 10
        say("Looking")
    say("Decoding images", 8000, 10_000)  # nobody listens any more
    assert [stage.left for stage in heard] == [None, 40.0, 30.0, None]
    assert [stage.sentence for stage in heard] == [
        "Decoding images: 5,000 of 10,000 …",
        "Decoding images: 6,000 of 10,000 · 0:40 left …",
        "Decoding images: 7,000 of 10,000 · 0:30 left …",
        "Looking …",
    ]


def test_the_page_shows_how_far_it_is_and_cancels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(theme, "kind", lambda: "light")
    waits, decode = threading.Event(), preparing._decoded

    def slow(*given: Any) -> Any:
        for number, found in enumerate(decode(*given)):
            if number == 3:
                waits.wait(30)
            yield found

    monkeypatch.setattr(preparing, "_decoded", slow)
    test = opened()
    test.session_state["data_way"] = "path"
    settled(test)
    settled(path_field(test).set_value(str(images(tmp_path / "colours"))))
    adding = test.session_state["netloom"].data.adding
    for _ in range(200):
        if adding.stage.done == 12:
            break
        time.sleep(0.05)
    assert "Decoding images: 12 of 40" in text(test.run())
    test.button(key="data_cancel").click().run()
    assert "Decoding" not in text(settled(test)) and adding.running  # the page waits no more for what cannot be left
    waits.set()
    for _ in range(200):
        if not adding.running:
            break
        time.sleep(0.05)
    page = text(settled(test))
    assert not library.names() and not left_behind() and "Decoding" not in page
