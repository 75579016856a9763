"""Binds a document to its data set: Inputs without a shape get the shape of the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from builder.axes import likely
from builder.document import Document, Node
from builder.spec import Signal
from trainers import migrate
from trainers.data import DataError, DataSet, dataset
from trainers.entry import OptionError, choose
from trainers.paradigms import DEFAULT_PARADIGM, PARADIGMS


def bind(document: Document) -> Document:
    """The same document, with the shape of its data set in every Input that has none. Downloads nothing."""
    document = migrate.document(document)
    data = document.training.get("data")
    if not isinstance(data, Mapping):
        return document
    try:
        chosen = dataset(data)
    except DataError:
        return document  # check says what is wrong with the data set
    given = _signals(document, chosen)
    nodes = tuple(_bound(node, given[node.name]) if node.name in given else node for node in document.nodes)
    return document if nodes == document.nodes else document.changed(nodes=nodes)


def _signals(document: Document, chosen: DataSet) -> dict[str, Signal]:
    """The signal of each Input by the name of its node, as far as the data set and the paradigm define it."""
    try:
        way = choose(PARADIGMS, document.training.get("paradigm", DEFAULT_PARADIGM), "paradigm")
    except OptionError:
        way = None  # check says what is wrong with it
    given: dict[str, Signal] = {}
    for network in dict.fromkeys(node.network for node in document.nodes):
        inputs = [node.name for node in document.nodes if node.network == network and _input(node) is not None]
        signals = chosen.signals if way is None else way.signals(chosen, network)
        pairs = zip(inputs, signals, strict=False)  # a check reports too many or too few Inputs
        given |= {name: signal for name, signal in pairs if signal is not None}
    return given


def _bound(node: Node, signal: Signal) -> Node:
    """The node with the shape of the data set, if it has none, and the roles of the axes, if nobody has set others.

    A new node, not a copy: a copy would take along the layer that the node remembers.
    """
    layer = _input(node)
    if layer.shape not in (None, signal.shape):
        return node  # a check says that the shape is another one
    params = dict(node.params)
    if layer.shape is None:
        params |= {"shape": list(signal.shape), **({"dtype": signal.dtype} if signal.dtype != "float" else {})}
    if layer.axis_roles is None and signal.axes not in ((), likely(signal.shape, signal.dtype)):
        params["axis_roles"] = list(signal.axes)
    if params == node.params:
        return node
    fields = {name: getattr(node, name) for name in Node.model_fields}
    return Node(**{**fields, "params": params})


def _input(node: Node) -> Any:
    """The node's layer, if data enters the network there."""
    try:
        spec: Any = node.spec
    except (KeyError, ValueError):
        return None
    return spec if spec.role == "input" else None
