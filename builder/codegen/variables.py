"""What the values in a generated `forward` are called: `x` along a chain, a name of their own where used twice.

A value may take over the variable of an input that nobody needs any more, as people write `x = self.conv1(x)`.
"""

from __future__ import annotations

from collections import Counter

from builder.analysis.plan import Step

LONGEST = 24  # characters of a local name; nodes may have longer ones, which would not fit on a line three times
# Used by the generated code itself, or too easily read as 1 and 0.
AVOIDED = frozenset(
    {"self", "torch", "nn", "Tensor", "operator", "dict", "str", "super", "l", "O", "I", "block", "range"}
)


def name_values(inputs: list[Step], running: list[Step], outputs: list[Step]) -> dict[str, str]:
    """Node → the variable its value is in. A value that is returned as soon as it is computed has none.

    Parameters:
        inputs: the Input nodes: the parameters of `forward`.
        running: every other node that is needed, in running order, outputs included.
        outputs: the Output nodes; of several, each gives its name to the value it returns.
    """
    uses = Counter(source for step in running for source in step.inputs)
    last = {source: place for place, step in enumerate(running) for source in step.inputs}
    single = outputs[0].inputs[0] if len(outputs) == 1 else None
    layers = [step for step in running if step.spec.role != "output"]
    shown = {step.inputs[0]: step.name for step in reversed(outputs)} if single is None else {}
    given = _Names({step.name for step in [*inputs, *running]})
    values = {step.name: given.own(step.name, longest=64) for step in inputs}
    chain = given.chain(values, uses)
    free_after: dict[str, int] = {}  # chain variable → the place of the line that uses its value last
    for name, variable in values.items():
        if variable == chain:
            free_after[variable] = last.get(name, -1)
    for place, step in enumerate(running):
        if step.spec.role == "output":
            continue
        loops = step.node.use is not None and step.node.use.repeat > 1
        if step is layers[-1] and step.name == single and uses[step.name] == 1 and not loops:
            continue  # `return self.fc(x)`
        if uses[step.name] > 1 or step.name in shown:
            values[step.name] = given.own(shown.get(step.name, step.name) if uses[step.name] == 1 else step.name)
            continue
        dying = [values[name] for name in step.inputs if free_after.get(values[name], -1) == place]
        free = [chain] if free_after.get(chain, -1) <= place else dying
        if loops:  # each turn of the loop writes the result, and reads all inputs but the first again
            read = {values[name] for name in step.inputs[1:]}
            free = [variable for variable in free if variable not in read]
        variable = free[0] if free else given.own(step.name)
        values[step.name] = variable
        free_after[variable] = last[step.name]
    return values


class _Names:
    """Hands out local names that differ from one another and from the names of other nodes."""

    def __init__(self, nodes: set[str]) -> None:
        self.nodes = nodes
        self.used: set[str] = set()

    def own(self, node: str, longest: int = LONGEST) -> str:
        """The node's own name, cut and changed where it has to be."""
        stem = node[:longest].rstrip("_") or "value"
        if stem in AVOIDED:
            stem += "_value"
        name, number = stem, 2
        while name in self.used or (name in self.nodes and name != node):
            name, number = f"{stem}_{number}", number + 1
        self.used.add(name)
        return name

    def chain(self, inputs: dict[str, str], uses: Counter[str]) -> str:
        """The variable for values that are used once: `x`, unless that is a node whose value is needed for longer."""
        if inputs.get("x") == "x" and uses["x"] == 1:
            return "x"
        names = ("x", "h", "y", "z", *(f"x{number}" for number in range(len(self.nodes) + 5)))
        name = next(name for name in names if name not in self.nodes and name not in self.used)
        self.used.add(name)
        return name
