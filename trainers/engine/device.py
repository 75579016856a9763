"""The devices that torch finds on this machine, and the precision that a network runs in there."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


@functools.cache
def device_names() -> tuple[str, ...]:
    """The kinds of device that torch finds on this machine, the CPU last."""
    import torch

    accelerator = torch.accelerator.current_accelerator(check_available=True)
    return (accelerator.type, "cpu") if accelerator is not None else ("cpu",)


def resolve_device(name: str) -> str:
    """'auto' → the accelerator that torch reports, else the CPU."""
    return device_names()[0] if name == "auto" else name


def autocast(device: torch.device, dtype: torch.dtype | None) -> contextlib.AbstractContextManager[Any]:
    """`torch.autocast` to this data type, for a `with` block. None: nothing is cast."""
    import torch

    return contextlib.nullcontext() if dtype is None else torch.autocast(device.type, dtype)
