"""Edits and history: each edit can be undone exactly, and one that cannot be applied does not change the document."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import builder
from builder.document import Document, Edge, Node
from builder.document.model import MAX_NODES, RESERVED, name_complaint
from builder.edits import (
    AddNode,
    Bypass,
    Connect,
    Disconnect,
    Edit,
    InsertBefore,
    Move,
    RemoveNodes,
    RenameNode,
    SetNetwork,
    SetParams,
    SetText,
    SetTraining,
    Together,
    apply_all,
    fresh_name,
)
from builder.edits.history import History
from builder.problems import EditError, NetloomError

Make = Callable[..., Document]
PARAMETERS: dict[str, list[dict[str, Any]]] = {
    "Linear": [{}, {"out_features": 3}, {"out_features": 0}, {"bias": False}],
    "Conv2d": [{}, {"kernel_size": [3, 1], "padding": "same"}, {"kernel_size": "3"}],
    "Dropout": [{"p": 0.1}, {"p": 2.0}],
}


def random_edit(document: Document, chance: random.Random) -> Edit:
    """A random edit; about a third of them cannot be applied."""
    names = [*document.by_name, "ghost"]
    name, other = chance.choice(names), chance.choice(names)
    kind = chance.choice([*builder.CATALOGUE, "Ghost"])
    params = chance.choice(PARAMETERS.get(kind, [{}]))
    new = chance.choice([fresh_name(document, kind), "forward", name, f"n{chance.randrange(50)}"])
    edge = Edge(source=name, target=other, port=chance.choice([None, None, "input", "other"]))
    node = Node(name=new if name_complaint(new) is None else "fine", type=kind, params=params)
    place = (chance.uniform(-500, 500), chance.uniform(-500, 500))
    held = chance.choice([*document.edges, edge])
    own = chance.choice(PARAMETERS.get(document.by_name[name].type if name != "ghost" else "", [{}, {"p": 0.3}]))
    choices: list[Callable[[], Edit]] = [
        lambda: AddNode(node, place),
        lambda: AddNode(node),
        lambda: RemoveNodes((name,)),
        lambda: RemoveNodes((name, other)),
        lambda: RenameNode(name, new),
        lambda: SetParams(name, own),
        lambda: Connect(edge),
        lambda: Connect(edge),
        lambda: Disconnect(held),
        lambda: Move({name: place}),
        lambda: SetTraining({"epochs": chance.randrange(9)}),
        lambda: SetText(chance.choice(["name", "description", "lesson"]), str(chance.random())),
        lambda: InsertBefore(node, name, chance.choice([None, "input"])),
        lambda: Bypass(name),
        lambda: SetNetwork((name, other), chance.choice(["main", "main", "other", "2 wrong"])),
        lambda: Together((AddNode(node, place), Connect(Edge(source=name, target=node.name)))),
    ]
    return chance.choice(choices)()


START = builder.template("residual_cnn")


@pytest.mark.parametrize("seed", range(6))
def test_two_hundred_edits_can_each_be_taken_back(seed: int) -> None:
    chance = random.Random(seed)
    history = History(START)
    seen = [START]
    refused = 0
    for _ in range(200):
        document = history.document
        text = builder.dump(document)
        edit = random_edit(document, chance)
        try:
            after = edit.apply(document)
        except EditError as error:
            refused += 1
            assert str(error)[-1] in ".?", str(error)
            with pytest.raises(EditError):
                history.apply(edit)
            assert history.document is document and builder.dump(document) == text
            continue
        inverse = edit.inverse(document)
        assert inverse.apply(after) == document
        assert builder.dump(inverse.apply(after)) == text, "undo restores the order, too"
        assert inverse.inverse(after).apply(document) == after, "an inverse has an inverse"
        assert builder.dump(builder.load(builder.dump(after))) == builder.dump(after), (
            "what an edit makes can be opened"
        )
        assert after.layout.keys() <= after.by_name.keys()
        assert all(after.node(wire.source).network == after.node(wire.target).network for wire in after.edges)
        history.apply(edit)
        if history.document != document:
            seen.append(history.document)
    assert 20 < refused < 180 and len(seen) > 30
    for document in reversed(seen[:-1]):
        assert history.can_undo and history.undo() == document
    assert not history.can_undo and history.document == START
    for document in seen[1:]:
        assert history.can_redo and history.redo() == document
    assert not history.can_redo


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 2**32), min_size=1, max_size=25))
def test_checks_stand_every_edited_document(seeds: list[int]) -> None:
    document = builder.template("multilayer_perceptron")
    for seed in seeds:
        try:
            document = random_edit(document, random.Random(seed)).apply(document)
        except EditError:
            continue
    for problem in builder.check(document):
        if problem.fix:
            assert apply_all(document, problem.fix) != document, f"the fix of {problem} changes nothing"


def chain(make: Make) -> Document:
    return make(
        ("image", "Input", {"shape": [4]}),
        ("fc1", "Linear", {"out_features": 4}),
        ("act", "ReLU"),
        ("fc2", "Linear", {"out_features": 4}, {"shares_weights_with": "fc1"}),
        ("end", "Output"),
        layout={"image": [0, 0], "fc1": [200, 0]},
    )


def wires(document: Document) -> set[tuple[str, str]]:
    return {(edge.source, edge.target) for edge in document.edges}


def test_a_new_name_is_followed_by_wires_places_and_shared_weights(make: Make) -> None:
    before = chain(make)
    after = RenameNode("fc1", "first").apply(before)
    assert [node.name for node in after.nodes] == ["image", "first", "act", "fc2", "end"]
    assert wires(after) == {("image", "first"), ("first", "act"), ("act", "fc2"), ("fc2", "end")}
    assert after.node("fc2").shares_weights_with == "first"
    assert after.layout == {"image": (0, 0), "first": (200, 0)}
    assert after.node("first").spec == before.node("fc1").spec
    assert builder.check(after) == builder.check(before) == []
    assert RenameNode("fc1", "fc1").apply(before) is before


def test_a_removed_node_takes_its_wires_and_place_along_and_frees_its_sharers(make: Make) -> None:
    after = RemoveNodes(("fc1",)).apply(chain(make))
    assert wires(after) == {("act", "fc2"), ("fc2", "end")}
    assert "fc1" not in after.layout and after.node("fc2").shares_weights_with is None


def test_a_node_is_put_into_the_wire(make: Make) -> None:
    after = InsertBefore(Node(name="flat", type="Flatten"), "fc2").apply(chain(make))
    assert wires(after) == {("image", "fc1"), ("fc1", "act"), ("act", "flat"), ("flat", "fc2"), ("fc2", "end")}
    assert "flat" in after.layout and builder.check(after) == []


def test_a_node_is_put_into_the_wire_of_one_port_and_the_order_of_the_inputs_stays(make: Make) -> None:
    nodes = (("a", "Input", {"shape": [4]}), ("b", "Input", {"shape": [4]}), ("minus", "Subtract"), ("end", "Output"))
    document = make(*nodes, edges="a > minus:input, b > minus:other, minus > end")
    after = InsertBefore(Node(name="act", type="ReLU"), "minus", "other").apply(document)
    assert wires(after) == {("a", "minus"), ("b", "act"), ("act", "minus"), ("minus", "end")}
    assert [edge.port for edge in after.edges if edge.target == "minus"] == ["input", "other"]
    joined = make(
        ("a", "Input", {"shape": [4]}),
        ("b", "Input", {"shape": [4]}),
        ("cat", "Concat"),
        ("end", "Output"),
        edges="a > cat, b > cat, cat > end",
    )
    after = InsertBefore(Node(name="act", type="ReLU"), "cat").apply(joined)
    assert [edge.source for edge in after.edges if edge.target == "cat"] == ["act", "b"]


def test_a_node_is_taken_out_of_its_wire(make: Make) -> None:
    after = Bypass("act").apply(chain(make))
    assert wires(after) == {("image", "fc1"), ("fc1", "fc2"), ("fc2", "end")} and "act" not in after.by_name


def test_edits_together_happen_all_or_not_at_all(make: Make) -> None:
    before = chain(make)
    good = AddNode(Node(name="more", type="ReLU"))
    assert "more" in Together((good,)).apply(before).by_name
    history = History(before)
    with pytest.raises(EditError):
        history.apply(Together((good, RemoveNodes(("ghost",)))))
    assert history.document is before and not history.can_undo


REFUSED: list[tuple[Edit, str]] = [
    (AddNode(Node(name="fc1", type="ReLU")), "There is already a node 'fc1'"),
    (AddNode(Node(name="act2", type="Relu")), "Did you mean ReLU"),
    (AddNode(Node(name="act2", type="Dropout", params={"p": 3.0})), "act2: p must be at most 1.0, got 3.0."),
    (AddNode(Node(name="act2", type="ReLU"), (float("nan"), 0.0)), "cannot be at [nan, 0.0]"),
    (AddNode(Node(name="act2", type="ReLU"), (1e300, 0.0)), "cannot be at"),
    (RemoveNodes(("fc9",)), "Did you mean fc2 or fc1?"),
    (RenameNode("ghost", "a"), "There is no node 'ghost'."),
    (RenameNode("fc1", "fc2"), "There is already a node 'fc2'"),
    (RenameNode("fc1", "forward"), "torch module"),
    (RenameNode("fc1", "class"), "keyword of Python"),
    (RenameNode("fc1", "<b>x</b>"), "cannot be a name"),
    (SetParams("fc1", {"out_features": "10"}), "fc1: out_features must be a whole number, got '10'."),
    (SetParams("fc1", {"out_features": float("nan")}), "fc1: out_features must be a finite number"),
    (SetParams("fc1", {"out": 1}), "fc1: There is no 'out' here."),
    (SetParams("fc1", {"bias": object()}), "fc1: bias: a value of type object cannot be stored"),
    (SetParams("ghost", {}), "There is no node 'ghost'."),
    (Connect(Edge(source="fc2", target="fc1")), "fc1 → act → fc2 → fc1"),
    (Connect(Edge(source="fc1", target="ghost")), "There is no node 'ghost'."),
    (Disconnect(Edge(source="image", target="fc2")), "There is no wire image → fc2."),
    (Move({"ghost": (0.0, 0.0)}), "There is no node 'ghost'."),
    (Move({"fc1": (0.0, float("inf"))}), "fc1 cannot be at"),
    (Move({"fc1": (None, 0.0)}), "fc1 cannot be at"),  # type: ignore[dict-item]
    (SetTraining({"lr": float("nan")}), "lr must be a finite number"),
    (SetTraining({"lr": object()}), "cannot be stored"),
    (SetText("name", "x" * 201), "name must be at most 200 characters"),
    (SetText("lesson", 5), "lesson must be text"),  # type: ignore[arg-type]
    (SetText("lesson", "\ud800"), "lesson must be text"),
    (InsertBefore(Node(name="flat", type="Flatten"), "image"), "image has no input"),
    (InsertBefore(Node(name="flat", type="Flatten"), "fc1", "other"), "fc1 has no input"),
    (InsertBefore(Node(name="fc1", type="Flatten"), "fc2"), "There is already a node 'fc1'"),
    (SetNetwork(("ghost",), "generator"), "There is no node 'ghost'."),
    (SetNetwork(("fc1",), "<b>x</b>"), "The name of a network: '<b>x</b>' cannot be a name"),
    (SetNetwork(("fc1",), "class"), "keyword of Python"),
    (Bypass("image"), "has 0 inputs"),
    (Bypass("ghost"), "There is no node 'ghost'."),
]


@pytest.mark.parametrize(("edit", "words"), REFUSED, ids=[f"{type(edit).__name__}-{words}" for edit, words in REFUSED])
def test_an_edit_that_does_not_fit_is_refused_in_words(edit: Edit, words: str, make: Make) -> None:
    document = chain(make)
    text = builder.dump(document)
    with pytest.raises(EditError) as caught:
        edit.apply(document)
    assert words in str(caught.value)
    assert isinstance(caught.value, NetloomError)
    with pytest.raises(EditError):
        edit.inverse(document)
    assert builder.dump(document) == text


def test_a_full_document_takes_no_more_nodes() -> None:
    full = Document.model_validate({"nodes": [{"name": f"n{index}", "type": "ReLU"} for index in range(MAX_NODES)]})
    with pytest.raises(EditError, match="10,000 nodes at most"):
        AddNode(Node(name="one_more", type="ReLU")).apply(full)


def test_a_new_node_without_a_place_covers_no_other() -> None:
    document = Document()
    for _ in range(5):
        name = fresh_name(document, "ReLU")
        document = AddNode(Node(name=name, type="ReLU")).apply(document)
    assert len(set(document.layout.values())) == 5


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([*builder.CATALOGUE, *sorted(RESERVED), "ß!", "1", "", "a" * 90, "a("]), max_size=30))
def test_a_fresh_name_is_free_and_allowed(kinds: list[str]) -> None:
    document = Document()
    for kind in kinds:
        name = fresh_name(document, kind, taken=("taken",))
        assert name_complaint(name) is None and name not in document.by_name
        document = document.changed(nodes=(*document.nodes, Node(name=name, type="ReLU")))


def test_fresh_names_are_short_and_counted(make: Make) -> None:
    document = make(("conv1", "Conv2d"), ("flatten", "Flatten"), edges="")
    assert fresh_name(document, "Conv2d") == "conv2"
    assert fresh_name(document, "Conv1d") == "conv2"
    assert fresh_name(document, "Flatten") == "flatten2"
    assert fresh_name(document, "BatchNorm2d") == "batchnorm"
    assert fresh_name(document, "BatchNorm2d", taken=("batchnorm",)) == "batchnorm2"
