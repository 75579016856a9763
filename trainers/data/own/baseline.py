"""What a model without a network reaches on the same samples: a score to compare a network's with."""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import asdict, dataclass

from trainers.data.own.kind import kind_of
from trainers.data.own.library import Stored
from trainers.runs.files import write_text

FORMAT = "netloom-baseline/1"


@dataclass(frozen=True)
class Baseline:
    """Scores on the test part: of `model`, and of `simple`, which learns nothing from the inputs.

    `metric` is "accuracy" or "R2", `trained_on` the number of training samples, of `samples` that there are. `note`
    says what was done otherwise than usual; empty: nothing.
    """

    metric: str
    model: str
    score: float
    simple: str
    simple_score: float
    trained_on: int
    samples: int
    tested_on: int
    note: str = ""


def baseline(found: Stored) -> Baseline | None:
    """The baseline of a data set, from its folder if it is there; None: its kind has none.

    Raises:
        DataError: it cannot be loaded or divided.
    """
    key = _key(found)
    place = found.folder / "baseline.json"
    try:
        kept = json.loads(place.read_text(encoding="utf-8"))
        if kept.pop("key") == key:
            return Baseline(**kept)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        pass  # there is none, or it is of another version
    made: Baseline | None = kind_of(found).baseline(found)
    if made is not None:
        with contextlib.suppress(OSError):  # it is computed again next time
            write_text(place, json.dumps({"key": key, **asdict(made)}))
    return made


def _key(found: Stored) -> str:
    """Names what the scores follow from: the file and the schema."""
    text = json.dumps([FORMAT, found.source.sha256, found.schema.model_dump(mode="json", exclude={"version"})])
    return hashlib.sha256(text.encode()).hexdigest()
