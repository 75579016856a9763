"""A number in a lesson is measured, follows from the document or its data set, or is listed here with a reason."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

import pytest

import builder
import trainers
from benchmarks import lessons
from builder.document import Document
from builder.document.lesson import Claim, Lesson
from trainers.data import DATASETS

NUMBER = re.compile(r"(?<![\w.,\-−])[-−]?\d+(?:,\d{3})*(?:\.\d+)?(?:\s*%)?(?!\w)")
NO_CLAIMS = re.compile(r"https?://\S+|`[^`]*`|^\d+\. ", re.MULTILINE)  # addresses, names, and numbers of a list
YEAR = re.compile(r"1[789]\d\d|20[0-2]\d")  # of a publication
COUNTED = 10  # whole numbers up to here are counted on the canvas, or are digits in an image
DATA_SIZE = "follows from the size of the data set and the shares of its split"
OF_ALL_OTHERS = {"2.3": "the logarithm of 10, the number of classes: the loss of guessing"}
EXCEPTIONS: dict[str, dict[str, str]] = {
    "char_rnn": {"3.31": "the entropy of the frequencies of the characters of the text, in nats"},
    "cnn_spoken_digits": {"0.8": "6,400 values at 8,000 a second"},
    "diffusion": {"1,797": "the size of the data set"},
    "lenet": {"1.6": "the size of the download in MB", "70,000": "the size of another data set"},
    "linear_regression": {"346": "the largest target in the data set"},
    "masked_encoder": {
        "4.73": "the entropy of the frequencies of the words of the text, in nats",
        "113": "e to the power of 4.73",
    },
    "siamese": {"6,000": DATA_SIZE, "1,200": DATA_SIZE},
    "two_inputs": {"500,001": "the largest target in the data set"},
    "vgg": {"138": "the parameters of VGG-16 in its publication, in millions"},
    "fashion_cnn": {"70,000": "the size of another data set"},
}
TEMPLATES = builder.templates()


def numbers(value: Any) -> Iterator[float]:
    """Every number in a value of JSON, those in its texts among them."""
    match value:
        case bool() | None:
            return
        case int() | float():
            yield float(value)
        case str():
            yield from (_read(found[0])[0] for found in NUMBER.finditer(value))
        case dict():
            yield from numbers(list(value.values()))
        case list() | tuple():
            for item in value:
                yield from numbers(item)


def _read(text: str) -> tuple[float, int]:
    """A number as it is written → its value, with 0.97 for 97 %, and its decimals."""
    bare = text.rstrip("% \n").replace(",", "").replace("−", "-")
    decimals = len(bare.partition(".")[2])
    return (float(bare) / 100, decimals + 2) if "%" in text else (float(bare), decimals)


def known(document: Document) -> set[float]:
    """The numbers that stand in a document and its steps, or follow from them, or from what its data set says."""
    steps = lessons.steps(document)
    written = json.loads(builder.dump(document.changed(lesson="", description="", layout={})))
    found = set(numbers([written, [[list(step.edits), step.job] for step in steps]]))
    dataset = DATASETS[document.training["data"]["name"]]
    found |= set(numbers([dataset.title, dataset.__doc__]))
    for variant in [document, *(lessons.performed(document, step) for step in steps if step.edits)]:
        table = builder.summary(trainers.bind(variant))
        found |= set(numbers([table.output_shape.tolist(), table.parameters.tolist(), int(table.parameters.sum())]))
    return found


def unfounded(name: str, document: Document) -> list[str]:
    """The numbers in a lesson's text and answers for which nothing is given. What `say` asks for is no claim."""
    assert isinstance(document.lesson, Lesson)
    text = NO_CLAIMS.sub("", "\n".join([document.lesson.text, *(step.answer for step in document.lesson.steps)]))
    given = known(document)
    claimed = [claim.value for step in document.lesson.steps for claim in step.expect if isinstance(claim, Claim)]
    excepted = EXCEPTIONS.get(name, {}) | OF_ALL_OTHERS
    found = []
    for match in NUMBER.finditer(text):
        value, decimals = _read(match[0])
        free = YEAR.fullmatch(match[0]) or match[0] in excepted or (decimals == 0 and abs(value) <= COUNTED)
        precision = 0.5 * 10.0**-decimals + 1e-9
        stated = any(abs(abs(value) - abs(other)) <= precision for other in claimed)
        if not free and not stated and not any(math.isclose(abs(value), abs(other)) for other in given):
            found.append(f"{match[0]!r} in '…{text[max(0, match.start() - 40) : match.end() + 20]}…'")
    return found


@pytest.mark.parametrize("name", [name for name in TEMPLATES if isinstance(TEMPLATES[name].lesson, Lesson)])
def test_every_number_in_a_lesson_has_a_source(name: str) -> None:
    assert unfounded(name, TEMPLATES[name]) == [], "docs/lessons.md says where a number in a lesson may come from"


def test_a_number_without_a_source_is_found() -> None:
    true = TEMPLATES["vgg"]
    for wrong in (
        "The accuracy is 91.3 %.",
        "It has 146,939 parameters.",
        "It takes 17 seconds.",
        "The loss is 0.031.",
    ):
        lesson = true.lesson.model_copy(update={"text": wrong}) if isinstance(true.lesson, Lesson) else None
        assert len(unfounded("vgg", true.changed(lesson=lesson))) == 1, wrong


def test_exceptions_are_needed() -> None:
    for name, numbers_of in EXCEPTIONS.items():
        assert all(number in TEMPLATES[name].lesson_text for number in numbers_of), name
