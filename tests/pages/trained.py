"""What tests of the pages about runs share: small documents, runs that are over, and a page to look at them."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

import builder
import trainers
from builder.document import Document
from pages.parts.document import session as sessions
from pages.parts.document import workspace
from trainers.data import dataset
from trainers.runs.run import Run

ROOT = Path(__file__).parents[2]


def perceptron(data: str | dict[str, Any] = "iris", width: int = 3, name: str = "Small", **training: Any) -> Document:
    """A perceptron that trains in a second."""
    names = ("samples", "hidden", "relu", "last", "answer")
    options = {"name": data} if isinstance(data, str) else data
    return builder.load(
        {
            "format": "netloom/2",
            "name": name,
            "nodes": [
                {"name": "samples", "type": "Input"},
                {"name": "hidden", "type": "Linear", "params": {"out_features": 8}},
                {"name": "relu", "type": "ReLU"},
                {"name": "last", "type": "Linear", "params": {"out_features": width}},
                {"name": "answer", "type": "Output"},
            ],
            "edges": [{"source": a, "target": b} for a, b in itertools.pairwise(names)],
            "training": {"data": {"batch_size": 16, **options}, "epochs": 3, **training},
        }
    )


def chain(data: dict[str, Any], **layers: tuple[str, dict[str, Any]]) -> Document:
    """A chain of layers for a data set, with an Input for each part of a sample; one epoch of it."""
    inputs = [f"part{number}" for number in range(len(dataset(data).signals))]
    nodes = [{"name": name, "type": "Input"} for name in inputs]
    nodes += [{"name": name, "type": kind, "params": params} for name, (kind, params) in layers.items()]
    nodes.append({"name": "answer", "type": "Output"})
    edges = [{"source": name, "target": next(iter(layers))} for name in inputs]
    edges += [{"source": a, "target": b} for a, b in itertools.pairwise([*layers, "answer"])]
    training = {"data": {"batch_size": 32, **data}, "paradigm": {"name": "supervised"}, "epochs": 1}
    return builder.load({"format": "netloom/2", "name": "Chain", "nodes": nodes, "edges": edges, "training": training})


def train(document: Document, state: str = "finished") -> Run:
    """A run of the document that is over."""
    run = trainers.start(trainers.Job.from_document(document))
    run.wait(60)
    assert run.state == state, run.progress().message
    return run


def store(document: Document) -> str:
    """Save a document as the newest one; returns its id."""
    document_id = workspace.fresh_id()
    workspace.save(document_id, document, None)
    return document_id


def page(name: str, **address: str) -> AppTest:
    """A page, drawn once. Nothing may be on it that looks like a traceback."""
    test = AppTest.from_file(str(ROOT / "pages" / f"{name}.py"), default_timeout=60)
    for key, value in address.items():
        test.query_params[key] = value
    return look(test.run())


def look(test: AppTest) -> AppTest:
    assert not test.exception, test.exception
    assert "could not be drawn" not in text(test)
    return test


def text(test: AppTest) -> str:
    """Everything that is written on the page by our own HTML and markdown."""
    return " ".join(
        str(getattr(item, "value", "") or getattr(item.proto, "body", ""))
        for kind in ("html", "markdown", "caption", "toast")
        for item in test.get(kind)
    )


def work(test: AppTest) -> sessions.Session:
    return test.session_state["netloom"]


def button(test: AppTest, key: str) -> Any:
    return next(item for item in test.button if item.key == key)


def has_button(test: AppTest, key: str) -> bool:
    return any(item.key == key for item in test.button)


def widget(test: AppTest, kind: str, key: str) -> Any:
    """A widget by its key; the forms' keys end in ~ and a number."""
    return next(item for item in getattr(test, kind) if item.key == key or (item.key or "").rpartition("~")[0] == key)
