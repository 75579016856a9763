"""Rows of the table of verdicts: single settings that are too strong, and data that cannot be learned."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from builder.document import Document
from tests.verdicts.row import DIGITS, Row, network, perceptron, sgd, template
from trainers.data import DATASETS
from trainers.data.base import Loaded

ADAM = {"name": "Adam", "lr": 0.003}
Digits: Any = DATASETS["digits"]


class ShuffledDigits(Digits):
    """Digits whose classes were shuffled: nothing tells the class of an image."""

    name: ClassVar[str] = "shuffled_digits"

    @staticmethod
    def load_data() -> Loaded:
        """The images of digits, and the class of another one."""
        from sklearn.datasets import load_digits

        digits = load_digits()
        images = (digits.images / 16).astype("float32").reshape(-1, 1, 8, 8)
        return images, np.random.default_rng(0).permutation(digits.target)


class TestUpsideDown(Digits):
    """Digits whose test part, the last 360, is upside down."""

    name: ClassVar[str] = "upside_down_digits"
    test_counts: ClassVar[tuple[int, ...]] = (36,) * 10

    @staticmethod
    def load_data() -> Loaded:
        """The images of digits, the last 360 turned by 180°, and their classes."""
        from sklearn.datasets import load_digits

        digits = load_digits()
        images = (digits.images / 16).astype("float32").reshape(-1, 1, 8, 8)
        images[-360:] = images[-360:, :, ::-1, ::-1].copy()
        return images, digits.target


def augmented(name: str, **options: Any) -> Document:
    """A perceptron on digits with one augmentation."""
    return perceptron({"name": "digits", "augmentation": [{"name": name, **options}]}, epochs=10)


def with_dropout(p: float, **training: Any) -> Document:
    """Two hidden layers, each with dropout."""
    layers: list[tuple[Any, ...]] = [("flatten", "Flatten")]
    for number in (1, 2):
        layers += [(f"fc{number}", "Linear", {"out_features": 32}), (f"act{number}", "ReLU")]
        layers += [(f"drop{number}", "Dropout", {"p": p})]
    return network(*layers, ("last", "Linear", {"out_features": 10}), data=DIGITS, epochs=8, **training)


def nested_dropout(p: float) -> Document:
    """A block that is used three times, in a block that is used twice, with dropout in the inner one."""
    unit = [("x", "Input"), ("fc", "Linear", {"out_features": 32}), ("act", "ReLU"), ("drop", "Dropout", {"p": p})]
    inner = _block([*unit, ("y", "Output")])
    stage = _block([("x", "Input"), ("units", "Block", {"block": "unit", "repeat": 3}), ("y", "Output")])
    layers = [("flatten", "Flatten"), ("fc0", "Linear", {"out_features": 32})]
    stages = [("stages", "Block", {"block": "stage", "repeat": 2}), ("last", "Linear", {"out_features": 10})]
    return network(*layers, *stages, data=DIGITS, optimizer=ADAM, blocks={"unit": inner, "stage": stage})


def _block(chain: list[tuple[Any, ...]]) -> dict[str, Any]:
    nodes = [{"name": name, "type": kind, "params": rest[0] if rest else {}} for name, kind, *rest in chain]
    return {"nodes": nodes, "edges": [{"source": a[0], "target": b[0]} for a, b in itertools.pairwise(chain)]}


def normalised(batch_size: int, epochs: int) -> Document:
    """Convolutions, each with batch normalisation, or in a batch of two a perceptron with it."""
    data = {"name": "digits", "batch_size": batch_size, "train_samples": 400}
    if batch_size > 1:
        hidden: list[tuple[Any, ...]] = [("flatten", "Flatten")]
        for number in (1, 2):
            hidden += [(f"fc{number}", "Linear", {"out_features": 32}), (f"norm{number}", "BatchNorm1d")]
            hidden += [(f"act{number}", "ReLU")]
    else:
        hidden = []
        for number in (1, 2):
            hidden += [(f"conv{number}", "Conv2d", {"out_channels": 8, "kernel_size": 3})]
            hidden += [(f"norm{number}", "BatchNorm2d"), (f"act{number}", "ReLU")]
        hidden += [("pool", "AdaptiveAvgPool2d", {"output_size": 1}), ("flatten", "Flatten")]
    last = ("last", "Linear", {"out_features": 10})
    return network(*hidden, last, data=data, epochs=epochs, optimizer=sgd(0.05))


def through_one_unit() -> Document:
    hidden = [("flatten", "Flatten"), ("fc1", "Linear", {"out_features": 32}), ("act1", "ReLU")]
    neck = [("neck", "Linear", {"out_features": 1}), ("act2", "ReLU"), ("fc2", "Linear", {"out_features": 32})]
    last = [("act3", "ReLU"), ("last", "Linear", {"out_features": 10})]
    return network(*hidden, *neck, *last, data=DIGITS, epochs=12)


def ends_in(activation: str, **training: Any) -> Document:
    """A regression whose output has bounds that the targets do not have."""
    hidden = [("fc1", "Linear", {"out_features": 32}), ("act1", "ReLU"), ("last", "Linear", {"out_features": 1})]
    return network(*hidden, ("end", activation), data={"name": "diabetes"}, epochs=15, **training)


def softmax_twice() -> Document:
    layers = [("flatten", "Flatten"), ("last", "Linear", {"out_features": 10}), ("softmax", "Softmax")]
    return network(*layers, data=DIGITS)


def smoothed(share: float) -> Document:
    loss = {"name": "cross_entropy", "label_smoothing": share}
    return perceptron(DIGITS, paradigm={"name": "supervised", "loss": loss})


def settings() -> Iterator[Row]:
    guess = ("NoBetterThanGuessing",)
    drop: dict[str, Any] = {
        "expected": "DropoutTooStrong",
        "words": ("0.1 to 0.5",),
        "never": ("dead", "learning rate"),
    }
    yield Row("dropout 0.95, Adam", lambda: with_dropout(0.95, optimizer=ADAM), node="drop1", **drop)
    yield Row("dropout 0.95, SGD", lambda: with_dropout(0.95), node="drop1", **drop)
    yield Row("dropout 0.5", lambda: with_dropout(0.5, optimizer=ADAM))
    nested = {**drop, "words": ("stages (repeat 1 of 2, units, repeat 1 of 3, drop)",)}
    yield Row("dropout 0.95 in nested blocks", lambda: nested_dropout(0.95), node="stages", **nested)
    smooth: dict[str, Any] = {"expected": "LabelSmoothingTooStrong", "never": ("learning rate", "more units")}
    yield Row("label smoothing 0.9", lambda: smoothed(0.9), **smooth)
    yield Row("label smoothing 1", lambda: smoothed(1.0), **smooth)
    yield Row("label smoothing 0.1", lambda: smoothed(0.1))
    clip: dict[str, Any] = {"expected": "ClippingTooStrong", "never": ("aise the learning rate",)}
    yield Row("clipped at 1e-6", lambda: perceptron(DIGITS, gradient_clip=1e-6), **clip)
    yield Row("clipped at 1e-3", lambda: perceptron(DIGITS, gradient_clip=1e-3), **clip)
    falls = {"name": "step", "step_size": 1, "gamma": 0.1}
    yield Row(
        "the rate falls in each epoch",
        lambda: perceptron(DIGITS, schedule=falls, optimizer=sgd(0.01), epochs=10),
        "RateFallsTooEarly",
        never=("more units",),
    )
    yield Row(
        "the rate of the CNN / 1000",
        lambda: template("digits_cnn", optimizer={"lr": 3e-6}, epochs=4),
        "SlowUpdates",
        words=("Raise the learning rate",),
    )
    batch: dict[str, Any] = {"expected": "SmallBatchStatistics", "words": ("16 or more",), "never": ("learning rate",)}
    yield Row("batch normalisation, a batch of 2", lambda: normalised(2, 2), **batch)
    yield Row("batch normalisation, a batch of 1", lambda: normalised(1, 1), **batch)
    yield Row("batch normalisation, a batch of 32", lambda: normalised(32, 12))
    strong: dict[str, Any] = {"expected": "AugmentationTooStrong", "never": ("more units",)}
    yield Row("shifts as large as the image", lambda: augmented("RandomCrop", padding=8), **strong)
    yield Row("any angle", lambda: augmented("RandomRotation", degrees=180.0), **strong)
    yield Row("small shifts", lambda: augmented("RandomCrop", padding=1))
    warned: dict[str, Any] = {"expected": "WarnedBefore", "also": guess}
    yield Row("regression that ends in Sigmoid", lambda: ends_in("Sigmoid"), node="end", words=("T133",), **warned)
    large = {"name": "normal", "std": 2.0}
    yield Row("a saturated Tanh at the end", lambda: ends_in("Tanh", initialisation=large), words=("T133",), **warned)
    yield Row("softmax twice", softmax_twice, node="softmax", words=("T131",), **warned)
    yield Row(
        "a bottleneck of one unit",
        through_one_unit,
        "DeadUnits",
        instead="Underfitting",
        words=("more units in neck", "a single number"),
    )
    rate: dict[str, Any] = {"expected": "LearningRateTooHigh", "never": ("aise the learning rate",)}
    yield Row(
        "Adam, rate 0.1, deep", lambda: perceptron(DIGITS, depth=5, optimizer={"name": "Adam", "lr": 0.1}), **rate
    )
    decay = {"name": "Adam", "lr": 0.003, "weight_decay": 0.3}
    yield Row("Adam, decay 0.3", lambda: perceptron(DIGITS, optimizer=decay, epochs=10), "PenaltyTooStrong")
    yield Row(
        "shuffled classes, memorised",
        lambda: perceptron({"name": "shuffled_digits"}, width=256, optimizer=ADAM, epochs=25),
        "NoBetterThanGuessing",
        also=("Overfitting",),
        words=("memorises", "targets belong to the inputs"),
        data=ShuffledDigits,
    )
    yield Row(
        "test part upside down",
        lambda: perceptron({"name": "upside_down_digits"}, optimizer=ADAM, epochs=8),
        "TestUnlikeValidation",
        also=(),
        data=TestUpsideDown,
    )
