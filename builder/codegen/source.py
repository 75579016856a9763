"""Python source of a document's networks, like hand-written code: it needs only torch.

The layers are printed from the same calls that build the compiled module, so the two cannot differ: the state_dict has
the same keys in the same order, and the outputs are the same.
"""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Callable, Iterator
from typing import Any

from builder.analysis.infer import Analysis, analyse
from builder.analysis.plan import Step
from builder.checks.base import run
from builder.codegen.classes import GeneratedClass, classes
from builder.codegen.expressions import (
    Collection,
    Expression,
    Infix,
    Invoke,
    Keyword,
    docstring,
    expression,
    flat,
    literal,
    statement,
)
from builder.codegen.module_source import library_source, merged_imports
from builder.codegen.variables import name_values
from builder.document import Document
from builder.problems import GraphError
from builder.shapes import show
from builder.spec import Call

OPERATORS = {
    "operator.add": "+",
    "operator.sub": "-",
    "operator.mul": "*",
    "operator.truediv": "/",
    "operator.matmul": "@",
}
MAX_COMPREHENSION = 90  # characters of `Residual(…) for _ in range(9)`; a longer one is written as a list


def to_python(document: Document) -> str:
    """Source of a module with one torch.nn.Module class per network of the document, and per block that is used.

    Raises:
        GraphError: the document has errors (`.problems`).
    """
    return "\n".join([*docstring(introduction(document), 0), *code(document)]) + "\n"


def introduction(document: Document) -> str:
    """The module's docstring: the document's name and description."""
    name = document.name.strip() or "Untitled network"
    ending = "" if name.endswith((".", "!", "?")) else "."
    return f"{name}{ending}\n\n{document.description}".strip()


def code(document: Document, imports: tuple[str, ...] = ()) -> list[str]:
    """The lines after the module's docstring: imports (the given ones and torch), then the classes."""
    analysis = analyse(document)
    problems = [problem for problem in run(analysis) if problem.severity == "error"]
    if problems:
        raise GraphError(problems)
    lines = [line for made in classes(analysis) for line in ["", "", *_class(made)]]
    library_imports, library = library_source(lines)
    head = merged_imports([*imports, *library_imports])
    lines = [*library, *lines]
    first = next(line for line in lines if line and not line.startswith("#"))
    if not first.startswith(("class ", "def ", "@")):
        lines = lines[1:]  # one blank line between the imports and a constant
    uses_torch = any("torch." in line.split("#")[0] for line in lines)
    torch = [*(["import torch"] if uses_torch or head else []), "from torch import Tensor, nn"]
    return ["", *head, *([""] if head else []), *torch, *lines]


def _class(made: GeneratedClass) -> Iterator[str]:
    """One network or block as a class."""
    yield f"class {made.name}(nn.Module):"
    yield from docstring(_description(made), 4)
    yield ""
    yield from _init(made)
    yield from _forward(made)


def _description(made: GeneratedClass) -> str:
    """The docstring: the description of a block, and the input and output shapes of all its uses."""
    shapes = list(dict.fromkeys(_shapes(made, analysis) for analysis in made.analyses))
    if made.block is None:
        return f"{shapes[0]}, without the batch axis."
    words = made.analyses[0].document.description.strip()
    if len(shapes) == 1:
        ports = f"{shapes[0]}, without the batch axis."
        return f"{words}\n\n{ports}" if words else f"The block {made.block}: {ports}"
    more = [f"… and {len(shapes) - 6} more"] if len(shapes) > 6 else []
    return "\n".join([words or f"The block {made.block}.", "", "Without the batch axis, one of:", *shapes[:6], *more])


def _shapes(made: GeneratedClass, analysis: Analysis) -> str:
    inputs = ", ".join(f"{step.name} ({show(analysis.shapes[step.name])})" for step in made.inputs)
    outputs = ", ".join(f"{step.name} ({show(analysis.shapes[step.name])})" for step in made.outputs)
    return f"{inputs} → {outputs}"


def _init(made: GeneratedClass) -> Iterator[str]:
    """One attribute per layer or block, with the node's name, in the order of the compiled module's state_dict."""
    lines = [f"        self.{name} = {name}" for name in made.stored]
    for step in made.built:
        if step.name in made.repeats:
            lines += statement(f"self.{step.name} = ", _repeats(made, step), 8)
        elif made.calls[step.name].style == "module":
            lines += statement(f"self.{step.name} = ", _layer(made, step.name), 8)
    for step in made.built:
        for name, _ in made.analyses[0].facts[step.name].weights if step.tied else ():
            lines.append(f"        self.{step.name}.{name} = self.{step.tied}.{name}")
    if lines:
        arguments = ("self", *(f"{name}: {_kind(values)}" for name, values in made.parameters.items()))
        yield from statement("def ", Invoke("__init__", arguments), 4, " -> None:")
        yield "        super().__init__()"
        yield from lines
        yield ""


def _kind(values: list[Any]) -> str:
    """The type of a constructor's parameter, from its values."""
    names = {f"tuple[{type(v[0]).__name__}, ...]" if isinstance(v, tuple) and v else type(v).__name__ for v in values}
    return " | ".join(sorted(names)).replace("NoneType", "None")


def _layer(made: GeneratedClass, name: str) -> Invoke:
    """The call that constructs a layer; up to two required arguments are positional, as is usual."""
    call = made.calls[name]
    required = 0
    for key, given in zip(_required_arguments(call.resolve()), call.kwargs, strict=False):
        if key != given:
            break
        required += 1
    values = {key: made.arguments.get((name, 0, key)) or literal(value) for key, value in call.kwargs.items()}
    arguments = (value if row < required else Keyword(key, value) for row, (key, value) in enumerate(values.items()))
    return Invoke(_target(call), tuple(arguments))


@functools.cache
def _required_arguments(function: Callable[..., Any]) -> tuple[str, ...]:
    """The first arguments of a layer's constructor that have no default, at most two. Reading a signature is slow."""
    first = list(inspect.signature(function).parameters.values())[:2]
    without = itertools.takewhile(lambda parameter: parameter.default is inspect.Parameter.empty, first)
    return tuple(parameter.name for parameter in without)


def _repeats(made: GeneratedClass, step: Step) -> Expression:
    """The list of a block's repeats; equal ones at the end of the list become a comprehension."""
    items: list[Expression] = []
    for number, repeat in enumerate(made.repeats[step.name]):
        keywords = []
        for key, value in repeat.arguments.items():
            keywords.append(Keyword(key, made.arguments.get((step.name, number, key)) or literal(value)))
        items.append(Invoke(repeat.kind.name, tuple(keywords)))
    last = flat(items[-1])
    equal = next((n for n, item in enumerate(reversed(items)) if flat(item) != last), len(items))
    comprehension = f"{last} for _ in range({equal})"
    if len(comprehension) > MAX_COMPREHENSION or equal < 2 or (equal < len(items) and equal < 4):
        return Invoke("nn.ModuleList", (Collection("[]", tuple(items)),))
    if equal == len(items):
        return Invoke("nn.ModuleList", (comprehension,))
    return Invoke("nn.ModuleList", (Collection("[]", (*items[:-equal], f"*({comprehension})")),))


def _forward(made: GeneratedClass) -> Iterator[str]:
    """The network as assignments in execution order; each line that changes the shape has the new shape as comment."""
    values = name_values(made.inputs, made.running, made.outputs)
    arguments = ("self", *(f"{values[step.name]}: Tensor" for step in made.inputs))
    result = "Tensor" if len(made.outputs) == 1 else "dict[str, Tensor]"
    yield from statement("def ", Invoke("forward", arguments), 4, f" -> {result}:")
    for step in made.running:
        name = values.get(step.name)
        if step.spec.role == "output":
            continue
        if step.node.use is not None and step.node.use.repeat > 1:
            yield from _loop(made, step, values)
        else:
            before = "return " if name is None else f"{name} = "
            yield from statement(before, _value(made, step, values), 8, comment=_new_shape(made, step))
    if len(made.outputs) > 1:
        pairs = tuple(Keyword(f'"{step.name}"', values[step.inputs[0]], ": ") for step in made.outputs)
        yield from statement("return ", Collection("{}", pairs), 8)
    elif made.outputs[0].inputs[0] in values:
        yield f"        return {values[made.outputs[0].inputs[0]]}"


def _loop(made: GeneratedClass, step: Step, values: dict[str, str]) -> Iterator[str]:
    """A repeated block: the result of one repeat is the first input of the next."""
    name, first, *others = values[step.name], *(values[source] for source in step.inputs)
    if name != first:
        yield f"        {name} = {first}"
    yield f"        for block in self.{step.module}:"
    yield from statement(f"{name} = ", Invoke("block", (name, *others)), 12, comment=_new_shape(made, step))


def _new_shape(made: GeneratedClass, step: Step) -> str:
    """The shape of a node's value, if it differs from its inputs' shapes and is the same in all uses of the class."""
    shapes = {analysis.shapes[step.name] for analysis in made.analyses}
    changed = any(
        analysis.shapes[name] != analysis.shapes[step.name] for analysis in made.analyses for name in step.inputs
    )
    return show(shapes.pop()) if changed and len(shapes) == 1 else ""


def _value(made: GeneratedClass, step: Step, values: dict[str, str]) -> Expression:
    """The expression for one node: a call of its module, of a function, or an expression of the inputs."""
    inputs = tuple(values[name] for name in step.inputs)
    if step.node.use is not None:
        return Invoke(f"self.{step.module}[0]", inputs)
    call = made.calls[step.module]
    if call.template:
        return expression(call.template.format(*inputs, module=f"self.{step.module}"))
    if call.style == "module":
        return Invoke(f"self.{step.module}", inputs)
    if call.style == "fold" and call.target in OPERATORS:
        return Infix(OPERATORS[call.target], inputs)
    if call.style == "fold":
        return _nested_calls(call, inputs)
    settings = []
    for name, value in call.kwargs.items():
        parameter = made.arguments.get((step.module, 0, name))
        settings.append(Keyword(name, f"self.{parameter}" if parameter else literal(value)))
    return Invoke(_target(call), (*((Collection("[]", inputs),) if call.style == "list" else inputs), *settings))


def _nested_calls(call: Call, inputs: tuple[str, ...]) -> Expression:
    """f(f(a, b), c) for a function of two arguments that has no operator."""
    made: Expression = inputs[0]
    for value in inputs[1:]:
        made = Invoke(_target(call), (made, value))
    return made


def _target(call: Call) -> str:
    if call.target.startswith("builder."):
        return call.target.rpartition(".")[2]  # the class is printed before the network's class
    return call.target.removeprefix("torch.") if call.target.startswith("torch.nn.") else call.target
