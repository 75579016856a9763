"""Blocks on the pages without a browser: paths, facts of the nodes inside, edits inside, charts by block."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import builder
from builder.document import Document
from pages.parts.canvas import canvas_drawing, canvas_state
from pages.parts.document import actions, block_actions, block_path, workspace
from pages.parts.document import session as sessions
from pages.parts.document.block_path import TOP, BlockPath
from pages.parts.training import block_rows
from pages.parts.training.run_data import ProbeTable

ROOT = Path(__file__).parents[2]


def node(name: str, kind: str, **params: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "params": params}


def wires(*names: str) -> list[dict[str, str]]:
    return [{"source": one, "target": other} for one, other in itertools.pairwise(names)]


def network(width: int = 8) -> Document:
    """stage1 ×2 of `unit`, then a node of `pair`, which has two ports and a `unit` of its own."""
    unit = {
        "nodes": [
            node("x", "Input"),
            node("fc", "Linear", out_features=width),
            node("relu", "ReLU"),
            node("y", "Output"),
        ],
        "edges": wires("x", "fc", "relu", "y"),
    }
    pair = {
        "nodes": [node("a", "Input"), node("b", "Input"), node("deep", "Block", block="unit"), node("add", "Add"),
                  node("y", "Output")],
        "edges": [*wires("a", "deep", "add", "y"), {"source": "b", "target": "add"}],
    }  # fmt: skip
    return builder.load(
        {
            "format": "netloom/2",
            "name": "Blocks",
            "nodes": [node("samples", "Input", shape=[4]), node("stage1", "Block", block="unit", repeat=2),
                      node("both", "Block", block="pair"), node("head", "Linear", out_features=3),
                      node("out", "Output")],
            "edges": [*wires("samples", "stage1"), {"source": "stage1", "target": "both", "port": "a"},
                      {"source": "stage1", "target": "both", "port": "b"}, *wires("both", "head", "out")],
            "blocks": {"unit": unit, "pair": pair},
            "training": {"data": {"name": "iris"}},
        }
    )  # fmt: skip


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NETLOOM_HOME", str(tmp_path))
    import torch  # noqa: F401  (the page draws shapes at once when torch is there)

    return tmp_path


def page(document: Document, **address: str) -> AppTest:
    document_id = workspace.fresh_id()
    workspace.save(document_id, document, None)
    test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    for key, value in {"document": document_id, **address}.items():
        test.query_params[key] = value
    test.run()
    assert not test.exception
    return test


def work(test: AppTest) -> sessions.Session:
    return test.session_state["netloom"]


def button(test: AppTest, key: str) -> Any:
    return next(item for item in test.button if item.key == key)


def text(test: AppTest) -> str:
    return " ".join(str(getattr(item, "value", "") or getattr(item.proto, "body", "")) for item in test.get("html"))


@pytest.mark.parametrize("address", ["", "stage1.0", "stage1.1", "both.0", "both.0.deep.0"])
def test_a_path_is_written_and_read(address: str) -> None:
    path = block_path.parse(address)
    assert str(path) == address
    assert block_path.existing(network(), path) == path


@pytest.mark.parametrize(
    ("address", "existing"),
    [
        ("stage1", ""),
        ("../etc", ""),
        ("stage1.7", "stage1.1"),
        ("gone.0", ""),
        ("both.0.gone.0", "both.0"),
        ("head.0", ""),
    ],
)
def test_a_path_is_cut_where_the_document_does_not_have_it(address: str, existing: str) -> None:
    assert str(block_path.existing(network(), block_path.parse(address))) == existing


@pytest.mark.parametrize(
    ("full_name", "where", "name"),
    [
        ("head", "", "head"),
        ("stage1.1.fc", "stage1.1", "fc"),
        ("stage1.1", "", "stage1"),
        ("both.0.deep.0.fc", "both.0.deep.0", "fc"),
    ],
)
def test_a_full_name_is_found(full_name: str, where: str, name: str) -> None:
    assert block_path.find(network(), full_name) == (block_path.parse(where), name)
    assert block_path.find(network(), f"{full_name}.0.nothing") is None


def test_names_for_people() -> None:
    assert block_path.display_name("stage1.0.fc") == "stage1 › fc"
    assert block_path.display_name("stage1.2.deep.0.fc") == "stage1 (repeat 3) › deep › fc"


def test_shapes_inside_are_those_of_the_use_it_was_opened_through() -> None:
    session = work(page(network(), inside="stage1.0"))
    assert str(session.path) == "stage1.0"
    assert session.snapshot_facts.outputs["x"].signal.shape == (4,)
    assert session.snapshot_facts.costs["fc"].parameters == 4 * 8 + 8
    session.open_path(BlockPath((("stage1", 1),)))
    assert session.snapshot_facts.outputs["x"].signal.shape == (8,)
    session.open_path(TOP)
    assert session.snapshot_facts.outputs["stage1"].signal.shape == (8,)
    assert session.snapshot_facts.costs["stage1"].parameters == (4 * 8 + 8) + (8 * 8 + 8)


def test_the_canvas_draws_stacks_and_names_ports() -> None:
    session = work(page(network()))
    drawing = canvas_drawing.draw(session.graph, session.snapshot_facts)
    classes = {item.name: item.classes.split() for item in drawing.nodes}
    assert "is-stack" in classes["stage1"] and "is-stack" not in classes["both"]
    assert "is-block" in classes["both"] and "is-block" not in classes["head"]
    labels = [wire.label for wire in drawing.wires if wire.target == "both"]
    assert [label.split()[0] for label in labels] == ["a", "b"]


def test_edits_inside_change_every_use_and_are_undone() -> None:
    test = page(network(), inside="stage1.0")
    session = work(test)
    session.select("fc")
    test.run()
    next(item for item in test.number_input if item.label == "out_features").set_value(5).run()
    assert session.document.blocks["unit"].by_name["fc"].params["out_features"] == 5
    session.select("relu")
    actions.add(session, "Tanh")
    assert "tanh" in session.document.blocks["unit"].by_name and "tanh" not in session.document.by_name
    test.run()
    button(test, "undo").click().run()
    button(test, "undo").click().run()
    assert session.document.blocks["unit"].by_name["fc"].params["out_features"] == 8
    assert str(session.path) == "stage1.0"


def test_the_breadcrumb_leads_back_to_every_level() -> None:
    test = page(network(), inside="both.0.deep.0")
    session = work(test)
    assert next(item.label for item in test.button if (item.key or "").startswith("crumb_")) == "Blocks"
    button(test, "crumb_1").click().run()
    assert str(session.path) == "both.0" and session.node == "deep"
    assert test.query_params["inside"] == "both.0"
    button(test, "crumb_0").click().run()
    assert session.path == TOP and session.node == "both"
    assert "inside" not in test.query_params


def test_make_open_repeat_copy_and_unpack() -> None:
    test = page(network())
    session = work(test)
    session.select("both", "head")
    test.run()
    assert "2 nodes" in text(test)
    button(test, "make_block").click().run()
    assert not test.exception
    assert session.document.by_name["block"].use is not None and session.node == "block"
    next(item for item in test.number_input if item.label == "repeat").set_value(3).run()
    assert session.document.node("block").params["repeat"] == 3
    next(item for item in test.number_input if item.label == "repeat").set_value(1).run()
    button(test, "open_block").click().run()
    assert session.graph.by_name.keys() >= {"both", "head"}
    session.open_path(TOP, "block")
    test.run()
    button(test, "unpack").click().run()
    assert {"both", "head"} <= session.document.by_name.keys()
    session.select("stage1")
    test.run()
    assert "changes all 2 uses" in text(test)
    button(test, "make_own").click().run()
    assert session.document.node("stage1").use.block == "unit2"  # type: ignore[union-attr]
    assert session.document.blocks["unit2"] == session.document.blocks["unit"]


def test_what_cannot_be_a_block_is_reported_and_changes_nothing() -> None:
    test = page(network())
    session = work(test)
    session.select("samples", "stage1")
    test.run()
    assert not [item for item in test.button if item.key == "make_block"]
    before = session.document
    block_actions.make_block(session, ["samples", "stage1"])
    assert session.document is before and session.messages


def test_undo_leaves_a_block_that_is_gone() -> None:
    test = page(builder.template("digits_cnn"))
    session = work(test)
    block_actions.make_block(session, ["conv1"])
    block_actions.open_block(session, "block")
    assert str(session.path) == "block.0"
    test.run()
    session.undo()
    test.run()
    assert not test.exception and session.path == TOP


def test_a_problem_inside_shows_at_the_block_and_leads_into_it() -> None:
    document = network()
    text_of = json.loads(builder.dump(document))
    text_of["blocks"]["unit"]["nodes"].insert(3, node("wrong", "Conv2d", out_channels=3, kernel_size=3))
    text_of["blocks"]["unit"]["edges"] = wires("x", "fc", "relu", "wrong", "y")
    test = page(builder.load(text_of))
    session = work(test)
    problem = next(item for item in session.document_facts.problems if item.severity == "error")
    assert problem.node == "stage1.0.wrong"
    assert (
        session.snapshot_facts.errors["stage1"] is problem and session.snapshot_facts.inner_errors["stage1"] == "wrong"
    )
    session.show_node(problem.node)
    assert str(session.path) == "stage1.0" and session.node == "wrong"
    assert session.snapshot_facts.errors["wrong"] is problem
    test.run()
    assert not test.exception


def test_events_of_another_graph_are_ignored() -> None:
    state = canvas_state.CanvasState()
    state.update("a", canvas_state.Push({"fc": (0.0, 0.0)}, set(), ""), frozenset(), 1)
    state.update("b", canvas_state.Push({"fc": (5.0, 5.0)}, set(), "stage1.0"), frozenset(), 2)
    sent = {"timestamp": 9, "selectedId": "fc", "edges": [],
             "nodes": [{"id": "fc", "position": {"x": 70.0, "y": 0.0}, "data": {"push": 1}}]}  # fmt: skip
    assert not state.read(sent)


NODES = ("head", "stage1.0.fc", "stage1.1.fc", "stage1.1.norm", "both.0.deep.0.fc", "both.0.deep.1.fc")


@pytest.mark.parametrize(
    ("path", "rows"),
    [
        ((), {"head": 1, "stage1.0": 1, "stage1.1": 2, "both": 2}),
        (("stage1",), {"0.fc": 1, "1.fc": 1, "1.norm": 1}),
        (("both",), {"deep.0": 1, "deep.1": 1}),
        (("both", "deep"), {"0.0.fc": 1, "0.1.fc": 1}),
    ],
)
def test_names_are_grouped_by_block(path: tuple[str, ...], rows: dict[str, int]) -> None:
    assert {name: len(leaves) for name, leaves in block_rows.rows_of(NODES, path).items()} == rows


def test_rows_of_a_block_are_means_and_maxima() -> None:
    table = np.array([[1.0, np.nan], [3.0, np.nan], [7.0, 5.0]])
    probes = ProbeTable(("s.0.a", "s.0.b", "t"), np.arange(2), {"mean_abs": table, "max_abs": table})
    made = block_rows._merged(probes, block_rows.rows_of(probes.nodes, ()))
    assert made.nodes == ("s", "t")
    assert made.values["mean_abs"][0, 0] == 2 and made.values["max_abs"][0, 0] == 3
    assert np.isnan(made.values["mean_abs"][0, 1]) and made.values["mean_abs"][1, 1] == 5


def test_a_block_on_the_graph_has_a_field_for_each_repeat_and_the_worst_badge() -> None:
    sizes = {"head": 1e-2, "stage1.0.fc": 1e-9, "stage1.1.fc": 1e-3}
    known = block_rows.node_gradients(sizes, ())
    assert list(known["stage1"].sizes) == ["stage1.0", "stage1.1"]
    assert (known["stage1"].low, known["stage1"].high) == (1e-9, 1e-3)
    assert block_rows.worst_badges({"stage1.0.fc": "dead", "stage1.1.fc": "vanishing"}, ()) == {"stage1": "vanishing"}
    serious = {"stage1.0.fc": "error", "stage1.1.fc": "warning", "head": "warning"}
    assert block_rows.worst_severities(serious, ()) == {"stage1": "error", "head": "warning"}
    assert block_rows.worst_severities(serious, ("stage1",)) == {"fc": "error"}
