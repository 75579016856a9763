"""Which classes generated code has: one per block and network, and what differs between the uses of a block.

A block is drawn once, but what its layers are made with follows from the shapes that reach them. Where that differs
from use to use, it becomes a parameter of the class's constructor.
"""

from __future__ import annotations

import functools
import keyword
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from builder.analysis.infer import Analysis, needed, within
from builder.analysis.plan import Step
from builder.codegen.module_source import helpers
from builder.document import Document
from builder.document.graph import sorted_names
from builder.spec import Call

# Names that generated code, or the model.py made of it, uses itself: no class may be called so.
TAKEN = frozenset({"Tensor", "Exception", "ValueError", "Path", "CLASSES", "MEAN", "STD", "SCORES"})
Slot = tuple[str, int, str]  # a node, which of its repeats (0 for a layer), an argument


@dataclass
class Class:
    """One class of the generated code, with the values that its constructor gets at each of its places."""

    name: str
    block: str | None  # None: a network of the document
    places: list[str]  # "stage1.0", "stage1.1"; [""] for a network
    views: list[Analysis]  # the document from each place
    inputs: list[Step]
    running: list[Step]  # all other nodes that are needed, in running order, outputs included
    built: list[Step]  # those with a module, or a list of them, in this class
    calls: dict[str, Call] = field(default_factory=dict)  # each layer's call, as it is at the first place
    parts: dict[str, list[Part]] = field(default_factory=dict)  # each repeat of a block inside
    parameters: dict[str, list[Any]] = field(default_factory=dict)  # constructor parameter → its value at each place
    given: dict[Slot, str] = field(default_factory=dict)  # an argument that differs → the parameter it comes from

    @functools.cached_property
    def rows(self) -> dict[str, int]:
        """Each place → the number of its values in `parameters`."""
        return {place: row for row, place in enumerate(self.places)}

    @property
    def outputs(self) -> list[Step]:
        return [step for step in self.running if step.spec.role == "output"]

    @property
    def kept(self) -> list[str]:
        """The parameters that `forward` needs, because a function is called with them."""
        functions = {name for name, call in self.calls.items() if call.style != "module"}
        return list(dict.fromkeys(name for slot, name in self.given.items() if slot[0] in functions))


@dataclass(frozen=True)
class Part:
    """One repeat of a block inside a class: its class and the arguments it gets at the first place."""

    kind: Class
    arguments: dict[str, Any]


def class_name(words: str) -> str:
    """'LeNet on MNIST' → 'LeNetOnMNIST', 'residual_block' → 'ResidualBlock'."""
    name = "".join(word[0].upper() + word[1:] for word in re.findall(r"[A-Za-z0-9]+", words))[:60]
    return name if re.match(r"[A-Za-z]", name) else f"Network{name}"


def class_names(document: Document) -> dict[str, str]:
    """The class of each network that has an output, in the document's order; unique, and never a word of Python."""
    names: dict[str, str] = {}
    for node in document.nodes:
        if node.spec.role == "output" and node.network not in names:
            words = document.name if node.network == "main" else node.network
            names[node.network] = _free(class_name(words), "Network", names.values())
    order = list(dict.fromkeys(node.network for node in document.nodes))
    return dict(sorted(names.items(), key=lambda item: order.index(item[0])))


def _free(wanted: str, ending: str, taken: Any) -> str:
    if keyword.iskeyword(wanted) or wanted in TAKEN or wanted in helpers():
        wanted += ending
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted}{number}", number + 1
    return name


def classes(analysis: Analysis) -> list[Class]:
    """The classes of a document without errors, each behind those that it uses, networks last."""
    places: dict[str, list[str]] = {}
    for place, block in _places(analysis, None, ""):
        places.setdefault(block, []).append(place)
    inside = [
        (step.node.use.block, block)
        for block in places
        for step in analysis.plan.scopes[block].steps
        if step.node.use is not None and step.node.use.block in places
    ]
    networks = class_names(analysis.document)
    names = list(networks.values())
    made: list[Class] = []
    at: dict[str, Class] = {}
    for block in sorted_names(places, inside):
        for group in _alike(analysis, block, places[block], at).values():
            name = _free(class_name(block), "Block", names)
            names.append(name)
            made.append(_class(analysis, name, block, group, at))
            at.update(dict.fromkeys(group, made[-1]))
    return [*made, *(_class(analysis, name, None, [""], at, network) for network, name in networks.items())]


def living(view: Analysis, network: str | None = None) -> tuple[list[Step], list[Step], list[Step]]:
    """Of one graph: its Input steps, the other steps its outputs need, and those of them that have a module in it."""
    steps = [step for step in view.plan.steps if network is None or step.network == network]
    ends = {step.name for step in steps if step.spec.role == "output"}
    running = [step for step in needed(view.plan, ends) if step.spec.role != "input"]
    owners = {step.module for step in running if step.spec.role in ("layer", "block")}
    owners |= {step.tied for step in running if step.tied is not None}
    return (
        [step for step in steps if step.spec.role == "input"],
        running,
        [step for step in steps if step.name in owners],
    )


def _places(analysis: Analysis, block: str | None, place: str) -> Iterator[tuple[str, str]]:
    """Every repeat of a block that has modules of its own, with the block's name."""
    view = within(analysis, place)
    _, _, built = living(view)
    for step in built:
        use = step.node.use
        if use is not None:
            for number in range(use.repeat):
                inner = f"{place}.{step.name}.{number}".lstrip(".")
                yield inner, use.block
                yield from _places(analysis, use.block, inner)


def _alike(analysis: Analysis, block: str, places: list[str], at: Mapping[str, Class]) -> dict[Any, list[str]]:
    """The places of a block in groups in which only arguments differ: one class can stand for each."""
    groups: dict[Any, list[str]] = {}
    for place in places:
        view = within(analysis, place)
        _, _, built = living(view)
        form: list[Any] = []
        for step in built:
            if step.node.use is None:
                call = view.call(step.name)
                form.append((step.name, call.target, call.style, call.use, tuple(call.kwargs)))
            else:
                kinds = [at[f"{place}.{step.name}.{number}"].name for number in range(step.node.use.repeat)]
                form.append((step.name, *kinds))
        groups.setdefault(tuple(form), []).append(place)
    return groups


def _class(
    analysis: Analysis, name: str, block: str | None, places: list[str], at: Mapping[str, Class],
    network: str | None = None,
) -> Class:  # fmt: skip
    views = [within(analysis, place) for place in places]
    inputs, running, built = living(views[0], network)
    made = Class(name, block, places, views, inputs, running, built)
    values: dict[Slot, list[Any]] = {}
    for step in built:
        use = step.node.use
        if use is None:
            calls = [view.call(step.name) for view in views]
            made.calls[step.name] = calls[0]
            for argument in calls[0].kwargs:
                values[step.name, 0, argument] = [call.kwargs[argument] for call in calls]
            continue
        parts = []
        for number in range(use.repeat):
            inner = [f"{place}.{step.name}.{number}".lstrip(".") for place in places]
            kind = at[inner[0]]
            for argument, known in kind.parameters.items():
                values[step.name, number, argument] = [known[kind.rows[place]] for place in inner]
            parts.append(Part(kind, {key: values[step.name, number, key][0] for key in kind.parameters}))
        made.parts[step.name] = parts
    _parametrize(made, values)
    return made


def _parametrize(made: Class, values: dict[Slot, list[Any]]) -> None:
    """Make parameters of the arguments that differ from place to place: one for all that are always the same."""
    known: dict[str, str] = {}  # the values at all places, as text → the parameter that has them
    nodes = {step.name for step in [*made.inputs, *made.running, *made.built]}
    for slot, found in values.items():
        if all(value == found[0] for value in found):
            continue
        text = repr(found)
        if text not in known:
            wanted, number = slot[2], 2
            if wanted in made.parameters or wanted in nodes:
                wanted = f"{slot[0]}_{slot[2]}"
            name = wanted
            while name in made.parameters or name in nodes:
                name, number = f"{wanted}_{number}", number + 1
            known[text] = name
            made.parameters[name] = found
        made.given[slot] = known[text]
