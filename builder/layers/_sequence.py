"""Sequences: how an image, a volume or a vector becomes steps × features, for recurrent and attention layers."""

from __future__ import annotations

from typing import Any

from builder.spec import Insert, Signal


def rows_as_steps(signal: Signal) -> dict[str, Any]:
    """For a layer that reads one step after the other, as arguments of ShapeError.

    The rows of an image are the steps, and all of their values the features; the numbers of a vector are steps with one
    feature each.
    """
    rank = len(signal.shape)
    if rank == 1:
        return {"insert": ("Unsqueeze", {"dim": 2})}
    if rank == 3 and signal.shape[0] == 1:
        return {"insert": ("Squeeze", {"dim": 1})}
    if rank == 3 and signal.channels_first:
        return {"inserts": (Insert("Permute", {"dims": [0, 2, 1, 3]}), Insert("Flatten", {"start_dim": 2}))}
    return {"insert": ("Flatten", {"start_dim": 2})} if rank > 2 else {}


def places_as_tokens(signal: Signal) -> dict[str, Any]:
    """For attention, as arguments of ShapeError: a place of an image is a token, and so is a number of a vector."""
    rank = len(signal.shape)
    if rank == 1:
        return {"inserts": (Insert("Unsqueeze", {"dim": 2}), Insert("Linear", {}))}
    if rank > 2 and signal.channels_first:
        tokens = (Insert("Flatten", {"start_dim": 2}), Insert("Permute", {"dims": [0, 2, 1]}))
        narrow = signal.shape[0] < 8  # too few features for several heads
        return {"inserts": (*tokens, *((Insert("Linear", {}),) if narrow else ()))}
    return {"insert": ("Flatten", {"end_dim": rank - 1})} if rank > 2 else {}
