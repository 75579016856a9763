"""What differs between two documents, in words."""

from __future__ import annotations

import json
from typing import Any

import pytest

import builder
from builder import Document
from trainers.forks.differences import differences


def changed(document: Document, **nodes: dict[str, Any]) -> Document:
    data = json.loads(builder.dump(document))
    for node in data["nodes"]:
        node |= nodes.get(node["name"], {})
    return builder.load(data)


def words(before: Document, after: Document) -> dict[str, str]:
    return {each.place: each.words for each in differences(before, after)}


def test_nodes_are_named_with_what_is_other(moons: Document) -> None:
    after = changed(moons, fc1={"params": {"out_features": 48}}, bend1={"type": "GELU"})
    assert words(moons, after) == {"fc1": "out_features 48 instead of 32", "bend1": "GELU instead of ReLU"}
    assert all(each.is_node for each in differences(moons, after))


def test_a_parameter_that_is_left_out_has_its_default(moons: Document) -> None:
    before = changed(moons, bend1={"type": "LeakyReLU", "params": {"negative_slope": 0.2}})
    assert words(before, changed(moons, bend1={"type": "LeakyReLU"})) == {"bend1": "negative_slope 0.01 instead of 0.2"}


def test_a_node_that_is_bypassed(moons: Document) -> None:
    data = json.loads(builder.dump(moons))
    data["nodes"] = [node for node in data["nodes"] if node["name"] != "bend1"]
    data["edges"] = [edge for edge in data["edges"] if "bend1" not in edge.values()]
    data["edges"].append({"source": "fc1", "target": "last"})
    after = builder.load(data)
    assert words(moons, after) == {"bend1": "removed, ReLU"}
    assert words(after, moons) == {"bend1": "new, ReLU"}


@pytest.mark.parametrize(
    ("training", "expected"),
    [
        (
            {"optimizer": {"name": "SGD", "lr": 0.1}},
            {"optimizer": "SGD instead of Adam", "optimizer.lr": "0.1 instead of 0.01"},
        ),
        ({"epochs": 9}, {"epochs": "9 instead of 4"}),
        ({"early_stopping": {"patience": 3}}, {"early_stopping.patience": "3 instead of none"}),
        ({"schedule": "cosine"}, {"schedule": "cosine instead of constant"}),
    ],
    ids=lambda value: "-".join(value),
)
def test_settings_are_named_as_in_the_document(
    moons: Document, training: dict[str, Any], expected: dict[str, str]
) -> None:
    found = words(moons, moons.changed(training={**moons.training, **training}))
    assert expected.items() <= found.items()


@pytest.mark.parametrize("name", sorted(builder.templates()))
def test_a_template_does_not_differ_from_itself(name: str) -> None:
    document = builder.template(name)
    assert not differences(document, builder.load(builder.dump(document)))
    assert not differences(document, document.changed(training={**document.training}))
