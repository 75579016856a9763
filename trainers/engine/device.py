"""The devices that torch finds on this machine."""

from __future__ import annotations

import functools


@functools.cache
def device_names() -> tuple[str, ...]:
    """The kinds of device that torch finds on this machine, the CPU last."""
    import torch

    accelerator = torch.accelerator.current_accelerator(check_available=True)
    return (accelerator.type, "cpu") if accelerator is not None else ("cpu",)


def resolve_device(name: str) -> str:
    """'auto' → the accelerator that torch reports, else the CPU."""
    return device_names()[0] if name == "auto" else name
