"""Several networks on one canvas: frames with names, a choice in the inspector, and the network of new nodes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from builder.document import Document
from builder.document.layout import arrange
from pages.parts.canvas import canvas_drawing, miniature
from pages.parts.canvas.network_frames import frames_overlap, network_at, network_frames
from pages.parts.document import actions, workspace
from pages.parts.document import session as sessions
from pages.parts.document.snapshot_facts import SnapshotFacts
from pages.parts.training.run_graph import network_html

ROOT = Path(__file__).parents[2]
Make = Callable[..., Document]


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Make) -> AppTest:
    monkeypatch.setenv("NETLOOM_HOME", str(tmp_path))
    import torch  # noqa: F401  (with torch imported, the page shows shapes at once)

    document_id = workspace.fresh_id()
    workspace.save(document_id, two_networks(make), None)
    test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    test.query_params["document"] = document_id
    assert not test.run().exception
    return test


def two_networks(make: Make) -> Document:
    generator, discriminator = {"network": "generator"}, {"network": "discriminator"}
    return make(
        ("noise", "Input", {"shape": [8]}, generator),
        ("fc1", "Linear", {"out_features": 2}, generator),
        ("generated", "Output", {}, generator),
        ("sample", "Input", {"shape": [2]}, discriminator),
        ("fc2", "Linear", {"out_features": 1}, discriminator),
        ("realness", "Output", {}, discriminator),
        ("loose", "ReLU", {}, discriminator),
        edges="noise > fc1, fc1 > generated, sample > fc2, fc2 > realness",
        training={"data": {"name": "moons"}},
    )


def work(test: AppTest) -> sessions.Session:
    found: sessions.Session = test.session_state["netloom"]
    return found


def choice(test: AppTest) -> Any:
    return next(item for item in test.selectbox if item.label == "network")


def html(test: AppTest) -> str:
    return "".join(item.proto.body for item in test.get("html"))


def test_each_network_has_a_frame_with_its_name_and_its_parameters(page: AppTest) -> None:
    session = work(page)
    drawing = canvas_drawing.draw(session.graph, session.snapshot_facts)
    frame, heading = drawing.frames[0]
    assert frame.network == "generator" and "18 parameters" in heading
    nodes, _ = canvas_drawing.to_flow(drawing, 1, frozenset())
    assert [node["id"] for node in nodes[:2]] == ["network:generator", "network:discriminator"]
    in_second = next(node for node in nodes if node["id"] == "fc2")
    assert not nodes[0]["selectable"] and "network-1" in in_second["className"]
    assert "Networks" in html(page) and "3 nodes · 18" in html(page)


def test_frames_of_an_arranged_document_do_not_overlap(make: Make) -> None:
    document = two_networks(make)
    document = document.changed(layout=arrange(document))
    assert len(network_frames(document)) == 2 and not frames_overlap(document)
    assert frames_overlap(document.changed(layout={**document.layout, "fc2": document.layout["fc1"]}))
    inside = (document.layout["fc2"][0] + 20, document.layout["fc2"][1])
    assert network_at(document, inside) == "discriminator" and network_at(document, (0.0, -900.0)) == "generator"
    assert network_at(Document(), (0.0, 0.0)) == "main"


def test_one_network_has_no_frame(make: Make) -> None:
    document = make(("a", "Input", {"shape": [4]}), ("b", "Output"))
    assert canvas_drawing.draw(document, SnapshotFacts(True)).frames == ()
    assert "nl-network-frame" not in network_html(document, {}, {})


def test_a_new_network_is_chosen_for_all_wired_nodes_in_one_step(page: AppTest) -> None:
    session = work(page)
    session.select("fc2")
    page.run()
    assert choice(page).value == "discriminator" and "generator" in choice(page).options
    choice(page).set_value("generator").run()
    assert {node.network for node in session.document.nodes if node.name != "loose"} == {"generator"}
    session.undo()
    assert session.document.node("realness").network == "discriminator"
    session.select("noise", "fc1", "sample")
    page.run()
    assert choice(page).value is None


def test_a_new_node_belongs_to_the_network_at_its_position(page: AppTest) -> None:
    session = work(page)
    session.select("fc1")
    actions.add(session, "ReLU")
    assert session.document.node("relu").network == "generator"
    x, y = session.document.layout["fc2"]
    actions.add(session, "Tanh", (x + 40, y + 10))
    assert session.document.node("tanh").network == "discriminator"


def test_a_node_without_wires_joins_the_network_that_it_is_connected_to(page: AppTest) -> None:
    session = work(page)
    actions.connect(session, "fc1", "loose")
    assert session.document.node("loose").network == "generator"
    session.undo()
    assert session.document.node("loose").network == "discriminator" and len(session.document.edges) == 4
    actions.connect(session, "fc1", "realness")
    assert "no wire joins two networks" in session.messages[-1][1]


def test_names_of_networks_are_escaped_and_every_image_has_their_frames(make: Make) -> None:
    document = two_networks(make)
    name = '<img src=x onerror="run()">'
    nodes = tuple(
        node.model_copy(update={"network": name if node.network == "generator" else "main"}) for node in document.nodes
    )
    document = document.changed(nodes=nodes)
    for text in (canvas_drawing.draw(document, SnapshotFacts(True)).frames[0][1], network_html(document, {}, {})):
        assert "<img" not in text and "&lt;img" in text
    assert "onerror" not in miniature.svg(document) and miniature.svg(document).count('rx="20"') == 2


def test_a_label_of_the_paradigm_is_on_its_node(make: Make) -> None:
    drawing = canvas_drawing.draw(two_networks(make), SnapshotFacts(True, labels={"fc1": "<frozen>"}))
    labelled = [node.name for node in drawing.nodes if '<div class="label">&lt;frozen&gt;</div>' in node.html]
    assert labelled == ["fc1"]
