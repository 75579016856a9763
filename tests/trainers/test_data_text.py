"""Texts: cutting into tokens and back, vocabularies that are known beforehand, windows, sentences, broken files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trainers.conftest import needs_mirror
from trainers.data import dataset
from trainers.data.sets.text_classes import sentences
from trainers.data.splits import prepare
from trainers.data.tokens import TokenError, cut, decode, encode, most_frequent, read_text, unknown

ROMEO = "O Romeo, Romeo!\nwherefore art thou Romeo?"


def test_characters_come_back_as_they_were() -> None:
    vocabulary = dataset({"name": "tinyshakespeare"}).vocabulary
    assert len(vocabulary) == 65
    assert decode(encode(ROMEO, vocabulary, "characters"), vocabulary, "characters") == ROMEO


def test_words_come_back_with_their_spaces() -> None:
    assert cut(ROMEO, "words")[:5] == ["O", "Romeo", ",", "Romeo", "!"]
    vocabulary = most_frequent(cut(ROMEO, "words"), 50, ("<unk>",))
    assert vocabulary[:2] == ["<unk>", "Romeo"]
    assert decode(encode(ROMEO, vocabulary, "words"), vocabulary, "words") == ROMEO
    assert decode(encode("Romeo, Juliet", vocabulary, "words"), vocabulary, "words") == "Romeo, <unk>"
    assert unknown("Romeo, Juliet", vocabulary, "words") == ["Juliet"]


@given(st.text(max_size=60))
def test_any_text_is_numbers_or_a_sentence(text: str) -> None:
    vocabulary = dataset({"name": "tinyshakespeare"}).vocabulary
    try:
        numbers = encode(text, vocabulary, "characters")
    except TokenError as error:
        assert "does not have the characters" in str(error)
    else:
        assert decode(numbers, vocabulary, "characters") == text
    assert len(encode(text, ("<unk>",), "words")) == len(cut(text, "words"))


def test_a_file_that_is_no_text_is_said_in_words(tmp_path: Path) -> None:
    path = tmp_path / "latin.txt"
    path.write_bytes("naïve".encode("latin-1"))
    with pytest.raises(ValueError, match=r"latin\.txt is not a text in UTF-8: byte 2 is 0xef"):
        read_text(path)


@pytest.mark.parametrize("tokens", ["characters", "words"])
def test_targets_are_the_next_tokens(tokens: str) -> None:
    data = dataset({"name": "python_reference", "tokens": tokens, "context": 20, "limit": 3000, "vocabulary_size": 300})
    arrays = data.load()
    (inputs,), targets = arrays.inputs, arrays.targets
    assert inputs.shape == targets.shape == (149, 20) == (data.samples, *data.input_shape)
    assert (inputs.reshape(-1)[1:] == targets.reshape(-1)[:-1]).all()
    assert data.vocabulary_count == len(data.vocabulary) == data.target_size
    assert inputs.max() < data.vocabulary_count
    assert data.signals[0].dtype == "int"


def test_the_end_of_the_text_is_the_test() -> None:
    prepared = prepare(dataset({"name": "python_reference", "context": 20, "limit": 3000}), 0.2, 0.1)
    ends = [
        (part.indices.min(), part.indices.max()) for part in (prepared.training, prepared.validation, prepared.test)
    ]
    assert ends[0][1] < ends[1][0] - 1 and ends[1][1] < ends[2][0] - 1  # one window lies between two parts
    assert prepared.standardisation == (None,)


@needs_mirror
@pytest.mark.parametrize("size", [200, 2000, 100_000])
def test_vocabularies_of_words_are_as_large_as_promised(size: int, home: Path) -> None:
    for name in ("tinyshakespeare", "rt_polarity"):
        options = {"tokens": "words"} if name == "tinyshakespeare" else {}
        data = dataset({"name": name, "vocabulary_size": size, **options})
        assert len(data.vocabulary) == data.vocabulary_count == len(set(data.vocabulary))
        assert data.vocabulary_count <= size


def test_short_sentences_are_filled_up_and_long_ones_cut_off() -> None:
    inputs, targets = sentences("good good film\nfine", "bad film\n", 2, 10)
    # by frequency, then the alphabet: <pad> <unk> film good bad fine
    assert inputs.tolist() == [[4, 2], [3, 3], [5, 0]]
    assert targets.tolist() == [0, 1, 1]


@needs_mirror
def test_film_sentences(home: Path) -> None:
    data = dataset({"name": "rt_polarity"})
    arrays = data.load()
    assert arrays.inputs[0].shape == (10_662, 40) and np.bincount(arrays.targets).tolist() == [5331, 5331]
    row = arrays.inputs[0][5331]
    words = decode(row[row > 0], data.vocabulary, data.tokens)
    assert words.startswith("the rock is destined to be the 21st <unk> new")
