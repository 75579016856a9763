"""The training samples that are nearest to a new one.

Rows are compared by their columns. Pixels, spectrograms and numbers of tokens say little about what is alike, so other
samples are compared by what the network makes of them: the activations that enter its last layer with parameters
(Chatfield et al. 2014, "Return of the Devil in the Details", section 2, compare images so).
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainers.data.scaling import Standardisation
from trainers.runs.predictions import kept, prepared_data
from trainers.runs.run import Run
from trainers.sampling import evenly_spaced

if TYPE_CHECKING:
    from torch import Tensor, nn

MOST_ROWS, MOST = 20_000, 5000  # training samples that are compared: by their columns, by activations
MOST_NUMBERS = 16 * 2**20  # activations that are kept of all of them together
BATCH = 128
HOOKED = ("model with hooks",)  # one of its own, so that no other thread's samples pass through the hooks
GUARD = threading.Lock()
BY_COLUMNS = "by the distance of the inputs as the network gets them (standardised; 1 for each other category)"
BY_LAYER = "by the distance of the activations that enter the last layer ({})"


class Nearest(NamedTuple):
    """Places of the nearest training samples in the training part, their distances, how many of the part were compared,
    and by what."""

    places: NDArray[np.int64]
    distances: NDArray[np.float64]
    compared: int
    how: str


class _Activations(NamedTuple):
    places: NDArray[np.int64]
    values: NDArray[np.float32]  # (N, activations)
    layer: str


def nearest(run: Run, raw: tuple[NDArray[Any], ...], count: int = 5) -> Nearest:
    """The training samples that are nearest to `raw`: one sample, (1, …) for each input, before it is scaled."""
    if run.job.dataset.input_columns():
        return _by_columns(run, raw, count)
    there = kept(run, ("activations",), lambda: _activations(run))
    model = kept(run, HOOKED, run.model)
    here, _ = entering_last_layer(model, tuple(_tensor(values) for values in _scaled(run, raw)))
    squares = ((there.values - here.numpy()) ** 2).sum(axis=1, dtype=np.float64)
    order = np.argsort(squares, kind="stable")[:count]
    how = BY_LAYER.format(there.layer) if there.layer else BY_COLUMNS
    return Nearest(there.places[order], np.sqrt(squares[order]), len(there.places), how)


def _by_columns(run: Run, raw: tuple[NDArray[Any], ...], count: int) -> Nearest:
    part = prepared_data(run).training
    some = evenly_spaced(len(part), MOST_ROWS)
    total = np.zeros(len(some))
    for given, here in zip(part.inputs, _scaled(run, raw), strict=True):
        there = given[some].numpy().reshape(len(some), -1)
        here = here.reshape(1, -1)
        different = there != here if np.issubdtype(there.dtype, np.integer) else there - here
        total += (different.astype(np.float64) ** 2).sum(axis=1)
    order = np.argsort(total, kind="stable")[:count]
    return Nearest(some[order], np.sqrt(total[order]), len(some), BY_COLUMNS)


def _scaled(run: Run, raw: tuple[NDArray[Any], ...]) -> tuple[NDArray[Any], ...]:
    pairs = zip(prepared_data(run).standardisation, raw, strict=True)
    return tuple(values if figures is None else Standardisation.apply(figures, values) for figures, values in pairs)


def _tensor(values: NDArray[Any]) -> Tensor:
    import torch

    return torch.from_numpy(np.ascontiguousarray(values, None if values.dtype == np.int64 else np.float32))


def _activations(run: Run) -> _Activations:
    """What enters the last layer for training samples, as many as fit into the limits."""
    part, model = prepared_data(run).training, kept(run, HOOKED, run.model)
    first, layer = entering_last_layer(model, tuple(given[:1] for given in part.inputs))
    some = evenly_spaced(len(part), max(1, min(MOST, MOST_NUMBERS // max(1, first.shape[1]))))
    values = np.empty((len(some), first.shape[1]), np.float32)
    for start in range(0, len(some), BATCH):
        batch = tuple(given[some[start : start + BATCH]] for given in part.inputs)
        values[start : start + BATCH] = entering_last_layer(model, batch)[0].numpy()
    return _Activations(some, values, layer)


def entering_last_layer(model: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, str]:
    """What enters the last layer that has parameters, (N, activations), and the name of that layer.

    Of a network without parameters, its inputs, and no name.
    """
    import torch

    found: dict[str, Any] = {"values": inputs, "layer": ""}

    def remember(name: str) -> Any:
        return lambda module, given: found.update(values=given, layer=name)

    layers = [(name, module) for name, module in model.named_modules() if [*module.parameters(recurse=False)]]
    with GUARD, torch.inference_mode():
        handles = [module.register_forward_pre_hook(remember(name)) for name, module in layers]
        try:
            model(*inputs)
        finally:
            for handle in handles:
                handle.remove()
    values = [each.float().reshape(len(each), -1) for each in found["values"] if isinstance(each, torch.Tensor)]
    return torch.cat(values if not found["layer"] else values[:1], dim=1), found["layer"]
