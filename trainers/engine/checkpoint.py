"""Checkpoints: a tree of tensors and plain values as safetensors and JSON, written completely or not at all."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from trainers.runs.files import write_text

TENSOR = "__tensor__"
PAIRS = "__pairs__"
TUPLE = "__tuple__"


def save(path: Path, tree: Any) -> None:
    """Write `path`.json and `path`.<random>.safetensors. The JSON file holds the name of the safetensors file, which
    is new each time, so a crash in between leaves the previous checkpoint complete. OSError: the disk is full."""
    tensors: dict[str, Tensor] = {}
    packed = _pack(tree, tensors)
    target = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}.safetensors")
    try:
        save_weights(target, tensors)
        write_text(path.with_name(path.name + ".json"), json.dumps({"tensors": target.name, "tree": packed}))
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    for old in path.parent.glob(f"{path.name}.*.safetensors"):
        if old != target:
            old.unlink(missing_ok=True)


def load(path: Path, device: str = "cpu") -> Any:
    """Read what `save` wrote. FileNotFoundError: there is no checkpoint."""
    record = json.loads(path.with_name(path.name + ".json").read_text(encoding="utf-8"))
    stored = load_file(path.with_name(Path(record["tensors"]).name), device=device)
    # torch aligns the memory of every new tensor to 64 bytes, a safetensors file aligns to 8. On some processors a dot
    # product of tensors with another alignment is summed in another order and rounded differently, so a resumed run
    # would not give the numbers of an uninterrupted one. A copy is aligned like any new tensor.
    return _unpack(record["tree"], {name: tensor.clone() for name, tensor in stored.items()})


def exists(path: Path) -> bool:
    return path.with_name(path.name + ".json").exists()


def save_weights(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    """Write a safetensors file to a temporary name, then rename it. OSError: the disk is full."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        copies = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
        try:
            save_file(copies, temporary, metadata)
        except Exception as error:  # safetensors raises its own exception for an error of the operating system
            raise OSError(f"{path.name} could not be written: {error}") from error
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


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
