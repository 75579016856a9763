"""From plan to module: a torch.fx.GraphModule with one submodule per node, as fast as a hand-written module."""

from __future__ import annotations

import copy
import functools
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from builder.analysis.infer import Analysis, analyse
from builder.analysis.plan import Step, needed_steps, steps_to_outputs
from builder.checks.base import run
from builder.codegen.classes import class_name
from builder.compile.module_tree import module_tree, repeat_variables, tie, use_repeat_variables
from builder.document import MAIN, Document
from builder.foreign_text import in_words
from builder.problems import GraphError, NetloomError, NodeError, Problem
from builder.registry import did_you_mean
from builder.spec import LayerSpec
from builder.validation_messages import clip

if TYPE_CHECKING:
    from torch import fx, nn


def compile(document: Document, network: str | None = None, outputs: Sequence[str] | None = None) -> nn.Module:
    """Build the document's network as a torch.nn.Module.

    Parameters:
        network: which network, if the document has several; None: the only one, or "main".
        outputs: names of nodes whose values the module returns instead of the Output nodes' (latents, feature maps);
            "stage1" is the result of a block, "stage1.0" that of its first repeat, "stage1.0.conv1" a node inside.
            The parameters are the same in any case, so the state_dict of one module loads into the other.

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
    """The module of one network of a document without errors."""
    from torch import fx

    steps = [step for step in analysis.plan.steps if step.network == network]
    ends = [step.name for step in steps if step.spec.role == "output"]
    wanted = _wanted(analysis, steps, network, outputs) if outputs is not None else {name: name for name in ends}
    running = {step.name for step in needed_steps(analysis.plan, set(wanted.values()))}
    modules = _modules(analysis, steps, steps_to_outputs(analysis.plan) | running)

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
    root = module_tree(modules, analysis.plan)
    repeats = repeat_variables(modules)
    if repeats:
        graph.on_generate_code(lambda _: functools.partial(use_repeat_variables, repeats))
    name = class_name(analysis.document.name if network == MAIN else network)
    made: fx.GraphModule = _network_class()(root, graph, name)
    # fx copies the modules that the graph calls, in its own order and without the ModuleLists of blocks
    made._modules.clear()
    for name, module in root.named_children():
        made.add_module(name, module)
    made.meta["repeats"] = {variable: repeat for repeat, variable in repeats.items()}
    made.meta["ties"] = {step.name: step.tied for step in steps if step.tied and step.name in modules}
    return made


def _wanted(analysis: Analysis, steps: list[Step], network: str, outputs: Sequence[str]) -> dict[str, str]:
    """Each name in `outputs`, of a node, a block or one repeat of it → the step with its value."""
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
    """The modules by the names of their nodes; tied modules have their owner's parameters."""
    owners = {step.module for step in steps if step.name in built}
    owners |= {step.tied for step in steps if step.tied and step.module in owners}
    modules: dict[str, nn.Module] = {}
    for step in steps:
        if step.spec.role == "layer" and step.name in owners:
            modules[step.name] = analysis.call(step.name).build()
            if type(step.spec).explain is not LayerSpec.explain:
                modules[step.name].explain = step.spec.explain  # type: ignore[assignment]
            if step.spec.own_initial_values():
                modules[step.name].own_initial_values = step.spec.own_initial_values()  # type: ignore[assignment]
    for step in steps:
        if step.tied and step.name in modules:
            tie(modules[step.name], modules[step.tied])
    return modules


def layers(module: nn.Module) -> dict[str, nn.Module]:
    """The modules of a compiled network's nodes by the nodes' names, also inside blocks: the modules to hook.

    For any other module: its children.
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
        message = f"There is no network {wanted!r}; the document has {', '.join(names)}. Pass one of them as `network`."
        raise GraphError([Problem("N150", "error", None, message, category="network")])
    return wanted


@functools.cache
def _network_class() -> Any:
    """A GraphModule whose errors name the node that raised them; defined on first use, since torch is imported late."""
    from torch import fx

    class Network(fx.GraphModule):
        """A network compiled from a document: a torch.fx.GraphModule with one submodule per node."""

        def __deepcopy__(self, memo: dict[int, Any]) -> Any:
            made = fx.GraphModule.__deepcopy__(self, memo)
            # fx copies only the modules that the graph calls; keep the ModuleLists of blocks and the order
            made._modules = copy.deepcopy(self._modules, memo)
            return made

        def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
            result = fx.GraphModule.load_state_dict(self, state_dict, strict, assign)
            _restore_ties(self)
            return result

        def _apply(self, fn: Any, recurse: bool = True) -> Any:
            fx.GraphModule._apply(self, fn, recurse)  # type: ignore[no-untyped-call]
            _restore_ties(self)
            return self

        def __call__(self, *inputs: Any, **keywords: Any) -> Any:
            try:
                return fx.GraphModule.__call__(self, *inputs, **keywords)
            except NetloomError:
                raise
            except Exception as error:  # torch raises an IndexError, ValueError, … if a node fails
                node = failing_node(self, error)
                if node is None:
                    raise
                reason = explanation(self.get_submodule(node), error)
                kind = type(self.get_submodule(node)).__name__
                raise NodeError(
                    node, f"{node} {reason}" if reason else f"{node} ({kind}) failed: {in_words(error)}"
                ) from error

    return Network


def _restore_ties(network: Any) -> None:
    """Share the parameters of tied nodes again, after torch has replaced them one by one."""
    for name, owner in network.meta.get("ties", {}).items():
        tie(network.get_submodule(name), network.get_submodule(owner))


def failing_node(module: Any, error: BaseException) -> str | None:
    """The node that raised the error, found by the line of the generated forward in the traceback."""
    trace = error.__traceback__
    code = module.forward.__func__.__code__
    while trace is not None:
        if trace.tb_frame.f_code is code:
            lines = module.code.split("\n")
            return _called(module, lines[trace.tb_lineno - 1]) if trace.tb_lineno <= len(lines) else None
        trace = trace.tb_next
    return None


def _called(module: Any, line: str) -> str | None:
    """The node that a line of a generated forward calls: `x = self.fc(x)` → fc, `__stage_0.conv(x)` → stage.0.conv."""
    found = re.search(r"= (\w+)\.([A-Za-z_]\w*)\(", line)
    if found is None:
        return None
    variable, name = found.groups()
    return name if variable == "self" else f"{module.meta['repeats'].get(variable, variable)}.{name}"


def explanation(module: nn.Module, error: BaseException) -> str | None:
    """Why the module failed on its inputs, as the rest of a sentence, if its layer can explain it."""
    explain: Any = getattr(module, "explain", None)
    trace = error.__traceback__ if explain is not None else None
    while trace is not None:
        local = trace.tb_frame.f_locals
        if local.get("self") is module and isinstance(local.get("args"), tuple):
            reason: str | None = explain(*local["args"])
            return reason
        trace = trace.tb_next
    return None
