"""Attention maps: the attention weights of each head of every attention layer, for one sample."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as functional
from torch.overrides import TorchFunctionMode

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn
    from torch.utils.hooks import RemovableHandle


def attention_maps(
    model: nn.Module, inputs: tuple[Tensor, ...], explicit: Collection[str] = ()
) -> dict[str, NDArray[np.float32]]:
    """The attention weights of one sample by layer, each of shape (heads, queries, keys). Rows add up to 1.

    `inputs` hold one sample, (1, …); the network must be in evaluation mode. `explicit` names the nodes whose output is
    already a map: attention that the network computes from single nodes, such as a softmax of a product.
    """
    with _AttentionRecorder(model, tuple(explicit)) as recorder, torch.no_grad():
        model(*inputs)
    return {name: weights.float().cpu().numpy() for name, weights in recorder.maps.items()}


def has_attention(model: nn.Module) -> bool:
    """Whether a network has attention layers."""
    return any(_is_attention(child) for child in model.modules())


def _is_attention(module: nn.Module) -> bool:
    """Whether a module is torch's attention or a subclass, recognised by its attributes instead of its name."""
    return hasattr(module, "in_proj_bias") and hasattr(module, "num_heads") and hasattr(module, "out_proj")


class _AttentionRecorder(TorchFunctionMode):
    """Inside its `with` block, torch's attention also returns its weights, which it does not by default; it keeps them.

    A torch function mode also disables torch's fast path for attention, which has no weights.
    """

    def __init__(self, model: nn.Module, explicit: tuple[str, ...]) -> None:
        super().__init__()
        self.maps: dict[str, Tensor] = {}
        self._name = ""
        self._handles: list[RemovableHandle] = []
        for name, child in model.named_modules():
            if _is_attention(child):
                self._handles.append(child.register_forward_pre_hook(self._enter(name.removesuffix(".self_attn"))))
            elif name in explicit:
                self._handles.append(child.register_forward_hook(self._keep(name)))

    def _enter(self, name: str) -> Callable[..., None]:
        def enter(module: nn.Module, inputs: Any) -> None:
            self._name = name

        return enter

    def _keep(self, name: str) -> Callable[..., None]:
        def keep(module: nn.Module, inputs: Any, output: Tensor) -> None:
            if output.dim() in (3, 4):
                self.maps[name] = output[0].reshape(-1, *output.shape[-2:]).detach()

        return keep

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is not functional.multi_head_attention_forward:
            return func(*args, **(kwargs or {}))
        output, weights = func(*args, **{**(kwargs or {}), "need_weights": True, "average_attn_weights": False})
        self.maps[self._name] = weights[0].detach()
        return output, None

    def __exit__(self, *details: Any) -> None:
        for handle in self._handles:
            handle.remove()
        super().__exit__(*details)  # type: ignore[no-untyped-call]
