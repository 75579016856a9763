"""Which values a script's expressions can have, as far as its constants say: what `pruning` decides branches by."""

from __future__ import annotations

import ast
import itertools
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

MOST = 500  # combinations of values that are tried for one test
Known = Mapping[
    str, list[Any]
]  # names, and all the values that each can have; a name that is not there can be anything
Functions = Mapping[str, ast.FunctionDef]
Calls = dict[str, list[tuple[str, ast.Call]] | None]  # of each function, and where; None: it is also used otherwise
COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda one, many: one in many,
    ast.NotIn: lambda one, many: one not in many,
}


class UnknownError(Exception):
    """An expression can have any value."""


def value_of(node: ast.expr, known: Mapping[str, Any]) -> Any:
    """The value of an expression for these values of names. UnknownError: it depends on something else."""
    if isinstance(node, ast.Name) and node.id in known:
        return known[node.id]
    if isinstance(node, ast.BoolOp):
        return _both(node, known)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return not value_of(node.operand, known)
    try:
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in COMPARISONS:
            return COMPARISONS[type(node.ops[0])](value_of(node.left, known), value_of(node.comparators[0], known))
        if isinstance(node, ast.Subscript):
            return value_of(node.value, known)[value_of(node.slice, known)]
        if isinstance(node, ast.Call):
            return _called(node, known)
        return ast.literal_eval(node)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        raise UnknownError from None


def _both(node: ast.BoolOp, known: Mapping[str, Any]) -> bool:
    """Whether all operands, or one of them, are true; one that decides does so whatever the others are."""
    decisive, unknown = isinstance(node.op, ast.Or), False
    for operand in node.values:
        try:
            if bool(value_of(operand, known)) is decisive:
                return decisive
        except UnknownError:
            unknown = True
    if unknown:
        raise UnknownError
    return not decisive


def _called(node: ast.Call, known: Mapping[str, Any]) -> Any:
    given = [value_of(each, known) for each in node.args]
    if isinstance(node.func, ast.Name) and node.func.id == "len":
        return len(*given)
    if isinstance(node.func, ast.Attribute) and node.func.attr == "get":
        return value_of(node.func.value, known).get(*given)
    raise UnknownError


def possible(node: ast.expr, known: Known) -> list[Any] | None:
    """All values that an expression can have; None: it can have any."""
    try:
        return [value_of(node, names) for names in _combinations(node, known)]
    except UnknownError:
        return None


def truth(node: ast.expr, known: Known) -> bool | None:
    """Whether a test is always true or always false; None: it depends."""
    try:
        found = {bool(value_of(node, names)) for names in _combinations(node, known)}
    except UnknownError:
        return None
    return found.pop() if len(found) == 1 else None


def _combinations(node: ast.expr, known: Known) -> Iterator[dict[str, Any]]:
    """The values of the names in an expression, in all combinations. UnknownError: there are too many."""
    used = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)} & known.keys()
    choices = {name: _distinct(node, name, known[name]) for name in sorted(used)}
    total = 1
    for values in choices.values():
        total *= len(values)
    if not 0 < total <= MOST:
        raise UnknownError
    for chosen in itertools.product(*choices.values()):
        yield dict(zip(choices, chosen, strict=True))


def _distinct(node: ast.expr, name: str, values: list[Any]) -> list[Any]:
    """The values that differ in what the expression asks of them: of dictionaries, the keys that it names."""
    keys: list[Any] = []
    for each in ast.walk(node):
        if isinstance(each, ast.Subscript) and isinstance(each.value, ast.Name) and each.value.id == name:
            keys += [each.slice.value] if isinstance(each.slice, ast.Constant) else [None]
    uses = sum(isinstance(each, ast.Name) and each.id == name for each in ast.walk(node))
    if len(values) < 2 or None in keys or uses != len(keys) or not all(isinstance(value, dict) for value in values):
        return values
    return list({repr([value.get(key) for key in keys]): value for value in values}.values())


def known_names(tree: ast.Module, functions: Functions, calls: Calls) -> dict[str, dict[str, list[Any]]]:
    """What the arguments and loop variables of each function can be, and ("") the constants of the module."""
    constants: dict[str, list[Any]] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                constants |= _assigned(target, node.value)
    found: dict[str, dict[str, list[Any]]] = {name: dict(constants) for name in functions} | {"": constants}
    bodies = {name: _Body(function) for name, function in functions.items()}
    for _ in range(8):  # what one function knows, those that it calls know in the next round
        before = {name: set(known) for name, known in found.items()}
        for name, body in bodies.items():
            some = {**constants, **_arguments(body.function, calls[name], found), **{key: [] for key in body.stored}}
            found[name] = {key: values for key, values in some.items() if values}
            found[name] |= body.looped(found[name])
        if before == {name: set(known) for name, known in found.items()}:
            break
    return found


def _assigned(target: ast.expr, value: ast.expr) -> dict[str, list[Any]]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        pairs = [_assigned(*pair) for pair in zip(target.elts, value.elts, strict=True)]
        return {name: values for pair in pairs for name, values in pair.items()}
    values = possible(value, {})
    return {target.id: values} if isinstance(target, ast.Name) and values is not None else {}


def calls_of(tree: ast.Module, functions: Functions) -> Calls:
    """The calls of each function, with the function that they are in; None: it is also used in another way."""
    found: dict[str, list[tuple[str, ast.Call]] | None] = {name: [] for name in functions}
    for place in tree.body:
        if isinstance(place, ast.Assign):  # a constant
            continue
        inside, nodes = place.name if isinstance(place, ast.FunctionDef) else "", list(ast.walk(place))
        called = {id(node.func): node for node in nodes if isinstance(node, ast.Call)}
        for node in nodes:
            if not isinstance(node, ast.Name) or node.id not in functions:
                continue
            call, listed = called.get(id(node)), found[node.id]
            plain = call is not None and not any(isinstance(each, ast.Starred) for each in call.args)
            if call is None or not plain or any(each.arg is None for each in call.keywords):
                found[node.id] = None
            elif listed is not None:
                listed.append((inside, call))
    return found


def defaults_of(function: ast.FunctionDef) -> dict[str, ast.expr]:
    """The default value of each argument that has one."""
    names, defaults = [each.arg for each in function.args.args], function.args.defaults
    return dict(zip(names[len(names) - len(defaults) :], defaults, strict=True))


def given_to(function: ast.FunctionDef, call: ast.Call) -> dict[str, ast.expr]:
    """The expression for each argument of a function in a call, or its default, unless that can be changed in place."""
    fixed = {
        name: each
        for name, each in defaults_of(function).items()
        if isinstance(each, ast.Constant | ast.Tuple | ast.UnaryOp)
    }
    given = dict(zip((each.arg for each in function.args.args), call.args, strict=False))
    return fixed | given | {each.arg: each.value for each in call.keywords if each.arg}


def _arguments(
    function: ast.FunctionDef, calls: list[tuple[str, ast.Call]] | None, found: Mapping[str, Known]
) -> dict[str, list[Any]]:
    """What the arguments can be; an empty list: anything."""
    names = [each.arg for each in ast.walk(function.args) if isinstance(each, ast.arg)]
    result: dict[str, list[Any]] = {}
    for name in names:
        values: list[Any] | None = []
        for inside, call in calls or []:
            expression = given_to(function, call).get(name)
            some = None if expression is None else possible(expression, found[inside])
            values = None if some is None or values is None else [*values, *some]
        result[name] = _each_once(values or []) if calls else []
    return result


class _Body:
    """What a function gives values to: `stored` are all these names."""

    def __init__(self, function: ast.FunctionDef) -> None:
        self.function = function
        nodes = list(ast.walk(function))
        self.loops = [node for node in nodes if isinstance(node, ast.For | ast.comprehension)]
        names = [node for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)]
        own = [id(each) for each in function.args.args]
        inner = {node.arg for node in nodes if isinstance(node, ast.arg) and id(node) not in own}
        self.stored = {node.id for node in names} | inner
        targets = [id(each) for loop in self.loops for each in ast.walk(loop.target)]
        self.others = {node.id for node in names if id(node) not in targets} | inner
        self.others |= {each.arg for each in function.args.args}

    def looped(self, known: Known) -> dict[str, list[Any]]:
        """The values of names that only loops over known lists give a value."""
        found: dict[str, list[Any] | None] = {}
        for loop in self.loops:
            for target, items in _items(loop.target, loop.iter, known):
                before = found.get(target.id, [])
                found[target.id] = None if items is None or before is None else [*before, *items]
        return {name: _each_once(values) for name, values in found.items() if values and name not in self.others}


def _items(target: ast.expr, iterated: ast.expr, known: Known) -> list[tuple[ast.Name, list[Any] | None]]:
    """Each name that a loop gives values, and these values; None: any."""
    if isinstance(target, ast.Name):
        values = possible(iterated, known)
        if values is None or not all(isinstance(value, list | tuple) for value in values):
            return [(target, None)]
        return [(target, [item for value in values for item in value])]
    zipped = isinstance(iterated, ast.Call) and isinstance(iterated.func, ast.Name) and iterated.func.id == "zip"
    if isinstance(target, ast.Tuple):
        given = iterated.args if zipped and isinstance(iterated, ast.Call) else [ast.Name("", ast.Load())] * 99
        return [pair for each, source in zip(target.elts, given, strict=False) for pair in _items(each, source, known)]
    return []


def _each_once(values: list[Any]) -> list[Any]:
    return list({repr(value): value for value in values}.values())
