"""A fingerprint of a prepared data set: what a run was trained on, in a few hundred bytes, to notice that it changed.

It has the number and the shapes of the samples, digests of class names and vocabularies, and a checksum of all values:
0.05 s for MNIST. A data set that is generated comes out a little different on a machine that rounds differently; so, on
another machine, values that agree in their statistics are taken for the same.
"""

from __future__ import annotations

import hashlib
import json
import math
import platform
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trainers import stages
from trainers.data.base import DataError, DataSet
from trainers.sampling import evenly_spaced

if TYPE_CHECKING:
    from torch import Tensor

    from trainers.data.splits import Prepared, Split

CHANGED = "The data have changed."  # the message of a run that waits since they did begins with this
ANYWAY = "Resume it anyway"  # and has this where it can be resumed all the same
PARTS = ("training", "validation", "test")
SAMPLED = 2**16  # values of a tensor, at most, that its statistics are computed from
TOLERANCE = 1e-4  # of these statistics, relative, on another machine
Fingerprint = dict[str, Any]  # plain values: it is kept in checkpoints and in the cards of models


class DataChangedError(DataError):
    """The data set is not the one that a run was trained on. The message says what differs and what can be done."""

    def __init__(self, title: str, found: Sequence[str], fits: bool) -> None:
        again = "train the document again as a new run"
        do = f"{ANYWAY}: it goes on with the new data; or {again}" if fits else f"Restore the data, or {again}"
        why = "" if fits else " The network does not fit them."
        super().__init__(f"{CHANGED} {title} now has {', '.join(found)}.{why} {do}.")


def fingerprint(dataset: DataSet, prepared: Prepared) -> Fingerprint:
    """The fingerprint of a prepared data set: the same for the same samples in the same split."""
    parts = {name: getattr(prepared, name) for name in PARTS}
    return {
        "samples": {name: len(part) for name, part in parts.items()},
        "inputs": [_kind(given) for given in prepared.training.inputs],
        "targets": _kind(prepared.training.targets),
        "classes": _names(prepared.classes),
        "vocabulary": [_names(tokens) for tokens in (*dataset.vocabularies, dataset.target_vocabulary)],
        "values": {name: _checksum(part) for name, part in parts.items()},
        "statistics": {name: [_statistics(tensor) for tensor in _tensors(part)] for name, part in parts.items()},
        "machine": f"{platform.node()} numpy {np.__version__}",
    }


def differences(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> list[str]:
    """What differs between the data of a run and the data now, as parts of a sentence about the data now.

    Empty: nothing does, or the run is of an earlier version, which kept no fingerprint.
    """
    if not old:
        return []
    found = [
        f"{new['samples'][name]:,} {name} samples instead of {old['samples'][name]:,}"
        for name in PARTS
        if new["samples"][name] != old["samples"][name]
    ]
    if old["inputs"] != new["inputs"]:
        found.append(f"inputs of {_shapes(new['inputs'])} instead of {_shapes(old['inputs'])}")
    if old["targets"] != new["targets"]:
        found.append(f"targets of {_shapes([new['targets']])} instead of {_shapes([old['targets']])}")
    found += _renamed("classes", [old["classes"]], [new["classes"]])
    found += _renamed("tokens in its vocabulary", old["vocabulary"], new["vocabulary"])
    changed = [name for name in PARTS if not _same_values(old, new, name) and old["samples"][name]]
    if changed and not found:
        found.append(f"other values in its {' and '.join(changed)} samples")
    return found


def fits(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether a network that was trained on the old data takes the new: shapes, and numbers of classes and tokens."""
    return (
        old["inputs"] == new["inputs"]
        and old["targets"] == new["targets"]
        and old["classes"]["count"] == new["classes"]["count"]
        and [names["count"] for names in old["vocabulary"]] == [names["count"] for names in new["vocabulary"]]
    )


def _kind(tensor: Tensor) -> list[Any]:
    return [list(tensor.shape[1:]), str(tensor.dtype).removeprefix("torch.")]


def _names(names: Sequence[str]) -> dict[str, Any]:
    digest = hashlib.sha256(json.dumps(list(names)).encode()).hexdigest()[:16] if names else ""
    return {"count": len(names), "digest": digest}


def _tensors(part: Split) -> Iterator[Any]:
    yield from part.inputs
    yield part.targets


def _is_mapped(tensor: Any) -> bool:
    """Whether an input stays in its file, see mapped.py."""
    return hasattr(type(tensor), "blocks")


def _checksum(part: Split) -> str:
    found = 0
    for tensor in _tensors(part):
        for block in tensor.blocks() if _is_mapped(tensor) else (tensor,):
            stages.say("Checking the data")
            found = zlib.crc32(_array(block).view(np.uint8).data, found)
    return f"{found:08x}"


def _array(tensor: Tensor) -> NDArray[Any]:
    return np.ascontiguousarray(tensor.detach().cpu().numpy()).reshape(-1)


def _statistics(tensor: Any) -> list[float]:
    """Mean, standard deviation and the mean weighted by position, of values spread evenly over the tensor."""
    if _is_mapped(tensor):
        tensor = tensor[evenly_spaced(len(tensor), max(1, SAMPLED // max(1, tensor[0].numel())))]
    values = _array(tensor)
    chosen = values[:: max(1, -(-len(values) // SAMPLED))].astype(np.float64)
    if not len(chosen):
        return [0.0, 0.0, 0.0]
    weights = np.linspace(0.0, 1.0, len(chosen))
    return [float(chosen.mean()), float(chosen.std()), float((chosen * weights).mean())]


def _same_values(old: Mapping[str, Any], new: Mapping[str, Any], part: str) -> bool:
    if old["values"][part] == new["values"][part]:
        return True
    if old["machine"] == new["machine"]:
        return False
    pairs = zip(old["statistics"][part], new["statistics"][part], strict=False)
    return all(
        math.isclose(one, two, rel_tol=TOLERANCE, abs_tol=TOLERANCE * max(before[1], 1e-12))
        for before, after in pairs
        for one, two in zip(before, after, strict=True)
    )


def _shapes(kinds: Sequence[Any]) -> str:
    shapes = (" × ".join(map(str, shape)) or "one number" for shape, _ in kinds)
    return " and ".join(f"{shape} ({kind})" for shape, (_, kind) in zip(shapes, kinds, strict=True))


def _renamed(what: str, old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> list[str]:
    for before, after in zip(old, new, strict=False):
        if before["count"] != after["count"]:
            return [f"{after['count']:,} {what} instead of {before['count']:,}"]
        if before["digest"] != after["digest"]:
            return [f"other {what}"]
    return []
