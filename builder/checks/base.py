"""What a check is, and the function that runs all of them."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from builder.analysis.infer import Analysis, analyse, within
from builder.analysis.plan import split_name
from builder.catalogue import CATALOGUE, type_that_reorders
from builder.document import Node
from builder.edits import ChangeType, Edit, InsertAfter, InsertBefore, SetParams, fresh_name
from builder.edits.blocks import InBlock
from builder.problems import EditError, Problem, Severity
from builder.registry import discover
from builder.spec import Insert, Larger, Reorder, ShapeError


class Reporter:
    """Base of everything that reports problems: their code, category and severity."""

    code: ClassVar[str]
    category: ClassVar[str]
    severity: ClassVar[Severity] = "error"
    hinders: ClassVar[bool] = False  # what it warns of may keep a network from learning

    def problem(
        self, node: str | None, message: str, fix: Iterable[Edit] | None = None, fix_label: str = ""
    ) -> Problem:
        """A problem of this kind, at a node (None: of the whole document)."""
        edits = tuple(fix) if fix else None
        return Problem(
            self.code, self.severity, node, message, edits, fix_label if edits else "", self.category, self.hinders
        )


class Check(Reporter):
    """Base of every check of a document: `find` yields its problems."""

    scoped: ClassVar[bool] = False  # it is called for the document's own graph and for the graph of each block

    def find(self, analysis: Analysis) -> Iterator[Problem]:
        """The problems of this kind in the document, or in one of its graphs."""
        raise TypeError(f"{type(self).__name__} must implement find().")


@dataclass(frozen=True)
class ScopedAnalysis:
    """The analysis of one graph: the document's own, or a block at its first use."""

    analysis: Analysis  # of this graph alone
    use: str = ""  # "stage1.0"

    def report(self, problem: Problem) -> Problem:
        """A problem of this graph as one of the document: with the node's full path, and a fix inside of the block."""
        block = self.analysis.block
        if block is None:
            return problem
        node = self.use.rpartition(".")[0] if problem.node is None else f"{self.use}.{problem.node}"
        fix = tuple(InBlock(block, edit) for edit in problem.fix) if problem.fix else problem.fix
        return replace(problem, node=node, fix=fix)


def scoped_analyses(analysis: Analysis) -> Iterator[ScopedAnalysis]:
    """The document's own graph, and each block that is used, at its first use."""
    yield ScopedAnalysis(within(analysis, ""))
    seen: set[str] = set()
    for use, block in analysis.plan.uses.items():
        if block not in seen:
            seen.add(block)
            yield ScopedAnalysis(within(analysis, use), use)


def at_first_use(analysis: Analysis, names: Iterable[str]) -> Iterator[tuple[str, str, ScopedAnalysis]]:
    """The names without repetitions of the same node in other uses of its block: a node of a block is reported once.

    Yields the full name, the name in the block, and the analysis of the block.
    """
    seen: set[tuple[str | None, str]] = set()
    scopes = {"": ScopedAnalysis(analysis)}
    for name in names:
        use, last = split_name(name)
        block = analysis.plan.uses[use] if use else None
        if (block, last) not in seen:
            seen.add((block, last))
            if use not in scopes:
                scopes[use] = ScopedAnalysis(within(analysis, use), use)
            yield name, last, scopes[use]


@functools.cache
def _checks() -> tuple[Check, ...]:
    found = discover(sys.modules[__package__], Check, lambda kind: kind.code)
    return tuple(found[code]() for code in sorted(found))


def run(analysis: Analysis) -> list[Problem]:
    """All checks over one analysis."""
    found: list[Problem] = []
    scopes = list(scoped_analyses(analysis))
    for check in _checks():
        if check.scoped:
            found.extend(scope.report(problem) for scope in scopes for problem in check.find(scope.analysis))
        else:
            found.extend(check.find(analysis))
    order = {node.name: index for index, node in enumerate(analysis.document.nodes)}
    return sorted(
        found, key=lambda item: (item.severity != "error", order.get((item.node or "").partition(".")[0], -1))
    )


def fix_for(analysis: Analysis, node: Node, error: ShapeError) -> tuple[tuple[Edit, ...] | None, str]:
    """The fix that a layer's ShapeError suggests, and its label."""
    if error.larger is not None and (enlarged := _enlarged(analysis, node, error.larger)):
        return enlarged
    inserts = (Insert(*error.insert),) if error.insert is not None else error.inserts
    if inserts:
        return _inserted(analysis, node, inserts), f"Insert {' and '.join(dict.fromkeys(new.type for new in inserts))}"
    if error.reorder is not None:
        return _permuted(analysis, node, error.reorder), f"Insert {type_that_reorders()}"
    if error.replace is not None and error.replace[0] in CATALOGUE:
        type_name, params = error.replace
        return (ChangeType(node.name, type_name, params),), f"Use {type_name} instead"
    if error.params is not None:
        params = {**node.params, **error.params}
        changes = ", ".join(f"{name} to {_text(value)}" for name, value in error.params.items())
        return (SetParams(node.name, params),), f"Set {changes}"
    return None, ""


def _inserted(analysis: Analysis, node: Node, inserts: Iterable[Insert]) -> tuple[Edit, ...]:
    """The edits that insert layers one after the other into the wire to an input of the node."""
    step = analysis.steps.get(node.name)
    taken: list[str] = []
    edits: list[Edit] = []
    before: dict[int, str] = {}  # input → the layer inserted last
    for new in inserts:
        name = fresh_name(analysis.document, new.type, taken)
        taken.append(name)
        source = before.get(new.port)
        if source is None and step and new.port < len(step.inputs):
            source = _wired(analysis, step.inputs[new.port])
        made = Node(name=name, type=new.type, params=new.params, network=node.network)
        edits.append(InsertBefore(made, node.name, source=source))
        before[new.port] = name
    return tuple(edits)


def _wired(analysis: Analysis, name: str) -> str | None:
    """The node that a wire of the graph starts at: for a step inside a block the node that uses the block."""
    source = name if name in analysis.document.by_name else name.partition(".")[0]
    return source if source in analysis.document.by_name else None


def _enlarged(analysis: Analysis, node: Node, larger: Larger) -> tuple[tuple[Edit, ...], str] | None:
    """The edit of the layer that enlarges an input of the node, and its label; None: it would not help."""
    name = analysis.steps[node.name].inputs[larger.port]
    while (step := analysis.steps[name]).spec.keeps_shape and len(step.inputs) == 1:
        name = step.inputs[0]
    facts = analysis.facts.get(name)
    params = step.spec.enlarged(facts.signal.shape, larger.by) if facts else None
    if params is None or step.spec.role != "layer":
        return None
    edit = SetParams(name, {**step.node.params, **params})
    try:
        after = analyse(edit.apply(analysis.document))
    except EditError:
        return None
    if node.name in after.failures or not after.failures.keys() <= analysis.failures.keys():
        return None
    changes = ", ".join(f"{key} to {_text(value)}" for key, value in params.items())
    return (edit,), f"Set {changes} at {name}"


def _permuted(analysis: Analysis, node: Node, reorder: Reorder) -> tuple[Edit, ...]:
    """The edits that give an input another order of axes, and the result its former one if it is wanted behind."""
    kind = type_that_reorders()
    key = str(CATALOGUE[kind].reorders)
    source = analysis.steps[node.name].inputs[reorder.port]
    name = fresh_name(analysis.document, kind)
    made = Node(name=name, type=kind, params={key: list(reorder.dims)}, network=node.network)
    edits: list[Edit] = [InsertBefore(made, node.name, source=_wired(analysis, source))]
    shapes = [analysis.facts[each].signal.shape for each in (source, node.name) if each in analysis.facts]
    leads_on = node.name in analysis.edge_sources
    if reorder.back and leads_on and len({len(shape) for shape in shapes}) == 1:
        inverse = [reorder.dims.index(dim) for dim in range(len(reorder.dims))]
        second = Node(name=fresh_name(analysis.document, kind, [name]), type=kind, params={key: inverse})
        edits.append(InsertAfter(second, node.name))
    return tuple(edits)


def _text(value: object) -> str:
    if value is None:
        return "none"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
