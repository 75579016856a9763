"""What follows a run on its page: made once for all who watch, from new rows alone, and only if something changed."""

from __future__ import annotations

import gzip
import json
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit import config

import trainers
from pages.parts.theme import charts, theme
from pages.parts.training import controls, curves, feed, run_data, run_summary, weights
from pages.parts.training.run_data import LiveRun, ProbeTable
from tests.pages.trained import ROOT, perceptron, train
from trainers.events import Metric, Probe, Progress, Verdict, Verdicts
from trainers.runs.run import Run
from trainers.runs.store import Store

LOSS = feed.Part("loss", curves._loss, (0.6, True))
PARTS = (controls.PROGRESS, feed.Part("verdicts", run_summary.verdicts, ()), LOSS)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NETLOOM_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def write() -> tuple[Run, Callable[..., None]]:
    """A run that nobody trains, and a function that writes events to it as if somebody did."""
    store = Store()
    run = Run(store.create("one", trainers.Job.from_document(perceptron()).to_json(), 0, 3), store)

    def written(step: int, *events: Any) -> None:
        store.write(run.id, [*events, Progress("running", 1, 3, step, 100, updated=float(step))])

    return run, written


def sent(view: feed.View) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(gzip.decompress((feed._folder / view.file).read_bytes()))
    return found


def loss(*steps: int) -> list[Metric]:
    return [Metric(step, 1, "training", "loss", 1 / step) for step in steps]


def test_tabs_that_show_the_same_share_a_file_and_others_do_not(write: Any) -> None:
    run, _ = write
    view = feed.View(run, "light", None, PARTS)
    assert view == feed.View(Run(run.id), "light", None, PARTS)
    smoother = (*PARTS[:2], replace(LOSS, options=(0.9, True)))
    others = [
        feed.View(run, "dark", None, PARTS),
        feed.View(run, "light", ("stage",), PARTS),
        feed.View(run, "light", None, smoother),
    ]
    assert len({view.file, *(other.file for other in others)}) == 4


def test_a_part_is_made_once_for_all_views_that_have_it(write: Any) -> None:
    run, written = write
    written(3, *loss(1, 2, 3))
    calls: list[str] = []

    def made(live: LiveRun, word: str) -> str:
        calls.append(word)
        return word

    one, two = (feed.Part("text", made, (word,)) for word in ("one", "two"))
    views = [feed.View(run, "light", None, parts) for parts in ((one,), (one, two), (two, LOSS))]
    feed._Sent().send(views)
    assert sorted(calls) == ["one", "two"]
    assert [set(sent(view)["parts"]) for view in views] == [{"text"}, {"text"}, {"text", "loss"}]


def test_only_what_has_changed_is_written_again(write: Any) -> None:
    run, written = write
    written(2, *loss(1, 2))
    view, writer = feed.View(run, "light", None, PARTS), feed._Sent()
    writer.send([view])
    first = sent(view)
    (feed._folder / view.file).unlink()
    writer.send([view])
    assert not (feed._folder / view.file).exists()  # nothing has happened, so nothing is sent
    written(3, *loss(3))
    writer.send([view])
    second = sent(view)
    changed = {key for key in first["parts"] if first["parts"][key] != second["parts"][key]}
    assert changed == {"progress", "loss"} and first["signs"] == second["signs"]
    written(4, Verdicts(4, [Verdict("hidden", "warning", "<b>Slow</b>", "Wait.")]))
    writer.send([view])
    third = sent(view)
    assert third["parts"]["loss"] == second["parts"]["loss"]
    assert "&lt;b&gt;Slow&lt;/b&gt;" in third["parts"]["verdicts"][1]["html"]


def test_the_signs_tell_what_a_page_must_be_drawn_anew_for(write: Any) -> None:
    run, written = write
    written(2, *loss(1, 2))
    before = feed.signs_of(run_data.read(run))
    written(3, *loss(3))
    assert feed.signs_of(run_data.read(run)) == before
    written(4, Metric(4, 1, "validation", "accuracy", 0.5))
    assert feed.signs_of(run_data.read(run))["page"] != before["page"]


def test_an_error_in_one_reading_is_logged_and_the_next_one_goes_on(
    write: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, written = write
    written(2, *loss(1, 2))
    view, writer = feed.View(run, "light", None, PARTS), feed._Sent()
    with monkeypatch.context() as broken:
        broken.setattr(run_data, "read", lambda run: 1 / 0)
        writer.send([view])
    assert "could not be shown" in caplog.text
    writer.send([view])
    assert "loss" in sent(view)["parts"]


def test_parts_are_drawn_in_the_theme_of_their_view(write: Any) -> None:
    run, written = write
    written(2, *loss(1, 2))
    texts = {}
    kinds: tuple[theme.Kind, ...] = ("light", "dark")
    for kind in kinds:
        view = feed.View(run, kind, None, (LOSS,))
        feed._Sent().send([view])
        texts[kind] = sent(view)["parts"]["loss"][1]["figure"]
    assert charts.LIGHT.training in texts["light"] and charts.LIGHT.training not in texts["dark"]
    assert charts.DARK.training in texts["dark"]


def test_numbers_read_piece_by_piece_are_those_read_at_once(write: Any) -> None:
    run, written = write
    for step in range(1, 600):
        values = {"a": {"mean": step / 2, "std": float("nan")}, **({"b": {"mean": -1.0}} if step > 5 else {})}
        written(step, *loss(step), Probe(step, "weights", values))
        if step in (1, 7, 300, 599):
            live = run_data.read(run)
    whole = run_data.probe_table(run.probes("weights"))
    table = live.probes["weights"]
    assert table.nodes == whole.nodes and table.steps.tolist() == whole.steps.tolist()
    for name in ("mean", "std"):
        np.testing.assert_array_equal(table.values[name], whole.values[name])
    assert live.curves["training", "loss"].step.tolist() == list(range(1, 600))


def test_a_run_that_went_back_to_a_checkpoint_is_read_again(write: Any) -> None:
    run, written = write
    written(3, *loss(1, 2, 3), *(Probe(step, "weights", {"a": {"mean": 0.0}}) for step in (1, 2, 3)))
    run_data.read(run)
    run.store.delete_after(run.id, 1)
    written(4, *loss(4), Probe(4, "weights", {"a": {"mean": 1.0}}))
    live = run_data.read(run)
    assert live.curves["training", "loss"].step.tolist() == [1, 4]
    assert live.probes["weights"].steps.tolist() == [1, 4]


@pytest.mark.parametrize("high", [0.3, 2.0, 1e3, 1e8])
@pytest.mark.parametrize("low", [1e-12, 3e-7, 0.02, 0.21])
def test_a_log_axis_has_some_ticks_that_can_be_read(low: float, high: float) -> None:
    axis = charts.log_axis(low, high)
    inside = [word for tick, word in zip(axis["tickvals"], axis["ticktext"], strict=True) if low <= tick <= high]
    assert (1 if high < 2 * low else 2) <= len(inside) <= 12
    assert all(len(word.replace("<sup>", "").replace("</sup>", "")) <= 8 for word in inside)


def test_a_number_on_a_log_axis_is_written_as_one_reads_it() -> None:
    assert [charts._tick(value) for value in (0.05, 1.0, 300.0, 2e-6, 1e9)] == [
        "0.05", "1", "300", "2·10<sup>−6</sup>", "10<sup>9</sup>",
    ]  # fmt: skip


def test_few_epochs_have_one_tick_each() -> None:
    few, many = ([{"x": range(1, last + 1)}, {"x": []}] for last in (3, 500))
    assert charts.whole_numbers(few)["dtick"] == 1 and "dtick" not in charts.whole_numbers(many)


def test_the_weights_of_a_run_are_measured_and_drawn() -> None:
    run = train(perceptron(epochs=4))
    table = run_data.read(run).probes["weights"]
    assert {"mean_abs", "std", "near_zero_share"} <= set(table.values)
    assert table.nodes == ("hidden", "last")
    sizes, shares = table.values["mean_abs"], table.values["near_zero_share"]
    assert (sizes > 0).all() and (shares >= 0).all() and (shares < 0.2).all()
    drawn = weights._weights(run_data.read(run), "mean_abs")
    assert [trace["name"] for trace in drawn["data"]] == ["hidden", "last"]


def test_weights_that_are_zero_count_as_near_zero() -> None:
    import torch

    from trainers.probes.weights import WeightProbe

    layer = torch.nn.Linear(10, 10, bias=False)
    with torch.no_grad():
        layer.weight.fill_(1.0)
        layer.weight[:3] = 1e-4
    with WeightProbe({"network": torch.nn.Sequential(layer)}) as probe:
        layer(torch.zeros(1, 10)).sum().backward()
    values = {event.kind: event.values for event in probe.events(1) if isinstance(event, Probe)}["weights"]
    (found,) = values.values()
    assert found["near_zero_share"] == pytest.approx(0.3) and found["mean_abs"] == pytest.approx(0.70003)


def test_weights_of_an_older_run_show_what_was_measured() -> None:
    table = ProbeTable(("a",), np.arange(2), {name: np.ones((1, 2)) for name in ("mean", "std", "norm")})
    assert weights.known(table) == ("std",)


def test_no_garbage_collection_after_reruns_from_whatever_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`streamlit run …/app.py` and `netloom app` read the settings beside app.py, wherever they are started."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(config, "_main_script_path", str(ROOT / "app.py"))
    last = Path(config.get_config_files("config.toml")[-1])
    assert last == ROOT / ".streamlit" / "config.toml"
    assert tomllib.loads(last.read_text())["runner"]["postScriptGC"] is False
