"""Texts of one's own as a data set, like those that come with Netloom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from trainers.data.base import GIVEN, Arrays, DataError, EncodedFiles, Kind
from trainers.data.own.bringing.new_files import copy_samples
from trainers.data.own.data_set import OwnData, made_of
from trainers.data.own.files import brought
from trainers.data.own.kinds.table.cell_values import words_of
from trainers.data.own.kinds.text.encoding import (
    column_of_texts,
    is_table,
    numbers_of_texts,
    running_windows,
    tokens_of,
)
from trainers.data.own.kinds.text.preparing import names_in, prepared, used_texts, vocabulary_in
from trainers.data.own.kinds.text.reading import rows_of, text_in
from trainers.data.own.kinds.text.schema import TextSchema
from trainers.data.own.kinds.text.script import new_texts_source, table_endings, table_facts, text_source
from trainers.data.own.library import Facts, Stored
from trainers.data.own.reading import read_whole, reader_for
from trainers.data.own.reading.new_rows import NEW_ROWS, write_rows
from trainers.data.tokens import Tokens

if TYPE_CHECKING:
    import pandas as pd


class _OwnTexts(OwnData):
    """Texts of one's own. The underscore keeps it out of the data sets that come with Netloom."""

    kind: ClassVar[Kind] = "text"

    @property
    def described(self) -> TextSchema:
        found: TextSchema = self.stored.schema
        return found

    @property
    def samples(self) -> int:
        return self.stored.remembered("samples", lambda: len(prepared(self.stored)["parts"]))

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (self.described.length,)

    @property
    def target_shape(self) -> tuple[int, ...]:
        return (self.described.length,) if self.described.form == "running" else ()

    @property
    def target_size(self) -> int:
        return self.vocabulary_count if self.described.form == "running" else len(self.classes)

    @property
    def classes(self) -> tuple[str, ...]:
        return self.described.classes

    @property
    def tokens(self) -> Tokens:
        """What a sample's numbers stand for."""
        return self.described.tokens

    @property
    def vocabulary(self) -> tuple[str, ...]:
        return self.stored.remembered("vocabulary", lambda: vocabulary_in(prepared(self.stored)))

    @property
    def vocabulary_count(self) -> int:
        return len(self.vocabulary)

    @property
    def given_parts(self) -> Mapping[str, int]:
        return self.stored.remembered("given_parts", self._given_parts)

    def _given_parts(self) -> dict[str, int]:
        parts = np.asarray(prepared(self.stored)["parts"])
        return {GIVEN[part]: int((parts == part).sum()) for part in (1, 2) if (parts == part).any()}

    def load(self) -> Arrays:
        """The texts as numbers of tokens. DataError: they are gone, others, or there is none."""
        found = prepared(self.stored)
        inputs, targets = found["numbers"], found.get("targets")
        if targets is None:
            inputs, targets = running_windows(inputs, self.described.length)
        return Arrays((inputs,), np.asarray(targets), parts=np.asarray(found["parts"]))

    def sample_names(self, places: NDArray[np.int64]) -> list[str] | None:
        names = names_in(prepared(self.stored))
        return None if names is None else [names[int(place)] for place in places]

    def encode_texts(self, texts: Sequence[str]) -> tuple[NDArray[Any], ...]:
        """New texts as the numbers of their first tokens."""
        schema = self.described
        tokens = [tokens_of(text, schema.tokens, schema.lower) for text in texts]
        return (numbers_of_texts(tokens, list(self.vocabulary), schema.length),)

    def encode_new(self, frame: pd.DataFrame) -> tuple[NDArray[Any], ...]:
        """New rows with a column of texts: called as in training, or "text", or the only one. DataError: none is."""
        return self.encode_texts(self._texts_in(frame))

    def _texts_in(self, frame: pd.DataFrame) -> list[str]:
        try:
            name = column_of_texts([str(name) for name in frame], self.described.text_column or "text")
        except ValueError as error:
            raise DataError(f"The texts of these rows are not found: {error}.") from None
        return [str(text) for text in words_of(frame[name]).fillna("")]

    def facts(self) -> Facts:
        return {**super().facts(), "vocabulary": self.vocabulary, **table_facts(self.stored)}

    @property
    def lower(self) -> bool:
        return self.described.lower

    @property
    def reading_options(self) -> Mapping[str, str]:
        return {"lines": "each line of a text file is a text by itself"}

    def holds_rows(self, path: Path) -> bool:
        return not path.is_dir() and is_table(path.name, table_endings(self.stored))

    def prediction_source(self) -> str:
        return new_texts_source(self.stored)

    def write_samples(self, places: NDArray[np.int64], folder: Path) -> tuple[list[Path], list[Any]]:
        """Copies of the files, or the rows as a table."""
        found = used_texts(self.stored)
        if self.described.form == "folders":
            root = self.stored.files().root
            copies = copy_samples([root / found.names[place] for place in places], folder / "samples")
            return [folder / "samples"], copies
        rows = rows_of([found.texts[place] for place in places], self.described.text_column)
        options = reader_for(self.stored.data_file, self.stored.schema.encoding).new_rows(self.stored.data_file)
        write_rows(rows, folder / "samples.csv", NEW_ROWS | options)
        return [folder / "samples.csv"], [rows]

    def encode_files(self, paths: Sequence[str | Path]) -> EncodedFiles:
        """New files with a text each, tables with a text in each row, or folders of them, as inputs; their names; and
        what is left out.

        Raises:
            DataError: none of them is a text.
        """
        texts, names, left_out = [], [], []
        for path in map(Path, paths):
            files = brought(path)
            left_out += files.others(files.names, "")
            for name in files.names:
                try:
                    found, named = self._read(files.path(name), name, left_out)
                except DataError as error:
                    left_out.append((name, str(error)))
                    continue
                texts += found
                names += named
        if not texts:
            why = f" {left_out[0][0]}: {left_out[0][1]}" if left_out else ""
            raise DataError(f"There is no text to predict.{why}")
        return EncodedFiles(self.encode_texts(texts), names, left_out)

    def _read(self, path: Path, name: str, left_out: list[tuple[str, str]]) -> tuple[list[str], list[str]]:
        """The texts of a file, and what each is called. DataError: it holds none, or not where they are looked for."""
        if self.holds_rows(path):
            table = read_whole(path, self.described.encoding)
            left_out += [(f"{name}, line {each.line}", f"It {each.reason}.") for each in table.left_out]
            texts = self._texts_in(table.frame)
            return texts, [f"{name}, row {number}" for number in range(1, len(texts) + 1)]
        text, why = text_in(path, self.described)
        if text is None:
            raise DataError(why)
        return [text], [name]

    def source(self) -> str:
        """Python source of `load_data()` and `load_parts()`, which read the texts with pandas alone."""
        return text_source(self.stored)


def text_data_set(name: str, stored: Stored) -> type[OwnData]:
    """The texts as a data set of this name."""
    what = "A text" if stored.schema.form == "running" else f"{stored.source.rows:,} texts"
    return made_of(_OwnTexts, name, stored, f"{what} of your own.")
