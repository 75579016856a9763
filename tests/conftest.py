"""Shared by all tests: small documents in one line, quick conversions, and the order of the tests."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# Before torch is imported: runs would else measure how many threads are fastest, while other tests use the same cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Runs take turns in the process of the test. Tests of the queue ask for worker processes.
os.environ.setdefault("NETLOOM_WORKERS", "0")

import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parents[1]))  # for tests.warm_converter, however pytest was started

import builder
from builder.document import Document
from builder.exports import interpreter
from tests.warm_converter import WarmConverter

# The same examples in every run. NETLOOM_EXPLORE=1 looks for new ones. No deadline: a busy machine is slow, not wrong.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None)
settings.load_profile("explore" if os.environ.get("NETLOOM_EXPLORE") else "steady")


Maker = Callable[..., Document]


def make(*nodes: tuple[Any, ...], edges: str = "", load: bool = True, **fields: Any) -> Document:
    """A document from (name, type, params, other fields) and edges as text: "image > conv, conv > add:input".

    Without edges, the nodes are a chain. `load=False` makes a document in memory that loading would refuse.
    """
    written = []
    for name, type_name, *rest in nodes:
        params = rest[0] if rest else {}
        others = rest[1] if len(rest) > 1 else {}
        written.append({"name": name, "type": type_name, "params": params, **others})
    wires = []
    names = [item["name"] for item in written]
    for text in edges.split(",") if edges else [f"{one} > {two}" for one, two in itertools.pairwise(names)]:
        source, _, target = (part.strip() for part in text.partition(">"))
        target, _, port = target.partition(":")
        wires.append({"source": source, "target": target, **({"port": port} if port else {})})
    data = {"format": "netloom/2", "nodes": written, "edges": [wire for wire in wires if wire["source"]], **fields}
    return builder.load(data) if load else Document.model_validate(data)


@pytest.fixture(name="make", scope="session")
def make_fixture() -> Maker:
    """`make`, for tests that cannot import this file."""
    return make


@pytest.fixture(scope="session")
def converting_process() -> Iterator[WarmConverter]:
    converter = WarmConverter()
    yield converter
    converter.stop()


@pytest.fixture
def warm_converter(converting_process: WarmConverter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Models are converted in a process that has imported the converters already."""
    monkeypatch.setattr(interpreter.ready, "convert", converting_process.convert)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with long tests come first: at the end the processes of xdist share what is left, and it is short."""
    long = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in long)  # stable: the tests of a file stay together
