"""A network that fits data of one's own: a document that trains on it as it stands, and a reason for each choice."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any, NamedTuple

from numpy.typing import NDArray

import builder
from builder.document import Document
from trainers.data import dataset
from trainers.data.base import DataError
from trainers.data.own.kind import kind_of
from trainers.data.own.library import Stored, stored
from trainers.data.own.schema import unequal

TRAINED = 0.6  # of the samples, at least, are in the training part
PIECES = Path(__file__).parents[3] / "assets" / "recommended"


def counted(number: int, word: str) -> str:
    """ "1 output", "3 outputs"."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


class Choice(NamedTuple):
    """One choice of a recommended network, and why it was made."""

    what: str
    why: str


class Recommended(NamedTuple):
    """A network: its nodes and wires, its training settings as a document has them, and a sentence on each choice."""

    sketch: Sketch
    training: dict[str, Any]
    choices: list[Choice]
    description: str


def recommend(name: str) -> Document:
    """A document that trains on a data set of one's own as it stands. DataError: there is none, or it has no target."""
    return recommendation(name)[0]


def recommendation(name: str) -> tuple[Document, list[Choice]]:
    """The document, and a sentence on each choice. DataError: there is none of that name, or it has no target."""
    found: Stored = stored(name)
    if found.schema.ready:
        raise DataError(f"{found.full_name} cannot be used: {found.schema.ready}")
    made = kind_of(found).recommend(found)
    data = {"name": name_of(found, name), **made.training.get("data", {})}
    data["batch_size"] = batch_within(data["batch_size"], dataset({"name": data["name"]}).samples)
    training = {**made.training, "data": data}
    document = builder.load(
        {
            "format": "netloom/2",
            "name": f"Network for {found.source.title}"[:100],
            "description": made.description[:200],
            "nodes": made.sketch.nodes,
            "edges": made.sketch.edges,
            "training": training,
        }
    )
    return document, made.choices


def batch_within(batch: int, samples: int) -> int:
    """The batch size, or a smaller power of 2 where the training part of so many samples is smaller."""
    return min(batch, 1 << max(1, int(TRAINED * samples).bit_length() - 1))


def class_weights(counts: Sequence[int] | NDArray[Any], unit: str, choices: list[Choice]) -> dict[str, str]:
    """The option of a paradigm that balances the classes, where they are unequal, and the choice that says so.

    `counts`: samples of each class, called `unit`.
    """
    if not unequal(counts):
        return {}
    choices.append(Choice("balanced class weights", f"One class has far more {unit} than another."))
    return {"class_weights": "balanced"}


def name_of(found: Stored, asked: str) -> str:
    """The name that a document gives a data set: with the version, if one was asked for."""
    return found.full_name + (f"@{found.schema.version}" if "@" in asked else "")


class Sketch:
    """Nodes and wires, put together from the pieces of assets/recommended/<kind>.json, which are chains with gaps."""

    def __init__(self, kind: str) -> None:
        pieces = (PIECES / f"{kind}.json").read_text(encoding="utf-8")
        self.pieces: dict[str, list[dict[str, Any]]] = json.loads(pieces)
        self.nodes: list[dict[str, Any]] = []
        self.edges: list[dict[str, str]] = []

    def add(self, piece: str, sources: Iterable[str] = (), **values: Any) -> str:
        """Add a chain whose first node gets these sources; the name of its last node."""
        last = list(sources)
        for node in self.pieces[piece]:
            params = {key: self._value(given, values) for key, given in node.get("params", {}).items()}
            made = {"name": Template(node["name"]).substitute(values), "type": node["type"], "params": params}
            self.nodes.append(made)
            self.edges += [{"source": source, "target": made["name"]} for source in last]
            last = [made["name"]]
        return last[0]

    @staticmethod
    def _value(given: Any, values: Mapping[str, Any]) -> Any:
        return values[given[1:]] if isinstance(given, str) and given.startswith("$") else given
