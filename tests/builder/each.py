"""Templates for tests that look at one network at a time: those with several are cut into a document for each."""

from __future__ import annotations

from builder.document import MAIN, Document
from builder.document.graph import networks
from builder.document.subnetworks import only
from builder.edits import SetNetwork


def single(templates: dict[str, Document]) -> dict[str, Document]:
    """Documents of one network each, called main: {"dcgan.generator": …} where a template has several."""
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
