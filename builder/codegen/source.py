"""Python source of a document's networks, as a person would have written it: runs with torch alone.

The layers are printed from the same calls that build the compiled module, so the code cannot drift from it: same
state_dict keys in the same order, same numbers.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from builder.analysis.infer import Analysis, analyse
from builder.analysis.plan import Step
from builder.checks.base import run
from builder.codegen.classes import Class, classes
from builder.codegen.expressions import (
    Expression,
    Infix,
    Invoke,
    Keyword,
    Several,
    docstring,
    expression,
    flat,
    literal,
    statement,
)
from builder.codegen.module_source import printed
from builder.codegen.variables import name_values
from builder.document import Document
from builder.problems import GraphError
from builder.shapes import show
from builder.spec import Call

SIGNS = {"operator.add": "+", "operator.sub": "-", "operator.mul": "*", "operator.truediv": "/", "operator.matmul": "@"}
LONGEST_LOOP = 90  # characters of `Residual(…) for _ in range(9)`: a longer one is written out


def to_python(document: Document) -> str:
    """Source of a module with one torch.nn.Module class per network of the document, and per block that is used.

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
    lines = [line for made in classes(analysis) for line in ["", "", *_class(made)]]
    more, modules = printed(lines)
    imports = tuple(sorted({*imports, *more}, key=lambda line: (line.startswith("from"), line)))
    lines = [*modules, *lines]
    uses_torch = any("torch." in line.split("#")[0] for line in lines)
    torch = [*(["import torch"] if uses_torch or imports else []), "from torch import Tensor, nn"]
    return ["", *imports, *([""] if imports else []), *torch, *lines]


def _class(made: Class) -> Iterator[str]:
    """One network or block as a class."""
    yield f"class {made.name}(nn.Module):"
    yield from docstring(_words(made), 4)
    yield ""
    yield from _init(made)
    yield from _forward(made)


def _words(made: Class) -> str:
    """The docstring: what a block is, and the shapes that go in and come out, of all its uses."""
    ports = list(dict.fromkeys(_ports(made, view) for view in made.views))
    if made.block is None:
        return f"{ports[0]}, behind a batch axis."
    words = made.views[0].document.description.strip()
    if len(ports) == 1:
        shapes = f"{ports[0]}, behind a batch axis."
        return f"{words}\n\n{shapes}" if words else f"The block {made.block}: {shapes}"
    more = [f"… and {len(ports) - 6} more"] if len(ports) > 6 else []
    return "\n".join([words or f"The block {made.block}.", "", "Behind a batch axis, one of:", *ports[:6], *more])


def _ports(made: Class, view: Analysis) -> str:
    taken = ", ".join(f"{step.name} ({show(view.shapes[step.name])})" for step in made.inputs)
    given = ", ".join(f"{step.name} ({show(view.shapes[step.name])})" for step in made.outputs)
    return f"{taken} → {given}"


def _init(made: Class) -> Iterator[str]:
    """One attribute a layer or block, under the node's name, in the order of the compiled module's state_dict."""
    lines = [f"        self.{name} = {name}" for name in made.kept]
    for step in made.built:
        if step.name in made.parts:
            lines += statement(f"self.{step.name} = ", _repeats(made, step), 8)
        elif made.calls[step.name].style == "module":
            lines += statement(f"self.{step.name} = ", _layer(made, step.name), 8)
    for step in made.built:
        for name, _ in made.views[0].facts[step.name].weights if step.tied else ():
            lines.append(f"        self.{step.name}.{name} = self.{step.tied}.{name}")
    if lines:
        arguments = ("self", *(f"{name}: {_kind(values)}" for name, values in made.parameters.items()))
        yield from statement("def ", Invoke("__init__", arguments), 4, " -> None:")
        yield "        super().__init__()"
        yield from lines
        yield ""


def _kind(values: list[Any]) -> str:
    """The type of a constructor's parameter, from the values that it gets."""
    names = {f"tuple[{type(v[0]).__name__}, ...]" if isinstance(v, tuple) and v else type(v).__name__ for v in values}
    return " | ".join(sorted(names)).replace("NoneType", "None")


def _layer(made: Class, name: str) -> Invoke:
    """The call that makes a layer; the first two arguments that torch requires stand without a name, as is usual."""
    from builder.modules import resolve

    call = made.calls[name]
    required = 0
    for key, parameter in list(inspect.signature(resolve(call.target)).parameters.items())[:2]:
        if parameter.default is not inspect.Parameter.empty or list(call.kwargs)[required : required + 1] != [key]:
            break
        required += 1
    values = {key: made.given.get((name, 0, key)) or literal(value) for key, value in call.kwargs.items()}
    arguments = (value if row < required else Keyword(key, value) for row, (key, value) in enumerate(values.items()))
    return Invoke(_target(call), tuple(arguments))


def _repeats(made: Class, step: Step) -> Expression:
    """The list of a block's repeats: those that are the same at the end of it in a loop."""
    parts: list[Expression] = []
    for number, part in enumerate(made.parts[step.name]):
        values = {key: made.given.get((step.name, number, key)) or literal(v) for key, v in part.arguments.items()}
        parts.append(Invoke(part.kind.name, tuple(Keyword(key, value) for key, value in values.items())))
    last = flat(parts[-1])
    alike = next((n for n, part in enumerate(reversed(parts)) if flat(part) != last), len(parts))
    loop = f"{last} for _ in range({alike})"
    if len(loop) > LONGEST_LOOP or alike < 2 or (alike < len(parts) and alike < 4):
        return Invoke("nn.ModuleList", (Several("[]", tuple(parts)),))
    if alike == len(parts):
        return Invoke("nn.ModuleList", (loop,))
    return Invoke("nn.ModuleList", (Several("[]", (*parts[:-alike], f"*({loop})")),))


def _forward(made: Class) -> Iterator[str]:
    """The network as assignments in running order, with the shape behind each line that changes it."""
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
        yield from statement("return ", Several("{}", pairs), 8)
    elif made.outputs[0].inputs[0] in values:
        yield f"        return {values[made.outputs[0].inputs[0]]}"


def _loop(made: Class, step: Step, values: dict[str, str]) -> Iterator[str]:
    """A block that is repeated: the result of one goes into the next."""
    name, first, *others = values[step.name], *(values[source] for source in step.inputs)
    if name != first:
        yield f"        {name} = {first}"
    yield f"        for block in self.{step.module}:"
    yield from statement(f"{name} = ", Invoke("block", (name, *others)), 12, comment=_new_shape(made, step))


def _new_shape(made: Class, step: Step) -> str:
    """The shape of a node's value, where it is another than its inputs' and the same in all uses of the class."""
    shapes = {view.shapes[step.name] for view in made.views}
    new = any(view.shapes[name] != view.shapes[step.name] for view in made.views for name in step.inputs)
    return show(shapes.pop()) if new and len(shapes) == 1 else ""


def _value(made: Class, step: Step, values: dict[str, str]) -> Expression:
    """What one node computes: a call of its module, of a function, or an expression."""
    inputs = tuple(values[name] for name in step.inputs)
    if step.node.use is not None:
        return Invoke(f"self.{step.module}[0]", inputs)
    call = made.calls[step.module]
    if call.use:
        return expression(call.use.format(*inputs, module=f"self.{step.module}"))
    if call.style == "module":
        return Invoke(f"self.{step.module}", inputs)
    if call.style == "fold" and call.target in SIGNS:
        return Infix(SIGNS[call.target], inputs)
    if call.style == "fold":
        return _nested(call, inputs)
    settings = []
    for name, value in call.kwargs.items():
        parameter = made.given.get((step.module, 0, name))
        settings.append(Keyword(name, f"self.{parameter}" if parameter else literal(value)))
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
