"""What a run keeps of one's own data: enough to predict new samples when the data set was changed, replaced or removed.

runs/<id>/data.json     the source and the schema of the version that it learned from, and facts such as the
                        vocabulary. No sample. How inputs are scaled is in the card of its weights.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from trainers.data.base import DataError, DataSet
from trainers.data.own import schema as schemas
from trainers.data.own.data_set import OwnData, is_own
from trainers.data.own.library import Facts, Source, Stored, instead, stored
from trainers.home import home
from trainers.runs.files import write_text

FACTS: TypeAdapter[Facts] = TypeAdapter(Facts)
SOURCE = TypeAdapter(Source)
FORMAT = "netloom-run-data/1"
FILE = "data.json"
RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
MOST_BYTES = 64 << 20
BRING_BACK = "New samples are predicted with what this run keeps of it; for everything else {how}."


def keep_copy(dataset: DataSet, folder: Path) -> None:
    """Write what new samples need into the folder of a run. Nothing of data that come with Netloom."""
    if not isinstance(dataset, OwnData):
        return
    there = dataset.stored
    made = {
        "format": FORMAT,
        "name": dataset.name,
        "source": asdict(there.source),
        "schema": there.schema.model_dump(mode="json"),
        "facts": dataset.facts(),
    }
    write_text(folder / FILE, json.dumps(made, indent=1, ensure_ascii=False))


def of_run(folder: Path, name: object) -> Stored | None:
    """The data set that a run learned from: that of the library where it is the same, with what the run keeps; else
    what the run keeps alone. None: it keeps nothing, as runs of earlier versions, or nothing that can be read."""
    copy = _read(folder / FILE)
    if copy is None or not isinstance(name, str) or not is_own(name) or copy["name"] != name:
        return None
    source, schema, facts = copy["source"], copy["schema"], copy["facts"]
    bare = name.removeprefix("own/").partition("@")[0]
    try:
        there = stored(name)
        if (there.schema, there.source.sha256) == (schema, source.sha256):
            return replace(there, run=str(folder), facts=facts)
        gone = f"The data set {name} is another one now than when this run was trained (its file or its columns). "
        gone += BRING_BACK.format(how="train again")
    except DataError:
        gone = f"The data set {name} was removed, or is damaged. "
        gone += BRING_BACK.format(
            how="bring it back (Undo on the Data page, as long as nothing else is removed), or train again"
        )
    return Stored(bare, folder, source, schema, gone, str(folder), facts)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        if path.stat().st_size > MOST_BYTES:
            return None
        copy = json.loads(path.read_text(encoding="utf-8"))
        if copy["format"] != FORMAT:
            return None
        return {
            "name": str(copy["name"]),
            "source": SOURCE.validate_python(copy["source"]),
            "schema": schemas.read(copy["schema"]),
            "facts": FACTS.validate_python(copy["facts"]),
        }
    except (OSError, ValueError, KeyError, TypeError):  # also DataError and ValidationError
        return None


@contextlib.contextmanager
def data_of_run(folder: Path | None, training: Any) -> Iterator[None]:
    """Inside, the data set that the settings of a training name is the one that the run in this folder learned from."""
    data = training.get("data") if isinstance(training, Mapping) else None
    name = data.get("name") if isinstance(data, Mapping) else None
    found = None if folder is None else of_run(folder, name)
    with contextlib.nullcontext() if found is None else instead(str(name), found):
        yield


def folder_of_run(run: object) -> Path | None:
    """The folder of the run that the card of a network names; None: it names none."""
    return home() / "runs" / run if isinstance(run, str) and RUN.fullmatch(run) else None


def schema_warning(dataset: DataSet, trained: float) -> str:
    """Why new samples may be encoded in another way than in the training, in sentences; empty: they are not.

    Parameters:
        dataset: of a run. Those of earlier versions keep nothing of their data.
        trained: when it began, seconds since 1970.
    """
    if not isinstance(dataset, OwnData) or dataset.stored.run:
        return ""
    there, end = dataset.stored, "If its columns or settings are others now, predictions are wrong: train again."
    if "@" not in dataset.name and there.schema.version > 1:
        return (
            f"This run is of an earlier version of Netloom and does not say which version of {there.full_name} it "
            f"learned from. New samples are encoded as in version {there.schema.version}, the newest. {end}"
        )
    if there.source.added > trained:
        return (
            f"This run keeps nothing of its data, and {there.full_name} was added or read again after it was trained. "
            f"New samples are encoded as in the data set of now. {end}"
        )
    return ""
