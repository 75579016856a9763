"""Gives the weights of a network initial values: which of its tensors are weights, and of what matrices they consist.

Training uses these functions, and train.py contains their source where a network needs more than one line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn


def weight_matrices(module: nn.Module, name: str, weight: Tensor) -> list[Tensor]:
    """The matrices or filters (out, in, …) of which a weight consists: an initialisation fills each by itself.

    Gates of a recurrent layer, the three projections of attention and the groups of a convolution are separate
    matrices in one tensor, so each has its own number of inputs and outputs. Scales of a normalisation, and attention's
    learned key and value, are no matrices: the list is empty, and they keep their values.
    """
    from torch import nn

    if isinstance(module, nn.LayerNorm | nn.RMSNorm) or name.startswith("bias"):
        return []
    if isinstance(module, nn.RNNBase) and not name.startswith("weight_hr"):
        return list(weight.chunk(weight.shape[0] // module.hidden_size))  # one for each gate
    if isinstance(module, nn.MultiheadAttention) and name == "in_proj_weight":
        return list(weight.chunk(3))
    if isinstance(module, nn.Bilinear):
        return [weight.flatten(1)]  # of each output, the weights of all pairs of inputs
    groups = getattr(module, "groups", 1)
    if getattr(module, "transposed", False):  # a transposed convolution has its inputs on the first axis
        return [part.transpose(0, 1) for part in weight.chunk(groups)]
    return list(weight.chunk(groups)) if groups > 1 else [weight]


def initialise(model: nn.Module, fill: Callable[[Tensor], Any], kept: tuple[str, ...] = ()) -> None:
    """Fill every matrix and every filter with `fill`, and set biases to zero. Other parameters keep their values.

    `kept`: how the names of the parameters begin that have initial values of their own. The row of an embedding that
    stands for padding stays zero.
    """
    import torch

    modules = dict(model.named_modules())
    with torch.no_grad():
        for name, parameter in model.named_parameters():  # gives a weight that two layers share once
            owner, _, last = name.rpartition(".")
            if kept and name.startswith(kept):
                continue
            if parameter.ndim >= 2:
                for part in weight_matrices(modules[owner], last, parameter):
                    filled = part if part.is_contiguous() else torch.empty_like(part).contiguous()
                    fill(filled)
                    if filled is not part:
                        part.copy_(filled)
            elif "bias" in last:
                parameter.zero_()
        for module in modules.values():
            if getattr(module, "padding_idx", None) is not None:
                module.weight[module.padding_idx] = 0


def own_values(model: nn.Module) -> tuple[str, ...]:
    """How the names of the parameters of a compiled network begin that have initial values of their own."""
    paths = {path: getattr(module, "own_initial_values", ()) for path, module in model.named_modules()}
    return tuple(f"{path}.{name}".lstrip(".") for path, names in paths.items() for name in names)


def is_plain(model: nn.Module) -> bool:
    """Whether every tensor of two or more axes is one whole matrix or filter, so that filling needs no `initialise`."""
    modules = dict(model.named_modules())
    matrices = [
        [part.shape for part in weight_matrices(modules[name.rpartition(".")[0]], name.rpartition(".")[2], parameter)]
        == [parameter.shape]
        for name, parameter in model.named_parameters()
        if parameter.ndim >= 2
    ]
    padded = any(getattr(module, "padding_idx", None) is not None for module in modules.values())
    return all(matrices) and not padded and not own_values(model)
