"""Augmentation at work: on the batches of a run, and as a function of the exported training script."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from trainers.data.augmentation import AUGMENTATIONS, Augmentation
from trainers.data.base import print_functions
from trainers.entry import OptionError, choose

if TYPE_CHECKING:
    from torch import Tensor

MOST = 20  # entries in one list


def read(entries: Any) -> tuple[Augmentation, ...]:
    """The augmentations that training["data"]["augmentation"] lists: [{"name": "RandomCrop", "padding": 2}, ...].

    Raises:
        OptionError: it is no list of such entries; the text says which is wrong and what was expected.
    """
    if entries is None:
        return ()
    if not isinstance(entries, list | tuple) or len(entries) > MOST:
        raise OptionError(f"augmentation must be a list of up to {MOST} entries such as {{'name': 'RandomCrop'}}.")
    wrong = [entry for entry in entries if not isinstance(entry, dict | str)]
    if wrong:
        raise OptionError(f"An augmentation is an entry such as {{'name': 'RandomCrop'}}, got {wrong[0]!r:.60}.")
    return tuple(choose(AUGMENTATIONS, entry, "augmentation") for entry in entries)


def augment(
    augmentations: Sequence[Augmentation],
    inputs: tuple[Tensor, ...],
    targets: Tensor,
    seed: int,
    epoch: int,
    batch: int,
) -> tuple[tuple[Tensor, ...], Tensor]:
    """Another version of a batch. What is drawn follows from seed, epoch and batch alone, so a resumed run draws alike.

    Of several inputs each is changed on its own. Targets that name every pixel of a picture move along with it.
    """
    import torch

    number = (seed * 1_000_003 + epoch) * 1_000_003 + batch
    random = torch.Generator(targets.device).manual_seed(number % 2**63)
    masks = targets if names_pixels(inputs, targets) else None
    changed = []
    for given in inputs:
        if given.is_floating_point():
            for augmentation in augmentations:
                given, masks = augmentation.apply(given, masks, random)
        changed.append(given)
    return tuple(changed), targets if masks is None else masks


def names_pixels(inputs: tuple[Tensor, ...], targets: Tensor) -> bool:
    """Whether the targets are masks: a class for every pixel of the one picture that goes in."""
    return len(inputs) == 1 and inputs[0].ndim == 4 and targets.ndim == 3 and not targets.is_floating_point()


def source(augmentations: Sequence[Augmentation], masks: bool = False, inputs: int = 1) -> str:
    """Python source of `augment(inputs, targets)`, which returns another version of a batch; empty without any.

    `inputs`: of how many inputs; one is a tensor, several are a tuple of tensors. The head of the source is its
    imports, as in `DataSet.source()`.
    """
    if not augmentations:
        return ""
    functions = list(dict.fromkeys(type(augmentation).change for augmentation in augmentations))
    lines = [
        "def augment(inputs, targets):",
        '    """Another version of every sample of a batch, drawn anew each time."""',
    ]
    for augmentation in augmentations:
        if masks:
            lines.append(f"    inputs, targets = {augmentation.render('inputs', 'targets')}")
        elif inputs > 1:
            lines.append(f"    inputs = tuple({augmentation.render('given')}[0] for given in inputs)")
        else:
            lines.append(f"    inputs, _ = {augmentation.render()}")
    lines.append("    return inputs, targets")
    return print_functions(*((function, {}) for function in functions)) + "\n\n" + "\n".join(lines) + "\n"
