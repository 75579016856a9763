"""Checkpoints: a tree of tensors and plain values as safetensors and JSON; see trainers/runs/checkpoint_files.py."""

from __future__ import annotations

import contextlib
import threading
import time
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
    _write(folder, step, _pack(tree, tensors), tensors)


def _write(folder: Path, step: int, packed: Any, tensors: dict[str, Tensor]) -> None:
    path = checkpoint_files.tensors_path(folder, step)
    try:
        save_weights(path, tensors)
        checkpoint_files.write(folder, step, path, packed)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


class CheckpointWriter:
    """Writes checkpoints in a thread of its own, one at a time, so that the training goes on while the disk works."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        self.seconds = 0.0  # of a core, that writing the last one took

    @property
    def is_busy(self) -> bool:
        """Whether a checkpoint is being written."""
        return self._thread is not None and self._thread.is_alive()

    def start(self, step: int, tree: Any) -> None:
        """Copy the tree, and begin to write the copy."""
        self.wait()
        tensors: dict[str, Tensor] = {}
        packed = _pack(tree, tensors)
        copies = {name: tensor.detach().cpu().clone() for name, tensor in tensors.items()}
        self._thread = threading.Thread(
            target=self._run, args=(step, packed, copies), name="netloom checkpoint", daemon=True
        )
        self._thread.start()

    def wait(self) -> None:
        """Wait until everything is on the disk. OSError: the last checkpoint could not be written."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()
        error, self._error = self._error, None
        if error is not None:
            raise error

    def close(self) -> None:
        """Wait for the last checkpoint. Whether it could be written does not matter any more."""
        with contextlib.suppress(OSError):
            self.wait()

    def _run(self, *checkpoint: Any) -> None:
        begun = time.thread_time()
        try:
            _write(self.folder, *checkpoint)
        except BaseException as error:  # raised in the thread that waits
            self._error = error
        self.seconds = time.thread_time() - begun


def exists(folder: Path) -> bool:
    """Whether the run has a checkpoint, readable or not."""
    return bool(checkpoint_files.checkpoint_files(folder))


def readable(folder: Path, damage: list[str], device: str = "cpu") -> Iterator[tuple[Any, bool]]:
    """What `save` wrote, the newest checkpoint first, and whether it is known to be undamaged: those of version 0.1.0
    have no digest. What is wrong with a newer one is added to `damage` before."""
    for found, record in checkpoint_files.readable(folder, damage):
        verified = "tensors_sha256" in record
        try:
            stored = load_file(found.path.with_name(Path(record["tensors"]).name), device=device)
            # torch aligns the memory of every new tensor to 64 bytes, a safetensors file aligns to 8. On some
            # processors a dot product of tensors with another alignment is summed in another order and rounded
            # differently, so a resumed run would not give the numbers of an uninterrupted one. A copy is aligned like
            # any new tensor.
            tree = _unpack(record["tree"], {name: tensor.clone() for name, tensor in stored.items()})
        except Exception as error:
            if verified or isinstance(error, MemoryError):
                raise  # the fault lies elsewhere
            damage.append(f"{found.path.name} cannot be read.")
        else:
            yield tree, verified


def load(folder: Path, device: str = "cpu") -> Any:
    """What `save` wrote last. DamagedError: there is no checkpoint that can be read."""
    damage: list[str] = []
    for tree, _ in readable(folder, damage, device):
        return tree
    raise checkpoint_files.DamagedError(" ".join(damage) or "There is no checkpoint.")


def save_weights(
    path: Path, tensors: dict[str, Tensor], metadata: dict[str, str] | None = None, at_once: bool = False
) -> None:
    """Write a safetensors file completely or not at all, and sync it to the disk; `at_once`: in a thread, see files.py.
    OSError: the disk is full."""
    write = files.write_at_once if at_once else files.write
    write(path, lambda temporary: _save_file(tensors, temporary, metadata))


def _save_file(tensors: dict[str, Tensor], path: Path, metadata: dict[str, str] | None) -> None:
    own: dict[str, Tensor] = {}
    taken: set[int] = set()
    for name, tensor in tensors.items():
        value = tensor.detach().cpu().contiguous()
        place = value.untyped_storage().data_ptr()
        own[name] = value.clone() if place in taken else value  # safetensors refuses tensors that share memory
        taken.add(place)
    try:
        save_file(own, path, metadata)
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
