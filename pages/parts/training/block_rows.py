"""A run's probes folded by block: one row for each repeat of a block, or those inside one block that is looked into."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import streamlit as st

import builder
from builder.document import Block, Document, Node
from pages.parts.document import block_path
from pages.parts.training.run_data import Live, Moments, Numbers

Path = tuple[str, ...]  # the nodes that are looked into, outermost first; every repeat of each at once
MOST_CHOICES = 60
SERIOUS = ("exploding", "vanishing", "dead", "saturated")  # badges, the worst first
INTERESTING = ("activation",)  # the family whose values say most; without one, every node that learns


@dataclass(frozen=True)
class Folded(Live):
    """A run whose probes are those of blocks and repeats; `whole` has every node's."""

    whole: Live | None = None
    path: Path = ()
    members: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # a row's name → the nodes it is made of


def chosen(live: Live) -> Live:
    """The run folded as the reader wants it, with a choice above; as it is where its network has no blocks."""
    document = live.run.document
    if not document.blocks or not document.composites:
        return live
    choices: list[Path] = [(), *paths(document)][:MOST_CHOICES]
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="outlook"):
        st.html('<span class="nl-label">Charts of</span>', width="content")
        path = st.selectbox(
            "Charts of", choices, format_func=lambda item: " › ".join(item) or "the whole network, folded by block",
            key=f"outlook_{live.run.id}", label_visibility="collapsed", width=320,
            help="Each repeat of a block is one row of the charts; look into a block for the nodes inside.",
        )  # fmt: skip
    return fold(live, path or ())


def paths(document: Document) -> Iterator[Path]:
    """Every way to a block that is used, outer ones first."""
    waiting: list[tuple[Path, Document | Block]] = [((), document)]
    for path, graph in waiting:
        for name, use in graph.composites.items():
            if use.block in document.blocks and len(waiting) < 4 * MOST_CHOICES:
                yield (*path, name)
                waiting.append(((*path, name), document.blocks[use.block]))


def fold(live: Live, path: Path) -> Folded:
    """The probes, histograms and verdicts of a run, one row for each node or repeat of a block inside `path`."""
    probes = {**live.probes}
    members: dict[str, tuple[str, ...]] = {}
    interesting = set(nodes_of_interest(live))
    for kind in ("gradients", "activations"):
        groups = grouped(probes[kind].nodes, path)
        if kind == "activations":
            groups = {
                name: [leaf for leaf in leaves if leaf in interesting] or leaves for name, leaves in groups.items()
            }
        probes[kind] = _merged(probes[kind], groups)
        for name, leaves in groups.items():
            members[name] = tuple(dict.fromkeys((*members.get(name, ()), *leaves)))
    rows = {leaf: name for name, leaves in members.items() for leaf in leaves}
    histograms = {rows[leaf]: made for leaf, made in live.histograms.items() if leaf in rows}
    for leaf in interesting & live.histograms.keys() & rows.keys():
        histograms[rows[leaf]] = live.histograms[leaf]
    verdicts = [replace(verdict, node=rows.get(verdict.node or "", verdict.node)) for verdict in live.verdicts]
    shown = {name: getattr(live, name) for name in Live.__dataclass_fields__}
    shown |= {"probes": probes, "histograms": histograms, "verdicts": verdicts}
    return Folded(**shown, whole=live, path=path, members=members)


def grouped(nodes: tuple[str, ...], path: Path) -> dict[str, list[str]]:
    """Dotted names → the rows that they come to: 'stage1.0.conv1' is in 'stage1.0', or in '0.conv1' within stage1."""
    found: dict[str, list[str]] = {}
    repeats: dict[str, set[str]] = {}
    for node in nodes:
        steps = node.split(".")
        inside = steps[2 * len(path) :]
        if tuple(steps[: 2 * len(path) : 2]) != path or not inside:
            continue
        outer = steps[1 : 2 * len(path) : 2]
        found.setdefault(".".join([*outer, *inside[:2]]), []).append(node)
        if len(inside) > 1:
            repeats.setdefault(".".join([*outer, inside[0]]), set()).add(inside[1])
    alone = {name for name, numbers in repeats.items() if len(numbers) == 1}
    one = all(re.match(r"(0\.)*", name)[0].count("0") >= len(path) for name in found)  # type: ignore[index]
    return {_short(name, alone, len(path) if one else 0): leaves for name, leaves in found.items()}


def _short(name: str, alone: set[str], outer: int) -> str:
    """A row's name without numbers that say nothing: those of blocks that stand there once."""
    if name.rpartition(".")[0] in alone:
        name = name.rpartition(".")[0]
    return ".".join(name.split(".")[outer:])


def _merged(moments: Moments, groups: Mapping[str, list[str]]) -> Moments:
    """One row for each group: the largest of what is called a maximum, the mean of everything else."""
    if not groups:
        return Moments()
    place = {node: index for index, node in enumerate(moments.nodes)}
    rows = [[place[leaf] for leaf in leaves] for leaves in groups.values()]
    values = {
        statistic: np.stack([_one(table[picked], statistic.startswith("max")) for picked in rows])
        for statistic, table in moments.values.items()
    }
    return Moments(tuple(groups), moments.steps, values)


def _one(table: Numbers, largest: bool) -> Numbers:
    """Several rows as one, over those that are numbers."""
    if len(table) == 1:
        return np.asarray(table[0])
    known = np.isfinite(table)
    count = known.sum(axis=0)
    made = np.where(known, table, -np.inf).max(axis=0) if largest else np.where(known, table, 0.0).sum(axis=0)
    return np.where(count > 0, made if largest else made / np.maximum(count, 1), np.nan)


def leaf(document: Document, dotted: str) -> Node | None:
    """The node of a dotted name."""
    found = block_path.find(document, dotted)
    if found is None:
        return None
    block = block_path.block_at(document, found[0])
    graph: Document | Block = document if block is None else document.blocks[block]
    return graph.by_name.get(found[1])


def nodes_of_interest(live: Live) -> list[str]:
    """The activation layers of the network, or the nodes with parameters where there is none."""
    seen = live.probes["activations"].nodes
    members = live.members if isinstance(live, Folded) else {}
    document = live.run.document

    def interesting(node: str) -> bool:
        at = leaf(document, node)
        return at is not None and at.type in builder.CATALOGUE and builder.CATALOGUE[at.type].family in INTERESTING

    marked = [node for node in seen if any(interesting(name) for name in members.get(node, (node,)))]
    learning = live.probes["gradients"].nodes
    return marked or [node for node in seen if node in learning] or list(seen)


def every_node(document: Document) -> Iterator[Node]:
    """The document's own nodes and those of its blocks, each once."""
    yield from document.nodes
    for block in document.blocks.values():
        yield from block.nodes


@dataclass(frozen=True)
class Cells:
    """A node of the coloured graph: the size of its gradients in each repeat, from the smallest node to the largest."""

    sizes: dict[str, float] = field(default_factory=dict)  # repeat, or the node itself → mean of what is in it
    low: float = 0.0
    high: float = 0.0

    @property
    def mean(self) -> float:
        return float(np.mean(list(self.sizes.values()))) if self.sizes else 0.0


def cells(sizes: Mapping[str, float], path: Path) -> dict[str, Cells]:
    """The nodes inside `path` by their names there, from every node's gradient."""
    parts: dict[str, dict[str, list[float]]] = {}
    for node, size in sizes.items():
        steps = node.split(".")
        inside = steps[2 * len(path) :]
        if inside and tuple(steps[: 2 * len(path) : 2]) == path:
            where = ".".join(steps[: 2 * len(path) + min(2, len(inside))])
            parts.setdefault(inside[0], {}).setdefault(where, []).append(size)
    return {
        name: Cells(
            {where: float(np.mean(values)) for where, values in inner.items()},
            min(size for values in inner.values() for size in values),
            max(size for values in inner.values() for size in values),
        )
        for name, inner in parts.items()
    }


def worst(badges: Mapping[str, str], path: Path) -> dict[str, str]:
    """The most serious badge of each node inside `path`."""
    found: dict[str, str] = {}
    for node, badge in badges.items():
        steps = node.split(".")
        inside = steps[2 * len(path) :]
        if inside and tuple(steps[: 2 * len(path) : 2]) == path:
            found[inside[0]] = min(found.get(inside[0], badge), badge, key=_rank)
    return found


def _rank(badge: Any) -> int:
    return SERIOUS.index(badge) if badge in SERIOUS else len(SERIOUS)


def scene(document: Document, path: Path) -> Document:
    """What lies on the canvas inside `path`."""
    return block_path.scene(document, block_path.Place(tuple((name, 0) for name in path)))
