"""Charts: a limited number of points for runs of any length, one style, and red only for problems."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from streamlit.testing.v1 import AppTest

import builder
from pages.parts.theme import charts, numbers, theme
from pages.parts.training import activations, block_rows, curves, gradients, run_data, run_graph, run_summary
from pages.parts.training.run_data import Curve, ProbeTable


@pytest.fixture(autouse=True, params=["light", "dark"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(theme, "kind", lambda: request.param)
    return str(request.param)


@pytest.mark.parametrize("count", [0, 1, 2, 999, 1000, 1001, 1003, 54_321])
def test_thin_keeps_ends_peaks_and_order(count: int) -> None:
    x = np.arange(count)
    y = np.random.default_rng(0).normal(size=count)
    if count > 500:
        y[count // 3], y[count // 2] = 99.0, -99.0
    some_x, some_y = charts.thin(x, y)
    assert len(some_x) == len(some_y) <= charts.LIMIT
    assert (np.diff(some_x) > 0).all()
    np.testing.assert_array_equal(y[some_x], some_y)
    if count > 1:
        assert some_x[0] == 0 and some_x[-1] == count - 1
        assert some_y.max() == y.max() and some_y.min() == y.min()


def test_thin_accepts_nan() -> None:
    y = np.full(5000, np.nan)
    x, thinned = charts.thin(np.arange(5000), y)
    assert len(x) <= charts.LIMIT and np.isnan(thinned).all()


def test_smoothing_starts_at_the_first_value_and_stays_in_bounds() -> None:
    y = np.array([4.0, 0.0, 4.0, 0.0, 4.0])
    assert charts.smooth(y, 0.0).tolist() == y.tolist()
    smoothed = charts.smooth(y, 0.9)
    assert smoothed[0] == 4.0
    assert smoothed.min() > 0 and smoothed.max() <= 4.0
    assert np.abs(np.diff(smoothed))[1:].max() < 2


def test_a_range_in_whole_decades_holds_its_values() -> None:
    low, high = charts.decades(3e-7, 0.02)
    assert low <= np.log10(3e-7) and high >= np.log10(0.02)
    assert charts.decades(1.0, 1.0)[1] > charts.decades(1.0, 1.0)[0]


def checked(made: charts.Plain) -> go.Figure:
    """A plain figure as plotly's object, which raises an error at every name and value that plotly does not know."""
    return go.Figure(made["data"], made["layout"])


def probes(nodes: int, count: int) -> ProbeTable:
    random = np.random.default_rng(1)
    names = tuple(f"fc{number}" for number in range(nodes))
    values = {name: 10.0 ** random.uniform(-6, -1, (nodes, count)) for name in ("mean_abs", "max_abs", "update_ratio")}
    return ProbeTable(names, np.arange(count) * 100, values)


@pytest.mark.parametrize("nodes", [1, 9, 400])
@pytest.mark.parametrize("count", [2, 250, 5000])
def test_charts_of_long_runs_and_large_networks_stay_small(nodes: int, count: int) -> None:
    table = gradients.shown(probes(nodes, count))
    assert len(table.nodes) <= gradients.MOST_NODES
    heat = checked(gradients.map_figure(table, "run")).data[0]
    assert np.size(heat.z) <= max(gradients.MOST_CELLS, 20 * len(table.nodes))
    for made in (gradients.ratio_figure(table, "run"), gradients.flow_figure(table, {}, "run")):
        assert all(len(trace.x) <= charts.LIMIT for trace in checked(made).data)


def test_loss_of_a_long_run() -> None:
    count = 30_000
    steps = np.arange(count)
    training = Curve(steps, steps // 100, np.exp(-steps / 5000) + 0.01)
    validation = Curve(steps[::100], steps[::100] // 100, training.value[::100])
    made = checked(curves.loss_figure(training, validation, 0.6, True, "run"))
    assert [trace.name for trace in made.data] == ["each step", "training", "validation"]
    assert all(len(trace.x) <= charts.LIMIT for trace in made.data)
    assert made.layout.yaxis.type == "log"
    assert made.data[1].line.color == charts.look().training
    assert made.data[2].line.color == charts.look().validation


def test_zoom_stays_while_a_run_goes_on() -> None:
    short, long = (checked(gradients.ratio_figure(probes(3, count), "run")) for count in (5, 50))
    assert short.layout.uirevision == long.layout.uirevision == "run"
    assert checked(gradients.ratio_figure(probes(3, 5), "another")).layout.uirevision == "another"


def test_red_only_where_gradients_vanish_or_explode() -> None:
    table = probes(3, 10)
    names = {trace.name for trace in checked(gradients.flow_figure(table, {}, "run")).data}
    assert names == {"largest", "mean"}
    made = checked(gradients.flow_figure(table, {"fc0": "vanishing", "fc1": "dead"}, "run"))
    red = next(trace for trace in made.data if trace.marker.color == charts.look().bad)
    assert [np.isfinite(value) for value in red.y] == [True, False, False]


def test_bars_have_the_colour_of_the_verdict() -> None:
    table, look = probes(3, 10), charts.look()
    badges = {"fc0": "vanishing", "fc1": "vanishing", "fc2": "exploding"}
    severities = {"fc0": "warning", "fc1": "warning", "fc2": "error"}
    made = checked(gradients.flow_figure(table, badges, "run", severities)).data
    assert {trace.name: trace.marker.color for trace in made[2:]} == {
        "mean, vanishing": look.warning, "mean, exploding": look.bad}  # fmt: skip


def test_of_several_verdicts_on_a_block_the_most_serious_gives_the_colour() -> None:
    for order in (("warning", "info"), ("info", "warning"), ("warning", "error"), ("error", "warning")):
        severities = {f"stage.{number}.fc": severity for number, severity in enumerate(order)}
        assert block_rows.worst_severities(severities, ()) == {"stage": "error" if "error" in order else "warning"}


def test_gradients_of_zero_or_nan_are_not_drawn() -> None:
    table = ProbeTable(("a", "b"), np.arange(3), {name: np.array([[0.0] * 3, [np.nan] * 3]) for name in (
        "mean_abs", "max_abs", "update_ratio")})  # fmt: skip
    checked(gradients.flow_figure(table, {}, "run"))
    checked(gradients.map_figure(table, "run"))
    assert all(not len(trace.x) for trace in checked(gradients.ratio_figure(table, "run")).data)


def test_violins_are_as_wide_as_the_values_are_many() -> None:
    made = checked(activations.violins({"relu": ([0.0, 1.0, 2.0], [90, 10]), "empty": ([0.0, 0.0], [0])}, "run"))
    assert [trace.name for trace in made.data] == ["relu", "empty"]
    assert max(made.data[0].x) <= 0.5


def test_metrics_become_one_curve_each() -> None:
    rows = [(1, 1, "training", "loss", 2.0), (2, 1, "training", "loss", 1.0), (2, 1, "validation", "loss", 1.5)]
    found = run_data.curves(pd.DataFrame(rows, columns=["step", "epoch", "split", "metric", "value"]))
    assert found["training", "loss"].value.tolist() == [2.0, 1.0]
    assert found["validation", "loss"].step.tolist() == [2]


def test_probes_become_tables_with_gaps() -> None:
    rows = [(1, "a", "mean", 1.0), (1, "b", "mean", 2.0), (5, "a", "mean", 3.0), (5, "a", "std", 4.0)]
    found = run_data.probe_table(pd.DataFrame(rows, columns=["step", "node", "statistic", "value"]))
    assert found.nodes == ("a", "b") and found.steps.tolist() == [1, 5]
    np.testing.assert_array_equal(found.values["mean"], [[1.0, 3.0], [2.0, np.nan]])
    assert run_data.probe_table(pd.DataFrame(columns=["step", "node", "statistic", "value"])).nodes == ()


def test_the_graph_shows_every_node_its_gradient_and_its_badge() -> None:
    document = builder.template("vanishing_gradients")
    html = run_graph.network_html(document, {"fc1": 1e-9, "fc2": 1e-3}, {"fc1": "vanishing"})
    assert html.count('class="nl-node') == len(document.nodes)
    assert (
        "10⁻⁹" in html
        and "e-" not in re.sub(r"data:[^)]*", "", html)
        and html.count("nl-word") == 1
        and "nl-ring-error" in html
    )
    mild = run_graph.draw(document, {}, {"fc1": "dead", "fc2": "equal"}, {"fc1": "warning", "fc2": "error"})
    assert mild.count("nl-ring-warning") == 1 and mild.count("nl-ring-error") == 1


def chart_script(value: float) -> None:
    from pages.parts.theme import charts

    charts.draw(charts.figure([charts.line([0, 1], [0, value], "line", "#000000")]), "steady")


def test_a_chart_keeps_its_name_when_its_numbers_change() -> None:
    """So the browser changes the lines of the chart that is there instead of building another one every second."""
    tests = [AppTest.from_function(chart_script, args=(value,)).run() for value in (1.0, 2.0)]
    first, second = (test.get("bidi_component")[0].proto for test in tests)
    assert first.SerializeToString() != second.SerializeToString()
    assert first.id == second.id


def test_numbers_are_written_as_on_the_axes() -> None:
    written = {5.8e-3: "0.0058", 3e-9: "3.0·10⁻⁹", 0: "0", 1234.0: "1,200", 2.5e7: "2.5·10⁷"}
    written |= {-4e-6: "−4.0·10⁻⁶", 0.00099951: "0.0010", float("inf"): "inf", float("nan"): "nan"}
    assert [numbers.readable(value) for value in written] == list(written.values())
    assert [numbers.readable(value, 1) for value in (3e-9, 0.02, 1e-5, 300.0)] == ["3·10⁻⁹", "0.02", "10⁻⁵", "300"]
    assert run_summary.number(2.31e-4) == "2.3·10⁻⁴"
