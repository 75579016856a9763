"""What a trained network predicts for rows that it has never seen: a file, or a table in memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trainers.data.base import DataError, DataSet
from trainers.data.own.bringing.foreign import explained
from trainers.data.own.data_set import OwnData
from trainers.data.own.files import LEFT_OUT, LeftOut
from trainers.data.own.reading import read_whole
from trainers.data.scaling import Standardisation
from trainers.objectives.model_outputs import answers_for
from trainers.tasks import TASKS
from trainers.tasks.base import Names

if TYPE_CHECKING:
    from torch import Tensor, nn

    from trainers.job import Job

ROWS = 1024  # that the network gets at once


def predict_rows(
    job: Job, model: nn.Module, given: str | Path | Sequence[str | Path | pd.DataFrame] | pd.DataFrame
) -> pd.DataFrame:
    """A row for each new row: what the network predicts, and how probable each class is.

    Parameters:
        model: of the job, with its `card`, in evaluation mode.
        given: a file of the same kind as the training data (of images also a folder), several, or rows. The target
            may be missing; columns may be in any order, and further ones are ignored.

    Returns:
        Columns `prediction` and `probability of NAME` for each class; for several numbers to predict a column for each
        target, in its own unit. The index is that of the given rows; of a series it has a row
        for each step that follows them.

        Its `attrs["left_out"]` lists what was left out, as (file or line, reason).

    Raises:
        DataError: the file cannot be read, a column that the network needs is not there, or its data has no columns.
    """
    dataset = job.dataset
    if not isinstance(given, str | Path | pd.DataFrame) and any(_has_rows(dataset, each) for each in given):
        tables = [predict_rows(job, model, each) for each in given]
        left_out = [pair for table in tables for pair in table.attrs.pop(LEFT_OUT)]
        return _with_left_out(pd.concat(tables), left_out)
    raw, frame, left_out = _new_samples(dataset, given)
    if not len(frame):
        raise DataError("There is no row to predict.")
    return _with_left_out(predict_samples(job, model, raw, frame), left_out)


def _with_left_out(found: pd.DataFrame, left_out: list[tuple[str, str]]) -> pd.DataFrame:
    found.attrs[LEFT_OUT] = left_out
    return found


def predict_samples(
    job: Job, model: nn.Module, raw: tuple[NDArray[Any], ...], frame: pd.DataFrame | None = None
) -> pd.DataFrame:
    """The same of samples that are inputs already, before they are scaled, (N, …) each. `frame`: their rows."""
    import torch

    dataset, task = job.dataset, TASKS[job.dataset.task]
    frame = pd.DataFrame(index=range(len(raw[0]))) if frame is None else frame
    card: dict[str, Any] = model.card  # type: ignore[assignment]
    figures_of = card["inputs"]
    if len(raw) != len(figures_of) or not all(map(_fits, raw, figures_of)):
        raise DataError(
            f"{dataset.title} was changed since this run was trained, and its samples have another number of values "
            "now: the network does not fit them. Train the document again."
        )
    inputs = tuple(map(_scaled, raw, figures_of))
    wanted = torch.zeros((len(raw[0]), *dataset.target_shape)).to(getattr(torch, task.dtype))
    answers = [piece for piece in answers_for(job, model, inputs, wanted, ROWS) if piece is not None]
    if not answers:
        raise DataError(f"A network trained by “{job.paradigm.label}” has no predictions of targets.")
    predicted = torch.cat([piece.predicted for piece in answers]).numpy()
    if (unit := card.get("targets")) is not None:
        predicted = Standardisation.from_dict(unit).revert(predicted)
    if (steps := dataset.steps_ahead(frame, predicted)) is not None:
        return steps
    result = task.columns(predicted, Names(dataset.classes, dataset.target_names))
    if len(result) == 1:
        result = {"prediction": next(iter(result.values()))}
    shares = [piece.probabilities for piece in answers if piece.probabilities is not None]
    if shares and shares[0].ndim == 2 and shares[0].shape[1] == len(dataset.classes):
        columns = torch.cat(shares).numpy().T
        result |= {f"probability of {name}": column for name, column in zip(dataset.classes, columns, strict=True)}
    return pd.DataFrame(result, index=frame.index)


def _has_rows(dataset: DataSet, given: str | Path | pd.DataFrame) -> bool:
    return isinstance(given, pd.DataFrame) or dataset.holds_rows(Path(given))


def _new_samples(
    dataset: DataSet, given: str | Path | Sequence[str | Path | pd.DataFrame] | pd.DataFrame
) -> tuple[tuple[np.ndarray, ...], pd.DataFrame, list[tuple[str, str]]]:
    """New samples as inputs, their rows (of files without columns, named by the files), and what is left out."""
    if isinstance(given, pd.DataFrame):
        return dataset.encode_new(given), given, []
    paths = [Path(str(each)) for each in ([given] if isinstance(given, str | Path) else given)]
    if not dataset.holds_rows(paths[0]):
        encoded = dataset.encode_files(paths)
        left_out = [(each.what, each.reason) for each in explained(LeftOut(*pair) for pair in encoded.left_out)]
        return encoded.inputs, pd.DataFrame(index=pd.Index(encoded.names, name="file")), left_out
    path = paths[0]
    table = read_whole(path, dataset.stored.schema.encoding if isinstance(dataset, OwnData) else "")
    left_out = [(f"{path.name}, line {each.line}", f"It {each.reason}.") for each in table.left_out]
    if table.left_out_count > len(left_out):
        left_out.append((path.name, f"{table.left_out_count - len(left_out):,} further lines cannot be read either."))
    frame = dataset.named(table.frame)
    return dataset.encode_new(frame), frame, left_out


def _fits(values: np.ndarray, figures: dict[str, Any] | None) -> bool:
    """Whether samples have as many values as those that the network was trained on."""
    shape = values.shape[1:] if figures is None else np.shape(figures["mean"])
    return len(shape) == values.ndim - 1 and all(
        there in (1, here) for there, here in zip(shape, values.shape[1:], strict=True)
    )


def _scaled(values: np.ndarray, figures: dict[str, Any] | None) -> Tensor:
    """An input as the network takes it: filled and scaled by the figures of the training part."""
    import torch

    if figures is not None:
        values = Standardisation.from_dict(figures).apply(values).astype(np.float32)
    if values.dtype == np.float32 and not np.isfinite(values).all():
        raise DataError("A row has a value that is missing, and this network was trained without missing values.")
    return torch.from_numpy(np.ascontiguousarray(values))
