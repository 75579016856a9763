"""Checkpoints: a tree of tensors and plain values as safetensors and JSON, written whole or not at all."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from trainers.runs.store import write_text

TENSOR = "__tensor__"
PAIRS = "__pairs__"
TUPLE = "__tuple__"


def save(path: Path, tree: Any) -> None:
    """Write `path`.json and `path`.safetensors. The tensors' file has a new name each time and the JSON names it, so
    a machine that stops in between leaves the old checkpoint whole. OSError: the disk is full."""
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
    name = Path(record["tensors"]).name
    return _unpack(record["tree"], load_file(path.with_name(name), device=device))


def exists(path: Path) -> bool:
    return path.with_name(path.name + ".json").exists()


def save_weights(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    """A safetensors file, written to a temporary name and renamed."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        ready = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
        try:
            save_file(ready, temporary, metadata)
        except Exception as error:  # safetensors wraps the operating system's errors in one of its own
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
    """The state of torch's random generators that a run draws from."""
    state = {"cpu": torch.get_rng_state()}
    if torch.device(device).type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def set_random_state(state: dict[str, Tensor], device: str) -> None:
    """Go on drawing where `random_state` was taken."""
    torch.set_rng_state(state["cpu"].cpu())
    if "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"].cpu(), device)
