"""Several answers of one network to the same samples: with other units left out, other weights, or another member.

The difficulty is that torch draws all its random numbers from one generator of the process, which belongs to the run
that trains meanwhile in another thread. `OwnNumbers` gives whatever draws inside it numbers of a generator of its own,
in its thread alone, so that a page or an evaluation moves nobody's random state and gives the same answers each time.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.utils._python_dispatch import TorchDispatchMode

from builder.analysis.plan import make_plan
from builder.compile import layers
from builder.document import Document
from builder.library.ensemble import Ensemble

aten = torch.ops.aten


class OwnNumbers(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Inside it torch draws from a generator of its own. Use it under torch.no_grad(), never in inference mode, where
    composed operations arrive whole and draw by themselves.

    `alike`: all samples of a batch get the same numbers, so that one draw is one function of the input: its graph over
    the plane is smooth. What is drawn for a single sample is distributed as ever.

    RuntimeError: something draws by an operation that is not known here.
    """

    def __init__(self, seed: int, device: str | torch.device = "cpu", alike: bool = False) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.generator = torch.Generator(device).manual_seed(seed)
        self.alike = alike

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        drawn = DRAWN.get(func)
        if drawn is not None:
            return drawn(self, *args, **(kwargs or {}))
        if torch.Tag.nondeterministic_seeded in func.tags:
            raise RuntimeError(f"{func} draws random numbers that cannot be given a generator of their own.")
        return func(*args, **(kwargs or {}))

    def filled(self, target: Tensor, fill: Callable[[Tensor], Any]) -> Tensor:
        """The tensor, filled with drawn numbers; of `alike`, one sample's for all."""
        if not self.alike or target.dim() == 0:
            fill(target)
            return target
        one = torch.empty_like(target[:1])
        fill(one)
        return target.copy_(one.expand_as(target))

    def bernoulli(self, target: Tensor, p: float = 0.5, generator: Any = None) -> Tensor:
        return self.filled(target, lambda tensor: tensor.bernoulli_(p, generator=self.generator))

    def normal(self, target: Tensor, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Tensor:
        return self.filled(target, lambda tensor: tensor.normal_(mean, std, generator=self.generator))

    def uniform(self, target: Tensor, low: float = 0.0, high: float = 1.0, generator: Any = None) -> Tensor:
        return self.filled(target, lambda tensor: tensor.uniform_(low, high, generator=self.generator))

    def normal_like(self, like: Tensor, **options: Any) -> Tensor:
        return self.normal(torch.empty_like(like, **options))

    def uniform_like(self, like: Tensor, **options: Any) -> Tensor:
        return self.uniform(torch.empty_like(like, **options))

    def normal_of(self, size: Any, **options: Any) -> Tensor:
        return self.normal(torch.empty(size, **options))

    def uniform_of(self, size: Any, **options: Any) -> Tensor:
        return self.uniform(torch.empty(size, **options))

    def dropout(self, values: Tensor, p: float, train: bool | None = True) -> tuple[Tensor, Tensor]:
        """torch's own operation of dropout on some devices: the values that are left, and which they are."""
        if not train or p == 0:
            return values.clone(), torch.ones_like(values, dtype=torch.bool)
        kept = self.bernoulli(torch.empty_like(values), 1 - p)
        return values * kept / max(1 - p, 1e-12), kept.bool()

    def slopes(
        self, values: Tensor, noise: Tensor, low: float, high: float, train: bool = False, generator: Any = None
    ) -> Tensor:
        """A random slope for each value below zero."""
        if not train:
            return torch.where(values <= 0, values * (low + high) / 2, values)
        self.uniform(noise, low, high)
        return torch.where(values <= 0, values * noise, values)


DRAWN: dict[Any, Callable[..., Any]] = {
    aten.bernoulli_.float: OwnNumbers.bernoulli,
    aten.normal_.default: OwnNumbers.normal,
    aten.uniform_.default: OwnNumbers.uniform,
    aten.randn_like.default: OwnNumbers.normal_like,
    aten.rand_like.default: OwnNumbers.uniform_like,
    aten.randn.default: OwnNumbers.normal_of,
    aten.rand.default: OwnNumbers.uniform_of,
    aten.native_dropout.default: OwnNumbers.dropout,
    aten.rrelu_with_noise.default: OwnNumbers.slopes,
}


def stochastic(document: Document) -> tuple[str, ...]:
    """The nodes that give other numbers each time while their modules are in training mode, in running order."""
    return tuple(step.name for step in make_plan(document).steps if step.spec.stochastic)


@contextlib.contextmanager
def restless(model: nn.Module, document: Document) -> Iterator[None]:
    """Inside, the model's stochastic nodes draw and everything else predicts: batch norm keeps its figures."""
    found = layers(model)
    names = [name for name in stochastic(document) if name in found]
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        for name in names:
            found[name].train()
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


class Redrawn(fx.Interpreter):
    """Runs a compiled network on the same samples again: what lies before the nodes that draw is worked out once, which
    of a convolutional network with dropout behind it is nearly everything."""

    def __init__(self, model: fx.GraphModule, drawing: set[str]) -> None:
        super().__init__(model)
        self.kept: dict[str, Any] = {}
        self.moving: set[fx.Node] = set()
        for node in model.graph.nodes:
            if node.target in drawing or self.moving & set(node.all_input_nodes):
                self.moving.add(node)

    def run_node(self, n: fx.Node) -> Any:
        if n in self.moving:
            return super().run_node(n)
        if n.name not in self.kept:
            self.kept[n.name] = super().run_node(n)
        return self.kept[n.name]


def draws(
    model: nn.Module,
    document: Document,
    inputs: tuple[Tensor, ...],
    count: int,
    seed: int = 0,
    piece: int = 1024,
    alike: bool = False,
) -> Tensor:
    """The outputs of several draws, (count, N, …) on the CPU: of a network with its stochastic nodes at work, or of an
    ensemble's members, each once."""
    parts = _pieces(inputs, piece)
    with torch.no_grad():
        if isinstance(model, Ensemble):
            return torch.cat([model.each(*given).float().cpu() for given in parts], dim=1)
        numbers = OwnNumbers(seed, inputs[0].device, alike)
        state = numbers.generator.get_state()
        found = []
        with restless(model, document):
            for given in parts:
                if alike:  # the same numbers for every piece, too
                    numbers.generator.set_state(state)
                redrawn = Redrawn(model, set(stochastic(document))) if isinstance(model, fx.GraphModule) else None
                ask = model if redrawn is None else redrawn.run
                with numbers:
                    found.append(torch.stack([ask(*given).float() for _ in range(count)]).cpu())
        return torch.cat(found, dim=1)


def _pieces(inputs: tuple[Tensor, ...], size: int) -> list[tuple[Tensor, ...]]:
    """The samples, some at a time."""
    count = math.ceil(len(inputs[0]) / size)
    return [tuple(given[place * size : (place + 1) * size] for given in inputs) for place in range(max(count, 1))]
