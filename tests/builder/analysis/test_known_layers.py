"""assets/layer_facts.json: what is known of the layers of the templates without running them is what torch infers."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import builder
from builder.analysis import known_layers
from builder.analysis.infer import layer_facts
from builder.spec import Signal

ROOT = Path(__file__).parents[3]
FIRST = """
import sys
import builder
from pages.parts.document.document_facts import facts_of
from pages.parts.document.workspace import first_document
first = builder.load(builder.dump(first_document()))  # as it is read from the disk
early = facts_of(first)
assert "torch" not in sys.modules, "shapes, costs and checks of the first document"
assert early.complete and early.total.flops and not early.final
other = facts_of(first.changed(training={**first.training, "optimizer": "NoSuch"}))
assert not other.complete and not other.final, "another document waits for torch"
import torch
last = facts_of(first)
assert last.final and last.outputs == early.outputs and last.costs == early.costs and last.labels == early.labels
assert last.problems == early.problems == ()
assert "torch._dynamo" not in sys.modules, "its checks"
assert "sympy" not in sys.modules
"""


def test_the_file_is_current() -> None:
    """Every layer of the templates is run again and compared: `make docs` writes the file."""
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        from make_layer_facts import layers
    finally:
        sys.path.remove(str(ROOT / "docs"))
    assert known_layers.PATH.read_text(encoding="utf-8") == known_layers.write(layers())


def test_what_is_written_is_read() -> None:
    text = known_layers.PATH.read_text(encoding="utf-8")
    found = known_layers.read(text)
    assert len(found) == len(json.loads(text)) > 100
    key = builder.CATALOGUE["Linear"](out_features=10).key
    known = next(value for (kind, _), value in found.items() if kind == key)
    assert known.signal.shape[-1] == 10
    assert known.parameters == sum(math.prod(shape) for _, shape in known.weights)


def test_a_layer_with_another_parameter_or_input_is_run() -> None:
    linear, other = (builder.CATALOGUE["Linear"](out_features=width) for width in (10, 11))
    assert known_layers.known_layer(other, (Signal((63,)),)) is None
    assert known_layers.known_layer(linear, (Signal((63,)),)) is None
    assert layer_facts(other, (Signal((63,)),)).signal.shape == (11,)


def test_a_type_that_is_gone_is_left_out() -> None:
    line = ["NoSuchLayer", {}, [[[8], "float", False, [], False]], [[8], "float", False, [], False], 0, [], 0, 0]
    assert known_layers.read(json.dumps([line])) == {}


def test_the_first_document_needs_no_torch_for_its_shapes() -> None:
    """In a process of its own: no module of torch that takes seconds to import, neither for shapes nor for checks."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", FIRST], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
