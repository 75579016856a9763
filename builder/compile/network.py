"""From plan to module: a torch.fx graph with one submodule per node, whose forward is as fast as hand-written code."""

from __future__ import annotations

import copy
import functools
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from builder.analysis.infer import Analysis, analyse, needed
from builder.analysis.plan import Step, alive
from builder.checks.base import run
from builder.codegen.classes import class_name
from builder.compile.module_tree import looked_up_once, nested, repeats_of, tie
from builder.document import MAIN, Document
from builder.problems import GraphError, NetloomError, NodeError, Problem
from builder.registry import did_you_mean
from builder.spec import LayerSpec
from builder.validation_messages import clip

if TYPE_CHECKING:
    from torch import fx, nn


def compile(document: Document, network: str | None = None, outputs: Sequence[str] | None = None) -> nn.Module:
    """Build the document's network as a torch.nn.Module.

    Parameters:
        network: which network, where the document has several; None: the only one, or "main".
        outputs: names of nodes whose values the module returns instead of the Output nodes' (latents, feature maps);
            "stage1" is the result of a block, "stage1.0" that of its first repeat, "stage1.0.conv1" a node inside.
            The module has the same parameters either way, so one's state_dict loads into the other.

    Returns:
        A module that takes the network's Input nodes in the order of `nodes`, each (batch, *shape), and returns the
        Output's tensor, or {name: tensor} when there are several. Its state_dict keys are "<node>.<parameter>", inside
        blocks "<node>.<repeat>.<inner node>.<parameter>".

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
    from torch import fx

    steps = [step for step in analysis.plan.steps if step.network == network]
    ends = [step.name for step in steps if step.spec.role == "output"]
    wanted = _wanted(analysis, steps, network, outputs) if outputs is not None else {name: name for name in ends}
    running = {step.name for step in needed(analysis.plan, set(wanted.values()))}
    built = alive(analysis.plan) | running
    modules = _modules(analysis, steps, built)

    graph = fx.Graph()
    values: dict[str, fx.Node] = {}
    for step in steps:
        if step.spec.role == "input":
            values[step.name] = graph.placeholder(step.name)
    for step in steps:
        if step.name in running and step.spec.role != "input":
            values[step.name] = _emit(graph, step, values)
    results = {name: values[source] for name, source in wanted.items()}
    graph.output(next(iter(results.values())) if len(results) == 1 else results)
    root = nested(modules, analysis.plan)
    repeats = repeats_of(modules)
    if repeats:
        graph.on_generate_code(lambda _: functools.partial(looked_up_once, repeats))
    made: fx.GraphModule = _network_class()(
        root, graph, class_name(analysis.document.name if network == MAIN else network)
    )
    # fx copies what the graph calls, in its own order and without the lists that blocks stand in
    made._modules.clear()
    for name, module in root.named_children():
        made.add_module(name, module)
    made.meta["repeats"] = {variable: place for place, variable in repeats.items()}
    made.meta["ties"] = {step.name: step.tied for step in steps if step.tied and step.name in modules}
    return made


def _wanted(analysis: Analysis, steps: list[Step], network: str, outputs: Sequence[str]) -> dict[str, str]:
    """Each name asked for, of a node, a block or one repeat of it → the step that has its value."""
    names = {step.name for step in steps}
    values = {name: source for name, source in analysis.plan.aliases.items() if source in names}
    values.update({name: name for name in names})
    for name in outputs:
        if name not in values:
            near = did_you_mean(name, values)
            message = f"There is no node {clip(name)} in the network {network}.{near}"
            raise GraphError([Problem("N150", "error", None, message, category="network")])
    return {name: values[name] for name in outputs}


def _modules(analysis: Analysis, steps: list[Step], built: set[str]) -> dict[str, nn.Module]:
    """The module of every node that has one of its own, by the node's name; tied ones have their owner's parameters."""
    owners = {step.module for step in steps if step.name in built}
    owners |= {step.tied for step in steps if step.tied and step.module in owners}
    modules: dict[str, nn.Module] = {}
    for step in steps:
        if step.spec.role == "layer" and step.name in owners:
            modules[step.name] = analysis.call(step.name).build()
            if type(step.spec).explain is not LayerSpec.explain:
                modules[step.name].explain = step.spec.explain  # type: ignore[assignment]
    for step in steps:
        if step.tied and step.name in modules:
            tie(modules[step.name], modules[step.tied])
    return modules


def layers(module: nn.Module) -> dict[str, nn.Module]:
    """The modules of a compiled network's nodes by the nodes' names, those inside blocks too: where hooks belong.

    Any other module is taken as one of layers: its children.
    """
    graph = getattr(module, "graph", None)
    if graph is None:
        return dict(module.named_children())
    names = dict.fromkeys(node.target for node in graph.nodes if node.op == "call_module")
    return {name: module.get_submodule(name) for name in names}


def _emit(graph: fx.Graph, step: Step, values: dict[str, fx.Node]) -> fx.Node:
    if step.spec.role == "output":
        return values[step.inputs[0]]
    node = graph.call_module(step.module, tuple(values[source] for source in step.inputs))
    node.meta["netloom"] = step.name
    return node


def _network(document: Document, network: str | None) -> str:
    names = list(dict.fromkeys(node.network for node in document.nodes))
    if network is None and len(names) == 1:
        return names[0]
    wanted = network or "main"
    if wanted not in names:
        message = f"There is no network {wanted!r}; the document has {', '.join(names)}. Say which one."
        raise GraphError([Problem("N150", "error", None, message, category="network")])
    return wanted


@functools.cache
def _network_class() -> Any:
    """GraphModule whose errors name the node they happened in (made on first use: torch is imported late)."""
    from torch import fx

    class Network(fx.GraphModule):
        """A network compiled from a document: a torch.fx.GraphModule with one submodule per node."""

        def __deepcopy__(self, memo: dict[int, Any]) -> Any:
            made = fx.GraphModule.__deepcopy__(self, memo)
            # fx copies what the graph calls; the lists that blocks stand in, and the order, are the original's
            made._modules = copy.deepcopy(self._modules, memo)
            return made

        def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
            result = fx.GraphModule.load_state_dict(self, state_dict, strict, assign)
            self._tied_again()
            return result

        def _apply(self, fn: Any, recurse: bool = True) -> Any:
            fx.GraphModule._apply(self, fn, recurse)  # type: ignore[no-untyped-call]
            return self._tied_again()

        def _tied_again(self) -> Any:
            """Where parameters were replaced one by one, those that two nodes share became two."""
            for name, owner in self.meta.get("ties", {}).items():
                tie(self.get_submodule(name), self.get_submodule(owner))
            return self

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
            return _called(module, lines[trace.tb_lineno - 1]) if trace.tb_lineno <= len(lines) else None
        trace = trace.tb_next
    return None


def _called(module: Any, line: str) -> str | None:
    """The node that a line of a generated forward calls: `x = self.fc(x)` → fc, or that of `__stage_0.conv`."""
    found = re.search(r"= (\w+)\.([A-Za-z_]\w*)\(", line)
    if found is None:
        return None
    place, name = found.groups()
    return name if place == "self" else f"{module.meta['repeats'].get(place, place)}.{name}"


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
