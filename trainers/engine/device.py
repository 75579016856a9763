"""The devices that torch finds on this machine, and the precision that a network runs in there."""

from __future__ import annotations

import contextlib
import functools
import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

_preferred: int | None = None  # see `prefer`


@functools.cache
def device_names() -> tuple[str, ...]:
    """The kinds of device that torch finds on this machine, the CPU last."""
    import torch

    accelerator = torch.accelerator.current_accelerator(check_available=True)
    return (accelerator.type, "cpu") if accelerator is not None else ("cpu",)


def device_complaint(name: str) -> str:
    """Why a job cannot run on the device of this name ("auto", "cpu", "cuda:1"), as a sentence; empty: it can."""
    if name in ("auto", "cpu"):  # always there, which can be said before torch is imported
        return ""
    import torch

    kind, colon, number = name.partition(":")
    known = device_names()
    if kind not in known:
        return f"There is no device {name!r} here; there is: auto, {', '.join(known)}."
    if not colon:
        return ""
    count = 1 if kind == "cpu" else torch.accelerator.device_count()
    if not (number.isascii() and number.isdecimal() and str(int(number)) == number and int(number) < count):
        several = f"{kind}:0 to {kind}:{count - 1}" if count > 1 else f"{kind}:0"
        return f"There is no device {name!r} here: after the colon stands the number of a device, {several}."
    return ""


def resolve_device(name: str) -> str:
    """'auto' → the accelerator that torch reports, of several the one that this process prefers, else the CPU."""
    if name != "auto":
        return name
    kind = device_names()[0]
    return kind if _preferred is None or kind == "cpu" else f"{kind}:{_preferred % _count()}"


def prefer(number: int) -> None:
    """From now on 'auto' means this accelerator, counted from 0, so that each of several processes takes another."""
    global _preferred
    _preferred = number


def _count() -> int:
    import torch

    return torch.accelerator.device_count()


def autocast(device: torch.device, dtype: torch.dtype | None) -> contextlib.AbstractContextManager[Any]:
    """`torch.autocast` to this data type, for a `with` block. None: nothing is cast."""
    import torch

    return contextlib.nullcontext() if dtype is None else torch.autocast(device.type, dtype)


def warm_up() -> None:
    """Import what torch's optimizers and the metrics import on their first call: three seconds that would else be part
    of the first step."""
    for name in ("torch._dynamo", "torchmetrics.functional"):
        importlib.import_module(name)
