"""How two documents differ, in words: nodes, parameters, connections, networks and settings of the training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from builder.document import Document, Node
from builder.problems import NetloomError
from builder.validation_messages import clip
from trainers.job import DEFAULTS, Job


class Difference(NamedTuple):
    """One difference: of a node or a setting, and in words."""

    place: str  # the name of a node, or of a setting such as "optimizer.lr"
    words: str
    is_node: bool = False


def differences(before: Document, after: Document) -> list[Difference]:
    """What is other in `after`, nodes first, in the order of the documents."""
    return [*_nodes(before, after), *_edges(before, after), *_settings(_complete(before), _complete(after))]


def _nodes(before: Document, after: Document) -> Iterator[Difference]:
    old, new = before.by_name, after.by_name
    for node in after.nodes:
        if node.name not in old:
            yield Difference(node.name, f"new, {node.type}", True)
        elif old[node.name] != node:
            yield from (Difference(node.name, words, True) for words in _node(old[node.name], node))
    for node in before.nodes:
        if node.name not in new:
            yield Difference(node.name, f"removed, {node.type}", True)


def _node(before: Node, after: Node) -> Iterator[str]:
    if before.type != after.type:
        yield f"{after.type} instead of {before.type}"
        return
    defaults = {name: field.default for name, field in type(after.spec).model_fields.items()}
    for name in {**before.params, **after.params}:
        one, other = (node.params.get(name, defaults.get(name)) for node in (before, after))
        if one != other:
            yield f"{name} {clip(other)} instead of {clip(one)}"
    if before.network != after.network:
        yield f"in {after.network} instead of {before.network}"
    if before.shares_weights_with != after.shares_weights_with:
        shared = after.shares_weights_with
        yield f"shares the weights of {shared}" if shared else "has weights of its own"


def _edges(before: Document, after: Document) -> Iterator[Difference]:
    """The nodes that are in both documents and get their inputs from others."""
    old, new = before.by_name, after.by_name
    for node in after.nodes:
        if node.name not in old:
            continue
        one, other = (_sources(document, node.name) for document in (before, after))
        if one != other and all(source in old and source in new for source in one + other):  # else that node says it
            yield Difference(node.name, f"takes {_listed(other)} instead of {_listed(one)}", True)


def _sources(document: Document, node: str) -> list[str]:
    return [edge.source for edge in document.edges if edge.target == node]


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "nothing"


def _settings(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    one, other = _flat(before), _flat(after)
    for name in {**one, **other}:
        if one.get(name) != other.get(name):
            yield Difference(name, f"{_value(other.get(name))} instead of {_value(one.get(name))}")


def _complete(document: Document) -> dict[str, Any]:
    """Its settings with their defaults; as they are written where something is wrong with them."""
    training = {**DEFAULTS, **document.training}
    try:
        job = Job(document)
    except NetloomError:
        return training
    found: dict[str, Any] = job.settings.model_dump(mode="json")
    for name in ("paradigm", "optimizer", "schedule", "initialisation"):
        entry = getattr(job, name)
        found[name] = {"name": entry.name, **entry.model_dump(mode="json")}
    return {**training, **found, "data": {**training["data"], **job.batching.model_dump(mode="json")}}


def _value(value: Any) -> str:
    return "none" if value is None else clip(value) if not isinstance(value, str) else value[:60]


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """A tree of settings as {"optimizer": "Adam", "optimizer.lr": 0.1}."""
    if not isinstance(value, Mapping):
        return {prefix: value}
    found: dict[str, Any] = {}
    for key, inner in value.items():
        name = prefix if key == "name" and prefix else f"{prefix}.{key}" if prefix else str(key)
        found |= _flat(inner, name)
    return found
