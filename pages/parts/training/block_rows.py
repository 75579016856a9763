"""A run's probes grouped by block: one row for each repeat of a block, or for the nodes inside one block."""

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
from pages.parts.theme.charts import Numbers
from pages.parts.training.run_data import LiveRun, ProbeTable
from trainers.verdicts.rules import SERIOUS_FIRST

NodePath = tuple[str, ...]  # of the opened nodes, outermost first, with all their repeats
MOST_CHOICES = 60
BADGES = ("check", "noisy", "strong", "exploding", "equal", "vanishing", "dead", "saturated")  # the most serious first
SHOWN_FAMILIES = ("activation",)  # whose outputs are shown; in a network without them, those of learned nodes


@dataclass(frozen=True)
class GroupedRun(LiveRun):
    """A run whose probes are those of blocks and repeats; `whole` has those of every node."""

    whole: LiveRun | None = None
    path: NodePath = ()
    members: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # the name of a row → its nodes


def choose_group(live: LiveRun) -> LiveRun:
    """The run grouped by the block that the reader chooses; unchanged if its network has no blocks."""
    document = live.run.document
    if not document.blocks or not document.composites:
        return live
    choices: list[NodePath] = [(), *block_paths(document)][:MOST_CHOICES]
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="group_choice"):
        st.html('<span class="nl-label">Charts of</span>', width="content")
        path = st.selectbox(
            "Charts of",
            choices,
            format_func=lambda item: " › ".join(item) or "the whole network, one row per block",
            key=f"group_{live.run.id}",
            label_visibility="collapsed",
            width=320,
            help="Each repeat of a block is one row of the charts. Choose a block to see the nodes inside it.",
        )
    return group(live, path or ())


def block_paths(document: Document) -> Iterator[NodePath]:
    """The path to every block in use, outer ones first."""
    waiting: list[tuple[NodePath, Document | Block]] = [((), document)]
    for path, graph in waiting:
        for name, use in graph.composites.items():
            if use.block in document.blocks and len(waiting) < 4 * MOST_CHOICES:
                yield (*path, name)
                waiting.append(((*path, name), document.blocks[use.block]))


def group(live: LiveRun, path: NodePath) -> GroupedRun:
    """The probes, histograms and verdicts of a run, one row for each node or repeat of a block inside `path`."""
    probes = {**live.probes}
    members: dict[str, tuple[str, ...]] = {}
    shown_nodes = set(nodes_of_interest(live))
    for kind in ("gradients", "activations", "weights"):
        groups = rows_of(probes[kind].nodes, path)
        if kind == "activations":
            groups = {
                name: [leaf for leaf in leaves if leaf in shown_nodes] or leaves for name, leaves in groups.items()
            }
        probes[kind] = _merged(probes[kind], groups)
        for name, leaves in groups.items():
            members[name] = tuple(dict.fromkeys((*members.get(name, ()), *leaves)))
    rows = {leaf: name for name, leaves in members.items() for leaf in leaves}
    histograms = {rows[leaf]: made for leaf, made in live.histograms.items() if leaf in rows}
    for leaf in shown_nodes & live.histograms.keys() & rows.keys():
        histograms[rows[leaf]] = live.histograms[leaf]
    verdicts = [replace(verdict, node=rows.get(verdict.path, verdict.node)) for verdict in live.verdicts]
    fields = {name: getattr(live, name) for name in LiveRun.__dataclass_fields__}
    fields |= {"probes": probes, "histograms": histograms, "verdicts": verdicts}
    return GroupedRun(**fields, whole=live, path=path, members=members)


def rows_of(nodes: tuple[str, ...], path: NodePath) -> dict[str, list[str]]:
    """Row → its nodes: 'stage1.0.conv1' is in the row 'stage1.0', or in '0.conv1' inside stage1."""
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
    """A row's name without the number of a repeat where there is only one."""
    if name.rpartition(".")[0] in alone:
        name = name.rpartition(".")[0]
    return ".".join(name.split(".")[outer:])


def _merged(probes: ProbeTable, groups: Mapping[str, list[str]]) -> ProbeTable:
    """One row for each group: the maximum of statistics that are maxima, the mean of the others."""
    if not groups:
        return ProbeTable()
    place = {node: index for index, node in enumerate(probes.nodes)}
    rows = [[place[leaf] for leaf in leaves] for leaves in groups.values()]
    values = {
        statistic: np.stack([_merged_row(table[picked], statistic.startswith("max")) for picked in rows])
        for statistic, table in probes.values.items()
    }
    return ProbeTable(tuple(groups), probes.steps, values)


def _merged_row(table: Numbers, largest: bool) -> Numbers:
    """Several rows as one, without the values that are NaN."""
    if len(table) == 1:
        return np.asarray(table[0])
    known = np.isfinite(table)
    count = known.sum(axis=0)
    made = np.where(known, table, -np.inf).max(axis=0) if largest else np.where(known, table, 0.0).sum(axis=0)
    return np.where(count > 0, made if largest else made / np.maximum(count, 1), np.nan)


def node_at(document: Document, full_name: str) -> Node | None:
    """The node of a full name such as 'stage1.0.conv1'."""
    found = block_path.find(document, full_name)
    if found is None:
        return None
    block = block_path.block_at(document, found[0])
    graph: Document | Block = document if block is None else document.blocks[block]
    return graph.by_name.get(found[1])


def nodes_of_interest(live: LiveRun) -> list[str]:
    """The activation layers of the network; without any, the nodes with parameters."""
    measured = live.probes["activations"].nodes
    members = live.members if isinstance(live, GroupedRun) else {}
    document = live.run.document

    def is_shown(node: str) -> bool:
        at = node_at(document, node)
        return at is not None and at.type in builder.CATALOGUE and builder.CATALOGUE[at.type].family in SHOWN_FAMILIES

    activations = [node for node in measured if any(is_shown(name) for name in members.get(node, (node,)))]
    learned = live.probes["gradients"].nodes
    return activations or [node for node in measured if node in learned] or list(measured)


def every_node(document: Document) -> Iterator[Node]:
    """The nodes of the document and of its blocks, each once."""
    yield from document.nodes
    for block in document.blocks.values():
        yield from block.nodes


@dataclass(frozen=True)
class NodeGradients:
    """The gradients of a node on the graph: the mean of each repeat, and the smallest and the largest inside."""

    sizes: dict[str, float] = field(default_factory=dict)  # repeat, or the node itself → the mean over the nodes in it
    low: float = 0.0
    high: float = 0.0

    @property
    def mean(self) -> float:
        return float(np.mean(list(self.sizes.values()))) if self.sizes else 0.0


def node_gradients(sizes: Mapping[str, float], path: NodePath) -> dict[str, NodeGradients]:
    """The gradients of the nodes inside `path` by their names there, from those of every node."""
    groups: dict[str, dict[str, list[float]]] = {}
    for node, size in sizes.items():
        steps = node.split(".")
        inside = steps[2 * len(path) :]
        if inside and tuple(steps[: 2 * len(path) : 2]) == path:
            where = ".".join(steps[: 2 * len(path) + min(2, len(inside))])
            groups.setdefault(inside[0], {}).setdefault(where, []).append(size)
    return {
        name: NodeGradients(
            {where: float(np.mean(values)) for where, values in inner.items()},
            min(size for values in inner.values() for size in values),
            max(size for values in inner.values() for size in values),
        )
        for name, inner in groups.items()
    }


def worst_badges(badges: Mapping[str, str], path: NodePath) -> dict[str, str]:
    """The most serious badge of each node inside `path`."""
    found: dict[str, str] = {}
    for node, badge in badges.items():
        steps = node.split(".")
        inside = steps[2 * len(path) :]
        if inside and tuple(steps[: 2 * len(path) : 2]) == path:
            found[inside[0]] = min(found.get(inside[0], badge), badge, key=_rank)
    return found


def worst_severities(severities: Mapping[str, str], path: NodePath) -> dict[str, str]:
    """The most serious severity of the verdicts on each node inside `path`."""
    found: dict[str, str] = {}
    for node, severity in severities.items():
        inside = node.split(".")[2 * len(path) :]
        if inside and tuple(node.split(".")[: 2 * len(path) : 2]) == path:
            found[inside[0]] = min(found.get(inside[0], severity), severity, key=_seriousness)
    return found


def _seriousness(severity: Any) -> int:
    return SERIOUS_FIRST.index(severity)


def _rank(badge: Any) -> int:
    return BADGES.index(badge) if badge in BADGES else len(BADGES)


def graph_at(document: Document, path: NodePath) -> Document:
    """The graph inside `path`."""
    return block_path.graph_at(document, block_path.BlockPath(tuple((name, 0) for name in path)))
