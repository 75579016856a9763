"""What a form offers for a field that names something: a node of the document, a class of the data set, a run.

A field says so by `json_schema_extra={"offers": "nodes"}`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pydantic.fields import FieldInfo

import trainers
from pages.parts.document.session import Session
from trainers.data import DATASETS, DataError, dataset
from trainers.home import home

MOST = 100  # of what may be very many


def offered(info: FieldInfo, session: Session) -> Mapping[str, str] | None:
    """Value → what people read, for a field that names something; None: it is an ordinary field."""
    extra = info.json_schema_extra
    name = extra.get("offers") if isinstance(extra, dict) else None
    return OFFERS[name](session) if isinstance(name, str) and name in OFFERS else None


def _nodes(session: Session) -> dict[str, str]:
    """The layers of the document, those inside blocks left out."""
    return {node.name: node.name for node in session.document.nodes if node.role in ("layer", "block")}


def _classes(session: Session) -> dict[str, str]:
    data = session.document.training.get("data")
    try:
        names = dataset(data).classes if isinstance(data, Mapping) else ()
    except DataError:
        names = ()
    return {name: name for name in names[:MOST]}


def _all_classes(session: Session) -> dict[str, str]:
    """The classes of the data set, those that are left out among them."""
    data = session.document.training.get("data")
    kind = DATASETS.get(str(data.get("name"))) if isinstance(data, Mapping) else None
    return {name: name for name in (kind().classes if kind is not None else ())[:MOST]}


def _runs(session: Session) -> dict[str, str]:
    """The runs that have weights, the newest first."""
    found = [run for run in trainers.runs()[:MOST] if (run.store.run_folder(run.id) / "best.safetensors").exists()]
    return {run.id: f"{run.name} · {run.id[4:13]}" for run in found}


def _weights(session: Session) -> dict[str, str]:
    """The safetensors files in the folder for them."""
    return {path.name: path.name for path in sorted((home() / "weights").glob("*.safetensors"))[:MOST]}


OFFERS: dict[str, Callable[[Session], dict[str, str]]] = {
    "nodes": _nodes, "classes": _classes, "all classes": _all_classes, "runs": _runs, "weights": _weights,
}  # fmt: skip
