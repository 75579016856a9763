"""What a table of runs needs to know of a run's job: its data set, and the main metric of its paradigm."""

from __future__ import annotations

import functools
import json

import builder
from builder.problems import NetloomError
from trainers import migrate
from trainers.job import Job
from trainers.paradigms.base import ReportedMetric

LOSS = ReportedMetric("loss", "loss", higher_is_better=False)
_metrics: dict[str, ReportedMetric] = {}  # data set and paradigm, as JSON → the main metric


def facts(job: Job) -> str:
    """The facts of a job, as JSON."""
    return _json(job.dataset.name, _main_metric(job))


def facts_of_text(text: str) -> str:
    """The same from the text of a job.json; empty if it is damaged.

    Jobs with the same data set and paradigm have the same main metric, so few jobs are made of many texts.
    """
    try:
        training = json.loads(text).get("training", {})
        data, paradigm = training.get("data"), training.get("paradigm")
    except (ValueError, AttributeError):
        return ""
    key = json.dumps([data, paradigm], sort_keys=True)
    if key not in _metrics:
        try:
            _metrics[key] = _main_metric(Job(migrate.document(builder.load(text))))
        except NetloomError:  # it is of another version
            _metrics[key] = LOSS
    return _json(str(data.get("name", "")) if isinstance(data, dict) else "", _metrics[key])


@functools.cache
def metric_of(facts: str | None) -> ReportedMetric:
    """The main metric; the loss where there are no facts."""
    return ReportedMetric(**json.loads(facts)["metric"]) if facts else LOSS


@functools.cache
def data_of(facts: str | None) -> str:
    """The name of the data set; empty where there are no facts."""
    return str(json.loads(facts)["data"]) if facts else ""


def _json(data: str, metric: ReportedMetric) -> str:
    return json.dumps({"data": data, "metric": metric._asdict()})


def _main_metric(job: Job) -> ReportedMetric:
    """The first metric of a job's paradigm; the loss if it has none."""
    return next(iter(job.paradigm.metrics(job.dataset)), LOSS)
