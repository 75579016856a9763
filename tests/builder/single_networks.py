"""Templates for tests of one network at a time: those with several networks become one document for each."""

from __future__ import annotations

from builder.document import MAIN, Document
from builder.document.graph import networks
from builder.document.subnetworks import only
from builder.edits import SetNetwork


def single(templates: dict[str, Document]) -> dict[str, Document]:
    """Documents with one network, named main: {"dcgan.generator": …} for a template that has several."""
    found: dict[str, Document] = {}
    for name, document in templates.items():
        names = networks(document)
        if len(names) < 2:
            found[name] = document
            continue
        for network in names:
            part = only(document, network)
            found[f"{name}.{network}"] = SetNetwork(tuple(part.by_name), MAIN).apply(part)
    return found
