"""Prints Python expressions like `ruff format`, so that generated code needs no formatter.

An expression is text (a name, a number) or one of the classes below; `statement` breaks long ones over several lines.
"""

from __future__ import annotations

import ast
import json
import textwrap
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

WIDTH = 120
INDENT = "    "


@dataclass(frozen=True)
class Invoke:
    """function(first, name=second)"""

    function: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True)
class Keyword:
    """name=value, or "key": value with another sign"""

    name: str
    value: Expression
    sign: str = "="


@dataclass(frozen=True)
class Collection:
    """[a, b], (a, b) or {"a": a}"""

    brackets: str
    items: tuple[Expression, ...]


@dataclass(frozen=True)
class Infix:
    """a + b + c; the operands are names"""

    sign: str
    operands: tuple[str, ...]


@dataclass(frozen=True)
class Postfix:
    """A call, or a sum in brackets, followed by text: self.lstm(x)[0] or (a + b) / 2"""

    call: Invoke | Infix
    rest: str


Expression = str | Postfix | Invoke | Keyword | Collection | Infix


def literal(value: Any) -> Expression:
    """A parameter's value as a Python literal."""
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, tuple | list):
        return Collection("()" if isinstance(value, tuple) else "[]", tuple(literal(item) for item in value))
    return repr(value)


def expression(text: str) -> Expression:
    """The source of an expression, such as an optimizer's call, as an expression that can be broken over lines."""
    return _from_tree(ast.parse(text, mode="eval").body)


def _from_tree(tree: ast.expr) -> Expression:
    match tree:
        case ast.BinOp(ast.BinOp() as total, ast.Div(), ast.Constant() as number) if " + " in ast.unparse(total):
            return Postfix(Infix("+", tuple(ast.unparse(total).split(" + "))), f" / {ast.unparse(number)}")
        case ast.Subscript(inside):
            while isinstance(inside, ast.Subscript):
                inside = inside.value
            made = _from_tree(inside)
            if isinstance(made, Invoke):
                return Postfix(made, ast.unparse(tree).removeprefix(ast.unparse(inside)))
        case ast.Call(function, arguments, keywords):
            named = (Keyword(str(keyword.arg), _from_tree(keyword.value)) for keyword in keywords)
            return Invoke(ast.unparse(function), (*map(_from_tree, arguments), *named))
        case ast.Tuple(items) | ast.List(items):
            return Collection("()" if isinstance(tree, ast.Tuple) else "[]", tuple(map(_from_tree, items)))
        case ast.Constant(str() as value):
            return json.dumps(value, ensure_ascii=False)
    return ast.unparse(tree)


def statement(before: str, expression: Expression, indent: int, after: str = "", comment: str = "") -> list[str]:
    """The lines of `before expression after  # comment`, such as `x = self.conv1(x)  # 16 × 8 × 8`."""
    margin = " " * indent
    suffix = f"  # {comment}" if comment else ""
    line = f"{margin}{before}{flat(expression)}{after}"
    if len(line) + len(suffix) <= WIDTH:
        return [line + suffix]
    above = [f"{margin}# {comment}"] if comment else []
    if len(line) <= WIDTH:
        return [*above, line]
    if isinstance(expression, Infix):
        return [*above, f"{margin}{before}(", *_operands(expression, indent + 4), f"{margin}){after}"]
    return [*above, *_broken(before, expression, indent, after)]


def flat(expression: Expression) -> str:
    """The expression on one line."""
    match expression:
        case Invoke(function, arguments):
            return f"{function}({', '.join(map(flat, arguments))})"
        case Keyword(name, value, sign):
            return f"{name}{sign}{flat(value)}"
        case Collection(brackets, items):
            comma = "," if brackets == "()" and len(items) == 1 else ""
            return brackets[0] + ", ".join(map(flat, items)) + comma + brackets[1]
        case Infix(sign, operands):
            return f" {sign} ".join(operands)
        case Postfix(Infix() as total, rest):
            return f"({flat(total)}){rest}"
        case Postfix(call, rest):
            return flat(call) + rest
    return expression


def _broken(before: str, expression: Expression, indent: int, after: str) -> list[str]:
    """The lines of an expression that is too long for one line, broken at its outermost bracket."""
    margin = " " * indent
    match expression:
        case Keyword(name, value, sign):
            return _broken(f"{before}{name}{sign}", value, indent, after)
        case Postfix(Infix() as total, rest):
            return [f"{margin}{before}(", *_operands(total, indent + 4), f"{margin}){rest}{after}"]
        case Postfix(call, rest):
            return _broken(before, call, indent, f"{rest}{after}")
        case Invoke(function, arguments):
            inside = margin + INDENT + ", ".join(map(flat, arguments))
            if len(inside) <= WIDTH:  # the arguments of a call stay on one line if they fit
                return [f"{margin}{before}{function}(", inside, f"{margin}){after}"]
            return [f"{margin}{before}{function}(", *_one_per_line(arguments, indent + 4), f"{margin}){after}"]
        case Collection(brackets, items):
            inside_lines = _one_per_line(items, indent + 4)
            return [f"{margin}{before}{brackets[0]}", *inside_lines, f"{margin}{brackets[1]}{after}"]
    return [f"{margin}{before}{flat(expression)}{after}"]


def _one_per_line(items: Sequence[Expression], indent: int) -> list[str]:
    return [line for item in items for line in statement("", item, indent, ",")]


def _operands(expression: Infix, indent: int) -> list[str]:
    line = " " * indent + flat(expression)
    if len(line) <= WIDTH:
        return [line]
    first, *others = expression.operands
    return [" " * indent + first, *(f"{' ' * indent}{expression.sign} {other}" for other in others)]


def docstring(text: str, indent: int) -> list[str]:
    """The lines of a docstring with any text: quotes and backslashes are escaped, lines are wrapped."""
    margin = " " * indent
    lines: list[str] = []
    for paragraph in printable(text).splitlines():
        lines.extend(textwrap.wrap(paragraph, 112 - indent, break_on_hyphens=False) or [""])
    while lines and not lines[-1]:
        lines.pop()
    lines = [line.replace("\\", "\\\\").replace('"', '\\"') if _needs_escapes(line) else line for line in lines]
    if len(lines) <= 1:
        return [f'{margin}"""{"".join(lines)}"""']
    return [f'{margin}"""{lines[0]}', *(margin + line if line else "" for line in lines[1:]), f'{margin}"""']


def _needs_escapes(line: str) -> bool:
    return "\\" in line or '"""' in line or line.startswith('"') or line.endswith('"')


def printable(text: str) -> str:
    """The text without invisible characters (control characters, direction and other format marks); lines are kept."""
    lines = []
    for line in text.splitlines():
        visible = "".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in line)
        lines.append(" ".join(visible.split()))
    return "\n".join(lines).strip("\n")
