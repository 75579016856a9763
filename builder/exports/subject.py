"""The subject of an export: a copy of the model on the CPU, sample inputs, and the outputs that an export must have.

The caller's model may be in training in another thread: it is only read, never run, moved or switched to another mode.
Compiling the copy uses no random numbers, and the samples come from their own generator.
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
from builder.foreign_text import in_words
from builder.problems import ExportError, NodeError

if TYPE_CHECKING:
    from torch import Tensor, nn

BATCH = 3
ENSEMBLE = "ensemble"  # in the card: the number of members and the kind of their outputs
# Other programs add the same numbers in another order, which in float32 changes the last of about 7 digits, and the
# difference grows in a deep network: 1e-4 allows for that. A wrong layer or wrong weights change the first digits.
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Subject:
    """One network with its weights, ready for export."""

    document: Document
    network: str
    module: nn.Module  # the compiled network with the model's weights, on the CPU, in evaluation mode
    inputs: tuple[Tensor, ...]  # one batch for each Input node
    expected: dict[str, Tensor]  # the module's outputs for them, by the Output nodes' names
    card: Mapping[str, Any]  # facts from training: input statistics, classes, metrics, the members of an ensemble

    @property
    def class_name(self) -> str:
        """The name of the network's class in the generated code."""
        return class_names(self.document)[self.network]

    @property
    def constructor(self) -> str:
        """Python code that constructs the model, without its weights."""
        ensemble = self.card.get(ENSEMBLE)
        if not ensemble:
            return f"{self.class_name}()"
        members = f"[{self.class_name}() for _ in range({ensemble['members']:d})]"
        return f"Ensemble({members}, {json.dumps(ensemble['answers'])})"

    @property
    def input_nodes(self) -> list[Node]:
        """The network's Input nodes, in the order of the module's arguments."""
        return [node for node in self.document.nodes if node.network == self.network and node.spec.role == "input"]

    @property
    def state(self) -> dict[str, Tensor]:
        """The state_dict to save. A tensor that two nodes share is saved under both names, so any reader finds it."""
        seen: set[int] = set()
        state: dict[str, Tensor] = {}
        for name, tensor in self.module.state_dict().items():
            state[name] = tensor.clone() if tensor.data_ptr() in seen else tensor.contiguous()
            seen.add(tensor.data_ptr())
        return state


def subject(model: nn.Module, document: Document) -> Subject:
    """Copy the model and compute the expected outputs. ExportError: it was not compiled from this document."""
    import torch

    from builder.library.ensemble import Ensemble

    card = dict(getattr(model, "card", None) or {})
    card.pop(ENSEMBLE, None)
    if isinstance(model, Ensemble):
        card[ENSEMBLE] = {"members": len(model.members), "answers": model.answers}
    model = getattr(model, "_orig_mod", model)  # the module inside of torch.compile's wrapper
    state = {name: _on_cpu(tensor) for name, tensor in model.state_dict().items()}
    network = _network(document, set(state), card)
    module = empty(document, network, card)
    try:
        module.load_state_dict(state, assign=True)
    except RuntimeError as error:
        raise ExportError(f"The model's weights do not fit this document: {in_words(error)}") from None
    for name, buffer in model.named_buffers():
        if name not in state:  # not part of the state_dict: computed when the layer was constructed
            owner, _, last = name.rpartition(".")
            setattr(module.get_submodule(owner), last, _on_cpu(buffer))
    module.requires_grad_(False)
    module.card = card  # type: ignore[assignment]  # a companion may want to know what was trained on
    inputs = samples(document, network)
    try:
        with torch.no_grad():
            output = module(*inputs)
    except NodeError as error:
        raise ExportError(f"The model cannot be run, so it cannot be exported: {error}") from error
    expected = named(output, document, network)
    return Subject(document, network, module, inputs, expected, card)


def empty(document: Document, network: str, card: Mapping[str, Any]) -> nn.Module:
    """The compiled network without weights, in evaluation mode: on the meta device, so that no random numbers are used.
    If the card says that it is an ensemble: with all members."""
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
    """The network that has these keys in its state_dict."""
    names = list(class_names(document))
    for name in names:
        if set(empty(document, name, card).state_dict()) == keys:
            return name
    ours = next(iter(empty(document, names[0], card).state_dict()), "none")
    theirs = next(iter(sorted(keys)), "none")
    raise ExportError(
        "The model was not compiled from this document: the names of the weights differ "
        f"(the document's first is {ours}, the model's {theirs}). Export it with the document that it was trained from."
    )


def samples(document: Document, network: str, batch: int = BATCH) -> tuple[Tensor, ...]:
    """A batch of random numbers for every Input node; integers are below the smallest vocabulary size."""
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
    """The smallest vocabulary size of the network's embeddings, also inside blocks."""
    specs = [step.spec for step in make_plan(document).steps if step.network == network]
    sizes = [getattr(spec, spec.vocabulary_parameter) for spec in specs if spec.vocabulary_parameter is not None]
    return min(sizes, default=2)


def named(output: Any, document: Document, network: str) -> dict[str, Tensor]:
    """A network's outputs as {Output node: tensor}, also if there is only one."""
    if isinstance(output, dict):
        return dict(output)
    ends = [node.name for node in document.nodes if node.network == network and node.spec.role == "output"]
    return {ends[0]: output}


def difference(expected: Mapping[str, Tensor], got: Mapping[str, Tensor], what: str) -> float:
    """The largest difference between two sets of outputs. ExportError: it is above `TOLERANCE`."""
    import torch

    largest = 0.0
    for name, wanted in expected.items():
        given = got.get(name)
        if given is None or given.shape != wanted.shape:
            shape = "nothing" if given is None else tuple(given.shape)
            raise ExportError(f"{what} returns {shape} at {name}, but the model returns {tuple(wanted.shape)}.")
        given = given.to(wanted.dtype)
        equal = (given == wanted) | (given.isnan() & wanted.isnan())  # also for infinities and NaN
        deviation = (given - wanted).abs()
        deviation = torch.where(equal, torch.zeros_like(deviation), deviation)
        maximum = float(deviation.max()) if deviation.numel() else 0.0
        if not bool((equal | (deviation <= TOLERANCE + TOLERANCE * wanted.abs())).all()):
            raise ExportError(
                f"{what} returns other numbers than the model at {name}: they differ by {maximum:.3g}, which is above "
                f"the tolerance for rounding, {TOLERANCE:g} (absolute and relative). The export was not written."
            )
        largest = max(largest, maximum)
    return largest
