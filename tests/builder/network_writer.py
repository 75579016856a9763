"""Writes documents in short form: a node, its inputs, its parameters."""

from __future__ import annotations

from typing import Any


class NetworkWriter:
    """The nodes and wires of a network or of a block."""

    def __init__(self) -> None:
        self.nodes: list[dict[str, Any]] = []
        self.edges: list[dict[str, Any]] = []

    def __call__(self, name: str, type_name: str, *inputs: str, shares: str | None = None, **params: Any) -> str:
        """Add a node with these inputs ("memory:port" names a port), and return its name."""
        node = {"name": name, "type": type_name, "params": params}
        self.nodes.append({**node, **({"shares_weights_with": shares} if shares else {})})
        for text in inputs:
            source, _, port = text.partition(":")
            self.edges.append({"source": source, "target": name, **({"port": port} if port else {})})
        return name

    @property
    def parts(self) -> dict[str, Any]:
        return {"nodes": self.nodes, "edges": self.edges}


def chain(net: NetworkWriter, x: str, *steps: tuple[Any, ...]) -> str:
    """Add a chain of (name, type, parameters); returns the last name."""
    for name, type_name, *params in steps:
        x = net(name, type_name, x, **(params[0] if params else {}))
    return x


def written(
    name: str, net: NetworkWriter, result: str, blocks: dict[str, NetworkWriter] | None = None
) -> dict[str, Any]:
    """The document of a network that ends at this node."""
    net("scores", "Output", result)
    parts = {key: block.parts for key, block in (blocks or {}).items()}
    return {"format": "netloom/2", "name": name, **net.parts, **({"blocks": parts} if parts else {})}
