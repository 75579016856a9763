"""Edits as JSON: every class of edit is written and read back, and what is wrong is said in words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from builder import edits
from builder.document import Edge, Node
from builder.edits import Edit, from_json, to_json
from builder.problems import EditError

NODE, EDGE = Node(name="fc", type="Linear", params={"out_features": 3}), Edge(source="a", target="b", port="key")
MADE: dict[type[Edit], tuple[Any, ...]] = {
    edits.AddNode: (NODE, (1.0, 2.0)),
    edits.RemoveNodes: (("a", "b"),),
    edits.RenameNode: ("a", "b"),
    edits.SetNetwork: (("a",), "generator"),
    edits.SetParams: ("fc", {"out_features": 4}),
    edits.Connect: (EDGE,),
    edits.Disconnect: (EDGE,),
    edits.Move: ({"a": (1.0, 2.5)},),
    edits.SetTraining: ({"epochs": 3},),
    edits.SetText: ("name", "New"),
    edits.InsertBefore: (NODE, "b", "key"),
    edits.InsertAfter: (NODE, "b"),
    edits.ChangeType: ("fc", "ReLU"),
    edits.Bypass: ("relu",),
    edits.Together: ((edits.Bypass("a"), edits.InBlock("block", edits.Bypass("b"))),),
    edits.InBlock: ("block", edits.SetParams("fc", {})),
    edits.RenameBlock: ("a", "b"),
    edits.RemoveBlock: ("a",),
    edits.MakeBlock: (("a", "b"), "block", "a"),
    edits.Unpack: ("a",),
}
PUBLIC = [getattr(edits, name) for name in edits.__all__ if isinstance(getattr(edits, name), type)]


@pytest.mark.parametrize("kind", [kind for kind in PUBLIC if kind not in (Edit, edits.Restore)])
def test_every_edit_is_written_and_read_back(kind: type[Edit]) -> None:
    edit = kind(*MADE[kind])
    assert from_json(json.loads(json.dumps(to_json(edit)))) == edit


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (3, "An edit is an object"),
        ({}, "There is no edit None"),
        ({"kind": "SetParam"}, "Did you mean SetParams?"),
        ({"kind": ["SetParams"]}, "There is no edit"),
        ({"kind": "Restore", "fields": {}}, "There is no edit 'Restore'"),
        ({"kind": "Bypass"}, "Bypass needs the field 'name'"),
        ({"kind": "Bypass", "name": "a", "deep": 1}, "Bypass has no field 'deep'"),
        ({"kind": "Bypass", "name": 3}, "Bypass.name cannot be 3"),
        ({"kind": "Connect", "edge": {"source": "a"}}, "Connect.edge cannot be"),
        ({"kind": "Together", "edits": {"kind": "Bypass"}}, "is a list of edits"),
    ],
)
def test_what_is_wrong_is_said(data: Any, words: str) -> None:
    with pytest.raises(EditError) as refused:
        from_json(data)
    assert words in str(refused.value)


def test_edits_inside_edits_have_a_limit() -> None:
    data: dict[str, Any] = {"kind": "Bypass", "name": "a"}
    for _ in range(20):
        data = {"kind": "Together", "edits": [data]}
    with pytest.raises(EditError, match="nested deeper"):
        from_json(data)
