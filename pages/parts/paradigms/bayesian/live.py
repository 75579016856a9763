"""While a Bayesian network trains: whether it is as sure as it is right, and how far its draws differ."""

from __future__ import annotations

from pages.parts.theme import charts
from pages.parts.training.run_data import Live
from pages.parts.views import card

LEVEL = 0.9  # of the intervals whose coverage is told
NOT_YET = "The first figures come at the end of the first epoch."


@card
def calibration(live: Live) -> None:
    """Calibration error of a few draws beside that of one network alone; of numbers, the coverage of intervals."""
    if live.run.job.dataset.task == "regression":
        charts.heading("Coverage", "share of the truths inside the interval of 90 %, after each epoch")
        return _curves(live, {"coverage": "mean of the draws", "single_coverage": "one network"}, "coverage")
    charts.heading("Calibration error", "how far its confidence is from its accuracy, after each epoch")
    return _curves(live, {"calibration_error": "mean of the draws", "single_calibration_error": "one network"}, "ece")


@card
def uncertainty(live: Live) -> None:
    """Confidence beside accuracy; or, of numbers, by how much the draws differ."""
    if live.run.job.dataset.task == "regression":
        charts.heading("Spread of the draws", "in spreads of the target, after each epoch")
        return _curves(live, {"predictive_std": "predictive_std"}, "doubt")
    charts.heading("Confidence and accuracy", "where confidence runs ahead, it is overconfident")
    return _curves(live, {"confidence": "confidence", "accuracy": "accuracy"}, "doubt")


def _curves(live: Live, names: dict[str, str], key: str) -> None:
    look = charts.look()
    found = {label: live.curves.get(("validation", name)) for name, label in names.items()}
    traces = [
        charts.line(curve.epoch, curve.value, label, colour, 2.2)
        for (label, curve), colour in zip(found.items(), (look.training, look.validation), strict=False)
        if curve is not None
    ]
    if not traces:
        return charts.nothing(NOT_YET)
    low = {"rangemode": "tozero"} if key == "ece" else {}
    wanted = [charts.level(LEVEL)] if key == "coverage" else []
    made = charts.figure(
        traces, x="epoch", state=f"{live.run.id}{key}", yaxis=low, xaxis={"tickformat": ",d"}, shapes=wanted
    )
    return charts.draw(made, f"live_{key}")
