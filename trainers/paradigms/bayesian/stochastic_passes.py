"""Several predictions of one network for the same samples: with different dropout masks or weights, or of each member.

torch draws all random numbers from one generator of the process, which belongs to the run that trains meanwhile in
another thread. `OwnGenerator` gives every random operation inside it a generator of its own, in its thread alone. So
neither a page nor an evaluation changes the random state of a run, and both give the same predictions each time.
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


class OwnGenerator(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Inside it torch draws random numbers from a generator of its own. Use it under torch.no_grad(), not in inference
    mode, in which composite operations are not taken apart and would use torch's generator.

    `shared`: all samples of a batch get the same random numbers, so that one pass is one function of the input, and its
    graph over the plane is smooth. For a single sample the distribution is the same as without it.

    RuntimeError: an operation draws random numbers in a way that is not supported here.
    """

    def __init__(self, seed: int, device: str | torch.device = "cpu", shared: bool = False) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.generator = torch.Generator(device).manual_seed(seed)
        self.shared = shared

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        random = RANDOM_OPERATIONS.get(func)
        if random is not None:
            return random(self, *args, **(kwargs or {}))
        if torch.Tag.nondeterministic_seeded in func.tags:
            raise RuntimeError(f"{func} draws random numbers and cannot be given a generator of its own.")
        return func(*args, **(kwargs or {}))

    def filled(self, target: Tensor, fill: Callable[[Tensor], Any]) -> Tensor:
        """The tensor, filled with random numbers; with `shared`, the same ones for every sample."""
        if not self.shared or target.dim() == 0:
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
        """torch's own dropout operation on some devices: the values with some set to zero, and the mask."""
        if not train or p == 0:
            return values.clone(), torch.ones_like(values, dtype=torch.bool)
        kept = self.bernoulli(torch.empty_like(values), 1 - p)
        return values * kept / max(1 - p, 1e-12), kept.bool()

    def rrelu(
        self, values: Tensor, noise: Tensor, low: float, high: float, train: bool = False, generator: Any = None
    ) -> Tensor:
        """A random slope for each value below zero."""
        if not train:
            return torch.where(values <= 0, values * (low + high) / 2, values)
        self.uniform(noise, low, high)
        return torch.where(values <= 0, values * noise, values)


RANDOM_OPERATIONS: dict[Any, Callable[..., Any]] = {
    aten.bernoulli_.float: OwnGenerator.bernoulli,
    aten.normal_.default: OwnGenerator.normal,
    aten.uniform_.default: OwnGenerator.uniform,
    aten.randn_like.default: OwnGenerator.normal_like,
    aten.rand_like.default: OwnGenerator.uniform_like,
    aten.randn.default: OwnGenerator.normal_of,
    aten.rand.default: OwnGenerator.uniform_of,
    aten.native_dropout.default: OwnGenerator.dropout,
    aten.rrelu_with_noise.default: OwnGenerator.rrelu,
}


def stochastic_nodes(document: Document) -> tuple[str, ...]:
    """The nodes with a random output while their modules are in training mode, in running order."""
    return tuple(step.name for step in make_plan(document).steps if step.spec.stochastic)


@contextlib.contextmanager
def stochastic_mode(model: nn.Module, document: Document) -> Iterator[None]:
    """Inside, stochastic nodes are in training mode and everything else in evaluation mode: batch norm keeps its
    statistics."""
    found = layers(model)
    names = [name for name in stochastic_nodes(document) if name in found]
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        for name in names:
            found[name].train()
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


class RepeatedPass(fx.Interpreter):
    """Runs a compiled network several times on the same samples. What comes before the stochastic nodes is computed
    once; in a convolutional network with dropout behind it that is nearly everything."""

    def __init__(self, model: fx.GraphModule, stochastic: set[str]) -> None:
        super().__init__(model)
        self.kept: dict[str, Any] = {}
        self.random: set[fx.Node] = set()
        for node in model.graph.nodes:
            if node.target in stochastic or self.random & set(node.all_input_nodes):
                self.random.add(node)

    def run_node(self, n: fx.Node) -> Any:
        if n in self.random:
            return super().run_node(n)
        if n.name not in self.kept:
            self.kept[n.name] = super().run_node(n)
        return self.kept[n.name]


def stochastic_passes(
    model: nn.Module,
    document: Document,
    inputs: tuple[Tensor, ...],
    count: int,
    seed: int = 0,
    batch_size: int = 1024,
    shared: bool = False,
) -> Tensor:
    """The outputs of several passes, (count, N, …) on the CPU: of a network with its stochastic nodes in training mode,
    or of the members of an ensemble, one pass each. `shared`: see `OwnGenerator`."""
    batches = _batches(inputs, batch_size)
    with torch.no_grad():
        if isinstance(model, Ensemble):
            return torch.cat([model.each(*batch).float().cpu() for batch in batches], dim=1)
        own = OwnGenerator(seed, inputs[0].device, shared)
        state = own.generator.get_state()
        found = []
        with stochastic_mode(model, document):
            for batch in batches:
                if shared:  # the same random numbers for every batch, too
                    own.generator.set_state(state)
                repeated = (
                    RepeatedPass(model, set(stochastic_nodes(document))) if isinstance(model, fx.GraphModule) else None
                )
                forward = model if repeated is None else repeated.run
                with own:
                    found.append(torch.stack([forward(*batch).float() for _ in range(count)]).cpu())
        return torch.cat(found, dim=1)


def _batches(inputs: tuple[Tensor, ...], size: int) -> list[tuple[Tensor, ...]]:
    count = math.ceil(len(inputs[0]) / size)
    return [tuple(given[place * size : (place + 1) * size] for given in inputs) for place in range(max(count, 1))]
