"""Checking documents: from cold, after one edit, and how the time grows with the number of nodes."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from typing import Any

import builder
from benchmarks.documents import gpt2_document, resnet152_document
from benchmarks.table import Row
from benchmarks.timing import seconds
from builder.analysis.infer import _cache
from builder.analysis.plan import make_plan
from builder.document import Document
from builder.edits import Edit, InBlock, SetParams


def residual_chain(size: int) -> Any:
    """A residual network of `size` nodes."""
    nodes: list[dict[str, Any]] = [{"name": "image", "type": "Input", "params": {"shape": [16, 16, 16]}}]
    edges: list[dict[str, str]] = []
    last, skip = "image", "image"
    for number in range(size - 2):
        kind = ("Conv2d", "BatchNorm2d", "ReLU", "Add")[number % 4]
        name = f"node{number}"
        nodes.append({"name": name, "type": kind, "params": {"padding": 1} if kind == "Conv2d" else {}})
        edges.append({"source": last, "target": name})
        if kind == "Add":
            edges.append({"source": skip, "target": name})
            skip = name
        last = name
    nodes.append({"name": "result", "type": "Output"})
    edges.append({"source": last, "target": "result"})
    return builder.load({"format": "netloom/2", "nodes": nodes, "edges": edges})


def rows() -> Iterator[Row]:
    builder.check(residual_chain(10))  # imports torch
    yield from _architectures()
    times: dict[int, float] = {}
    for size in (100, 500, 1000, 10_000):
        document = residual_chain(size)
        _cache.clear()
        cold = seconds(lambda d=document: builder.check(d))  # type: ignore[misc]
        edited = []
        for number in range(5):
            changed = SetParams("node4", {"padding": 1, "dilation": 1, "out_channels": 16, "kernel_size": 3}).apply(
                document
            )
            changed = SetParams("node8", {"padding": 1, "groups": 2 ** (number % 4)}).apply(changed)
            edited.append(seconds(lambda d=changed: builder.check(d)))  # type: ignore[misc]
        times[size] = statistics.median(edited)
        if size == 500:
            yield Row("checking 500 nodes from cold, milliseconds", cold * 1e3, "at most", 1000)
            yield Row("checking 500 nodes after one edit, milliseconds", times[size] * 1e3, "at most", 20)
    for size in (100, 1000, 10_000):
        yield Row(f"checking {size:,} nodes, microseconds a node", times[size] / size * 1e6, "", 0)
    yield from _growth()


def _growth() -> Iterator[Row]:
    """Everything that reads a whole document takes a time that is proportional to its number of nodes."""
    actions: dict[str, Callable[[Document], object]] = {
        "loading": lambda document: builder.load(builder.dump(document)),
        "planning": make_plan,
        "inferring": builder.infer,
        "printing": builder.to_python,
    }
    documents = {size: residual_chain(size) for size in (1000, 10_000)}
    builder.check(documents[10_000])
    for name, action in actions.items():
        times = {size: min(seconds(lambda: action(made)) for _ in range(3)) for size, made in documents.items()}  # noqa: B023
        yield Row(f"{name} 10,000 nodes, seconds", times[10_000], "at most", 3)
        growth = times[10_000] / times[1000] / 10
        yield Row(f"{name} 10,000 nodes, time a node against 1,000 nodes", growth, "at most", 2)


def _architectures() -> Iterator[Row]:
    """Planning and checking networks of the field: one folded into blocks, one with every layer drawn."""
    folded, flat = gpt2_document(), resnet152_document()
    edits: dict[str, tuple[Document, Callable[[int], Edit]]] = {
        "folded GPT-2 (12 repeats)": (folded, lambda n: InBlock("layer", SetParams("up", {"out_features": 3072 + n}))),
        "flat ResNet-152 (517 nodes)": (flat, lambda n: SetParams("fc", {"out_features": 1000 + n})),
    }
    for name, (document, edit) in edits.items():
        steps = len(make_plan(document).steps)
        _cache.clear()
        cold = seconds(lambda d=document: builder.check(d))  # type: ignore[misc]
        yield Row(f"checking a {name} from cold, milliseconds", cold * 1e3, "at most", 1000, f"{steps} steps")
        planned = [seconds(lambda d=document: make_plan(d)) for _ in range(9)]  # type: ignore[misc]
        yield Row(f"planning a {name}, milliseconds", statistics.median(planned) * 1e3, "at most", 10)
        edited = []
        for number in range(1, 10):
            changed = edit(number).apply(document)
            edited.append(seconds(lambda d=changed: builder.check(d)))  # type: ignore[misc]
        yield Row(f"checking a {name} after one edit, milliseconds", statistics.median(edited) * 1e3, "at most", 20)
