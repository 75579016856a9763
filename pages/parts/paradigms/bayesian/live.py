"""A Bayesian network while it trains: whether its confidence equals its accuracy, and how much predictions differ."""

from __future__ import annotations

from pages.parts.theme import charts
from pages.parts.theme.charts import Plain
from pages.parts.training import feed
from pages.parts.training.run_data import LiveRun
from pages.parts.views import card

LEVEL = 0.9  # of the intervals whose coverage is shown
WAITING = "The first values appear at the end of the first epoch."


@card
def calibration(live: LiveRun) -> None:
    """Calibration error of the mean prediction and of a single network; of numbers, the coverage of intervals."""
    if live.run.job.dataset.task == "regression":
        charts.heading("Coverage", "share of the true values inside the 90 % interval, after each epoch")
        return _curves(live, {"coverage": "mean prediction", "single_coverage": "single network"}, "coverage")
    charts.heading("Calibration error", "the difference between confidence and accuracy, after each epoch")
    labels = {"calibration_error": "mean prediction", "single_calibration_error": "single network"}
    return _curves(live, labels, "calibration_error")


@card
def uncertainty(live: LiveRun) -> None:
    """Confidence beside accuracy; or, of numbers, the standard deviation of the predictions."""
    if live.run.job.dataset.task == "regression":
        charts.heading("Predictive standard deviation", "in standard deviations of the target, after each epoch")
        return _curves(live, {"predictive_std": "standard deviation"}, "uncertainty")
    charts.heading("Confidence and accuracy", "a confidence above the accuracy is overconfidence")
    return _curves(live, {"confidence": "confidence", "accuracy": "accuracy"}, "uncertainty")


def _curves(live: LiveRun, names: dict[str, str], key: str) -> None:
    if not any(live.curves.get(("validation", name)) for name in names):
        return charts.empty(WAITING)
    return feed.chart(f"live_{key}", _figure, live, tuple(names.items()), key)


def _figure(live: LiveRun, names: tuple[tuple[str, str], ...], key: str) -> Plain:
    look = charts.look()
    found = {label: live.curves.get(("validation", name)) for name, label in names}
    shown = [
        (label, curve, colour)
        for (label, curve), colour in zip(found.items(), (look.training, look.validation), strict=False)
        if curve is not None
    ]
    traces = [charts.line(curve.epoch, curve.value, label, colour, 2.2) for label, curve, colour in shown]
    low = {"rangemode": "tozero"} if key == "calibration_error" else {}
    wanted = [charts.level(LEVEL)] if key == "coverage" else []
    return charts.plain(traces, x="epoch", state=f"{live.run.id}{key}", yaxis=low, shapes=wanted)
