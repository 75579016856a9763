"""Adds data in the background: the page says what is being done, and nothing is half-added."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from builder.foreign_text import in_words
from builder.problems import NetloomError
from pages.data_page import shown
from trainers.data import DataError
from trainers.data.own import library
from trainers.data.own.adding import add_data
from trainers.data.own.bringing.uploads import Upload, received
from trainers.data.own.files import brought
from trainers.data.own.kind import kind_of, recognised
from trainers.data.own.library import Stored
from trainers.stages import Cancelled, Stage, heard_by, say

POLL = 0.2  # seconds between two looks whether it was cancelled


class Adding:
    """Something that is being added: where it stands, the names that it got, or why it could not be used."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.stage = Stage("Reading", 0, 0)
        self.names: list[str] = []
        self.errors: list[str] = []
        self.running = True
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """Stop as soon as possible; what was added meanwhile is taken out again."""
        self._cancelled.set()

    @property
    def awaited(self) -> bool:
        """Whether the page waits for it. It does not for one that is cancelled: what is being read may go on to the end
        of a long call, and is dropped then."""
        return self.running and not self.cancelled

    @property
    def cancelled(self) -> bool:
        return self._cancelled.is_set()

    def uploads(self, uploads: Sequence[Upload]) -> Adding:
        """Add files that came over the network: together where that makes one data set, else each by itself."""
        return self._start(lambda: self._add_uploads(uploads))

    def path(self, path: Path) -> Adding:
        """Add a file or a folder that is read where it lies."""
        return self._start(lambda: self._add(path, path.name, False))

    def _start(self, work: Callable[[], None]) -> Adding:
        threading.Thread(target=self._run, args=(work,), name="netloom-adding", daemon=True).start()
        return self

    def _run(self, work: Callable[[], None]) -> None:
        try:
            with heard_by(self._hear):
                work()
        except Cancelled:
            pass
        except (NetloomError, OSError) as error:
            self.errors.append(str(error))
        except MemoryError:
            self.errors.append(f"There is not enough memory to read {self.title}.")
        except Exception as error:
            logging.getLogger("netloom").exception("Data could not be added")
            self.errors.append(f"{self.title} could not be read ({type(error).__name__}: {in_words(error)}).")
        finally:
            if self.cancelled:
                for name in self.names:  # of several files that are added one by one
                    shutil.rmtree(library.stored(name).folder, ignore_errors=True)
                self.names.clear()
            self.running = False

    def _add_uploads(self, uploads: Sequence[Upload]) -> None:
        if len(uploads) > 1 and not self._one_data_set(uploads):
            for number, upload in enumerate(uploads, 1):
                self.title = f"{upload.name} ({number} of {len(uploads)})"
                try:
                    self._receive([upload])
                except DataError as error:
                    self.errors.append(str(error))
            return
        self._receive(uploads)

    def _one_data_set(self, uploads: Sequence[Upload]) -> bool:
        """Whether several files are one data set, such as a folder of images."""
        try:
            with received(uploads) as got:
                recognised(brought(got.path, got.title))
        except DataError:
            return any("/" in upload.name for upload in uploads)  # a folder is one thing: an error says what is wrong
        return True

    def _receive(self, uploads: Sequence[Upload]) -> None:
        with received(uploads) as got:
            self._add(got.path, got.title, True)

    def _hear(self, stage: Stage) -> None:
        """How far it is, from whoever does it; the moment in which it is cancelled."""
        self.stage = stage
        if self.cancelled:
            raise Cancelled

    def _add(self, path: Path, title: str, copy: bool) -> None:
        say("Looking through it")
        self.names.append(add_data(path, copy=copy, title=title, finish=self._finish))

    def _finish(self, data: Stored) -> None:
        """Prepare what was added, and look for mistakes in it, before anybody else sees it."""
        kind_of(data).prepare(data)
        say("Looking for mistakes")
        while shown.report_of(data, POLL) is None:
            say("Looking for mistakes")
