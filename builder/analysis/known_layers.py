"""What is known of the layers of the templates without running them: assets/layer_facts.json.

The first layer that is run on meta tensors makes torch import two seconds of modules, which the first page of a server
would wait for. `make docs` writes the file (docs/make_layer_facts.py), and a test compares it with what torch infers.
Layers that are not in it are run.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any, NamedTuple

from builder.catalogue import CATALOGUE
from builder.spec import LayerSpec, Signal

PATH = Path(__file__).resolve().parents[2] / "assets" / "layer_facts.json"


class KnownLayer(NamedTuple):
    """A layer's output, the number and the shapes of its parameters; for one sample its FLOPs and what autograd keeps
    inside it, in bytes."""

    signal: Signal
    parameters: int
    weights: tuple[tuple[str, tuple[int, ...]], ...]
    flops: int
    kept: int


Key = tuple[tuple[Any, ...], tuple[Signal, ...]]


def known_layer(spec: LayerSpec, signals: tuple[Signal, ...]) -> KnownLayer | None:
    """What the file says of a layer with these inputs. None: nothing."""
    return _layers().get((spec.key, signals))


@functools.cache
def _layers() -> dict[Key, KnownLayer]:
    return read(PATH.read_text(encoding="utf-8")) if PATH.exists() else {}


def read(text: str) -> dict[Key, KnownLayer]:
    """The layers in a file's text. Those of a type that there is no longer are left out."""
    found: dict[Key, KnownLayer] = {}
    for kind, params, signals, output, parameters, weights, flops, kept in json.loads(text):
        if kind in CATALOGUE:
            spec = CATALOGUE[kind](**params)
            shapes = tuple((name, tuple(shape)) for name, shape in weights)
            known = KnownLayer(_signal(output), parameters, shapes, flops, kept)
            found[spec.key, tuple(_signal(each) for each in signals)] = known
    return found


def write(layers: dict[tuple[LayerSpec, tuple[Signal, ...]], KnownLayer]) -> str:
    """The text of the file: one layer a line, sorted."""
    lines = [
        json.dumps([type(spec).__name__, spec.non_default(), signals, *known], separators=(",", ":"))
        for (spec, signals), known in layers.items()
    ]
    return "[\n" + ",\n".join(sorted(lines)) + "\n]\n"


def _signal(values: list[Any]) -> Signal:
    shape, dtype, channels_first, axes, arranged = values
    return Signal(tuple(shape), dtype, channels_first, tuple(axes), arranged)
