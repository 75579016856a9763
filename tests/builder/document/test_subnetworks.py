"""Subnetworks of a document run on their own and have the values of the whole network at the same nodes."""

from __future__ import annotations

import itertools
import zipfile
from pathlib import Path

import pytest
import torch

import builder
import trainers
from builder.document.subnetworks import between, cuts, only
from builder.exports.export import export_parts
from builder.problems import ExportError, GraphError


def weights_of(part: builder.Document, whole: torch.nn.Module) -> torch.nn.Module:
    """The subnetwork with the weights of the whole network."""
    module = builder.compile(part).eval()
    given = whole.state_dict()
    module.load_state_dict({key: given[key] for key in module.state_dict()})
    return module


def document(name: str) -> builder.Document:
    return trainers.bind(builder.template(name))


@pytest.mark.parametrize("name", ["lenet", "unet", "residual_cnn"])
def test_before_and_behind_every_cut_give_the_whole(name: str) -> None:
    whole = document(name)
    model = builder.compile(whole).eval()
    shape = next(iter(builder.infer(whole).values()))
    sample = torch.randn(2, *shape)
    for node in cuts(whole)[:: max(1, len(cuts(whole)) // 3)]:
        before, behind = between(whole, end=node), between(whole, start=node)
        assert not [p for part in (before, behind) for p in builder.check(part) if p.severity == "error"]
        code = weights_of(before, model)(sample)
        torch.testing.assert_close(weights_of(behind, model)(code), model(sample))


def test_a_cut_is_a_node_that_everything_passes() -> None:
    whole = document("unet")
    found = cuts(whole)
    assert found and "up1" in found  # the skip connections bypass all others
    edges = {(edge.source, edge.target) for edge in whole.edges}
    for node in found:
        left = [edge for edge in edges if node not in edge]
        seen = {next(n.name for n in whole.nodes if n.role == "input")}
        for _ in whole.nodes:
            seen |= {target for source, target in left if source in seen}
        assert not any(whole.node(name).role == "output" for name in seen)


def test_what_takes_a_value_past_the_start_cannot_run_alone() -> None:
    whole = document("unet")
    layers = [node.name for node in whole.nodes if node.role in ("layer", "block")]
    inner = next(name for name in layers if name not in cuts(whole))
    with pytest.raises(GraphError, match="bypasses"):
        between(whole, start=inner)


def test_a_node_that_is_not_there_is_told() -> None:
    with pytest.raises(GraphError, match="no node 'nowhere'"):
        between(document("lenet"), end="nowhere")


def test_one_network_of_several() -> None:
    names = ["noise", "fc", "picture"]
    nodes = [
        {"name": f"{network}_{name}", "type": kind, "params": params, "network": network}
        for network in ("generator", "discriminator")
        for name, kind, params in zip(
            names, ("Input", "Linear", "Output"), ({"shape": [3]}, {"out_features": 2}, {}), strict=True
        )
    ]
    edges = [
        {"source": f"{network}_{a}", "target": f"{network}_{b}"}
        for network in ("generator", "discriminator")
        for a, b in itertools.pairwise(names)
    ]
    both = builder.load({"format": "netloom/2", "name": "Both", "nodes": nodes, "edges": edges})
    alone = only(both, "generator")
    assert [node.name for node in alone.nodes] == ["generator_noise", "generator_fc", "generator_picture"]
    assert builder.compile(alone)(torch.zeros(1, 3)).shape == (1, 2)
    with pytest.raises(GraphError, match="no network 'critic'"):
        only(both, "critic")


@pytest.mark.usefixtures("warm_converter")
@pytest.mark.slow
def test_parts_go_into_one_zip_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    whole = document("logistic_regression")
    model = builder.compile(whole).eval()
    node = cuts(whole)[-1]
    before = between(whole, end=node)
    parts = {"network": (model, whole), "encoder": (weights_of(before, model), before)}
    made = export_parts(parts, tmp_path / "all.zip")
    names = zipfile.ZipFile(made.path).namelist()
    assert made.difference < 1e-4 and made.size == made.path.stat().st_size
    for part in parts:
        assert {f"{part}/model.py", f"{part}/model.safetensors", f"{part}/document.json"} <= set(names)
    with pytest.raises(ExportError, match="The encoder: "):
        export_parts({"encoder": (builder.compile(document("lenet")), before)}, tmp_path / "wrong.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["all.zip"]
