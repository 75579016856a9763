"""The gradient through time: how much of the error at the last step reaches the state of a recurrent layer before.

torch computes a recurrent layer in one piece and shows no gradient of the states between. So the layer is run once more
here, step by step, for a few samples, from what really went into it and came back to its last step.
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
    """Watches, in one step, every layer that reads its input step by step in one direction."""

    def __init__(self, modules: Mapping[str, nn.Module]) -> None:
        self.layers = recurrent_layers(modules)
        self.given: dict[str, Tensor] = {}
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
            self.given[name] = inputs[0].detach()[:SAMPLES]
            output.register_hook(lambda gradient: self._take(name, gradient))  # type: ignore[no-untyped-call]

        return keep

    def _take(self, name: str, gradient: Tensor) -> None:
        # of a whole sequence, the error of its last step alone: the others would hide how it fades on its way back
        last = gradient if gradient.dim() == 2 else gradient[:, -1]
        self.errors[name] = last.detach()[:SAMPLES]

    def events(self, step: int) -> Iterator[Event]:
        """For each layer, the mean size of the gradient of its state by the number of steps before the last one."""
        found = {}
        for name, given in self.given.items():
            if name in self.errors and given.dim() == 3 and given.shape[1] > 1:
                sizes = sizes_back(self.layers[name], given.float(), self.errors[name].float())
                places = sorted({round(place * (len(sizes) - 1) / (POINTS - 1)) for place in range(POINTS)})
                found[name] = {str(place): sizes[place] for place in places}
        self.given.clear()
        self.errors.clear()
        if found:
            yield Probe(step, "through_time", found)


def recurrent_layers(modules: Mapping[str, nn.Module]) -> dict[str, nn.RNNBase]:
    """The layers of some networks that carry a state from the first step to the last."""
    return {
        name: child
        for module in modules.values()
        for name, child in module.named_modules()
        if isinstance(child, nn.RNNBase) and not child.bidirectional and not child.proj_size
    }


def sizes_back(layer: nn.RNNBase, given: Tensor, error: Tensor) -> list[float]:
    """The mean norm over the samples of the gradient of the whole state at each step, the last step first.

    `given` (samples, steps, features) goes into the layer, `error` (samples, hidden) is the gradient of its last
    output. An LSTM's state is both of its parts: what it remembers goes through the cell.
    """
    forward = _torch_forward(layer)
    was_training = layer.training
    layer.eval()  # no dropout between layers: it would draw the run's own random numbers
    try:
        with torch.enable_grad(), _without_cudnn(given):
            state, states = None, []
            early = given.shape[1] - LONGEST
            if early > 0:
                with torch.no_grad():
                    state = forward(layer, given[:, :early])[1]
                given = given[:, early:]
            for place in range(given.shape[1]):
                output, state = forward(layer, given[:, place : place + 1], state)
                states.append(state if isinstance(state, tuple) else (state,))
            parts = [part for moment in states for part in moment]
            gradients = torch.autograd.grad(output[:, -1], parts, error, allow_unused=True)
    finally:
        layer.train(was_training)
    return _norms(gradients, len(states[0]), error)


def _torch_forward(layer: nn.RNNBase) -> Any:
    """The forward of torch's own class, of which a node's module may be a subclass that returns one tensor."""
    kind: Any = next(kind for kind in type(layer).__mro__ if nn.RNNBase in kind.__bases__)
    return kind.forward


def _norms(gradients: tuple[Tensor | None, ...], parts: int, error: Tensor) -> list[float]:
    """Gradients of (layers, samples, hidden), `parts` for each step in turn: their norms, the last step first."""
    squares = []
    for start in range(0, len(gradients), parts):
        moment = [part for part in gradients[start : start + parts] if part is not None]
        squares.append(sum((part.square().sum(dim=(0, 2)) for part in moment), error.new_zeros(error.shape[0])))
    squares[-1] = error.square().sum(dim=1)  # the last state is the output, whose gradient is given
    sizes: list[float] = torch.stack(squares).sqrt().mean(dim=1).flip(0).tolist()
    return sizes


def _without_cudnn(given: Tensor) -> contextlib.AbstractContextManager[Any]:
    """cuDNN has no way back through a recurrent layer in evaluation mode; torch's own code has."""
    flags: contextlib.AbstractContextManager[Any] = torch.backends.cudnn.flags(enabled=False)
    return flags if given.is_cuda else contextlib.nullcontext()
