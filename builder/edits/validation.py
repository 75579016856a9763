"""Checks of an edit's values. Each function returns the valid value or raises EditError with a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from builder.catalogue import CATALOGUE, instead_of
from builder.document import Document, Node
from builder.document.model import name_complaint
from builder.problems import EditError
from builder.registry import did_you_mean
from builder.validation_messages import clip, sentences


def existing(document: Document, name: str) -> Node:
    """The node with that name. EditError: there is none; similar names are listed."""
    if name not in document.by_name:
        raise EditError(f"There is no node {name!r}.{did_you_mean(name, document.by_name)}")
    return document.by_name[name]


def check_new_name(document: Document, name: str) -> None:
    """EditError: a new node cannot have this name."""
    complaint = name_complaint(name)
    if complaint:
        raise EditError(complaint)
    if name in document.by_name:
        raise EditError(f"There is already a node {name!r}: names must be unique.")


def with_params(node: Node, params: Mapping[str, Any]) -> Node:
    """The node with these parameters instead of its own. EditError: they are wrong."""
    fields = {name: getattr(node, name) for name in Node.model_fields}
    try:
        return validated(Node.model_validate({**fields, "params": dict(params)}))
    except ValidationError as error:
        raise EditError(f"{node.name}: " + " ".join(sentences(error, Node.model_fields).values())) from None


def validated(node: Node) -> Node:
    """The node itself. EditError: its type is unknown, or its parameters are wrong."""
    if node.type not in CATALOGUE:
        raise EditError(f"There is no layer type {node.type!r}.{instead_of(node.type)}")
    try:
        node.spec  # noqa: B018  (validates the parameters and caches the result)
    except ValidationError as error:
        layer = CATALOGUE[node.type]
        texts = sentences(error, layer.model_fields, layer.inferred_names())
        raise EditError(f"{node.name}: " + " ".join(texts.values())) from None
    return node


def valid_field(field: str, value: Any) -> Document:
    """A document with only this field. EditError: its value could not be saved and loaded again."""
    try:
        return Document.model_validate({field: value})
    except ValidationError as error:
        raise EditError(next(iter(sentences(error).values()))) from None


def valid_position(name: str, position: Any) -> tuple[float, float]:
    """A position as the document stores it. EditError: it is no pair of numbers, or too far away."""
    try:
        return Document.model_validate({"layout": {name: position}}).layout[name]
    except ValidationError:
        raise EditError(f"{name} cannot be at {clip(position)}: a position is two finite numbers, x and y.") from None
