"""Python source of a document's networks, as a person would have written it: runs with torch alone.

The layers are printed from the same calls that build the compiled module, so the code cannot drift from it: same
state_dict keys in the same order, same numbers.
"""

from __future__ import annotations

import inspect
import keyword
from collections.abc import Iterator

from builder.checks.base import run
from builder.compile import class_name
from builder.document import Document
from builder.helpers import helpers, printed
from builder.infer import Analysis, analyse, needed
from builder.locals import name_values
from builder.plan import Step
from builder.problems import GraphError
from builder.render import Expression, Infix, Invoke, Keyword, Several, docstring, expression, literal, statement
from builder.shapes import show
from builder.spec import Call

SIGNS = {"operator.add": "+", "operator.sub": "-", "operator.mul": "*", "operator.truediv": "/", "operator.matmul": "@"}
# Names that generated code, or the model.py made of it, uses itself: no class may be called so.
TAKEN = frozenset({"Tensor", "Exception", "ValueError", "Path", "CLASSES", "MEAN", "STD", "SCORES"})


def to_python(document: Document) -> str:
    """Source of a module with one torch.nn.Module class per network of the document.

    Raises:
        GraphError: the document has errors (`.problems`).
    """
    return "\n".join([*docstring(introduction(document), 0), *code(document)]) + "\n"


def introduction(document: Document) -> str:
    """The module's docstring: the document's own words."""
    name = document.name.strip() or "Untitled network"
    ending = "" if name.endswith((".", "!", "?")) else "."
    return f"{name}{ending}\n\n{document.description}".strip()


def code(document: Document, imports: tuple[str, ...] = ()) -> list[str]:
    """The lines below the module's docstring: imports (these, sorted, and torch), then the classes."""
    analysis = analyse(document)
    problems = [problem for problem in run(analysis) if problem.severity == "error"]
    if problems:
        raise GraphError(problems)
    classes = [line for network in class_names(document) for line in ["", "", *_class(analysis, network)]]
    more, modules = printed(classes)
    imports = tuple(sorted({*imports, *more}, key=lambda line: (line.startswith("from"), line)))
    classes = [*modules, *classes]
    uses_torch = any("torch." in line.split("#")[0] for line in classes)
    torch = [*(["import torch"] if uses_torch or imports else []), "from torch import Tensor, nn"]
    return ["", *imports, *([""] if imports else []), *torch, *classes]


def class_names(document: Document) -> dict[str, str]:
    """The class of each network that has an output, in the document's order; unique, and never a word of Python."""
    names: dict[str, str] = {}
    for node in document.nodes:
        if node.spec.role != "output" or node.network in names:
            continue
        wanted = class_name(document, node.network)
        if keyword.iskeyword(wanted) or wanted in TAKEN or wanted in helpers():
            wanted += "Network"
        name, number = wanted, 2
        while name in names.values():
            name, number = f"{wanted}{number}", number + 1
        names[node.network] = name
    order = list(dict.fromkeys(node.network for node in document.nodes))
    return dict(sorted(names.items(), key=lambda item: order.index(item[0])))


def _class(analysis: Analysis, network: str) -> Iterator[str]:
    """One network as a class."""
    steps = [step for step in analysis.plan.steps if step.network == network]
    outputs = [step for step in steps if step.spec.role == "output"]
    inputs = [step for step in steps if step.spec.role == "input"]
    running = [step for step in needed(analysis.plan, {step.name for step in outputs}) if step.spec.role != "input"]
    yield f"class {class_names(analysis.document)[network]}(nn.Module):"
    taken = ", ".join(f"{step.name} ({show(analysis.shapes[step.name])})" for step in inputs)
    given = ", ".join(f"{step.name} ({show(analysis.shapes[step.name])})" for step in outputs)
    yield from docstring(f"{taken} → {given}, behind a batch axis.", 4)
    yield ""
    yield from _init(analysis, steps, {step.module for step in running if step.spec.role == "layer"})
    yield from _forward(analysis, inputs, running, outputs)


def _init(analysis: Analysis, steps: list[Step], modules: set[str]) -> Iterator[str]:
    """One attribute a layer, under the node's name, in the order of the compiled module's state_dict."""
    lines: list[str] = []
    for step in steps:
        call = analysis.call(step.name) if step.name in modules else None
        if call is not None and call.style == "module":
            arguments = _module_arguments(call)
            lines += statement(f"self.{step.name} = ", Invoke(_target(call), arguments), 8)
    if lines:
        yield "    def __init__(self) -> None:"
        yield "        super().__init__()"
        yield from lines
        yield ""


def _forward(analysis: Analysis, inputs: list[Step], running: list[Step], outputs: list[Step]) -> Iterator[str]:
    """The network as assignments in running order, with the shape behind each line that changes it."""
    values = name_values(inputs, running, outputs)
    arguments = ("self", *(f"{values[step.name]}: Tensor" for step in inputs))
    result = "Tensor" if len(outputs) == 1 else "dict[str, Tensor]"
    yield from statement("def ", Invoke("forward", arguments), 4, f" -> {result}:")
    for step in running:
        if step.spec.role == "output":
            continue
        name = values.get(step.name)
        before = "return " if name is None else f"{name} = "
        yield from statement(before, _value(analysis, step, values), 8, comment=_new_shape(analysis, step))
    if len(outputs) > 1:
        pairs = tuple(Keyword(f'"{step.name}"', values[step.inputs[0]], ": ") for step in outputs)
        yield from statement("return ", Several("{}", pairs), 8)
    elif outputs[0].inputs[0] in values:
        yield f"        return {values[outputs[0].inputs[0]]}"


def _new_shape(analysis: Analysis, step: Step) -> str:
    shape = analysis.shapes[step.name]
    return "" if all(analysis.shapes[name] == shape for name in step.inputs) else show(shape)


def _value(analysis: Analysis, step: Step, values: dict[str, str]) -> Expression:
    """What one node computes: a call of its module, of a function, or an expression."""
    call = analysis.call(step.module)
    inputs = tuple(values[name] for name in step.inputs)
    if call.use:
        return expression(call.use.format(*inputs, module=f"self.{step.module}"))
    if call.style == "module":
        return Invoke(f"self.{step.module}", inputs)
    if call.style == "fold" and call.target in SIGNS:
        return Infix(SIGNS[call.target], inputs)
    if call.style == "fold":
        return _nested(call, inputs)
    settings = tuple(Keyword(name, literal(value)) for name, value in call.kwargs.items())
    return Invoke(_target(call), (*((Several("[]", inputs),) if call.style == "list" else inputs), *settings))


def _nested(call: Call, inputs: tuple[str, ...]) -> Expression:
    """f(f(a, b), c) for a function of two that has no sign of its own."""
    made: Expression = inputs[0]
    for value in inputs[1:]:
        made = Invoke(_target(call), (made, value))
    return made


def _target(call: Call) -> str:
    if call.target.startswith("builder."):
        return call.target.rpartition(".")[2]  # its class is printed above the network's
    return call.target.removeprefix("torch.") if call.target.startswith("torch.nn.") else call.target


def _module_arguments(call: Call) -> tuple[Expression, ...]:
    """The arguments of a layer's class; the first two that torch requires stand without a name, as people write."""
    from builder.modules import resolve

    required = 0
    for name, parameter in list(inspect.signature(resolve(call.target)).parameters.items())[:2]:
        if parameter.default is not inspect.Parameter.empty or list(call.kwargs)[required : required + 1] != [name]:
            break
        required += 1
    return tuple(
        literal(value) if index < required else Keyword(name, literal(value))
        for index, (name, value) in enumerate(call.kwargs.items())
    )
