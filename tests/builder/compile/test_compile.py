"""The compiled module: keys, their order and outputs are right, and errors name their node."""

from __future__ import annotations

import copy
import inspect
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import fx, nn

import builder
from builder.document import Document
from builder.exports.subject import samples as random_inputs
from builder.problems import GraphError, NodeError, Problem
from tests.builder.single_networks import single

Make = Callable[..., Document]
TEMPLATES = single({name: made for name, made in builder.templates().items() if not builder.check(made)})


def samples(document: Document, batch: int = 3) -> list[torch.Tensor]:
    return list(random_inputs(document, "main", batch))


def residual(make: Make) -> Document:
    return make(
        ("image", "Input", {"shape": [3, 8, 8]}),
        ("conv1", "Conv2d", {"out_channels": 4, "padding": 1}),
        ("norm", "BatchNorm2d"),
        ("act", "ReLU"),
        ("conv2", "Conv2d", {"out_channels": 4, "padding": 1}),
        ("skip", "Add"),
        ("mean", "Mean", {"dim": [2, 3]}),
        ("fc", "Linear", {"out_features": 5}),
        ("scores", "Output"),
        edges="image > conv1, conv1 > norm, norm > act, act > conv2, act > skip, conv2 > skip, skip > mean, mean > fc,"
        "fc > scores",
    )


class Residual(nn.Module):
    """The same by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.conv2 = nn.Conv2d(4, 4, 3, padding=1)
        self.fc = nn.Linear(4, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        act = torch.relu(self.norm(self.conv1(x)))
        return self.fc((act + self.conv2(act)).mean((2, 3)))


def test_against_the_same_network_by_hand(make: Make) -> None:
    document = residual(make)
    made, hand = builder.compile(document), Residual()
    assert list(made.state_dict()) == list(hand.state_dict())
    made.load_state_dict(hand.state_dict())
    (given,) = samples(document)
    for module in (made, hand):
        module.train()
    assert torch.equal(made(given), hand(given))
    made(given).square().sum().backward()
    hand(given).square().sum().backward()
    for one, other in zip(made.parameters(), hand.parameters(), strict=True):
        assert torch.allclose(one.grad, other.grad, atol=1e-6)
    assert torch.equal(made.eval()(given), hand.eval()(given))


def test_every_node_is_one_submodule_under_its_own_name(make: Make) -> None:
    model = builder.compile(residual(make))
    assert [name for name, _ in model.named_children()] == ["conv1", "norm", "act", "conv2", "skip", "mean", "fc"]
    assert isinstance(model, fx.GraphModule) and type(model.conv1) is nn.Conv2d and model.training


def test_one_seed_gives_one_network(make: Make) -> None:
    states = []
    for _ in range(2):
        torch.manual_seed(5)
        states.append(builder.compile(residual(make)).state_dict())
    for name, tensor in states[0].items():
        assert torch.equal(tensor, states[1][name])


def test_keys_are_in_topological_order_with_ties_by_the_order_of_nodes(make: Make) -> None:
    nodes = [
        ("end", "Output"),
        ("z", "Linear", {"out_features": 2}),
        ("join", "Concat"),
        ("last", "Linear"),
        ("image", "Input", {"shape": [4]}),
        ("a", "Linear", {"out_features": 2}),
    ]
    document = make(*nodes, edges="image > a, image > z, a > join, z > join, join > last, last > end")
    keys = ["z.weight", "z.bias", "a.weight", "a.bias", "last.weight", "last.bias"]
    assert list(builder.compile(document).state_dict()) == keys
    assert list(builder.compile(document, outputs=["join"]).state_dict()) == keys


def test_several_inputs_and_outputs(make: Make) -> None:
    nodes = [
        ("second", "Input", {"shape": [3]}),
        ("first", "Input", {"shape": [2]}),
        ("join", "Concat"),
        ("fc", "Linear", {"out_features": 4}),
        ("b_end", "Output"),
        ("a_end", "Output"),
    ]
    document = make(*nodes, edges="first > join, second > join, join > fc, fc > b_end, join > a_end")
    model = builder.compile(document)
    second, first = samples(document)
    result = model(second, first)
    assert list(result) == ["b_end", "a_end"]
    assert torch.equal(result["a_end"], torch.cat([first, second], 1))
    assert torch.equal(result["b_end"], model.fc(result["a_end"]))


def test_an_input_that_is_an_output(make: Make) -> None:
    model = builder.compile(make(("image", "Input", {"shape": [3]}), ("end", "Output")))
    given = torch.randn(2, 3)
    assert torch.equal(model(given), given) and not model.state_dict()


def test_outputs_name_the_nodes_whose_values_are_returned(make: Make) -> None:
    document = residual(make)
    torch.manual_seed(0)
    whole = builder.compile(document).eval()
    (given,) = samples(document)
    seen: dict[str, torch.Tensor] = {}
    for name in ("act", "mean"):
        getattr(whole, name).register_forward_hook(lambda _m, _i, out, name=name: seen.__setitem__(name, out))
    final = whole(given)
    for wanted in (["act"], ["act", "mean"], ["mean", "scores"], ["image"]):
        part = builder.compile(document, outputs=wanted).eval()
        assert list(part.state_dict()) == list(whole.state_dict())
        part.load_state_dict(whole.state_dict())
        result = part(given)
        result = {wanted[0]: result} if len(wanted) == 1 else result
        assert list(result) == wanted
        for name, value in result.items():
            assert torch.equal(value, {**seen, "scores": final, "image": given}[name])
        assert list(copy.deepcopy(part).state_dict()) == list(whole.state_dict())


def test_a_node_that_leads_nowhere_takes_no_part_but_can_be_asked_for(make: Make) -> None:
    nodes = [("image", "Input", {"shape": [4]}), ("idle", "Linear", {"out_features": 3}), ("end", "Output")]
    document = make(*nodes, edges="image > idle, image > end")
    assert not builder.compile(document).state_dict()
    assert builder.compile(document, outputs=["idle"])(torch.zeros(2, 4)).shape == (2, 3)


def test_each_network_is_a_module_of_its_own(make: Make) -> None:
    one, two = {"network": "generator"}, {"network": "critic"}
    document = make(
        ("noise", "Input", {"shape": [2]}, one),
        ("up", "Linear", {"out_features": 4}, one),
        ("fake", "Output", {}, one),
        ("image", "Input", {"shape": [4]}, two),
        ("down", "Linear", {"out_features": 1}, two),
        ("score", "Output", {}, two),
        edges="noise > up, up > fake, image > down, down > score",
    )
    assert list(builder.compile(document, "generator").state_dict()) == ["up.weight", "up.bias"]
    assert builder.compile(document, "critic")(torch.zeros(2, 4)).shape == (2, 1)
    for network in (None, "main", "other"):
        with pytest.raises(GraphError, match="the document has generator, critic"):
            builder.compile(document, network)
    with pytest.raises(GraphError, match="no node 'up' in the network critic"):
        builder.compile(document, "critic", outputs=["up"])


def shared(make: Make, edges: str = "") -> Document:
    tied = {"shares_weights_with": "fc1"}
    return make(
        ("image", "Input", {"shape": [4]}),
        ("fc1", "Linear", {"out_features": 4}),
        ("act", "Tanh"),
        ("fc2", "Linear", {"out_features": 4}, tied),
        ("end", "Output"),
        edges=edges,
    )


def test_nodes_that_share_weights_use_one_module(make: Make) -> None:
    document = shared(make)
    model = builder.compile(document)
    assert list(model.state_dict()) == ["fc1.weight", "fc1.bias"]
    given = torch.randn(2, 4)
    assert torch.equal(model(given), model.fc1(torch.tanh(model.fc1(given))))
    model(given).sum().backward()
    assert model.fc1.weight.grad is not None
    assert list(builder.summary(document)["parameters"]) == [0, 20, 0, 0, 0]
    assert list(copy.deepcopy(model).state_dict()) == ["fc1.weight", "fc1.bias"]


def test_the_owner_of_shared_weights_need_not_lead_to_an_output(make: Make) -> None:
    document = shared(make, "image > fc1, image > act, act > fc2, fc2 > end")
    model = builder.compile(document)
    assert list(model.state_dict()) == ["fc1.weight", "fc1.bias"] and model(torch.zeros(2, 4)).shape == (2, 4)
    namespace: dict[str, Any] = {}
    exec(builder.to_python(document), namespace)


def test_a_document_with_errors_is_not_compiled(make: Make) -> None:
    document = make(
        ("image", "Input", {"shape": [1, 4, 4]}),
        ("a", "Linear"),
        ("b", "Add"),
        ("end", "Output"),
        edges="image > a, a > end, image > b",
    )
    with pytest.raises(GraphError) as caught:
        builder.compile(document)
    assert {problem.node for problem in caught.value.problems} == {"a", "b"}
    assert all(isinstance(problem, Problem) and problem.severity == "error" for problem in caught.value.problems)
    assert "a: expects a vector" in str(caught.value)
    with pytest.raises(GraphError, match="has no Input"):
        builder.compile(Document())


@pytest.mark.parametrize("wrong", [["ghost"], ["fc1", "ghost"]])
def test_unknown_outputs_are_refused(make: Make, wrong: list[str]) -> None:
    with pytest.raises(GraphError, match="no node 'ghost'"):
        builder.compile(shared(make), outputs=wrong)


@pytest.mark.parametrize(
    ("nodes", "given", "words"),
    [
        ([("bad", "Linear", {"out_features": 2})], torch.zeros(2, 5), "shapes cannot be multiplied"),
        ([("fine", "ReLU"), ("bad", "BatchNorm1d")], torch.zeros(1, 4), "more than 1 value per channel"),
        ([("fine", "ReLU"), ("bad", "Linear", {"out_features": 2})], torch.zeros(2, 4, dtype=torch.float64), "dtype"),
        ([("bad", "Permute", {"dims": [0, 1]})], torch.zeros(2, 4, 4, 4), "permute"),
        ([("bad", "Mean", {"dim": 1})], torch.zeros(2), "out of range"),
    ],
)
def test_an_error_at_run_time_names_the_node(make: Make, nodes: list[Any], given: torch.Tensor, words: str) -> None:
    model = builder.compile(make(("image", "Input", {"shape": [4]}), *nodes, ("end", "Output")))
    for module in (model, copy.deepcopy(model)):
        with pytest.raises(NodeError) as caught:
            module(given)
        assert caught.value.node == "bad" and str(caught.value).startswith("bad (") and words in str(caught.value)
        assert caught.value.__cause__ is not None and isinstance(caught.value, RuntimeError)


def test_a_token_beyond_the_vocabulary_names_the_node(make: Make) -> None:
    document = make(
        ("words", "Input", {"shape": [3], "dtype": "int"}),
        ("vectors", "Embedding", {"num_embeddings": 5}),
        ("end", "Output"),
    )
    with pytest.raises(NodeError, match=r"^vectors got the token 5, but its vocabulary is 0 to 4 .num_embeddings 5."):
        builder.compile(document)(torch.full((2, 3), 5))


def test_other_errors_are_passed_on_as_they_are(make: Make) -> None:
    """Errors outside of a node: a wrong number of inputs, an exception raised in a hook."""
    model = builder.compile(residual(make))
    with pytest.raises(TypeError):
        model()
    own = GraphError([Problem("X", "error", None, "stop.")])

    def hook(*_: object) -> None:
        raise own

    model.fc.register_forward_hook(hook)
    with pytest.raises(GraphError) as caught:
        model(*samples(residual(make)))
    assert caught.value is own


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates_run_under_torch_compile_without_a_graph_break(name: str) -> None:
    document = TEMPLATES[name]
    model = builder.compile(document).eval()
    given = samples(document)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own
        recurrent = any(isinstance(module, torch.nn.RNNBase) for module in model.modules())  # torch breaks there
        compiled = torch.compile(model, fullgraph=not recurrent, backend="eager")
        assert torch.allclose(compiled(*given), model(*given), atol=1e-6)
    torch.compiler.reset()


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates_export_with_torch_export(name: str) -> None:
    document = TEMPLATES[name]
    model = builder.compile(document).eval()
    given = samples(document)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(model, tuple(given), dynamic_shapes=None)
    assert torch.allclose(program.module()(*given), model(*given), atol=1e-6)
    assert set(program.state_dict) == set(model.state_dict())


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_copy_is_a_network_of_its_own(name: str) -> None:
    document = TEMPLATES[name]
    model = builder.compile(document).eval()
    twin = copy.deepcopy(model)
    given = samples(document)
    assert list(twin.state_dict()) == list(model.state_dict())
    assert torch.equal(twin(*given), model(*given))
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.add_(1.0)
    assert not any(torch.equal(a, b) for a, b in zip(twin.parameters(), model.parameters(), strict=True))


def test_the_forward_holds_calls_and_nothing_else(make: Make) -> None:
    """As fast as hand-written code: one line per node, no loop, no dictionary, no look-up by name."""
    source = builder.compile(residual(make)).code
    lines = [line for line in source.splitlines() if line.strip().startswith(("for ", "if ", "with ", "try"))]
    assert lines == [] and source.count("self.") == 7


def test_the_signature_takes_the_inputs_in_the_order_of_nodes(make: Make) -> None:
    document = make(
        ("b", "Input", {"shape": [2]}),
        ("a", "Input", {"shape": [2]}),
        ("add", "Add"),
        ("end", "Output"),
        edges="a > add, b > add, add > end",
    )
    assert list(inspect.signature(builder.compile(document).forward).parameters) == ["b", "a"]
