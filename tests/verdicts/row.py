"""A row of the table of verdicts, and short ways to write the networks of its rows."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import builder
from builder.document import Document
from trainers.data import DataSet

DIGITS, SPIRAL, MOONS = {"name": "digits"}, {"name": "spiral"}, {"name": "moons"}


@dataclass(frozen=True)
class Row:
    """One run, and what must be said of it."""

    name: str
    make: Callable[[], Document]
    expected: str = ""  # the verdict that must come first; empty: nothing but notes
    instead: str = ""  # a verdict with the same advice that may come first, where that depends on the seed
    also: tuple[str, ...] = ("NoBetterThanGuessing",)  # what else may be said; everything else is forbidden
    node: str | None = None  # the node that the first verdict must name
    words: tuple[str, ...] = ()  # in its message or advice
    never: tuple[str, ...] = ()  # nowhere in the messages and the advice
    notes: bool = False  # the expected verdict may be a note
    quick: bool = True  # part of `make test`
    data: type[DataSet] | None = None  # a data set that only this row has


def network(*layers: tuple[Any, ...], edges: str = "", shape: Any = None, **training: Any) -> Document:
    """A document from (name, type, params): a chain, or with edges as text, "a > b, b > c"."""
    given = [("x", "Input", {} if shape is None else {"shape": shape}), *layers, ("y", "Output")]
    nodes = [{"name": name, "type": kind, "params": rest[0] if rest else {}} for name, kind, *rest in given]
    names = [node["name"] for node in nodes]
    pairs = [f"{a} > {b}" for a, b in itertools.pairwise(names)] if not edges else edges.split(",")
    wires = [dict(zip(("source", "target"), map(str.strip, pair.split(">")), strict=True)) for pair in pairs]
    training = {"epochs": 6, "optimizer": {"name": "SGD", "lr": 0.1}, **training}
    blocks = training.pop("blocks", {})
    data = {"format": "netloom/2", "name": "toy", "nodes": nodes, "edges": wires, "blocks": blocks}
    return builder.load({**data, "training": training})


def perceptron(
    data: dict[str, Any], classes: int = 10, depth: int = 2, act: str = "ReLU", width: int = 32, **training: Any
) -> Document:
    """Flatten, `depth` hidden layers, and one output."""
    layers: list[tuple[Any, ...]] = [("flatten", "Flatten")]
    for number in range(1, depth + 1):
        layers += [(f"fc{number}", "Linear", {"out_features": width}), (f"act{number}", act)]
    return network(*layers, ("last", "Linear", {"out_features": classes}), data=data, **training)


def sgd(lr: float, **options: Any) -> dict[str, Any]:
    return {"name": "SGD", "lr": lr, **options}


def template(name: str, **training: Any) -> Document:
    """A template with some of its training settings replaced."""
    document = builder.template(name)
    merged = dict(document.training)
    for key, value in training.items():
        old = merged.get(key)
        merged[key] = {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
    return document.changed(training=merged)
