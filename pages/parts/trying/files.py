"""New samples that are files: images, recordings and texts, brought as files, photographed, recorded or typed."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import streamlit as st

from pages.parts.forms.uploads import most_megabytes
from pages.parts.theme.escaping import escape, file_name
from pages.parts.trying import answers
from pages.parts.trying.base import Trial
from trainers.data import DataSet
from trainers.runs.run import Run
from trainers.tasks import TASKS

SHOWN = 1000  # predictions in the table


def fits(dataset: DataSet, kind: str = "") -> bool:
    """Whether each sample is a file (of this kind of data) that has one answer, such as a class, and not one for each
    pixel or token."""
    return dataset.from_files and bool(TASKS[dataset.task].of_columns) and kind in ("", dataset.kind)


class Brought(NamedTuple):
    """A new sample: the name of its file, and what is in it."""

    name: str
    content: bytes


def predict(run: Run, samples: Sequence[Brought]) -> None:
    """What is predicted: of one sample with its probabilities, of several as a table to download."""
    with tempfile.TemporaryDirectory() as folder:
        for number, sample in enumerate(samples):
            ending = file_name(Path(sample.name).suffix, "")
            place = Path(folder) / f"{number:05}_{file_name(Path(sample.name).stem, 'sample')}"
            place.with_suffix(f".{ending}" if ending else "").write_bytes(sample.content)
        found = run.predict(Path(folder))
    if len(samples) == 1:
        answers.show(found.iloc[0])
        return
    numbers = [int(str(name)[:5]) for name in found.index]
    found = found.set_axis([samples[number].name for number in numbers]).rename_axis("file")
    st.dataframe(found.iloc[:SHOWN], key="tried_files")
    left_out = [sample.name for number, sample in enumerate(samples) if number not in numbers]
    if left_out:
        st.html(f'<div class="nl-note">Left out, since they cannot be read: {escape(", ".join(left_out[:10]))}</div>')
    st.download_button(
        "Download predictions",
        found.to_csv,
        "predictions.csv",
        "text/csv",
        key="try_files_download",
        on_click="ignore",
    )


class SampleFiles(Trial):
    """One file or several, each of which is a sample."""

    title: ClassVar[str] = "Files"
    order: ClassVar[int] = 3

    def fits(self, dataset: DataSet) -> bool:
        return fits(dataset)

    def draw(self, run: Run) -> None:
        given = st.file_uploader(
            f"Files, at most {most_megabytes():,} MB each", accept_multiple_files=True, key=f"try_files_{run.id}"
        )
        if given:
            predict(run, [Brought(each.name, each.getvalue()) for each in given])


class _FromDevice(Trial):
    """A sample that is taken with a device of the browser, which is asked for only when it is wanted."""

    kind: ClassVar[str]  # of data
    ask: ClassVar[str]
    ending: ClassVar[str]

    def fits(self, dataset: DataSet) -> bool:
        return fits(dataset, self.kind)

    def draw(self, run: Run) -> None:
        if not st.toggle(self.ask, key=f"try_{self.kind}_device"):
            return
        taken = self.take(f"try_{self.kind}_{run.id}")
        if taken is not None:
            predict(run, [Brought(f"sample.{self.ending}", taken.getvalue())])

    def take(self, key: str) -> Any:
        """The widget, and what was taken; None: nothing yet."""
        raise TypeError(f"{type(self).__name__} must take a sample.")


class Photograph(_FromDevice):
    """A photograph."""

    title: ClassVar[str] = "Photograph"
    order: ClassVar[int] = 4
    kind: ClassVar[str] = "image"
    ask: ClassVar[str] = "Use the camera"
    ending: ClassVar[str] = "jpg"

    def take(self, key: str) -> Any:
        return st.camera_input("Photograph", key=key, label_visibility="collapsed")


class Recording(_FromDevice):
    """A recording."""

    title: ClassVar[str] = "Record"
    order: ClassVar[int] = 4
    kind: ClassVar[str] = "sound"
    ask: ClassVar[str] = "Use the microphone"
    ending: ClassVar[str] = "wav"

    def take(self, key: str) -> Any:
        return st.audio_input("Record", key=key, label_visibility="collapsed")


class TypedText(Trial):
    """A text that is typed."""

    title: ClassVar[str] = "Type a text"
    order: ClassVar[int] = 2

    def fits(self, dataset: DataSet) -> bool:
        return fits(dataset, "text")

    def draw(self, run: Run) -> None:
        text = st.text_area("Text", key=f"try_text_{run.id}", placeholder="Type or paste a text")
        if st.button("Predict", type="primary", key="try_text_predict", disabled=not text):
            predict(run, [Brought("sample.txt", str(text).encode())])
