"""What is exported: a copy of the model on the CPU, sample inputs, and the outputs that every export must reproduce.

The caller's model may be training in another thread: it is read, never run, moved or switched. The copy is compiled
without drawing a random number, and the samples come from a generator of their own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from builder.analysis.plan import make_plan
from builder.codegen.classes import class_names
from builder.compile import compile
from builder.document import Document, Node
from builder.problems import ExportError, NodeError

if TYPE_CHECKING:
    from torch import Tensor, nn

BATCH = 3
ENSEMBLE = "ensemble"  # in the card: how many networks answer together, and what each gives
# Other programs add the same numbers in another order, which in float32 moves the last of about 7 digits, and a deep
# network passes that on: 1e-4 leaves room for it. A wrong layer or wrong weights differ in the first digits.
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Subject:
    """One network with its weights, ready to be written."""

    document: Document
    network: str
    module: nn.Module  # the compiled network with the model's weights, on the CPU, in evaluation mode
    inputs: tuple[Tensor, ...]  # one batch for each Input node
    expected: dict[str, Tensor]  # the module's outputs for them, by the Output nodes' names
    card: Mapping[str, Any]  # what training knows of the model: input figures, classes, scores; of an ensemble how many

    @property
    def class_name(self) -> str:
        return class_names(self.document)[self.network]

    @property
    def fresh(self) -> str:
        """Python code that makes the model anew, without its weights."""
        ensemble = self.card.get(ENSEMBLE)
        if not ensemble:
            return f"{self.class_name}()"
        members = f"[{self.class_name}() for _ in range({ensemble['members']:d})]"
        return f"Ensemble({members}, {json.dumps(ensemble['answers'])})"

    @property
    def input_nodes(self) -> list[Node]:
        return [node for node in self.document.nodes if node.network == self.network and node.spec.role == "input"]

    @property
    def state(self) -> dict[str, Tensor]:
        """What is saved. Tensors that two nodes share are there under both names, so that any reader finds them."""
        seen: set[int] = set()
        state: dict[str, Tensor] = {}
        for name, tensor in self.module.state_dict().items():
            state[name] = tensor.clone() if tensor.data_ptr() in seen else tensor.contiguous()
            seen.add(tensor.data_ptr())
        return state


def subject(model: nn.Module, document: Document) -> Subject:
    """Copy the model and compute what its exports must give. ExportError: it was not compiled from this document."""
    import torch

    from builder.library.ensemble import Ensemble

    card = dict(getattr(model, "card", None) or {})
    card.pop(ENSEMBLE, None)
    if isinstance(model, Ensemble):
        card[ENSEMBLE] = {"members": len(model.members), "answers": model.answers}
    model = getattr(model, "_orig_mod", model)  # what torch.compile wraps
    state = {name: _on_cpu(tensor) for name, tensor in model.state_dict().items()}
    network = _network(document, set(state), card)
    module = empty(document, network, card)
    try:
        module.load_state_dict(state, assign=True)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise ExportError(f"The model's weights do not fit this document: {reason}") from None
    for name, buffer in model.named_buffers():
        if name not in state:  # not saved with the weights, but computed when the layer was made
            owner, _, last = name.rpartition(".")
            setattr(module.get_submodule(owner), last, _on_cpu(buffer))
    module.requires_grad_(False)
    inputs = samples(document, network)
    try:
        with torch.no_grad():
            output = module(*inputs)
    except NodeError as error:
        raise ExportError(f"The model cannot be run, so it cannot be exported: {error}") from error
    expected = named(output, document, network)
    return Subject(document, network, module, inputs, expected, card)


def empty(document: Document, network: str, card: Mapping[str, Any]) -> nn.Module:
    """The compiled network without weights, in evaluation mode: made on the meta device, where nothing is drawn. Of an
    ensemble, as its card tells, all the members."""
    import torch

    from builder.library.ensemble import Ensemble

    ensemble = card.get(ENSEMBLE)
    with torch.device("meta"):
        if not ensemble:
            return compile(document, network).eval()
        members = [compile(document, network) for _ in range(ensemble["members"])]
        return Ensemble(members, ensemble["answers"]).eval()


def _on_cpu(tensor: Tensor) -> Tensor:
    import torch

    copy = tensor.detach().to("cpu", copy=True)
    return copy.to(torch.float32) if copy.is_floating_point() else copy


def _network(document: Document, keys: set[str], card: Mapping[str, Any]) -> str:
    """The network whose weights these are; one without weights matches when nothing else is there."""
    names = list(class_names(document))
    for name in names:
        if set(empty(document, name, card).state_dict()) == keys:
            return name
    ours = next(iter(empty(document, names[0], card).state_dict()), "none")
    theirs = next(iter(sorted(keys)), "none")
    raise ExportError(
        "The model was not made from this document: the names of their weights differ "
        f"(the document's first is {ours}, the model's {theirs}). Export it with the document it was trained from."
    )


def samples(document: Document, network: str, batch: int = BATCH) -> tuple[Tensor, ...]:
    """A batch of random numbers for every Input node; whole numbers stay below the smallest vocabulary."""
    import torch

    generator = torch.Generator().manual_seed(0)
    made = []
    for node in document.nodes:
        if node.network != network or node.spec.role != "input":
            continue
        signal = node.spec.infer_output()
        assert signal is not None  # a compiled document has shapes
        size = (batch, *signal.shape)
        if signal.dtype == "int":
            made.append(torch.randint(0, vocabulary(document, network), size, generator=generator))
        else:
            made.append(torch.randn(size, generator=generator))
    return tuple(made)


def vocabulary(document: Document, network: str) -> int:
    """The largest whole number, plus one, that every look-up table of the network knows, those inside blocks too."""
    specs = [step.spec for step in make_plan(document).steps if step.network == network]
    sizes = [getattr(spec, spec.vocabulary_parameter) for spec in specs if spec.vocabulary_parameter is not None]
    return min(sizes, default=2)


def named(output: Any, document: Document, network: str) -> dict[str, Tensor]:
    """A network's result as {Output node: tensor}, also where there is only one."""
    if isinstance(output, dict):
        return dict(output)
    ends = [node.name for node in document.nodes if node.network == network and node.spec.role == "output"]
    return {ends[0]: output}


def difference(expected: Mapping[str, Tensor], got: Mapping[str, Tensor], what: str) -> float:
    """The largest difference between two sets of outputs. ExportError: it is more than `TOLERANCE` allows."""
    import torch

    largest = 0.0
    for name, wanted in expected.items():
        given = got.get(name)
        if given is None or given.shape != wanted.shape:
            shape = "nothing" if given is None else tuple(given.shape)
            raise ExportError(f"{what} gives {shape} at {name}, but the model gives {tuple(wanted.shape)}.")
        given = given.to(wanted.dtype)
        apart = (given - wanted).abs()
        same = (given == wanted) | (given.isnan() & wanted.isnan())  # infinities and NaN have no difference
        apart = torch.where(same, torch.zeros_like(apart), apart)
        worst = float(apart.max()) if apart.numel() else 0.0
        if not bool((same | (apart <= TOLERANCE + TOLERANCE * wanted.abs())).all()):
            raise ExportError(
                f"{what} gives other numbers than the model at {name}: they differ by {worst:.3g}, and "
                f"{TOLERANCE:g} (of the value, or in all where it is small) is what rounding can explain. "
                "It was not written."
            )
        largest = max(largest, worst)
    return largest
