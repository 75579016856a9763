"""From plan to module: a torch.fx graph with one submodule per node, whose forward is as fast as hand-written code."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from builder.checks.base import run
from builder.document import Document
from builder.infer import Analysis, analyse, needed
from builder.plan import Step
from builder.problems import GraphError, NetloomError, NodeError, Problem
from builder.spec import LayerSpec

if TYPE_CHECKING:
    from torch import fx, nn


def compile(document: Document, network: str | None = None, outputs: Sequence[str] | None = None) -> nn.Module:
    """Build the document's network as a torch.nn.Module.

    Parameters:
        network: which network, where the document has several; None: the only one, or "main".
        outputs: names of nodes whose values the module returns instead of the Output nodes' (latents, feature maps).
            The module has the same parameters either way, so one's state_dict loads into the other.

    Returns:
        A module that takes the network's Input nodes in the order of `nodes`, each (batch, *shape), and returns the
        Output's tensor, or {name: tensor} when there are several. Its state_dict keys are "<node>.<parameter>".

    Raises:
        GraphError: the document has errors (`.problems`), or there is no such network or node.
    """
    analysis = analyse(document)
    problems = [problem for problem in run(analysis) if problem.severity == "error"]
    if problems:
        raise GraphError(problems)
    return build(analysis, _network(document, network), outputs)


def build(analysis: Analysis, network: str, outputs: Sequence[str] | None) -> nn.Module:
    """The module of one network of a document that is known to have no errors."""
    from torch import fx, nn

    steps = [step for step in analysis.plan.steps if step.network == network]
    ends = [step.name for step in steps if step.spec.role == "output"]
    for name in outputs or ():
        if name not in {step.name for step in steps}:
            raise GraphError([Problem("N150", "error", None, f"There is no node {name!r} in the network {network}.")])
    main = {step.name for step in needed(analysis.plan, set(ends))}
    wanted = list(outputs) if outputs is not None else ends
    running = {step.name for step in needed(analysis.plan, set(wanted))}
    owners = {step.module for step in steps if step.name in main | running}

    modules: dict[str, nn.Module] = {}
    for step in steps:
        if step.spec.role == "layer" and step.name in owners:
            modules[step.name] = analysis.call(step.name).build()
            if type(step.spec).explain is not LayerSpec.explain:
                modules[step.name].explain = step.spec.explain  # type: ignore[assignment]

    root = nn.Module()
    for name, module in modules.items():
        root.add_module(name, module)
    graph = fx.Graph()
    values: dict[str, fx.Node] = {}
    for step in steps:
        if step.spec.role == "input":
            values[step.name] = graph.placeholder(step.name)
    for step in steps:
        if step.name in running and step.spec.role != "input":
            values[step.name] = _emit(graph, step, values)
    graph.output(values[wanted[0]] if len(wanted) == 1 else {name: values[name] for name in wanted})
    made: nn.Module = _network_class()(root, graph, class_name(analysis.document, network))
    for name, module in modules.items():  # those that `outputs` does not need: the same state_dict either way
        if not hasattr(made, name):
            made.add_module(name, module)
    _sort_modules(made, list(modules))
    return made


def _emit(graph: fx.Graph, step: Step, values: dict[str, fx.Node]) -> fx.Node:
    if step.spec.role == "output":
        return values[step.inputs[0]]
    node = graph.call_module(step.module, tuple(values[source] for source in step.inputs))
    node.meta["netloom"] = step.name
    return node


def _sort_modules(module: nn.Module, names: list[str]) -> None:
    """state_dict keys in topological order, whatever order fx copied the submodules in."""
    children = dict(module.named_children())
    for name in names:
        delattr(module, name)
    for name in names:
        module.add_module(name, children[name])


def _network(document: Document, network: str | None) -> str:
    names = list(dict.fromkeys(node.network for node in document.nodes))
    if network is None and len(names) == 1:
        return names[0]
    wanted = network or "main"
    if wanted not in names:
        message = f"There is no network {wanted!r}; the document has {', '.join(names)}. Say which one."
        raise GraphError([Problem("N150", "error", None, message, category="network")])
    return wanted


def class_name(document: Document, network: str) -> str:
    """'LeNet on MNIST' → 'LeNetOnMNIST'; a second network of the document gets its own name."""
    words = re.findall(r"[A-Za-z0-9]+", document.name if network == "main" else network)
    name = "".join(word[0].upper() + word[1:] for word in words)[:60]
    return name if re.match(r"[A-Za-z]", name) else f"Network{name}"


@functools.cache
def _network_class() -> Any:
    """GraphModule whose errors name the node they happened in (made on first use: torch is imported late)."""
    from torch import fx

    class Network(fx.GraphModule):
        """A network compiled from a document: a torch.fx.GraphModule with one submodule per node."""

        def __call__(self, *inputs: Any, **keywords: Any) -> Any:
            try:
                return fx.GraphModule.__call__(self, *inputs, **keywords)
            except NetloomError:
                raise
            except Exception as error:  # torch raises an IndexError, ValueError, … where a node cannot go on
                node = failing_node(self, error)
                if node is None:
                    raise
                words = explanation(self.get_submodule(node), error)
                kind = type(self.get_submodule(node)).__name__
                raise NodeError(node, f"{node} {words}" if words else f"{node} ({kind}) failed: {error}") from error

    return Network


def failing_node(module: Any, error: BaseException) -> str | None:
    """The node in which a compiled network raised, read off the line of its generated forward in the traceback."""
    trace = error.__traceback__
    code = module.forward.__func__.__code__
    while trace is not None:
        if trace.tb_frame.f_code is code:
            lines = module.code.split("\n")
            line = lines[trace.tb_lineno - 1] if trace.tb_lineno <= len(lines) else ""
            found = re.search(r"self\.([A-Za-z_]\w*)\(", line)
            return found.group(1) if found else None
        trace = trace.tb_next
    return None


def explanation(module: nn.Module, error: BaseException) -> str | None:
    """Why the module could not take what it was called with, if its layer knows: the rest of a sentence about it."""
    explain: Any = getattr(module, "explain", None)
    trace = error.__traceback__ if explain is not None else None
    while trace is not None:
        local = trace.tb_frame.f_locals
        if local.get("self") is module and isinstance(local.get("args"), tuple):
            words: str | None = explain(*local["args"])
            return words
        trace = trace.tb_next
    return None
