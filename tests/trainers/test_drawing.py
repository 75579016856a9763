"""Drawings become images like those of the training part: ground, ink, size, place and thickness."""

from __future__ import annotations

import numpy as np
import pytest

import trainers
from trainers.data import dataset
from trainers.data.base import DataError
from trainers.data.splits import prepare
from trainers.trying.drawing import Ink, can_be_drawn, drawn, ink_in, measured, strokes_of

ONE = [np.array([[0.4, 0.3], [0.55, 0.15], [0.52, 0.9]])]


def bars(ground: tuple[float, ...], colour: tuple[float, ...]) -> Ink:
    """Images (height 20, width 30) with an upright bar of 3 x 12 pixels, whose middle is at (8, 20)."""
    images = np.ones((7, len(ground), 20, 30), np.float32) * np.array(ground, np.float32)[:, None, None]
    images[:, :, 2:14, 19:22] = np.array(colour, np.float32)[:, None, None]
    return measured(images)


@pytest.mark.parametrize(
    ("ground", "colour"), [((0.0,), (1.0,)), ((1.0,), (0.1,)), ((0.9, 0.9, 0.8), (0.1, 0.2, 0.7)), ((-3.0,), (5.0,))]
)
def test_a_drawing_has_the_look_of_the_training_images(ground: tuple[float, ...], colour: tuple[float, ...]) -> None:
    ink = bars(ground, colour)
    np.testing.assert_allclose(ink.ground, ground)
    np.testing.assert_allclose(ink.colour, colour, rtol=1e-5)
    assert ink.size == 12 and ink.thickness == pytest.approx(3 * 2 * 12 / (2 * (3 + 12)), rel=0.05)
    assert ink.is_dark == (ground < colour)
    sample = drawn([np.array([[0.1, 0.1], [0.1, 0.4]])], ink)
    assert sample.shape == (1, len(ground), 20, 30) and sample.dtype == np.float32
    np.testing.assert_allclose(sample[0, :, 0, 0], ground)  # the corner is ground
    np.testing.assert_allclose(sample[0, :, 8, 20], colour, rtol=1e-4)  # the middle is ink
    share = np.abs(sample[0, 0] - ground[0]) > 0.3 * abs(colour[0] - ground[0])
    rows, columns = np.flatnonzero(share.any(axis=1)), np.flatnonzero(share.any(axis=0))
    assert len(rows) in (11, 12, 13) and len(columns) in (2, 3)  # as large and as thick as the bars
    assert abs(rows.mean() - 7.5) <= 1 and abs(columns.mean() - 20) <= 1  # and in their place


def test_a_drawing_is_the_same_wherever_and_however_large_it_is_drawn() -> None:
    ink = bars((0.0,), (1.0,))
    small = drawn([stroke * 0.3 + 0.6 for stroke in ONE], ink)
    np.testing.assert_allclose(small, drawn(ONE, ink), atol=0.1)


def test_nothing_of_a_drawing_is_cut_off() -> None:
    ink = ink_in(prepare(dataset({"name": "digits"})))  # whose digits fill the height
    assert ink.size == 8
    flat = drawn([np.array([[0.1, 0.5], [0.9, 0.5]])], ink)[0, 0]
    wide = drawn([np.array([[0.1, 0.5], [0.9, 0.5], [0.9, 0.45]])], ink)[0, 0]
    assert flat.max() > 0.5 and wide.max() > 0.5
    assert flat.sum() == pytest.approx(wide.sum(), rel=0.25)


@pytest.mark.parametrize("point", [[[0.5, 0.5]], [[0.5, 0.5], [0.501, 0.5]]])
def test_a_dot_stays_small(point: list[list[float]]) -> None:
    share = drawn(strokes_of([point]), bars((0.0,), (1.0,)))[0, 0]
    assert 0 < share.sum() < 16


@pytest.mark.parametrize(
    "given", ["x", 3, [["a"]], [[[1, 2, 3]]], [[[float("nan"), 0]]], [[[0, 0]] * 20_001], {"a": 1}]
)
def test_what_is_no_drawing_is_refused_in_words(given: object) -> None:
    with pytest.raises(DataError, match="drawing"):
        strokes_of(given)


def test_strokes_from_a_browser() -> None:
    assert strokes_of(None) == strokes_of([]) == strokes_of([[]]) == []
    np.testing.assert_array_equal(strokes_of([[[-1, 0.5], [2, 0.5]]])[0], [[0, 0.5], [1, 0.5]])


def test_images_of_one_colour_or_few_pixels_can_be_drawn() -> None:
    names = [name for name in trainers.datasets() if can_be_drawn(dataset({"name": name}))]
    assert {"digits", "mnist_10k", "fashion_mnist"} <= set(names)
    assert not {"iris", "fsdd", "digit_pairs", "rt_polarity"} & set(names)


def test_images_without_ink_can_be_drawn_on() -> None:
    ink = measured(np.zeros((3, 1, 9, 9), np.float32))
    assert np.isfinite(drawn(ONE, ink)).all() and drawn(ONE, ink).max() > 0.5
