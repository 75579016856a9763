"""The trained model in the folder of its run: best.safetensors, with the card inside it and a digest of both.

card.json is a copy for people and other programs. Where it is damaged or missing, nothing is lost.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from trainers import disk
from trainers.engine import checkpoint
from trainers.runs import files
from trainers.runs.card import read_card
from trainers.runs.checkpoint_files import DamagedError

WEIGHTS, CARD = "best.safetensors", "card.json"
TEXTS = ("card", "metrics")  # what is saved with weights: with those of a run, and with those of a first training


def save_model(folder: Path, weights: Mapping[str, Tensor], card: Mapping[str, Any]) -> None:
    """Write weights and card completely or not at all. OSError: the disk is full."""
    text = json.dumps(card)
    save_weights(folder / WEIGHTS, weights, "card", text, at_once=True)
    with contextlib.suppress(OSError):  # the weights have it, too
        files.write_text(folder / CARD, text, at_once=True)


def save_weights(path: Path, weights: Mapping[str, Tensor], key: str, text: str, at_once: bool = False) -> None:
    """Write weights, a text about them under `key`, and a digest of both. OSError: the disk is full."""
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    checkpoint.save_weights(path, weights, {key: text, "sha256": _digest(weights, text)}, at_once)


def load_model(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any] | None]:
    """The weights and the card. The card is None where an older version kept it in card.json alone and that is damaged.

    DamagedError, OSError: see `read_weights`.
    """
    weights, text, verified = read_weights(folder / WEIGHTS, "card")
    if not verified:
        return weights, read_card(folder)
    card: dict[str, Any] = json.loads(text)
    return weights, card


def read_weights(path: Path, key: str = "card") -> tuple[dict[str, Tensor], str, bool]:
    """The weights, the text that was saved with them under `key`, and whether a digest shows that they are as they were
    written: files of other programs and of version 0.1.0 have none.

    Raises:
        DamagedError: the weights are not as they were written.
        OSError: the file cannot be opened or read, which says nothing about what it holds.
    """
    name = path.name
    with path.open("rb") as file:  # safetensors says in the same words that a file is damaged and that it is refused
        file.read(1)
    try:
        with safe_open(path, framework="pt") as opened:
            metadata = opened.metadata() or {}
            weights = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118
    except OSError as error:
        if disk.is_ours(error):
            raise
        raise DamagedError(f"{name} cannot be read: {error.strerror or 'it was cut off or changed'}.") from error
    except (SafetensorError, ValueError, LookupError) as error:
        raise DamagedError(f"{name} cannot be read: it is empty, was cut off or changed.") from error
    own = [text for kind, text in metadata.items() if kind in TEXTS]
    if "sha256" not in metadata or not own:
        return weights, metadata.get(key, ""), False
    if _digest(weights, own[0]) != metadata["sha256"]:
        raise DamagedError(f"{name} is not as it was written: it was changed.")
    return weights, metadata.get(key, ""), True


def _digest(weights: Mapping[str, Tensor], card: str) -> str:
    """The SHA-256 of the card and of every tensor with its name, type and shape."""
    found = hashlib.sha256(card.encode())
    for name in sorted(weights):
        tensor = weights[name]
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        found.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()
