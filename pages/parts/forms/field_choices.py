"""The choices of a form's field whose value is a name: of a node of the document, a class of the data set, a run.

The field has `json_schema_extra={"choices": "nodes"}`, with a key of CHOICES.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pydantic.fields import FieldInfo

import trainers
from pages.parts.document.session import Session
from trainers.data import DATASETS, DataError, dataset
from trainers.home import home

MOST = 100  # choices


def choices_of(info: FieldInfo, session: Session) -> Mapping[str, str] | None:
    """Value → label of each choice; None for a field without choices."""
    extra = info.json_schema_extra
    name = extra.get("choices") if isinstance(extra, dict) else None
    return CHOICES[name](session) if isinstance(name, str) and name in CHOICES else None


def _nodes(session: Session) -> dict[str, str]:
    """The layers of the document without those inside blocks."""
    return {node.name: node.name for node in session.document.nodes if node.role in ("layer", "block")}


def _classes(session: Session) -> dict[str, str]:
    data = session.document.training.get("data")
    try:
        names = dataset(data).classes if isinstance(data, Mapping) else ()
    except DataError:
        names = ()
    return {name: name for name in names[:MOST]}


def _all_classes(session: Session) -> dict[str, str]:
    """The classes of the data set, including those that its options exclude."""
    data = session.document.training.get("data")
    kind = DATASETS.get(str(data.get("name"))) if isinstance(data, Mapping) else None
    return {name: name for name in (kind().classes if kind is not None else ())[:MOST]}


def _runs(session: Session) -> dict[str, str]:
    """The runs with weights, the newest first."""
    found = [run for run in trainers.runs(MOST) if (run.store.run_folder(run.id) / "best.safetensors").exists()]
    return {run.id: f"{run.name} · {run.id[4:13]}" for run in found}


def _weights(session: Session) -> dict[str, str]:
    """The safetensors files in the folder `weights` of Netloom's home."""
    return {path.name: path.name for path in sorted((home() / "weights").glob("*.safetensors"))[:MOST]}


CHOICES: dict[str, Callable[[Session], dict[str, str]]] = {
    "nodes": _nodes,
    "classes": _classes,
    "all_classes": _all_classes,
    "runs": _runs,
    "weights": _weights,
}
