"""What an edit must satisfy to fit a document. Each function gives back what is right, or raises EditError."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from builder.catalogue import CATALOGUE
from builder.document import Document, Node
from builder.document.model import name_complaint
from builder.problems import EditError
from builder.registry import did_you_mean
from builder.validation_messages import clip, sentences


def existing(document: Document, name: str) -> Node:
    """The node of that name. EditError: there is none; near names are listed."""
    if name not in document.by_name:
        raise EditError(f"There is no node {name!r}.{did_you_mean(name, document.by_name)}")
    return document.by_name[name]


def free_name(document: Document, name: str) -> None:
    """EditError: a new node cannot have that name."""
    complaint = name_complaint(name)
    if complaint:
        raise EditError(complaint)
    if name in document.by_name:
        raise EditError(f"There is a node {name!r} already: every node needs a name of its own.")


def with_params(node: Node, params: Mapping[str, Any]) -> Node:
    """The node with these parameters in place of its own. EditError: they are wrong."""
    fields = {name: getattr(node, name) for name in Node.model_fields}
    try:
        return validated(Node.model_validate({**fields, "params": dict(params)}))
    except ValidationError as error:
        raise EditError(f"{node.name}: " + " ".join(sentences(error, Node.model_fields).values())) from None


def validated(node: Node) -> Node:
    """The node itself. EditError: its type is unknown, or its parameters are wrong."""
    if node.type not in CATALOGUE:
        raise EditError(f"There is no layer type {node.type!r}.{did_you_mean(node.type, CATALOGUE)}")
    try:
        node.spec  # noqa: B018  (validates and keeps the result)
    except ValidationError as error:
        known = CATALOGUE[node.type].model_fields
        raise EditError(f"{node.name}: " + " ".join(sentences(error, known).values())) from None
    return node


def valid_field(field: str, value: Any) -> Document:
    """A document with that field alone. EditError: its value could not be saved and opened again."""
    try:
        return Document.model_validate({field: value})
    except ValidationError as error:
        raise EditError(next(iter(sentences(error).values()))) from None


def place_of(name: str, position: Any) -> tuple[float, float]:
    """A position as the document keeps it. EditError: it is no pair of numbers, or far off any canvas."""
    try:
        return Document.model_validate({"layout": {name: position}}).layout[name]
    except ValidationError:
        raise EditError(f"{name} cannot be put at {clip(position)}: a place is two finite numbers, x and y.") from None
