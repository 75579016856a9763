"""Extreme parameters of every layer: refused on loading, reported as a Problem, or they work. No other exception."""

from __future__ import annotations

import types
import typing
import warnings
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import builder
from builder.analysis.infer import layer_facts
from builder.spec import LayerSpec, ShapeError
from tests.builder.variants import CASES, EVERY, LAYERS, MISSING, Case, together

FIELDS = [(spec, name) for spec in builder.CATALOGUE.values() for name in spec.model_fields]
HUGE = 10**30


def bounds(field: Any) -> list[float]:
    """Every bound in a field's type."""
    found: list[float] = []
    for item in (*getattr(field, "__metadata__", ()), *getattr(field, "metadata", ())):
        found += [getattr(item, name) for name in ("ge", "gt", "le", "lt") if getattr(item, name, None) is not None]
        found += bounds(item)
    parts = (getattr(field, "annotation", None), *getattr(field, "__args__", ()))
    return found + [bound for part in parts if part is not None for bound in bounds(part)]


def words(annotation: Any) -> list[Any]:
    """Every string that a field may be."""
    origin = typing.get_origin(annotation)
    if origin is Literal:
        return list(typing.get_args(annotation))
    if origin in (typing.Union, types.UnionType, typing.Annotated):
        return [word for part in typing.get_args(annotation) for word in words(part)]
    return []


def extremes(field: Any) -> list[Any]:
    numbers: list[Any] = [0, 1, -1, 2, 7, HUGE, -HUGE, 0.5, 1e300, -1e300, 1e-300, float("inf"), float("nan")]
    for bound in bounds(field):
        numbers += [bound, bound - 1, bound + 1]
    numbers += [int(item) for item in numbers if isinstance(item, float) and abs(item) < 1e9]
    lists = [[], [0], [1, 1], [2, 2], [-1, 4], [HUGE, 1], [4096, 4096], [1, 2, 3, 4], [0, 2, 1], [1] * 50, [[1]]]
    odd = [None, True, False, "", "x" * 1000, "3", {}, {"a": 1}]
    return [*numbers, *lists, *odd, *words(field.annotation)]


@pytest.mark.parametrize(("spec", "name"), FIELDS, ids=lambda item: getattr(item, "__name__", item))
def test_extreme_parameters_give_a_problem_and_no_exception(spec: type[LayerSpec], name: str) -> None:
    """Each value is refused on loading, is reported as a Problem, or works."""
    for value in extremes(spec.model_fields[name]):
        try:
            node = {"name": "layer", "type": spec.__name__, "params": {name: value}}
            builder.load({"format": "netloom/2", "nodes": [node]})
        except builder.DocumentError as error:
            assert name in str(error) or "must" in str(error) or spec.role == "block", f"{value!r}: {error}"
            continue
        if spec.role == "layer":
            told_or_runs(Case(spec, {name: value}, next(case for case in EVERY if case.spec is spec).signals))


def told_or_runs(case: Case) -> None:
    """Everything that analyses a document without running it: there are problems, or the shape is known."""
    document = together([case])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of slow settings, which are allowed
        problems = builder.check(document)
        shapes = builder.infer(document)
        builder.summary(document)
    errors = [item for item in problems if item.severity == "error"]
    assert errors or "layer0" in shapes, f"{case.params}: neither a problem nor a shape"
    for problem in errors:
        assert problem.message.rstrip().endswith((".", "?", ")", "…")) or len(problem.message) > 20
        assert "Traceback" not in problem.message


SMALL = [1, 2, 3, 4, 5, 0, -1, -2, 0.0, 0.5, 1.0, [1, 2], [2, 1], [3, 3], [0, 2, 1], [0, 1, 2], None, True, False]


@pytest.mark.parametrize(("spec", "name"), FIELDS, ids=lambda item: getattr(item, "__name__", item))
def test_what_passes_the_check_runs_on_real_tensors(spec: type[LayerSpec], name: str) -> None:
    """Meta tensors and real ones must allow the same inputs and have the same output shapes."""
    if spec.role != "layer":
        return
    if spec in MISSING:
        pytest.skip(f"{spec.__name__} {spec().missing()}")
    signals = next(case for case in EVERY if case.spec is spec).signals
    for value in [*SMALL, *words(spec.model_fields[name].annotation)]:
        runs(Case(spec, {name: value}, signals))


def runs(case: Case) -> None:
    """If its parameters are valid and its inputs fit, the layer runs and has the inferred shape."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            facts = layer_facts(case.layer, case.signals)
        except (ValidationError, ShapeError):
            return
        result = case.layer.call(*case.shapes).build()(*case.tensors(2))
    assert tuple(result.shape) == (2, *facts.signal.shape), case.params


def small(field: Any) -> st.SearchStrategy[Any]:
    """Values of the field's types near its lower bounds, so that many combinations are valid."""
    low = [int(bound) for bound in bounds(field) if bound >= -8]
    numbers = [-1, 0, 1, 2, 3, *low, *(bound + 1 for bound in low)]
    pairs = st.lists(st.sampled_from(numbers), min_size=1, max_size=3)
    return st.one_of(
        st.just(field.default),
        st.sampled_from([*numbers, 0.0, 0.5, 1.0, True, False, None]),
        pairs,
        *([st.sampled_from(found)] if (found := words(field.annotation)) else []),
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any layer with a few random parameters, on the inputs of one of its cases."""
    spec = draw(st.sampled_from(LAYERS))
    params = {name: draw(small(field)) for name, field in spec.model_fields.items() if draw(st.booleans())}
    signals = draw(st.sampled_from([case.signals for case in CASES if case.spec is spec]))
    return Case(spec, params, signals)


@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases())
def test_any_mixture_of_parameters_is_told_or_runs(case: Case) -> None:
    told_or_runs(case)
    runs(case)


def test_bounds_are_found_at_any_depth() -> None:
    found = bounds(builder.CATALOGUE["Conv2d"].model_fields["padding"])
    assert {0, 4096} <= set(found)
    assert words(builder.CATALOGUE["Conv2d"].model_fields["padding"].annotation) == ["same", "valid"]
