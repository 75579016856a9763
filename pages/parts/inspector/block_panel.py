"""The inspector of a block: as one node on the canvas, and of the open block when nothing is selected in it."""

from __future__ import annotations

import streamlit as st

import builder
from builder.analysis.summary import human
from builder.catalogue import type_with_role
from builder.document import Block, Node
from builder.edits import InBlock, SetParams, SetText
from builder.shapes import show as show_shape
from builder.spec import Use
from pages.parts.document import block_actions, block_path
from pages.parts.document.session import Session, key_for, widget
from pages.parts.inspector.node_facts import heading
from pages.parts.theme import theme
from pages.parts.theme.escaping import escape, markdown

LISTED = 60


def head(session: Session, node: Node) -> None:
    """The node's name with the block that it stands for, and the description of the block."""
    use = node.use
    layer = builder.CATALOGUE[node.type]
    tag = node.type if use is None else f"{use.block} × {use.repeat:,}" if use.repeat > 1 else use.block
    heading(node.name, tag, theme.family_colour(layer.family))
    block = session.document.blocks.get(use.block) if use else None
    if block is None:
        st.markdown(f":red[There is no block {markdown(use.block if use else '?')} in this document.]")
    else:
        st.caption(markdown(block.description) or layer.sentence())


def body(session: Session, node: Node) -> None:
    """The number of repeats, the block, and the nodes inside."""
    use = node.use
    if use is None:
        return
    _open(session, node, use)
    left, right = st.columns([2, 3], gap="small")
    with left:
        _repeat(session, node, use)
    with right:
        _which(session, node, use)
    block = session.document.blocks.get(use.block)
    if block is not None:
        _inside(session, node, use, block)


def buttons(session: Session, node: Node) -> None:
    """The buttons that unpack the node, and that give this use a copy of the block."""
    use = node.use
    if use is None or use.block not in session.document.blocks:
        return
    count = len(block_path.uses(session.document, use.block))
    if count > 1:
        st.html(f'<div class="nl-note">An edit in it changes all {count} uses of <b>{escape(use.block)}</b>.</div>')
    left, right = st.columns(2, gap="small")
    left.button(
        "Unpack",
        icon=":material/unarchive:",
        key="unpack",
        width="stretch",
        help="Replace this node by the nodes inside",
        on_click=block_actions.unpack,
        args=(session, node.name),
    )
    right.button(
        "Copy block",
        icon=":material/call_split:",
        key="make_own",
        width="stretch",
        disabled=count < 2,
        help="Copy the block for this use, so that it can differ from the others" if count > 1 else "The only use",
        on_click=block_actions.make_own,
        args=(session, node.name),
    )


def _open(session: Session, node: Node, use: Use) -> None:
    st.button(
        "Open",
        icon=":material/open_in_full:",
        key="open_block",
        width="stretch",
        type="primary",
        disabled=use.block not in session.document.blocks,
        help="Or double-click it on the canvas; Esc goes back",
        on_click=block_actions.open_block,
        args=(session, node.name, _shown_repeat(node)),
    )


def _repeat(session: Session, node: Node, use: Use) -> None:
    key = key_for(session, f"repeat.{node.name}", use.repeat)

    def changed() -> None:
        wanted = widget(key)
        if isinstance(wanted, int) and wanted != use.repeat:
            params = {name: value for name, value in node.params.items() if name != "repeat"}
            more = {"repeat": wanted} if wanted > 1 else {}
            session.edit(SetParams(node.name, {**params, **more}), f"Repeat {node.name} {wanted} times")

    st.number_input(
        "repeat",
        1,
        10_000,
        use.repeat,
        key=key,
        on_change=changed,
        help="How many times the block is applied in a row, each time with its own weights.",
    )


def _which(session: Session, node: Node, use: Use) -> None:
    here = block_path.block_at(session.document, session.path)
    names = [name for name in session.document.blocks if here not in block_path.nested_blocks(session.document, name)]
    key = key_for(session, f"block.{node.name}", use.block)

    def changed() -> None:
        if widget(key) not in (None, use.block):
            block_actions.set_block(session, node.name, str(widget(key)))

    st.selectbox(
        "block",
        names,
        names.index(use.block) if use.block in names else None,
        key=key,
        on_change=changed,
        help="The block of this document that this node stands for.",
    )


def _shown_repeat(node: Node) -> int:
    """The repeat whose nodes are listed."""
    chosen = widget(f"inside_of.{node.name}")
    return chosen if isinstance(chosen, int) and node.use and chosen < node.use.repeat else 0


def _inside(session: Session, node: Node, use: Use, block: Block) -> None:
    """The nodes inside with their shapes and parameters in this use; of each repeat, if they differ."""
    prefix = f"{session.path.prefix}{node.name}."
    outputs, sums = session.document_facts.outputs, session.document_facts.sums
    nodes = [item for item in block.nodes if item.role not in ("input", "output")]

    def rows(repeat: int) -> list[tuple[str, str, str, str]]:
        found = []
        for item in nodes:
            full = f"{prefix}{repeat}.{item.name}"
            output = outputs.get(full)
            kind = item.type if item.use is None else f"{item.use.block} × {item.use.repeat}".removesuffix(" × 1")
            shape = show_shape(output.signal.shape) if output else ""
            found.append((item.name, kind, shape, human(sums[full].parameters) if full in sums else ""))
        return found

    first, last = rows(0), rows(use.repeat - 1)
    chosen = 0
    if use.repeat > 1 and first != last:
        chosen = (
            st.selectbox(
                "inside of",
                range(use.repeat),
                key=f"inside_of.{node.name}",
                format_func=lambda number: f"repeat {number + 1} of {use.repeat}",
            )
            or 0
        )
    st.html(_table(first if chosen == 0 else rows(chosen), nodes))


def _table(rows: list[tuple[str, str, str, str]], nodes: list[Node]) -> str:
    lines = []
    for (name, kind, shape, parameters), node in zip(rows[:LISTED], nodes, strict=False):
        layer = builder.CATALOGUE.get(node.type)
        colour = theme.family_colour(layer.family if layer else "data")
        lines.append(
            f'<div style="--tag:{colour}"><b>{escape(name)}</b><i>{escape(kind)}</i>'
            f"<span>{shape}</span><span>{parameters}</span></div>"
        )
    more = f'<div class="nl-more">and {len(rows) - LISTED} more</div>' if len(rows) > LISTED else ""
    return f'<div class="nl-inside">{"".join(lines)}{more}</div>'


# ---- the open block ------------------------------------------------------------------------------------------------


def inside(session: Session) -> None:
    """The open block, with nothing in it selected: its name, ports, uses, and the costs of this use."""
    level = list(block_path.levels(session.document, session.path))[-1]
    name = level.use.block
    block = session.document.blocks[name]
    heading(name, "block", theme.family_colour(builder.CATALOGUE[type_with_role("block")].family))
    used = block_path.uses(session.document, name)
    if len(used) > 1:
        st.html(f'<div class="nl-note">An edit changes all {len(used)} uses: {escape(_listed(used))}.</div>')
    elif level.use.repeat > 1:
        st.html(f'<div class="nl-note">An edit changes all {level.use.repeat:,} repeats.</div>')
    _name(session, name)
    _description(session, name, block)
    _totals(session, block)


def _listed(names: list[str], most: int = 6) -> str:
    return ", ".join(names) if len(names) <= most else f"{', '.join(names[:most])} and {len(names) - most} more"


def _totals(session: Session, block: Block) -> None:
    cost = session.document_facts.sums.get(str(session.path))
    outputs = session.document_facts.outputs
    prefix = session.path.prefix

    def shape(name: str) -> str:
        return show_shape(outputs[prefix + name].signal.shape) if prefix + name in outputs else "?"

    rows = [(f"port {port}", shape(port)) for port in block.ports]
    rows += [("output", shape(result)) for result in block.results]
    rows += [
        ("parameters", f"{cost.parameters:,}" if cost else "?"),
        ("FLOPs per sample", human(cost.flops) if cost else "?"),
        ("nodes", f"{len(block.nodes):,}"),
    ]
    cells = "".join(f"<div><span>{escape(label)}</span><b>{value}</b></div>" for label, value in rows)
    steps = session.path.steps
    st.html(
        f'<div class="nl-heading"><span class="nl-title">This use: {escape(steps[-1][0])}</span></div>'
        f'<div class="nl-table">{cells}</div>'
    )


def _name(session: Session, name: str) -> None:
    key = f"block_name.{name}"
    draft = session.drafts.get(key)
    showing = draft[0] if draft else name
    widget_key = key_for(session, key, showing)

    def renamed() -> None:
        typed = str(widget(widget_key)).strip()
        if typed == showing or name not in session.document.blocks:
            return
        refused = block_actions.rename(session, name, typed)
        if refused:
            session.drafts[key] = (typed, refused)

    st.text_input(
        "block name",
        showing,
        key=widget_key,
        on_change=renamed,
        max_chars=64,
        help="Its class in generated code has this name.",
    )
    if draft:
        st.markdown(f":red[{markdown(draft[1])}]")


def _description(session: Session, name: str, block: Block) -> None:
    widget_key = key_for(session, f"block_description.{name}", block.description)

    def changed() -> None:
        typed = str(widget(widget_key)).strip()
        if typed != block.description and name in session.document.blocks:
            session.apply(InBlock(name, SetText("description", typed)), f"Describe the block {name}")

    st.text_area(
        "description",
        block.description,
        key=widget_key,
        on_change=changed,
        max_chars=10_000,
        height=76,
        help="Shown in the inspector and in the generated code.",
    )
