"""Takes out of a generated script what can never run with its constants, as a person would not have written it.

The functions of a script are those that training uses, for every schema. Here branches go that this schema never takes,
arguments, functions, constants and imports that nothing needs, until nothing is left to do.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from typing import NamedTuple

from builder.codegen.expressions import Invoke, statement
from trainers.script.possible_values import Functions, Known, calls_of, defaults_of, known_names, truth

ROUNDS = 30
LONGEST = 120  # characters of a line


class Edit(NamedTuple):
    """Replaces the text from `start` to `end`, offsets in the script."""

    start: int
    end: int
    text: str


def pruned(script: str) -> str:
    """The script without what can never run. It does the same."""
    for _ in range(ROUNDS):
        try:
            shorter = _without_unused(_Script(script).edited())
        except SyntaxError:  # a block without a statement is left: what there was before works, too
            break
        if shorter == script:
            break
        script = shorter
    return script


class _Script:
    """A script, its tree, and where its lines begin."""

    def __init__(self, text: str) -> None:
        self.text, self.tree = text, ast.parse(text)
        self.lines = text.splitlines(keepends=True)
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line))
        self.functions: Functions = {node.name: node for node in self.tree.body if isinstance(node, ast.FunctionDef)}
        self.blocks = {  # how many statements the block of each has
            id(each): len(block)
            for node in ast.walk(self.tree)
            for block in (getattr(node, "body", None), getattr(node, "orelse", None))
            if isinstance(block, list)
            for each in block
        }
        self.calls = calls_of(self.tree, self.functions)
        self.known = known_names(self.tree, self.functions, self.calls)

    def edited(self) -> str:
        """The script after one round: edits that do not overlap, the outermost first."""
        found: list[Edit] = []
        for edits in self._edits():  # those of one yield belong together
            if all(edit.end <= other.start or edit.start >= other.end for edit in edits for other in found):
                found += edits
        text = self.text
        for edit in sorted(found, reverse=True):
            text = text[: edit.start] + edit.text + text[edit.end :]
        return re.sub(r"\n{4,}", "\n\n\n", text)

    def _edits(self) -> Iterator[list[Edit]]:
        for name, function in self.functions.items():
            for node in ast.walk(function):
                if isinstance(node, ast.If):
                    yield from ([edit] for edit in self._branch(node, self.known[name]))
                elif isinstance(node, ast.IfExp):
                    yield from ([edit] for edit in self._choice(node, self.known[name]))
                elif isinstance(node, ast.AnnAssign) and node.value is not None:  # other scripts have no types
                    start, end = self._range(node.annotation)
                    yield [Edit(start - 2, end, "")]
                yield from ([edit] for edit in self._unreachable(node))
        yield from self._arguments()

    # -- branches -----------------------------------------------------------------------------------------------------

    def _branch(self, node: ast.If, known: Known) -> Iterator[Edit]:
        holds = truth(node.test, known)
        if holds is None:
            yield from self._operands(node.test, known)
            return
        start, end, indent = self.starts[node.lineno - 1], self.starts[node.end_lineno or 0], " " * node.col_offset
        is_elif = self.text.startswith("elif", start + node.col_offset)
        if holds:
            kept = self._block(node.body)
            yield Edit(start, end, f"{indent}else:\n{kept}" if is_elif else self._dedented(kept) or "")
            return
        later = node.orelse
        if not later:
            yield Edit(start, end, "" if self.blocks.get(id(node), 2) > 1 else f"{indent}pass\n")
            return
        next_line = later[0].lineno if self._is_elif(later[0]) else self._else_line(later[0].lineno)
        rest = self.text[self.starts[next_line - 1] : end]
        if is_elif:
            yield Edit(start, end, rest)
        elif self._is_elif(later[0]):
            yield Edit(start, end, indent + rest.lstrip()[2:])
        else:
            yield Edit(start, end, self._dedented(self._block(later)))

    def _is_elif(self, node: ast.stmt) -> bool:
        return isinstance(node, ast.If) and self.lines[node.lineno - 1].lstrip().startswith("elif")

    def _else_line(self, line: int) -> int:
        while self.lines[line - 1].strip() != "else:":
            line -= 1
        return line

    def _block(self, body: list[ast.stmt]) -> str:
        first = body[0].lineno
        while self.lines[first - 2].lstrip().startswith("#"):
            first -= 1
        return self.text[self.starts[first - 1] : self.starts[body[-1].end_lineno or 0]]

    def _dedented(self, block: str) -> str:
        return re.sub(r"^ {4}", "", block, flags=re.MULTILINE)

    def _choice(self, node: ast.IfExp, known: Known) -> Iterator[Edit]:
        holds = truth(node.test, known)
        if holds is None:
            yield from self._operands(node.test, known)
            return
        chosen = node.body if holds else node.orelse
        start, end = self._range(node)
        if (
            self.text[start - 1] == "("
            and self.text[end] == ")"
            and self.text[start - 2] in " ([="
            and not isinstance(chosen, ast.BoolOp | ast.BinOp | ast.IfExp | ast.Compare | ast.UnaryOp)
        ):
            start, end = start - 1, end + 1
        yield Edit(start, end, self._source(chosen))

    def _operands(self, test: ast.expr, known: Known) -> Iterator[Edit]:
        """A test without the operands that decide nothing."""
        if not isinstance(test, ast.BoolOp):
            return
        nothing = isinstance(test.op, ast.And)
        kept = [each for each in test.values if truth(each, known) is not nothing]
        if len(kept) < len(test.values):
            word = " and " if nothing else " or "
            parts = [f"({self._source(each)})" if isinstance(each, ast.BoolOp) else self._source(each) for each in kept]
            yield Edit(*self._range(test), word.join(parts))

    def _unreachable(self, node: ast.AST) -> Iterator[Edit]:
        """What comes after a return in the same block."""
        for name in ("body", "orelse"):
            found = getattr(node, name, None)
            block: list[ast.stmt] = found if isinstance(found, list) else []
            for each, after in itertools.pairwise(block):
                if isinstance(each, ast.Return | ast.Raise | ast.Continue):
                    yield Edit(self.starts[after.lineno - 1], self.starts[block[-1].end_lineno or 0], "")

    # -- arguments ----------------------------------------------------------------------------------------------------

    def _arguments(self) -> Iterator[list[Edit]]:
        """For each function its signature and its calls without the arguments that it does not use."""
        for name, calls in self.calls.items():
            function = self.functions[name]
            names = [each.arg for each in function.args.args]
            if calls is None or not names:
                continue
            used = {node.id for each in function.body for node in ast.walk(each) if isinstance(node, ast.Name)}
            if set(names) <= used:
                continue
            edits = [self._signature(function, used)]
            for _, call in calls:
                kept = [each for each, argument in zip(call.args, names, strict=False) if argument in used]
                pieces = [self._source(each) for each in kept]
                pieces += [f"{each.arg}={self._source(each.value)}" for each in call.keywords if each.arg in used]
                edits.append(Edit(*self._range(call), f"{name}({', '.join(pieces)})"))
            yield edits

    def _signature(self, function: ast.FunctionDef, used: set[str]) -> Edit:
        defaults = defaults_of(function)
        parts = []
        for each in function.args.args:
            if each.arg in used:
                parts.append(f"{each.arg}={self._source(defaults[each.arg])}" if each.arg in defaults else each.arg)
        lines = statement("def ", Invoke(function.name, tuple(parts)), 0, ":")
        return Edit(self.starts[function.lineno - 1], self.starts[function.body[0].lineno - 1], "\n".join(lines) + "\n")

    # -- text ---------------------------------------------------------------------------------------------------------

    def _range(self, node: ast.expr) -> tuple[int, int]:
        return self._offset(node.lineno, node.col_offset), self._offset(node.end_lineno or 0, node.end_col_offset or 0)

    def _offset(self, line: int, column: int) -> int:
        """Trees count bytes of UTF-8 in a line."""
        return self.starts[line - 1] + len(self.lines[line - 1].encode()[:column].decode())

    def _source(self, node: ast.expr) -> str:
        start, end = self._range(node)
        text = self.text[start:end]
        return ast.unparse(node) if "\n" in text else text


def _without_unused(script: str) -> str:
    """The script without functions, constants and imports that nothing uses."""
    tree = ast.parse(script)
    used: set[str] = set()
    for node in tree.body:
        own = {node.name} if isinstance(node, ast.FunctionDef) else set()
        names = [each for each in ast.walk(node) if isinstance(each, ast.Name)]
        used |= {each.id for each in names if isinstance(each.ctx, ast.Load)} - own
    lines = script.splitlines(keepends=True)
    for node in reversed(tree.body):
        first, last = node.lineno, node.end_lineno or node.lineno
        if isinstance(node, ast.Import | ast.ImportFrom):
            kept = [alias for alias in node.names if (alias.asname or alias.name.split(".")[0]) in used]
            if len(kept) < len(node.names):
                node.names = kept
                lines[first - 1 : last] = [ast.unparse(node) + "\n"] if kept else []
        elif isinstance(node, ast.FunctionDef) and node.name not in used:
            lines[first - 1 : last] = []
        elif isinstance(node, ast.Assign) and not _stored(node) & used:
            while lines[first - 2].startswith("#"):
                first -= 1
            lines[first - 1 : last] = []
    return re.sub(r"\n{4,}", "\n\n\n", "".join(lines))


def _stored(node: ast.Assign) -> set[str]:
    return {each.id for target in node.targets for each in ast.walk(target) if isinstance(each, ast.Name)}
