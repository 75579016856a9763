"""The predictions of a whole part of the data as a table, a row for each sample, block by block."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trainers.data.splits import Prepared, Split
from trainers.events import SplitName
from trainers.objectives.model_outputs import Answers, answers_for
from trainers.runs.files import write
from trainers.runs.predictions import kept, prepared_data, reverted_samples
from trainers.runs.run import Run, RunError
from trainers.tasks import TASKS
from trainers.tasks.base import Names

if TYPE_CHECKING:
    import pandas as pd

    from trainers.data import DataSet

BLOCK = 2048  # samples that are in memory at once


def has_table(run: Run) -> bool:
    """Whether the predictions of a part are a table with a row for each sample."""
    paradigm, dataset = run.job.paradigm, run.job.dataset
    takes_samples = tuple(paradigm.signals(dataset, paradigm.networks[0])) == tuple(dataset.signals)
    return takes_samples and paradigm.loss_for(dataset) is not None and not TASKS[dataset.task].compact


def part_predictions(run: Run, name: SplitName, most: int | None = None) -> Iterator[pd.DataFrame]:
    """Blocks of rows, in the order of the part; of its first `most` samples.

    Columns: what names the sample (`row` of the file, from 1, or `sample`: its file, or its place in the data set),
    what is true and what is predicted (`target` and `prediction`; of several `target of X` and `prediction of X`),
    `probability of X` for each class, and for samples that are rows their columns as in the file.

    Raises:
        RunError: there is no such sample, or the network predicts no targets.
        DataError: the data cannot be loaded any more.
    """
    if not has_table(run):
        raise RunError(f"Run {run.id} has no prediction for each sample as a whole, so there is no table of them.")
    prepared = prepared_data(run)
    part: Split = getattr(prepared, name)
    if not len(part):
        raise RunError(f"Run {run.id} has no {name} samples.")
    model = kept(run, ("model",), run.model)
    count = len(part) if most is None else min(most, len(part))
    for start in range(0, count, BLOCK):
        places = np.arange(start, min(start + BLOCK, count))
        inputs = tuple(given[places] for given in part.inputs)
        targets = part.targets[places]
        found = [each for each in answers_for(run.job, model, inputs, targets, BLOCK) if each is not None]
        if not found:
            raise RunError(f"The network of run {run.id} has several outputs, so there is no table of its predictions.")
        yield _block(run.job.dataset, prepared, part, places, found[0])


def _block(
    dataset: DataSet, prepared: Prepared, part: Split, places: NDArray[np.int64], answers: Answers
) -> pd.DataFrame:
    import pandas as pd

    task, names = TASKS[prepared.task], Names(dataset.classes, dataset.target_names)
    numbers, unit = [answers.targets.numpy(), answers.predicted.numpy()], prepared.target_standardisation
    true, predicted = (task.columns(each if unit is None else unit.revert(each), names) for each in numbers)
    about, cells = _about(dataset, prepared, part, places)
    table: dict[str, Any] = dict(about)
    if len(true) == 1:
        table |= {"target": next(iter(true.values())), "prediction": next(iter(predicted.values()))}
    for name in true if len(true) > 1 else ():
        table |= {f"target of {name}": true[name], f"prediction of {name}": predicted[name]}
    shares = answers.probabilities
    if shares is not None and shares.ndim == 2 and shares.shape[1] == len(dataset.classes):
        columns = shares.numpy().T
        table |= {f"probability of {name}": column for name, column in zip(dataset.classes, columns, strict=True)}
    for heading, cell in cells.items():
        table[str(heading) if heading not in table else f"{heading} (in the file)"] = cell.to_numpy()
    return pd.DataFrame(table)


def _about(
    dataset: DataSet, prepared: Prepared, part: Split, places: NDArray[np.int64]
) -> tuple[dict[str, Any], pd.DataFrame]:
    """What names each sample, and its columns, as in the file where that is kept."""
    import pandas as pd

    indices = part.indices[places]
    rows = dataset.raw_samples(indices)
    if rows is not None:
        return {"row": rows.index.to_numpy()}, rows
    if (files := dataset.sample_names(indices)) is not None:
        return {"sample": files}, pd.DataFrame()
    if not dataset.has_rows or not dataset.feature_names:
        return {"sample": indices}, pd.DataFrame()
    cells = reverted_samples(prepared, part, places)[0]
    return {"sample": indices}, pd.DataFrame(cells, columns=list(dataset.feature_names))


def table(blocks: Iterator[pd.DataFrame]) -> pd.DataFrame:
    """All rows at once."""
    import pandas as pd

    return pd.concat(blocks, ignore_index=True)


def as_csv(run: Run, name: SplitName, most: int) -> bytes:
    """The first `most` rows as CSV, UTF-8. RunError, DataError: see `part_predictions`."""
    held = io.BytesIO()
    for number, block in enumerate(part_predictions(run, name, most)):
        block.to_csv(held, index=False, header=number == 0)
    return held.getvalue()


def write_csv(run: Run, name: SplitName, path: Path) -> int:
    """Write all rows to a CSV file, block by block; returns how many there are. The file is there when it is whole."""
    rows = 0

    def make(temporary: Path) -> None:
        nonlocal rows
        with temporary.open("w", encoding="utf-8", newline="") as opened:
            for number, block in enumerate(part_predictions(run, name)):
                block.to_csv(opened, index=False, header=number == 0)
                rows += len(block)

    write(path, make)
    return rows
