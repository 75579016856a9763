"""The gradient through time: how much of the gradient at the last step of a sequence reaches the earlier states.

torch computes a recurrent layer in one call and has no gradients of the states in between. So the layer runs once more
here, step by step, for a few samples, with the inputs of the step and the gradient of its last output.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch._C._functorch import is_functorch_wrapped_tensor

from trainers.events import Event, Probe

if TYPE_CHECKING:
    from torch import Tensor
    from torch.utils.hooks import RemovableHandle

SAMPLES = 4  # of the batch
LONGEST = 256  # steps back from the last one
POINTS = 64  # of the curve


class ThroughTimeProbe:
    """Measures every recurrent layer that reads its input in one direction, in one step."""

    def __init__(self, modules: Mapping[str, nn.Module]) -> None:
        self.layers = recurrent_layers(modules)
        self.inputs: dict[str, Tensor] = {}
        self.errors: dict[str, Tensor] = {}
        self._handles: list[RemovableHandle] = []

    def __enter__(self) -> ThroughTimeProbe:
        for name, layer in self.layers.items():
            self._handles.append(layer.register_forward_hook(self._hook(name)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _hook(self, name: str) -> Any:
        def keep(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            if is_functorch_wrapped_tensor(output) or not output.requires_grad:
                return
            self.inputs[name] = inputs[0].detach()[:SAMPLES]
            output.register_hook(lambda gradient: self._take(name, gradient))  # type: ignore[no-untyped-call]

        return keep

    def _take(self, name: str, gradient: Tensor) -> None:
        # The gradient of the last output alone: with those of the others, its decrease over time could not be seen.
        last = gradient if gradient.dim() == 2 else gradient[:, -1]
        self.errors[name] = last.detach()[:SAMPLES]

    def events(self, step: int) -> Iterator[Event]:
        """For each layer, the mean norm of the gradient of its state, by the number of steps before the last one."""
        found = {}
        for name, inputs in self.inputs.items():
            if name in self.errors and inputs.dim() == 3 and inputs.shape[1] > 1:
                sizes = sizes_back(self.layers[name], inputs.float(), self.errors[name].float())
                steps = sorted({round(point * (len(sizes) - 1) / (POINTS - 1)) for point in range(POINTS)})
                found[name] = {str(back): sizes[back] for back in steps}
        self.inputs.clear()
        self.errors.clear()
        if found:
            yield Probe(step, "through_time", found)


def recurrent_layers(modules: Mapping[str, nn.Module]) -> dict[str, nn.RNNBase]:
    """The layers that pass a state from the first step of a sequence to the last."""
    found: dict[str, nn.RNNBase] = {}
    for module in modules.values():
        for name, child in module.named_modules():
            if isinstance(child, nn.RNNBase) and not child.bidirectional and not child.proj_size:
                found.setdefault(name, child)  # of modules with the same nodes the first one is probed
    return found


def sizes_back(layer: nn.RNNBase, inputs: Tensor, error: Tensor) -> list[float]:
    """The norm of the gradient of the state at each step, as the mean over the samples, the last step first.

    `inputs` (samples, steps, features) is the input of the layer, `error` (samples, hidden) the gradient of its last
    output. The state of an LSTM is the hidden state and the cell state together.
    """
    forward = _torch_forward(layer)
    was_training = layer.training
    layer.eval()  # no dropout between layers: it would change the random numbers of the run
    try:
        with torch.enable_grad(), _without_cudnn(inputs):
            state, states = None, []
            early = inputs.shape[1] - LONGEST
            if early > 0:
                with torch.no_grad():
                    state = forward(layer, inputs[:, :early])[1]
                inputs = inputs[:, early:]
            for step in range(inputs.shape[1]):
                output, state = forward(layer, inputs[:, step : step + 1], state)
                states.append(state if isinstance(state, tuple) else (state,))
            parts = [part for step_state in states for part in step_state]
            gradients = torch.autograd.grad(output[:, -1], parts, error, allow_unused=True)
    finally:
        layer.train(was_training)
    return _norms(gradients, len(states[0]), error)


def _torch_forward(layer: nn.RNNBase) -> Any:
    """The `forward` of torch's own class. The module of a node may be a subclass that returns one tensor."""
    kind: Any = next(kind for kind in type(layer).__mro__ if nn.RNNBase in kind.__bases__)
    return kind.forward


def _norms(gradients: tuple[Tensor | None, ...], parts: int, error: Tensor) -> list[float]:
    """The norms of gradients of shape (layers, samples, hidden), `parts` of them for each step, the last step first."""
    squares = []
    for start in range(0, len(gradients), parts):
        state = [part for part in gradients[start : start + parts] if part is not None]
        squares.append(sum((part.square().sum(dim=(0, 2)) for part in state), error.new_zeros(error.shape[0])))
    squares[-1] = error.square().sum(dim=1)  # the last state is the output, and `error` is its gradient
    sizes: list[float] = torch.stack(squares).sqrt().mean(dim=1).flip(0).tolist()
    return sizes


def _without_cudnn(inputs: Tensor) -> contextlib.AbstractContextManager[Any]:
    """Turn cuDNN off: it has no backward pass for a recurrent layer in evaluation mode."""
    flags: contextlib.AbstractContextManager[Any] = torch.backends.cudnn.flags(enabled=False)
    return flags if inputs.is_cuda else contextlib.nullcontext()
