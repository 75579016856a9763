"""What predict.py makes of the outputs of a network: functions that stand on their own, one for each kind of task.

Each takes the outputs (N, …), the names of the classes or of the numbers, what outputs are (`Expects`), and the mean
and standard deviation of the targets. It returns the columns of a table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor


def standardised(values: NDArray[Any], figures: dict[str, Any] | None) -> NDArray[Any]:
    """An input as the network takes it: what is missing filled, minus the mean, divided by the standard deviation."""
    import numpy as np

    if figures is not None:
        mean, std = np.asarray(figures["mean"], np.float32), np.asarray(figures["std"], np.float32)
        if figures.get("fill") is not None:
            values = np.where(np.isnan(values), np.asarray(figures["fill"], np.float32), values)
        values = ((values - mean) / std).astype(np.float32)
    if values.dtype == np.float32 and not np.isfinite(values).all():
        raise ValueError("A sample has a value that is missing, and this network was trained without missing values.")
    return np.ascontiguousarray(values)


def class_columns(outputs: Tensor, names: list[str], expects: str, targets: dict[str, Any] | None) -> dict[str, Any]:
    """The most probable class, and the probability of each. A single output says which of two classes it is."""
    import torch

    if len(names) == 2 and (outputs.ndim == 1 or outputs.shape[1] == 1):
        yes = outputs.reshape(-1)
        yes = yes.sigmoid() if expects == "logits" else yes
        shares = torch.stack([1 - yes, yes], dim=1)
    elif expects == "log_probabilities":
        shares = outputs.exp()
    else:
        shares = outputs.softmax(dim=1) if expects == "logits" else outputs
    columns: dict[str, Any] = {"prediction": [names[place] for place in shares.argmax(dim=1).tolist()]}
    return columns | {f"probability of {name}": shares[:, place].numpy() for place, name in enumerate(names)}


def label_columns(outputs: Tensor, names: list[str], expects: str, targets: dict[str, Any] | None) -> dict[str, Any]:
    """The labels that are more probable than not, and the probability of each."""
    shares = outputs.sigmoid() if expects == "logits" else outputs
    held = (outputs > (0.0 if expects == "logits" else 0.5)).tolist()
    words = [", ".join(name for name, holds in zip(names, row, strict=True) if holds) or "none" for row in held]
    columns: dict[str, Any] = {"prediction": words}
    return columns | {f"probability of {name}": shares[:, place].numpy() for place, name in enumerate(names)}


def number_columns(outputs: Tensor, names: list[str], expects: str, targets: dict[str, Any] | None) -> dict[str, Any]:
    """The predicted numbers in their own unit."""
    import numpy as np

    values: NDArray[np.float32] = outputs.reshape(len(outputs), -1).numpy()
    if targets is not None:
        values = values * np.asarray(targets["std"], np.float32) + np.asarray(targets["mean"], np.float32)
    if len(names) == 1:
        return {"prediction": values[:, 0]}
    return {name: values[:, place] for place, name in enumerate(names)}


def step_columns(outputs: Tensor, names: list[str], expects: str, targets: dict[str, Any] | None) -> dict[str, Any]:
    """The forecast numbers in their own unit: a row for each step, sample after sample."""
    import numpy as np

    values: NDArray[np.float32] = outputs.reshape(len(outputs), -1, len(names)).numpy()
    if targets is not None:
        values = values * np.asarray(targets["std"], np.float32) + np.asarray(targets["mean"], np.float32)
    values = values.reshape(-1, len(names))
    if len(names) == 1:
        return {"prediction": values[:, 0]}
    return {name: values[:, place] for place, name in enumerate(names)}


def class_maps(outputs: Tensor, names: list[str], expects: str) -> NDArray[Any]:
    """The most probable class of each pixel, (N, height, width). A single output says which of two classes it is."""
    if len(names) == 2 and outputs.shape[1] == 1:
        return (outputs[:, 0] > (0.0 if expects == "logits" else 0.5)).long().numpy()
    return outputs.argmax(dim=1).numpy()


def share_columns(outputs: Tensor, names: list[str], expects: str, targets: dict[str, Any] | None) -> dict[str, Any]:
    """The share of the pixels that belong to each class."""
    maps = class_maps(outputs, names, expects)
    return {f"share of {name}": (maps == place).mean(axis=(1, 2)) for place, name in enumerate(names)}
