"""The trained model in the folder of its run: best.safetensors, with the card inside it and a digest of both.

card.json is a copy for people and other programs. Where it is damaged or missing, nothing is lost.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from trainers.engine import checkpoint
from trainers.runs import files
from trainers.runs.card import read_card
from trainers.runs.checkpoint_files import DamagedError

WEIGHTS, CARD = "best.safetensors", "card.json"


def save_model(folder: Path, weights: dict[str, Tensor], card: Mapping[str, Any]) -> None:
    """Write weights and card completely or not at all. OSError: the disk is full."""
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    text = json.dumps(card)
    metadata = {"card": text, "sha256": _digest(weights, text)}
    checkpoint.save_weights(folder / WEIGHTS, weights, metadata, True)
    files.write_text(folder / CARD, text, at_once=True)


def load_model(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any] | None]:
    """The weights and the card. The card is None where an older version kept it in card.json alone and that is damaged.

    DamagedError: the weights are not as they were written.
    """
    path = folder / WEIGHTS
    try:
        with safe_open(path, framework="pt") as opened:
            metadata = opened.metadata() or {}
            weights = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except Exception as error:  # safetensors raises its own exception
        raise DamagedError(f"{WEIGHTS} cannot be read: it is empty, was cut off or changed.") from error
    if "sha256" not in metadata:
        return weights, read_card(folder)
    text = metadata.get("card", "")
    if _digest(weights, text) != metadata["sha256"]:
        raise DamagedError(f"{WEIGHTS} is not as it was written: it was changed.")
    card: dict[str, Any] = json.loads(text)
    return weights, card


def _digest(weights: Mapping[str, Tensor], card: str) -> str:
    """The SHA-256 of the card and of every tensor with its name, type and shape."""
    found = hashlib.sha256(card.encode())
    for name in sorted(weights):
        tensor = weights[name]
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        found.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()
