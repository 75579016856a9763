"""Checkpoints: a tree of tensors and plain values as safetensors and JSON; see trainers/runs/checkpoint_files.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from trainers.runs import checkpoint_files, files

TENSOR = "__tensor__"
PAIRS = "__pairs__"
TUPLE = "__tuple__"


def save(folder: Path, step: int, tree: Any) -> None:
    """Write the checkpoint of a step into the folder of its run; the last two are kept. OSError: the disk is full."""
    tensors: dict[str, Tensor] = {}
    packed = _pack(tree, tensors)
    path = checkpoint_files.tensors_path(folder, step)
    try:
        save_weights(path, tensors)
        checkpoint_files.write(folder, step, path, packed)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def exists(folder: Path) -> bool:
    """Whether the run has a checkpoint, readable or not."""
    return bool(checkpoint_files.checkpoint_files(folder))


def readable(folder: Path, damage: list[str], device: str = "cpu") -> Iterator[Any]:
    """What `save` wrote, the newest checkpoint first. What is wrong with a newer one is added to `damage` before."""
    for found, record in checkpoint_files.readable(folder, damage):
        try:
            stored = load_file(found.path.with_name(Path(record["tensors"]).name), device=device)
            # torch aligns the memory of every new tensor to 64 bytes, a safetensors file aligns to 8. On some
            # processors a dot product of tensors with another alignment is summed in another order and rounded
            # differently, so a resumed run would not give the numbers of an uninterrupted one. A copy is aligned like
            # any new tensor.
            tree = _unpack(record["tree"], {name: tensor.clone() for name, tensor in stored.items()})
        except Exception:  # a file of version 0.1.0, which has no digest: any error at all means that it is damaged
            damage.append(f"{found.path.name} cannot be read.")
        else:
            yield tree


def load(folder: Path, device: str = "cpu") -> Any:
    """What `save` wrote last. DamagedError: there is no checkpoint that can be read."""
    damage: list[str] = []
    for tree in readable(folder, damage, device):
        return tree
    raise checkpoint_files.DamagedError(" ".join(damage) or "There is no checkpoint.")


def save_weights(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    """Write a safetensors file completely or not at all, and sync it to the disk. OSError: the disk is full."""
    files.write(path, lambda temporary: _save_file(tensors, temporary, metadata))


def _save_file(tensors: dict[str, Tensor], path: Path, metadata: dict[str, str] | None) -> None:
    copies = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    try:
        save_file(copies, path, metadata)
    except Exception as error:  # safetensors raises its own exception for an error of the operating system
        raise OSError(f"{path.name[1:-9]} could not be written: {error}") from error


def _pack(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, Tensor):
        name = f"t{len(tensors)}"
        tensors[name] = value
        return {TENSOR: name}
    if isinstance(value, dict):
        return {PAIRS: [[_pack(key, tensors), _pack(item, tensors)] for key, item in value.items()]}
    if isinstance(value, tuple):
        return {TUPLE: [_pack(item, tensors) for item in value]}
    if isinstance(value, list):
        return [_pack(item, tensors) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"A checkpoint cannot hold a {type(value).__name__}.")


def _unpack(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_unpack(item, tensors) for item in value]
    if isinstance(value, dict):
        if TENSOR in value:
            return tensors[value[TENSOR]]
        if TUPLE in value:
            return tuple(_unpack(item, tensors) for item in value[TUPLE])
        return {_unpack(key, tensors): _unpack(item, tensors) for key, item in value[PAIRS]}
    return value


def random_state(device: str) -> dict[str, Tensor]:
    """The state of the torch random generators that a run uses: the CPU's, and the GPU's if it trains there."""
    state = {"cpu": torch.get_rng_state()}
    if torch.device(device).type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def set_random_state(state: dict[str, Tensor], device: str) -> None:
    """Restore what `random_state` returned."""
    torch.set_rng_state(state["cpu"].cpu())
    if "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"].cpu(), device)
