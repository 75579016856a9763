"""Every layer of the catalogue is held against torch: a new class is tested without a new test."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import pytest
import torch
from pydantic import ValidationError

import builder
from builder.document import Document
from builder.infer import analyse, layer_facts
from builder.modules import resolve
from builder.spec import FAMILIES, LayerSpec, ShapeError, Signal

LAYERS = [spec for spec in builder.CATALOGUE.values() if spec.role == "layer"]
FIELDS = [(spec, name) for spec in builder.CATALOGUE.values() for name in spec.model_fields]
HUGE = 10**30


def signals(spec: type[LayerSpec]) -> tuple[Signal, ...]:
    return tuple(Signal(shape, spec.takes or "float") for shape in spec.example)


def tensors(spec: type[LayerSpec], batch: int, grad: bool = False) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(batch)
    if spec.takes == "int":
        return [torch.zeros((batch, *shape), dtype=torch.int64) for shape in spec.example]
    return [torch.randn((batch, *shape), generator=generator).requires_grad_(grad) for shape in spec.example]


def document_of(spec: type[LayerSpec], params: dict[str, Any]) -> Document:
    """Input nodes of the example's shapes → the layer → Output, made in memory: the parameters may be wrong."""
    inputs = [
        {"name": f"i{n}", "type": "Input", "params": {"shape": given.shape, "dtype": given.dtype}}
        for n, given in enumerate(signals(spec))
    ]
    nodes = [*inputs, {"name": "layer", "type": spec.__name__, "params": params}, {"name": "out", "type": "Output"}]
    edges = [{"source": item["name"], "target": "layer"} for item in inputs] + [{"source": "layer", "target": "out"}]
    return Document.model_validate({"nodes": nodes, "edges": edges})


@pytest.mark.parametrize("spec", builder.CATALOGUE.values(), ids=builder.CATALOGUE)
def test_entry_is_complete(spec: type[LayerSpec]) -> None:
    assert spec.__doc__ is not LayerSpec.__doc__, "a layer needs a docstring of its own"
    assert spec.sentence().endswith((".", "?")) and len(spec.sentence()) <= 120, spec.sentence()
    assert spec.family in FAMILIES
    assert spec.example or spec.role == "input"
    assert spec.variadic or len(spec.example) == len(spec.ports)
    for name, field in spec.model_fields.items():
        assert field.description, f"{name} has no description"
        assert not field.is_required(), f"{name} has no default, so a dropped layer could not be built"
    assert spec.__name__ in builder.CATALOGUE and builder.CATALOGUE[spec.__name__] is spec
    assert spec() == spec.model_validate({})


@pytest.mark.parametrize("spec", LAYERS, ids=lambda spec: spec.__name__)
def test_defaults_and_names_are_torchs_own(spec: type[LayerSpec]) -> None:
    target = resolve(spec.target)
    if not inspect.isclass(target):
        return  # a built-in function has no signature to compare with
    theirs = inspect.signature(target).parameters
    for name, field in spec.model_fields.items():
        assert name in theirs, f"torch has no {name}"
        default = theirs[name].default
        if default is inspect.Parameter.empty or (field.json_schema_extra or {}).get("always"):
            continue
        if name in spec().inferred(*spec.example):
            assert field.default is None
        else:
            assert field.default == default and type(field.default) is type(default), name
    ours = {*spec.model_fields, *spec().inferred(*spec.example)}
    needed = {name for name, item in theirs.items() if item.default is item.empty and name not in ("args", "kwargs")}
    assert needed <= ours, f"torch wants {needed - ours}"


@pytest.mark.parametrize("batch", [2, 3])
@pytest.mark.parametrize("spec", LAYERS, ids=lambda spec: spec.__name__)
def test_inferred_shape_and_parameters_are_the_real_ones(spec: type[LayerSpec], batch: int) -> None:
    facts = layer_facts(spec(), signals(spec))
    module = spec().call(*spec.example).build()
    result = module(*tensors(spec, batch))
    assert tuple(result.shape) == (batch, *facts.signal.shape)
    assert ("float" if result.is_floating_point() else "int") == facts.signal.dtype
    assert sum(item.numel() for item in module.parameters()) == facts.parameters
    if spec.keeps_shape:
        assert facts.signal.shape == spec.example[0]


@pytest.mark.parametrize("spec", LAYERS, ids=lambda spec: spec.__name__)
def test_gradient_reaches_every_parameter_and_nothing_is_done_in_place(spec: type[LayerSpec]) -> None:
    torch.manual_seed(0)
    module = spec().call(*spec.example).build()
    given = tensors(spec, 3, grad=True)
    before = [item.detach().clone() for item in given]
    result = module(*given)
    weights = torch.randn(result.shape, generator=torch.Generator().manual_seed(1))
    (result * weights).sum().backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name
    for item, old in zip(given, before, strict=True):
        assert torch.equal(item.detach(), old), "the layer changed its input"
        if item.is_floating_point():
            assert item.grad is not None
    for child in module.modules():
        assert not getattr(child, "inplace", False)
    assert "inplace" not in spec.model_fields


@pytest.mark.parametrize("spec", LAYERS, ids=lambda spec: spec.__name__)
def test_summary_and_compiled_model_agree(spec: type[LayerSpec]) -> None:
    document = document_of(spec, {})
    assert builder.check(document) == []
    table = builder.summary(document)
    model = builder.compile(document)
    assert table["parameters"].sum() == sum(item.numel() for item in model.parameters())
    row = table.set_index("node").loc["layer"]
    assert row["output_shape"] == builder.infer(document)["layer"] == tuple(model(*tensors(spec, 2)).shape[1:])


def bounds(field: Any) -> list[float]:
    """Every bound that stands anywhere in a field's type."""
    found: list[float] = []
    for item in (*getattr(field, "__metadata__", ()), *getattr(field, "metadata", ())):
        found += [getattr(item, name) for name in ("ge", "gt", "le", "lt") if getattr(item, name, None) is not None]
        found += bounds(item)
    parts = (getattr(field, "annotation", None), *getattr(field, "__args__", ()))
    return found + [bound for part in parts if part is not None for bound in bounds(part)]


def extremes(field: Any) -> list[Any]:
    numbers: list[Any] = [0, 1, -1, 2, 7, HUGE, -HUGE, 0.5, 1e300, -1e300, 1e-300, float("inf"), float("nan")]
    for bound in bounds(field):
        numbers += [bound, bound - 1, bound + 1]
    numbers += [int(item) for item in numbers if isinstance(item, float) and abs(item) < 1e9]
    lists = [[], [0], [1, 1], [2, 2], [-1, 4], [HUGE, 1], [4096, 4096], [1, 2, 3, 4], [0, 2, 1], [1] * 50, [[1]]]
    return [*numbers, *lists, None, True, False, "", "same", "valid", "tanh", "x" * 1000, "3", {}, {"a": 1}]


@pytest.mark.parametrize(("spec", "name"), FIELDS, ids=lambda item: getattr(item, "__name__", item))
def test_extreme_parameters_give_a_problem_and_no_exception(spec: type[LayerSpec], name: str) -> None:
    """Each value is refused in words on loading, is a Problem in words, or works."""
    for value in extremes(spec.model_fields[name]):
        try:
            node = {"name": "layer", "type": spec.__name__, "params": {name: value}}
            loaded = builder.load({"format": "netloom/1", "nodes": [node]})
        except builder.DocumentError as error:
            assert name in str(error) or "must" in str(error), f"{value!r}: {error}"
            continue
        assert loaded.node("layer").spec is not None
        if spec.role != "layer":
            continue
        document = document_of(spec, {name: value})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of slow settings; they are allowed
            problems = builder.check(document)
            shapes = builder.infer(document)
            builder.summary(document)
        errors = [item for item in problems if item.severity == "error"]
        assert errors or "layer" in shapes, f"{value!r}: neither a problem nor a shape"
        for problem in errors:
            assert problem.message.rstrip().endswith((".", "?", ")", "…")) or len(problem.message) > 20


SMALL = [
    1,
    2,
    3,
    4,
    5,
    0,
    -1,
    -2,
    0.0,
    0.5,
    1.0,
    [1, 2],
    [2, 1],
    [3, 3],
    [0, 2, 1],
    [0, 1, 2],
    "same",
    None,
    True,
    False,
]


@pytest.mark.parametrize(("spec", "name"), FIELDS, ids=lambda item: getattr(item, "__name__", item))
def test_what_passes_the_check_runs_on_real_tensors(spec: type[LayerSpec], name: str) -> None:
    """Meta tensors and real ones must agree on what is allowed, and on what comes out."""
    if spec.role != "layer":
        return
    for value in SMALL:
        try:
            layer = spec.model_validate({name: value})
        except ValidationError:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                facts = layer_facts(layer, signals(spec))
            except ShapeError:
                continue
            result = layer.call(*spec.example).build()(*tensors(spec, 2))
        assert tuple(result.shape) == (2, *facts.signal.shape), f"{name}={value!r}"


def test_bounds_are_found_at_any_depth() -> None:
    found = bounds(builder.CATALOGUE["Conv2d"].model_fields["padding"])
    assert {0, 4096} <= set(found)


def test_documents_of_the_example_are_whole() -> None:
    for spec in LAYERS:
        analysis = analyse(document_of(spec, {}))
        assert not analysis.failures and not analysis.waiting and not analysis.plan.unbound, spec.__name__


def test_the_catalogue_is_complete() -> None:
    """Every activation of torch that takes one tensor has a layer."""
    from torch.nn.modules import activation

    several = {"MultiheadAttention", "Softmax2d"}
    wanted = {
        name for name, kind in vars(activation).items()
        if inspect.isclass(kind) and issubclass(kind, torch.nn.Module) and name in activation.__all__
    } - several  # fmt: skip
    assert wanted <= set(builder.CATALOGUE)


def test_the_palette_is_in_the_order_of_the_families() -> None:
    families = [spec.family for spec in builder.CATALOGUE.values()]
    assert families == sorted(families, key=list(FAMILIES).index)
