"""New samples that are files: images, recordings and texts, brought as files, photographed, recorded or typed."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import pandas as pd
import streamlit as st

from pages.parts.forms.uploads import most_megabytes
from pages.parts.predictions import tiles
from pages.parts.theme.escaping import escape, file_name
from pages.parts.trying import answers
from pages.parts.trying.base import Trial
from trainers.data import DataSet
from trainers.data.base import DataError, EncodedFiles
from trainers.data.own.predicting import predict_samples
from trainers.runs.predictions import kept
from trainers.runs.run import Run
from trainers.tasks import TASKS

SHOWN = 1000  # predictions in the table
CAMERA = 480  # pixels of the width of its picture
LISTED = 10  # files that are left out


def fits(dataset: DataSet, kind: str = "") -> bool:
    """Whether each sample is a file (of this kind of data) that has one answer, such as a class, and not one for each
    pixel or token."""
    return dataset.from_files and bool(TASKS[dataset.task].of_columns) and kind in ("", dataset.kind)


class Brought(NamedTuple):
    """A new sample: the name of its file, and what is in it."""

    name: str
    content: bytes


def predict(run: Run, samples: Sequence[Brought], key: str) -> None:
    """What is predicted: of one sample with its probabilities and its nearest neighbours, of several as a table.

    `key`: of the tab.
    """
    names, encoded = _encoded(run.job.dataset, samples)
    found = predict_samples(run.job, kept(run, ("model",), run.model), encoded.inputs, pd.DataFrame(index=names))
    _show_left_out(encoded.left_out)
    if len(names) == 1:
        left, right = st.columns([2, 3])
        with left:
            st.html(_seen(run.job.dataset, encoded))
        with right:
            answers.show(found.iloc[0], key)
        answers.show_nearest(run, encoded.inputs, key)
        return
    found = found.rename_axis("file")
    st.dataframe(found.iloc[:SHOWN], column_config=answers.formats(found), key=f"{key}_files")
    st.download_button(
        "Download predictions",
        found.to_csv,
        "predictions.csv",
        "text/csv",
        key=f"{key}_download",
        on_click="ignore",
    )


def _encoded(dataset: DataSet, samples: Sequence[Brought]) -> tuple[list[str], EncodedFiles]:
    """The samples as inputs, with the names that they were brought under. DataError: none can be used."""
    with tempfile.TemporaryDirectory() as folder:
        names = {}  # on disk, where no name of a user becomes a path → as they were brought
        for number, sample in enumerate(samples):
            ending = file_name(Path(sample.name).suffix, "")
            place = f"{number:05}" + (f".{ending}" if ending else "")
            names[place] = sample.name
            (Path(folder) / place).write_bytes(sample.content)
        try:
            encoded = dataset.encode_files([Path(folder)])
        except DataError as error:
            text = str(error)
            for place, name in names.items():
                text = text.replace(f"{place}:", f"{name}:")
            raise DataError(text) from None
    left_out = [(_named(place, names), why) for place, why in encoded.left_out]
    return [_named(place, names) for place in encoded.names], encoded._replace(left_out=left_out)


def _named(place: str, names: dict[str, str]) -> str:
    """A sample by the name that it was brought under, where a file has several also by its row."""
    file, comma, row = place.partition(", ")
    return f"{names[file]}{comma}{row}"


def _seen(dataset: DataSet, encoded: EncodedFiles) -> str:
    """A sample as the network sees it."""
    inputs = [given[0] for given in encoded.inputs]
    drawing = tiles.drawing(dataset, inputs, tiles.ranges_of(encoded.inputs), dataset.vocabularies)
    return f'<figure class="nl-seen">{drawing}<figcaption>As the network sees it.</figcaption></figure>'


def _show_left_out(left_out: Sequence[tuple[str, str]]) -> None:
    if not left_out:
        return
    lines = "".join(f"<li>{escape(name)}: {escape(why)}</li>" for name, why in left_out[:LISTED])
    more = f"<li>and {len(left_out) - LISTED:,} more</li>" if len(left_out) > LISTED else ""
    st.html(f'<div class="nl-note">Left out, since they cannot be read: <ul>{lines}{more}</ul></div>')


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
            predict(run, [Brought(each.name, each.getvalue()) for each in given], "try_files")


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
            predict(run, [Brought(f"sample.{self.ending}", taken.getvalue())], f"try_{self.kind}")

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
        return st.camera_input("Photograph", key=key, label_visibility="collapsed", width=CAMERA)


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
        key = f"tried_text_{run.id}"
        tried = st.session_state.get(key)  # outlives a page that is drawn again, or left
        text = st.text_area("Text", tried or "", key=f"try_text_{run.id}", placeholder="Type or paste a text")
        if st.button("Predict", type="primary", key="try_text_predict", disabled=not text):
            st.session_state[key] = tried = text
        if text and text == tried:
            predict(run, [Brought("sample", str(text).encode())], "try_text")
