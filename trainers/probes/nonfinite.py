"""Where NaN or infinity begins in a step: the first value, in the order of the computation, that is not finite.

The order is that of the step itself: the batch, the weights, the output of each node, the gradients from the last node
to the first, the weights after the update. The loss comes after the gradients: where it has no finite gradient, the
gradient of the last output says so, and where it has, it does no harm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import torch
from torch import Tensor
from torch._C._functorch import is_functorch_wrapped_tensor

from builder.compile import layers

if TYPE_CHECKING:
    from torch import nn
    from torch.utils.hooks import RemovableHandle

    from trainers.data.batches import Batch

Kind = Literal["batch", "weights", "output", "loss", "gradient", "update"]


@dataclass(frozen=True)
class Origin:
    """Where NaN or infinity began. `node` is empty where it is no node: in the batch, in the loss."""

    step: int
    kind: Kind
    node: str = ""
    network: str = ""  # the module of the learner, where several have a node of this name
    value: Literal["NaN", "infinite"] = "NaN"
    largest: float = 0.0  # absolute value among the finite numbers that it was computed from


class _Seen(NamedTuple):
    kind: Kind
    node: str
    network: str
    value: Tensor
    sources: tuple[Tensor, ...]  # what the value was computed from
    finite: Tensor  # a boolean on the device: the step does not wait for it


class NonFiniteProbe:
    """Watches one step of a learner: `with NonFiniteProbe(learner.modules) as probe: loss = learner.step(batch)`.

    It changes no number and waits for the device only in `origin`. Gradients are watched where each node receives the
    gradient of its output, and at each parameter.
    """

    def __init__(self, modules: Mapping[str, nn.Module], gradients: bool = True, weights: bool = True) -> None:
        """`gradients`: False where infinite gradients are expected, as with a scaled loss. `weights`: whether to look
        at the weights before the step; after a step that was watched they are known."""
        self.gradients, self.weights = gradients, weights
        self.nodes = [
            (network, name, layer) for network, module in modules.items() for name, layer in layers(module).items()
        ]
        names = [name for _, name, _ in self.nodes]
        self.shared = {name for name in names if names.count(name) > 1}
        self._seen: list[_Seen] = []
        self._consumers: dict[int, tuple[str, str]] = {}  # id of a tensor → the node that takes it
        self._kept: list[Tensor] = []  # so that no id is used twice
        self._handles: list[RemovableHandle] = []

    def __enter__(self) -> NonFiniteProbe:
        for network, name, layer in self.nodes:
            for parameter in layer.parameters() if self.weights else ():
                self._see("weights", network, name, parameter.detach().clone())  # the step changes it
        for network, name, layer in self.nodes:
            self._handles.append(layer.register_forward_hook(self._forward(network, name)))
            for parameter in layer.parameters() if self.gradients else ():
                if parameter.requires_grad:
                    self._handles.append(parameter.register_hook(self._gradient(network, name)))  # type: ignore[no-untyped-call]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _see(self, kind: Kind, network: str, node: str, value: Tensor, sources: tuple[Tensor, ...] = ()) -> None:
        value = value.detach()
        if value.is_floating_point() and not is_functorch_wrapped_tensor(value):
            self._seen.append(_Seen(kind, node, network, value, sources, value.isfinite().all()))

    def _forward(self, network: str, name: str) -> Any:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            given = tuple(each for each in inputs if isinstance(each, Tensor))
            for each in given:
                self._consumers[id(each)] = network, name
            if not isinstance(output, Tensor) or is_functorch_wrapped_tensor(output):
                return
            self._kept.append(output)
            self._see("output", network, name, output, tuple(each.detach() for each in given))
            if self.gradients and output.requires_grad:
                output.register_hook(lambda gradient: self._see_gradient(network, name, output, gradient))  # type: ignore[no-untyped-call]

        return hook

    def _see_gradient(self, network: str, name: str, output: Tensor, gradient: Tensor) -> None:
        """The gradient of a node's output, which the node that takes it computes; of the last node, the loss."""
        taker = self._consumers.get(id(output))
        if taker is None:
            self._see("loss", network, "", gradient, (output.detach(),))
        else:
            self._see("gradient", *taker, gradient, (output.detach(),))

    def _gradient(self, network: str, name: str) -> Any:
        return lambda gradient: self._see("gradient", network, name, gradient)

    def origin(self, step: int, batch: Batch, loss: Tensor) -> Origin | None:
        """Where NaN or infinity began in this step; None: every number is finite."""
        in_step, self._seen = self._seen, []
        for each in (*batch.inputs, batch.targets):
            self._see("batch", "", "", each)
        self._seen += in_step
        outputs = [seen.value for seen in in_step if seen.kind == "output"]
        self._see("loss", "", "", loss, tuple(outputs[-1:]))
        for network, name, layer in self.nodes:
            for parameter in layer.parameters():
                self._see("update", network, name, parameter)
        seen, self._seen = self._seen, []
        if not seen or bool(torch.stack([each.finite.cpu() for each in seen]).all()):
            return None
        return self._described(step, next(each for each in seen if not bool(each.finite)))

    def _described(self, step: int, seen: _Seen) -> Origin:
        value: Literal["NaN", "infinite"] = "NaN" if bool(seen.value.isnan().any()) else "infinite"
        network = seen.network if seen.node in self.shared else ""
        return Origin(step, seen.kind, seen.node, network, value, _largest(seen.sources))


def _largest(tensors: tuple[Tensor, ...]) -> float:
    found = [each.float()[each.isfinite()].abs() for each in tensors if each.is_floating_point()]
    return max((float(each.max()) for each in found if each.numel()), default=0.0)
