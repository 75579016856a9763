"""Documents: writing and reading change nothing, and every wrong file gives messages that name the node."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import builder
from builder.document import Document, Node, migrate
from builder.document.model import MAX_NODES, name_complaint
from builder.document.templates import templates
from builder.problems import DocumentError, NetloomError

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,12}", fullmatch=True).filter(lambda name: name_complaint(name) is None)
SCALARS = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
PLAIN = st.recursive(
    SCALARS | TEXT, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=6
)
TYPES = [
    ("ReLU", {}),
    ("Linear", {"out_features": 3}),
    ("Conv2d", {"kernel_size": [3, 1]}),
    ("Add", {}),
    ("Output", {}),
    ("Input", {"shape": [2, 3]}),
    ("Dropout", {"p": 0.25}),
    ("Permute", {"dims": [0, 2, 1]}),
]


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """The dictionary of a valid document with random edges (also cycles: checks report them)."""
    names = draw(st.lists(NAMES, unique=True, max_size=6))
    nodes = []
    for name in names:
        kind, params = draw(st.sampled_from(TYPES))
        nodes.append(
            {"name": name, "type": kind, "params": params, "network": draw(st.sampled_from(["main", "other"]))}
        )
    ends = st.sampled_from(names) if names else st.nothing()
    edge = st.fixed_dictionaries({"source": ends, "target": ends}, optional={"port": st.sampled_from(["input", "x"])})
    coordinate = st.floats(-1e7, 1e7) | st.integers(-1000, 1000)
    return {
        "format": "netloom/2",
        "name": draw(TEXT),
        "description": draw(TEXT),
        "lesson": draw(TEXT),
        "nodes": nodes,
        "edges": draw(st.lists(edge, max_size=8)) if names else [],
        "layout": {name: [draw(coordinate), draw(coordinate)] for name in names[::2]},
        "training": draw(st.dictionaries(TEXT, PLAIN, max_size=3)),
    }


@settings(max_examples=80, deadline=None)
@given(documents())
def test_what_is_written_is_what_is_read(data: dict[str, Any]) -> None:
    document = builder.load(data)
    text = builder.dump(document)
    again = builder.load(text)
    assert again == document
    assert builder.dump(again) == text
    assert builder.load(text.encode()) == document
    assert json.loads(text)["format"] == "netloom/2"


def test_a_file_is_read_by_its_path(tmp_path: Path) -> None:
    document = builder.template("lenet")
    path = tmp_path / "ein Netz.json"
    path.write_text(builder.dump(document), encoding="utf-8")
    assert builder.load(path) == builder.load(str(path)) == document
    path.write_bytes(b"\xef\xbb\xbf" + builder.dump(document).encode())  # as saved by an editor of Windows
    assert builder.load(path) == document


def test_defaults_are_left_out_of_the_file() -> None:
    assert json.loads(builder.dump(Document())) == {"format": "netloom/2"}


@pytest.mark.timeout(60)  # linear code takes seconds
def refused(source: Any) -> DocumentError:
    """The error of a wrong source, which must be raised quickly and consist of short sentences."""
    with pytest.raises(DocumentError) as caught:
        builder.load(source)
    problems = caught.value.problems
    assert 1 <= len(problems) <= 100
    for problem in problems:
        assert problem.severity == "error" and len(problem.message) < 600
        assert problem.message[-1] in ".?", problem.message
    return caught.value


def wrong(**fields: Any) -> dict[str, Any]:
    return {"format": "netloom/2", **fields}


def node(name: Any = "fc", kind: Any = "Linear", **params: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "params": params}


GOOD = json.dumps(wrong(nodes=[node()], training={"epochs": 3}))


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{", "cut off"),
        (GOOD[: len(GOOD) // 2], "cut off"),
        (GOOD[:-1], "cut off"),
        ('{"format": "netloom/2", "nodes": [}]}', "line 1, column"),
        ("", "not a Netloom document"),
        (b"", "not a Netloom document"),
        ("[]", "expected a JSON object, got list"),
        ('"text"', "expected a JSON object, got str"),
        (b"\xff\xfe\x00", "UTF-8"),
        ("nowhere/at/all.json", "cannot be read: No such file"),
        ("x" * 5000, "cannot be read"),
        ("\0", "cannot be read"),
        ("[" * 100_000 + "]" * 100_000, "cannot be read"),
        ("[" * 100_000, "cannot be read"),
        ('{"a":' * 100_000, "cannot be read"),
        ('{"format": ' + "[" * 800 + "]" * 800 + "}", "unknown"),
        ('{"format": "netloom/2", "nodes": ' + "[" * 800 + "]" * 800 + "}", "nodes[0]"),
        ('{"format": "netloom/2", "training": {"lr": ' + "[" * 800 + "]" * 800 + "}}", "deeper than 8"),
        ('{"format": "netloom/2", "training": {"lr": NaN}}', "NaN"),
        ('{"format": "netloom/2", "training": {"lr": Infinity}}', "Infinity"),
        ('{"format": "netloom/2", "training": {"lr": 1e999}}', "lr must be a finite number"),
        ('{"format": "netloom/2", "training": {"lr": "\\ud800"}}', "half of a character"),
        ('{"format": "netloom/2", "name": "\\ud800"}', "name must be text"),
        ('{"format": "netloom/2", "training": {"seed": %s}}' % ("1" * 5000), "cannot be read"),
        ('{"format": "netloom/2", "lesson": "%s"}' % ("a" * 6_000_000), "6.0 MB"),
        ({}, 'no "format"'),
        ({"format": "netloom/99"}, "'netloom/99' is unknown"),
        ({"format": 1}, "1 is unknown"),
        (wrong(nodes=5), "nodes must be a list"),
        (wrong(nodes={"a": 1}), "nodes must be a list"),
        (wrong(nodes=[5, node()]), "nodes[0]"),
        (wrong(nodes=[{"type": "ReLU"}]), "nodes[0]: name is missing"),
        (wrong(nodes=[{"name": "fc"}]), "fc: type is missing"),
        (wrong(nodes=[{**node(), "colour": 1}]), "fc: There is no 'colour' here."),
        (wrong(nodes=[{**node(), "parms": {}}]), "Did you mean params?"),
        (wrong(nodes=[node("1st")]), "'1st' cannot be a name"),
        (wrong(nodes=[node("<script>alert(1)</script>")]), "cannot be a name"),
        (wrong(nodes=[node('"><img src=x onerror=alert(1)>')]), "cannot be a name"),
        (wrong(nodes=[node("a b")]), "cannot be a name"),
        (wrong(nodes=[node("fc\n")]), "cannot be a name"),
        (wrong(nodes=[node("größe")]), "cannot be a name"),
        (wrong(nodes=[node("a" * 65)]), "cannot be a name"),
        (wrong(nodes=[node("")]), "cannot be a name"),
        (wrong(nodes=[node(7)]), "name must be text, got 7"),
        (wrong(nodes=[node("class")]), "keyword of Python"),
        (wrong(nodes=[node("forward")]), "torch module"),
        (wrong(nodes=[node("__init__")]), "torch module"),
        (wrong(nodes=[node(), node()]), "2 nodes have the name 'fc'"),
        (wrong(nodes=[node(kind="Liner")]), "fc: There is no layer type 'Liner'. Did you mean Linear"),
        (wrong(nodes=[node(kind="linear")]), "Did you mean Linear?"),
        (wrong(nodes=[node(kind=["Linear"])]), "fc: type must be text"),
        (wrong(nodes=[node(kind="L" * 10_000)]), "fc: type must be at most 64 characters"),
        (wrong(nodes=[{**node(), "params": []}]), "fc: params must be an object"),
        (wrong(nodes=[node(out_features="10")]), "fc: out_features must be a whole number, got '10'."),
        (wrong(nodes=[node(out_features=0)]), "fc: out_features must be at least 1, got 0."),
        (wrong(nodes=[node(out_features=10**9)]), "fc: out_features must be at most 1000000"),
        (wrong(nodes=[node(out_features=2.5)]), "fc: out_features must be a whole number"),
        (wrong(nodes=[node(out_features=True)]), "fc: out_features must be a whole number"),
        (wrong(nodes=[node(bias=1)]), "fc: bias must be true or false"),
        (wrong(nodes=[node(out_featurs=1)]), "Did you mean out_features?"),
        (wrong(nodes=[node(kind="Dropout", p=float("nan"))]), "fc: p must be a finite number"),
        (wrong(nodes=[node(kind="Conv2d", padding="full")]), "fc: padding must be a whole number"),
        (wrong(nodes=[node(kind="Conv2d", kernel_size=[3, 3, 3])]), "fc: kernel_size must be"),
        (wrong(nodes=[{**node(), "network": "a b"}]), "cannot be a name"),
        (wrong(nodes=[node()], edges=[{"source": "fc", "target": "ghost"}]), "leads to 'ghost', but there is no node"),
        (wrong(nodes=[node()], edges=[{"source": "fcc", "target": "fc"}]), "Did you mean fc?"),
        (wrong(nodes=[node()], edges=[{"source": "fc"}]), "edges[0]: target is missing"),
        (wrong(nodes=[node()], edges=["fc"]), "edges[0]"),
        (wrong(nodes=[node()], edges=[{"source": "x" * 4_000_000, "target": "fc"}]), "but there is no node"),
        (wrong(layout={"ghost": [0, 0]}), "a position for 'ghost', but there is no node"),
        (wrong(nodes=[node()], layout={"fc": [1]}), "layout['fc']"),
        (wrong(nodes=[node()], layout={"fc": [10**400, 0]}), "layout['fc']"),
        (wrong(nodes=[node()], layout={"fc": [float("inf"), 0]}), "layout['fc']"),
        (wrong(blocks={"a": {"nodes": [node("<b>")]}}), "blocks['a']['nodes'][0]"),
        (wrong(blocks={"a": 5}), "blocks['a']"),
        (wrong(training=[]), "training must be an object"),
        (wrong(training={"a": {1: 2}}), "names must be text"),
        (wrong(training={"a": object()}), "a value of type object cannot be stored"),
        (wrong(training={"a": 10**400}), "integer of that size"),
        (wrong(name=5), "name must be text"),
        (wrong(name="x" * 201), "name must be at most 200 characters"),
        (wrong(nmae="x"), "Did you mean name?"),
        ({"format": "netloom/2", 1: 2}, "names must be text"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_wrong_file_is_refused_in_words(source: Any, words: str) -> None:
    assert words in str(refused(source))


def test_the_problem_names_its_node() -> None:
    error = refused(
        wrong(nodes=[node("good"), node("bad", out_features="x"), node("worse", "Lnear"), node("bad2", p=1)])
    )
    assert [problem.node for problem in error.problems] == ["bad", "worse", "bad2"]


def test_everything_wrong_is_told_at_once() -> None:
    error = refused(
        wrong(nodes=[node(out_features=0, bias=1)], edges=[{"source": "fc", "target": "x"}], layout={"y": [0, 0]})
    )
    assert len(error.problems) == 4


def test_files_over_the_limits_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    path.write_text('{"format": "netloom/2", "lesson": "' + "a" * 6_000_000 + '"}')
    assert "6.0 MB" in str(refused(path))
    nodes = [node(f"n{index}", "ReLU") for index in range(MAX_NODES + 1)]
    assert "10,001 nodes" in str(refused(wrong(nodes=nodes)))
    edges = [{"source": "n0", "target": "n1"}] * (5 * MAX_NODES + 1)
    assert "50,001 edges" in str(refused(wrong(nodes=nodes[:2], edges=edges)))
    assert len(builder.load(wrong(nodes=nodes[:-1])).nodes) == MAX_NODES
    assert "cannot be read" in str(refused(tmp_path))


MANY = 10_000


@pytest.mark.parametrize(
    "source",
    [
        wrong(**{f"key{index}": 1 for index in range(3 * MANY)}),
        wrong(nodes=[node(**{f"out{index}": 1 for index in range(3 * MANY)})]),
        wrong(nodes=[node(f"n{index}", f"Linaer{index}") for index in range(MANY)]),
        wrong(nodes=[node(f"n{index}", out_features="1") for index in range(MANY)]),
        wrong(nodes=[{"name": f"{index}"} for index in range(MANY)]),
        wrong(nodes=[node("same", "ReLU")] * MANY),
        wrong(
            nodes=[node(f"node{index}", "ReLU") for index in range(MANY)],
            edges=[{"source": f"node{index}", "target": f"noed{index}"} for index in range(MANY)],
        ),
        wrong(layout={f"n{index}": [0, 0] for index in range(MANY)}),
        wrong(edges=[{"source": 1}] * MANY),
        wrong(nodes=[node()], edges=[{"source": "z" * 100_000, "target": "y" * 100_000}] * 10),
    ],
    ids=["keys", "parameters", "types", "values", "names", "doubles", "edges", "layout", "wrong_edges", "long_names"],
)
def test_a_file_with_thousands_of_mistakes_is_refused_quickly(source: dict[str, Any]) -> None:
    error = refused(source)
    assert len(str(error)) < 100_000


@settings(max_examples=150, deadline=None)
@given(
    documents(),
    st.sampled_from(["format", "name", "nodes", "edges", "blocks", "layout", "training"]),
    st.recursive(
        SCALARS | st.floats() | st.text(max_size=5) | st.sampled_from(["name", "nodes", "main", "ReLU"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.text(max_size=3) | st.sampled_from(["name", "type", "nodes", "edges", "source"]), inner
            )
        ),
        max_leaves=8,
    ),
)
def test_whatever_is_put_into_a_file_is_read_or_refused(data: dict[str, Any], field: str, value: Any) -> None:
    try:
        document = builder.load({**data, field: value})
    except DocumentError as error:
        assert error.problems
    else:
        assert builder.dump(builder.load(builder.dump(document))) == builder.dump(document)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60) | st.binary(max_size=60))
def test_whatever_text_is_given_is_read_or_refused(source: str | bytes) -> None:
    with pytest.raises(DocumentError):
        builder.load(source)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(GOOD) - 1), st.sampled_from(list('{}[]",:0x\\')))
def test_a_damaged_file_is_read_or_refused(place: int, character: str) -> None:
    try:
        builder.load(GOOD[:place] + character + GOOD[place + 1 :])
    except DocumentError as error:
        assert error.problems


def test_a_node_keeps_its_layer_and_a_document_its_names() -> None:
    document = builder.template("lenet")
    first = document.nodes[0]
    assert first.spec is first.spec and document.node(first.name) is first
    with pytest.raises(KeyError):
        document.node("ghost")
    with pytest.raises(KeyError):
        Node(name="a", type="Ghost").spec  # noqa: B018
    copy = document.changed(name="other")
    assert copy.nodes is document.nodes and copy.by_name is not document.by_name and copy.by_name == document.by_name
    assert document == builder.load(builder.dump(document)), "what is kept beside the fields does not count"


def test_older_formats_are_upgraded_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(migrate.STEPS, "netloom/0", lambda data: {"format": "netloom/2", "name": data["title"]})
    monkeypatch.setitem(migrate.STEPS, "sketch", lambda data: {"format": "netloom/0", "title": data["was"]})
    assert builder.load({"format": "sketch", "was": "An old one"}).name == "An old one"


def test_templates_load_and_unknown_ones_are_refused() -> None:
    assert templates() and all(document.lesson for document in templates().values())
    with pytest.raises(DocumentError, match="Did you mean lenet"):
        builder.template("lennet")
    for wrong_name in ("../secret", "", "lenet.json"):
        with pytest.raises(NetloomError):
            builder.template(wrong_name)
