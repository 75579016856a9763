"""A part of a trained model by itself: its module with its weights, and the card that says how to use it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import builder
from builder.document.subnetworks import owners

if TYPE_CHECKING:
    from torch import nn

    from trainers.job import Job
    from trainers.paradigms.base import Part

ABOUT_TARGETS = ("targets", "target_shape", "classes")


def module_of(part: Part, job: Job, load: Callable[[], Any]) -> nn.Module:
    """The part, in evaluation mode on the CPU. `load` gives the trained model, or the run's modules by name."""
    import torch

    if not part.module:
        model: nn.Module = load()
        return _with_card(model, model.card, part, job)
    source: nn.Module = load()[part.module]
    with torch.device("meta"):
        module = builder.compile(part.document)
    given, shared = source.state_dict(), owners(job.document)
    weights = {}
    for key in module.state_dict():
        node, _, rest = key.partition(".")
        weights[key] = given[key if key in given else f"{shared[node]}.{rest}"]
    module.load_state_dict(weights, assign=True)
    for name, buffer in source.named_buffers():  # what is computed when a layer is made, and not saved with the weights
        owner, _, last = name.rpartition(".")
        if name not in given and owner.partition(".")[0] in part.document.by_name:
            setattr(module.get_submodule(owner), last, buffer)
    return _with_card(module.eval(), source.card, part, job)


def _with_card(module: nn.Module, card: Any, part: Part, job: Job) -> nn.Module:
    """The model's card without what is not true of the part."""
    known = dict(card)
    entries = [node for node in part.document.nodes if node.role == "input"]
    figures = known["inputs"]
    known["inputs"] = figures if part.takes_samples else [None] * len(entries)
    whole = part.document.by_name.keys() == job.document.by_name.keys()
    if not whole or part.gives_samples:
        known = {key: value for key, value in known.items() if key not in ABOUT_TARGETS}
    if part.gives_samples and figures and figures[0]:
        known |= {"targets": figures[0], "target_shape": list(job.dataset.input_shape)}
    module.card = known  # type: ignore[assignment]
    return module
