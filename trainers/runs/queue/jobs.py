"""The document that a run trains, from the store."""

from __future__ import annotations

import builder
from builder.document import Document
from trainers import migrate
from trainers.engine.device import device_complaint
from trainers.runs.store import Store


def document_of(store: Store, run: str) -> Document:
    """The document with the settings that a run is trained with. StoreError: what is stored of it is damaged."""
    return migrate.document(builder.load(store.job(run)))


def with_device(document: Document) -> Document:
    """Where its device is gone, for the device that there is: what a run has learned can be used."""
    if not complaint(document):
        return document
    return document.changed(training={**document.training, "device": "auto"})


def complaint(document: Document) -> str:
    """Why it cannot train on its device, as a sentence; empty: it can."""
    return device_complaint(str(document.training.get("device", "auto")))
