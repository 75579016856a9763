"""The classes of generated code: one per block and network, with parameters for what differs between uses of a block.

A block is defined once, but some arguments of its layers follow from the input shapes. An argument that differs from
use to use becomes a parameter of the class's constructor.
"""

from __future__ import annotations

import functools
import keyword
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from builder.analysis.infer import Analysis, within
from builder.analysis.plan import Step, needed_steps
from builder.codegen.module_source import library_names
from builder.document import Document
from builder.document.graph import topological_order
from builder.spec import Call

# Names that generated code and model.py use themselves: no class may have one of them.
RESERVED_CLASS_NAMES = frozenset({"Tensor", "Exception", "ValueError", "Path", "CLASSES", "MEAN", "STD", "SCORES"})
ArgumentKey = tuple[str, int, str]  # a node, the number of a repeat (0 for a layer), an argument


@dataclass
class GeneratedClass:
    """One class of the generated code, with the values of its constructor's parameters at each use."""

    name: str
    block: str | None  # None: a network of the document
    uses: list[str]  # "stage1.0", "stage1.1"; [""] for a network
    analyses: list[Analysis]  # of the block, at each use
    inputs: list[Step]
    running: list[Step]  # all other nodes that are needed, in execution order, including the outputs
    built: list[Step]  # those with a module, or a list of modules, in this class
    calls: dict[str, Call] = field(default_factory=dict)  # each layer's call at the first use
    repeats: dict[str, list[Instance]] = field(default_factory=dict)  # the repeats of each block inside
    parameters: dict[str, list[Any]] = field(default_factory=dict)  # constructor parameter → its value at each use
    arguments: dict[ArgumentKey, str] = field(default_factory=dict)  # an argument that differs → its parameter

    @functools.cached_property
    def rows(self) -> dict[str, int]:
        """Each use → the index of its values in `parameters`."""
        return {use: row for row, use in enumerate(self.uses)}

    @property
    def outputs(self) -> list[Step]:
        """The steps of its Output nodes."""
        return [step for step in self.running if step.spec.role == "output"]

    @property
    def stored(self) -> list[str]:
        """The parameters that `forward` needs, because a function is called with them."""
        functions = {name for name, call in self.calls.items() if call.style != "module"}
        return list(dict.fromkeys(name for key, name in self.arguments.items() if key[0] in functions))


@dataclass(frozen=True)
class Instance:
    """One repeat of a block inside a class: its class, and the constructor's arguments at the first use."""

    kind: GeneratedClass
    arguments: dict[str, Any]


def class_name(words: str) -> str:
    """'LeNet on MNIST' → 'LeNetOnMNIST', 'residual_block' → 'ResidualBlock'."""
    name = "".join(word[0].upper() + word[1:] for word in re.findall(r"[A-Za-z0-9]+", words))[:60]
    return name if re.match(r"[A-Za-z]", name) else f"Network{name}"


def class_names(document: Document) -> dict[str, str]:
    """The class of each network with an Output, in the document's order; names are unique and no Python keywords."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for node in document.nodes:
        if node.spec.role == "output" and node.network not in names:
            words = document.name if node.network == "main" else node.network
            names[node.network] = _unique(class_name(words), "Network", taken)
    return {node.network: names[node.network] for node in document.nodes if node.network in names}


def _unique(wanted: str, ending: str, taken: set[str]) -> str:
    """The name, or the name with a number; it is added to those that are taken."""
    if keyword.iskeyword(wanted) or wanted in RESERVED_CLASS_NAMES or wanted in library_names():
        wanted += ending
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted}{number}", number + 1
    taken.add(name)
    return name


def classes(analysis: Analysis) -> list[GeneratedClass]:
    """The classes of a document without errors, each after those that it uses, networks last."""
    uses: dict[str, list[str]] = {}
    for use, block in _uses(analysis, ""):
        uses.setdefault(block, []).append(use)
    inside = [
        (step.node.use.block, block)
        for block in uses
        for step in analysis.plan.scopes[block].steps
        if step.node.use is not None and step.node.use.block in uses
    ]
    networks = class_names(analysis.document)
    names = set(networks.values())
    made: list[GeneratedClass] = []
    class_of: dict[str, GeneratedClass] = {}
    for block in topological_order(uses, inside):
        for group in _groups(analysis, uses[block], class_of).values():
            name = _unique(class_name(block), "Block", names)
            made.append(_class(analysis, name, block, group, class_of))
            class_of.update(dict.fromkeys(group, made[-1]))
    return [*made, *(_class(analysis, name, None, [""], class_of, network) for network, name in networks.items())]


def _graph_steps(analysis: Analysis, network: str | None = None) -> tuple[list[Step], list[Step], list[Step]]:
    """Of one graph: its Input steps, the other steps that its outputs need, and those that have a module in it."""
    steps = [step for step in analysis.plan.steps if network is None or step.network == network]
    ends = {step.name for step in steps if step.spec.role == "output"}
    running = [step for step in needed_steps(analysis.plan, ends) if step.spec.role != "input"]
    owners = {step.module for step in running if step.spec.role in ("layer", "block")}
    owners |= {step.tied for step in running if step.tied is not None}
    inputs = [step for step in steps if step.spec.role == "input"]
    return inputs, running, [step for step in steps if step.name in owners]


def _uses(analysis: Analysis, outer: str) -> Iterator[tuple[str, str]]:
    """Every repeat of a block that has its own modules, with the block's name."""
    _, _, built = _graph_steps(within(analysis, outer))
    for step in built:
        use = step.node.use
        if use is not None:
            for number in range(use.repeat):
                inner = _repeat_name(outer, step.name, number)
                yield inner, use.block
                yield from _uses(analysis, inner)


def _repeat_name(outer: str, node: str, number: int) -> str:
    return f"{outer}.{node}.{number}".lstrip(".")


def _groups(analysis: Analysis, uses: list[str], class_of: Mapping[str, GeneratedClass]) -> dict[Any, list[str]]:
    """The uses of a block in groups that differ only in the values of arguments: each group becomes one class."""
    groups: dict[Any, list[str]] = {}
    for use in uses:
        inner = within(analysis, use)
        _, _, built = _graph_steps(inner)
        key: list[Any] = []
        for step in built:
            if step.node.use is None:
                call = inner.call(step.name)
                key.append((step.name, call.target, call.style, call.template, tuple(call.kwargs)))
            else:
                repeats = range(step.node.use.repeat)
                key.append((step.name, *(class_of[_repeat_name(use, step.name, number)].name for number in repeats)))
        groups.setdefault(tuple(key), []).append(use)
    return groups


def _class(
    analysis: Analysis,
    name: str,
    block: str | None,
    uses: list[str],
    class_of: Mapping[str, GeneratedClass],
    network: str | None = None,
) -> GeneratedClass:
    analyses = [within(analysis, use) for use in uses]
    made = GeneratedClass(name, block, uses, analyses, *_graph_steps(analyses[0], network))
    values: dict[ArgumentKey, list[Any]] = {}
    for step in made.built:
        use = step.node.use
        if use is None:
            calls = [inner.call(step.name) for inner in analyses]
            made.calls[step.name] = calls[0]
            for argument in calls[0].kwargs:
                values[step.name, 0, argument] = [call.kwargs[argument] for call in calls]
            continue
        made.repeats[step.name] = []
        for number in range(use.repeat):
            inside = [_repeat_name(outer, step.name, number) for outer in uses]
            kind = class_of[inside[0]]
            for argument, known in kind.parameters.items():
                values[step.name, number, argument] = [known[kind.rows[inner]] for inner in inside]
            arguments = {key: values[step.name, number, key][0] for key in kind.parameters}
            made.repeats[step.name].append(Instance(kind, arguments))
    _parametrize(made, values)
    return made


def _parametrize(made: GeneratedClass, values: dict[ArgumentKey, list[Any]]) -> None:
    """Add a parameter for each argument that differs between uses; arguments with the same values share one."""
    known: dict[str, str] = {}  # the values at all uses, as text → the parameter that has them
    nodes = {step.name for step in [*made.inputs, *made.running, *made.built]}
    for key, found in values.items():
        if all(value == found[0] for value in found):
            continue
        text = repr(found)
        if text not in known:
            wanted, number = key[2], 2
            if wanted in made.parameters or wanted in nodes:
                wanted = f"{key[0]}_{key[2]}"
            name = wanted
            while name in made.parameters or name in nodes:
                name, number = f"{wanted}_{number}", number + 1
            known[text] = name
            made.parameters[name] = found
        made.arguments[key] = known[text]
