"""Several networks on one canvas: lanes with names, a choice in the inspector, and new nodes in the right one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from builder.document import Document
from builder.document.layout import arrange
from pages.parts.canvas import canvas_drawing, miniature
from pages.parts.canvas.network_frames import crowded, lanes, network_at
from pages.parts.document import actions, workspace
from pages.parts.document import session as sessions
from pages.parts.document.snapshot_facts import Sight
from pages.parts.training.run_graph import plan

ROOT = Path(__file__).parents[2]
Make = Callable[..., Document]


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Make) -> AppTest:
    monkeypatch.setenv("NETLOOM_HOME", str(tmp_path))
    import torch  # noqa: F401  (the page draws shapes at once when torch is there)

    document_id = workspace.fresh_id()
    workspace.save(document_id, two(make), None)
    test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    test.query_params["document"] = document_id
    assert not test.run().exception
    return test


def two(make: Make) -> Document:
    one, other = {"network": "generator"}, {"network": "discriminator"}
    return make(
        ("noise", "Input", {"shape": [8]}, one), ("fc1", "Linear", {"out_features": 2}, one),
        ("sample", "Output", {}, one),
        ("point", "Input", {"shape": [2]}, other), ("fc2", "Linear", {"out_features": 1}, other),
        ("verdict", "Output", {}, other), ("loose", "ReLU", {}, other),
        edges="noise > fc1, fc1 > sample, point > fc2, fc2 > verdict", training={"data": {"name": "moons"}},
    )  # fmt: skip


def work(test: AppTest) -> sessions.Session:
    found: sessions.Session = test.session_state["netloom"]
    return found


def choice(test: AppTest) -> Any:
    return next(item for item in test.selectbox if item.label == "network")


def html(test: AppTest) -> str:
    return "".join(item.proto.body for item in test.get("html"))


def test_each_network_has_a_lane_with_its_name_and_what_it_costs(page: AppTest) -> None:
    session = work(page)
    drawn = canvas_drawing.draw(session.scene, session.sight)
    lane, text = drawn.lanes[0]
    assert lane.network == "generator" and "18 parameters" in text
    nodes, _ = canvas_drawing.to_flow(drawn, 1, frozenset())
    assert [node["id"] for node in nodes[:2]] == ["network:generator", "network:discriminator"]
    assert (
        not nodes[0]["selectable"] and "network-1" in next(node for node in nodes if node["id"] == "fc2")["className"]
    )
    assert "Networks" in html(page) and "3 nodes · 18" in html(page)


def test_lanes_of_an_arranged_document_do_not_touch(make: Make) -> None:
    document = two(make)
    document = document.changed(layout=arrange(document))
    assert len(lanes(document)) == 2 and not crowded(document)
    assert crowded(document.changed(layout={**document.layout, "fc2": document.layout["fc1"]}))
    inside = (document.layout["fc2"][0] + 20, document.layout["fc2"][1])
    assert network_at(document, inside) == "discriminator" and network_at(document, (0.0, -900.0)) == "generator"
    assert network_at(Document(), (0.0, 0.0)) == "main"


def test_one_network_needs_no_name(make: Make) -> None:
    document = make(("a", "Input", {"shape": [4]}), ("b", "Output"))
    assert canvas_drawing.draw(document, Sight(True)).lanes == ()
    assert "nl-lane" not in plan(document, {}, {})


def test_the_choice_moves_all_that_is_wired_in_one_step(page: AppTest) -> None:
    session = work(page)
    session.select("fc2")
    page.run()
    assert choice(page).value == "discriminator" and "generator" in choice(page).options
    choice(page).set_value("generator").run()
    assert {node.network for node in session.document.nodes if node.name != "loose"} == {"generator"}
    session.undo()
    assert session.document.node("verdict").network == "discriminator"
    session.select("noise", "fc1", "point")
    page.run()
    assert choice(page).value is None


def test_a_new_node_takes_the_network_of_where_it_is_put(page: AppTest) -> None:
    session = work(page)
    session.select("fc1")
    actions.add(session, "ReLU")
    assert session.document.node("relu").network == "generator"
    x, y = session.document.layout["fc2"]
    actions.add(session, "Tanh", (x + 40, y + 10))
    assert session.document.node("tanh").network == "discriminator"


def test_a_loose_node_joins_the_network_that_it_is_wired_to(page: AppTest) -> None:
    session = work(page)
    actions.connect(session, "fc1", "loose")
    assert session.document.node("loose").network == "generator"
    session.undo()
    assert session.document.node("loose").network == "discriminator" and len(session.document.edges) == 4
    actions.connect(session, "fc1", "verdict")
    assert "no wire joins two networks" in session.messages[-1][1]


def test_names_of_networks_are_inert_and_lie_on_every_picture(make: Make) -> None:
    document = two(make)
    evil = '<img src=x onerror="hacked()">'
    nodes = tuple(
        node.model_copy(update={"network": evil if node.network == "generator" else "main"}) for node in document.nodes
    )
    document = document.changed(nodes=nodes)
    for text in (canvas_drawing.draw(document, Sight(True)).lanes[0][1], plan(document, {}, {})):
        assert "<img" not in text and "&lt;img" in text
    assert "onerror" not in miniature.svg(document) and miniature.svg(document).count('rx="20"') == 2


def test_a_word_of_the_way_of_training_stands_on_its_node(make: Make) -> None:
    drawn = canvas_drawing.draw(two(make), Sight(True, marks={"fc1": "<frozen>"}))
    marked = [node.name for node in drawn.nodes if '<div class="mark">&lt;frozen&gt;</div>' in node.html]
    assert marked == ["fc1"]
