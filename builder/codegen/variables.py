"""The names of local variables in a generated `forward`: `x` along a chain, the node's name for a value used twice.

A value may reuse the variable of an input that is not needed any more, as in `x = self.conv1(x)`.
"""

from __future__ import annotations

from collections import Counter

from builder.analysis.plan import Step

MAX_LENGTH = 24  # of a local name; a longer node name would not fit on a line several times
# Used by the generated code itself, or easily read as 1 and 0.
AVOIDED = frozenset(
    {"self", "torch", "nn", "Tensor", "operator", "dict", "str", "super", "l", "O", "I", "block", "range"}
)


def name_values(inputs: list[Step], running: list[Step], outputs: list[Step]) -> dict[str, str]:
    """Node → the variable of its value. A value that is returned immediately has none.

    Parameters:
        inputs: the Input nodes: the parameters of `forward`.
        running: all other steps that are needed, in execution order, including the outputs.
        outputs: the Output nodes; if there are several, each gives its name to the value it returns.
    """
    uses = Counter(source for step in running for source in step.inputs)
    last = {source: line for line, step in enumerate(running) for source in step.inputs}
    single = outputs[0].inputs[0] if len(outputs) == 1 else None
    layers = [step for step in running if step.spec.role != "output"]
    returned = {step.inputs[0]: step.name for step in reversed(outputs)} if single is None else {}
    names = _Names({step.name for step in [*inputs, *running]})
    values = {step.name: names.own(step.name, max_length=64) for step in inputs}
    chain = names.chain(values, uses)
    free_after: dict[str, int] = {}  # chain variable → the line that uses its value last
    for name, variable in values.items():
        if variable == chain:
            free_after[variable] = last.get(name, -1)
    for line, step in enumerate(running):
        if step.spec.role == "output":
            continue
        loops = step.node.use is not None and step.node.use.repeat > 1
        if step is layers[-1] and step.name == single and uses[step.name] == 1 and not loops:
            continue  # `return self.fc(x)`
        if uses[step.name] > 1 or step.name in returned:
            values[step.name] = names.own(returned.get(step.name, step.name) if uses[step.name] == 1 else step.name)
            continue
        last_used = [values[name] for name in step.inputs if free_after.get(values[name], -1) == line]
        free = [chain] if free_after.get(chain, -1) <= line else last_used
        if loops:  # each iteration assigns the result and reads all inputs except the first again
            read = {values[name] for name in step.inputs[1:]}
            free = [variable for variable in free if variable not in read]
        variable = free[0] if free else names.own(step.name)
        values[step.name] = variable
        free_after[variable] = last[step.name]
    return values


class _Names:
    """Chooses local names that differ from one another and from the names of other nodes."""

    def __init__(self, nodes: set[str]) -> None:
        self.nodes = nodes
        self.used: set[str] = set()
        self.next_number: dict[str, int] = {}

    def own(self, node: str, max_length: int = MAX_LENGTH) -> str:
        """The node's own name, shortened or changed if necessary."""
        stem = node[:max_length].rstrip("_") or "value"
        if stem in AVOIDED:
            stem += "_value"
        name = stem
        if name in self.used or (name in self.nodes and name != node):
            name = self._numbered(stem, node)
        self.used.add(name)
        return name

    def _numbered(self, stem: str, node: str) -> str:
        """The first free one of stem_2, stem_3, …; the numbers below `next_number` are known to be taken."""
        number = self.next_number.get(stem, 2)
        while f"{stem}_{number}" in self.used or f"{stem}_{number}" in self.nodes:
            number += 1
        self.next_number[stem] = number
        own = node.removeprefix(f"{stem}_")  # a number in the node's own long name is free for this node alone
        if (
            own != node
            and own.isdecimal()
            and own == str(int(own))
            and 2 <= int(own) < number
            and node not in self.used
        ):
            return node
        return f"{stem}_{number}"

    def chain(self, inputs: dict[str, str], uses: Counter[str]) -> str:
        """The variable for values that are used once: `x`, unless a node with this name is used more than once."""
        if inputs.get("x") == "x" and uses["x"] == 1:
            return "x"
        names = ("x", "h", "y", "z", *(f"x{number}" for number in range(len(self.nodes) + 5)))
        name = next(name for name in names if name not in self.nodes and name not in self.used)
        self.used.add(name)
        return name
