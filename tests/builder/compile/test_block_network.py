"""Compiled networks with blocks: shapes, parameters, modules, shared weights, other tools of torch."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import pytest
import torch

import builder
from builder.analysis.infer import analyse, within
from builder.analysis.plan import make_plan
from builder.compile import layers
from builder.document import Document
from builder.problems import GraphError, NodeError
from tests.builder.folded import FOLDED, data, graph, node, residual, siamese, transformer, widening


def samples(document: Document, seed: int = 0) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    found = []
    for item in document.nodes:
        if item.role == "input":
            size = (2, *item.spec.shape)
            whole = item.spec.dtype == "int"
            found.append(
                torch.randint(0, 11, size, generator=generator) if whole else torch.randn(size, generator=generator)
            )
    return found


def test_steps_are_leaves_under_dotted_names() -> None:
    plan = make_plan(residual())
    inside = [f"stage1.{number}.{name}" for number in range(3) for name in ("conv1", "relu", "add")]
    assert [step.name for step in plan.steps] == ["image", *inside, "flatten", "fc", "scores"]
    steps = {step.name: step for step in plan.steps}
    assert steps["stage1.0.conv1"].inputs == ("image",)
    assert steps["stage1.1.add"].inputs == ("stage1.1.relu", "stage1.0.add")
    assert plan.aliases["stage1"] == plan.aliases["stage1.2"] == plan.aliases["stage1.2.y"] == "stage1.2.add"
    assert steps["stage1.1.conv1"].block == "residual" and steps["fc"].block is None


def test_a_block_and_its_repeats_have_shapes_and_figures() -> None:
    facts = analyse(residual()).facts
    assert facts["stage1"].signal.shape == facts["stage1.1"].signal.shape == (3, 6, 6)
    assert facts["stage1"].parameters == 3 * facts["stage1.1"].parameters == 3 * 84
    assert facts["stage1.1.x"].signal.shape == (3, 6, 6) and facts["stage1.1.x"].parameters == 0
    table = builder.summary(residual())
    assert "stage1" not in set(table["node"]) and table["parameters"].sum() == 3 * 84 + 436
    facts = analyse(transformer()).facts
    assert facts["layers"].parameters == 2 * facts["layers.0"].parameters
    assert facts["layers.0"].parameters == 304 + facts["layers.0.mlp"].parameters


def test_a_repeat_is_seen_as_a_document_of_its_own() -> None:
    analysis = within(analyse(widening()), "right.0.second.1")
    assert analysis.block == "unit" and analysis.document.name == "unit"
    assert analysis.shapes == {"x": (8, 2, 2), "conv": (8, 2, 2), "norm": (8, 2, 2), "act": (8, 2, 2), "y": (8, 2, 2)}
    outer = within(analyse(widening()), "left.0")
    assert outer.facts["second"].parameters == 2 * outer.facts["first"].parameters + 2 * 8 * 7 * 9
    with pytest.raises(KeyError):
        within(analyse(widening()), "left.1")


# -- modules -------------------------------------------------------------------------------------------------------


def test_keys_always_have_the_repeats_number() -> None:
    keys = list(builder.compile(residual(1)).state_dict())
    assert keys == ["stage1.0.conv1.weight", "stage1.0.conv1.bias", "fc.weight", "fc.bias"]
    model = builder.compile(transformer())
    assert isinstance(model.layers, torch.nn.ModuleList) and len(model.layers) == 2
    assert "layers.1.mlp.0.up.weight" in model.state_dict()
    assert list(layers(model)) == [step.name for step in make_plan(transformer()).steps if step.spec.role == "layer"]


@pytest.mark.parametrize("name", FOLDED)
def test_a_folded_network_is_the_flat_one(name: str) -> None:
    """With all blocks unpacked and with the same weights, the outputs are the same."""
    document = FOLDED[name]()
    model = builder.compile(document).eval()
    flat = document
    while flat.composites and name != "siamese":
        flat = builder.edits.Unpack(next(iter(flat.composites))).apply(flat)
    twin = builder.compile(flat).eval()
    for ours, theirs in zip(model.state_dict().values(), twin.state_dict().values(), strict=True):
        theirs.copy_(ours)
    assert torch.equal(model(*samples(document)), twin(*samples(document)))
    count = sum(parameter.numel() for parameter in model.parameters())
    assert count == builder.summary(document)["parameters"].sum() == builder.summary(flat)["parameters"].sum()


def test_other_outputs_are_named_as_they_are_shown() -> None:
    document = residual()
    model = builder.compile(document).eval()
    names = ["stage1", "stage1.0", "stage1.1.relu", "stage1.2.x", "scores"]
    got = builder.compile(document, outputs=names).eval()
    got.load_state_dict(model.state_dict())
    values = got(*samples(document))
    assert list(values) == names
    torch.testing.assert_close(values["scores"], model(*samples(document)))
    assert values["stage1"].shape == (2, 3, 6, 6) and not torch.equal(values["stage1"], values["stage1.0"])
    one_more = builder.compile(document, outputs=["stage1.0.add"])
    one_more.load_state_dict(model.state_dict())
    torch.testing.assert_close(one_more.eval()(*samples(document)), values["stage1.0"])
    with pytest.raises(GraphError, match=r"no node 'stage1.9' in the network main. Did you mean stage1.2"):
        builder.compile(document, outputs=["stage1.9"])


def test_an_error_names_the_node_inside() -> None:
    with pytest.raises(NodeError) as caught:
        builder.compile(residual())(torch.zeros(2, 4, 6, 6))
    assert caught.value.node == "stage1.0.conv1" and str(caught.value).startswith("stage1.0.conv1 (Conv2d) failed")
    model = builder.compile(transformer())
    model.layers[1].mlp[0].up = torch.nn.Linear(3, 3)
    with pytest.raises(NodeError) as caught:
        model(*samples(transformer()))
    assert caught.value.node == "layers.1.mlp.0.up"


@pytest.mark.parametrize("name", FOLDED)
def test_copies_and_other_tools_of_torch(name: str) -> None:
    document = FOLDED[name]()
    model, inputs = builder.compile(document).eval(), samples(document)
    expected = model(*inputs)
    twin = copy.deepcopy(model)
    assert list(twin.state_dict()) == list(model.state_dict()) and torch.equal(twin(*inputs), expected)
    torch.testing.assert_close(torch.compile(model, backend="eager")(*inputs), expected)
    torch.testing.assert_close(torch.export.export(model, tuple(inputs)).module()(*inputs), expected)


# -- shared weights ------------------------------------------------------------------------------------------------


def test_two_uses_of_a_block_share_its_weights() -> None:
    document = siamese()
    model = builder.compile(document)
    assert list(model.state_dict()) == ["left.0.conv.weight", "left.0.conv.bias", "fc.weight", "fc.bias"]
    table = builder.summary(document).set_index("node")["parameters"]
    assert table["left.0.conv"] == 20 and table["right.0.conv"] == 0 and table.sum() == 39
    assert analyse(document).facts["right"].parameters == 20
    image = torch.randn(2, 1, 5, 5)
    torch.testing.assert_close(model(image, image), model.fc.bias.expand(2, 1))


def test_a_head_has_the_embeddings_weights() -> None:
    document = transformer()
    model = builder.compile(document)
    assert model.head.weight is model.embedding.weight
    assert sum(p.numel() for p in model.parameters()) == builder.summary(document)["parameters"].sum()
    for other in (copy.deepcopy(model), model.to(torch.float64)):
        assert other.head.weight is other.embedding.weight
    with torch.device("meta"):
        empty = builder.compile(document)
    empty.load_state_dict({key: value.clone() for key, value in model.state_dict().items()}, assign=True)
    assert empty.head.weight is empty.embedding.weight
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model(*samples(document)).sum().backward()
    optimizer.step()
    assert torch.equal(model.head.weight, model.embedding.weight)


def test_weights_are_shared_within_each_use() -> None:
    inner = graph(
        "x > a > act > b > y",
        node("x", "Input"),
        node("a", "Linear", out_features=4),
        node("act", "Tanh"),
        node("b", "Linear", "a", out_features=4),
        node("y", "Output"),
    )
    document = builder.load(
        data(
            "image > u > end",
            node("image", "Input", shape=[4]),
            node("u", "Block", block="twice", repeat=2),
            node("end", "Output"),
            blocks={"twice": inner},
        )
    )
    assert list(builder.compile(document).state_dict()) == ["u.0.a.weight", "u.0.a.bias", "u.1.a.weight", "u.1.a.bias"]
    assert analyse(document).facts["u"].parameters == 40 and builder.check(document) == []


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        (node("right", "Block", block="branch", repeat=2), "do not use the same block"),
        (node("right", "Linear"), "do not use the same block"),
    ],
)
def test_blocks_share_with_uses_of_the_same_block(shares: dict[str, Any], words: str) -> None:
    source = siamese().model_dump(mode="json")
    other = {**shares, "shares_weights_with": "left"}
    source["nodes"] = [other if item["name"] == "right" else item for item in source["nodes"]]
    assert any(words in problem.message for problem in builder.check(builder.load(source)))


def test_uses_of_other_sizes_cannot_share() -> None:
    source = siamese().model_dump(mode="json")
    source["nodes"][1]["params"]["shape"] = [2, 5, 5]
    problem = next(problem for problem in builder.check(builder.load(source)) if problem.code == "N141")
    assert problem.node == "right.0.conv" and "left.0.conv" in problem.message and "differ" in problem.message


def test_every_pair_of_repeats_has_weights_of_its_own() -> None:
    model = builder.compile(residual())
    for one_, other in itertools.combinations(model.stage1, 2):
        assert one_.conv1.weight is not other.conv1.weight
